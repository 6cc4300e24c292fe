/* What is kept of answers, for how long, under whose name, and in how much memory. */
#include "dns/cache.h"

#include "base/clock.h"
#include "dns/name.h"
#include "tap.h"

static struct dns_cache *cache;
static const int64_t start = 100 * SEC;

static struct exchange
question(const char *text, uint16_t type)
{
	static uint8_t wire[2][NAME_MAX_WIRE];
	static int turn;
	const char *why;
	int n = name_parse(slice_of(text), wire[turn ^= 1], &why);

	return (struct exchange){ .name = wire[turn], .namelen = (uint8_t)n, .type = type, .class = RRCLASS_IN };
}

struct said {
	uint16_t rcode;
	uint32_t ttl[3];      /* of addresses; 0: no more */
	uint32_t soa, minimum; /* the SOA's TTL; 0: none */
	uint16_t flags;
};

static void
put_soa(struct dnswriter *w, const struct said *s)
{
	uint8_t rdata[22] = { 0 };

	rdata[20] = (uint8_t)(s->minimum >> 8);
	rdata[21] = (uint8_t)s->minimum;
	dnswrite_rr(w, DNS_AUTHORITY, (const uint8_t *)"\1x", RRTYPE_SOA, RRCLASS_IN, s->soa, slice_make(rdata, sizeof(rdata)));
}

static void
put(const struct exchange *x, struct said s, int64_t now)
{
	struct buf b = { 0 };
	struct dnswriter w;
	struct dnsmsg m;
	struct fault fault;

	dnswrite_begin(&w, &b, 7, (uint16_t)(DNS_QR | s.flags | s.rcode));
	dnswrite_question(&w, x->name, x->type, x->class);
	for (int i = 0; i < 3 && s.ttl[i] > 0; i++)
		dnswrite_rr(&w, DNS_ANSWER, x->name, RRTYPE_A, RRCLASS_IN, s.ttl[i], SLICE("\300\0\2\1"));
	if (s.soa > 0)
		put_soa(&w, &s);
	dnswrite_rr(&w, DNS_ADDITIONAL, (const uint8_t *)"", RRTYPE_OPT, 1232, 0, SLICE(""));
	EQ(dnswrite_end(&w), 0);
	EQ(dnsmsg_parse(&m, b.p, b.n, &fault), 0);
	dns_cache_put(cache, x, &m, s.ttl[0] == 0, (uint8_t)(s.rcode + 40), now);
	buf_fini(&b);
}

static enum dns_cache_state
get(const char *name, uint16_t type, int64_t now)
{
	struct exchange x = question(name, type);
	struct dns_cached out;

	return dns_cache_get(cache, &x, now, &out);
}

/* The TTL of the n-th address. */
static uint32_t
ttl(const char *name, int64_t now, int n)
{
	struct exchange x = question(name, RRTYPE_A);
	struct dns_cached out;
	struct dnswalk w;
	struct dnsrr rr = { 0 };

	if (dns_cache_get(cache, &x, now, &out) == DNS_CACHE_MISS)
		return UINT32_MAX;
	w = dnsmsg_walk(&out.msg, DNS_ANSWER);
	while (n-- >= 0)
		OK(dnsmsg_next(&w, &rr));
	return rr.ttl;
}

static void
renewed(size_t bytes)
{
	dns_cache_free(cache);
	cache = dns_cache_new(bytes);
	OK(cache != NULL);
}

static void
put_a(const char *name, uint32_t seconds)
{
	struct exchange x = question(name, RRTYPE_A);

	put(&x, (struct said){ .ttl = { seconds } }, start);
}

TEST(as_long_as_the_least_ttl)
{
	struct exchange x = question("www.example.com", RRTYPE_A);

	renewed(100000);
	EQ(get("www.example.com", RRTYPE_A, start), DNS_CACHE_MISS);
	put(&x, (struct said){ .ttl = { 300, 60, 600 } }, start);
	EQ(get("www.example.com", RRTYPE_A, start), DNS_CACHE_FRESH);
	EQ(ttl("www.example.com", start + 10 * SEC, 0), 290);
	EQ(ttl("www.example.com", start + 10 * SEC, 1), 50);
	EQ(ttl("www.example.com", start + 10 * SEC + SEC / 2, 2), 590);
	EQ(get("www.example.com", RRTYPE_A, start + 60 * SEC - 1), DNS_CACHE_RENEW);
	EQ(get("www.example.com", RRTYPE_A, start + 60 * SEC), DNS_CACHE_STALE);
}

TEST(what_is_found)
{
	struct exchange x = question("WWW.example.com", RRTYPE_A), y = x;
	struct dns_cached out;
	char text[NAME_TEXTLEN];

	renewed(100000);
	put_a("www.EXAMPLE.com", 60);
	EQ(dns_cache_get(cache, &x, start, &out), DNS_CACHE_FRESH);
	/* the question comes back as it was asked, and so does what points at it */
	*name_text(text, out.msg.p, out.msg.qname) = '\0';
	STR(text, "WWW.example.com.");
	*name_text(text, out.msg.p, out.msg.at[DNS_ANSWER]) = '\0';
	STR(text, "WWW.example.com.");
	EQ(out.status, 40);
	EQ(get("www.example.com", RRTYPE_AAAA, start), DNS_CACHE_MISS);
	EQ(get("ww.example.com", RRTYPE_A, start), DNS_CACHE_MISS);
	y.class = RRCLASS_CH;
	EQ(dns_cache_get(cache, &y, start, &out), DNS_CACHE_MISS);
	y = x;
	y.dnssec = true;
	EQ(dns_cache_get(cache, &y, start, &out), DNS_CACHE_MISS);
	y = x;
	y.no_recursion = true;
	EQ(dns_cache_get(cache, &y, start, &out), DNS_CACHE_MISS);
	y = x;
	y.checking_disabled = true;
	EQ(dns_cache_get(cache, &y, start, &out), DNS_CACHE_MISS);
}

TEST(nothing_is_kept_by_the_soa)
{
	struct exchange x = question("no.x", RRTYPE_A);

	renewed(100000);
	put(&x, (struct said){ .rcode = RCODE_NXDOMAIN, .soa = 3600, .minimum = 20 }, start);
	EQ(get("no.x", RRTYPE_A, start + 17 * SEC), DNS_CACHE_FRESH);
	EQ(get("no.x", RRTYPE_A, start + 20 * SEC), DNS_CACHE_STALE);
	put(&x, (struct said){ .soa = 10, .minimum = 20 }, start);
	EQ(get("no.x", RRTYPE_A, start + 8 * SEC), DNS_CACHE_FRESH);
	EQ(get("no.x", RRTYPE_A, start + 10 * SEC), DNS_CACHE_STALE);
	/* at most three hours */
	put(&x, (struct said){ .soa = 86400, .minimum = 50000 }, start);
	EQ(get("no.x", RRTYPE_A, start + 9000 * SEC), DNS_CACHE_FRESH);
	EQ(get("no.x", RRTYPE_A, start + 10800 * SEC), DNS_CACHE_STALE);
}

TEST(what_is_not_kept)
{
	struct exchange x = question("no.x", RRTYPE_A);
	static const struct said not[] = {
		{ .rcode = RCODE_NXDOMAIN },
		{ .rcode = RCODE_NOERROR },
		{ .rcode = RCODE_SERVFAIL, .soa = 60, .minimum = 60 },
		{ .rcode = RCODE_REFUSED, .ttl = { 60 } },
		{ .ttl = { 60 }, .flags = DNS_TC },
		{ .soa = 60, .minimum = 0 },
	};

	renewed(100000);
	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++) {
		put(&x, (struct said){ .ttl = { 60 } }, start);
		EQ(get("no.x", RRTYPE_A, start), DNS_CACHE_FRESH);
		put(&x, not[i], start);
		EQ(get("no.x", RRTYPE_A, start), DNS_CACHE_MISS);
	}
	EQ(dns_cache_bytes(cache), 0);
}

/* A TTL of more than a day is a day. */
TEST(most_ttl)
{
	renewed(100000);
	put_a("a.x", UINT32_MAX);
	EQ(ttl("a.x", start, 0), 86400);
	EQ(ttl("a.x", start + 400 * SEC, 0), 86000);
	EQ(get("a.x", RRTYPE_A, start + 86400 * SEC), DNS_CACHE_STALE);
}

TEST(renewal_is_asked_for_once)
{
	struct exchange x;

	renewed(100000);
	put_a("a.x", 100);
	EQ(get("a.x", RRTYPE_A, start + 89 * SEC), DNS_CACHE_FRESH);
	EQ(get("a.x", RRTYPE_A, start + 90 * SEC), DNS_CACHE_RENEW);
	EQ(get("a.x", RRTYPE_A, start + 91 * SEC), DNS_CACHE_FRESH);
	/* and not again at once when it failed */
	x = question("a.x", RRTYPE_A);
	dns_cache_failed(cache, &x, start + 92 * SEC);
	EQ(get("a.x", RRTYPE_A, start + 93 * SEC), DNS_CACHE_FRESH);
	EQ(get("a.x", RRTYPE_A, start + 101 * SEC), DNS_CACHE_DEAD);
	EQ(get("a.x", RRTYPE_A, start + 122 * SEC), DNS_CACHE_STALE);
	put_a("a.x", 200);
	EQ(get("a.x", RRTYPE_A, start + 101 * SEC), DNS_CACHE_FRESH);
}

TEST(stale)
{
	struct exchange x;

	renewed(100000);
	put_a("a.x", 100);
	EQ(get("a.x", RRTYPE_A, start + 100 * SEC), DNS_CACHE_STALE);
	EQ(ttl("a.x", start + 100 * SEC, 0), 30);
	x = question("A.x", RRTYPE_A);
	dns_cache_failed(cache, &x, start + 200 * SEC);
	EQ(get("a.x", RRTYPE_A, start + 229 * SEC), DNS_CACHE_DEAD);
	EQ(ttl("a.x", start + 229 * SEC, 0), 30);
	EQ(get("a.x", RRTYPE_A, start + 230 * SEC), DNS_CACHE_STALE);
	EQ(get("a.x", RRTYPE_A, start + 86499 * SEC), DNS_CACHE_STALE);
	EQ(get("a.x", RRTYPE_A, start + 86500 * SEC), DNS_CACHE_MISS);
	EQ(dns_cache_entries(cache), 0);
	/* of what is not known there is nothing to be said */
	dns_cache_failed(cache, &x, start);
}

TEST(bounded_by_bytes)
{
	char name[32];
	size_t each;

	renewed(100000);
	put_a("n0.x", 60);
	each = dns_cache_bytes(cache);
	for (int i = 1; i < 2000; i++) {
		snprintf(name, sizeof(name), "n%d.x", i);
		put_a(name, 60);
		OK(dns_cache_bytes(cache) <= 100000);
		/* the first is used all the time, and so stays */
		EQ(get("n0.x", RRTYPE_A, start), DNS_CACHE_FRESH);
	}
	OK(dns_cache_entries(cache) > 80000 / each);
	EQ(get("n1.x", RRTYPE_A, start), DNS_CACHE_MISS);
	EQ(get("n1999.x", RRTYPE_A, start), DNS_CACHE_FRESH);
	/* no answer takes it all */
	renewed(2 * each);
	put_a("n0.x", 60);
	EQ(dns_cache_entries(cache), 0);
}

/* A name that points into the TTL of a record is another one when that has been counted down, or none: it is dropped. */
TEST(names_in_what_changes)
{
	static const uint8_t bytes[] = "\0\7\201\200\0\1\0\2\0\0\0\0"
	                               "\1a\1x\0\0\1\0\1"
	                               "\300\14\0\1\0\1\0\0\1\0\0\4\300\0\2\1"
	                               "\300\36\0\1\0\1\0\0\1\0\0\4\300\0\2\1";
	struct exchange x = question("a.x", RRTYPE_A);
	struct dnsmsg m;
	struct fault fault;
	struct dns_cached out;

	renewed(100000);
	/* the TTL is 256, its last byte the root */
	EQ(dnsmsg_parse(&m, bytes, sizeof(bytes) - 1, &fault), 0);
	dns_cache_put(cache, &x, &m, false, 0, start);
	EQ(dns_cache_get(cache, &x, start, &out), DNS_CACHE_FRESH);
	/* and of 255 a pointer to behind the end */
	EQ(dns_cache_get(cache, &x, start + SEC, &out), DNS_CACHE_MISS);
	EQ(dns_cache_entries(cache), 0);
}

TEST(no_memory)
{
	renewed(100000);
	alloc_fail_at(2); /* the first is the message of the test */
	put_a("a.x", 60);
	alloc_reset();
	EQ(get("a.x", RRTYPE_A, start), DNS_CACHE_MISS);
	put_a("a.x", 60);
	alloc_fail_at(1);
	EQ(get("a.x", RRTYPE_A, start), DNS_CACHE_MISS);
	alloc_reset();
	EQ(get("a.x", RRTYPE_A, start), DNS_CACHE_FRESH);
	alloc_fail_at(1);
	OK(dns_cache_new(1000) == NULL);
	alloc_reset();
	for (int i = 0; i < 1000; i++)
		EQ(get("a.x", RRTYPE_A, start), DNS_CACHE_FRESH);
	EQ(alloc_count(), 0);
	dns_cache_free(cache);
	cache = NULL;
}

MAIN(RUN(as_long_as_the_least_ttl), RUN(what_is_found), RUN(nothing_is_kept_by_the_soa), RUN(what_is_not_kept), RUN(most_ttl),
    RUN(renewal_is_asked_for_once), RUN(stale), RUN(bounded_by_bytes), RUN(names_in_what_changes), RUN(no_memory))
