/* With no counter that lives, buckets matter to nobody: one wake-up an interval is enough then. */
#include "beat.h"

#include <stddef.h>

static void
arm(struct beat *b)
{
	b->slow = b->series->counters == 0;
	timer_arm(&b->sched->wheel, &b->timer, b->slow ? b->due + (b->left - 1) * b->bucket : b->due);
}

/* Counts the buckets that have ended by now, but for the interval's last. */
static void
catch_up(struct beat *b)
{
	int64_t n = b->sched->clock.now >= b->due ? (b->sched->clock.now - b->due) / b->bucket + 1 : 0;

	if (n > b->left - 1)
		n = b->left - 1;
	series_skip(b->series, (unsigned)n);
	b->left -= n;
	b->due += n * b->bucket;
}

static void
fire(struct timer *t)
{
	struct beat *b = (struct beat *)(void *)((char *)t - offsetof(struct beat, timer));

	if (b->slow)
		catch_up(b);
	series_tick(b->series, (double)b->bucket / (double)SEC);
	b->due += b->bucket;
	if (--b->left == 0) {
		b->left = b->buckets;
		b->interval_ends(b);
	}
	/* the whole process was stopped: what it slept through is one interval, not hundreds at once */
	if (b->due + b->bucket < b->sched->clock.now)
		b->due = b->sched->clock.now + b->bucket;
	arm(b);
}

/*
 * The first bucket ends so that no interval ends at the edge of a second: two would have the same second in their
 * lines now and then.
 */
void
beat_start(struct beat *b)
{
	int64_t now = clock_read(&b->sched->clock), in_second = clock_wall(&b->sched->clock) % SEC;

	b->buckets = b->left = (b->interval + SEC - 1) / SEC;
	b->bucket = b->interval / b->buckets;
	b->due = now + b->bucket + (in_second > 950 * MSEC ? 100 * MSEC : 0);
	timer_init(&b->timer, fire, true);
	arm(b);
}

void
beat_stop(struct beat *b)
{
	if (b->timer.fire != NULL)
		timer_stop(&b->sched->wheel, &b->timer);
}

void
beat_stir(struct beat *b)
{
	if (!b->slow || b->series->counters == 0)
		return;
	catch_up(b);
	arm(b);
}

void
beat_last(struct beat *b)
{
	if (b->slow)
		catch_up(b);
	series_tick(b->series, (double)b->bucket / (double)SEC);
}
