/* The loop: what ends it, deferred work, the idle hook, the virtual clock. Who runs first is in fairness.c. */
#include "loop/sched.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"
#include "toy.h"

/* --- how it ends --- */

TEST(nothing_to_do)
{
	struct sched s;

	virtual_loop(&s);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(s.stats.turns, 0);
	sched_fini(&s);
}

TEST(deadlock)
{
	struct sched s;
	struct toy t, ended;

	virtual_loop(&s);
	go(&s, &t, 2, -1);
	go(&s, &ended, 1, 0);
	EQ(sched_run(&s), SCHED_DEADLOCK);
	EQ(t.runs, 1);
	EQ(s.ntasks, 1);
	/* it is woken after all, and the loop runs on */
	OK(task_ready(&t.task));
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 2);
	sched_fini(&s);
}

static void
stop(struct timer *t)
{
	struct stopper *st = (struct stopper *)t;

	st->fired++;
	sched_stop(st->s);
}

TEST(stopped)
{
	struct sched s;
	struct toy t;
	struct stopper st = { .s = &s };

	virtual_loop(&s);
	go(&s, &t, 100, SEC);
	timer_init(&st.timer, stop, false);
	timer_arm(&s.wheel, &st.timer, s.clock.now + 10 * SEC + 1);
	EQ(sched_run(&s), SCHED_STOPPED);
	EQ(t.runs, 11);
	/* and goes on where it was */
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 100);
	/* stopped before it runs: it does not even begin */
	go(&s, &t, 1, 0);
	sched_stop(&s);
	EQ(sched_run(&s), SCHED_STOPPED);
	EQ(t.runs, 0);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 1);
	sched_fini(&s);
}

TEST(held)
{
	struct sched s;
	struct stopper st = { .s = &s };

	virtual_loop(&s);
	sched_hold(&s);
	sched_hold(&s);
	timer_init(&st.timer, stop, false);
	timer_arm(&s.wheel, &st.timer, s.clock.now + SEC);
	EQ(sched_run(&s), SCHED_STOPPED);
	EQ(st.fired, 1);
	sched_release(&s);
	timer_arm(&s.wheel, &st.timer, s.clock.now + SEC);
	EQ(sched_run(&s), SCHED_STOPPED);
	EQ(st.fired, 2);
	sched_release(&s);
	EQ(sched_run(&s), SCHED_DONE);
	sched_fini(&s);
}

TEST(a_background_timer_keeps_nothing_alive)
{
	struct sched s;
	struct stopper st = { .s = &s };
	struct toy t;

	virtual_loop(&s);
	timer_init(&st.timer, count, true);
	timer_arm(&s.wheel, &st.timer, s.clock.now + SEC);
	EQ(sched_run(&s), SCHED_DONE);
	/* nor does it hide a deadlock */
	go(&s, &t, 2, -1);
	EQ(sched_run(&s), SCHED_DEADLOCK);
	EQ(st.fired, 0);
	task_fini(&t.task);
	/* but while others sleep it fires */
	go(&s, &t, 2, 5 * SEC);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(st.fired, 1);
	sched_fini(&s);
}

/* --- the virtual clock --- */

TEST(ten_hours_in_no_time)
{
	struct sched s;
	struct toy t;
	struct clock real;
	int64_t begun, virtual_begun;

	clock_init(&real, false);
	virtual_loop(&s);
	begun = clock_read(&real);
	virtual_begun = s.clock.now;
	go(&s, &t, 36001, SEC);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.at - virtual_begun, 36000 * SEC);
	EQ(t.runs, 36001);
	EQ(s.stats.late_max, 0);
	OK(clock_read(&real) - begun < 10 * SEC);
	sched_fini(&s);
}

TEST(in_the_order_of_time)
{
	enum { N = 50 };
	struct sched s;
	struct toy toys[N];

	virtual_loop(&s);
	for (int i = 0; i < N; i++)
		go(&s, &toys[i], 2, (1 + (i * 37) % N) * 7 * MSEC);
	EQ(sched_run(&s), SCHED_DONE);
	for (int i = 0; i < N; i++) {
		EQ(toys[i].order, N + 1 + (i * 37) % N);
		EQ(toys[i].at - toys[0].at, toys[i].every - toys[0].every);
	}
	sched_fini(&s);
}

TEST(time_stands_while_anything_can_run)
{
	struct sched s;
	struct toy sleeper, busy;
	int64_t begun;

	virtual_loop(&s);
	begun = s.clock.now;
	go(&s, &sleeper, 2, USEC);
	go(&s, &busy, 100000, 0);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(busy.at, begun);
	EQ(sleeper.at, begun + USEC);
	OK(sleeper.order > busy.order);
	sched_fini(&s);
}

/* What the kernel has ready comes before any jump; and with no timer to jump to, the loop waits for it. */
TEST(events_under_the_virtual_clock)
{
	struct sched s;
	struct end e = { .s = &s };
	struct toy waiting, sleeper;
	int fds[2];
	int64_t begun;

	virtual_loop(&s);
	begun = s.clock.now;
	EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	e.watch = (struct watch){ .fd = fds[0], .ready = heard };
	EQ(poller_want(s.poller, &e.watch, POLLER_IN), 0);
	waiting = (struct toy){ .most = 1 };
	e.wakes = &waiting.task;
	init_toy(&s, &waiting, ran);
	task_wait(&waiting.task, &wait_outside);
	go(&s, &sleeper, 2, 3600 * SEC);
	EQ(write(fds[1], "x", 1), 1);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(e.calls, 1);
	EQ(waiting.at, begun);
	EQ(sleeper.at, begun + 3600 * SEC);
	poller_remove(s.poller, &e.watch);
	(void)close(fds[0]);
	(void)close(fds[1]);
	sched_fini(&s);
}

/* --- deferred work --- */

struct work {
	struct defer defer; /* first */
	struct sched *s;
	int runs, again, order;
	uint64_t turn;
	struct work *undo;
};

static void
work(struct defer *d)
{
	struct work *w = (struct work *)d;

	w->runs++;
	w->order = ++order;
	w->turn = w->s->stats.turns;
	if (w->undo != NULL)
		sched_undefer(w->s, &w->undo->defer);
	if (w->runs <= w->again)
		sched_defer(w->s, d);
}

TEST(deferred_work_runs_once_in_order)
{
	struct sched s;
	struct work a, b;

	virtual_loop(&s);
	a = b = (struct work){ .defer = { .run = work }, .s = &s };
	sched_defer(&s, &a.defer);
	sched_defer(&s, &b.defer);
	sched_defer(&s, &a.defer);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(a.runs, 1);
	EQ(b.runs, 1);
	OK(a.order < b.order);
	EQ(s.ndeferred, 0);
	sched_fini(&s);
}

TEST(deferred_again_is_for_the_next_turn)
{
	struct sched s;
	struct work a = { .defer = { .run = work }, .s = &s, .again = 3 };

	virtual_loop(&s);
	sched_defer(&s, &a.defer);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(a.runs, 4);
	EQ(a.turn, 4);
	sched_fini(&s);
}

TEST(deferred_work_is_taken_back)
{
	struct sched s;
	struct work a, b, c;

	virtual_loop(&s);
	a = b = c = (struct work){ .defer = { .run = work }, .s = &s };
	a.undo = &b;
	sched_undefer(&s, &a.defer);
	sched_defer(&s, &a.defer);
	sched_defer(&s, &b.defer);
	sched_defer(&s, &c.defer);
	sched_undefer(&s, &c.defer);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(a.runs, 1);
	EQ(b.runs, 0);
	EQ(c.runs, 0);
	sched_fini(&s);
}

struct deferring {
	struct toy toy; /* first */
	struct work work;
};

static void
defers(struct task *task)
{
	sched_defer(task->kind->sched, &((struct deferring *)task)->work.defer);
	ran(task);
}

TEST(deferred_work_runs_after_the_tasks_of_its_turn)
{
	struct sched s;
	struct deferring first = { .work = { .defer = { .run = work }, .s = &s } };
	struct toy second;

	virtual_loop(&s);
	go(&s, &first.toy, 1, 0);
	first.toy.kind.resume = defers;
	go(&s, &second, 1, 0);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(first.toy.order, 1);
	EQ(second.order, 2);
	EQ(first.work.order, 3);
	EQ(first.work.runs, 1);
	sched_fini(&s);
}

/* --- the idle hook --- */

struct idler {
	int calls, more;
	int64_t until;
};

static bool
idle(void *arg, int64_t until)
{
	struct idler *i = arg;

	i->calls++;
	i->until = until;
	return i->more-- > 0;
}

TEST(idle_before_each_wait)
{
	struct sched s;
	struct toy t, busy;
	struct idler i = { .more = 0 };
	int64_t begun;

	virtual_loop(&s);
	begun = s.clock.now;
	s.idle = idle;
	s.idle_arg = &i;
	/* not while something is ready */
	go(&s, &busy, 5000, 0);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(i.calls, 0);
	/* until it has no more to do, and then the loop waits */
	i.more = 7;
	go(&s, &t, 2, 63 * USEC);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(i.calls, 8);
	EQ(i.until, begun + 63 * USEC);
	EQ(s.clock.now, begun + 63 * USEC);
	sched_fini(&s);
}

/* --- what it costs --- */

TEST(a_warmed_loop_allocates_nothing)
{
	struct sched s;
	struct toy toys[20];
	struct work w = { .defer = { .run = work }, .s = &s, .again = 1000000 };

	virtual_loop(&s);
	for (int i = 0; i < 20; i++)
		go(&s, &toys[i], 3000, i % 2 ? (i + 1) * MSEC : 0);
	sched_defer(&s, &w.defer);
	alloc_reset();
	while (s.stats.turns < 1000)
		both_turn(&s);
	EQ(alloc_count(), 0);
	for (int i = 0; i < 20; i++)
		task_fini(&toys[i].task);
	sched_undefer(&s, &w.defer);
	sched_fini(&s);
}

TEST(no_memory)
{
	struct sched s;

	alloc_fail_at(1);
	EQ(sched_init(&s, NULL, true), -1);
	EQ(errno, ENOMEM);
	alloc_reset();
	EQ(sched_init(&s, "kqueue", true), -1);
	EQ(errno, EINVAL);
}

/* --- lateness --- */

TEST(lateness)
{
	struct sched s;

	virtual_loop(&s);
	EQ(sched_lateness(&s, 50), 0);
	for (int i = 0; i < 98; i++)
		sched_late(&s, 1000);
	sched_late(&s, 1000000);
	sched_late(&s, 5);
	/* exact to a factor of two, and never too small */
	OK(sched_lateness(&s, 50) >= 1000);
	OK(sched_lateness(&s, 50) <= 2000);
	OK(sched_lateness(&s, 99) <= 2000);
	OK(sched_lateness(&s, 100) >= 1000000);
	OK(sched_lateness(&s, 100) <= 2000000);
	OK(sched_lateness(&s, 0.5) <= 16);
	EQ(s.stats.late_max, 1000000);
	EQ(s.stats.late_recent, 1000000);
	s.stats.late_recent = 0;
	sched_late(&s, 70);
	EQ(s.stats.late_recent, 70);
	EQ(s.stats.late_max, 1000000);
	sched_late(&s, INT64_MAX);
	sched_late(&s, -1);
	EQ(s.stats.late_max, INT64_MAX);
	sched_fini(&s);
}
/* --- events --- */

struct look {
	struct watch watch;
	struct sched *s;
	int64_t at;
};

static void
heard_something(struct watch *w, int events)
{
	struct look *l = (struct look *)w;

	(void)events;
	l->at = l->s->clock.now;
}

BOTH(an_event_finds_the_clock_on_time)
{
	struct look l = { .watch = { .ready = heard_something }, .s = s };
	struct clock real;
	int fds[2];

	EQ(pipe(fds), 0);
	l.watch.fd = fds[0];
	EQ(poller_want(s->poller, &l.watch, POLLER_IN), 0);
	both_turn(s);
	/* what passes between two turns, as a long wait would */
	(void)usleep(30000);
	EQ(write(fds[1], "x", 1), 1);
	clock_init(&real, false);
	both_turn(s);
	OK(l.at >= real.now);
	poller_remove(s->poller, &l.watch);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

MAIN(RUN(nothing_to_do), RUN(deadlock), RUN(stopped), RUN(held), RUN(a_background_timer_keeps_nothing_alive), RUN(ten_hours_in_no_time),
    RUN(in_the_order_of_time), RUN(time_stands_while_anything_can_run), RUN(events_under_the_virtual_clock),
    RUN(deferred_work_runs_once_in_order), RUN(deferred_again_is_for_the_next_turn), RUN(deferred_work_is_taken_back),
    RUN(deferred_work_runs_after_the_tasks_of_its_turn), RUN(idle_before_each_wait),
    RUN(a_warmed_loop_allocates_nothing), RUN(no_memory), RUN(lateness), RUN(an_event_finds_the_clock_on_time))
