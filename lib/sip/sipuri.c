#include "sip/sipuri.h"

#include "sip/lex.h"

static int
refuse(struct fault *f, struct slice whole, const char *at, const char *why)
{
	*f = (struct fault){ .off = (size_t)(at - whole.p), .why = why, .status = 400 };
	return -1;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* Each % stands before two hexadecimal digits. */
static bool
escapes_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%')
			continue;
		for (size_t k = 1; k <= 2; k++)
			if (i + k >= s.n || strchr("0123456789abcdefABCDEF", s.p[i + k]) == NULL || s.p[i + k] == '\0')
				return false;
	}
	return true;
}

static bool
only(struct slice s, const char *others)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(others, s.p[i]) == NULL))
			return false;
	return true;
}

static size_t
ipv6_reference(struct slice s)
{
	const char *end = memchr(s.p, ']', s.n);
	struct slice inside;

	if (end == NULL)
		return 0;
	inside = (struct slice){ s.p + 1, (size_t)(end - s.p) - 1 };
	for (size_t i = 0; i < inside.n; i++)
		if (inside.p[i] == '\0' || strchr("0123456789abcdefABCDEF:.", inside.p[i]) == NULL)
			return 0;
	return inside.n > 1 ? inside.n + 2 : 0;
}

int
sip_take_hostport(struct slice *s, struct slice *host, int *port, const char **why)
{
	struct slice rest = *s;
	size_t n = 0;
	uint64_t number;

	if (rest.n > 0 && *rest.p == '[')
		n = ipv6_reference(rest);
	else
		while (n < rest.n && (is_alnum(rest.p[n]) || rest.p[n] == '-' || rest.p[n] == '.' || rest.p[n] == '_'))
			n++;
	if (n == 0) {
		*why = "bad host";
		return -1;
	}
	*host = (struct slice){ rest.p, n };
	*port = -1;
	rest.p += n, rest.n -= n;
	*s = rest;
	if (!sip_take_sep(&rest, ':'))
		return 0;
	for (n = 0; n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9';)
		n++;
	if (slice_u64((struct slice){ rest.p, n }, 65535, &number) == -1) {
		*why = "bad port";
		return -1;
	}
	*port = (int)number;
	*s = (struct slice){ rest.p + n, rest.n - n };
	return 0;
}

static enum sip_scheme
scheme_of(struct slice s)
{
	return slice_caseeq(s, SLICE("sip")) ? SIP_SCHEME_SIP
	    : slice_caseeq(s, SLICE("sips")) ? SIP_SCHEME_SIPS
	    : slice_caseeq(s, SLICE("tel"))  ? SIP_SCHEME_TEL
	                                     : SIP_SCHEME_OTHER;
}

/* Digits, hexadecimal ones in local numbers, and what makes them readable (RFC 3966 section 3). */
static bool
is_number(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr("0123456789abcdefABCDEF+-.()*#", s.p[i]) == NULL)
			return false;
	return true;
}

static int
parse_tel(struct sipuri *u, struct slice rest, struct slice whole, struct fault *f)
{
	struct slice params;
	bool has = slice_cut(rest, ';', &u->user, &params);

	if (has)
		u->params = (struct slice){ params.p - 1, params.n + 1 };
	if (u->user.n == 0 || !is_number(u->user))
		return refuse(f, whole, rest.p, "bad telephone number");
	return 0;
}

/* The `@` that ends userinfo: the first one; userinfo itself has none unescaped. */
static int
parse_userinfo(struct sipuri *u, struct slice *rest, struct slice whole, struct fault *f)
{
	struct slice info, hostpart;

	if (!slice_cut(*rest, '@', &info, &hostpart))
		return 0;
	(void)slice_cut(info, ':', &u->user, &u->password);
	if (u->user.n == 0)
		return refuse(f, whole, rest->p, "empty user in URI");
	if (!escapes_ok(info) || !only(u->user, "-_.!~*'()%&=+$,;?/") || !only(u->password, "-_.!~*'()%&=+$,"))
		return refuse(f, whole, rest->p, "bad user in URI");
	*rest = hostpart;
	return 0;
}

int
sipuri_parse(struct sipuri *u, struct slice text, struct fault *f)
{
	struct slice rest, scheme;
	const char *why;

	*u = (struct sipuri){ .port = -1 };
	if (!slice_cut(text, ':', &scheme, &rest) || scheme.n == 0 || !only(scheme, "+-."))
		return refuse(f, text, text.p, "URI without a scheme");
	u->scheme_text = scheme;
	u->scheme = scheme_of(scheme);
	if (u->scheme == SIP_SCHEME_TEL)
		return parse_tel(u, rest, text, f);
	if (u->scheme == SIP_SCHEME_OTHER) {
		u->host = rest;
		return 0;
	}
	if (parse_userinfo(u, &rest, text, f) == -1)
		return -1;
	if (sip_take_hostport(&rest, &u->host, &u->port, &why) == -1)
		return refuse(f, text, rest.p, why);
	(void)slice_cut(rest, '?', &u->params, &u->headers);
	if (u->params.n > 0 && *u->params.p != ';')
		return refuse(f, text, u->params.p, "bad character in URI");
	if (!escapes_ok(u->params) || !only(u->params, "-_.!~*'()%[]/:&+$;=") || !escapes_ok(u->headers))
		return refuse(f, text, u->params.p, "bad parameter in URI");
	return 0;
}

bool
sipuri_next_header(struct slice *headers, struct slice *name, struct slice *value)
{
	struct slice one;

	if (headers->n == 0)
		return false;
	(void)slice_cut(*headers, '&', &one, headers);
	(void)slice_cut(one, '=', name, value);
	return true;
}
