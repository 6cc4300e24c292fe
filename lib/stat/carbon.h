/*
 * carbon.h: figures on their way to a Graphite server, in its plaintext protocol: `path value epoch` lines over TCP. A
 * server that is not there is tried again, after a second at first, after a minute at last; what it missed meanwhile
 * waits in a queue of at most CARBON_QUEUE bytes.
 */
#ifndef STAT_CARBON_H
#define STAT_CARBON_H

#include "base/addr.h"
#include "loop/sched.h"
#include "stat/series.h"

enum { CARBON_QUEUE = 4 << 20 };

struct carbon;

/* Begins to connect. `log_warn` tells when that fails, and when it succeeds again. NULL with errno. */
struct carbon *carbon_open(struct sched *, const struct addr *to);

/* What has not left is lost. NULL is ignored. */
void carbon_close(struct carbon *);

/*
 * Queues NAME.count, NAME.min, ... and, for a timer that has them, NAME.p50, NAME.p95, NAME.p99. What Graphite has no
 * room for in a name is written as _. `epoch`: seconds.
 */
void carbon_put(struct carbon *, int64_t epoch, const struct series *, const struct figures *);

/* Sends what is queued. */
void carbon_flush(struct carbon *);

/* Bytes that have not left yet. */
size_t carbon_pending(const struct carbon *);

/* Metrics that found no room in the queue since the last call. */
uint64_t carbon_lost(struct carbon *);

#endif
