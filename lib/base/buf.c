#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

static bool
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap > 0 ? b->cap : 64;
	char *p;

	while (cap < need) {
		if (cap > SIZE_MAX / 2)
			return false;
		cap *= 2;
	}
	if ((p = realloc(b->p, cap)) == NULL)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

/*
 * Always a byte more than asked for: room for printf's NUL, which `max` does not count, and never NULL for a reserve
 * of nothing.
 */
char *
buf_reserve(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > SIZE_MAX - 1 - b->n || (b->max > 0 && b->n + n > b->max) ||
	    (b->n + n >= b->cap && !grow(b, b->n + n + 1))) {
		b->failed = true;
		return NULL;
	}
	return b->p + b->n;
}

void
buf_added(struct buf *b, size_t n)
{
	b->n += n;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	char *to;

	if (n == 0 || (to = buf_reserve(b, n)) == NULL)
		return;
	memcpy(to, p, n);
	b->n += n;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_putslice(struct buf *b, struct slice s)
{
	buf_put(b, s.p, s.n);
}

void
buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void
buf_putquoted(struct buf *b, struct slice s)
{
	buf_putc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, s.p[i]);
	}
	buf_putc(b, '"');
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (to = buf_reserve(b, (size_t)n)) == NULL) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void
buf_putu(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	buf_put(b, digits + at, sizeof(digits) - at);
}

void
buf_put16(struct buf *b, uint16_t v)
{
	unsigned char be[2] = { (unsigned char)(v >> 8), (unsigned char)v };

	buf_put(b, be, sizeof(be));
}

void
buf_put32(struct buf *b, uint32_t v)
{
	buf_put16(b, (uint16_t)(v >> 16));
	buf_put16(b, (uint16_t)v);
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void
buf_trim(struct buf *b, size_t keep)
{
	if (b->n > 0 || b->cap <= keep)
		return;
	free(b->p);
	b->p = NULL;
	b->cap = 0;
}
