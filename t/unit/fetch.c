/* The cache at work: what goes to the servers, and what does not. Time is virtual. */
#include "dns/fetch.h"

#include "tap.h"

#include "nameserver.h"

enum { MANY = 20 };

struct asker {
	struct dns_query q;
	uint8_t name[NAME_MAX_WIRE];
	unsigned done, last; /* the last byte of the address: how often the server had been asked */
	uint32_t ttl;
	int64_t began, took;
	char text[64];       /* the answer's owner */
};

static struct asker askers[MANY];

static void
note(struct asker *a, const struct dnsmsg *m)
{
	struct dnswalk w = dnsmsg_walk(m, DNS_ANSWER);
	struct dnsrr rr;
	char text[NAME_TEXTLEN];

	if (!dnsmsg_next(&w, &rr))
		return;
	a->last = m->p[rr.rdata + 3];
	a->ttl = rr.ttl;
	EQ(slice_cstr(slice_make(text, (size_t)(name_text(text, m->p, rr.name) - text)), a->text, sizeof(a->text)), 0);
}

static void
done(struct dns_query *q)
{
	struct asker *a = (struct asker *)(void *)((char *)q - offsetof(struct asker, q));

	a->done++;
	a->took = sched.clock.now - a->began;
	if (q->msg != NULL)
		note(a, q->msg);
}

static struct asker *
ask(int i, const char *text)
{
	struct asker *a = &askers[i];
	const char *why;

	*a = (struct asker){ .q = { .done = done, .x = { .type = RRTYPE_A, .class = RRCLASS_IN } }, .began = sched.clock.now };
	a->q.x.name = a->name;
	a->q.x.namelen = (uint8_t)name_parse(slice_of(text), a->name, &why);
	resolver_ask(resolver, &a->q);
	EQ(a->done, 0);
	return a;
}

static struct asker *
ask_and_wait(const char *text)
{
	struct asker *a = ask(0, text);

	EQ(sched_run(&sched), SCHED_DONE);
	EQ(a->done, 1);
	return a;
}

static void
start(void)
{
	cache_bytes = 100000;
	set_up(1, 2);
}

static void
pass(int64_t time)
{
	clock_jump(&sched.clock, sched.clock.now + time);
}

static const struct resolver_stats *
stats(void)
{
	return resolver_stats(resolver);
}

TEST(asked_once)
{
	struct asker *a;

	start();
	a = ask_and_wait("www.example.com");
	EQ(a->q.status, DNS_ANSWER_OK);
	EQ(a->last, 1);
	EQ(a->ttl, 60);
	EQ(a->q.x.tries, 1);
	pass(10 * SEC);
	a = ask_and_wait("WWW.example.com");
	EQ(a->last, 1);
	EQ(a->ttl, 50);
	EQ(a->q.x.tries, 0);
	STR(a->text, "WWW.example.com.");
	EQ(servers[0].got, 1);
	EQ(stats()->hits, 1);
	pass(51 * SEC);
	EQ(ask_and_wait("www.example.com")->last, 2);
	tear_down(1);
}

TEST(nothing)
{
	start();
	servers[0].rcode = RCODE_NXDOMAIN;
	servers[0].minimum = 5;
	EQ(ask_and_wait("www.example.com")->q.status, DNS_NXDOMAIN);
	EQ(ask_and_wait("www.example.com")->q.status, DNS_NXDOMAIN);
	EQ(askers[0].q.rcode, RCODE_NXDOMAIN);
	EQ(servers[0].got, 1);
	pass(6 * SEC);
	servers[0].rcode = RCODE_NOERROR;
	EQ(ask_and_wait("www.example.com")->q.status, DNS_ANSWER_OK);
	tear_down(1);
}

TEST(equal_questions_share_one)
{
	start();
	for (int i = 0; i < MANY; i++)
		ask(i, i % 2 ? "www.example.com" : "WWW.Example.COM");
	EQ(sched_run(&sched), SCHED_DONE);
	for (int i = 0; i < MANY; i++) {
		EQ(askers[i].done, 1);
		EQ(askers[i].q.status, DNS_ANSWER_OK);
		STR(askers[i].text, i % 2 ? "www.example.com." : "WWW.Example.COM.");
	}
	EQ(servers[0].got, 1);
	EQ(stats()->shared, MANY - 1);
	/* what may not be kept is shared too, and asked for again */
	servers[0].ttl = 0;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++)
			ask(i, "ttl0.example.com");
		EQ(sched_run(&sched), SCHED_DONE);
	}
	EQ(servers[0].got, 3);
	tear_down(1);
}

TEST(renewed_before_its_end)
{
	start();
	(void)ask_and_wait("www.example.com");
	pass(55 * SEC);
	EQ(ask_and_wait("www.example.com")->last, 1);
	EQ(ask_and_wait("www.example.com")->last, 1);
	EQ(stats()->renewed, 1);
	run_for(MSEC);
	pass(10 * SEC);
	/* what was fetched then is good for another while */
	EQ(ask_and_wait("www.example.com")->last, 2);
	EQ(askers[0].ttl, 50);
	EQ(servers[0].got, 2);
	tear_down(1);
}

TEST(stale_when_the_servers_fail)
{
	start();
	(void)ask_and_wait("www.example.com");
	pass(100 * SEC);
	servers[0].rcode = RCODE_SERVFAIL;
	EQ(ask_and_wait("www.example.com")->last, 1);
	EQ(askers[0].q.status, DNS_ANSWER_OK);
	EQ(askers[0].ttl, 30);
	EQ(servers[0].got, 2);
	/* they are left in peace for half a minute */
	pass(29 * SEC);
	EQ(ask_and_wait("www.example.com")->last, 1);
	EQ(servers[0].got, 2);
	pass(SEC);
	EQ(ask_and_wait("www.example.com")->last, 1);
	EQ(servers[0].got, 3);
	/* until they are well again */
	servers[0].rcode = RCODE_NOERROR;
	pass(30 * SEC);
	EQ(ask_and_wait("www.example.com")->last, 4);
	EQ(stats()->stale, 3);
	/* that there is no such name is an answer */
	pass(100 * SEC);
	servers[0].rcode = RCODE_NXDOMAIN;
	EQ(ask_and_wait("www.example.com")->q.status, DNS_NXDOMAIN);
	/* and of what is not known, a failure is one */
	servers[0].rcode = RCODE_SERVFAIL;
	EQ(ask_and_wait("other.example.com")->q.status, DNS_RCODE);
	tear_down(1);
}

TEST(stale_when_they_are_slow)
{
	start();
	(void)ask_and_wait("www.example.com");
	pass(100 * SEC);
	servers[0].ignore = 100;
	EQ(ask_and_wait("www.example.com")->last, 1);
	EQ(askers[0].ttl, 30);
	OK(askers[0].took >= 1800 * MSEC && askers[0].took < 1801 * MSEC);
	/* who comes later does not wait as long again: one question is under way already */
	EQ(ask_and_wait("www.example.com")->took / MSEC, 0);
	EQ(servers[0].got, 3);
	tear_down(1);
}

TEST(cancelled)
{
	start();
	for (int i = 0; i < 3; i++)
		ask(i, "www.example.com");
	resolver_cancel(resolver, &askers[1].q);
	resolver_cancel(resolver, &askers[1].q);
	EQ(sched_run(&sched), SCHED_DONE);
	EQ(askers[0].done + askers[2].done, 2);
	EQ(askers[1].done, 0);
	/* the last who waits takes the query with him */
	servers[0].ignore = 100;
	ask(0, "silent.example.com");
	ask(1, "silent.example.com");
	run_for(MSEC);
	EQ(resolver_inflight(resolver), 1);
	resolver_cancel(resolver, &askers[0].q);
	EQ(resolver_inflight(resolver), 1);
	resolver_cancel(resolver, &askers[1].q);
	EQ(resolver_inflight(resolver), 0);
	/* what still waits when the resolver goes is forgotten */
	ask(0, "silent.example.com");
	run_for(MSEC);
	ask(1, "silent.example.com");
	ask(2, "www.example.com");
	tear_down(1);
	EQ(askers[0].done + askers[1].done + askers[2].done, 0);
	EQ(sched.holds, 0);
}

TEST(no_allocation_once_warm)
{
	char name[32];

	start();
	for (int round = 0; round < 12; round++) {
		if (round == 2)
			alloc_reset();
		for (int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "n%d.example.com", i % 4);
			ask(i, name);
		}
		EQ(sched_run(&sched), SCHED_DONE);
	}
	EQ(servers[0].got, 4);
	EQ(alloc_count(), 0);
	tear_down(1);
}

/* Without memory a question fails or is answered, and the next one works. */
TEST(no_memory)
{
	for (int n = 1; n < 12; n++) {
		start();
		alloc_fail_at(n);
		(void)ask_and_wait("www.example.com");
		alloc_reset();
		EQ(ask_and_wait("www.example.com")->q.status, DNS_ANSWER_OK);
		tear_down(1);
	}
}

MAIN(RUN(asked_once), RUN(nothing), RUN(equal_questions_share_one), RUN(renewed_before_its_end), RUN(stale_when_the_servers_fail),
    RUN(stale_when_they_are_slow), RUN(cancelled), RUN(no_allocation_once_warm), RUN(no_memory))
