/* Who runs first: what an event or a timer woke, among those that are always ready. */
#include "loop/sched.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"
#include "toy.h"

TEST(soon_goes_before_ready_and_starves_nobody)
{
	struct sched s;
	struct toy slow[100], quick;

	virtual_loop(&s);
	for (int i = 0; i < 100; i++)
		go(&s, &slow[i], 2, 0);
	quick = (struct toy){ .most = 1 };
	init_toy(&s, &quick, ran);
	OK(task_ready_soon(&quick.task));
	EQ(sched_run(&s), SCHED_DONE);
	EQ(quick.order, 1);
	for (int i = 0; i < 100; i++)
		EQ(slow[i].order, 102 + i);
	sched_fini(&s);
}

static void
soon_again(struct task *task)
{
	struct toy *t = (struct toy *)task;

	t->order = ++order;
	if (++t->runs == t->most) {
		task_fini(task);
		return;
	}
	task_wait(task, &wait_nap);
	OK(task_ready_soon(task));
}

TEST(those_that_are_woken_for_ever_starve_nobody)
{
	struct sched s;
	struct toy greedy, modest;

	virtual_loop(&s);
	go(&s, &modest, 10, 0);
	greedy = (struct toy){ .most = 10000 };
	init_toy(&s, &greedy, soon_again);
	OK(task_ready_soon(&greedy.task));
	EQ(sched_run(&s), SCHED_DONE);
	OK(modest.order < 200);
	EQ(greedy.runs, 10000);
	sched_fini(&s);
}

/* A timer does not wait for the whole run queue: 10,000 tasks are always ready, each takes a little while. */
static void
burn(struct task *task)
{
	struct toy *t = (struct toy *)task;
	volatile int x = 0;

	for (int i = 0; i < 500; i++)
		x = x + i;
	t->runs++;
	task_yield(task);
}

struct ticker {
	struct timer timer; /* first */
	struct sched *s;
	int fired;
};

static void
tick(struct timer *timer)
{
	struct ticker *t = (struct ticker *)timer;

	if (++t->fired == 50)
		sched_stop(t->s);
	else
		timer_arm(&t->s->wheel, timer, t->s->clock.now + MSEC);
}

TEST(a_timer_among_ten_thousand_always_ready)
{
	enum { N = 10000 };
	static struct toy toys[N];
	struct sched s;
	struct ticker t = { .s = &s };
	int64_t begun;

	EQ(sched_init(&s, NULL, false), 0);
	for (int i = 0; i < N; i++) {
		go(&s, &toys[i], 2, 0);
		toys[i].kind.resume = burn;
	}
	timer_init(&t.timer, tick, false);
	begun = clock_read(&s.clock);
	timer_arm(&s.wheel, &t.timer, begun + MSEC);
	EQ(sched_run(&s), SCHED_STOPPED);
	EQ(t.fired, 50);
	/*
	 * 50 rounds of a millisecond: had each waited for the whole queue, every task would have run 50 times. A busy machine makes the
	 * rounds longer, not the number of turns that a timer waits.
	 */
	OK(clock_read(&s.clock) - begun >= 50 * MSEC);
	OK(toys[N - 1].runs < 50);
	OK(s.stats.switches < 50 * N);
	for (int i = 0; i < N; i++)
		task_fini(&toys[i].task);
	sched_fini(&s);
}

BOTH(an_event_among_many_always_ready)
{
	enum { N = 1000 };
	static struct toy toys[N];
	struct end e = { .s = s };
	int fds[2];

	EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	e.watch = (struct watch){ .fd = fds[0], .ready = heard };
	EQ(poller_want(s->poller, &e.watch, POLLER_IN), 0);
	for (int i = 0; i < N; i++) {
		go(s, &toys[i], 2, 0);
		toys[i].kind.resume = burn;
	}
	EQ(write(fds[1], "x", 1), 1);
	EQ(sched_run(s), SCHED_STOPPED);
	EQ(e.calls, 1);
	OK(toys[0].runs <= 4);
	for (int i = 0; i < N; i++)
		task_fini(&toys[i].task);
	poller_remove(s->poller, &e.watch);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

BOTH(an_event_ends_the_wait_for_a_timer)
{
	struct end e = { .s = s };
	struct stopper st = { .s = s };
	int fds[2];

	EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	e.watch = (struct watch){ .fd = fds[0], .ready = heard };
	EQ(poller_want(s->poller, &e.watch, POLLER_IN), 0);
	timer_init(&st.timer, count, false);
	timer_arm(&s->wheel, &st.timer, s->clock.now + 60 * SEC);
	EQ(write(fds[1], "x", 1), 1);
	EQ(sched_run(s), SCHED_STOPPED);
	EQ(e.calls, 1);
	EQ(st.fired, 0);
	timer_stop(&s->wheel, &st.timer);
	poller_remove(s->poller, &e.watch);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

BOTH(a_real_clock_does_not_fire_early)
{
	struct toy t;
	int64_t begun = clock_read(&s->clock);

	sched_release(s);
	go(s, &t, 4, 5 * MSEC);
	EQ(sched_run(s), SCHED_DONE);
	EQ(t.runs, 4);
	OK(clock_read(&s->clock) - begun >= 15 * MSEC);
	OK(s->stats.late_max >= 0);
	/* it waits, it does not spin: a turn or two for each sleep */
	OK(s->stats.turns < 20);
}

MAIN(RUN(soon_goes_before_ready_and_starves_nobody), RUN(those_that_are_woken_for_ever_starve_nobody),
    RUN(a_timer_among_ten_thousand_always_ready), RUN(an_event_among_many_always_ready),
    RUN(an_event_ends_the_wait_for_a_timer), RUN(a_real_clock_does_not_fire_early))
