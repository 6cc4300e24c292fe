/*
 * rrbits.h: sets of numbers as rdata has them: types in windows of 256 (NSEC and its like, RFC 4034 4.1.2), and flat
 * runs of bits (NXT, WKS).
 */
#ifndef DNS_RRBITS_H
#define DNS_RRBITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Whether these are windows in their order, none empty and none longer than it has to be, so that a set has one form.
 */
bool rrbits_check(const uint8_t *, size_t n);

/* Appends the mnemonics of the types in checked windows, with spaces between. */
void rrbits_put_windows(struct buf *, const uint8_t *, size_t n);

/* Appends the numbers, or the mnemonics of the types, in a flat set of at most 8192 bytes. */
void rrbits_put_flat(struct buf *, const uint8_t *, size_t n, bool types);

/* A set being built; zeroed is empty. */
struct rrbits {
	uint8_t bits[8192];
};

void rrbits_add(struct rrbits *, uint16_t number);

/* Appends it to rdata. */
void rrbits_write_windows(const struct rrbits *, struct buf *wire);
void rrbits_write_flat(const struct rrbits *, struct buf *wire);

#endif
