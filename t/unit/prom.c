#include "stat/prom.h"

#include "tap.h"

static void
nothing(void *arg, const struct series *s, const struct figures *f)
{
	(void)arg;
	(void)s;
	(void)f;
}

static void
hear(struct series_table *t, const char *text)
{
	struct slice rest = slice_of(text);
	struct statsd_sample s;
	struct fault f;

	while (statsd_next(&rest, &s, &f) != 0)
		EQ(series_add(t, &s), 0);
}

static void
end_interval(struct series_table *t)
{
	series_tick(t, 1);
	(void)series_flush(t, nothing, NULL);
}

/* The text of a table, which is freed. */
static const char *
text_of(struct series_table *t, size_t hidden)
{
	static char text[8192];
	struct prom p;
	struct buf b;

	buf_init(&b, 0);
	EQ(prom_init(&p, &b, t->n), 0);
	EQ(prom_table(&p, t), 0);
	EQ(p.hidden, hidden);
	prom_fini(&p);
	EQ(slice_cstr(buf_slice(&b), text, sizeof(text)), 0);
	buf_fini(&b);
	series_fini(t);
	return text;
}

TEST(a_gauge_and_its_last_interval)
{
	struct series_table t;

	series_init(&t, 10);
	hear(&t, "svc.gc:10|g\nsvc.gc:20|g");
	end_interval(&t);
	hear(&t, "svc.gc:12.5|g");
	STR(text_of(&t, 0),
	    "# HELP svc_gc Last value of the gauge svc.gc\n# TYPE svc_gc gauge\nsvc_gc 12.5\n"
	    "# HELP svc_gc_min Smallest value in the last interval of the gauge svc.gc\n# TYPE svc_gc_min gauge\nsvc_gc_min 10\n"
	    "# HELP svc_gc_avg Average value in the last interval of the gauge svc.gc\n# TYPE svc_gc_avg gauge\nsvc_gc_avg 15\n"
	    "# HELP svc_gc_max Largest value in the last interval of the gauge svc.gc\n# TYPE svc_gc_max gauge\nsvc_gc_max 20\n");
}

TEST(a_counter_goes_on)
{
	struct series_table t;

	series_init(&t, 10);
	hear(&t, "hits:3|c");
	end_interval(&t);
	end_interval(&t);
	hear(&t, "hits:1|c|@0.5");
	series_tick(&t, 1);
	hear(&t, "hits:4|c\ndone_total:1|c");
	STR(text_of(&t, 0), "# HELP done_total Counter done_total\n# TYPE done_total counter\ndone_total 1\n"
	    "# HELP hits_total Counter hits\n# TYPE hits_total counter\nhits_total 9\n");
}

TEST(timers_are_seconds_and_histograms_what_they_are)
{
	struct series_table t;

	series_init(&t, 10);
	t.percentiles = true;
	hear(&t, "t:100|ms\nt:200|ms\nt:50|ms|@0.5\nh:7|h");
	end_interval(&t);
	hear(&t, "t:1000|ms");
	STR(text_of(&t, 0),
	    "# HELP h Histogram h\n# TYPE h summary\n"
	    "h{quantile=\"0.5\"} 7\nh{quantile=\"0.95\"} 7\nh{quantile=\"0.99\"} 7\nh_sum 7\nh_count 1\n"
	    "# HELP t_seconds Timer t\n# TYPE t_seconds summary\n"
	    "t_seconds{quantile=\"0.5\"} 0.05\nt_seconds{quantile=\"0.95\"} 0.2\nt_seconds{quantile=\"0.99\"} 0.2\n"
	    "t_seconds_sum 1.4\nt_seconds_count 5\n");
}

TEST(a_set_is_how_many)
{
	struct series_table t;

	series_init(&t, 10);
	hear(&t, "u:a|s\nu:b|s");
	end_interval(&t);
	STR(text_of(&t, 0), "# HELP u Different members in the last interval of the set u\n# TYPE u gauge\nu 2\n");
}

TEST(names_are_made_to_fit_and_come_once)
{
	struct series_table t;

	series_init(&t, 10);
	hear(&t, "9a-b\\c:1|g\n_9a.b.c:2|g\nx.sum:1|g\nx:1|h");
	EQ(t.n, 4);
	STR(text_of(&t, 2), "# HELP _9a_b_c Last value of the gauge 9a-b\\\\c\n# TYPE _9a_b_c gauge\n_9a_b_c 1\n"
	    "# HELP x Histogram x\n# TYPE x summary\nx_sum 1\nx_count 1\n");
}

/* Series that differ in tags only are one family, and its lines stand together. */
TEST(tags_are_labels)
{
	struct series_table t;

	series_init(&t, 10);
	hear(&t, "hits;a=1:1|c\nother:5|c\nhits:2|c\nhits;a=2;b.c=x\"y:3|c\nt;a=1:500|ms");
	STR(text_of(&t, 0),
	    "# HELP hits_total Counter hits\n# TYPE hits_total counter\n"
	    "hits_total 2\nhits_total{a=\"1\"} 1\nhits_total{a=\"2\",b_c=\"x\\\"y\"} 3\n"
	    "# HELP other_total Counter other\n# TYPE other_total counter\nother_total 5\n"
	    "# HELP t_seconds Timer t\n# TYPE t_seconds summary\nt_seconds_sum{a=\"1\"} 0.5\nt_seconds_count{a=\"1\"} 1\n");
}

TEST(a_silent_gauge_is_level_and_a_silent_set_empty)
{
	struct series_table t;
	const char *text;

	series_init(&t, 10);
	hear(&t, "a:10|g\na:20|g\nu:x|s");
	end_interval(&t);
	end_interval(&t);
	text = text_of(&t, 0);
	OK(strstr(text, "\na_min 20\n") != NULL);
	OK(strstr(text, "\nu 0\n") != NULL);
}

TEST(without_memory)
{
	struct series_table t;
	struct prom p;
	struct buf b;

	series_init(&t, 10);
	hear(&t, "a:10|g");
	buf_init(&b, 0);
	alloc_fail_at(1);
	EQ(prom_init(&p, &b, 1), -1);
	EQ(prom_init(&p, &b, 1), 0);
	alloc_fail_at(1);
	EQ(prom_table(&p, &t), -1);
	alloc_fail_at(2);
	EQ(prom_table(&p, &t), 0);
	OK(b.failed);
	prom_fini(&p);
	buf_fini(&b);
	series_fini(&t);
}

MAIN(RUN(a_gauge_and_its_last_interval), RUN(a_counter_goes_on), RUN(timers_are_seconds_and_histograms_what_they_are),
    RUN(a_set_is_how_many), RUN(names_are_made_to_fit_and_come_once), RUN(tags_are_labels), RUN(a_silent_gauge_is_level_and_a_silent_set_empty),
    RUN(without_memory))
