#include "dns/rrbits.h"

#include "dns/rrtype.h"

enum { WINDOW = 32 }; /* bytes of the longest */

bool
rrbits_check(const uint8_t *p, size_t n)
{
	int last = -1;
	size_t at = 0;

	while (at < n) {
		if (n - at < 2 || p[at] <= last || p[at + 1] == 0 || p[at + 1] > WINDOW || n - at - 2 < p[at + 1])
			return false;
		last = p[at];
		at += 2u + p[at + 1];
		if (p[at - 1] == 0)
			return false;
	}
	return true;
}

static void
put_type(struct buf *b, uint16_t type)
{
	char *to = buf_reserve(b, RRTYPE_TEXTLEN);

	if (to != NULL)
		buf_added(b, (size_t)(rrtype_text(to, type) - to));
}

/* The members of a run of bits whose first is `base`. */
static void
put_run(struct buf *b, const uint8_t *p, size_t n, unsigned base, bool types, bool *first)
{
	for (size_t i = 0; i < 8 * n; i++) {
		if (!(p[i / 8] & 0x80 >> i % 8))
			continue;
		if (!*first)
			buf_putc(b, ' ');
		*first = false;
		if (types)
			put_type(b, (uint16_t)(base + i));
		else
			buf_putu(b, base + i);
	}
}

void
rrbits_put_windows(struct buf *b, const uint8_t *p, size_t n)
{
	bool first = true;

	for (size_t at = 0; at < n; at += 2u + p[at + 1])
		put_run(b, p + at + 2, p[at + 1], p[at] * 256u, true, &first);
}

void
rrbits_put_flat(struct buf *b, const uint8_t *p, size_t n, bool types)
{
	bool first = true;

	put_run(b, p, n, 0, types, &first);
}

void
rrbits_add(struct rrbits *s, uint16_t number)
{
	s->bits[number / 8] |= (uint8_t)(0x80 >> number % 8);
}

/* How many of the bytes there are up to the last that is not 0. */
static size_t
used(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n;
}

void
rrbits_write_windows(const struct rrbits *s, struct buf *wire)
{
	for (size_t i = 0; i < sizeof(s->bits) / WINDOW; i++) {
		const uint8_t *p = s->bits + i * WINDOW;
		size_t n = used(p, WINDOW);

		if (n == 0)
			continue;
		buf_putc(wire, (char)(uint8_t)i);
		buf_putc(wire, (char)(uint8_t)n);
		buf_put(wire, p, n);
	}
}

void
rrbits_write_flat(const struct rrbits *s, struct buf *wire)
{
	buf_put(wire, s->bits, used(s->bits, sizeof(s->bits)));
}
