/*
 * rr.h: rdata, driven by the rows of rrtype.h: checked, and walked field by field. To text: rrprint.h; from text:
 * rrparse.h.
 */
#ifndef DNS_RR_H
#define DNS_RR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/rrtype.h"

/* Where a field of some rdata is: n bytes at msg[off]. */
struct rrvalue {
	const struct rrfield *field;
	size_t off, n;
	size_t start; /* of the rdata: what some fields are depends on others */
};

/*
 * Whether the n bytes at msg[off] are rdata of this type, to their last byte. The door: what follows is for checked
 * rdata only.
 */
bool rr_check(const struct rrtype *, const uint8_t *msg, size_t off, size_t n);

/* The same for rdata that is in no message: names are whole, there is nothing that a pointer could point at. */
bool rr_check_whole(const struct rrtype *, const uint8_t *, size_t n);

/* The first field of the rdata at msg[off..end); rr_next then gives those that follow. False: there are no more. */
bool rr_first(const struct rrtype *, const uint8_t *msg, size_t off, size_t end, struct rrvalue *);
bool rr_next(const uint8_t *msg, size_t end, struct rrvalue *);

/*
 * The row by whose fields this rdata can be told as text: its own, or that of unknown types, when it holds what its
 * type's presentation form has no words for.
 */
const struct rrtype *rr_form(const struct rrtype *, const uint8_t *msg, size_t off, size_t n);

/* What a field of kind RR_GATEWAY or RR_RELAY is: RR_END (nothing), RR_A, RR_AAAA, RR_NAME_WHOLE; RR_REST: unknown. */
enum rrkind rr_gateway(const struct rrfield *, const uint8_t *rdata);

#endif
