/*
 * series.h: what was heard of each metric in the present interval: five figures a name. The number of names is
 * bounded, since anybody who can send a datagram can make names up.
 *
 * A gauge or a timer counts its samples and keeps the smallest, mean, largest and last. A counter counts events; its
 * other figures are rates: events a second in each bucket (see series_tick); when it is silent, that is a rate of 0,
 * and it has figures for some more intervals. A set has in its figures how many different members came.
 */
#ifndef STAT_SERIES_H
#define STAT_SERIES_H

#include <sys/queue.h>

#include "base/hash.h"
#include "stat/statsd.h"

struct figures {
	double count, min, avg, max, last;
};

struct series {
	enum statsd_type type;
	struct slice name;
	/* private */
	struct hash_node node;
	TAILQ_ENTRY(series) entry;
	struct figures f;    /* avg is kept as a sum until the flush */
	double value;        /* a gauge's, for deltas: outlives the interval */
	double pending;      /* a counter's events in this bucket */
	double buckets;      /* how many of them are in f: its sum is one of rates */
	uint64_t *members;   /* of a set: hashes, open addressing; 0: free */
	size_t nmembers, members_size;
	bool heard;          /* in this interval */
	int silent;          /* intervals since then */
	char text[];
};

struct series_table {
	TAILQ_HEAD(series_list, series) all; /* in the order of their first samples */
	struct hash names;
	size_t n, most;      /* names */
	size_t members;      /* of all sets */
	uint64_t refused;    /* samples in this interval for which there was no room */
};

enum {
	SERIES_MEMBERS_MAX = 1 << 20, /* of all sets together */
	SERIES_ZEROS = 60,            /* intervals in which a silent counter still has a line */
};

/* At most `most` names. Must not move afterwards. */
void series_init(struct series_table *, size_t most);
void series_fini(struct series_table *);

/*
 * 0; -1 with errno: ENOSPC: names or members are at their bound (counted in `refused`), EINVAL: the name is known
 * with another type, ENOMEM.
 */
int series_add(struct series_table *, const struct statsd_sample *);

/* A sample of a gauge, for what the program measures itself. The name must be ok. */
int series_gauge(struct series_table *, struct slice name, double value);

/* A bucket of `seconds` is over: what counters heard in it becomes one rate. */
void series_tick(struct series_table *, double seconds);

/*
 * Ends the interval: `line` gets each metric that was heard in it, or is a counter that was not long ago. After
 * series_tick. If samples were refused, names that were silent give their room up. Returns how many lines.
 */
size_t series_flush(struct series_table *, void (*line)(void *arg, const struct series *, const struct figures *),
    void *arg);

#endif
