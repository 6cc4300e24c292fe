/* The loop: what ends it, who runs first, deferred work, the idle hook, the virtual clock. */
#include "loop/sched.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"

struct toy {
	struct task task; /* first */
	int runs, most;   /* it ends after `most` runs */
	int64_t every;    /* ns that it sleeps between runs; 0: it yields; < 0: it waits for ever */
	int64_t at;
	int order;        /* the how-maniest it was to run last */
};

static int order;

static const struct wait wait_nap = { .name = "nap" };
static const struct wait wait_outside = { .name = "outside", .external = true };

static void
ran(struct task *task)
{
	struct toy *t = (struct toy *)task;

	t->order = ++order;
	t->at = task->sched->clock.now;
	if (++t->runs >= t->most) {
		task_fini(task);
		return;
	}
	if (t->every == 0) {
		task_yield(task);
		return;
	}
	if (t->every > 0)
		task_deadline(task, task->sched->clock.now + t->every);
	task_wait(task, &wait_nap);
}

static void
go(struct sched *s, struct toy *t, int most, int64_t every)
{
	*t = (struct toy){ .most = most, .every = every };
	task_init(&t->task, s, ran);
	OK(task_ready(&t->task));
}

static void
virtual_loop(struct sched *s)
{
	EQ(sched_init(s, NULL, true), 0);
	order = 0;
}

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

struct stopper {
	struct timer timer; /* first */
	struct sched *s;
	int fired;
};

static void
stop(struct timer *t)
{
	struct stopper *st = (struct stopper *)t;

	st->fired++;
	sched_stop(st->s);
}

static void
count(struct timer *t)
{
	((struct stopper *)t)->fired++;
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

struct end {
	struct watch watch; /* first */
	struct sched *s;
	struct task *wakes;
	int calls;
};

static void
heard(struct watch *w, int events)
{
	struct end *e = (struct end *)w;
	char buf[16];

	EQ(events, POLLER_IN);
	OK(read(w->fd, buf, sizeof(buf)) > 0);
	e->calls++;
	if (e->wakes != NULL)
		OK(task_ready_soon(e->wakes));
	else
		sched_stop(e->s);
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
	task_init(&waiting.task, &s, ran);
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
	sched_defer(task->sched, &((struct deferring *)task)->work.defer);
	ran(task);
}

TEST(deferred_work_runs_after_the_tasks_of_its_turn)
{
	struct sched s;
	struct deferring first = { .work = { .defer = { .run = work }, .s = &s } };
	struct toy second;

	virtual_loop(&s);
	go(&s, &first.toy, 1, 0);
	first.toy.task.resume = defers;
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

/* --- who runs first --- */

TEST(soon_goes_before_ready_and_starves_nobody)
{
	struct sched s;
	struct toy slow[100], quick;

	virtual_loop(&s);
	for (int i = 0; i < 100; i++)
		go(&s, &slow[i], 2, 0);
	quick = (struct toy){ .most = 1 };
	task_init(&quick.task, &s, ran);
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
	task_init(&greedy.task, &s, soon_again);
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
		toys[i].task.resume = burn;
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
		toys[i].task.resume = burn;
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
    RUN(deferred_work_runs_after_the_tasks_of_its_turn), RUN(idle_before_each_wait), RUN(soon_goes_before_ready_and_starves_nobody),
    RUN(those_that_are_woken_for_ever_starve_nobody), RUN(a_timer_among_ten_thousand_always_ready), RUN(an_event_among_many_always_ready),
    RUN(an_event_ends_the_wait_for_a_timer), RUN(a_real_clock_does_not_fire_early), RUN(a_warmed_loop_allocates_nothing), RUN(no_memory),
    RUN(lateness), RUN(an_event_finds_the_clock_on_time))
