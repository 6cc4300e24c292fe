#include "stat/trend.h"

#include <math.h>

struct sums {
	double n, x, y, xx, xy;
};

static double
seconds(const struct trend *t, const struct point *p)
{
	return (double)(p->at - t->from) / 1000;
}

/* The sum of squared residuals, and of products of neighbouring ones. */
static void
residuals(const struct track *track, size_t first, const struct trend *t, double intercept, double *squares,
    double *products)
{
	double before = 0;

	*squares = *products = 0;
	for (size_t i = first; i < track->n; i++) {
		const struct point *p = &track->points[i];
		double r = track_point_mean(track, p) - intercept - t->slope * seconds(t, p);

		*squares += r * r;
		*products += r * before;
		before = r;
	}
}

static void
fit(const struct track *track, size_t first, struct trend *t)
{
	struct sums s = { .n = 0 };
	double width, intercept, squares, products, correlation;

	for (size_t i = first; i < track->n; i++) {
		double x = seconds(t, &track->points[i]), y = track_point_mean(track, &track->points[i]);

		s.n++;
		s.x += x;
		s.y += y;
		s.xx += x * x;
		s.xy += x * y;
	}
	t->mean = s.y / s.n;
	if ((width = s.xx - s.x * s.x / s.n) <= 0)
		return;
	t->slope = (s.xy - s.x * s.y / s.n) / width;
	intercept = (s.y - t->slope * s.x) / s.n;
	/* what rounding alone makes of a level line */
	if (fabs(t->slope) * sqrt(width) < 1e-9 * fabs(t->mean))
		t->slope = 0;
	residuals(track, first, t, intercept, &squares, &products);
	t->error = sqrt(squares / (s.n - 2) / width);
	if (t->error * sqrt(width) < 1e-9 * fabs(t->mean))
		t->error = 0;
	correlation = squares > 0 ? products / squares : 0;
	if (correlation > 0)
		t->error *= sqrt((1 + correlation) / (1 - fmin(correlation, 0.99)));
}

struct trend
trend_of(const struct track *track)
{
	struct trend t = { .from = track->first + (track->last_at - track->first) / 2, .to = track->last_at };
	size_t first = 0;
	double change;

	while (first < track->n && track->points[first].at < t.from)
		first++;
	if (track->n - first < TREND_LEAST)
		return t;
	fit(track, first, &t);
	change = t.slope * (double)(t.to - t.from) / 1000;
	t.verdict = fabs(t.slope) <= 3 * t.error || fabs(change) < 0.01 * fabs(t.mean) ? TREND_LEVEL :
	    t.slope > 0 ? TREND_RISING : TREND_FALLING;
	return t;
}
