/*
 * beat.h: when intervals end, and the buckets in them in which counters become rates. Times are counted from the
 * start: they do not drift.
 */
#ifndef BEAT_H
#define BEAT_H

#include "loop/sched.h"
#include "stat/series.h"

/* Set what is above the line, the rest zero; it must stay where it is until beat_stop. */
struct beat {
	struct sched *sched;
	struct series_table *series;
	int64_t interval;                    /* ns */
	void (*interval_ends)(struct beat *); /* all buckets of it have ended */
	/* private */
	struct timer timer;
	int64_t bucket;                      /* ns: the length of one, a second or a little less */
	int64_t due;                         /* ns: the end of the next one that is not counted yet */
	int64_t buckets, left;               /* in an interval; until it ends */
	bool slow;                           /* no counter lives: it sleeps until the interval ends */
};

void beat_start(struct beat *);
void beat_stop(struct beat *);

/* After samples have come: there may be a counter now. */
void beat_stir(struct beat *);

/* Ends the bucket that is open, before its time: the last interval does not last. */
void beat_last(struct beat *);

#endif
