#include "sip/sipuri.h"

#include <arpa/inet.h>

#include "sip/lex.h"

static int
refuse(struct fault *f, struct slice whole, const char *at, const char *why)
{
	*f = (struct fault){ .off = (size_t)(at - whole.p), .why = why, .status = 400 };
	return -1;
}

/* Three colons in a row are what RFC 3261's own grammar writes for two: RFC 5118, section 4.10, asks to take them. */
static bool
is_ipv6(struct slice s)
{
	char text[INET6_ADDRSTRLEN + 1];
	struct in6_addr a;
	size_t n = 0;
	bool third = false;

	for (size_t i = 0; i < s.n; i++) {
		if (!third && n > 1 && s.p[i] == ':' && text[n - 1] == ':' && text[n - 2] == ':') {
			third = true;
			continue;
		}
		if (n == sizeof(text) - 1)
			return false;
		text[n++] = s.p[i];
	}
	text[n] = '\0';
	return strlen(text) == n && inet_pton(AF_INET6, text, &a) == 1;
}

static size_t
ipv6_reference(struct slice s)
{
	const char *end = memchr(s.p, ']', s.n);
	struct slice inside;

	if (end == NULL)
		return 0;
	inside = (struct slice){ s.p + 1, (size_t)(end - s.p) - 1 };
	return is_ipv6(inside) ? inside.n + 2 : 0;
}

static size_t
host_name(struct slice s)
{
	size_t n = 0;

	/* no label is empty, or begins with a hyphen */
	while (n < s.n && sip_is(s.p[n], CHAR_HOST) && ((s.p[n] != '-' && s.p[n] != '.') || (n > 0 && s.p[n - 1] != '.')))
		n++;
	return n;
}

int
sip_take_hostport(struct slice *s, struct slice *host, int *port, const char **why)
{
	struct slice rest = *s;
	uint64_t number;
	size_t n;

	n = rest.n > 0 && *rest.p == '[' ? ipv6_reference(rest) : host_name(rest);
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
	for (n = 0; n < rest.n && sip_is(rest.p[n], CHAR_DIGIT);)
		n++;
	if (slice_u64((struct slice){ rest.p, n }, 65535, &number) == -1) {
		*why = "bad port";
		return -1;
	}
	*port = (int)number;
	*s = (struct slice){ rest.p + n, rest.n - n };
	return 0;
}

/* Pairs with something between them: each has a name, and a value if it has a `=`, or must have one. */
static bool
pairs_ok(struct slice s, char between, int class, bool params)
{
	struct slice one, name, value;
	bool more, has;

	do {
		more = slice_cut(s, between, &one, &s);
		has = slice_cut(one, '=', &name, &value);
		if (name.n == 0 || (params ? has && value.n == 0 : !has) || !sip_all(name, class) || !sip_all(value, class))
			return false;
	} while (more);
	return true;
}

/* From the first `;` on. */
static bool
params_ok(struct slice s)
{
	return s.n == 0 || (*s.p == ';' && pairs_ok((struct slice){ s.p + 1, s.n - 1 }, ';', CHAR_PARAM, true));
}

static enum sip_scheme
scheme_of(struct slice s)
{
	return slice_caseeq(s, SLICE("sip")) ? SIP_SCHEME_SIP
	    : slice_caseeq(s, SLICE("sips")) ? SIP_SCHEME_SIPS
	    : slice_caseeq(s, SLICE("tel"))  ? SIP_SCHEME_TEL
	                                     : SIP_SCHEME_OTHER;
}

/* A global number is `+` and digits; a local one may have all keys of a telephone (RFC 3966, section 3). */
static bool
is_number(struct slice s)
{
	bool global = s.n > 0 && *s.p == '+';
	size_t digits = 0;

	for (size_t i = global; i < s.n; i++) {
		if (!sip_is(s.p[i], CHAR_PHONE) || s.p[i] == '+' || (global && strchr("0123456789-.()", s.p[i]) == NULL))
			return false;
		digits += strchr("-.()", s.p[i]) == NULL;
	}
	return digits > 0;
}

static int
parse_tel(struct sipuri *u, struct slice rest, struct slice whole, struct fault *f)
{
	struct slice params;
	bool has = slice_cut(rest, ';', &u->user, &params);

	if (has)
		u->params = (struct slice){ params.p - 1, params.n + 1 };
	if (!is_number(u->user))
		return refuse(f, whole, rest.p, "bad telephone number");
	if (has && !params_ok(u->params))
		return refuse(f, whole, u->params.p, "bad parameter in URI");
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
	if (!sip_all(u->user, CHAR_USER) || !sip_all(u->password, CHAR_PASSWORD))
		return refuse(f, whole, rest->p, "bad user in URI");
	*rest = hostpart;
	return 0;
}

/* In Via there may be white space around the colon of a port, in a URI nowhere. */
static const char *
blank_in(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\r' || s.p[i] == '\n')
			return s.p + i;
	return NULL;
}

static int
parse(struct sipuri *u, struct slice text, struct fault *f)
{
	struct slice rest, scheme;
	const char *why, *blank;
	bool headers;

	if (!slice_cut(text, ':', &scheme, &rest) || scheme.n == 0 || !sip_is(*scheme.p, CHAR_ALPHA) || !sip_all(scheme, CHAR_SCHEME))
		return refuse(f, text, text.p, "URI without a scheme");
	u->scheme_text = scheme;
	u->scheme = scheme_of(scheme);
	if (u->scheme == SIP_SCHEME_TEL)
		return parse_tel(u, rest, text, f);
	if (u->scheme == SIP_SCHEME_OTHER) {
		u->host = rest;
		if (rest.n == 0 || !sip_all(rest, CHAR_URIC))
			return refuse(f, text, rest.p, "bad character in URI");
		return 0;
	}
	if (parse_userinfo(u, &rest, text, f) == -1)
		return -1;
	if ((blank = blank_in(rest)) != NULL)
		return refuse(f, text, blank, "white space in URI");
	if (sip_take_hostport(&rest, &u->host, &u->port, &why) == -1)
		return refuse(f, text, rest.p, why);
	headers = slice_cut(rest, '?', &u->params, &u->headers);
	if (u->params.n > 0 && *u->params.p != ';')
		return refuse(f, text, u->params.p, "bad character in URI");
	if (!params_ok(u->params))
		return refuse(f, text, u->params.p, "bad parameter in URI");
	if (headers && !pairs_ok(u->headers, '&', CHAR_HEADER, false))
		return refuse(f, text, u->headers.p, "bad header in URI");
	return 0;
}

int
sipuri_parse(struct sipuri *u, struct slice text, struct fault *f)
{
	struct sipuri got = { .port = -1 };

	if (parse(&got, text, f) == -1)
		return -1;
	*u = got;
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
