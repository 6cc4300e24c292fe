/* Tasks: their states, and that a wait ends once, however it ends. All on the virtual clock. */
#include "loop/task.h"

#include "tap.h"
#include "loop/sched.h"

struct toy {
	struct task task; /* first */
	struct task_kind kind;
	int runs, leaves;
	void (*then)(struct toy *);
	struct toy *other;
	bool woke_other;
	enum task_wake wake; /* as of the last run */
	int64_t at;          /* when it ran last */
};

static void
left(struct task *t)
{
	((struct toy *)t)->leaves++;
}

static const struct wait wait_counted = { .name = "counted", .leave = left };
static const struct wait wait_plain = { .name = "plain" };
static const struct wait wait_outside = { .name = "outside", .external = true };

static void
ran(struct task *t)
{
	struct toy *toy = (struct toy *)t;

	toy->runs++;
	toy->wake = task_wake(t);
	toy->at = t->kind->sched->clock.now;
	if (toy->then != NULL)
		toy->then(toy);
	else
		task_fini(t);
}

static struct toy
toy_new(void)
{
	return (struct toy){ .runs = 0 };
}

static void
init(struct sched *s)
{
	EQ(sched_init(s, NULL, true), 0);
}

static void
start_toy(struct sched *s, struct toy *toy, void (*then)(struct toy *))
{
	toy->then = then;
	toy->kind = (struct task_kind){ .resume = ran, .sched = s };
	task_init(&toy->task, &toy->kind);
}

/* --- states --- */

TEST(a_new_task_is_suspended)
{
	struct sched s;
	struct toy t = toy_new();

	init(&s);
	start_toy(&s, &t, NULL);
	OK(task_suspended(&t.task));
	EQ(s.ntasks, 1);
	EQ(s.nready, 0);
	EQ(s.stats.spawned, 1);
	OK(task_ready(&t.task));
	OK(!task_suspended(&t.task));
	EQ(s.nready, 1);
	EQ(t.runs, 0);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 1);
	EQ(t.wake, TASK_WOKEN);
	EQ(s.ntasks, 0);
	EQ(s.nready, 0);
	EQ(s.stats.switches, 1);
	sched_fini(&s);
}

TEST(a_ready_task_is_not_woken_again)
{
	struct sched s;
	struct toy t = toy_new();

	init(&s);
	start_toy(&s, &t, NULL);
	OK(task_ready(&t.task));
	OK(!task_ready(&t.task));
	OK(!task_ready_soon(&t.task));
	EQ(s.nready, 1);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 1);
	sched_fini(&s);
}

static void
wake_self(struct toy *t)
{
	t->woke_other = task_ready(&t->task) || task_ready_soon(&t->task) || task_suspended(&t->task);
	task_fini(&t->task);
}

TEST(a_running_or_dead_task_is_not_woken)
{
	struct sched s;
	struct toy t = toy_new();

	init(&s);
	start_toy(&s, &t, wake_self);
	OK(task_ready(&t.task));
	EQ(sched_run(&s), SCHED_DONE);
	OK(!t.woke_other);
	OK(!task_ready(&t.task));
	OK(!task_ready_soon(&t.task));
	OK(!task_suspended(&t.task));
	EQ(s.nready, 0);
	/* to end it again changes nothing */
	task_fini(&t.task);
	EQ(s.ntasks, 0);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 1);
	sched_fini(&s);
}

static void
yield_twice(struct toy *t)
{
	if (t->runs < 3)
		task_yield(&t->task);
	else
		task_fini(&t->task);
}

TEST(who_yields_runs_again)
{
	struct sched s;
	struct toy t = toy_new();

	init(&s);
	start_toy(&s, &t, yield_twice);
	OK(task_ready(&t.task));
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 3);
	EQ(t.wake, TASK_WOKEN);
	sched_fini(&s);
}

/* --- the end of a wait --- */

static void
wait_counting(struct toy *t)
{
	if (t->runs == 1)
		task_wait(&t->task, &wait_counted);
	else
		task_fini(&t->task);
}

static void
wait_a_second(struct toy *t)
{
	if (t->runs > 1) {
		task_fini(&t->task);
		return;
	}
	task_deadline(&t->task, t->task.kind->sched->clock.now + SEC);
	task_wait(&t->task, &wait_counted);
}

static void
wake_other(struct toy *t)
{
	t->woke_other = task_ready(&t->other->task);
	OK(!task_ready(&t->other->task));
	EQ(t->other->leaves, 1);
	task_fini(&t->task);
}

TEST(woken_before_the_deadline)
{
	struct sched s;
	struct toy t = toy_new(), waker = toy_new();
	int64_t begun;

	init(&s);
	begun = s.clock.now;
	start_toy(&s, &t, wait_a_second);
	start_toy(&s, &waker, wake_other);
	waker.other = &t;
	OK(task_ready(&t.task));
	OK(task_ready(&waker.task));
	EQ(sched_run(&s), SCHED_DONE);
	OK(waker.woke_other);
	EQ(t.runs, 2);
	EQ(t.leaves, 1);
	EQ(t.wake, TASK_WOKEN);
	EQ(t.at, begun);
	/* the deadline went with the wait: nothing was left to jump to */
	EQ(s.clock.now, begun);
	EQ(s.wheel.pending, 0);
	EQ(s.stats.timeouts, 0);
	sched_fini(&s);
}

TEST(the_deadline_passes)
{
	struct sched s;
	struct toy t = toy_new();
	int64_t begun;

	init(&s);
	begun = s.clock.now;
	start_toy(&s, &t, wait_a_second);
	OK(task_ready(&t.task));
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 2);
	EQ(t.leaves, 1);
	EQ(t.wake, TASK_TIMEOUT);
	EQ(t.at, begun + SEC);
	EQ(s.stats.timeouts, 1);
	EQ(s.stats.late_max, 0);
	sched_fini(&s);
}

/* Both at one moment, in either order: one wake-up, one leave. */
struct race {
	struct timer timer; /* first */
	struct toy *toy;
	bool woke;
};

static void
race_fires(struct timer *timer)
{
	struct race *r = (struct race *)timer;

	r->woke = task_ready(&r->toy->task);
}

static void
race_with_deadline(bool timer_first, enum task_wake want)
{
	struct sched s;
	struct toy t = toy_new();
	struct race r = { .toy = &t };

	init(&s);
	start_toy(&s, &t, wait_a_second);
	task_wait(&t.task, &wait_counted);
	t.runs = 1;
	timer_init(&r.timer, race_fires, false);
	if (timer_first)
		timer_arm(&s.wheel, &r.timer, s.clock.now + SEC);
	task_deadline(&t.task, s.clock.now + SEC);
	if (!timer_first)
		timer_arm(&s.wheel, &r.timer, s.clock.now + SEC);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 2);
	EQ(t.leaves, 1);
	EQ(t.wake, want);
	EQ(r.woke, want == TASK_WOKEN);
	sched_fini(&s);
}

TEST(woken_and_timed_out_at_one_moment)
{
	race_with_deadline(true, TASK_WOKEN);
	race_with_deadline(false, TASK_TIMEOUT);
}

TEST(the_deadline_is_moved_and_removed)
{
	struct sched s;
	struct toy t = toy_new();
	int64_t begun;

	init(&s);
	begun = s.clock.now;
	start_toy(&s, &t, NULL);
	task_wait(&t.task, &wait_counted);
	task_deadline(&t.task, begun + SEC);
	task_deadline(&t.task, begun + 5 * SEC);
	EQ(s.wheel.pending, 1);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.at, begun + 5 * SEC);
	EQ(t.leaves, 1);

	t = toy_new();
	start_toy(&s, &t, NULL);
	task_wait(&t.task, &wait_counted);
	task_deadline(&t.task, s.clock.now + SEC);
	task_deadline(&t.task, CLOCK_FOREVER);
	EQ(s.wheel.pending, 0);
	EQ(sched_run(&s), SCHED_DEADLOCK);
	EQ(t.runs, 0);
	task_fini(&t.task);
	sched_fini(&s);
}

/* --- the end of a task, in each state --- */

TEST(ended_while_suspended)
{
	struct sched s;
	struct toy t = toy_new();

	init(&s);
	start_toy(&s, &t, NULL);
	task_deadline(&t.task, s.clock.now + SEC);
	task_wait(&t.task, &wait_counted);
	task_fini(&t.task);
	EQ(t.leaves, 1);
	EQ(s.wheel.pending, 0);
	EQ(s.ntasks, 0);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 0);
	sched_fini(&s);
}

TEST(ended_while_ready)
{
	struct sched s;
	struct toy t = toy_new(), soon = toy_new(), last = toy_new();

	init(&s);
	start_toy(&s, &t, NULL);
	start_toy(&s, &soon, NULL);
	start_toy(&s, &last, NULL);
	OK(task_ready(&t.task));
	OK(task_ready_soon(&soon.task));
	OK(task_ready(&last.task));
	task_fini(&t.task);
	task_fini(&soon.task);
	EQ(s.nready, 1);
	EQ(s.ntasks, 1);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 0);
	EQ(soon.runs, 0);
	EQ(last.runs, 1);
	sched_fini(&s);
}

static void
end_other(struct toy *t)
{
	task_fini(&t->other->task);
	task_fini(&t->task);
}

TEST(ended_by_another)
{
	struct sched s;
	struct toy t = toy_new(), killer = toy_new();

	init(&s);
	start_toy(&s, &t, wait_counting);
	start_toy(&s, &killer, end_other);
	killer.other = &t;
	OK(task_ready(&t.task));
	OK(task_ready(&killer.task));
	EQ(sched_run(&s), SCHED_DONE);
	EQ(t.runs, 1);
	EQ(t.leaves, 1);
	sched_fini(&s);
}

static void
end_and_free(struct toy *t)
{
	task_fini(&t->task);
	free(t);
}

TEST(frees_itself)
{
	struct sched s;

	init(&s);
	for (int i = 0; i < 100; i++) {
		struct toy *t = calloc(1, sizeof(*t));

		OK(t != NULL);
		if (t == NULL)
			return;
		start_toy(&s, t, end_and_free);
		OK(task_ready(&t->task));
	}
	EQ(s.stats.tasks_peak, 100);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(s.stats.switches, 100);
	sched_fini(&s);
}

TEST(used_again_after_its_end)
{
	struct sched s;
	struct toy t = toy_new();

	init(&s);
	for (int i = 1; i <= 3; i++) {
		start_toy(&s, &t, NULL);
		OK(task_ready(&t.task));
		EQ(sched_run(&s), SCHED_DONE);
		EQ(t.runs, i);
	}
	EQ(s.stats.spawned, 3);
	EQ(s.stats.tasks_peak, 1);
	sched_fini(&s);
}

/* --- what the scheduler is told --- */

TEST(waits_for_the_outside_are_counted)
{
	struct sched s;
	struct toy t = toy_new();

	init(&s);
	start_toy(&s, &t, NULL);
	task_wait(&t.task, &wait_outside);
	EQ(s.nexternal, 1);
	OK(task_ready(&t.task));
	EQ(s.nexternal, 0);
	EQ(sched_run(&s), SCHED_DONE);
	start_toy(&s, &t, NULL);
	task_wait(&t.task, &wait_outside);
	task_fini(&t.task);
	EQ(s.nexternal, 0);
	sched_fini(&s);
}

static int losses;

static void
count_loss(struct task *t)
{
	EQ(t->on == &losses, true);
	losses++;
}

static const struct wait wait_given = { .name = "given", .lost = count_loss };

/* Only one that was woken, not by its deadline, and has not run yet has lost anything. */
TEST(what_it_was_woken_for_is_lost)
{
	struct toy toy = toy_new();
	struct sched s;

	init(&s);
	losses = 0;
	for (int how = 0; how < 4; how++) {
		start_toy(&s, &toy, NULL);
		toy.task.on = &losses;
		if (how == 2)
			task_deadline(&toy.task, s.clock.now + 1);
		task_wait(&toy.task, &wait_given);
		if (how == 0 || how == 3)
			OK(task_ready(&toy.task));
		if (how == 2) {
			clock_jump(&s.clock, s.clock.now + 1);
			(void)wheel_run(&s.wheel, s.clock.now, 1);
		}
		if (how == 3)
			EQ(sched_run(&s), SCHED_DONE);
		else
			task_fini(&toy.task);
		EQ(losses, 1);
	}
	EQ(s.nready, 0);
	EQ(s.ntasks, 0);
	sched_fini(&s);
}

TEST(how_long_it_has_waited)
{
	struct toy toy = toy_new();
	struct sched s;

	init(&s);
	start_toy(&s, &toy, NULL);
	clock_jump(&s.clock, s.clock.now + 5 * SEC);
	task_wait(&toy.task, &wait_plain);
	EQ(task_since(&toy.task), 0);
	clock_jump(&s.clock, s.clock.now + INT64_C(86400) * 365 * SEC);
	OK(task_since(&toy.task) >= (INT64_C(86400) * 365 * SEC) - 34 * MSEC);
	OK(task_since(&toy.task) <= (INT64_C(86400) * 365 * SEC) + 34 * MSEC);
	task_fini(&toy.task);
	sched_fini(&s);
}

TEST(it_is_small)
{
	OK(sizeof(struct task) <= 88);
}

MAIN(RUN(a_new_task_is_suspended), RUN(a_ready_task_is_not_woken_again), RUN(a_running_or_dead_task_is_not_woken),
    RUN(who_yields_runs_again),
    RUN(woken_before_the_deadline), RUN(the_deadline_passes), RUN(woken_and_timed_out_at_one_moment),
    RUN(the_deadline_is_moved_and_removed), RUN(ended_while_suspended), RUN(ended_while_ready),
    RUN(ended_by_another), RUN(frees_itself),
    RUN(used_again_after_its_end), RUN(waits_for_the_outside_are_counted),
    RUN(what_it_was_woken_for_is_lost), RUN(how_long_it_has_waited), RUN(it_is_small))
