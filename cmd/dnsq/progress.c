/*
 * A line that says how far a long job is, for somebody who looks at a terminal while the answers go elsewhere. It is
 * taken away at the end.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "dnsq.h"

#define FIRST (2 * SEC)
#define EVERY (SEC / 2)

static void
show(struct timer *t)
{
	struct progress *p = (struct progress *)((char *)t - offsetof(struct progress, timer));
	double seconds = (double)(p->sched->clock.now - p->began) / (double)SEC;
	uint64_t done = *p->asked - *p->inflight;

	fprintf(stderr, "\r%" PRIu64 " done, %u under way, %.0f a second\033[K", done, *p->inflight, (double)done / seconds);
	p->shown = true;
	timer_arm(&p->sched->wheel, &p->timer, p->sched->clock.now + EVERY);
}

void
progress_start(struct progress *p, struct sched *s, const uint64_t *asked, const unsigned *inflight)
{
	*p = (struct progress){ .sched = s, .asked = asked, .inflight = inflight, .began = s->clock.now };
	timer_init(&p->timer, show, true);
	if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO))
		timer_arm(&s->wheel, &p->timer, s->clock.now + FIRST);
}

void
progress_stop(struct progress *p)
{
	timer_stop(&p->sched->wheel, &p->timer);
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}
