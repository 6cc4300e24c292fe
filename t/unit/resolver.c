/*
 * The resolver against servers that live in the same loop: good ones, silent, lying, and dead. Time is virtual: minutes of waiting take
 * none.
 */
#include "dns/resolver.h"

#include "tap.h"

#include "nameserver.h"

static unsigned ndone; /* since ask_and_wait began, or the test said so */

static void
done(struct dns_query *q)
{
	OK((q->msg != NULL) == (q->status <= DNS_RCODE));
	ndone++;
}

static void
ask(struct dns_query *q, const char *text)
{
	static uint8_t name[NAME_MAX_WIRE];
	const char *why;

	*q = (struct dns_query){ .done = done, .x = { .name = name, .type = RRTYPE_A, .class = RRCLASS_IN } };
	q->x.namelen = (uint8_t)name_parse(slice_of(text), name, &why);
	resolver_ask(resolver, q);
}

/* Asks one question and returns how long it took. */
static int64_t
ask_and_wait(struct dns_query *q)
{
	int64_t began = sched.clock.now;

	ndone = 0;
	ask(q, "www.example.com");
	EQ(sched_run(&sched), SCHED_DONE);
	EQ(ndone, 1);
	return sched.clock.now - began;
}

TEST(answered)
{
	struct dns_query q;

	set_up(1, 3);
	(void)ask_and_wait(&q);
	EQ(q.status, DNS_ANSWER_OK);
	EQ(q.x.tries, 1);
	servers[0].rcode = RCODE_NXDOMAIN;
	(void)ask_and_wait(&q);
	EQ(q.status, DNS_NXDOMAIN);
	EQ(servers[0].got, 2);
	tear_down(1);
}

TEST(silent)
{
	struct dns_query q;
	int64_t took;

	set_up(1, 3);
	servers[0].ignore = 1000;
	took = ask_and_wait(&q);
	EQ(q.status, DNS_TIMEOUT);
	EQ(servers[0].got, 3);
	EQ(q.x.tries, 3);
	/* three attempts of two seconds each, on average */
	OK(took >= 6 * SEC - MSEC && took <= 6 * SEC + MSEC);
	tear_down(1);
}

TEST(lost_once)
{
	struct dns_query q;
	int64_t took;

	set_up(1, 3);
	servers[0].ignore = 1;
	took = ask_and_wait(&q);
	EQ(q.status, DNS_ANSWER_OK);
	EQ(q.x.tries, 2);
	OK(took < 2 * SEC);
	tear_down(1);
}

TEST(lies)
{
	struct dns_query q;

	set_up(1, 1);
	servers[0].lies = true;
	(void)ask_and_wait(&q);
	EQ(q.status, DNS_ANSWER_OK);
	/* the system itself keeps out what comes from elsewhere */
	EQ(resolver_stats(resolver)->ignored, 6);
	tear_down(1);
}

TEST(garbled)
{
	struct dns_query q;

	set_up(1, 2);
	servers[0].garbles = true;
	(void)ask_and_wait(&q);
	EQ(q.status, DNS_MALFORMED);
	EQ(servers[0].got, 2);
	tear_down(1);
}

TEST(without_edns)
{
	struct dns_query q;

	set_up(1, 1);
	servers[0].hates_edns = true;
	EQ(ask_and_wait(&q), 0);
	EQ(q.status, DNS_ANSWER_OK);
	EQ(servers[0].got, 2);
	tear_down(1);
}

TEST(servers_in_turn)
{
	struct dns_query q;

	set_up(3, 1);
	servers[0].ignore = 1000;
	servers[1].rcode = RCODE_SERVFAIL;
	(void)ask_and_wait(&q);
	EQ(q.status, DNS_ANSWER_OK);
	EQ(q.server, 2);
	EQ(servers[0].got + servers[1].got + servers[2].got, 3);
	/* who all refuse are believed */
	for (int i = 0; i < 3; i++) {
		servers[i].ignore = servers[i].got = 0;
		servers[i].rcode = RCODE_REFUSED;
	}
	EQ(ask_and_wait(&q), 0);
	EQ(q.status, DNS_RCODE);
	EQ(q.rcode, RCODE_REFUSED);
	EQ(servers[0].got + servers[1].got + servers[2].got, 3);
	tear_down(3);
}

TEST(a_server_that_is_down_is_asked_last)
{
	struct dns_query q;

	set_up(2, 2);
	servers[0].ignore = 1000;
	for (int i = 0; i < 8; i++)
		(void)ask_and_wait(&q);
	EQ(servers[0].got, 8);
	EQ(ask_and_wait(&q), 0);
	EQ(servers[0].got, 8);
	/* but tried again in a while */
	clock_jump(&sched.clock, sched.clock.now + 2 * SEC);
	(void)ask_and_wait(&q);
	EQ(servers[0].got, 9);
	tear_down(2);
}

TEST(nobody_listens)
{
	struct dns_query q;
	int64_t took;

	set_up(1, 3);
	udp_close(servers[0].udp);
	servers[0].udp = NULL;
	took = ask_and_wait(&q);
	EQ(q.status, DNS_UNREACHABLE);
	OK(took < 2 * SEC);
	tear_down(1);
}

TEST(cancelled)
{
	struct dns_query q[3];

	set_up(1, 3);
	ndone = 0;
	for (int i = 0; i < 3; i++)
		ask(&q[i], "www.example.com");
	resolver_cancel(resolver, &q[1]);
	resolver_cancel(resolver, &q[1]);
	EQ(resolver_inflight(resolver), 2);
	EQ(sched_run(&sched), SCHED_DONE);
	EQ(ndone, 2);
	resolver_cancel(resolver, &q[0]);
	/* what still waits when the resolver goes is forgotten */
	ask(&q[0], "www.example.com");
	tear_down(1);
	EQ(ndone, 2);
	EQ(sched.holds, 0);
}

/* More than may be in flight: all are answered in the end, and none too many are out at a time. */
TEST(concurrency)
{
	struct resolver_options o = { .conf = { .nservers = 1, .timeout = SEC, .attempts = 2 }, .concurrency = 10 };
	static struct dns_query q[500];

	set_up(1, 3);
	o.conf.servers[0] = servers[0].addr;
	resolver_free(resolver);
	resolver = resolver_new(&sched, &o);
	EQ(resolver_capacity(resolver), 10);
	ndone = 0;
	for (int i = 0; i < 500; i++) {
		ask(&q[i], "www.example.com");
		OK(resolver_inflight(resolver) <= 10);
	}
	EQ(resolver_room(resolver), 0);
	EQ(sched_run(&sched), SCHED_DONE);
	EQ(ndone, 500);
	EQ(servers[0].got, 500);
	EQ(resolver_room(resolver), 10);
	tear_down(1);
}

/* A socket is not used for ever. */
TEST(ports_change)
{
	struct dns_query q;

	set_up(1, 1);
	for (int i = 0; i < 10000; i++)
		(void)ask_and_wait(&q);
	EQ(servers[0].got, 10000);
	EQ(servers[0].ports, 3);
	tear_down(1);
}

TEST(no_allocation_once_warm)
{
	static struct dns_query q[100];

	set_up(1, 3);
	ndone = 0;
	for (int round = 0; round < 12; round++) {
		if (round == 2)
			alloc_reset();
		for (int i = 0; i < 100; i++)
			ask(&q[i], "www.example.com");
		EQ(sched_run(&sched), SCHED_DONE);
	}
	EQ(alloc_count(), 0);
	EQ(ndone, 1200);
	tear_down(1);
}

/* With no memory for a socket a question fails, in its time; it does not crash, and the next one works. */
TEST(no_memory)
{
	struct dns_query q;

	for (int n = 1; n < 10; n++) {
		set_up(1, 1);
		alloc_fail_at(n);
		(void)ask_and_wait(&q);
		alloc_reset();
		OK(q.status == DNS_ANSWER_OK || q.status == DNS_UNREACHABLE || q.status == DNS_TIMEOUT);
		(void)ask_and_wait(&q);
		EQ(q.status, DNS_ANSWER_OK);
		tear_down(1);
	}
}

MAIN(RUN(answered), RUN(silent), RUN(lost_once), RUN(lies), RUN(garbled), RUN(without_edns), RUN(servers_in_turn),
    RUN(a_server_that_is_down_is_asked_last), RUN(nobody_listens), RUN(cancelled), RUN(concurrency), RUN(ports_change),
    RUN(no_allocation_once_warm), RUN(no_memory))
