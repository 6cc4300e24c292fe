#include "stat/axis.h"

#include <time.h>

#include "tap.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY ((int64_t)24 * HOUR)
#define MONDAY INT64_C(1795420800000) /* 23 Nov 2026 08:00:00 UTC */

static void
zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

TEST(units)
{
	static const struct {
		const char *name;
		double largest, scale;
		const char *unit;
	} rows[] = {
		{ "svc.gc", 0, 1, "B" }, { "svc.gc", 1023, 1, "B" }, { "svc.gc", 1024, 1024, "KiB" }, { "svc.rss", 5e7, 1048576, "MiB" },
		{ "x.bytes", 5e9, 1073741824, "GiB" }, { "x.mem", -5e9, 1073741824, "GiB" }, { "svc.co", 19999, 1, "" }, { "svc.co", 20000, 1e3, "k" },
		{ "svc.co", 2e7, 1e6, "M" }, { "svc.co", 2e10, 1e9, "G" }, { "svc.late", 5, 1, "ms" }, { "svc.late", 50000, 1000, "s" },
		{ "proc.cpu", 250, 1, "%" }, { "gc", 5e7, 1e6, "M" }, { "svc.gcs", 5, 1, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct unit u = axis_unit(slice_of(rows[i].name), rows[i].largest);

		OK(u.scale == rows[i].scale);
		STR(u.name, rows[i].unit);
	}
}

TEST(numbers)
{
	static const struct {
		double v;
		const char *want;
	} rows[] = {
		{ 0, "0" }, { 8.731, "8.73" }, { 23.04, "23.0" }, { 99.96, "100" }, { 422.6, "423" }, { 1411, "1411" }, { -5, "-5" }, { 0.5, "0.50" },
		{ 0.04, "0.04" }, { 0.0012345, "0.0012" }, { 1e-9, "1e-09" }, { 1e20, "1e+20" }, { 7, "7" },
	};
	char text[AXIS_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		axis_number(rows[i].v, text);
		STR(text, rows[i].want);
	}
	axis_value(48129638, axis_unit(SLICE("a.gc"), 48129638), text);
	STR(text, "45.9 MiB");
	axis_value(12.5, axis_unit(SLICE("a.cpu"), 12.5), text);
	STR(text, "12.5%");
	axis_value(1e100, axis_unit(SLICE("a.gc"), 1e100), text);
	STR(text, "8.9e+84 PiB");
}

TEST(steps)
{
	static const struct {
		double range, want;
	} rows[] = { { 5, 1 }, { 5.1, 2 }, { 10, 2 }, { 11, 5 }, { 48, 10 }, { 0.3, 0.1 }, { 1500, 500 }, { 1e100, 2e99 }, { 0, 1 }, { -1, 1 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double got = axis_step(rows[i].range, 5);

		OK(got > rows[i].want * 0.999999 && got < rows[i].want * 1.000001);
	}
}

/* From 08:07:30 on a Monday, for each length of time the first two labels and how many there are. */
TEST(times)
{
	static const struct {
		int64_t span;
		size_t n;
		const char *first, *second;
	} rows[] = {
		{ 5 * SECOND, 6, "08:07:30", "08:07:31" }, { 40 * SECOND, 9, "08:07:30", "08:07:35" }, { 5 * MINUTE, 11, "08:07:30", "08:08:00" },
		{ 15 * MINUTE, 8, "08:08", "08:10" }, { HOUR, 6, "08:10", "08:20" }, { 10 * HOUR, 10, "09:00", "10:00" },
		{ 20 * HOUR, 10, "10:00", "12:00" }, { 40 * HOUR, 7, "12:00", "18:00" }, { 3 * DAY, 6, "12:00", "Tue 24 Nov" },
		{ 9 * DAY, 9, "Tue 24", "Wed 25" }, { 21 * DAY, 10, "25 Nov", "27 Nov" }, { 60 * DAY, 8, "30 Nov", "07 Dec" },
		{ 400 * DAY, 7, "18 Jan", "15 Mar" }, { 4000 * DAY, 10, "Nov 2027", "Nov 2028" },
	};

	zone("UTC");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tick t[AXIS_TICKS];
		int64_t from = MONDAY + 7 * MINUTE + 30 * SECOND;
		size_t n = axis_ticks(from, from + rows[i].span, 11, t);

		EQ(n, rows[i].n);
		STR(t[0].label, rows[i].first);
		STR(t[1].label, rows[i].second);
		for (size_t k = 0; k < n; k++) {
			OK(t[k].at >= from && t[k].at <= from + rows[i].span);
			OK(k == 0 || t[k].at > t[k - 1].at);
		}
	}
}

/* Berlin, 25 October 2026: 3 o'clock comes twice, and hours stay round. */
TEST(a_day_with_25_hours)
{
	struct tick t[AXIS_TICKS];
	int64_t midnight = INT64_C(1792879200000);
	size_t n;

	zone("CET-1CEST,M3.5.0,M10.5.0/3");
	n = axis_ticks(midnight, midnight + 25 * HOUR, 11, t);
	EQ(n, 9);
	STR(t[0].label, "Sun 25 Oct");
	STR(t[1].label, "03:00");
	EQ(t[1].at - t[0].at, 4 * HOUR);
	STR(t[2].label, "06:00");
	STR(t[8].label, "Mon 26 Oct");
	EQ(t[8].at - t[0].at, 25 * HOUR);
	zone("UTC");
}

TEST(any_span_ends)
{
	struct tick t[AXIS_TICKS];

	zone("UTC");
	for (int64_t span = 1; span < INT64_C(253402300799000); span *= 3)
		OK(axis_ticks(0, span, 11, t) <= 11);
}

TEST(moments_and_periods)
{
	char text[2 * AXIS_TEXT];

	zone("UTC");
	axis_moment(MONDAY, MINUTE, text);
	STR(text, "08:00:00");
	axis_moment(MONDAY, 10 * HOUR, text);
	STR(text, "08:00");
	axis_moment(MONDAY, 2 * DAY, text);
	STR(text, "Mon 08:00");
	axis_moment(MONDAY, 30 * DAY, text);
	STR(text, "23 Nov 08:00");
	axis_period(MONDAY, MONDAY + HOUR, text);
	STR(text, "Mon 23 Nov 2026, 08:00 to 09:00 UTC");
	axis_period(MONDAY, MONDAY + DAY, text);
	STR(text, "Mon 23 Nov 2026, 08:00 to Tue 24 Nov 2026 08:00 UTC");
}

TEST(lengths)
{
	static const struct {
		int64_t ms;
		bool one;
		const char *want;
	} rows[] = {
		{ 10 * HOUR, false, "10 hours" }, { 90 * SECOND, false, "1.5 minutes" }, { 89 * SECOND, false, "89 seconds" }, { 60010, true, "minute" },
		{ 59990, true, "minute" }, { SECOND, true, "second" }, { HOUR, true, "hour" }, { 5 * MINUTE, true, "5 minutes" },
		{ 2 * DAY, false, "2 days" }, { 36 * HOUR, false, "36 hours" }, { SECOND, false, "1 second" },
	};
	char text[AXIS_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		axis_length(rows[i].ms, rows[i].one, text);
		STR(text, rows[i].want);
	}
}

MAIN(RUN(units), RUN(numbers), RUN(steps), RUN(times), RUN(a_day_with_25_hours), RUN(any_span_ends), RUN(moments_and_periods), RUN(lengths))
