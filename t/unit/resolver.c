/*
 * The resolver against servers that live in the same loop: good ones, silent, lying, and dead. Time is virtual: minutes of waiting take
 * none.
 */
#include "dns/resolver.h"

#include "tap.h"

#include "nameserver.h"

static unsigned ndone; /* since ask_and_wait began, or the test said so */

static char owner[NAME_TEXTLEN]; /* of the last answer's question */

static void
done(struct dns_query *q)
{
	if (q->msg != NULL)
		*name_text(owner, q->msg->p, q->msg->qname) = '\0';
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
	/* that is remembered, for a quarter of an hour */
	EQ(ask_and_wait(&q), 0);
	EQ(servers[0].got, 3);
	run_for(901 * SEC);
	EQ(ask_and_wait(&q), 0);
	EQ(servers[0].got, 5);
	tear_down(1);
}

TEST(servers_in_turn)
{
	struct dns_query q;

	rotating = true;
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
	rotating = false;
}

/* Three questions in a row without an answer, and nobody has to wait for it again until it is back. */
TEST(a_server_that_is_down_is_left_alone)
{
	struct dns_query q;

	set_up(2, 2);
	EQ(ask_and_wait(&q), 0);
	run_for(MSEC);
	EQ(servers[0].got, 1);
	EQ(servers[1].got, 1);
	servers[0].ignore = 1000;
	for (int i = 0; i < 2; i++)
		OK(ask_and_wait(&q) > 0);
	for (int i = 0; i < 10; i++)
		EQ(ask_and_wait(&q), 0);
	EQ(servers[0].got, 3);
	/* it is tried out in a while, with a question that somebody asks of the other */
	servers[0].ignore = 0;
	run_for(61 * SEC);
	EQ(ask_and_wait(&q), 0);
	EQ(q.server, 1);
	run_for(MSEC);
	EQ(servers[0].got, 4);
	EQ(ask_and_wait(&q), 0);
	EQ(q.server, 0);
	tear_down(2);
}

/* The same when the load is shared: three in a row are too many. */
TEST(one_of_many_is_down)
{
	struct dns_query q;
	int waited = 0;

	rotating = true;
	set_up(3, 2);
	servers[1].ignore = 1000;
	for (int i = 0; i < 30; i++)
		waited += ask_and_wait(&q) > 0;
	EQ(waited, 3);
	run_for(SEC);
	for (int i = 0; i < 30; i++)
		EQ(ask_and_wait(&q), 0);
	run_for(MSEC);
	EQ(servers[1].got, 4);
	servers[1].ignore = 0;
	run_for(5 * SEC);
	EQ(ask_and_wait(&q), 0);
	run_for(MSEC);
	for (int i = 0; i < 30; i++)
		EQ(ask_and_wait(&q), 0);
	EQ(servers[1].got, 15);
	tear_down(3);
	rotating = false;
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
	/* one that waits, and one that does not */
	resolver_cancel(resolver, &q[400]);
	resolver_cancel(resolver, &q[0]);
	EQ(sched_run(&sched), SCHED_DONE);
	EQ(ndone, 498);
	OK(servers[0].got == 498 || servers[0].got == 499);
	EQ(resolver_room(resolver), 10);
	tear_down(1);
}

/* A server that is silent, after it was quick, holds nothing up: what is asked leaves, if not all at a time. */
TEST(an_eager_resolver_waits_for_nobody)
{
	struct resolver_options o = { .conf = { .nservers = 1, .timeout = SEC, .attempts = 2 }, .eager = true };
	enum { MANY = 5000 };
	static struct dns_query q[MANY];

	set_up(1, 3);
	o.conf.servers[0] = servers[0].addr;
	resolver_free(resolver);
	resolver = resolver_new(&sched, &o);
	EQ(ask_and_wait(&q[0]), 0);
	servers[0].ignore = 1000000;
	ndone = 0;
	for (int i = 0; i < MANY; i++)
		ask(&q[i], "www.example.com");
	OK(resolver_inflight(resolver) < MANY);
	run_for(40 * MSEC);
	EQ(resolver_inflight(resolver), MANY);
	EQ(ndone, 0);
	EQ(sched_run(&sched), SCHED_DONE);
	EQ(ndone, MANY);
	EQ(q[MANY - 1].status, DNS_TIMEOUT);
	tear_down(1);
}

/* Letters of the question in a case by chance; what comes back in another is not believed over UDP. */
TEST(letter_case)
{
	struct dns_query q;

	guard = RESOLVER_GUARD_ON;
	set_up(1, 2);
	for (int i = 0; i < 40; i++) {
		EQ(ask_and_wait(&q), 0);
		EQ(q.status, DNS_ANSWER_OK);
	}
	/* "www.example.com" has 13 letters: with as many bits few of 40 are equal */
	OK(servers[0].cases > 30);
	STR(owner, "www.example.com.");
	/* one that answers in small letters, and has no TCP, is asked without in the end */
	servers[0].folds = true;
	servers[0].got = 0;
	OK(ask_and_wait(&q) < 2 * SEC);
	EQ(q.status, DNS_ANSWER_OK);
	EQ(servers[0].got, 2);
	tear_down(1);
	guard = RESOLVER_GUARD_AUTO;
}

TEST(cookies)
{
	struct dns_query q;

	guard = RESOLVER_GUARD_ON;
	set_up(1, 2);
	servers[0].cookies = true;
	EQ(ask_and_wait(&q), 0);
	EQ(q.status, DNS_ANSWER_OK);
	EQ(servers[0].got, 1);
	/* BADCOOKIE: it wants to see its own part */
	servers[0].strict = true;
	servers[0].secret++;
	EQ(ask_and_wait(&q), 0);
	EQ(q.status, DNS_ANSWER_OK);
	EQ(servers[0].got, 3);
	EQ(ask_and_wait(&q), 0);
	EQ(servers[0].got, 4);
	/* what has no cookie now, or another client's, is not from there; the server itself is given another chance */
	servers[0].cookies = servers[0].strict = false;
	OK(ask_and_wait(&q) > 0);
	EQ(q.status, DNS_ANSWER_OK);
	EQ(servers[0].got, 6);
	servers[0].cookies = servers[0].spoils = true;
	OK(ask_and_wait(&q) > 0);
	EQ(q.status, DNS_TIMEOUT);
	tear_down(1);
	guard = RESOLVER_GUARD_AUTO;
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
    RUN(a_server_that_is_down_is_left_alone), RUN(one_of_many_is_down), RUN(nobody_listens), RUN(cancelled), RUN(concurrency),
    RUN(an_eager_resolver_waits_for_nobody), RUN(letter_case), RUN(cookies), RUN(ports_change),
    RUN(no_allocation_once_warm), RUN(no_memory))
