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

	open_sink(&sink, s, "127.0.0.1:0", 65536);
	/* a silence's first nap is short when there is so little room */
	OK(sink.nap.first < NAP_MOST / 10);
	(void)run(&sink, 40, 40, 5 * SEC);
	before = sink.nap.length;
	(void)run(&sink, 150, 100, 5 * SEC);
	OK(sink.nap.length <= before);
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

MAIN(RUN(all_come_and_few_turns_are_taken), RUN(nothing_wakes_up_when_nothing_comes),
    RUN(a_full_buffer_shortens_the_nap), RUN(a_unix_socket_is_read_as_it_comes))
