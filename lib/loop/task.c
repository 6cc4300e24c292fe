/*
 * A task's states and the only ways between them. Every end of a wait goes through end_wait: the waited-for forgets
 * the task, the deadline is stopped, and only then can it be queued; so it is woken exactly once.
 */
#include "loop/task.h"

#include "loop/sched.h"

enum { SUSPENDED, READY, RUNNING, DEAD };

static void
end_wait(struct task *t)
{
	const struct wait *w = t->wait;

	timer_stop(&t->sched->wheel, &t->timer);
	t->wait = NULL;
	if (w == NULL)
		return;
	t->sched->nexternal -= w->external;
	if (w->leave != NULL)
		w->leave(t);
}

static void
enqueue(struct task *t, bool soon)
{
	t->state = READY;
	t->soon = soon;
	t->sched->nready++;
	TAILQ_INSERT_TAIL(soon ? &t->sched->soon : &t->sched->ready, t, link);
}

void
task_dequeue(struct task *t)
{
	TAILQ_REMOVE(t->soon ? &t->sched->soon : &t->sched->ready, t, link);
	t->sched->nready--;
	t->state = RUNNING;
}

static void
deadline_passed(struct timer *timer)
{
	struct task *t = (struct task *)((char *)timer - offsetof(struct task, timer));

	sched_late(t->sched, t->sched->clock.now - timer_at(timer));
	if (t->state != SUSPENDED)
		return;
	end_wait(t);
	t->wake = TASK_TIMEOUT;
	enqueue(t, true);
}

void
task_init(struct task *t, struct sched *s, void (*resume)(struct task *))
{
	*t = (struct task){ .resume = resume, .sched = s, .state = SUSPENDED };
	timer_init(&t->timer, deadline_passed, false);
	LIST_INSERT_HEAD(&s->all, t, all);
	s->stats.spawned++;
	if (++s->ntasks > s->stats.tasks_peak)
		s->stats.tasks_peak = s->ntasks;
}

void
task_fini(struct task *t)
{
	if (t->state == DEAD)
		return;
	if (t->state == READY)
		task_dequeue(t);
	end_wait(t);
	t->state = DEAD;
	LIST_REMOVE(t, all);
	t->sched->ntasks--;
}

void
task_wait(struct task *t, const struct wait *w)
{
	t->wait = w;
	t->state = SUSPENDED;
	t->sched->nexternal += w->external;
}

void
task_deadline(struct task *t, int64_t at)
{
	if (at >= CLOCK_FOREVER)
		timer_stop(&t->sched->wheel, &t->timer);
	else
		timer_arm(&t->sched->wheel, &t->timer, at);
}

static bool
wake(struct task *t, bool soon)
{
	if (t->state != SUSPENDED)
		return false;
	end_wait(t);
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
