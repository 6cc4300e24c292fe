/*
 * nameserver.h: for tests of what asks name servers: SERVERS of them in the loop of the test, each of which answers, keeps silent or lies
 * as it is told. Include it after tap.h.
 */
#ifndef NAMESERVER_H
#define NAMESERVER_H

#include "dns/name.h"
#include "dns/resolver.h"
#include "net/udp.h"

enum { SERVERS = 3 };

/* A server: how it treats the n-th question it gets. */
struct server {
	struct udp *udp, *elsewhere;
	struct addr addr;
	unsigned got, ignore; /* questions; the first `ignore` get no answer */
	uint16_t rcode;
	uint32_t ttl, minimum; /* of an address; of the SOA that goes with nothing, 0: none */
	bool lies, truncates, garbles, hates_edns;
	bool ipv6;            /* names have AAAA records too */
	const char *only;     /* no other name is known than this one; NULL: all are */
	bool folds;           /* names come back in small letters */
	unsigned cases;       /* how often the name was in another case than before */
	uint8_t last_name[NAME_MAX_WIRE];
	bool cookies, strict, spoils; /* RFC 7873; BADCOOKIE unless it is its own; with another client's */
	uint8_t secret;
	uint16_t last_port;
	unsigned ports;       /* how often the port changed */
};

static struct sched sched;
static struct server servers[SERVERS];
static struct resolver *resolver;
/* of the next resolvers; the test that sets them puts them back */
static size_t cache_bytes;
static bool rotating;
static enum resolver_guard guard;

static void
put_soa(struct dnswriter *w, uint32_t minimum)
{
	uint8_t rdata[22] = { 0 };

	rdata[21] = (uint8_t)minimum;
	dnswrite_rr(w, DNS_AUTHORITY, (const uint8_t *)"", RRTYPE_SOA, RRCLASS_IN, 3600, slice_make(rdata, sizeof(rdata)));
}

/* The cookie in a question: n bytes of 8 and more; NULL: none. */
static const uint8_t *
cookie_of(const struct dnsmsg *m, size_t *n)
{
	const uint8_t *p = m->p + m->edns_options;

	if (!m->edns || m->edns_options_len < 12 || p[1] != 10)
		return NULL;
	*n = m->edns_options_len - 4u;
	return p + 4;
}

static bool
knows_secret(const struct server *s, const struct dnsmsg *m)
{
	size_t n;
	const uint8_t *p = cookie_of(m, &n);

	return p != NULL && n == 16 && p[15] == s->secret;
}

static void
put_opt(const struct server *s, struct dnswriter *w, const struct dnsmsg *m, unsigned rcode)
{
	uint8_t option[4 + 16] = { 0, 10, 0, 16 };
	size_t n;
	const uint8_t *p = cookie_of(m, &n);

	if (p == NULL)
		return;
	memcpy(option + 4, p, 8);
	option[4] ^= s->spoils;
	option[19] = s->secret;
	dnswrite_rr(w, DNS_ADDITIONAL, (const uint8_t *)"", RRTYPE_OPT, 1232, rcode >> 4 << 24, slice_make(option, sizeof(option)));
}

/* One address that says how often was asked; or nothing, with the SOA of it. Good until the next one. */
static struct slice
write_reply(const struct server *s, const struct dnsmsg *m, uint16_t flags, const uint8_t *name)
{
	static struct buf b;
	struct dnswriter w;
	unsigned rcode = flags & 15;
	char address[4] = { (char)192, 0, 2, (char)s->got };

	b.n = 0;
	dnswrite_begin(&w, &b, m->id, flags);
	dnswrite_question(&w, name, m->qtype, m->qclass);
	if (s->strict && !knows_secret(s, m))
		rcode = 23;
	else if (m->qtype == RRTYPE_A && (flags & 15) == 0)
		dnswrite_rr(&w, DNS_ANSWER, name, RRTYPE_A, RRCLASS_IN, s->ttl, slice_make(address, 4));
	else if (s->ipv6 && m->qtype == RRTYPE_AAAA && (flags & 15) == 0)
		dnswrite_rr(&w, DNS_ANSWER, name, RRTYPE_AAAA, RRCLASS_IN, s->ttl, SLICE(" \1\15\270\0\0\0\0\0\0\0\0\0\0\0\1"));
	else if (s->minimum > 0)
		put_soa(&w, s->minimum);
	if (s->cookies)
		put_opt(s, &w, m, rcode);
	EQ(dnswrite_end(&w), 0);
	b.p[3] = (char)((b.p[3] & 0xf0) | (rcode & 15));
	return buf_slice(&b);
}

/* All the ways to answer wrongly: id, question, not an answer, from elsewhere, cut short. */
static void
lie(struct server *s, const struct addr *from, const uint8_t *reply, size_t n)
{
	uint8_t wrong[512];

	memcpy(wrong, reply, n);
	wrong[0] ^= 1;
	(void)udp_send(s->udp, slice_make(wrong, n), from);
	memcpy(wrong, reply, n);
	wrong[13] ^= 1;
	(void)udp_send(s->udp, slice_make(wrong, n), from);
	memcpy(wrong, reply, n);
	wrong[2] &= 0x7f;
	(void)udp_send(s->udp, slice_make(wrong, n), from);
	(void)udp_send(s->elsewhere, slice_make(reply, n), from);
	(void)udp_send(s->udp, slice_make(reply, n - 1), from);
	(void)udp_send(s->udp, slice_make(reply, 3), from);
	(void)udp_send(s->udp, slice_make(reply, 0), from);
}

static bool
is_called(const uint8_t *name, const char *text)
{
	char to[NAME_TEXTLEN + 1];

	*name_text(to, name, 0) = '\0';
	return strcmp(to, text) == 0;
}

static void
serve(struct udp *udp, struct slice data, const struct addr *from)
{
	struct server *s = udp_user(udp);
	uint8_t name[NAME_MAX_WIRE];
	struct slice reply;
	size_t n;
	struct dnsmsg m;
	struct fault fault;
	uint16_t flags = DNS_QR | DNS_RD;

	EQ(dnsmsg_parse(&m, data.p, data.n, &fault), 0);
	n = name_expand(m.p, m.qname, name);
	s->cases += memcmp(s->last_name, name, n) != 0;
	memcpy(s->last_name, name, n);
	for (size_t i = 0; s->folds && i < n; i++)
		name[i] = (uint8_t)ascii_lower((char)name[i]);
	if (addr_port(from) != s->last_port)
		s->ports++;
	s->last_port = addr_port(from);
	if (s->got++ < s->ignore)
		return;
	flags |= s->hates_edns && m.edns ? RCODE_FORMERR : s->rcode;
	if (s->only != NULL && !is_called(name, s->only))
		flags = DNS_QR | DNS_RD | RCODE_NXDOMAIN;
	if (s->truncates)
		flags |= DNS_TC;
	reply = write_reply(s, &m, flags, name);
	if (s->lies)
		lie(s, from, (const uint8_t *)reply.p, reply.n);
	reply.n -= s->garbles;
	(void)udp_send(udp, reply, from);
}

static void
unexpected(struct udp *udp, struct slice data, const struct addr *from)
{
	(void)udp;
	(void)data;
	(void)from;
	OK(false);
}

static void
open_server(struct server *s)
{
	struct addr any;

	*s = (struct server){ .ttl = 60 };
	EQ(addr_literal(SLICE("127.0.0.1"), 0, &any), 0);
	s->udp = udp_open(&sched, &any, AF_INET, NULL, serve, s);
	s->elsewhere = udp_open(&sched, &any, AF_INET, NULL, unexpected, s);
	OK(s->udp != NULL && s->elsewhere != NULL);
	EQ(udp_localaddr(s->udp, &s->addr), 0);
	EQ(udp_read(s->udp, true), 0);
}

static struct dns_conf conf; /* of the next resolver */

static void
new_resolver(void)
{
	struct resolver_options o = { .conf = conf, .cache = cache_bytes, .mix_case = guard, .cookies = guard };

	resolver = resolver_new(&sched, &o);
	OK(resolver != NULL);
}

static void
set_up(unsigned nservers, unsigned attempts)
{
	EQ(sched_init(&sched, NULL, true), 0);
	dns_conf_init(&conf);
	conf.nservers = nservers;
	conf.attempts = attempts;
	conf.rotate = rotating;
	for (unsigned i = 0; i < nservers; i++) {
		open_server(&servers[i]);
		conf.servers[i] = servers[i].addr;
	}
	new_resolver();
}

static void
stop_it(struct timer *t)
{
	(void)t;
	sched_stop(&sched);
}

/* The loop, for some (virtual) time. */
static inline void
run_for(int64_t ns)
{
	struct timer t;

	timer_init(&t, stop_it, false);
	timer_arm(&sched.wheel, &t, sched.clock.now + ns);
	sched_hold(&sched);
	EQ(sched_run(&sched), SCHED_STOPPED);
	sched_release(&sched);
}

static void
tear_down(unsigned nservers)
{
	resolver_free(resolver);
	for (unsigned i = 0; i < nservers; i++) {
		udp_close(servers[i].udp);
		udp_close(servers[i].elsewhere);
	}
	sched_fini(&sched);
}

#endif
