#include "dns/rrcode.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base32[] = "0123456789abcdefghijklmnopqrstuv";

void
rrcode_put_hex(struct buf *b, const uint8_t *p, size_t n, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char *to = buf_reserve(b, 2 * n);

	if (to == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		*to++ = digits[p[i] >> 4];
		*to++ = digits[p[i] & 15];
	}
	buf_added(b, 2 * n);
}

/* `width` bits a character; the last one is filled up with zeros. Returns how many characters. */
static size_t
put_bits(struct buf *b, const uint8_t *p, size_t n, unsigned width, const char *alphabet)
{
	size_t want = (8 * n + width - 1) / width;
	char *to = buf_reserve(b, want);
	uint32_t bits = 0;
	unsigned nbits = 0;

	if (to == NULL)
		return 0;
	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (nbits += 8; nbits >= width; nbits -= width)
			*to++ = alphabet[bits >> (nbits - width) & ((1u << width) - 1)];
	}
	if (nbits > 0)
		*to = alphabet[bits << (width - nbits) & ((1u << width) - 1)];
	buf_added(b, want);
	return want;
}

void
rrcode_put_base64(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = put_bits(b, p, n, 6, base64); i % 4 > 0; i++)
		buf_putc(b, '=');
}

void
rrcode_put_base32(struct buf *b, const uint8_t *p, size_t n)
{
	(void)put_bits(b, p, n, 5, base32);
}

/* --- from text --- */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int
base32_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

static int
take(struct rrcode *r, struct slice s, struct buf *to, unsigned width, int (*value)(char))
{
	for (size_t i = 0; i < s.n; i++) {
		int v = value(s.p[i]);

		if (v < 0)
			return -1;
		r->chars++;
		r->bits = r->bits << width | (unsigned)v;
		r->nbits += width;
		if (r->nbits < 8)
			continue;
		r->nbits -= 8;
		buf_putc(to, (char)(uint8_t)(r->bits >> r->nbits));
		r->bits &= (1u << r->nbits) - 1;
	}
	return 0;
}

int
rrcode_take_hex(struct rrcode *r, struct slice s, struct buf *to)
{
	return take(r, s, to, 4, hex_value);
}

int
rrcode_take_base32(struct rrcode *r, struct slice s, struct buf *to)
{
	return take(r, s, to, 5, base32_value);
}

int
rrcode_take_base64(struct rrcode *r, struct slice s, struct buf *to)
{
	size_t n = s.n;

	while (n > 0 && s.p[n - 1] == '=')
		n--;
	/* nothing but padding comes behind padding */
	if (n > 0 && r->padding > 0)
		return -1;
	r->padding += s.n - n <= 2 ? (unsigned)(s.n - n) : 3;
	return r->padding <= 2 ? take(r, (struct slice){ s.p, n }, to, 6, base64_value) : -1;
}

int
rrcode_end_hex(const struct rrcode *r)
{
	return r->nbits == 0 ? 0 : -1;
}

int
rrcode_end_base64(const struct rrcode *r)
{
	return r->chars % 4 != 1 && (r->chars + r->padding) % 4 == 0 && r->bits == 0 ? 0 : -1;
}

int
rrcode_end_base32(const struct rrcode *r)
{
	return r->nbits < 5 && r->bits == 0 ? 0 : -1;
}
