#include "base/clock.h"

#include <math.h>
#include <time.h>

#include "tap.h"

TEST(real)
{
	struct clock c;
	int64_t start, wall;

	clock_init(&c, false);
	start = c.now;
	OK(start > 0);
	OK(clock_read(&c) >= start);
	EQ(clock_read(&c) - c.now, 0);
	/* a real clock cannot be moved */
	start = c.now;
	clock_jump(&c, start + 1000 * SEC);
	EQ(c.now, start);
	wall = clock_wall(&c);
	OK(wall / SEC >= time(NULL) - 2 && wall / SEC <= time(NULL) + 2);
	/* the two agree, up to what was read in between */
	wall -= c.epoch + clock_read(&c);
	OK(wall > -SEC && wall < SEC);
}

TEST(virtual_moves_only_when_told)
{
	struct clock c;
	int64_t wall;

	clock_init(&c, true);
	EQ(c.now, SEC);
	EQ(clock_read(&c), SEC);
	wall = clock_wall(&c);
	OK(wall / SEC >= time(NULL) - 2 && wall / SEC <= time(NULL) + 2);
	clock_jump(&c, 36000 * SEC);
	EQ(clock_read(&c), 36000 * SEC);
	EQ(clock_wall(&c) - wall, 35999 * SEC);
	clock_jump(&c, 5);
	EQ(c.now, 36000 * SEC);
}

TEST(seconds)
{
	static const struct {
		double seconds;
		int64_t want;
	} rows[] = {
		{ 0, 0 }, { -0.0, 0 }, { -1, 0 }, { -INFINITY, 0 }, { NAN, 0 },
		{ 1, SEC }, { 0.5, 500 * MSEC }, { 0.001, MSEC }, { 1e-9, 1 }, { 1e-10, 0 }, { 36000, 36000 * SEC },
		{ INFINITY, CLOCK_FOREVER }, { 1e300, CLOCK_FOREVER }, { 4611686019.0, CLOCK_FOREVER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EQ(clock_ns(rows[i].seconds), rows[i].want);
	/* adding it to now must not overflow */
	OK(clock_ns(4611686018.0) <= CLOCK_FOREVER);
}

TEST(cpu_time_grows_with_work)
{
	int64_t start = clock_cpu();
	volatile unsigned work = 0;

	OK(start > 0);
	while (clock_cpu() < start + MSEC)
		work++;
	OK(work > 0);
}

MAIN(RUN(real), RUN(virtual_moves_only_when_told), RUN(seconds), RUN(cpu_time_grows_with_work))
