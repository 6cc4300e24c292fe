#include "dns/exchange.h"

#include <string.h>

#include "dns/name.h"

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

size_t
exchange_query(const struct exchange *x, uint8_t *to)
{
	uint16_t flags = (uint16_t)((x->no_recursion ? 0 : DNS_RD) | (x->checking_disabled ? DNS_CD : 0));

	return dnswrite_query(to, x->id, flags, x->name, x->namelen, x->type, x->class, x->plain ? 0 : EXCHANGE_EDNS_SIZE,
	    x->dnssec ? EDNS_DO : 0);
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

enum exchange_verdict
exchange_reply(struct exchange *x, struct slice data, struct dnsmsg *m, struct fault *fault)
{
	const uint8_t *p = (const uint8_t *)data.p;

	if (!is_mine(x, p, data.n))
		return EXCHANGE_NOT_MINE;
	/* some servers cut a record in two when they truncate */
	if (!x->stream && get16(p + 2) & DNS_TC)
		return EXCHANGE_TRUNCATED;
	if (dnsmsg_parse(m, p, data.n, fault) != 0)
		return EXCHANGE_MALFORMED;
	if (!x->plain && (m->rcode == RCODE_FORMERR || m->rcode == RCODE_NOTIMP || m->rcode == RCODE_BADVERS)) {
		x->plain = true;
		return EXCHANGE_PLAIN;
	}
	return EXCHANGE_ANSWERED;
}
