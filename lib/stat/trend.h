/* trend.h: whether a metric has levelled: a straight line through the last half of its time. */
#ifndef STAT_TREND_H
#define STAT_TREND_H

#include "stat/history.h"

enum trend_verdict {
	TREND_UNKNOWN, /* fewer than TREND_LEAST points */
	TREND_LEVEL,
	TREND_RISING,
	TREND_FALLING,
};

enum { TREND_LEAST = 8 };

struct trend {
	enum trend_verdict verdict;
	double slope, error; /* a second; the error is the slope's standard error */
	double mean;         /* in that half */
	int64_t from, to;    /* ms: that half */
};

/*
 * Least squares through the points' means. What follows a value is rarely independent of it (a heap that grows until
 * it is collected): the standard error is made larger by as much as neighbouring residuals are correlated. It rises
 * or falls when the slope is more than three times its error, and makes a difference of 1% in that half.
 */
struct trend trend_of(const struct track *);

#endif
