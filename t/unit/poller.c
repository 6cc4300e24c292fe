/* The poller: each test with both back ends. */
#include "loop/poller.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

#define EACH(name) \
	static void each_##name(struct poller *); \
	TEST(name) \
	{ \
		static const char *const names[] = { "epoll", "poll" }; \
		for (int i = 0; i < 2; i++) { \
			struct poller *p = poller_new(names[i]); \
			OK(p != NULL); \
			STR(poller_name(p), names[i]); \
			each_##name(p); \
			poller_free(p); \
			if (tap_failed) { \
				printf("# with %s\n", names[i]); \
				return; \
			} \
		} \
	} \
	static void each_##name(struct poller *p)

/* One end of a pair of sockets, watched. */
struct end {
	struct watch watch; /* first */
	struct poller *poller;
	int other;
	int calls, events;  /* how often it was ready, and what was said the last time */
	void (*then)(struct end *);
	struct end *victim; /* for `then` */
};

static void
heard(struct watch *w, int events)
{
	struct end *e = (struct end *)w;

	e->calls++;
	e->events = events;
	if (e->then != NULL)
		e->then(e);
}

static void
open_end(struct poller *p, struct end *e)
{
	int fds[2] = { -1, -1 };

	EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	*e = (struct end){ .watch = { .fd = fds[0], .ready = heard }, .poller = p, .other = fds[1] };
}

static void
close_end(struct end *e)
{
	poller_remove(e->poller, &e->watch);
	(void)close(e->watch.fd);
	if (e->other != -1)
		(void)close(e->other);
}

static void
poke(struct end *e)
{
	EQ(write(e->other, "x", 1), 1);
}

static void
drain(struct end *e)
{
	char buf[64];

	while (read(e->watch.fd, buf, sizeof(buf)) > 0)
		;
}

EACH(readable_is_told_until_it_is_read)
{
	struct end e;

	open_end(p, &e);
	EQ(poller_want(p, &e.watch, POLLER_IN), 0);
	EQ(poller_wait(p, 0), 0);
	poke(&e);
	EQ(poller_wait(p, SEC), 1);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.calls, 2);
	EQ(e.events, POLLER_IN);
	drain(&e);
	EQ(poller_wait(p, 0), 0);
	EQ(e.calls, 2);
	close_end(&e);
}

EACH(only_what_is_wanted_is_told)
{
	struct end e;

	open_end(p, &e);
	poke(&e);
	EQ(poller_want(p, &e.watch, POLLER_OUT), 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.events, POLLER_OUT);
	EQ(poller_want(p, &e.watch, POLLER_IN | POLLER_OUT), 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.events, POLLER_IN | POLLER_OUT);
	EQ(poller_want(p, &e.watch, POLLER_IN), 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.events, POLLER_IN);
	EQ(poller_want(p, &e.watch, 0), 0);
	EQ(poller_wait(p, 0), 0);
	EQ(poller_want(p, &e.watch, POLLER_IN), 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.calls, 4);
	close_end(&e);
}

EACH(wanting_nothing_of_a_new_watch_is_nothing)
{
	struct end e;

	open_end(p, &e);
	EQ(poller_want(p, &e.watch, 0), 0);
	poller_remove(p, &e.watch);
	poller_remove(p, &e.watch);
	EQ(poller_wait(p, 0), 0);
	close_end(&e);
}

static void
remove_self(struct end *e)
{
	poller_remove(e->poller, &e->watch);
}

static void
remove_victim(struct end *e)
{
	poller_remove(e->poller, &e->victim->watch);
}

static void
want_nothing_of_victim(struct end *e)
{
	(void)poller_want(e->poller, &e->victim->watch, 0);
}

static void
read_all(struct end *e)
{
	drain(e);
}

EACH(a_watch_removes_itself)
{
	struct end e, other;

	open_end(p, &e);
	open_end(p, &other);
	e.then = remove_self;
	EQ(poller_want(p, &e.watch, POLLER_IN), 0);
	EQ(poller_want(p, &other.watch, POLLER_IN), 0);
	poke(&e);
	poke(&other);
	EQ(poller_wait(p, SEC), 2);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.calls, 1);
	EQ(other.calls, 2);
	/* and comes back */
	e.then = read_all;
	EQ(poller_want(p, &e.watch, POLLER_IN), 0);
	EQ(poller_wait(p, SEC), 2);
	EQ(e.calls, 2);
	close_end(&e);
	close_end(&other);
}

/* Whichever of the two is called first, the other one, whose event is in the same round, must not be. */
static void
one_silences_the_other(struct poller *p, void (*how)(struct end *))
{
	struct end a, b;

	open_end(p, &a);
	open_end(p, &b);
	a.then = b.then = how;
	a.victim = &b;
	b.victim = &a;
	EQ(poller_want(p, &a.watch, POLLER_IN), 0);
	EQ(poller_want(p, &b.watch, POLLER_IN), 0);
	poke(&a);
	poke(&b);
	EQ(poller_wait(p, SEC), 1);
	EQ(a.calls + b.calls, 1);
	close_end(&a);
	close_end(&b);
}

EACH(removed_while_its_event_is_pending)
{
	one_silences_the_other(p, remove_victim);
}

EACH(wants_nothing_while_its_event_is_pending)
{
	one_silences_the_other(p, want_nothing_of_victim);
}

/* What the descriptor's number is used for next hears nothing of the old one's event. */
static void
replace_victim(struct end *e)
{
	struct end *v = e->victim;

	close_end(v);
	open_end(e->poller, v);
	EQ(poller_want(e->poller, &v->watch, POLLER_IN), 0);
}

EACH(replaced_while_its_event_is_pending)
{
	struct end a, b;

	open_end(p, &a);
	open_end(p, &b);
	a.then = b.then = replace_victim;
	a.victim = &b;
	b.victim = &a;
	EQ(poller_want(p, &a.watch, POLLER_IN), 0);
	EQ(poller_want(p, &b.watch, POLLER_IN), 0);
	poke(&a);
	poke(&b);
	EQ(poller_wait(p, SEC), 1);
	EQ(a.calls + b.calls, 1);
	close_end(&a);
	close_end(&b);
}

static void
add_victim(struct end *e)
{
	drain(e);
	EQ(poller_want(e->poller, &e->victim->watch, POLLER_IN), 0);
}

EACH(added_by_another)
{
	struct end a, b;

	open_end(p, &a);
	open_end(p, &b);
	a.then = add_victim;
	a.victim = &b;
	poke(&a);
	poke(&b);
	EQ(poller_want(p, &a.watch, POLLER_IN), 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(a.calls, 1);
	EQ(b.calls, 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(b.calls, 1);
	close_end(&a);
	close_end(&b);
}

EACH(a_hang_up_ends_every_wait)
{
	struct end e;

	open_end(p, &e);
	EQ(poller_want(p, &e.watch, POLLER_IN), 0);
	EQ(close(e.other), 0);
	e.other = -1;
	EQ(poller_wait(p, SEC), 1);
	EQ(e.events, POLLER_IN);
	EQ(poller_want(p, &e.watch, POLLER_OUT), 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.events, POLLER_OUT);
	/* nobody is woken for nothing by one that wants nothing */
	EQ(poller_want(p, &e.watch, 0), 0);
	EQ(poller_wait(p, 0), 0);
	close_end(&e);
}

EACH(end_of_a_pipe)
{
	int fds[2];
	struct end e = { .poller = p, .other = -1 };

	EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	e.watch = (struct watch){ .fd = fds[0], .ready = heard };
	EQ(poller_want(p, &e.watch, POLLER_IN), 0);
	EQ(close(fds[1]), 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.events, POLLER_IN);
	close_end(&e);
}

EACH(nobody_reads_the_pipe)
{
	int fds[2];
	struct end e = { .poller = p, .other = -1 };

	EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	e.watch = (struct watch){ .fd = fds[1], .ready = heard };
	EQ(poller_want(p, &e.watch, POLLER_OUT), 0);
	EQ(close(fds[0]), 0);
	EQ(poller_wait(p, SEC), 1);
	EQ(e.events, POLLER_OUT);
	close_end(&e);
}

EACH(not_a_descriptor)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct watch w = { .fd = fd, .ready = heard };

	EQ(close(fd), 0);
	errno = 0;
	EQ(poller_want(p, &w, POLLER_IN), -1);
	EQ(errno, EBADF);
	EQ(w.slot, 0);
	EQ(w.wants, 0);
	EQ(poller_wait(p, 0), 0);
}

EACH(the_wait_is_as_long_as_asked_for)
{
	struct clock clock;
	int64_t begun;

	clock_init(&clock, false);
	begun = clock_read(&clock);
	EQ(poller_wait(p, 20 * MSEC), 0);
	OK(clock_read(&clock) - begun >= 20 * MSEC);
	OK(clock_read(&clock) - begun < 5 * SEC);
	begun = clock_read(&clock);
	EQ(poller_wait(p, 0), 0);
	OK(clock_read(&clock) - begun < SEC);
	/* less than a millisecond, and not less than asked for */
	begun = clock_read(&clock);
	EQ(poller_wait(p, 100 * USEC), 0);
	OK(clock_read(&clock) - begun >= 100 * USEC);
}

static void
alarmed(int signo)
{
	(void)signo;
}

EACH(a_signal_ends_a_wait)
{
	struct sigaction sa = { .sa_handler = alarmed };
	struct itimerval soon = { .it_value = { .tv_usec = 20000 }, .it_interval = { .tv_usec = 20000 } };
	static const struct itimerval never;

	EQ(sigaction(SIGALRM, &sa, NULL), 0);
	EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
	EQ(poller_wait(p, -1), 0);
	EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
}

EACH(many_watches)
{
	enum { N = 400 };
	static struct end ends[N];
	struct rlimit files;
	int calls = 0, rounds;

	EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (int i = 0; i < N; i++) {
		open_end(p, &ends[i]);
		EQ(poller_want(p, &ends[i].watch, POLLER_IN), 0);
		ends[i].then = read_all;
		if (i % 2 == 0)
			poke(&ends[i]);
	}
	/* half of them are readable; each is told once, in however many rounds */
	for (rounds = 0; rounds < 10 && calls < N / 2; rounds++)
		calls += poller_wait(p, 0);
	EQ(calls, N / 2);
	EQ(poller_wait(p, 0), 0);
	for (int i = 0; i < N; i++)
		EQ(ends[i].calls, i % 2 == 0);
	/* every third goes, from the middle of the table; the others still hear */
	for (int i = 0; i < N; i += 3)
		poller_remove(p, &ends[i].watch);
	for (int i = 0; i < N; i++)
		poke(&ends[i]);
	for (calls = 0, rounds = 0; rounds < 10; rounds++)
		calls += poller_wait(p, 0);
	EQ(calls, N - (N + 2) / 3);
	for (int i = 0; i < N; i++)
		EQ(ends[i].calls, (i % 2 == 0) + (i % 3 != 0));
	for (int i = 0; i < N; i++)
		close_end(&ends[i]);
}

/* Removal of others while a round is handed out: nobody who stays is passed over, nobody is called twice. */
static void
remove_victim_and_read(struct end *e)
{
	drain(e);
	if (e->victim != NULL)
		poller_remove(e->poller, &e->victim->watch);
}

EACH(removals_in_the_middle_of_a_round)
{
	enum { N = 30 };
	static struct end ends[N];
	int calls = 0;

	for (int i = 0; i < N; i++) {
		open_end(p, &ends[i]);
		EQ(poller_want(p, &ends[i].watch, POLLER_IN), 0);
		ends[i].then = remove_victim_and_read;
		poke(&ends[i]);
	}
	/* 10 removes itself, one looked at already, one to come, whatever the order of a round */
	ends[10].victim = &ends[10];
	ends[11].victim = &ends[2];
	ends[12].victim = &ends[25];
	for (int i = 0; i < 3; i++)
		calls += poller_wait(p, 0);
	for (int i = 0; i < N; i++)
		if (i != 2 && i != 25)
			EQ(ends[i].calls, 1);
	OK(ends[2].calls <= 1);
	OK(ends[25].calls <= 1);
	EQ(calls, N - 2 + ends[2].calls + ends[25].calls);
	for (int i = 0; i < N; i++)
		close_end(&ends[i]);
}

TEST(no_memory_for_a_poller)
{
	static const char *const names[] = { "epoll", "poll" };

	for (int i = 0; i < 2; i++) {
		alloc_reset();
		alloc_fail_at(1);
		OK(poller_new(names[i]) == NULL);
		EQ(errno, ENOMEM);
	}
}

TEST(no_memory_for_a_watch)
{
	struct poller *p = poller_new("poll");
	struct end ends[40];

	/* the table grows at the first and later again: each step may fail, and the watch is not added then */
	for (int i = 0; i < 40; i++) {
		int tries = 0, got;

		open_end(p, &ends[i]);
		do {
			alloc_reset();
			alloc_fail_at(++tries);
			got = poller_want(p, &ends[i].watch, POLLER_IN);
			if (got == -1) {
				EQ(errno, ENOMEM);
				EQ(ends[i].watch.slot, 0);
				EQ(ends[i].watch.wants, 0);
			}
		} while (got == -1 && tries < 5);
		EQ(got, 0);
		poke(&ends[i]);
	}
	alloc_reset();
	EQ(poller_wait(p, 0), 40);
	EQ(alloc_count(), 0);
	for (int i = 0; i < 40; i++)
		close_end(&ends[i]);
	poller_free(p);
}

TEST(the_back_end_is_chosen)
{
	struct poller *p;

	EQ(setenv("COOP_POLLER", "poll", 1), 0);
	p = poller_new(NULL);
	STR(poller_name(p), "poll");
	poller_free(p);
	EQ(setenv("COOP_POLLER", "kqueue", 1), 0);
	OK(poller_new(NULL) == NULL);
	EQ(errno, EINVAL);
	EQ(unsetenv("COOP_POLLER"), 0);
	p = poller_new(NULL);
	STR(poller_name(p), POLLER_DEFAULT);
	poller_free(p);
	poller_free(NULL);
}

MAIN(RUN(readable_is_told_until_it_is_read), RUN(only_what_is_wanted_is_told), RUN(wanting_nothing_of_a_new_watch_is_nothing),
    RUN(a_watch_removes_itself), RUN(removed_while_its_event_is_pending), RUN(wants_nothing_while_its_event_is_pending),
    RUN(replaced_while_its_event_is_pending), RUN(added_by_another), RUN(a_hang_up_ends_every_wait), RUN(end_of_a_pipe),
    RUN(nobody_reads_the_pipe), RUN(not_a_descriptor), RUN(the_wait_is_as_long_as_asked_for), RUN(a_signal_ends_a_wait),
    RUN(many_watches), RUN(removals_in_the_middle_of_a_round), RUN(no_memory_for_a_poller), RUN(no_memory_for_a_watch),
    RUN(the_back_end_is_chosen))
