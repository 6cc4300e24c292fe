#include "loop/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"

struct counter {
	struct signal_watch watch;
	int n;
	struct signal_watch *remove;
};

static void
count(struct signal_watch *w)
{
	struct counter *c = (struct counter *)w;

	c->n++;
	if (c->remove != NULL)
		signal_unwatch(c->remove);
}

static struct counter
counter(int signo)
{
	return (struct counter){ .watch = { .signo = signo, .caught = count } };
}

BOTH(caught_in_the_loop)
{
	struct counter usr1 = counter(SIGUSR1), usr2 = counter(SIGUSR2);

	EQ(signal_watch(s, &usr1.watch), 0);
	EQ(signal_watch(s, &usr2.watch), 0);
	raise(SIGUSR1);
	EQ(usr1.n, 0);
	both_turn(s);
	EQ(usr1.n, 1);
	EQ(usr2.n, 0);
	both_turn(s);
	EQ(usr1.n, 1);
	raise(SIGUSR2);
	raise(SIGUSR1);
	both_turn(s);
	EQ(usr1.n, 2);
	EQ(usr2.n, 1);
	signal_fini();
}

BOTH(many_arrivals_are_one_event)
{
	struct counter usr1 = counter(SIGUSR1);

	EQ(signal_watch(s, &usr1.watch), 0);
	/* more than a pipe holds */
	for (int i = 0; i < 70000; i++)
		raise(SIGUSR1);
	both_turn(s);
	both_turn(s);
	EQ(usr1.n, 1);
	raise(SIGUSR1);
	both_turn(s);
	EQ(usr1.n, 2);
	signal_fini();
}

BOTH(several_watches_share_a_signal)
{
	struct counter a = counter(SIGUSR1), b = counter(SIGUSR1);

	EQ(signal_watch(s, &a.watch), 0);
	EQ(signal_watch(s, &b.watch), 0);
	raise(SIGUSR1);
	both_turn(s);
	EQ(a.n, 1);
	EQ(b.n, 1);
	signal_unwatch(&a.watch);
	signal_unwatch(&a.watch);
	raise(SIGUSR1);
	both_turn(s);
	EQ(a.n, 1);
	EQ(b.n, 2);
	signal_fini();
}

BOTH(removal_in_the_callback)
{
	/* each removes itself; then one that removes the next, whichever that is */
	struct counter a = counter(SIGUSR1), b = counter(SIGUSR1), c = counter(SIGUSR1);

	a.remove = &a.watch;
	b.remove = &b.watch;
	EQ(signal_watch(s, &a.watch), 0);
	EQ(signal_watch(s, &b.watch), 0);
	EQ(signal_watch(s, &c.watch), 0);
	raise(SIGUSR1);
	both_turn(s);
	raise(SIGUSR1);
	both_turn(s);
	EQ(a.n, 1);
	EQ(b.n, 1);
	EQ(c.n, 2);
	EQ(signal_watch(s, &a.watch), 0);
	EQ(signal_watch(s, &b.watch), 0);
	b.remove = &a.watch;
	a.remove = NULL;
	a.n = b.n = 0;
	raise(SIGUSR1);
	both_turn(s);
	EQ(b.n, 1);
	EQ(a.n, 0);
	signal_fini();
}

BOTH(puts_back_what_was_there)
{
	struct counter usr1 = counter(SIGUSR1);
	struct sigaction sa;

	signal(SIGUSR1, SIG_IGN);
	EQ(signal_watch(s, &usr1.watch), 0);
	OK(sigaction(SIGUSR1, NULL, &sa) == 0 && sa.sa_handler != SIG_IGN);
	signal_unwatch(&usr1.watch);
	OK(sigaction(SIGUSR1, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN);
	EQ(signal_watch(s, &usr1.watch), 0);
	signal_fini();
	OK(sigaction(SIGUSR1, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN);
	signal(SIGUSR1, SIG_DFL);
	signal_fini();
}

/* One that came just before a signal was no longer watched is not news for whoever watches it next. */
BOTH(no_stale_signal)
{
	struct counter usr1 = counter(SIGUSR1);

	EQ(signal_watch(s, &usr1.watch), 0);
	raise(SIGUSR1);
	signal_unwatch(&usr1.watch);
	EQ(signal_watch(s, &usr1.watch), 0);
	both_turn(s);
	EQ(usr1.n, 0);
	signal_fini();
}

BOTH(errors)
{
	struct counter bad = counter(0), kill = counter(SIGKILL), usr1 = counter(SIGUSR1);
	struct sched other;

	EQ(signal_watch(s, &bad.watch), -1);
	EQ(errno, EINVAL);
	bad.watch.signo = NSIG;
	EQ(signal_watch(s, &bad.watch), -1);
	EQ(errno, EINVAL);
	EQ(signal_watch(s, &kill.watch), -1);
	EQ(errno, EINVAL);
	signal_unwatch(&kill.watch);
	EQ(signal_watch(s, &usr1.watch), 0);
	EQ(sched_init(&other, NULL, true), 0);
	EQ(signal_watch(&other, &kill.watch), -1);
	EQ(errno, EBUSY);
	sched_fini(&other);
	signal_fini();
}

BOTH(no_descriptor_is_left_behind)
{
	struct counter usr1 = counter(SIGUSR1);
	int fd, again;

	fd = dup(0);
	close(fd);
	EQ(signal_watch(s, &usr1.watch), 0);
	/* children do not get the pipe */
	EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	EQ(fcntl(fd + 1, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	signal_fini();
	again = dup(0);
	EQ(again, fd);
	close(again);
}

MAIN(RUN(caught_in_the_loop), RUN(many_arrivals_are_one_event), RUN(several_watches_share_a_signal),
    RUN(removal_in_the_callback), RUN(puts_back_what_was_there), RUN(no_stale_signal), RUN(errors),
    RUN(no_descriptor_is_left_behind))
