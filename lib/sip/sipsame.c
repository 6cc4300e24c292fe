#include "sip/sipsame.h"

#include "sip/lex.h"

/* --- texts with escapes --- */

static int
hex(char c)
{
	c = ascii_lower(c);
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The next character, %HH being the one that it stands for; the slice is not empty. */
static unsigned char
take(struct slice *s)
{
	unsigned char c = (unsigned char)*s->p;
	size_t n = 1;

	if (c == '%' && s->n > 2 && sip_is(s->p[1], CHAR_HEX) && sip_is(s->p[2], CHAR_HEX)) {
		c = (unsigned char)(hex(s->p[1]) << 4 | hex(s->p[2]));
		n = 3;
	}
	s->p += n;
	s->n -= n;
	return c;
}

/*
 * An escaped character is the same as the one itself unless that is reserved (RFC 2396 section 2.2): then it means
 * something else where it stands by itself.
 */
static bool
same_text(struct slice a, struct slice b, bool any_case)
{
	while (a.n > 0 && b.n > 0) {
		bool escaped_a = *a.p == '%', escaped_b = *b.p == '%';
		unsigned char x = take(&a), y = take(&b);

		if (x != y && (!any_case || ascii_lower((char)x) != ascii_lower((char)y)))
			return false;
		if (escaped_a != escaped_b && strchr(";/?:@&=+$,", x) != NULL)
			return false;
	}
	return a.n == 0 && b.n == 0;
}

/* --- parameters and headers --- */

/* Takes `;name[=value]`. */
static bool
next_param(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice one;
	const char *end;

	if (rest->n == 0)
		return false;
	one = (struct slice){ rest->p + 1, rest->n - 1 };
	if ((end = memchr(one.p, ';', one.n)) != NULL)
		one.n = (size_t)(end - one.p);
	rest->p += one.n + 1, rest->n -= one.n + 1;
	(void)slice_cut(one, '=', name, value);
	return true;
}

static bool
find_param(struct slice params, struct slice want, struct slice *value)
{
	struct slice name;

	while (next_param(&params, &name, value))
		if (same_text(name, want, true))
			return true;
	return false;
}

/* Those that may not be in one URI alone. */
static bool
must_match(struct slice name, bool tel)
{
	static const char *const names[] = { "user", "ttl", "method", "maddr", "transport" };

	if (tel)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (same_text(name, slice_of(names[i]), true))
			return true;
	return false;
}

static bool same_number(struct slice a, struct slice b);

/* Every parameter of a that b has, too, is the same there, and b lacks none that counts. */
static bool
params_agree(struct slice a, struct slice b, bool tel)
{
	struct slice name, value, other;

	while (next_param(&a, &name, &value)) {
		if (!find_param(b, name, &other)) {
			if (must_match(name, tel))
				return false;
		} else if (tel && (slice_caseeq(name, SLICE("ext")) || slice_caseeq(name, SLICE("phone-context"))) && value.n > 0 && other.n > 0) {
			if (!same_text(value, other, true) && !same_number(value, other))
				return false;
		} else if (!same_text(value, other, true))
			return false;
	}
	return true;
}

static bool
has_header(struct slice headers, struct slice want, struct slice wanted)
{
	struct slice name, value;

	while (sipuri_next_header(&headers, &name, &value))
		if (same_text(name, want, true) && same_text(value, wanted, false))
			return true;
	return false;
}

static bool
headers_in(struct slice a, struct slice b)
{
	struct slice name, value;

	while (sipuri_next_header(&a, &name, &value))
		if (!has_header(b, name, value))
			return false;
	return true;
}

/* --- the whole --- */

static void
skip_separators(struct slice *s)
{
	while (s->n > 0 && strchr("-.()", *s->p) != NULL)
		s->p++, s->n--;
}

/* Digits, without what makes them readable. */
static bool
same_number(struct slice a, struct slice b)
{
	for (;;) {
		skip_separators(&a);
		skip_separators(&b);
		if (a.n == 0 || b.n == 0)
			return a.n == b.n;
		if (ascii_lower(*a.p) != ascii_lower(*b.p))
			return false;
		a.p++, a.n--, b.p++, b.n--;
	}
}

bool
sipuri_same(const struct sipuri *a, const struct sipuri *b)
{
	bool tel = a->scheme == SIP_SCHEME_TEL;

	if (!slice_caseeq(a->scheme_text, b->scheme_text))
		return false;
	if (a->scheme == SIP_SCHEME_OTHER)
		return slice_eq(a->host, b->host);
	if (!params_agree(a->params, b->params, tel) || !params_agree(b->params, a->params, tel))
		return false;
	if (tel)
		return same_number(a->user, b->user);
	/* what is left out is not the default: sip:h and sip:h:5060 differ */
	return same_text(a->user, b->user, false) && same_text(a->password, b->password, false) && slice_caseeq(a->host, b->host) &&
	    a->port == b->port && headers_in(a->headers, b->headers) && headers_in(b->headers, a->headers);
}
