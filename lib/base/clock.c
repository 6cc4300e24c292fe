#include "base/clock.h"

#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	/* cannot fail for the clocks used here: they exist on every system that coop builds on */
	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * SEC + ts.tv_nsec;
}

void
clock_init(struct clock *c, bool is_virtual)
{
	c->is_virtual = is_virtual;
	c->now = is_virtual ? SEC : read_clock(CLOCK_MONOTONIC);
	c->epoch = read_clock(CLOCK_REALTIME) - c->now;
}

int64_t
clock_read(struct clock *c)
{
	if (!c->is_virtual)
		c->now = read_clock(CLOCK_MONOTONIC);
	return c->now;
}

void
clock_jump(struct clock *c, int64_t when)
{
	if (c->is_virtual && when > c->now)
		c->now = when;
}

int64_t
clock_wall(const struct clock *c)
{
	return c->is_virtual ? c->epoch + c->now : read_clock(CLOCK_REALTIME);
}

int64_t
clock_ns(double seconds)
{
	if (!(seconds > 0))
		return 0;
	if (seconds >= (double)CLOCK_FOREVER / (double)SEC)
		return CLOCK_FOREVER;
	return (int64_t)(seconds * (double)SEC);
}

int64_t
clock_cpu(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}
