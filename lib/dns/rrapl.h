/* rrapl.h: the address prefixes of APL (RFC 3123): `1:192.0.2.0/24 !2:2001:db8::/32`. */
#ifndef DNS_RRAPL_H
#define DNS_RRAPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Whether the n bytes are items, to the last byte. */
bool rrapl_check(const uint8_t *, size_t n);

/* Whether checked items are all of known families, and as short as they can be. */
bool rrapl_has_text(const uint8_t *, size_t n);

/* Appends those that have a text, with spaces between. */
void rrapl_put(struct buf *, const uint8_t *, size_t n);

/* Appends one item to rdata. 0, or -1 with *why. */
int rrapl_parse(struct slice item, struct buf *wire, const char **why);

#endif
