/* rrword.h: fields of rdata that are one word of text. */
#ifndef DNS_RRWORD_H
#define DNS_RRWORD_H

#include <stddef.h>

#include "base/buf.h"
#include "dns/rrlex.h"
#include "dns/rrtype.h"

/* What is being read: rdata that begins at wire->p[start], and has all the fields before this one. */
struct rrin {
	struct rrlex lex;
	struct buf *wire;
	size_t start;
	const char **why;
};

/* Appends the field; of a kind that is a list, one of the list. 0, or -1 with *why. */
int rrword_parse(struct rrin *, const struct rrfield *, struct slice word);

#endif
