/*
 * series.h: what was heard of each metric in the present interval: five figures a name. The number of names is
 * bounded, since anybody who can send a datagram can make names up.
 *
 * A gauge or a timer counts its samples and keeps the smallest, mean, largest and last. A counter counts events; its
 * other figures are rates: events a second in each bucket (see series_tick); when it is silent, that is a rate of 0,
 * and it has figures for some more intervals. A set has in its figures how many different members came.
 *
 * A name that was silent for `idle` intervals is forgotten, a gauge's value with it.
 */
#ifndef STAT_SERIES_H
#define STAT_SERIES_H

#include <sys/queue.h>

#include "base/hash.h"
#include "stat/sketch.h"
#include "stat/statsd.h"

struct figures {
	double count, min, avg, max, last;
};

struct series {
	/* private, but for who shows it */
	struct hash_node node;
	struct slice name;
	struct figures f;    /* avg is kept as a sum until the flush */
	double pending;      /* a counter's events in this bucket */
	double value;        /* a gauge's last, for deltas: outlives the interval */
	TAILQ_ENTRY(series) entry;
	uint8_t type;        /* enum statsd_type */
	bool heard;          /* in this interval */
	bool known;          /* in an earlier interval */
	bool counting;       /* it is one of the table's counters */
	unsigned silent;     /* intervals since then */
	unsigned buckets;    /* of a counter: how many of them are in f: its sum is one of rates */
	double total, sum;   /* since its first sample: count; of a timer, the sum of its values */
	double shown[3];     /* in the last interval: of a gauge min, avg, max; of a timer p50, p95, p99; of a set its size */
	uint64_t *members;   /* of a set: hashes, open addressing; 0: free */
	size_t nmembers, members_size;
	struct sketch *sketch; /* of a timer, when the table has percentiles; NULL: none yet */
	char text[];
};

struct series_table {
	TAILQ_HEAD(series_list, series) all; /* in the order of their first samples */
	struct hash names;
	size_t n, most;      /* names */
	size_t members;      /* of all sets */
	size_t counters;     /* that have figures even when they are silent: see series_tick */
	uint64_t refused;    /* samples in this interval for which there was no room */
	/* may be set after series_init */
	unsigned idle;       /* intervals; 0: a name is never forgotten */
	bool repeat;         /* a silent gauge has figures all the same: a count of 0, and its value */
	bool percentiles;    /* of timers: series_percentile */
	/* private */
	struct sketch_pool pool;
	unsigned elapsed;    /* buckets of this interval */
};

enum {
	SERIES_MANY = 32,
	SERIES_MEMBERS_MAX = 1 << 20, /* of all sets together */
	SERIES_ZEROS = 60,            /* intervals in which a silent counter still has a line */
	SERIES_IDLE = 1440,           /* what `idle` is at first: a day of minutes */
};

/* At most `most` names. Must not move afterwards. */
void series_init(struct series_table *, size_t most);
void series_fini(struct series_table *);

/*
 * 0; -1 with errno: ENOSPC: names or members are at their bound (counted in `refused`), EINVAL: the name is known
 * with another type, ENOMEM.
 */
int series_add(struct series_table *, const struct statsd_sample *);

/*
 * At most SERIES_MANY of them, in their order: several times as fast as one by one, since the processor fetches them
 * all at once. `failed` is called for each that series_add would give -1 for, with errno.
 */
void series_add_many(struct series_table *, const struct statsd_sample *, size_t n,
    void (*failed)(void *arg, const struct statsd_sample *), void *arg);

/* A sample of a gauge, for what the program measures itself. The name must be ok. */
int series_gauge(struct series_table *, struct slice name, double value);

/*
 * A gauge that was sampled in this interval is known to have been so large meanwhile: max is raised, and nothing else
 * changes.
 */
void series_raise(struct series_table *, struct slice name, double max);

/*
 * A bucket of `seconds` is over: what counters heard in it becomes one rate. While there are no counters, buckets may
 * be skipped: n of them are over.
 */
void series_tick(struct series_table *, double seconds);
void series_skip(struct series_table *, unsigned n);

/*
 * Ends the interval: `line` gets each metric that was heard in it, or is a counter that was not long ago. After
 * series_tick. If samples were refused, names that were silent give their room up. Returns how many lines.
 */
size_t series_flush(struct series_table *, void (*line)(void *arg, const struct series *, const struct figures *),
    void *arg);

/*
 * Of a timer, in `line` of series_flush: what p percent (0 < p <= 100) of its samples do not exceed, as exact as
 * sketch.h says. False: it has no percentiles.
 */
bool series_percentile(const struct series *, const struct figures *, double p, double *value);

#endif
