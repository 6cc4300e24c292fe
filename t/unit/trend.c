#include "stat/trend.h"

#include <math.h>

#include "tap.h"

enum { N = 600 };

/* A metric of N seconds; `f` gives its mean. */
static struct trend
trend(double (*f)(int i), int n)
{
	struct history h;
	struct trend t;

	history_init(&h, 1);
	for (int i = 0; i < n; i++) {
		double v = f(i);
		struct record r = { .at = 1000000000000 + i * 1000, .name = SLICE("a"), .f = { 1, v, v, v, v } };

		EQ(history_add(&h, &r), 0);
	}
	t = trend_of(TAILQ_FIRST(&h.tracks));
	history_fini(&h);
	return t;
}

static double
chance(void)
{
	static uint64_t state = 7;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) / 9007199254740992.0;
}

static double flat(int i) { (void)i; return 100; }
static double line(int i) { return 100 + i * 0.5; }
static double falling(int i) { return 1000 - i * 0.5 + chance(); }
static double noise(int i) { (void)i; return 100 + 20 * chance(); }
static double saw(int i) { return 100 + i % 97; }
static double settles(int i) { return i < N / 2 ? i : N / 2; }
static double tiny(int i) { return 1e6 + i * 0.01; }

TEST(verdicts)
{
	EQ(trend(flat, N).verdict, TREND_LEVEL);
	EQ(trend(line, N).verdict, TREND_RISING);
	EQ(trend(falling, N).verdict, TREND_FALLING);
	EQ(trend(noise, N).verdict, TREND_LEVEL);
	EQ(trend(saw, N).verdict, TREND_LEVEL);
	EQ(trend(settles, N).verdict, TREND_LEVEL);
	EQ(trend(tiny, N).verdict, TREND_LEVEL);
	EQ(trend(line, 2 * TREND_LEAST - 4).verdict, TREND_UNKNOWN);
	EQ(trend(line, 2 * TREND_LEAST + 1).verdict, TREND_RISING);
	EQ(trend(line, 1).verdict, TREND_UNKNOWN);
}

TEST(the_slope_and_its_error)
{
	struct trend t = trend(line, N);

	OK(fabs(t.slope - 0.5) < 1e-9);
	OK(t.error < 1e-9);
	EQ(t.to - t.from, (N - 1) * 500);
	t = trend(falling, N);
	OK(fabs(t.slope + 0.5) < 4 * t.error);
	OK(t.error > 0 && t.error < 0.01);
	/* a saw's neighbours are no independent witnesses */
	OK(trend(saw, N).error > 4 * trend(noise, N).error);
}

MAIN(RUN(verdicts), RUN(the_slope_and_its_error))
