#include "base/slice.h"

bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
slice_caseeq(struct slice a, struct slice b)
{
	return a.n == b.n && slice_casecmp(a, b) == 0;
}

int
slice_casecmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)ascii_lower(a.p[i]), y = (unsigned char)ascii_lower(b.p[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s.p++, s.n--;
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
slice_cut(struct slice s, char c, struct slice *head, struct slice *tail)
{
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	if (at == NULL) {
		*head = s;
		*tail = (struct slice){ s.p + s.n, 0 };
		return false;
	}
	*head = (struct slice){ s.p, (size_t)(at - s.p) };
	*tail = (struct slice){ at + 1, s.n - (size_t)(at - s.p) - 1 };
	return true;
}

int
slice_u64(struct slice s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || v > (max - digit) / 10 || digit > max)
			return -1;
		v = v * 10 + digit;
	}
	*out = v;
	return 0;
}

int
slice_cstr(struct slice s, char *dst, size_t size)
{
	dst[0] = '\0';
	if (s.n >= size || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
		return -1;
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return 0;
}
