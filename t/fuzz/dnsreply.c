/*
 * Any bytes as the reply to a question: the first says how the question was asked, the next ten are the header behind the id, the rest
 * follows the question; or, with the upper bit set, all is raw. What is an answer is followed, kept, and given out again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dns/cache.h"
#include "dns/chain.h"
#include "dns/name.h"
#include "dns/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { STREAM = 1, PLAIN = 2, COOKIE = 4, KNOWN = 8, MIXED = 16, RAW = 128 };

static const uint8_t name[] = "\3www\7example\3com";

static void
set_up(struct exchange *x, struct dns_cookie *cookie, uint8_t how)
{
	*cookie = (struct dns_cookie){ .client = "12345678", .nserver = how & KNOWN ? 8 : 0, .server = "87654321" };
	*x = (struct exchange){ .name = name, .namelen = sizeof(name), .type = RRTYPE_A, .class = RRCLASS_IN, .id = 0x1234,
		.stream = how & STREAM, .plain = how & PLAIN, .cookie = how & COOKIE ? cookie : NULL, .mix = how & MIXED ? 0x5555 : 0 };
}

/* The records that belong are in the answer, and no more than those. */
static void
follow(const struct dnsmsg *m, uint16_t type)
{
	struct dns_chain c;
	struct dnsrr rr;
	unsigned n = 0, of_type = 0;

	for (dns_chain(&c, m); dns_chain_next(&c, &rr); n++)
		of_type += rr.number == type;
	if (n > m->count[DNS_ANSWER] || (dns_status_of(m, type) == DNS_ANSWER_OK) != (m->rcode == 0 && of_type > 0))
		abort();
}

static void
keep(const struct exchange *x, const struct dnsmsg *m)
{
	struct dns_cache *cache = dns_cache_new(1 << 20);
	struct dns_cached got;
	struct dnsmsg again;
	struct fault fault;

	if (cache == NULL)
		abort();
	dns_cache_put(cache, x, m, dns_status_of(m, x->type) != DNS_ANSWER_OK, 0, SEC);
	for (int64_t at = SEC; at < 200000 * SEC; at = at * 7 + SEC) {
		if (dns_cache_get(cache, x, at, &got) == DNS_CACHE_MISS)
			continue;
		if (dnsmsg_parse(&again, got.msg.p, got.msg.n, &fault) != 0 || again.n != m->n || memcmp(again.p + 12, name, sizeof(name)) != 0)
			abort();
	}
	dns_cache_free(cache);
}

static void
judge(struct exchange *x, const uint8_t *p, size_t n)
{
	struct dnsmsg m = { 0 };
	struct fault fault;

	if (exchange_reply(x, slice_make(p, n), &m, &fault) != EXCHANGE_ANSWERED)
		return;
	if (m.id != x->id || !(m.flags & DNS_QR) || (m.qname != 0 && m.qtype != x->type))
		abort();
	follow(&m, x->type);
	keep(x, &m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dns_cookie cookie;
	struct exchange x;
	uint8_t query[EXCHANGE_QUERY_MAX], *reply;
	size_t head;

	if (n < 11)
		return 0;
	set_up(&x, &cookie, p[0]);
	if (exchange_query(&x, query) > sizeof(query))
		abort();
	if (p[0] & RAW) {
		judge(&x, p + 1, n - 1);
		return 0;
	}
	head = 12 + sizeof(name) + 4;
	if ((reply = malloc(head + n - 11)) == NULL)
		return 0;
	memcpy(reply, query, head);
	memcpy(reply + 2, p + 1, 10);
	memcpy(reply + head, p + 11, n - 11);
	judge(&x, reply, head + n - 11);
	free(reply);
	return 0;
}
