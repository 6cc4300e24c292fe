/*
 * task.h: anything that the scheduler can resume: a Lua coroutine, a DNS query, a SIP transaction. Embed a struct
 * task in it.
 *
 * A task is running, ready (on the run queue), or suspended. A suspended one says what it waits for with a struct
 * wait, and may have a deadline. Whatever ends the wait, its `leave` is called once before the task is put on the run
 * queue: nobody can wake it twice, and no stale wake-up can reach its next wait.
 */
#ifndef LOOP_TASK_H
#define LOOP_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "loop/timer.h"

struct sched;
struct task;

/* One static const of these for each kind of wait. */
struct wait {
	const char *name;              /* "sleep", "udp recvfrom": for listings */
	/* the wait is over, for whatever reason: take the task off your list. NULL: nothing to do */
	void (*leave)(struct task *);
	bool external;                 /* something outside of the process can end it: no deadlock while one waits so */
	/*
	 * The task had been woken, not by its deadline, and was ended before it ran: what it was woken for is somebody
	 * else's. NULL: it was woken for nothing that only one can have.
	 */
	void (*lost)(struct task *);
};

/* How the last wait ended. */
enum task_wake { TASK_WOKEN, TASK_TIMEOUT };

/* What tasks of one kind have in common. It must outlive them. */
struct task_kind {
	void (*resume)(struct task *); /* runs until it suspends or ends; it may free the task if it called task_fini */
	struct sched *sched;
};

/* There may be a million of them: each byte counts. */
struct task {
	const struct task_kind *kind;
	/* private */
	const struct wait *wait;   /* NULL unless suspended; or woken from a wait that has `lost` */
	void *on;                  /* what it waits on, for `wait`; the owner's while it is ready and has none */
	union {
		TAILQ_ENTRY(task) link; /* on the run queue when ready; the waited-for's to use while suspended */
		LIST_ENTRY(task) peers; /* for the waited-for that wants a list with a small head */
	};
	struct timer timer;        /* the deadline of the wait; its note: see task_since */
	uint8_t state;
	uint8_t wake;              /* enum task_wake */
	bool soon;                 /* which run queue */
	uint8_t mark;              /* the owner's, as well as tag: the room is there anyway */
	uint32_t tag;
};

TAILQ_HEAD(task_list, task);
LIST_HEAD(task_peers, task);

/* A new suspended task: it is alive from now on. Make it ready to start it. mark and tag are left as they are. */
void task_init(struct task *, const struct task_kind *);

/* Puts a new task, which has not waited for anything yet, at the back of the run queue. */
void task_start(struct task *);

/*
 * Its end. Leaves its wait and the run queue. Call it in resume() (then return at once) or from outside, when it must
 * never run again.
 */
void task_fini(struct task *);

/* Suspends the running task (or names the wait of a new one). After it, resume() must return. */
void task_wait(struct task *, const struct wait *);

/*
 * Sets or, with CLOCK_FOREVER, removes the deadline (absolute, ns). May be called before task_wait; the deadline
 * stands until a wait ends.
 */
void task_deadline(struct task *, int64_t at);

/* Ends the wait of a suspended task and puts it at the back of the run queue. False when it was not suspended. */
bool task_ready(struct task *);

/* The same, ahead of those that only yielded: for what an event or a timer wakes. */
bool task_ready_soon(struct task *);

/* Puts the running task at the back of the run queue. After it, resume() must return. */
void task_yield(struct task *);

static inline enum task_wake
task_wake(const struct task *t)
{
	return (enum task_wake)t->wake;
}

bool task_suspended(const struct task *);

/* How long ago it was suspended, in ns, to 17 ms. */
int64_t task_since(const struct task *);

/* For the scheduler alone: takes a ready task off its queue and makes it the running one. */
void task_dequeue(struct task *);

#endif
