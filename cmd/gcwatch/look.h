/* look.h: memory, CPU time, threads and descriptors of a process and its children, as the gauges proc.rss and so on. */
#ifndef LOOK_H
#define LOOK_H

#include "gcwatch.h"
#include "loop/sched.h"
#include "stat/series.h"

/* Set what is above the line, the rest zero; it must stay where it is until look_stop. */
struct look {
	const struct settings *set;
	struct sched *sched;
	struct series_table *series;
	pid_t pid;
	void (*gone)(struct look *);  /* it has ended; no more looks follow */
	/* private */
	struct timer timer;
	int64_t due;
	int64_t cpu, cpu_at, error;   /* of the last look; cpu_at: when, or when looking began */
	bool rss_seen, cpu_seen;      /* there was a sample */
	bool peaks;                   /* VmHWM tells those of this interval */
	int64_t pss_due;              /* PSS is not worth its price before that */
};

/* Looks at the process from now on, five times a second. It has used no CPU time before: it has just been started. */
void look_start_new(struct look *);

/* The same for one that runs already. */
void look_start(struct look *);

/* Safe when it was never started. */
void look_stop(struct look *);

/* The interval is about to end: what costs more to know, and the true peak of memory. Safe if it was never started. */
void look_flush(struct look *);

/*
 * Our only child, the process, was waited for: /proc knows it no more, but the system tells its CPU time, and how large
 * it was at most. Call it once.
 */
void look_last(struct look *);

#endif
