#include "dns/addresses.h"

#include <stddef.h>
#include <string.h>

#include "dns/chain.h"

static void ask(struct addresses *);

/* --- what the servers say --- */

static void
put(struct addresses *l, const uint8_t *p, size_t n)
{
	struct addr *to = &l->list[l->n];

	if (l->n == ADDRESSES_MAX)
		return;
	*to = (struct addr){ 0 };
	if (n == 4) {
		to->len = sizeof(to->u.in);
		to->u.in.sin_family = AF_INET;
		memcpy(&to->u.in.sin_addr, p, n);
	} else {
		to->len = sizeof(to->u.in6);
		to->u.in6.sin6_family = AF_INET6;
		memcpy(&to->u.in6.sin6_addr, p, n);
	}
	l->n++;
}

static void
put_all(struct addresses *l, const struct dns_query *q)
{
	struct dns_chain c;
	struct dnsrr rr;

	for (dns_chain(&c, q->msg); dns_chain_next(&c, &rr);)
		if (rr.type->number == q->x.type)
			put(l, q->msg->p + rr.rdata, rr.rdlen);
}

/* IPv4 first, whichever answer came first. */
static void
sort(struct addresses *l)
{
	struct addr sorted[ADDRESSES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].u.sa.sa_family == AF_INET)
			sorted[n++] = l->list[i];
	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].u.sa.sa_family != AF_INET)
			sorted[n++] = l->list[i];
	memcpy(l->list, sorted, n * sizeof(sorted[0]));
}

/* Of two that found nothing: what says more of the name, or a failure, that hides what might have been found. */
static void
blame(struct addresses *l, const struct dns_query *q)
{
	static const uint8_t weight[] = { [DNS_NXDOMAIN] = 1, [DNS_NODATA] = 2, [DNS_RCODE] = 3, [DNS_UNREACHABLE] = 4,
		[DNS_MALFORMED] = 5, [DNS_TRUNCATED] = 6, [DNS_TIMEOUT] = 7 };

	if (q->status == DNS_ANSWER_OK || (l->status != DNS_ANSWER_OK && weight[q->status] <= weight[l->status]))
		return;
	l->status = q->status;
	l->rcode = q->rcode;
}

static void
heard(struct addresses *l, const struct dns_query *q)
{
	if (q->status == DNS_ANSWER_OK)
		put_all(l, q);
	else
		blame(l, q);
	if (--l->pending > 0)
		return;
	if (l->n > 0) {
		l->status = DNS_ANSWER_OK;
		sort(l);
	} else if (search_on(&l->search, &l->status, &l->rcode)) {
		ask(l);
		return;
	}
	l->done(l);
}

static void
heard_a(struct dns_query *q)
{
	heard((struct addresses *)(void *)((char *)q - offsetof(struct addresses, a)), q);
}

static void
heard_aaaa(struct dns_query *q)
{
	heard((struct addresses *)(void *)((char *)q - offsetof(struct addresses, aaaa)), q);
}

/* --- asking --- */

static void
ask_one(struct addresses *l, struct dns_query *q)
{
	q->x.name = l->search.name;
	q->x.namelen = l->search.namelen;
	l->pending++;
	resolver_ask(l->resolver, q);
}

static void
ask(struct addresses *l)
{
	l->status = DNS_ANSWER_OK;
	l->rcode = 0;
	if (l->a.done != NULL)
		ask_one(l, &l->a);
	if (l->aaaa.done != NULL)
		ask_one(l, &l->aaaa);
}

static struct dns_query
query(void (*done)(struct dns_query *), uint16_t type)
{
	return (struct dns_query){ .done = done, .x = { .type = type, .class = RRCLASS_IN } };
}

int
addresses_ask(struct resolver *r, struct hosts *hosts, struct addresses *l, struct slice name, int family, const char **why)
{
	const struct dns_conf *conf = resolver_conf(r);
	int n;

	l->resolver = r;
	l->n = l->pending = 0;
	l->status = DNS_ANSWER_OK;
	if (addr_literal(name, 0, &l->list[0]) == 0) {
		l->n = family == AF_UNSPEC || l->list[0].u.sa.sa_family == family;
		n = l->n > 0 ? 1 : -1;
	} else {
		n = hosts != NULL ? hosts_find(hosts, name, family, resolver_now(r), l->list, ADDRESSES_MAX) : 0;
		l->n = n > 0 ? (unsigned)n : 0;
	}
	if (n != 0) {
		l->status = n > 0 ? DNS_ANSWER_OK : DNS_NODATA;
		return 1;
	}
	if (search_begin(&l->search, conf, name, why) != 0)
		return -1;
	/* whoever wants IPv6 alone gets it, whatever the file says */
	l->a = query(family != AF_INET6 ? heard_a : NULL, RRTYPE_A);
	l->aaaa = query(family == AF_INET6 || (family == AF_UNSPEC && !conf->no_aaaa) ? heard_aaaa : NULL, RRTYPE_AAAA);
	ask(l);
	return 0;
}

void
addresses_cancel(struct addresses *l)
{
	resolver_cancel(l->a.resolver, &l->a);
	resolver_cancel(l->aaaa.resolver, &l->aaaa);
}

const char *
addresses_status(const struct addresses *l, char *to)
{
	return dns_status_text((enum dns_status)l->status, l->rcode, to);
}
