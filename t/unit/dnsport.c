/* The sockets from which a server is asked: how many, how long each, and that no port or id follows from another. */
#include "dns/dnsport.h"

#include "net/udp.h"
#include "tap.h"

enum { MANY = 3000 };

static struct sched sched;
static struct udp *server;
static struct dnsport_set set;
static struct dns_query queries[MANY];
static unsigned got, nports, replies;
static uint16_t ports[MANY], ids[MANY];

static void
note(struct udp *udp, struct slice data, const struct addr *from)
{
	uint16_t port = addr_port(from);
	unsigned i;

	for (i = 0; i < nports && ports[i] != port; i++)
		;
	if (i == nports)
		ports[nports++] = port;
	OK(data.n > 12);
	ids[got++] = (uint16_t)((uint8_t)data.p[0] << 8 | (uint8_t)data.p[1]);
	/* as good as an answer here */
	(void)udp_send(udp, data, from);
}

static void
on_reply(struct dnsport_set *s, struct dns_query *q, struct slice data)
{
	(void)data;
	replies++;
	dnsport_drop(s, q);
}

static void
on_stray(struct dnsport_set *s)
{
	(void)s;
	OK(false);
}

static void
on_refused(struct dnsport_set *s, struct dns_query *q)
{
	dnsport_drop(s, q);
}

static void
set_up(unsigned spread)
{
	struct addr any;

	EQ(sched_init(&sched, NULL, true), 0);
	EQ(addr_literal(SLICE("127.0.0.1"), 0, &any), 0);
	server = udp_open(&sched, &any, AF_INET, NULL, note, NULL);
	OK(server != NULL && udp_read(server, true) == 0);
	set = (struct dnsport_set){ .sched = &sched, .reply = on_reply, .stray = on_stray, .refused = on_refused, .most = 32,
		.spread = spread };
	EQ(udp_localaddr(server, &set.server), 0);
	dnsport_init(&set);
	got = nports = replies = 0;
}

static void
tear_down(void)
{
	dnsport_fini(&set);
	udp_close(server);
	sched_fini(&sched);
}

static void
stop_it(struct timer *t)
{
	(void)t;
	sched_stop(&sched);
}

/* Asks n questions, `at_once` at a time, and waits for their answers. */
static void
ask(unsigned n, unsigned at_once)
{
	static const uint8_t name[] = "\1a\1x";
	struct timer t;

	sched_hold(&sched);
	for (unsigned i = 0; i < n; i++) {
		queries[i] = (struct dns_query){ .x = { .name = name, .namelen = sizeof(name), .type = RRTYPE_A, .class = RRCLASS_IN } };
		EQ(dnsport_send(&set, &queries[i]), 0);
		if ((i + 1) % at_once != 0)
			continue;
		timer_init(&t, stop_it, false);
		timer_arm(&sched.wheel, &t, sched.clock.now + MSEC);
		EQ(sched_run(&sched), SCHED_STOPPED);
	}
	sched_release(&sched);
	EQ(got, n);
	EQ(replies, n);
}

TEST(one_until_it_is_worn_out)
{
	set_up(0);
	ask(100, 10);
	EQ(nports, 1);
	OK(ports[0] >= 20000);
	tear_down();
}

/* Each from one of eight by chance, and none for more than 256 questions. */
TEST(spread)
{
	unsigned close = 0;

	set_up(8);
	ask(100, 1);
	EQ(nports, 8);
	got = replies = 0;
	ask(2900, 1);
	OK(nports >= 2900 / 256 && nports <= 3000 / 256 + 9);
	for (unsigned i = 1; i < nports; i++)
		close += ports[i] - ports[i - 1] < 100 && ports[i - 1] - ports[i] < 100;
	OK(close < nports / 2);
	OK(set.n <= 9);
	tear_down();
}

/* Neither in order nor repeated more often than chance has it. */
TEST(ids)
{
	unsigned equal = 0, next = 0, high = 0;

	set_up(0);
	ask(MANY, 30);
	for (unsigned i = 0; i < MANY; i++) {
		high += ids[i] >> 15;
		next += i > 0 && ids[i] == (uint16_t)(ids[i - 1] + 1);
		for (unsigned k = 0; k < i; k++)
			equal += ids[i] == ids[k];
	}
	/* 3000 * 2999 / 2 / 65536 = 69 are to be expected */
	OK(equal > 20 && equal < 150);
	OK(next < 5);
	OK(high > MANY / 2 - 200 && high < MANY / 2 + 200);
	tear_down();
}

TEST(no_more_than_allowed)
{
	struct dns_query q = queries[0];

	set_up(8);
	set.most = 2;
	ask(50, 1);
	EQ(nports, 2);
	EQ(set.n, 2);
	set.most = 0;
	dnsport_fini(&set);
	q.via = NULL;
	EQ(dnsport_send(&set, &q), -1);
	EQ(errno, ENOBUFS);
	tear_down();
}

MAIN(RUN(one_until_it_is_worn_out), RUN(spread), RUN(ids), RUN(no_more_than_allowed))
