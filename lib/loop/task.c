/*
 * A task's states and the only ways between them. Every end of a wait goes through end_wait: the waited-for forgets
 * the task, the deadline is stopped, and only then can it be queued; so it is woken exactly once.
 */
#include "loop/task.h"

#include "loop/sched.h"

enum { SUSPENDED, READY, RUNNING, DEAD };

/* 2^24 ns: in 32 bits it goes for two years */
enum { SINCE_SHIFT = 24 };

static void
end_wait(struct task *t, bool woken)
{
	const struct wait *w = t->wait;

	if (timer_pending(&t->timer))
		timer_stop(&t->kind->sched->wheel, &t->timer);
	t->wait = NULL;
	if (w == NULL)
		return;
	t->kind->sched->nexternal -= w->external;
	if (w->leave != NULL)
		w->leave(t);
	if (woken && w->lost != NULL)
		t->wait = w;
	else
		t->on = NULL;
}

static void
enqueue(struct task *t, bool soon)
{
	struct sched *s = t->kind->sched;

	t->state = READY;
	t->soon = soon;
	s->nready++;
	TAILQ_INSERT_TAIL(soon ? &s->soon : &s->ready, t, link);
}

static void
dequeue(struct task *t)
{
	struct sched *s = t->kind->sched;

	TAILQ_REMOVE(t->soon ? &s->soon : &s->ready, t, link);
	s->nready--;
}

void
task_dequeue(struct task *t)
{
	dequeue(t);
	t->state = RUNNING;
	if (t->wait == NULL)
		return;
	t->wait = NULL;
	t->on = NULL;
}

static void
deadline_passed(struct timer *timer)
{
	struct task *t = (struct task *)((char *)timer - offsetof(struct task, timer));

	sched_late(t->kind->sched, t->kind->sched->clock.now - timer_at(timer));
	if (t->state != SUSPENDED)
		return;
	end_wait(t, false);
	t->wake = TASK_TIMEOUT;
	enqueue(t, true);
}

void
task_init(struct task *t, const struct task_kind *kind)
{
	struct sched *s = kind->sched;

	t->kind = kind;
	t->wait = NULL;
	t->on = NULL;
	timer_init(&t->timer, deadline_passed, false);
	t->state = SUSPENDED;
	t->wake = TASK_WOKEN;
	s->stats.spawned++;
	if (++s->ntasks > s->stats.tasks_peak)
		s->stats.tasks_peak = s->ntasks;
}

void
task_start(struct task *t)
{
	enqueue(t, false);
}

void
task_fini(struct task *t)
{
	const struct wait *woken = t->state == READY ? t->wait : NULL;

	if (t->state == DEAD)
		return;
	if (t->state == READY)
		dequeue(t);
	else
		end_wait(t, false);
	t->state = DEAD;
	t->kind->sched->ntasks--;
	if (woken != NULL)
		woken->lost(t);
}

void
task_wait(struct task *t, const struct wait *w)
{
	struct sched *s = t->kind->sched;

	t->wait = w;
	t->state = SUSPENDED;
	t->timer.note = (uint32_t)(s->clock.now >> SINCE_SHIFT);
	s->nexternal += w->external;
}

void
task_deadline(struct task *t, int64_t at)
{
	if (at >= CLOCK_FOREVER)
		timer_stop(&t->kind->sched->wheel, &t->timer);
	else
		timer_arm(&t->kind->sched->wheel, &t->timer, at);
}

static bool
wake(struct task *t, bool soon)
{
	if (t->state != SUSPENDED)
		return false;
	end_wait(t, true);
	t->wake = TASK_WOKEN;
	enqueue(t, soon);
	return true;
}

bool
task_ready(struct task *t)
{
	return wake(t, false);
}

bool
task_ready_soon(struct task *t)
{
	return wake(t, true);
}

void
task_yield(struct task *t)
{
	t->wake = TASK_WOKEN;
	enqueue(t, false);
}

bool
task_suspended(const struct task *t)
{
	return t->state == SUSPENDED;
}

int64_t
task_since(const struct task *t)
{
	return (int64_t)((uint32_t)(t->kind->sched->clock.now >> SINCE_SHIFT) - t->timer.note) << SINCE_SHIFT;
}
