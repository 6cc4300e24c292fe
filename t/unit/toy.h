/* toy.h: tasks that only count how often and when they run. */
#ifndef TOY_H
#define TOY_H

#include "loop/sched.h"

struct toy {
	struct task task; /* first */
	struct task_kind kind;
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
	t->at = task->kind->sched->clock.now;
	if (++t->runs >= t->most) {
		task_fini(task);
		return;
	}
	if (t->every == 0) {
		task_yield(task);
		return;
	}
	if (t->every > 0)
		task_deadline(task, task->kind->sched->clock.now + t->every);
	task_wait(task, &wait_nap);
}

static inline void
init_toy(struct sched *s, struct toy *t, void (*resume)(struct task *))
{
	t->kind = (struct task_kind){ .resume = resume, .sched = s };
	task_init(&t->task, &t->kind);
}

static inline void
go(struct sched *s, struct toy *t, int most, int64_t every)
{
	*t = (struct toy){ .most = most, .every = every };
	init_toy(s, t, ran);
	OK(task_ready(&t->task));
}

static inline void
virtual_loop(struct sched *s)
{
	EQ(sched_init(s, NULL, true), 0);
	order = 0;
}

struct end {
	struct watch watch; /* first */
	struct sched *s;
	struct task *wakes;
	int calls;
};

static inline void
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

struct stopper {
	struct timer timer; /* first */
	struct sched *s;
	int fired;
};

static inline void
count(struct timer *t)
{
	((struct stopper *)t)->fired++;
}

#endif
