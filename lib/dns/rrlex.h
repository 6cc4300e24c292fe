/*
 * rrlex.h: rdata in text as words (RFC 1035 5.1): separated by blanks, in quotes or not, with parentheses around line
 * breaks, and comments.
 */
#ifndef DNS_RRLEX_H
#define DNS_RRLEX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/slice.h"

struct rrlex {
	struct slice rest; /* what has not been read */
	unsigned depth;    /* of parentheses */
	bool pairs;        /* a quote behind a = belongs to the word, up to the closing one: SvcParams */
};

/*
 * Cuts the next word off; its quotes are gone, its escapes still there. 1; 0: there is none, and all that was opened
 * was closed; -1 with *why.
 */
int rrlex_next(struct rrlex *, struct slice *word, const char **why);

/*
 * Undoes the escapes of a word, \X and \DDD; `to` has word.n bytes. Returns how many bytes it became, -1 for a bad
 * escape.
 */
ssize_t rrlex_unescape(struct slice word, char *to);

/* Whether the bytes are letters and digits, and some of them (RFC 8659 4.1). */
bool rrlex_is_tag(const void *, size_t n);

/* Writes, or appends, bytes as they stand between quotes: at most four for each. Returns where they end. */
char *rrlex_escape(char *to, const uint8_t *, size_t n);
void rrlex_put_escaped(struct buf *, const uint8_t *, size_t n);

/* The failure of a parser: -1, and *why. */
static inline int
rrlex_bad(const char **why, const char *text)
{
	*why = text;
	return -1;
}

#endif
