/* rrprint.h: checked rdata in zone-file presentation form, as kdig(1) shows it. */
#ifndef DNS_RRPRINT_H
#define DNS_RRPRINT_H

#include "base/buf.h"
#include "dns/rr.h"

/*
 * Appends a field (of rdata that has a text: rr_form), or all of them with spaces between; rdata that has no text of
 * its type's in the generic form.
 */
void rr_put_value(struct buf *, const uint8_t *msg, const struct rrvalue *);
void rr_put_text(struct buf *, const struct rrtype *, const uint8_t *msg, size_t off, size_t n);

/* An IPv4 (n 4) or IPv6 (16) address as text. */
void rr_put_address(struct buf *, const uint8_t *, size_t n);

/* "\# 4 C0000201" (RFC 3597 5). */
void rr_put_generic(struct buf *, const uint8_t *, size_t n);

#endif
