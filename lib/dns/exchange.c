#include "dns/exchange.h"

#include <string.h>

#include "dns/name.h"

enum { COOKIE = 10, PADDING = 12, SERVER_LEAST = 8, SERVER_MOST = 32, BADCOOKIE = 23 };

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

void
exchange_begin(struct exchange *x, int64_t now)
{
	x->sent = now;
	if (x->tries < UINT8_MAX)
		x->tries++;
}

/* Each letter's case is changed or not, by a bit each (the draft dns-0x20; RFC 5452 section 4.3 needs every bit). */
static void
mix_case(uint8_t *to, const uint8_t *name, size_t n, uint32_t mix)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)ascii_lower((char)name[i]);

		to[i] = name[i];
		if (c < 'a' || c > 'z')
			continue;
		to[i] ^= mix & 1 ? 0x20 : 0;
		mix = mix >> 1 | mix << 31;
	}
}

/* Adds the option to the OPT record that ends the query. */
static size_t
put_cookie(uint8_t *to, size_t n, const struct dns_cookie *c)
{
	size_t len = sizeof(c->client) + c->nserver;

	to[n - 1] = (uint8_t)(4 + len);
	memcpy(to + n, (const uint8_t[]){ 0, COOKIE, 0, (uint8_t)len }, 4);
	memcpy(to + n + 4, c->client, sizeof(c->client));
	memcpy(to + n + 4 + sizeof(c->client), c->server, c->nserver);
	return n + 4 + len;
}

/* The same, behind a cookie if there is one. `rdlen`: where the OPT record has its length's lower byte. */
static size_t
put_padding(uint8_t *to, size_t n, size_t rdlen)
{
	size_t len = (EXCHANGE_BLOCK - (n + 4) % EXCHANGE_BLOCK) % EXCHANGE_BLOCK;

	to[rdlen] = (uint8_t)(to[rdlen] + 4 + len);
	memcpy(to + n, (const uint8_t[]){ 0, PADDING, 0, (uint8_t)len }, 4);
	memset(to + n + 4, 0, len);
	return n + 4 + len;
}

size_t
exchange_query(const struct exchange *x, uint8_t *to)
{
	uint16_t flags = (uint16_t)((x->no_recursion ? 0 : DNS_RD) | (x->checking_disabled ? DNS_CD : 0));
	size_t n, end;

	n = end = dnswrite_query(to, x->id, flags, x->name, x->namelen, x->type, x->class, x->plain ? 0 : EXCHANGE_EDNS_SIZE,
	    x->dnssec ? EDNS_DO : 0);
	if (x->mix != 0)
		mix_case(to + DNS_HEADER, x->name, x->namelen, x->mix);
	if (x->cookie != NULL && !x->plain)
		n = put_cookie(to, n, x->cookie);
	if (x->pad && !x->plain)
		n = put_padding(to, n, end - 1);
	return n;
}

int64_t
exchange_wait(const struct exchange *x, int64_t timeout, unsigned attempts)
{
	/* shares of 2, 3, 4...: together n(n+3)/2 */
	int64_t n = attempts > 0 ? attempts : 1, k = x->tries > 0 ? x->tries - 1 : 0;

	if (k >= n)
		k = n - 1;
	return timeout * n / (n * (n + 3) / 2) * (k + 2);
}

static bool
same_name(const uint8_t *p, const uint8_t *name, size_t n)
{
	if (memcmp(p, name, n) == 0)
		return true;
	/* a server may change the case of letters: length bytes are below them */
	for (size_t i = 0; i < n; i++)
		if (ascii_lower((char)p[i]) != ascii_lower((char)name[i]))
			return false;
	return true;
}

bool
exchange_same(const struct exchange *a, const struct exchange *b)
{
	return a->type == b->type && a->class == b->class && a->no_recursion == b->no_recursion &&
	    a->checking_disabled == b->checking_disabled && a->dnssec == b->dnssec && a->namelen == b->namelen &&
	    same_name(a->name, b->name, a->namelen);
}

/* A reply carries the question that it answers; a server that could not even read it may leave it out. */
static bool
is_mine(const struct exchange *x, const uint8_t *p, size_t n)
{
	unsigned flags, count, rcode;

	if (n < DNS_HEADER || get16(p) != x->id)
		return false;
	flags = get16(p + 2);
	count = get16(p + 4);
	rcode = flags & 15;
	if (!(flags & DNS_QR) || (flags >> DNS_OPCODE_SHIFT & DNS_OPCODE_MASK) != 0)
		return false;
	if (count == 0)
		return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP;
	if (count != 1 || n < DNS_HEADER + x->namelen + 4u || !same_name(p + DNS_HEADER, x->name, x->namelen))
		return false;
	return get16(p + DNS_HEADER + x->namelen) == x->type && get16(p + DNS_HEADER + x->namelen + 2) == x->class;
}

/* Whether the question came back in the very case in which it was asked. */
static bool
same_case(const struct exchange *x, const uint8_t *p)
{
	uint8_t asked[NAME_MAX_WIRE];

	if (x->mix == 0 || get16(p + 4) == 0)
		return true;
	mix_case(asked, x->name, x->namelen, x->mix);
	return memcmp(p + DNS_HEADER, asked, x->namelen) == 0;
}

/* The cookie in the answer, client's and server's part; {NULL} when there is none. */
static struct slice
find_cookie(const struct dnsmsg *m)
{
	const uint8_t *p = m->p + m->edns_options, *end = p + (m->edns ? m->edns_options_len : 0);

	for (size_t n; end - p >= 4; p += 4 + n) {
		n = get16(p + 2);
		if (get16(p) == COOKIE)
			return slice_make(p + 4, n);
	}
	return slice_make(NULL, 0);
}

/* False: by its cookie it is not from whom we asked. */
static bool
take_cookie(struct exchange *x, const struct dnsmsg *m)
{
	struct dns_cookie *c = x->cookie;
	struct slice s;

	if (c == NULL || x->plain)
		return true;
	s = find_cookie(m);
	if (s.p == NULL)
		return c->nserver == 0 || x->stream;
	if (s.n < sizeof(c->client) || memcmp(s.p, c->client, sizeof(c->client)) != 0)
		return false;
	s.p += sizeof(c->client);
	s.n -= sizeof(c->client);
	if (s.n >= SERVER_LEAST && s.n <= SERVER_MOST) {
		memcpy(c->server, s.p, s.n);
		c->nserver = (uint8_t)s.n;
	}
	return true;
}

/* The first time with the cookie, the second time where none is needed. */
static enum exchange_verdict
bad_cookie(struct exchange *x)
{
	if (x->cookie_again)
		return EXCHANGE_TRUNCATED;
	x->cookie_again = true;
	return EXCHANGE_COOKIE;
}

enum exchange_verdict
exchange_reply(struct exchange *x, struct slice data, struct dnsmsg *m, struct fault *fault)
{
	const uint8_t *p = (const uint8_t *)data.p;
	struct dnsmsg found;

	if (!is_mine(x, p, data.n))
		return EXCHANGE_NOT_MINE;
	x->miscased = !same_case(x, p);
	if (x->miscased && !x->stream)
		return EXCHANGE_MISCASED;
	/* some servers cut a record in two when they truncate */
	if (!x->stream && get16(p + 2) & DNS_TC)
		return EXCHANGE_TRUNCATED;
	if (dnsmsg_parse(&found, p, data.n, fault) != 0)
		return EXCHANGE_MALFORMED;
	if (!take_cookie(x, &found))
		return EXCHANGE_NOT_MINE;
	if (found.rcode == BADCOOKIE && x->cookie != NULL && !x->plain && !x->stream)
		return bad_cookie(x);
	if (!x->plain && (found.rcode == RCODE_FORMERR || found.rcode == RCODE_NOTIMP || found.rcode == RCODE_BADVERS)) {
		x->plain = true;
		return EXCHANGE_PLAIN;
	}
	*m = found;
	return EXCHANGE_ANSWERED;
}
