/*
 * sched.h: the run queue and the loop.
 *
 * A turn is bounded: events, expired timers, then at most a budget of ready tasks, then round again; the clock is
 * looked at every few resumes, so that a timer never waits for the whole run queue. Sends gather and leave at the end
 * of the turn (sched_defer). When nothing can run, the idle hook may work until the next timer; then the loop waits.
 *
 * A virtual clock stands still while anything can run, then jumps to the next timer.
 */
#ifndef LOOP_SCHED_H
#define LOOP_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "loop/poller.h"
#include "loop/task.h"
#include "loop/timer.h"

/* Work put off until the end of the turn, once however often it was asked for. */
struct defer {
	void (*run)(struct defer *);
	/* private */
	TAILQ_ENTRY(defer) entry;
	bool queued;
};

enum { LATE_BUCKETS = 48 };

/* What a loop has done: totals since its start. */
struct sched_stats {
	uint64_t turns, switches, spawned, timeouts;
	size_t tasks_peak;
	int64_t late_max; /* worst lateness of a timer, ns */
	int64_t late_recent; /* the same since whoever samples it last put 0 there */
	uint64_t late[LATE_BUCKETS]; /* how many timers were late by 2^(n-1) to 2^n ns */
};

struct sched {
	struct clock clock;
	struct wheel wheel;
	struct poller *poller;
	struct task *current; /* the one that runs; NULL between */
	size_t ntasks, nready, nexternal;
	/*
	 * The idle hook: called when nothing is ready, before the loop waits; `until` is when the next timer is due.
	 * It works a little (well under a millisecond) and returns true if it has more to do. NULL: none.
	 */
	bool (*idle)(void *, int64_t until);
	void *idle_arg;
	struct sched_stats stats;
	/* private */
	struct task_list soon, ready; /* woken by events and timers; the rest */
	TAILQ_HEAD(, defer) deferred;
	size_t ndeferred, holds;
	bool stopped, hurry;
};

/* What ended sched_run. */
enum sched_end {
	SCHED_DONE,     /* no task is left, and nothing holds the loop */
	SCHED_STOPPED,  /* sched_stop was called */
	SCHED_DEADLOCK, /* tasks are left, and nothing can ever wake them; they still exist */
	SCHED_FAILED,   /* the poller failed: errno */
};

/* 0, or -1 with errno. `backend` as in poller_new. */
int sched_init(struct sched *, const char *backend, bool virtual_clock);

/* Tasks that are left are not touched; they must not be used after it. */
void sched_fini(struct sched *);

enum sched_end sched_run(struct sched *);

/* sched_run returns after the present turn. Safe from a task, a timer, a watch. */
void sched_stop(struct sched *);

/* The present turn ends with the running task, so that events are looked at: for one that has run for long. */
void sched_come_round(struct sched *);

/* While it is held, a loop without tasks goes on waiting for events. */
void sched_hold(struct sched *);
void sched_release(struct sched *);

/* Queues d for the end of this turn. A zeroed struct with `run` set is ready for use. */
void sched_defer(struct sched *, struct defer *);
void sched_undefer(struct sched *, struct defer *);

/* The p-th percentile (0 < p <= 100) of timer lateness in ns, from the histogram: exact to a factor of 2. */
int64_t sched_lateness(const struct sched *, double p);

/* For whoever fires timers: notes that one was `late` ns late. */
void sched_late(struct sched *, int64_t late);

#endif
