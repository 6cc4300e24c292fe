#include "stat/statsd.h"

#include "guard.h"
#include "tap.h"

/* One line; the fault's text when it is bad, "" when it is good, "end" when there is none. */
static const char *
one(const char *text, struct statsd_sample *s)
{
	size_t n = strlen(text);
	struct slice rest = slice_make(guarded(text, n), n);
	struct fault f = { .why = NULL };
	int r = statsd_next(&rest, s, &f);

	if (r == 1)
		EQ(rest.n, 0);
	return r == 0 ? "end" : r == 1 ? "" : f.why;
}

TEST(good_lines)
{
	static const struct {
		const char *line;
		enum statsd_type type;
		double value, weight;
		bool delta;
		const char *tags;
	} rows[] = {
		{ "a:1|g", STATSD_GAUGE, 1, 1, false, "" },
		{ "a:1|g\n", STATSD_GAUGE, 1, 1, false, "" },
		{ "\n\r\na:1|g\r\n", STATSD_GAUGE, 1, 1, false, "" },
		{ "a:+4|g", STATSD_GAUGE, 4, 1, true, "" },
		{ "a:-10.5|g", STATSD_GAUGE, -10.5, 1, true, "" },
		{ "a:7|g|@0.1", STATSD_GAUGE, 7, 1, false, "" },
		{ "a:3|c", STATSD_COUNTER, 3, 1, false, "" },
		{ "a:999999999999999|g", STATSD_GAUGE, 999999999999999, 1, false, "" },
		{ "a:1234567890123456789|c", STATSD_COUNTER, 1234567890123456768, 1, false, "" },
		{ "a:007|ms", STATSD_TIMER, 7, 1, false, "" },
		{ "a:1.0|ms", STATSD_TIMER, 1, 1, false, "" },
		{ "a:-3|c", STATSD_COUNTER, -3, 1, false, "" },
		{ "a:1|c|@0.5", STATSD_COUNTER, 1, 2, false, "" },
		{ "a:1|c|@1", STATSD_COUNTER, 1, 1, false, "" },
		{ "a:320|ms|@0.25", STATSD_TIMER, 320, 4, false, "" },
		{ "a:0.5|h", STATSD_HISTOGRAM, 0.5, 1, false, "" },
		{ "a:9|d", STATSD_HISTOGRAM, 9, 1, false, "" },
		{ "a:1|g|#env:live,zone:b", STATSD_GAUGE, 1, 1, false, "env:live,zone:b" },
		{ "a:1|c|@0.5|#t", STATSD_COUNTER, 1, 2, false, "t" },
		{ "a:1|c|#t|@0.5", STATSD_COUNTER, 1, 2, false, "t" },
		{ "a:1|c|#", STATSD_COUNTER, 1, 1, false, "" },
		{ "a:1|g|#t|c:83c0a99c|T1656581400", STATSD_GAUGE, 1, 1, false, "t" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct statsd_sample s;

		STR(one(rows[i].line, &s), "");
		OK(slice_eq(s.name, SLICE("a")));
		EQ(s.type, rows[i].type);
		OK(s.value == rows[i].value);
		OK(s.weight == rows[i].weight);
		EQ(s.delta, rows[i].delta);
		OK(slice_eq(s.tags, slice_of(rows[i].tags)));
	}
}

TEST(members_of_a_set_are_any_text)
{
	struct statsd_sample s;

	STR(one("users:jim kirk:2|s", &s), "");
	EQ(s.type, STATSD_SET);
	OK(slice_eq(s.member, SLICE("jim kirk:2")));
	STR(one("users:-1|s", &s), "");
	OK(slice_eq(s.member, SLICE("-1")));
	EQ(s.delta, false);
}

/* What DogStatsD writes in one line. */
TEST(several_values)
{
	struct statsd_sample s;

	STR(one("t:10:20.5:-3|ms|@0.5|#a:b|c:id|T17|e:it-false", &s), "");
	OK(s.value == 10 && s.weight == 2);
	OK(statsd_more(&s) && s.value == 20.5 && s.weight == 2 && slice_eq(s.tags, SLICE("a:b")));
	OK(statsd_more(&s) && s.value == -3);
	OK(!statsd_more(&s));
	STR(one("g:1:+2|g", &s), "");
	OK(!s.delta);
	OK(statsd_more(&s) && s.delta && s.value == 2);
	STR(one("g:1|g", &s), "");
	OK(!statsd_more(&s));
	/* its events and service checks are no metrics */
	STR(one("_e{5,4}:title|text|#a:b\n_sc|db|0\nn:1|c", &s), "");
	OK(slice_eq(s.name, SLICE("n")));
}

static const char *
series(const char *name, const char *tags)
{
	static char out[STATSD_SERIES_MAX + 1];

	out[statsd_series(slice_of(name), slice_of(tags), out)] = '\0';
	return out;
}

TEST(names_of_series)
{
	static char longest[STATSD_SERIES_MAX], out[STATSD_SERIES_MAX];
	struct slice name, tags, key, value;

	STR(series("n", "b:2,a:1"), "n;a=1;b=2");
	STR(series("n", "live"), "n;live=");
	STR(series("n", ",a:x,,a:b,"), "n;a=b;a=x");
	STR(series("n", "url:http://h/;p=1 2|3,\xc3:\xa9"), "n;url=http_//h/_p_1_2_3;_=_");
	STR(series("n", ",,"), "n");
	memset(longest, 'v', sizeof(longest));
	longest[0] = 'k';
	longest[1] = ':';
	EQ((long long)statsd_series(SLICE("n"), slice_make(longest, sizeof(longest) - 2), out), STATSD_SERIES_MAX);
	EQ((long long)statsd_series(SLICE("n"), slice_make(longest, sizeof(longest) - 1), out), 0);
	STR(series("n", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33"), "");

	name = statsd_metric(SLICE("n;a=1;;b="), &tags);
	OK(slice_eq(name, SLICE("n")));
	OK(statsd_tag(&tags, &key, &value) && slice_eq(key, SLICE("a")) && slice_eq(value, SLICE("1")));
	OK(statsd_tag(&tags, &key, &value) && slice_eq(key, SLICE("b")) && value.n == 0);
	OK(!statsd_tag(&tags, &key, &value));
	/* semicolons alone make no tags */
	OK(slice_eq(statsd_metric(SLICE("a;b"), &tags), SLICE("a;b")) && tags.n == 0);
	OK(slice_eq(statsd_metric(SLICE(";a=1"), &tags), SLICE(";a=1")) && tags.n == 0);
}

TEST(bad_lines)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{ "a", "no colon" }, { "|", "no colon" }, { ":1|g", "bad name" }, { "a b:1|g", "bad name" }, { "a\tb:1|g", "bad name" },
		{ "a|b:1|g", "bad name" }, { "a\x7f:1|g", "bad name" }, { "\xc3\xa9:1|g", "bad name" }, { "a:1", "no type" }, { "a:", "no type" },
		{ "a:1|", "unknown type" }, { "a:1|x", "unknown type" }, { "a:1|G", "unknown type" }, { "a:1|gg", "unknown type" },
		{ "a:1|m", "unknown type" }, { "a:|g", "no value" }, { "a:|s", "no value" }, { "a:x|g", "bad value" }, { "a:1:x|g", "bad value" },
		{ "a:1:|g", "bad value" }, { "a:1::2|g", "bad value" },
		{ "a:nan|g", "bad value" }, { "a:inf|g", "bad value" }, { "a:-inf|c", "bad value" }, { "a:1e999|g", "bad value" },
		{ "a:0x10|g", "bad value" }, { "a:1,5|g", "bad value" }, { "a: 1|g", "bad value" }, { "a:1|g|", "empty field" },
		{ "a:1|c||#t", "empty field" }, { "a:1|c|@", "bad sample rate" }, { "a:1|c|@0", "bad sample rate" }, { "a:1|c|@-1", "bad sample rate" },
		{ "a:1|c|@2", "bad sample rate" }, { "a:1|c|@nan", "bad sample rate" }, { "a:1|c|@1e-12", "sample rate too small" },
		{ "a:1|g|x", "unknown field" }, { "a:1|g|#a\001", "control character in a tag" }, { "a:\001|s", "control character in a value" },
		{ "a:1|g|c:\001", "control character in a field" }, { "_e:1|e", "unknown type" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct statsd_sample s;

		STR(one(rows[i].line, &s), rows[i].why);
	}
}

TEST(a_bad_line_leaves_the_sample_alone)
{
	struct statsd_sample s = { .value = 42, .name = SLICE("old") };

	STR(one("new:1|x", &s), "unknown type");
	STR(one("new:1", &s), "no type");
	OK(s.value == 42);
	OK(slice_eq(s.name, SLICE("old")));
}

TEST(a_nul_is_no_name_and_no_tag)
{
	struct slice rest = slice_make(guarded("a\0b:1|g\nc:1|g|#\0", 17), 17);
	struct statsd_sample s;
	struct fault f;

	EQ(statsd_next(&rest, &s, &f), -1);
	EQ(statsd_next(&rest, &s, &f), -1);
	EQ(statsd_next(&rest, &s, &f), 0);
}

TEST(a_name_has_a_longest)
{
	char line[STATSD_NAME_MAX + 8];
	struct statsd_sample s;

	memset(line, 'n', sizeof(line));
	memcpy(line + STATSD_NAME_MAX, ":1|g", 5);
	STR(one(line, &s), "");
	memset(line, 'n', sizeof(line));
	memcpy(line + STATSD_NAME_MAX + 1, ":1|g", 5);
	STR(one(line, &s), "name too long");
}

TEST(a_bad_line_costs_only_itself)
{
	const char *text = "a:1|g\nbroken\nb:2|c\n\nc:x|g\nd:4|ms";
	struct slice rest = slice_of(text);
	struct statsd_sample s;
	struct fault f;

	EQ(statsd_next(&rest, &s, &f), 1);
	OK(slice_eq(s.name, SLICE("a")));
	EQ(statsd_next(&rest, &s, &f), -1);
	EQ(statsd_next(&rest, &s, &f), 1);
	OK(slice_eq(s.name, SLICE("b")));
	EQ(statsd_next(&rest, &s, &f), -1);
	STR(f.why, "bad value");
	EQ(f.off, 2);
	EQ(statsd_next(&rest, &s, &f), 1);
	OK(slice_eq(s.name, SLICE("d")));
	EQ(statsd_next(&rest, &s, &f), 0);
	EQ(statsd_next(&rest, &s, &f), 0);
}

TEST(a_negative_gauge_is_one_sample)
{
	static const struct {
		const char *text;
		int samples;
		double last;
	} rows[] = {
		{ "a:0|g\na:-5|g", 1, -5 }, { "a:0|g\na:-5|g\na:-1|g", 2, -1 }, { "a:0|g\nb:-5|g", 2, -5 }, { "a:0|g\na:+5|g", 2, 5 }, { "a:0|g\na:5|g", 2, 5 },
		{ "a:0|g\na:-5|c", 2, -5 }, { "a:1|g\na:-5|g", 2, -5 }, { "a:0|g|#x\na:-5|g", 2, -5 }, { "a:0|g|#x\na:-5|g|#x", 1, -5 }, { "a:0|g\n", 1, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].text);
		struct slice rest = slice_make(guarded(rows[i].text, n), n);
		struct statsd_sample s = { .value = 0 };
		struct fault f;
		int samples = 0;

		while (statsd_next(&rest, &s, &f) == 1)
			samples++;
		EQ(samples, rows[i].samples);
		OK(s.value == rows[i].last);
	}
}

TEST(what_is_written_is_read)
{
	struct buf b;
	struct slice rest;
	struct statsd_sample s;
	struct fault f;

	buf_init(&b, 0);
	statsd_put(&b, SLICE("a.b"), 12.5, STATSD_GAUGE);
	statsd_put(&b, SLICE("c"), -3, STATSD_COUNTER);
	statsd_put(&b, SLICE("d"), -7, STATSD_GAUGE);
	statsd_put(&b, SLICE("e"), 0.25, STATSD_TIMER);
	OK(slice_eq(buf_slice(&b), SLICE("a.b:12.5|g\nc:-3|c\nd:0|g\nd:-7|g\ne:0.25|ms")));
	rest = buf_slice(&b);
	EQ(statsd_next(&rest, &s, &f), 1);
	EQ(statsd_next(&rest, &s, &f), 1);
	EQ(statsd_next(&rest, &s, &f), 1);
	OK(s.value == -7 && !s.delta);
	EQ(statsd_next(&rest, &s, &f), 1);
	EQ(statsd_next(&rest, &s, &f), 0);
	buf_fini(&b);
}

/* Every beginning of a datagram, the end of memory behind it. */
TEST(cut_anywhere)
{
	static const char text[] = "svc.gc:0|g|@0.5|#a:b,c\nsvc.gc:-1.5e3|g|#a:b,c\nx:abc|s|c:1|T2\n:|\n";
	struct statsd_sample s;
	struct fault f;

	for (size_t n = 0; n < sizeof(text); n++) {
		struct slice rest = slice_make(guarded(text, n), n);
		size_t lines = 0;

		while (statsd_next(&rest, &s, &f) != 0)
			lines++;
		EQ(rest.n, 0);
		OK(lines <= 4);
	}
}

MAIN(RUN(good_lines), RUN(members_of_a_set_are_any_text), RUN(several_values), RUN(names_of_series), RUN(bad_lines), RUN(a_bad_line_leaves_the_sample_alone), RUN(a_nul_is_no_name_and_no_tag), RUN(a_name_has_a_longest),
    RUN(a_bad_line_costs_only_itself), RUN(a_negative_gauge_is_one_sample), RUN(what_is_written_is_read), RUN(cut_anywhere))
