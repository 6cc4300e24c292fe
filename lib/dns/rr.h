/*
 * rr.h: rdata, driven by the rows of rrtype.h: checked, walked field by field, to text and from it.
 */
#ifndef DNS_RR_H
#define DNS_RR_H

#include <sys/types.h>

#include "base/buf.h"
#include "dns/rrtype.h"

/* Where a field of some rdata is: n bytes at msg[off]. */
struct rrvalue {
	const struct rrfield *field;
	size_t off, n;
};

/*
 * Whether the n bytes at msg[off] are rdata of this type, to their last byte. The door: what follows is for checked
 * rdata only.
 */
bool rr_check(const struct rrtype *, const uint8_t *msg, size_t off, size_t n);

/* The first field of the rdata at msg[off..end); rr_next then gives those that follow. False: there are no more. */
bool rr_first(const struct rrtype *, const uint8_t *msg, size_t off, size_t end, struct rrvalue *);
bool rr_next(const uint8_t *msg, size_t end, struct rrvalue *);

/* Appends a field, or all of them with spaces between, in zone-file presentation form as kdig(1) shows it. */
void rr_put_value(struct buf *, const uint8_t *msg, const struct rrvalue *);
void rr_put_text(struct buf *, const struct rrtype *, const uint8_t *msg, size_t off, size_t n);

/* An IPv4 (n 4) or IPv6 (16) address as text. */
void rr_put_address(struct buf *, const uint8_t *, size_t n);

/* "\# 4 C0000201" (RFC 3597 5). */
void rr_put_generic(struct buf *, const uint8_t *, size_t n);

/*
 * Appends the wire form of rdata from its text: fields separated by blanks, strings quoted or not, \X and \DDD read,
 * names fully qualified; the generic form is taken for every type. Names are not compressed. 0, or -1 with *why a
 * static text, and `wire` as it was (out of memory: wire->failed, and *why says so).
 */
int rr_parse(const struct rrtype *, struct slice text, struct buf *wire, const char **why);

/*
 * One field from a word of text, its quotes gone but its escapes still in it; any kind but RR_OPTIONS and RR_REST. 0,
 * or -1 with *why.
 */
int rr_parse_value(enum rrkind, struct slice word, struct buf *wire, const char **why);

/* Undoes the escapes of a text; `to` has text.n bytes. Returns how many bytes it became, -1 for a bad escape. */
ssize_t rr_unescape(struct slice text, char *to);

#endif
