/* graphite.h: -C: the figures for a Graphite server; what it cannot have is told. */
#ifndef GRAPHITE_H
#define GRAPHITE_H

#include "gcwatch.h"
#include "stat/carbon.h"

struct graphite {
	struct sched *sched;
	struct carbon *carbon; /* NULL: none */
	/* private */
	struct timer timer;
	int64_t until;
};

/* Does nothing without -C. 0, or -1 with errno. */
int graphite_open(struct graphite *, struct sched *, const struct settings *);

/* The rest does nothing when there is none. */
void graphite_put(struct graphite *, int64_t epoch, const struct series *, const struct figures *);
void graphite_flush(struct graphite *);

/* At the end: runs the loop until all has left, for two seconds at most. */
void graphite_part(struct graphite *);

void graphite_close(struct graphite *);

#endif
