#include "stat/history.h"

#include <errno.h>

#include "tap.h"

static int
add(struct history *h, int64_t at, const char *name, double count, double min, double avg, double max)
{
	struct record r = { .at = at, .name = slice_of(name), .f = { count, min, avg, max, avg } };

	return history_add(h, &r);
}

TEST(totals)
{
	struct history h;
	const struct track *t;
	int64_t from, to;

	history_init(&h, 10);
	OK(!history_span(&h, &from, &to));
	add(&h, 1000, "a", 1, 5, 6, 7);
	add(&h, 2000, "a", 3, 1, 2, 9);
	add(&h, 3000, "a", 1, 4, 4, 4);
	add(&h, 500, "b", 1, 0, 0, 0);
	t = TAILQ_FIRST(&h.tracks);
	OK(slice_eq(t->name, SLICE("a")));
	EQ(t->lines, 3);
	EQ(t->n, 3);
	OK(t->min == 1 && t->max == 9 && t->last == 4 && t->count == 5);
	EQ(t->min_at, 2000);
	EQ(t->max_at, 2000);
	OK(track_mean(t) == 16.0 / 5);
	EQ(t->every, 1000);
	OK(history_span(&h, &from, &to));
	EQ(from, 500);
	EQ(to, 3000);
	history_fini(&h);
}

/* However long it gets: the points are bounded, in order, and no peak and no sample is lost. */
TEST(long_histories_are_thinned)
{
	struct history h;
	const struct track *t;
	double max = 0, min = 1, sum = 0, lines = 0;

	history_init(&h, 10);
	for (int i = 0; i < 100000; i++) {
		double peak = i == 77777 ? 1000 : 10, low = i == 33333 ? -1000 : 1;

		EQ(add(&h, INT64_C(1700000000000) + i * 1000, "a", 2, low, 5, peak), 0);
		if (i % 3 == 0)
			EQ(add(&h, INT64_C(1700000000000) + i * 1000, "b", 1, 0, 0, 0), 0);
	}
	TAILQ_FOREACH(t, &h.tracks, entry) {
		OK(t->n <= HISTORY_POINTS);
		OK(t->n > HISTORY_POINTS / 8);
		for (size_t i = 1; i < t->n; i++)
			OK(t->points[i].at > t->points[i - 1].at);
	}
	t = TAILQ_FIRST(&h.tracks);
	EQ(t->max_at, INT64_C(1700000000000) + 77777 * 1000);
	EQ(t->every, 1000);
	for (size_t i = 0; i < t->n; i++) {
		max = t->points[i].max > max ? t->points[i].max : max;
		min = t->points[i].min < min ? t->points[i].min : min;
		sum += t->points[i].plain;
		lines += t->points[i].lines;
		OK(track_point_mean(t, &t->points[i]) == 5);
	}
	OK(max == 1000 && min == -1000 && sum == 5e5 && lines == 1e5);
	history_fini(&h);
}

TEST(recordings_come_in_any_order)
{
	struct history h;
	const struct track *t;

	history_init(&h, 10);
	for (int i = 0; i < 1000; i++)
		add(&h, 1 + (i * 7919) % 1000, "a", 1, i, i, i);
	t = TAILQ_FIRST(&h.tracks);
	EQ(t->n, 1000);
	for (size_t i = 0; i < t->n; i++)
		EQ(t->points[i].at, i + 1);
	EQ(t->first, 1);
	EQ(t->last_at, 1000);
	history_fini(&h);
}

TEST(a_gap_does_not_change_the_usual_distance)
{
	struct history h;

	history_init(&h, 10);
	for (int i = 0; i < 50; i++)
		add(&h, 1000 + i * 60000 + (i % 3), "a", 1, 1, 1, 1);
	for (int i = 0; i < 50; i++)
		add(&h, 90000000 + i * 60000 - (i % 3), "a", 1, 1, 1, 1);
	OK(TAILQ_FIRST(&h.tracks)->every >= 59900 && TAILQ_FIRST(&h.tracks)->every <= 60100);
	history_fini(&h);
}

TEST(names_are_bounded)
{
	struct history h;

	history_init(&h, 2);
	EQ(add(&h, 1, "a", 1, 1, 1, 1), 0);
	EQ(add(&h, 1, "b", 1, 1, 1, 1), 0);
	EQ(add(&h, 1, "c", 1, 1, 1, 1), -1);
	EQ(errno, ENOSPC);
	EQ(add(&h, 2, "a", 1, 1, 1, 1), 0);
	EQ(h.refused, 1);
	history_fini(&h);
}

TEST(a_count_of_nothing_still_weighs)
{
	struct history h;

	history_init(&h, 2);
	add(&h, 1, "a", 0, -1, 0, 1);
	add(&h, 2, "a", -5, -9, -5, 0);
	OK(track_mean(TAILQ_FIRST(&h.tracks)) == -2.5);
	history_fini(&h);
}

/* One slow request in an interval with a thousand fast ones does not weigh as much as they do. */
TEST(timers_weigh_by_count)
{
	struct history h;

	history_init(&h, 2);
	for (int i = 0; i < 20; i++)
		add(&h, i, "a", i % 2 ? 999 : 1, 1, i % 2 ? 1 : 1001, 1001);
	OK(track_mean(TAILQ_FIRST(&h.tracks)) == 2);
	history_fini(&h);
}

/* 100 events in one second of ten, none in the others: ten a second, though all events were in the busy one. */
TEST(counters_weigh_by_time)
{
	struct history h;

	history_init(&h, 2);
	for (int i = 0; i < 100; i++)
		add(&h, i * 1000, "a", i % 10 == 3 ? 100 : 0, 0, i % 10 == 3 ? 100 : 0, 100);
	OK(track_mean(TAILQ_FIRST(&h.tracks)) == 10);
	history_fini(&h);
}

TEST(totals_only)
{
	struct history h;

	history_init(&h, 2);
	h.totals_only = true;
	for (int i = 0; i < 10; i++)
		add(&h, i, "a", 1, i, i, i);
	EQ(TAILQ_FIRST(&h.tracks)->n, 0);
	EQ(TAILQ_FIRST(&h.tracks)->lines, 10);
	history_fini(&h);
}

TEST(out_of_memory_loses_one_line)
{
	long n;

	for (n = 1; n < 20; n++) {
		struct history h;
		int failed = 0;

		history_init(&h, 10);
		alloc_fail_at(n);
		for (int i = 0; i < 100; i++)
			failed += add(&h, i, "a", 1, 1, 1, 1) != 0;
		alloc_fail_at(0);
		OK(failed <= 1);
		EQ(TAILQ_FIRST(&h.tracks)->lines, 100 - failed);
		history_fini(&h);
		if (failed == 0)
			break;
	}
	EQ(n, 4);
}

MAIN(RUN(totals), RUN(long_histories_are_thinned), RUN(recordings_come_in_any_order), RUN(a_gap_does_not_change_the_usual_distance),
    RUN(names_are_bounded), RUN(a_count_of_nothing_still_weighs), RUN(timers_weigh_by_count), RUN(counters_weigh_by_time), RUN(totals_only), RUN(out_of_memory_loses_one_line))
