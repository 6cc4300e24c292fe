/*
 * The loop. Nothing in it allocates once it runs: tasks, timers and deferred work bring their own links.
 *
 * Who runs first: what an event or a timer woke (`soon`), then those that only gave way (`ready`), by turns of LOOK
 * each, so that neither can starve the other. The clock is read after each such pair; events are asked for when a
 * turn's budget is spent, by time or by number, since asking costs a system call.
 */
#include "loop/sched.h"

#include <string.h>

enum {
	LOOK = 16,      /* resumes between two looks at the clock */
	ROUNDS = 64,    /* looks in a turn */
	EXPIRE = 1024,  /* timers fired at once */
};

#define TURN (100 * USEC)

int
sched_init(struct sched *s, const char *backend, bool virtual_clock)
{
	*s = (struct sched){ .poller = poller_new(backend) };
	if (s->poller == NULL)
		return -1;
	clock_init(&s->clock, virtual_clock);
	poller_set_clock(s->poller, &s->clock);
	wheel_init(&s->wheel, s->clock.now);
	TAILQ_INIT(&s->soon);
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->deferred);
	return 0;
}

void
sched_fini(struct sched *s)
{
	poller_free(s->poller);
	s->poller = NULL;
}

static void
run_some(struct sched *s, struct task_list *queue)
{
	struct task *t;

	for (int i = 0; i < LOOK && !s->hurry && (t = TAILQ_FIRST(queue)) != NULL; i++) {
		task_dequeue(t);
		s->current = t;
		s->stats.switches++;
		t->kind->resume(t);
	}
	s->current = NULL;
}

static void
run_tasks(struct sched *s)
{
	int64_t until = s->clock.now + TURN;

	s->hurry = false;
	for (int i = 0; i < ROUNDS && s->nready > 0 && !s->stopped && !s->hurry && s->clock.now < until; i++) {
		run_some(s, &s->soon);
		run_some(s, &s->ready);
		s->stats.timeouts += wheel_run(&s->wheel, clock_read(&s->clock), EXPIRE);
	}
}

/* Only what was queued when it began: work that puts itself off again waits for the next turn. */
static void
run_deferred(struct sched *s)
{
	struct defer *d;

	for (size_t n = s->ndeferred; n > 0 && (d = TAILQ_FIRST(&s->deferred)) != NULL; n--) {
		sched_undefer(s, d);
		d->run(d);
	}
}

static bool
can_run(const struct sched *s)
{
	return s->nready > 0 || s->ndeferred > 0 || s->stopped;
}

/* How long the loop may wait: 0 when there is work, < 0 for ever. */
static int64_t
patience(struct sched *s)
{
	int64_t next = wheel_next(&s->wheel);

	if (can_run(s) || (s->idle != NULL && s->idle(s->idle_arg, next)))
		return 0;
	if (next >= CLOCK_FOREVER)
		return -1;
	return next > clock_read(&s->clock) ? next - s->clock.now : 0;
}

static size_t
foreground_timers(const struct sched *s)
{
	return s->wheel.pending - s->wheel.background;
}

/* On a virtual clock nobody waits for a timer: when no event is there, it is that time already. */
static int
poll_virtual(struct sched *s)
{
	int64_t wait = patience(s);
	int heard = poller_wait(s->poller, wait != 0 && foreground_timers(s) == 0 ? -1 : 0);

	if (heard == 0 && wait != 0 && !can_run(s) && foreground_timers(s) > 0)
		clock_jump(&s->clock, wheel_first(&s->wheel));
	return heard;
}

static int
turn(struct sched *s)
{
	int heard = s->clock.is_virtual ? poll_virtual(s) : poller_wait(s->poller, patience(s));

	if (heard == -1)
		return -1;
	s->stats.turns++;
	s->stats.timeouts += wheel_run(&s->wheel, clock_read(&s->clock), EXPIRE);
	run_tasks(s);
	run_deferred(s);
	return 0;
}

static bool
deadlocked(const struct sched *s)
{
	return !can_run(s) && s->nexternal == 0 && s->holds == 0 && foreground_timers(s) == 0;
}

enum sched_end
sched_run(struct sched *s)
{
	while (!s->stopped) {
		if (s->ntasks == 0 && s->holds == 0 && s->ndeferred == 0)
			return SCHED_DONE;
		if (deadlocked(s))
			return SCHED_DEADLOCK;
		if (turn(s) == -1)
			return SCHED_FAILED;
	}
	s->stopped = false;
	return SCHED_STOPPED;
}

void
sched_stop(struct sched *s)
{
	s->stopped = true;
}

void
sched_come_round(struct sched *s)
{
	s->hurry = true;
}

void
sched_hold(struct sched *s)
{
	s->holds++;
}

void
sched_release(struct sched *s)
{
	s->holds--;
}

void
sched_defer(struct sched *s, struct defer *d)
{
	if (d->queued)
		return;
	d->queued = true;
	s->ndeferred++;
	TAILQ_INSERT_TAIL(&s->deferred, d, entry);
}

void
sched_undefer(struct sched *s, struct defer *d)
{
	if (!d->queued)
		return;
	d->queued = false;
	s->ndeferred--;
	TAILQ_REMOVE(&s->deferred, d, entry);
}

void
sched_late(struct sched *s, int64_t late)
{
	int bits = late > 0 ? 64 - __builtin_clzll((uint64_t)late) : 0;

	s->stats.late[bits < LATE_BUCKETS ? bits : LATE_BUCKETS - 1]++;
	if (late > s->stats.late_max)
		s->stats.late_max = late;
	if (late > s->stats.late_recent)
		s->stats.late_recent = late;
}

int64_t
sched_lateness(const struct sched *s, double p)
{
	uint64_t total = 0, seen = 0;
	int i;

	for (i = 0; i < LATE_BUCKETS; i++)
		total += s->stats.late[i];
	for (i = 0; i < LATE_BUCKETS - 1; i++)
		if ((seen += s->stats.late[i]) > 0 && (double)seen >= (double)total * p / 100)
			break;
	if (total == 0 || i == 0)
		return 0;
	return INT64_C(1) << i < s->stats.late_max ? INT64_C(1) << i : s->stats.late_max;
}
