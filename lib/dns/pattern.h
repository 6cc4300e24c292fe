/*
 * pattern.h: POSIX extended regular expressions that are used again and again: a zone has few, and to compile one takes
 * longer than all else that is done for an answer. The last ones used stay compiled.
 */
#ifndef DNS_PATTERN_H
#define DNS_PATTERN_H

#include <regex.h>
#include <stdbool.h>

enum { PATTERN_MAX = 256, PATTERNS = 16 };

/* Zeroed: ready for use. Fields are private. */
struct patterns {
	struct pattern *kept[PATTERNS]; /* the last used first */
	unsigned n;
};

/*
 * Matches `text` against a pattern of less than PATTERN_MAX bytes. 0 and the groups, of which there are n; 1: it does not
 * match; -1: the pattern is none, or there is no memory for it.
 */
int pattern_match(struct patterns *, const char *pattern, bool ignore_case, const char *text, regmatch_t *groups, size_t n);

void patterns_fini(struct patterns *);

#endif
