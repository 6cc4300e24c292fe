#include "graphite.h"

#include <stddef.h>

#include "base/log.h"

#define PARTING (2 * SEC)

int
graphite_open(struct graphite *g, struct sched *s, const struct settings *set)
{
	*g = (struct graphite){ .sched = s };
	return !set->sends || (g->carbon = carbon_open(s, &set->carbon)) != NULL ? 0 : -1;
}

void
graphite_put(struct graphite *g, int64_t epoch, const struct series *s, const struct figures *f)
{
	if (g->carbon != NULL)
		carbon_put(g->carbon, epoch, s, f);
}

void
graphite_flush(struct graphite *g)
{
	uint64_t lost;

	if (g->carbon == NULL)
		return;
	if ((lost = carbon_lost(g->carbon)) > 0)
		log_warn("%llu metrics of this interval had no room in the queue for the Graphite server",
		    (unsigned long long)lost);
	carbon_flush(g->carbon);
}

static void
look_again(struct timer *t)
{
	struct graphite *g = (struct graphite *)(void *)((char *)t - offsetof(struct graphite, timer));

	if (carbon_pending(g->carbon) == 0 || g->sched->clock.now >= g->until)
		sched_stop(g->sched);
	else
		timer_arm(&g->sched->wheel, t, g->sched->clock.now + 5 * MSEC);
}

void
graphite_part(struct graphite *g)
{
	if (g->carbon == NULL || carbon_pending(g->carbon) == 0)
		return;
	g->until = clock_read(&g->sched->clock) + PARTING;
	timer_init(&g->timer, look_again, true);
	timer_arm(&g->sched->wheel, &g->timer, g->sched->clock.now + MSEC);
	(void)sched_run(g->sched);
	timer_stop(&g->sched->wheel, &g->timer);
	if (carbon_pending(g->carbon) > 0)
		log_warn("the Graphite server did not take the last %zu bytes", carbon_pending(g->carbon));
}

void
graphite_close(struct graphite *g)
{
	carbon_close(g->carbon);
	g->carbon = NULL;
}
