/*
 * prom.h: metrics in the text format that Prometheus reads (version 0.0.4).
 *
 * A gauge is NAME, its last value, with NAME_min, NAME_avg and NAME_max of the last interval; a counter NAME_total; a
 * timer a summary NAME_seconds with the quantiles of the last interval; a histogram the same, NAME, in its own unit; a
 * set the gauge NAME, how many different members the last interval had. Counts and sums are those since the start.
 * Series that differ in tags only are one family.
 */
#ifndef STAT_PROM_H
#define STAT_PROM_H

#include "base/buf.h"
#include "stat/series.h"

#define PROM_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Which families a text has already: a name must not come twice. */
struct prom {
	struct buf *b;
	size_t hidden;   /* metrics that were left out, since their names differ only in what Prometheus does not allow */
	/* private */
	uint64_t *seen;  /* hashes, open addressing; 0: free */
	size_t size;
	uint8_t key[16];
};

/* For a text of at most that many metrics. 0, or -1 with errno. */
int prom_init(struct prom *, struct buf *, size_t metrics);
void prom_fini(struct prom *);

/* Adds a number of the program's own; the name must be a valid one. `type`: "gauge" or "counter". */
void prom_number(struct prom *, const char *name, const char *type, const char *help, double value);

/* Adds all of them, by name; tags become labels. 0, or -1 with errno. */
int prom_table(struct prom *, const struct series_table *);

#endif
