#include "dns/chain.h"

#include "dns/name.h"

enum { DNAME = 39, RRSIG = 46 };

static bool
same(const uint8_t *p, uint16_t a, uint16_t b)
{
	uint8_t wire[NAME_MAX_WIRE];

	/* most names in an answer point at the question */
	if (a == b || (p[a] >= 0xc0 && (p[a] & 0x3fu) << 8 == (b & 0xff00u) && p[a + 1] == (b & 0xff)))
		return true;
	name_expand(p, b, wire);
	return name_is(p, a, wire);
}

static bool
has(const struct dns_chain *c, const uint8_t *p, uint16_t name)
{
	for (unsigned i = 0; i < c->n; i++)
		if (same(p, name, c->names[i]))
			return true;
	return false;
}

/*
 * Records of another class are none of ours; among them are those without rdata that UPDATE has (RFC 2136 section
 * 2.4), of whatever type.
 */
static bool
is_ours(const struct dnsmsg *m, const struct dnsrr *rr)
{
	return (rr->class == m->qclass || m->qclass == RRCLASS_ANY) && rr->class != RRCLASS_ANY && rr->class != RRCLASS_NONE;
}

/* Where the CNAME of the last name leads; false: it has none, or it leads back. */
static bool
follow(struct dns_chain *c, const struct dnsmsg *m)
{
	struct dnswalk w = dnsmsg_walk(m, DNS_ANSWER);
	struct dnsrr rr;

	while (dnsmsg_next(&w, &rr)) {
		if (rr.type->number != RRTYPE_CNAME || !is_ours(m, &rr) || !same(m->p, rr.name, c->names[c->n - 1]))
			continue;
		if (has(c, m->p, rr.rdata))
			return false;
		c->names[c->n++] = rr.rdata;
		return true;
	}
	return false;
}

void
dns_chain(struct dns_chain *c, const struct dnsmsg *m)
{
	c->walk = dnsmsg_walk(m, DNS_ANSWER);
	c->n = 0;
	if (m->qname == 0)
		return;
	c->names[c->n++] = m->qname;
	while (c->n < CHAIN_MAX && follow(c, m))
		;
}

/* Whether the name is that of a name of the chain, or of what is above it. */
static bool
is_above(const struct dns_chain *c, const uint8_t *p, uint16_t name)
{
	uint8_t wire[NAME_MAX_WIRE];

	for (unsigned i = 0; i < c->n; i++) {
		name_expand(p, c->names[i], wire);
		for (const uint8_t *at = wire;; at += *at + 1u) {
			if (name_is(p, name, at))
				return true;
			if (*at == 0)
				break;
		}
	}
	return false;
}

bool
dns_chain_next(struct dns_chain *c, struct dnsrr *rr)
{
	const uint8_t *p = c->walk.msg->p;

	while (dnsmsg_next(&c->walk, rr)) {
		if (!is_ours(c->walk.msg, rr))
			continue;
		if (has(c, p, rr->name))
			return true;
		if ((rr->number == DNAME || rr->number == RRSIG) && is_above(c, p, rr->name))
			return true;
	}
	return false;
}
