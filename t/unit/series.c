#include "stat/series.h"

#include <errno.h>

#include "tap.h"

enum { LINES = 16 };

struct log {
	int n;
	struct slice name[LINES];
	struct figures f[LINES];
};

static void
note(void *arg, const struct series *s, const struct figures *f)
{
	struct log *log = arg;

	if (log->n < LINES) {
		log->name[log->n] = s->name;
		log->f[log->n] = *f;
	}
	log->n++;
}

/* Adds all lines of a datagram; how many were not taken. */
static int
add(struct series_table *t, const char *text)
{
	struct slice rest = slice_of(text);
	struct statsd_sample s;
	struct fault f;
	int r, refused = 0;

	while ((r = statsd_next(&rest, &s, &f)) != 0)
		refused += r == -1 || series_add(t, &s) != 0;
	return refused;
}

static struct log
flush(struct series_table *t)
{
	struct log log = { .n = 0 };

	EQ(series_flush(t, note, &log), log.n);
	return log;
}

static void
figures(const struct figures *f, double count, double min, double avg, double max, double last)
{
	OK(f->count == count);
	OK(f->min == min);
	OK(f->avg == avg);
	OK(f->max == max);
	OK(f->last == last);
}

TEST(a_gauge_has_five_figures)
{
	struct series_table t;
	struct log log;

	series_init(&t, 10);
	EQ(add(&t, "a:5|g\na:1|g\na:6|g\nb:-3|g"), 0);
	log = flush(&t);
	EQ(log.n, 2);
	OK(slice_eq(log.name[0], SLICE("a")));
	OK(slice_eq(log.name[1], SLICE("b")));
	figures(&log.f[0], 3, 1, 4, 6, 6);
	figures(&log.f[1], 1, -3, -3, -3, -3);
	EQ(flush(&t).n, 0);
	series_fini(&t);
}

TEST(a_delta_adds_to_what_was_there_also_in_the_interval_before)
{
	struct series_table t;
	struct log log;

	series_init(&t, 10);
	add(&t, "a:100|g\na:+5|g\na:-20|g");
	log = flush(&t);
	figures(&log.f[0], 3, 85, 290.0 / 3, 105, 85);
	EQ(flush(&t).n, 0);
	add(&t, "a:+15|g\na:0|g\na:-7|g");
	log = flush(&t);
	figures(&log.f[0], 2, -7, 46.5, 100, -7);
	series_fini(&t);
}

TEST(a_counter_counts_events_and_its_rates)
{
	struct series_table t;
	struct log log;

	series_init(&t, 10);
	add(&t, "a:1|c\na:2|c\na:1|c|@0.1");
	series_tick(&t, 1);
	series_tick(&t, 1);
	add(&t, "a:5|c");
	series_tick(&t, 1);
	log = flush(&t);
	figures(&log.f[0], 18, 0, 6, 13, 5);

	/* nothing comes: that is a rate of 0, for some time */
	for (int i = 0; i < SERIES_ZEROS; i++) {
		series_tick(&t, 1);
		log = flush(&t);
		EQ(log.n, 1);
		figures(&log.f[0], 0, 0, 0, 0, 0);
	}
	series_tick(&t, 1);
	EQ(flush(&t).n, 0);
	add(&t, "a:4|c");
	series_tick(&t, 0.5);
	log = flush(&t);
	figures(&log.f[0], 4, 8, 8, 8, 8);
	series_fini(&t);
}

TEST(a_timer_counts_what_a_sample_stands_for)
{
	struct series_table t;
	struct log log;

	series_init(&t, 10);
	add(&t, "a:10|ms|@0.5\na:40|ms");
	log = flush(&t);
	figures(&log.f[0], 3, 10, 20, 40, 40);
	series_fini(&t);
}

TEST(a_set_tells_how_many_are_different)
{
	struct series_table t;
	struct log log;
	char line[32];

	series_init(&t, 10);
	add(&t, "a:x|s\na:y|s\na:x|s");
	log = flush(&t);
	figures(&log.f[0], 3, 2, 2, 2, 2);
	for (int i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line), "a:%d|s", i % 1000);
		add(&t, line);
	}
	log = flush(&t);
	figures(&log.f[0], 5000, 1000, 1000, 1000, 1000);
	EQ(t.members, 0);
	series_fini(&t);
}

TEST(the_mean_stays_between_min_and_max)
{
	struct series_table t;
	struct log log;

	series_init(&t, 10);
	for (int i = 0; i < 10; i++)
		add(&t, "a:0.1|g");
	log = flush(&t);
	figures(&log.f[0], 10, 0.1, 0.1, 0.1, 0.1);
	series_fini(&t);
}

TEST(a_name_keeps_its_type)
{
	struct series_table t;

	series_init(&t, 10);
	EQ(add(&t, "a:1|g"), 0);
	EQ(add(&t, "a:1|c"), 1);
	EQ(errno, EINVAL);
	EQ(flush(&t).n, 1);
	series_fini(&t);
}

TEST(names_are_bounded_and_silent_ones_make_room)
{
	struct series_table t;

	series_init(&t, 2);
	EQ(add(&t, "a:1|g\nb:1|g\nc:1|g\nc:2|g\na:2|g"), 2);
	EQ(errno, ENOSPC);
	EQ(t.refused, 2);
	EQ(flush(&t).n, 2);
	EQ(t.refused, 0);
	/* nobody was silent in that interval: they stay, and deltas go on */
	EQ(add(&t, "a:+1|g\nc:1|g"), 1);
	EQ(flush(&t).n, 1);
	EQ(t.n, 1);
	EQ(add(&t, "c:1|g"), 0);
	EQ(flush(&t).n, 1);
	EQ(t.n, 2);
	series_fini(&t);
}

TEST(out_of_memory_loses_one_sample)
{
	struct series_table t;
	long n;

	for (n = 1; n < 100; n++) {
		int refused;

		series_init(&t, 10);
		alloc_fail_at(n);
		refused = add(&t, "a:1|g\ns:x|s\ns:y|s\nb:1|c");
		alloc_fail_at(0);
		OK(refused <= 1);
		EQ(add(&t, "a:1|g\ns:x|s\ns:y|s\nb:1|c"), 0);
		EQ(flush(&t).n, 3);
		series_fini(&t);
		if (refused == 0)
			break;
	}
	OK(n > 3 && n < 100);
}

TEST(known_names_allocate_nothing)
{
	struct series_table t;

	series_init(&t, 10);
	add(&t, "a:1|g\nb:1|c\nc:1|ms");
	flush(&t);
	alloc_reset();
	for (int i = 0; i < 1000; i++)
		add(&t, "a:1|g\nb:1|c\nc:1|ms");
	series_tick(&t, 1);
	flush(&t);
	EQ(alloc_count(), 0);
	series_fini(&t);
}

TEST(a_counter_that_comes_back_had_been_silent)
{
	struct series_table t;
	struct log log;

	series_init(&t, 10);
	add(&t, "a:3|c");
	EQ(t.counters, 1);
	series_tick(&t, 1);
	flush(&t);
	for (int i = 0; i < SERIES_ZEROS; i++)
		flush(&t);
	EQ(t.counters, 0);
	/* nobody ticks while there is none */
	series_skip(&t, 5);
	add(&t, "a:12|c");
	EQ(t.counters, 1);
	series_tick(&t, 1);
	log = flush(&t);
	figures(&log.f[0], 12, 0, 2, 12, 12);
	/* a new one begins with its first event */
	series_skip(&t, 5);
	add(&t, "b:4|c");
	series_tick(&t, 1);
	log = flush(&t);
	EQ(log.n, 2);
	figures(&log.f[0], 0, 0, 0, 0, 0);
	figures(&log.f[1], 4, 4, 4, 4, 4);
	series_fini(&t);
}

TEST(idle_names_are_forgotten)
{
	struct series_table t;

	series_init(&t, 10);
	t.idle = 3;
	add(&t, "a:1|g\nb:1|c\nc:x|s\nd:1|ms");
	flush(&t);
	for (int i = 0; i < 3; i++) {
		EQ(t.n, 4);
		flush(&t);
	}
	flush(&t);
	EQ(t.n, 0);
	EQ(t.counters, 0);
	t.idle = 0;
	add(&t, "a:1|g");
	for (int i = 0; i < 100; i++)
		flush(&t);
	EQ(t.n, 1);
	series_fini(&t);
}

TEST(silent_gauges_may_be_repeated)
{
	struct series_table t;
	struct log log;

	series_init(&t, 10);
	t.repeat = true;
	add(&t, "a:1|g\na:-3|g\nt:1|ms");
	EQ(flush(&t).n, 2);
	log = flush(&t);
	EQ(log.n, 1);
	figures(&log.f[0], 0, -2, -2, -2, -2);
	series_fini(&t);
}

static void
note_percentiles(void *arg, const struct series *s, const struct figures *f)
{
	double *p = arg;

	if (!series_percentile(s, f, 50, &p[0]) || !series_percentile(s, f, 99, &p[1]))
		p[0] = p[1] = -1;
}

TEST(percentiles_of_timers)
{
	struct series_table t;
	char line[32];
	double p[2];

	series_init(&t, 10);
	t.percentiles = true;
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i <= 200; i++) {
			snprintf(line, sizeof(line), "a:%d|ms", i);
			add(&t, line);
		}
		series_flush(&t, note_percentiles, p);
		OK(p[0] == 100);
		OK(p[1] == 198);
	}
	add(&t, "a:1000.7|ms");
	series_flush(&t, note_percentiles, p);
	OK(p[0] == 1000.7); /* never beyond min and max */
	add(&t, "g:1|g");
	series_flush(&t, note_percentiles, p);
	OK(p[0] == -1);
	series_fini(&t);
}

static void
count_failure(void *arg, const struct statsd_sample *s)
{
	(void)s;
	++*(int *)arg;
}

TEST(many_at_once_are_as_one_by_one)
{
	struct statsd_sample many[SERIES_MANY];
	char names[SERIES_MANY][8];
	struct series_table t;
	struct log log;
	int failures = 0;

	series_init(&t, SERIES_MANY / 2);
	for (int i = 0; i < SERIES_MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i % 20);
		many[i] = (struct statsd_sample){ .name = slice_of(names[i]), .value = i, .weight = 1, .type = STATSD_GAUGE };
	}
	series_add_many(&t, many, SERIES_MANY, count_failure, &failures);
	EQ(failures, 4);
	EQ(t.refused, 4);
	log = flush(&t);
	EQ(log.n, 16);
	figures(&log.f[0], 2, 0, 10, 20, 20);
	figures(&log.f[15], 1, 15, 15, 15, 15);
	series_fini(&t);
}

TEST(a_peak_raises_the_largest_only)
{
	struct series_table t;
	struct log log;

	series_init(&t, 10);
	series_raise(&t, SLICE("a"), 100);
	EQ(flush(&t).n, 0);
	add(&t, "a:5|g\na:3|g\nc:1|c");
	series_raise(&t, SLICE("a"), 100);
	series_raise(&t, SLICE("a"), 4);
	series_raise(&t, SLICE("c"), 100);
	series_tick(&t, 1);
	log = flush(&t);
	figures(&log.f[0], 2, 3, 4, 100, 3);
	figures(&log.f[1], 1, 1, 1, 1, 1);
	series_raise(&t, SLICE("a"), 100);
	EQ(flush(&t).n, 0);
	series_fini(&t);
}

MAIN(RUN(a_gauge_has_five_figures), RUN(a_delta_adds_to_what_was_there_also_in_the_interval_before), RUN(a_counter_counts_events_and_its_rates),
    RUN(a_timer_counts_what_a_sample_stands_for), RUN(a_set_tells_how_many_are_different), RUN(the_mean_stays_between_min_and_max),
    RUN(a_name_keeps_its_type), RUN(names_are_bounded_and_silent_ones_make_room), RUN(out_of_memory_loses_one_sample),
    RUN(known_names_allocate_nothing), RUN(a_counter_that_comes_back_had_been_silent), RUN(idle_names_are_forgotten),
    RUN(silent_gauges_may_be_repeated), RUN(percentiles_of_timers), RUN(many_at_once_are_as_one_by_one), RUN(a_peak_raises_the_largest_only))
