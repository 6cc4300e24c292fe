/*
 * gauge.h: the gauges that a program sends of itself, once a second, to a statsd server: what COOP_STATSD and -s ask
 * for.
 *
 *	if (cli_statsd(&cli, arg, &to))
 *		gauges = gauge_start(&sched, &to, "corun", 0, more, runtime);
 *	...
 *	static void more(void *arg, struct gauge *g) { gauge_put(g, "co", (double)runtime_count(arg)); }
 *
 * Of itself it sends NAME.ready (tasks that are ready), NAME.timers (pending), NAME.fds (open descriptors), NAME.late
 * (the worst lateness of a timer since the last time, ms) and NAME.rss (bytes). What only the program knows (NAME.gc,
 * NAME.co, ...) its callback adds. The first ones leave in the loop's first turn. They leave in one datagram, and
 * nothing is heard of a server that is not there.
 */
#ifndef STAT_GAUGE_H
#define STAT_GAUGE_H

#include "base/addr.h"
#include "loop/sched.h"

struct gauge;

/*
 * `name`: a program's or a script's; directories before it and a final ".lua" are dropped, and what statsd has no
 * room for is written as _. `worker`: its number, which follows the name; 0: it is the only
 * one. `more` (may be NULL) is called from the loop before each datagram leaves. It does not keep the loop going. NULL
 * with errno.
 */
struct gauge *gauge_start(struct sched *, const struct addr *to, const char *name, int worker,
    void (*more)(void *arg, struct gauge *), void *arg);

/* Before sched_fini, and before what `more` looks at has gone. NULL is ignored. */
void gauge_stop(struct gauge *);

/* Only in `more`: adds NAME.what. A value that is not finite is left out. */
void gauge_put(struct gauge *, const char *what, double value);

#endif
