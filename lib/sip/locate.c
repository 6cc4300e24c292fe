/*
 * A stack of look-ups: each is replaced by those that its answer leads to, the best on top, so that places are found in
 * the order in which they are to be tried. When nothing leads anywhere the host's own addresses are looked up (4.2).
 */
#include "sip/locate.h"

#include <stddef.h>
#include <stdlib.h>

#include "dns/idn.h"
#include "sip/lex.h"
#include "sip/sipmsg.h"

/* --- the URI --- */

/* The target: maddr, or else the host (4.1). */
static struct slice
target_of(const struct sipuri *u)
{
	struct slice maddr;

	return sip_find_param(u->params, "maddr", &maddr) && maddr.n > 0 ? maddr : u->host;
}

static bool
literal(const struct sipuri *u, uint16_t port, struct addr *a)
{
	struct slice host = target_of(u);

	if (host.n > 2 && *host.p == '[')
		host = (struct slice){ host.p + 1, host.n - 2 };
	return addr_literal(host, port, a) == 0;
}

bool
locate_is_numeric(const struct sipuri *u)
{
	struct addr a;

	return literal(u, 0, &a);
}

/* What the URI says about its transport; TRANSPORT_NONE: nothing. -1: one that we do not know. */
static int
told_transport(const struct sipuri *u, enum transport *t)
{
	struct slice name;

	*t = TRANSPORT_NONE;
	if (!sip_find_param(u->params, "transport", &name))
		return 0;
	*t = slice_caseeq(name, SLICE("udp")) ? TRANSPORT_UDP : slice_caseeq(name, SLICE("tcp")) ? TRANSPORT_TCP
	    : slice_caseeq(name, SLICE("tls")) ? TRANSPORT_TLS : TRANSPORT_NONE;
	return *t == TRANSPORT_NONE ? -1 : 0;
}

static uint16_t
default_port(uint8_t transport)
{
	return transport == TRANSPORT_TLS ? SIP_TLS_PORT : SIP_DEFAULT_PORT;
}

/* --- places and steps --- */

static bool
knows(const struct locate *l, uint8_t transport)
{
	return (l->transports & 1u << transport) != 0 && (!l->secure || transport == TRANSPORT_TLS);
}

static void
add_place(struct locate *l, const struct addr *a, uint8_t transport, uint8_t host)
{
	if (l->nplaces < LOCATE_PLACES)
		l->places[l->nplaces++] = (struct locate_place){ .addr = *a, .transport = transport, .host = host };
}

static void
push(struct locate *l, uint16_t type, const uint8_t *name, uint8_t transport, uint16_t port)
{
	struct locate_step *s = &l->steps[l->nsteps];

	if (l->nsteps == LOCATE_STEPS)
		return;
	*s = (struct locate_step){ .type = type, .transport = transport, .port = port };
	memcpy(s->name, name, name_len(name));
	l->nsteps++;
}

/* A goes first: it is under AAAA on the stack's top. */
static void
push_addresses(struct locate *l, const uint8_t *name, uint8_t transport, uint16_t port)
{
	push(l, RRTYPE_AAAA, name, transport, port);
	push(l, RRTYPE_A, name, transport, port);
}

/* "_sip._udp" and so on before the target; one that becomes too long is left out. */
static void
push_service(struct locate *l, uint8_t transport)
{
	static const char udp[] = "\4_sip\4_udp", tcp[] = "\4_sip\4_tcp", tls[] = "\5_sips\4_tcp";
	const char *prefix = transport == TRANSPORT_UDP ? udp : transport == TRANSPORT_TCP ? tcp : tls;
	size_t n = strlen(prefix), len = name_len(l->target);
	uint8_t name[NAME_MAX_WIRE];

	if (!knows(l, transport) || n + len > NAME_MAX_WIRE)
		return;
	memcpy(name, prefix, n);
	memcpy(name + n, l->target, len);
	push(l, RRTYPE_SRV, name, transport, 0);
}

/* 4.1: without NAPTR all that the client knows are asked for. */
static void
push_services(struct locate *l)
{
	push_service(l, TRANSPORT_TLS);
	push_service(l, TRANSPORT_TCP);
	push_service(l, TRANSPORT_UDP);
}

/* --- answers --- */

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

struct record {
	uint16_t first, second;  /* order and preference, or priority and weight */
	uint16_t port;
	uint8_t transport;
	uint16_t name;           /* its offset in the message */
};

static struct slice
string_at(const uint8_t *msg, size_t *at)
{
	struct slice s = { (const char *)msg + *at + 1, msg[*at] };

	*at += 1u + s.n;
	return s;
}

/* The transport of "SIP+D2U" and the like (4.1, RFC 3263 section 10); TRANSPORT_NONE: another service. */
static uint8_t
service_transport(struct slice s)
{
	return slice_caseeq(s, SLICE("SIP+D2U")) ? TRANSPORT_UDP : slice_caseeq(s, SLICE("SIP+D2T")) ? TRANSPORT_TCP
	    : slice_caseeq(s, SLICE("SIPS+D2T")) ? TRANSPORT_TLS : TRANSPORT_NONE;
}

static bool
read_naptr(const struct locate *l, const struct dnsmsg *m, const struct dnsrr *rr, struct record *r)
{
	size_t at = rr->rdata + 4u;
	struct slice flags = string_at(m->p, &at), services = string_at(m->p, &at), regexp = string_at(m->p, &at);

	*r = (struct record){ .first = get16(m->p + rr->rdata), .second = get16(m->p + rr->rdata + 2), .transport = service_transport(services),
		.name = (uint16_t)at };
	return slice_caseeq(flags, SLICE("s")) && regexp.n == 0 && r->transport != TRANSPORT_NONE && knows(l, r->transport);
}

static bool
read_srv(const struct locate *l, const struct dnsmsg *m, const struct dnsrr *rr, struct record *r)
{
	const uint8_t *p = m->p + rr->rdata;

	*r = (struct record){ .first = get16(p), .second = get16(p + 2), .port = get16(p + 4), .transport = l->step.transport,
		.name = (uint16_t)(rr->rdata + 6) };
	/* the root: the service is decidedly not there (RFC 2782) */
	return m->p[r->name] != 0 && r->port != 0;
}

static int
by_both(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->second < y->second ? -1 : x->second > y->second;
}

/*
 * RFC 2782: of those of one priority each is chosen with a chance in proportion to its weight; n records, sorted by
 * weight, so that those of weight 0 come first and have a small one.
 */
static void
shuffle(struct record *r, unsigned n)
{
	for (; n > 1; r++, n--) {
		uint32_t sum = 0, at;
		unsigned i;

		for (i = 0; i < n; i++)
			sum += r[i].second;
		at = arc4random_uniform(sum + 1);
		for (i = 0; i < n - 1 && at > r[i].second; i++)
			at -= r[i].second;
		struct record chosen = r[i];
		memmove(r + 1, r, i * sizeof(*r));
		*r = chosen;
	}
}

static unsigned
take_records(struct locate *l, const struct dnsmsg *m, struct record *records, unsigned most)
{
	bool srv = l->step.type == RRTYPE_SRV;
	struct dnswalk w = dnsmsg_walk(m, DNS_ANSWER);
	struct dnsrr rr;
	unsigned n = 0;

	while (n < most && dnsmsg_next(&w, &rr)) {
		if (rr.number != l->step.type || rr.class != RRCLASS_IN)
			continue;
		l->found_srv = l->found_srv || srv;
		if (srv ? read_srv(l, m, &rr, &records[n]) : read_naptr(l, m, &rr, &records[n]))
			n++;
	}
	qsort(records, n, sizeof(*records), by_both);
	if (n == 0)
		l->status = DNS_NODATA;
	if (!srv)
		return n;
	for (unsigned from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && records[to].first == records[from].first;)
			to++;
		shuffle(records + from, to - from);
	}
	return n;
}

/* The best goes on top. */
static void
follow(struct locate *l, const struct dnsmsg *m)
{
	struct record records[16];
	unsigned n = take_records(l, m, records, sizeof(records) / sizeof(records[0]));
	uint8_t name[NAME_MAX_WIRE];

	for (unsigned i = n; i > 0; i--) {
		(void)name_expand(m->p, records[i - 1].name, name);
		if (l->step.type == RRTYPE_NAPTR)
			push(l, RRTYPE_SRV, name, records[i - 1].transport, 0);
		else
			push_addresses(l, name, records[i - 1].transport, records[i - 1].port);
	}
	if (n == 0 && l->step.type == RRTYPE_NAPTR)
		push_services(l);
}

static void
take_addresses(struct locate *l, const struct dnsmsg *m)
{
	struct dnswalk w = dnsmsg_walk(m, DNS_ANSWER);
	uint16_t port = l->step.port != 0 ? l->step.port : default_port(l->step.transport);
	uint8_t host;
	struct dnsrr rr;

	if (l->nhosts == LOCATE_PLACES)
		return;
	host = (uint8_t)l->nhosts++;
	memcpy(l->names[host], l->step.name, name_len(l->step.name));
	while (dnsmsg_next(&w, &rr)) {
		struct addr a = { .len = sizeof(a.u.in) };

		if (rr.number != l->step.type || rr.class != RRCLASS_IN)
			continue;
		if (l->step.type == RRTYPE_A) {
			a.u.in.sin_family = AF_INET;
			memcpy(&a.u.in.sin_addr, m->p + rr.rdata, 4);
		} else {
			a.len = sizeof(a.u.in6);
			a.u.in6.sin6_family = AF_INET6;
			memcpy(&a.u.in6.sin6_addr, m->p + rr.rdata, 16);
		}
		addr_set_port(&a, port);
		add_place(l, &a, l->step.transport, host);
	}
}

/* --- from step to step --- */

static void
next_step(struct locate *l)
{
	if (l->nsteps == 0 && l->nplaces == 0 && !l->found_srv && !l->fell_back) {
		l->fell_back = true;
		push_addresses(l, l->target, l->transport, 0);
	}
	if (l->nsteps == 0 || l->nplaces == LOCATE_PLACES || l->nqueries == LOCATE_QUERIES) {
		l->done(l);
		return;
	}
	l->step = l->steps[--l->nsteps];
	l->nqueries++;
	l->q.x.name = l->step.name;
	l->q.x.namelen = (uint8_t)name_len(l->step.name);
	l->q.x.type = l->step.type;
	l->q.x.class = RRCLASS_IN;
	resolver_ask(l->resolver, &l->q);
}

static void
answered(struct dns_query *q)
{
	struct locate *l = (struct locate *)(void *)((char *)q - offsetof(struct locate, q));

	if (q->status != DNS_ANSWER_OK) {
		/* a service that is there is not found for want of its addresses, not because there is no other service */
		if (!l->found_srv || l->step.type == RRTYPE_A || l->step.type == RRTYPE_AAAA) {
			l->status = q->status;
			l->rcode = q->rcode;
		}
		if (l->step.type == RRTYPE_NAPTR)
			push_services(l);
	} else if (l->step.type == RRTYPE_A || l->step.type == RRTYPE_AAAA) {
		take_addresses(l, q->msg);
	} else {
		follow(l, q->msg);
	}
	next_step(l);
}

static void
told(struct timer *t)
{
	struct locate *l = (struct locate *)(void *)((char *)t - offsetof(struct locate, now));

	l->done(l);
}

/* --- asking --- */

static void
clear(struct locate *l, struct sched *s, struct resolver *r, unsigned transports)
{
	l->sched = s;
	l->resolver = r;
	l->q.done = answered;
	l->nplaces = l->nsteps = l->nhosts = l->nqueries = 0;
	l->transports = transports;
	l->found_srv = l->fell_back = l->chosen = l->secure = false;
	l->status = DNS_NODATA;
	l->rcode = 0;
}

/* What of the URI tells the transport, and whether it is one of those. */
static int
choose_transport(struct locate *l, const struct sipuri *u, const char **why)
{
	enum transport t;

	if (told_transport(u, &t) == -1) {
		*why = "unknown transport";
		return -1;
	}
	l->chosen = t != TRANSPORT_NONE;
	/* transport=tcp of a sips URI means TLS over it */
	if (l->secure && t != TRANSPORT_UDP)
		t = TRANSPORT_TLS;
	l->transport = t != TRANSPORT_NONE ? t : (l->transports & LOCATE_UDP) != 0 ? TRANSPORT_UDP : TRANSPORT_TCP;
	if (knows(l, l->transport))
		return 0;
	*why = l->secure ? "a sips URI asks for TLS" : "transport is not supported";
	return -1;
}

/* What is known without the DNS: an address, or a name of hosts(5). True: it is told from the loop. */
static bool
know_already(struct locate *l, const struct sipuri *u, uint16_t port)
{
	struct addr list[LOCATE_PLACES];
	bool numeric = literal(u, port, &list[0]);
	int n = 1;

	if (!numeric)
		n = l->hosts != NULL ? hosts_find(l->hosts, target_of(u), AF_UNSPEC, l->sched->clock.now, list, LOCATE_PLACES) : 0;
	if (n <= 0)
		return false;
	if (numeric)
		l->names[0][0] = 0;
	else
		memcpy(l->names[0], l->target, name_len(l->target));
	l->nhosts = 1;
	for (int i = 0; i < n; i++) {
		addr_set_port(&list[i], port);
		add_place(l, &list[i], l->transport, 0);
	}
	timer_init(&l->now, told, false);
	timer_arm(&l->sched->wheel, &l->now, l->sched->clock.now);
	return true;
}

int
locate_ask(struct sched *s, struct resolver *r, struct locate *l, const struct sipuri *u, unsigned transports, const char **why)
{
	uint16_t port = u->port >= 0 ? (uint16_t)u->port : 0;

	clear(l, s, r, transports);
	l->secure = u->scheme == SIP_SCHEME_SIPS;
	if (u->scheme != SIP_SCHEME_SIP && u->scheme != SIP_SCHEME_SIPS) {
		*why = "no sip URI";
		return -1;
	}
	if (choose_transport(l, u, why) == -1)
		return -1;
	if (!locate_is_numeric(u) && idn_parse(target_of(u), l->target, why) < 0)
		return -1;
	if (know_already(l, u, port != 0 ? port : default_port(l->transport)))
		return 0;
	if (port != 0)
		push_addresses(l, l->target, l->transport, port);
	else if (l->chosen)
		push_service(l, l->transport);
	else
		push(l, RRTYPE_NAPTR, l->target, 0, 0);
	/* with a port there is nothing to fall back to */
	l->fell_back = port != 0;
	next_step(l);
	return 0;
}

void
locate_cancel(struct locate *l)
{
	if (l->sched != NULL && l->now.fire != NULL)
		timer_stop(&l->sched->wheel, &l->now);
	if (l->resolver != NULL)
		resolver_cancel(l->resolver, &l->q);
}

int
locate_check(const struct sipuri *u, unsigned transports, const char **why)
{
	struct locate l = { .transports = transports, .secure = u->scheme == SIP_SCHEME_SIPS };

	if (u->scheme != SIP_SCHEME_SIP && u->scheme != SIP_SCHEME_SIPS) {
		*why = "no sip URI";
		return -1;
	}
	if (choose_transport(&l, u, why) == -1)
		return -1;
	return locate_is_numeric(u) || idn_parse(target_of(u), l.target, why) >= 0 ? 0 : -1;
}

const uint8_t *
locate_host(const struct locate *l, const struct locate_place *p)
{
	return l->names[p->host];
}
