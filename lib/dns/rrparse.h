/* rrparse.h: rdata from its zone-file presentation form to the wire. */
#ifndef DNS_RRPARSE_H
#define DNS_RRPARSE_H

#include "base/buf.h"
#include "base/slice.h"
#include "dns/rrtype.h"

/*
 * Appends the wire form of rdata from its text: fields separated by blanks, strings quoted or not, \X and \DDD read,
 * names fully qualified; line breaks inside of parentheses, and comments. The generic form (RFC 3597 5) is taken for
 * every type. Names are not compressed. 0, or -1 with *why a static text, and `wire` as it was (out of memory:
 * wire->failed, and *why says so).
 */
int rr_parse(const struct rrtype *, struct slice text, struct buf *wire, const char **why);

/*
 * The same for one field of rdata that begins at wire->p[start] and has all the fields before this one. The text is the
 * field's alone: a name or a number may not have anything around it.
 */
int rr_parse_field(const struct rrfield *, struct slice text, struct buf *wire, size_t start, const char **why);

#endif
