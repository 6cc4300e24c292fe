#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What the text of an address is made of; `port` has p NULL when there is none. */
struct parts {
	struct slice host, port;
	bool bracketed;
};

static const char *const transport_names[] = { "none", "udp", "tcp", "tls", "unix" };

static const size_t unix_head = offsetof(struct sockaddr_un, sun_path);

/* --- from text --- */

static int
fail(const char **why, const char *text)
{
	if (why != NULL)
		*why = text;
	errno = EINVAL;
	return -1;
}

/* Takes a known `name:` off the front of *text. */
static enum transport
take_prefix(struct slice *text)
{
	struct slice head, tail;

	if (!slice_cut(*text, ':', &head, &tail))
		return TRANSPORT_NONE;
	for (size_t i = TRANSPORT_UDP; i <= TRANSPORT_UNIX; i++)
		if (slice_caseeq(head, slice_of(transport_names[i]))) {
			*text = tail;
			return (enum transport)i;
		}
	return TRANSPORT_NONE;
}

/* "@name" is Linux's abstract namespace, written as ss(8) and socat(1) write it. */
static int
parse_unix(struct slice path, struct addr *a, const char **why)
{
	struct addr out = { .u.un.sun_family = AF_UNIX };

	if (path.n == 0)
		return fail(why, "no path");
	if (path.n >= sizeof(out.u.un.sun_path))
		return fail(why, "path too long");
	if (slice_cstr(path, out.u.un.sun_path, sizeof(out.u.un.sun_path)) < 0)
		return fail(why, "bad path");
	out.len = (socklen_t)(unix_head + path.n);
	if (path.p[0] == '@')
		out.u.un.sun_path[0] = '\0';
	else
		out.len++;
	*a = out;
	return 0;
}

static int
parse_zone(struct slice zone, uint32_t *index)
{
	char name[IF_NAMESIZE];
	uint64_t number;

	if (zone.n == 0)
		return -1;
	if (slice_cstr(zone, name, sizeof(name)) == 0 && (*index = if_nametoindex(name)) != 0)
		return 0;
	if (slice_u64(zone, UINT32_MAX, &number) < 0 || number == 0)
		return -1;
	*index = (uint32_t)number;
	return 0;
}

static int
literal4(struct slice host, uint16_t port, struct addr *a)
{
	struct addr out = { .len = sizeof(out.u.in), .u.in = { .sin_family = AF_INET, .sin_port = htons(port) } };
	char text[INET_ADDRSTRLEN];

	if (slice_cstr(host, text, sizeof(text)) < 0 || inet_pton(AF_INET, text, &out.u.in.sin_addr) != 1)
		return -1;
	*a = out;
	return 0;
}

static int
literal6(struct slice host, uint16_t port, struct addr *a)
{
	struct addr out = { .len = sizeof(out.u.in6), .u.in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
	char text[INET6_ADDRSTRLEN];
	struct slice zone;
	bool zoned = slice_cut(host, '%', &host, &zone);

	if (slice_cstr(host, text, sizeof(text)) < 0 || inet_pton(AF_INET6, text, &out.u.in6.sin6_addr) != 1)
		return -1;
	if (zoned && parse_zone(zone, &out.u.in6.sin6_scope_id) < 0)
		return -1;
	*a = out;
	return 0;
}

int
addr_literal(struct slice host, uint16_t port, struct addr *a)
{
	if (literal4(host, port, a) == 0 || literal6(host, port, a) == 0)
		return 0;
	errno = EINVAL;
	return -1;
}

/* "[HOST]", "[HOST]:PORT", "[HOST]#PORT" */
static int
split_bracketed(struct slice text, struct parts *parts, const char **why)
{
	struct slice rest;

	text.p++, text.n--;
	if (!slice_cut(text, ']', &parts->host, &rest))
		return fail(why, "no closing bracket");
	parts->bracketed = true;
	parts->port = (struct slice){ NULL, 0 };
	if (rest.n == 0)
		return 0;
	if (rest.p[0] != ':' && rest.p[0] != '#')
		return fail(why, "something other than a port behind the bracket");
	parts->port = (struct slice){ rest.p + 1, rest.n - 1 };
	return 0;
}

static int
split(struct slice text, struct parts *parts, const char **why)
{
	struct slice more;

	if (text.n > 0 && text.p[0] == '[')
		return split_bracketed(text, parts, why);
	parts->bracketed = false;
	if (slice_cut(text, '#', &parts->host, &parts->port))
		return 0;
	if (!slice_cut(text, ':', &parts->host, &parts->port)) {
		parts->port = (struct slice){ NULL, 0 };
		return 0;
	}
	if (slice_cut(parts->port, ':', &more, &more))
		return fail(why, "an IPv6 address needs brackets");
	return 0;
}

static int
parse_host(const struct parts *parts, uint16_t port, struct addr *a, const char **why)
{
	struct slice host = parts->host;

	if (parts->bracketed)
		return literal6(host, port, a) == 0 ? 0 : fail(why, "bad IPv6 address");
	if (host.n == 0 || slice_eq(host, SLICE("*")))
		host = SLICE("0.0.0.0");
	return addr_literal(host, port, a) == 0 ? 0 : fail(why, "bad IP address");
}

int
addr_parse(struct slice text, int default_port, struct addr *a, enum transport *transport, const char **why)
{
	enum transport t = take_prefix(&text);
	struct parts parts;
	uint64_t port;

	if (t == TRANSPORT_UNIX) {
		if (parse_unix(text, a, why) < 0)
			return -1;
	} else {
		if (t != TRANSPORT_NONE && transport == NULL)
			return fail(why, "no transport can be chosen here");
		if (text.n == 0)
			return fail(why, "no address");
		if (split(text, &parts, why) < 0)
			return -1;
		if (parts.port.p == NULL) {
			if (default_port < 0)
				return fail(why, "no port");
			port = (uint64_t)default_port;
		} else if (slice_u64(parts.port, UINT16_MAX, &port) < 0)
			return fail(why, "bad port");
		if (parse_host(&parts, (uint16_t)port, a, why) < 0)
			return -1;
	}
	if (transport != NULL)
		*transport = t;
	return 0;
}

/* --- to text --- */

static char *
put_decimal(char *to, unsigned v)
{
	if (v >= 10)
		to = put_decimal(to, v / 10);
	*to = (char)('0' + v % 10);
	return to + 1;
}

/*
 * By hand: an address is written for every datagram that a script receives, and printf costs more than the rest of
 * that.
 */
static char *
put_ip4(char *to, const struct in_addr *ip)
{
	uint32_t v = ntohl(ip->s_addr);

	for (int shift = 24; shift >= 0; shift -= 8) {
		to = put_decimal(to, v >> shift & 0xff);
		*to++ = '.';
	}
	return to - 1;
}

static char *
put_ip6(char *to, const struct sockaddr_in6 *in6)
{
	char name[IF_NAMESIZE];

	(void)inet_ntop(AF_INET6, &in6->sin6_addr, to, INET6_ADDRSTRLEN);
	to += strlen(to);
	if (in6->sin6_scope_id == 0)
		return to;
	*to++ = '%';
	if (if_indextoname(in6->sin6_scope_id, name) == NULL)
		return put_decimal(to, in6->sin6_scope_id);
	memcpy(to, name, strlen(name));
	return to + strlen(name);
}

/* The path with its length; that of an abstract address begins with its NUL, that of a nameless one is empty. */
static struct slice
unix_path(const struct addr *a)
{
	const char *path = a->u.un.sun_path;
	size_t n = a->len > unix_head ? a->len - unix_head : 0;

	if (n > sizeof(a->u.un.sun_path))
		n = sizeof(a->u.un.sun_path);
	if (n > 0 && path[0] != '\0')
		n = strnlen(path, n);
	return (struct slice){ path, n };
}

static char *
put_path(char *to, const struct addr *a)
{
	struct slice path = unix_path(a);

	for (size_t i = 0; i < path.n; i++)
		*to++ = path.p[i] == '\0' ? '@' : path.p[i];
	return to;
}

static char *
put_port(char *to, in_port_t port)
{
	*to++ = ':';
	return put_decimal(to, ntohs(port));
}

/* Texts are made in a buffer that surely holds them; one that is too small gets what fits. */
static size_t
deliver(const char *text, const char *end, char *dst, size_t size)
{
	size_t n = (size_t)(end - text);

	if (size == 0)
		return 0;
	if (n >= size)
		n = size - 1;
	memcpy(dst, text, n);
	dst[n] = '\0';
	return n;
}

size_t
addr_format(const struct addr *a, char *dst, size_t size)
{
	char text[ADDR_STRLEN], *to = text;

	if (a->len == 0) {
		*to++ = '-';
		return deliver(text, to, dst, size);
	}
	switch (a->u.sa.sa_family) {
	case AF_INET:
		to = put_port(put_ip4(to, &a->u.in.sin_addr), a->u.in.sin_port);
		break;
	case AF_INET6:
		*to++ = '[';
		to = put_ip6(to, &a->u.in6);
		*to++ = ']';
		to = put_port(to, a->u.in6.sin6_port);
		break;
	case AF_UNIX:
		memcpy(to, "unix:", 5);
		to = put_path(to + 5, a);
		break;
	default:
		*to++ = '?';
	}
	return deliver(text, to, dst, size);
}

size_t
addr_format_host(const struct addr *a, char *dst, size_t size)
{
	char text[ADDR_STRLEN], *to = text;

	if (a->len == 0) {
		*to++ = '-';
		return deliver(text, to, dst, size);
	}
	switch (a->u.sa.sa_family) {
	case AF_INET:
		to = put_ip4(to, &a->u.in.sin_addr);
		break;
	case AF_INET6:
		to = put_ip6(to, &a->u.in6);
		break;
	case AF_UNIX:
		to = put_path(to, a);
		break;
	default:
		*to++ = '?';
	}
	return deliver(text, to, dst, size);
}

/* --- parts and comparison --- */

uint16_t
addr_port(const struct addr *a)
{
	if (a->len == 0)
		return 0;
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return ntohs(a->u.in.sin_port);
	case AF_INET6:
		return ntohs(a->u.in6.sin6_port);
	default:
		return 0;
	}
}

void
addr_set_port(struct addr *a, uint16_t port)
{
	if (a->len == 0)
		return;
	if (a->u.sa.sa_family == AF_INET)
		a->u.in.sin_port = htons(port);
	else if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons(port);
}

bool
addr_same_host(const struct addr *a, const struct addr *b)
{
	if (a->len == 0 || b->len == 0)
		return a->len == b->len;
	if (a->u.sa.sa_family != b->u.sa.sa_family)
		return false;
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
	case AF_INET6:
		return memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, sizeof(a->u.in6.sin6_addr)) == 0 &&
		    a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id;
	case AF_UNIX:
		return slice_eq(unix_path(a), unix_path(b));
	default:
		return false;
	}
}

bool
addr_is_any(const struct addr *a)
{
	if (a->len == 0)
		return false;
	return a->u.sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr)
	                                     : a->u.sa.sa_family == AF_INET && a->u.in.sin_addr.s_addr == INADDR_ANY;
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

const char *
transport_name(enum transport t)
{
	size_t i = (size_t)t;

	return i < sizeof(transport_names) / sizeof(transport_names[0]) ? transport_names[i] : "none";
}
