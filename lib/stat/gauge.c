#include "stat/gauge.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stat/number.h"
#include "stat/proc.h"
#include "stat/sender.h"

enum { PREFIX_MAX = 100 };

struct gauge {
	struct sched *sched;
	struct sender *sender;
	struct timer timer;
	int64_t due;
	void (*more)(void *, struct gauge *);
	void *arg;
	char name[STATSD_NAME_MAX + 1]; /* the prefix with its point; what is measured goes behind it */
	size_t prefix;
};

void
gauge_put(struct gauge *g, const char *what, double value)
{
	size_t n = strlen(what);

	if (!(fabs(value) <= NUMBER_MAX) || n > sizeof(g->name) - g->prefix)
		return;
	memcpy(g->name + g->prefix, what, n);
	if (statsd_name_ok(slice_make(g->name, g->prefix + n)))
		sender_put(g->sender, slice_make(g->name, g->prefix + n), value, STATSD_GAUGE);
}

/* Timers that tasks wait for, and our own: who blocks the whole loop delays both. */
static double
worst_lateness(struct gauge *g)
{
	struct sched_stats *st = &g->sched->stats;
	int64_t late = g->sched->clock.now - g->due;

	if (st->late_recent > late)
		late = st->late_recent;
	st->late_recent = 0;
	return late > 0 ? (double)late / MSEC : 0;
}

static void
put_all(struct gauge *g)
{
	const struct sched *s = g->sched;
	uint64_t n;

	gauge_put(g, "ready", (double)s->nready);
	gauge_put(g, "timers", (double)(s->wheel.pending - s->wheel.background));
	gauge_put(g, "late", worst_lateness(g));
	if (proc_fds(0, &n) == 0)
		gauge_put(g, "fds", (double)n);
	if (proc_rss(0, &n) == 0)
		gauge_put(g, "rss", (double)n);
	if (g->more != NULL)
		g->more(g->arg, g);
}

static void
fire(struct timer *t)
{
	struct gauge *g = (struct gauge *)(void *)((char *)t - offsetof(struct gauge, timer));
	int64_t now = g->sched->clock.now;

	put_all(g);
	/* not a second from now: a second from when it was due, so that late ones do not add up */
	g->due += SEC;
	if (g->due <= now)
		g->due = now + SEC;
	timer_arm(&g->sched->wheel, &g->timer, g->due);
}

static void
set_prefix(struct gauge *g, const char *name, int worker)
{
	const char *base = strrchr(name, '/');
	size_t n;

	base = base != NULL ? base + 1 : name;
	n = strlen(base);
	if (n > 4 && strcmp(base + n - 4, ".lua") == 0)
		n -= 4;
	if (n > PREFIX_MAX)
		n = PREFIX_MAX;
	for (size_t i = 0; i < n; i++)
		g->name[i] = statsd_name_ok(slice_make(base + i, 1)) ? base[i] : '_';
	if (n == 0)
		g->name[n++] = '_';
	if (worker > 0)
		n += (size_t)snprintf(g->name + n, sizeof(g->name) - n, ".%d", worker);
	g->name[n] = '.';
	g->prefix = n + 1;
}

struct gauge *
gauge_start(struct sched *s, const struct addr *to, const char *name, int worker,
    void (*more)(void *arg, struct gauge *), void *arg)
{
	struct gauge *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	*g = (struct gauge){ .sched = s, .more = more, .arg = arg, .due = s->clock.now };
	if ((g->sender = sender_open(s, to)) == NULL) {
		free(g);
		return NULL;
	}
	set_prefix(g, name, worker);
	timer_init(&g->timer, fire, true);
	timer_arm(&s->wheel, &g->timer, g->due);
	return g;
}

void
gauge_stop(struct gauge *g)
{
	if (g == NULL)
		return;
	timer_stop(&g->sched->wheel, &g->timer);
	sender_close(g->sender);
	free(g);
}
