/*
 * rrcode.h: bytes as hexadecimal digits, base 64 and base 32 with the extended hex alphabet (RFC 4648 8, 4, 7), as
 * rdata has them in text.
 */
#ifndef DNS_RRCODE_H
#define DNS_RRCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Append. Upper or lower case digits; base 32 without padding, in lower case as kdig(1) has it. */
void rrcode_put_hex(struct buf *, const uint8_t *, size_t n, bool upper);
void rrcode_put_base64(struct buf *, const uint8_t *, size_t n);
void rrcode_put_base32(struct buf *, const uint8_t *, size_t n);

/*
 * Text in pieces, as words of a zone file are: zero the struct, take each word, then end. 0, or -1 when it is not what
 * it should be. Bits behind the last whole byte have to be 0.
 */
struct rrcode {
	uint32_t bits;   /* read, but not yet a byte */
	unsigned nbits;
	unsigned padding; /* of base 64: how many = */
	size_t chars;
};

int rrcode_take_hex(struct rrcode *, struct slice, struct buf *to);
int rrcode_take_base64(struct rrcode *, struct slice, struct buf *to);
int rrcode_take_base32(struct rrcode *, struct slice, struct buf *to);
int rrcode_end_hex(const struct rrcode *);
int rrcode_end_base64(const struct rrcode *);
int rrcode_end_base32(const struct rrcode *);

#endif
