/*
 * history.h: the figures of metrics over time: what a picture is drawn from. However long it gets, a metric keeps at
 * most HISTORY_POINTS points: when there are more, time is cut into steps twice as wide and neighbours are joined, so
 * that no peak is ever lost.
 */
#ifndef STAT_HISTORY_H
#define STAT_HISTORY_H

#include <sys/queue.h>

#include "base/hash.h"
#include "stat/record.h"

enum { HISTORY_POINTS = 4096 };

struct point {
	int64_t at;         /* ms since 1970: of the last line joined in it */
	double min, max;
	/* private */
	double sum, weight; /* each line's mean as often as its count says */
	double plain;       /* each line's mean once */
	double lines;
};

struct track {
	struct slice name;
	const struct point *points; /* in the order of time */
	size_t n;
	uint64_t lines;             /* that came */
	int64_t first, last_at;     /* ms */
	double min, max, last;
	int64_t min_at, max_at;     /* ms; of the first that was so small or large */
	double count;               /* of all lines */
	int64_t every;              /* ms: the usual time between two lines; 0: there is only one */
	/* private */
	struct point total;
	double ratio;               /* count to mean of the first line in which they are not 0 */
	uint64_t same, other;       /* lines with that ratio, and with another */
	int64_t votes;
	struct point *own;
	size_t size;
	struct hash_node node;
	TAILQ_ENTRY(track) entry;
	char text[];
};

struct history {
	TAILQ_HEAD(track_list, track) tracks; /* in the order of their first lines */
	size_t n, most;                       /* tracks */
	uint64_t refused;                     /* lines of names for which there was no room */
	int64_t step;                         /* ms: points nearer than that are joined */
	bool totals_only;                     /* may be set after history_init: no points are kept */
	struct hash names;
};

/* At most `most` names. Must not move afterwards. */
void history_init(struct history *, size_t most);
void history_fini(struct history *);

/* Lines may come in any order of time. 0; -1 with errno: ENOSPC: too many names (counted in `refused`), ENOMEM. */
int history_add(struct history *, const struct record *);

/*
 * The mean of many lines weighs each by its count; but for a counter, whose count is what it measures, and whose
 * lines all stand for the same time. A counter's counts are in proportion to its means, and nothing else's are,
 * unless both are always the same.
 */
double track_mean(const struct track *);
double track_point_mean(const struct track *, const struct point *);

/* The earliest and the latest time of all, ms. False when there is nothing. */
bool history_span(const struct history *, int64_t *from, int64_t *to);

#endif
