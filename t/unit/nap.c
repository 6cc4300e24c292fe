#include "net/nap.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "both.h"
#include "tap.h"

/* A socket that is read in gulps, and how often that was. */
struct sink {
	struct sched *s;
	struct udp *u;
	struct nap nap;
	struct addr at;
	int n, batches, wanted;
	struct timer patience;
};

static void
got(struct udp *u, struct slice data, const struct addr *from)
{
	struct sink *sink = udp_user(u);

	EQ(data.n, 4);
	OK(from->len > 0 || sink->at.u.sa.sa_family == AF_UNIX);
	if (++sink->n == sink->wanted)
		sched_stop(sink->s);
}

static void
batch(struct udp *u)
{
	((struct sink *)udp_user(u))->batches++;
}

static void
give_up(struct timer *t)
{
	struct sink *sink = (struct sink *)(void *)((char *)t - offsetof(struct sink, patience));

	sched_stop(sink->s);
}

static void
open_sink(struct sink *sink, struct sched *s, const char *at, int rcvbuf)
{
	struct udp_options options = { .rcvbuf = rcvbuf };
	struct addr a;

	*sink = (struct sink){ .s = s };
	EQ(addr_parse(slice_of(at), -1, &a, NULL, NULL), 0);
	OK((sink->u = udp_open(sink->s, &a, AF_UNSPEC, &options, got, sink)) != NULL);
	udp_on_batch(sink->u, batch);
	EQ(udp_localaddr(sink->u, &sink->at), 0);
	EQ(nap_start(&sink->nap, sink->s, sink->u), 0);
	timer_init(&sink->patience, give_up, true);
}

static void
close_sink(struct sink *sink)
{
	nap_stop(&sink->nap);
	udp_close(sink->u);
	timer_stop(&sink->s->wheel, &sink->patience);
}

/* Sends n datagrams, then runs until `wanted` more have come, or that time has passed. Returns the turns it took. */
static uint64_t
run(struct sink *sink, int n, int wanted, int64_t most)
{
	int fd = socket(sink->at.u.sa.sa_family, SOCK_DGRAM, 0);
	uint64_t turns = sink->s->stats.turns;

	for (int i = 0; i < n; i++)
		EQ(sendto(fd, "a:1|", 4, 0, &sink->at.u.sa, sink->at.len), 4);
	sink->wanted = sink->n + wanted;
	timer_arm(&sink->s->wheel, &sink->patience, clock_read(&sink->s->clock) + most);
	EQ(sched_run(sink->s), SCHED_STOPPED);
	sink->wanted = -1;
	close(fd);
	return sink->s->stats.turns - turns;
}

BOTH(all_come_and_few_turns_are_taken)
{
	struct sink sink;

	open_sink(&sink, s, "127.0.0.1:0", 1 << 20);
	for (int i = 0; i < 3; i++)
		OK(run(&sink, 200, 200, 5 * SEC) <= 4);
	EQ(sink.n, 600);
	OK(sink.batches <= 3 * 6);
	EQ(udp_dropped(sink.u), 0);
	close_sink(&sink);
}

BOTH(nothing_wakes_up_when_nothing_comes)
{
	struct sink sink;

	open_sink(&sink, s, "127.0.0.1:0", 0);
	OK(run(&sink, 0, 1, 100 * MSEC) <= 5); /* a far timer comes nearer in steps */
	EQ(run(&sink, 1, 1, 5 * SEC) > 0, true);
	/* a turn or two until the poller watches again */
	(void)run(&sink, 0, 1, 50 * MSEC);
	OK(run(&sink, 0, 1, 100 * MSEC) <= 5);
	EQ(run(&sink, 1, 1, 5 * SEC) > 0, true);
	EQ(sink.n, 2);
	close_sink(&sink);
}

BOTH(a_full_buffer_shortens_the_nap)
{
	struct sink sink;
	int64_t before;
	bool shorter = false;

	open_sink(&sink, s, "127.0.0.1:0", 65536);
	/* a silence's first nap is short when there is so little room */
	OK(sink.nap.first < NAP_MOST / 10);
	/* while the machine does something else it is few that come, whatever we send */
	for (int i = 0; i < 50 && !shorter; i++) {
		(void)run(&sink, 40, 40, 5 * SEC);
		before = sink.nap.length;
		(void)run(&sink, 150, 100, 5 * SEC);
		shorter = sink.nap.length <= before;
	}
	OK(shorter);
	close_sink(&sink);
}

BOTH(a_unix_socket_is_read_as_it_comes)
{
	struct sink sink;
	char path[64];

	snprintf(path, sizeof(path), "unix:@coop-nap-%d", (int)getpid());
	open_sink(&sink, s, path, 0);
	(void)run(&sink, 8, 8, 5 * SEC);
	EQ(sink.n, 8);
	OK(!timer_pending(&sink.nap.timer));
	close_sink(&sink);
}

/* --- what a nap is made of: a socket that is read when it is asked to --- */

static int arrivals;

static void
note_arrival(void *arg)
{
	(void)arg;
	arrivals++;
}

BOTH(read_only_when_it_is_asked_to)
{
	struct sink sink;

	open_sink(&sink, s, "127.0.0.1:0", 0);
	nap_stop(&sink.nap);
	arrivals = 0;
	udp_on_arrival(sink.u, note_arrival, NULL);
	EQ(udp_read(sink.u, true), 0);
	(void)run(&sink, 200, 1, 20 * MSEC);
	EQ(arrivals, 1);
	EQ(sink.n, 0);
	OK(udp_buffer(sink.u).used > 0 && udp_buffer(sink.u).used <= udp_buffer(sink.u).size);
	EQ(udp_receive(sink.u, 10), 10);
	EQ(udp_receive(sink.u, 100), 100);
	EQ(udp_receive(sink.u, 100), 90);
	EQ(udp_receive(sink.u, 100), 0);
	EQ(sink.n, 200);
	EQ(sink.batches, 1 + 2 + 2);
	EQ(udp_buffer(sink.u).used, 0);
	/* again, and then as it comes */
	EQ(udp_read(sink.u, true), 0);
	(void)run(&sink, 1, 1, 20 * MSEC);
	EQ(arrivals, 2);
	udp_on_arrival(sink.u, NULL, NULL);
	EQ(udp_read(sink.u, true), 0);
	(void)run(&sink, 0, 1, 5 * SEC);
	EQ(sink.n, 201);
	close_sink(&sink);
}

static void
close_at_once(struct udp *u, struct slice data, const struct addr *from)
{
	(void)data;
	(void)from;
	++*(int *)udp_user(u);
	udp_close(u);
}

BOTH(its_callback_may_close_what_is_read)
{
	struct sink sink;
	struct addr a;
	struct udp *u;
	int n = 0;

	open_sink(&sink, s, "127.0.0.1:0", 0);
	EQ(addr_parse(SLICE("127.0.0.1:0"), -1, &a, NULL, NULL), 0);
	OK((u = udp_open(s, &a, AF_UNSPEC, NULL, close_at_once, &n)) != NULL);
	EQ(udp_localaddr(u, &sink.at), 0);
	(void)run(&sink, 3, 1, 5 * MSEC);
	EQ(udp_receive(u, 100), 3);
	EQ(n, 1);
	close_sink(&sink);
}

MAIN(RUN(all_come_and_few_turns_are_taken), RUN(nothing_wakes_up_when_nothing_comes),
    RUN(a_full_buffer_shortens_the_nap), RUN(a_unix_socket_is_read_as_it_comes),
    RUN(read_only_when_it_is_asked_to), RUN(its_callback_may_close_what_is_read))
