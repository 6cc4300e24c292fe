/*
 * Up to 19 digits are gathered in a uint64_t and scaled once, in long double: exact for what doubles hold exactly, at
 * most the last bit off otherwise.
 */
#include "stat/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* More digits than this could overflow the mantissa. */
enum { DIGITS = 19 };

struct decimal {
	uint64_t mantissa;
	int64_t exponent; /* of ten */
	int kept;         /* significant digits in the mantissa */
	bool any;         /* a digit was there */
};

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits from s; `scale` is what each moves the exponent by: 0 before the point, -1 after it. */
static size_t
digits(struct decimal *d, struct slice s, int scale)
{
	size_t i;

	for (i = 0; i < s.n && is_digit(s.p[i]); i++) {
		d->any = true;
		if (d->kept == DIGITS) {
			d->exponent += 1 + scale;
			continue;
		}
		d->mantissa = d->mantissa * 10 + (uint64_t)(s.p[i] - '0');
		d->exponent += scale;
		d->kept += d->mantissa > 0;
	}
	return i;
}

/* What follows the `e`. */
static int
exponent(struct slice s, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t e;

	if (s.n > 0 && (s.p[0] == '+' || s.p[0] == '-'))
		s = slice_make(s.p + 1, s.n - 1);
	if (slice_u64(s, 100000, &e) != 0)
		return -1;
	*out = negative ? -(int64_t)e : (int64_t)e;
	return 0;
}

static long double
power_of_ten(uint64_t n)
{
	long double p = 1, square = 10;

	for (; n > 0; n >>= 1, square *= square)
		if (n & 1)
			p *= square;
	return p;
}

static long double
value_of(const struct decimal *d)
{
	/* out of reach whatever the digits, and square must not become infinite where it is still used */
	if (d->mantissa == 0 || d->exponent < -400)
		return 0;
	if (d->exponent > 400)
		return HUGE_VALL;
	if (d->exponent < 0)
		return (long double)d->mantissa / power_of_ten((uint64_t)-d->exponent);
	return (long double)d->mantissa * power_of_ten((uint64_t)d->exponent);
}

/* What most values are: some digits, exact in a double. */
static bool
parse_digits(struct slice s, double *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 15)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*out = (double)v;
	return true;
}

static int
parse_any(struct slice s, double *out)
{
	struct decimal d = { .mantissa = 0 };
	bool negative = s.n > 0 && s.p[0] == '-';
	size_t at = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-');
	int64_t e = 0;
	long double v;

	at += digits(&d, slice_make(s.p + at, s.n - at), 0);
	if (at < s.n && s.p[at] == '.') {
		at++;
		at += digits(&d, slice_make(s.p + at, s.n - at), -1);
	}
	if (!d.any)
		return -1;
	if (at < s.n) {
		if ((s.p[at] != 'e' && s.p[at] != 'E') || exponent(slice_make(s.p + at + 1, s.n - at - 1), &e) != 0)
			return -1;
		d.exponent += e;
	}
	v = value_of(&d);
	if (v > (long double)NUMBER_MAX * (1 + 1e-12L))
		return -1;
	if (v > (long double)NUMBER_MAX) /* only rounded so */
		v = (long double)NUMBER_MAX;
	*out = (double)(negative ? -v : v);
	return 0;
}

int
number_parse(struct slice s, double *out)
{
	return parse_digits(s, out) ? 0 : parse_any(s, out);
}

/* Turns whatever the locale writes for the point into one, and drops the zeros at the end of the decimals. */
static size_t
tidy(char *s, bool trim)
{
	size_t n = 0;
	bool point = false;

	for (const char *p = s; *p != '\0'; p++) {
		if (is_digit(*p) || *p == '-' || *p == '+' || *p == 'e')
			s[n++] = *p;
		else if (!point)
			s[n++] = '.', point = true;
	}
	while (trim && point && n > 0 && s[n - 1] == '0')
		n--;
	if (n > 0 && s[n - 1] == '.')
		n--;
	s[n] = '\0';
	return n;
}

/* Most numbers are whole, and printf takes ten times as long. */
static size_t
format_whole(int64_t v, char *s)
{
	char digits[20];
	size_t at = sizeof(digits), n = 0;
	uint64_t rest = (uint64_t)(v < 0 ? -v : v);

	do
		digits[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (v < 0)
		s[n++] = '-';
	memcpy(s + n, digits + at, sizeof(digits) - at);
	n += sizeof(digits) - at;
	s[n] = '\0';
	return n;
}

size_t
number_format(double v, char *s, size_t size)
{
	double size_of_v = fabs(v);

	if (size_of_v < 1e15 && v == floor(v))
		return format_whole((int64_t)v, s);
	snprintf(s, size, size_of_v >= 1e15 ? "%.15g" : size_of_v >= 1000 ? "%.3f" : "%.6g", v);
	return tidy(s, size_of_v >= 1000 && size_of_v < 1e15);
}
