#include "stat/axis.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "stat/number.h"
#include "stat/statsd.h"

enum kind { KIND_PLAIN, KIND_BYTES, KIND_MS, KIND_PERCENT };

static enum kind
kind_of(struct slice name)
{
	static const struct {
		const char *end;
		enum kind kind;
	} rows[] = {
		{ ".gc", KIND_BYTES },  { ".heap", KIND_BYTES },  { ".rss", KIND_BYTES },
		{ ".pss", KIND_BYTES }, { ".mem", KIND_BYTES },   { ".bytes", KIND_BYTES },
		{ ".late", KIND_MS },   { ".ms", KIND_MS },       { ".cpu", KIND_PERCENT },
	};

	struct slice tags;

	name = statsd_metric(name, &tags);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].end);

		if (name.n >= n && memcmp(name.p + name.n - n, rows[i].end, n) == 0)
			return rows[i].kind;
	}
	return KIND_PLAIN;
}

struct unit
axis_unit(struct slice name, double largest)
{
	static const struct unit bytes[] = {
		{ 0x1p50, "PiB" }, { 0x1p40, "TiB" }, { 0x1p30, "GiB" }, { 0x1p20, "MiB" }, { 0x1p10, "KiB" }, { 1, "B" },
	};
	enum kind kind = kind_of(name);

	largest = fabs(largest);
	if (kind == KIND_BYTES)
		for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
			if (largest >= bytes[i].scale || bytes[i].scale == 1)
				return bytes[i];
	if (kind == KIND_MS)
		return largest >= 2e4 ? (struct unit){ 1000, "s" } : (struct unit){ 1, "ms" };
	if (kind == KIND_PERCENT)
		return (struct unit){ 1, "%" };
	if (largest >= 1e10)
		return (struct unit){ 1e9, "G" };
	if (largest >= 1e7)
		return (struct unit){ 1e6, "M" };
	if (largest >= 2e4)
		return (struct unit){ 1e3, "k" };
	return (struct unit){ 1, "" };
}

void
axis_number(double v, char text[AXIS_TEXT])
{
	double size = fabs(v);

	if (size >= 1e15 || (size > 0 && size < 0.0995)) {
		snprintf(text, AXIS_TEXT, "%.2g", v);
		return;
	}
	if (v == floor(v)) {
		number_format(v, text, AXIS_TEXT);
		return;
	}
	snprintf(text, AXIS_TEXT, "%.*f", size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2, v);
}

void
axis_value(double v, struct unit u, char text[AXIS_TEXT])
{
	char number[AXIS_TEXT];

	axis_number(v / u.scale, number);
	snprintf(text, AXIS_TEXT, "%.30s%s%s", number, u.name[0] == '\0' || u.name[0] == '%' ? "" : " ", u.name);
}

double
axis_step(double range, int most)
{
	double least = range / most, power, x;

	if (!(least > 0) || !isfinite(least))
		return 1;
	power = pow(10, floor(log10(least)));
	x = least / power;
	return (x <= 1 ? 1 : x <= 2 ? 2 : x <= 5 ? 5 : 10) * power;
}

/* --- time --- */

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY ((int64_t)24 * HOUR)

static struct tm
local(int64_t at)
{
	time_t t = (time_t)(at / SECOND);
	struct tm tm = { .tm_mday = 1 };

	localtime_r(&t, &tm);
	return tm;
}

static int64_t
at_of(struct tm tm)
{
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * SECOND;
}

/* What lies between two ticks: `days`, else `ms`. */
struct stride {
	int64_t ms;
	int days;
};

static struct stride
choose_stride(int64_t span, size_t most)
{
	static const int64_t steps[] = {
		SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
		MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
		HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
	};
	static const int days[] = { 1, 2, 7, 14, 28, 56, 91, 182, 364 };
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (span / steps[i] < (int64_t)most)
			return (struct stride){ .ms = steps[i] };
	for (i = 0; i < sizeof(days) / sizeof(days[0]) - 1; i++)
		if (span / DAY / days[i] < (int64_t)most)
			break;
	while (span / DAY / days[i] >= (int64_t)most * 10)
		return (struct stride){ .days = (int)(span / DAY / (int64_t)most) + 1 };
	return (struct stride){ .days = days[i] };
}

/* Strides of hours and days count in the local calendar, where a day may have 23 or 25 hours. */
static int64_t
tick_time(const struct tm *midnight, struct stride s, int64_t i)
{
	struct tm tm = *midnight;

	if (s.days > 0)
		tm.tm_mday += (int)i * s.days;
	else if (s.ms >= HOUR)
		tm.tm_hour += (int)(i * (s.ms / HOUR));
	else
		return at_of(tm) + i * s.ms;
	return at_of(tm);
}

static void
label(struct tick *t, struct stride s)
{
	struct tm tm = local(t->at);

	t->day = s.days > 0 || (tm.tm_hour == 0 && tm.tm_min == 0 && tm.tm_sec == 0);
	if (s.days == 0 && t->day)
		strftime(t->label, sizeof(t->label), "%a %d %b", &tm);
	else if (s.days > 0)
		strftime(t->label, sizeof(t->label), s.days == 1 ? "%a %d" : s.days < 182 ? "%d %b" : "%b %Y", &tm);
	else
		strftime(t->label, sizeof(t->label), s.ms < MINUTE ? "%H:%M:%S" : "%H:%M", &tm);
}

size_t
axis_ticks(int64_t from, int64_t to, size_t most, struct tick *ticks)
{
	struct stride s = choose_stride(to - from, most);
	struct tm midnight = local(from);
	int64_t i = 0;
	size_t n = 0;

	midnight.tm_hour = midnight.tm_min = midnight.tm_sec = 0;
	if (s.days % 7 == 0 && s.days > 0)
		midnight.tm_mday -= (midnight.tm_wday + 6) % 7;
	if (s.days == 0 && s.ms < HOUR)
		i = (from - at_of(midnight)) / s.ms;
	for (; n < most && n < AXIS_TICKS; i++) {
		int64_t at = tick_time(&midnight, s, i);

		if (at > to)
			break;
		if (at < from || (n > 0 && at <= ticks[n - 1].at))
			continue;
		ticks[n].at = at;
		label(&ticks[n++], s);
	}
	return n;
}

void
axis_moment(int64_t at, int64_t span, char text[AXIS_TEXT])
{
	struct tm tm = local(at);
	const char *fmt = "%d %b %Y";

	if (span < 20 * MINUTE)
		fmt = "%H:%M:%S";
	else if (span <= DAY)
		fmt = "%H:%M";
	else if (span <= 14 * DAY)
		fmt = "%a %H:%M";
	else if (span <= 300 * DAY)
		fmt = "%d %b %H:%M";
	strftime(text, AXIS_TEXT, fmt, &tm);
}

void
axis_period(int64_t from, int64_t to, char text[2 * AXIS_TEXT])
{
	struct tm a = local(from), b = local(to);
	bool same_day = a.tm_yday == b.tm_yday && a.tm_year == b.tm_year;
	const char *clock = to - from < 20 * MINUTE ? "%H:%M:%S" : "%H:%M";
	char date_a[AXIS_TEXT], date_b[AXIS_TEXT], time_a[AXIS_TEXT], time_b[AXIS_TEXT], zone[AXIS_TEXT];

	strftime(date_a, sizeof(date_a), "%a %d %b %Y", &a);
	strftime(date_b, sizeof(date_b), "%a %d %b %Y ", &b);
	strftime(time_a, sizeof(time_a), clock, &a);
	strftime(time_b, sizeof(time_b), clock, &b);
	strftime(zone, sizeof(zone), "%Z", &b);
	snprintf(text, 2 * AXIS_TEXT, "%.20s, %.8s to %.20s%.8s %.10s", date_a, time_a, same_day ? "" : date_b, time_b,
	    zone);
}

void
axis_length(int64_t ms, bool one, char text[AXIS_TEXT])
{
	static const struct {
		int64_t ms, from;
		const char *name;
	} rows[] = {
		{ DAY, 2 * DAY, "day" },
		{ HOUR, 90 * MINUTE, "hour" },
		{ MINUTE, 90 * SECOND, "minute" },
		{ SECOND, 0, "second" },
	};
	char number[AXIS_TEXT];
	size_t i = 0;
	double v;

	/* as a distance between points: an hour is "hour", not "60 minutes" */
	while (rows[i].from > 0 && ms < (one ? rows[i].ms - rows[i].ms / 50 : rows[i].from))
		i++;
	v = (double)ms / (double)rows[i].ms;
	/* a clock that is some milliseconds late is no reason for decimals */
	v = fabs(v - round(v)) < 0.02 * v ? round(v) : v;
	if (one && v == 1) {
		snprintf(text, AXIS_TEXT, "%s", rows[i].name);
		return;
	}
	snprintf(number, sizeof(number), v >= 10 ? "%.0f" : "%.3g", v);
	snprintf(text, AXIS_TEXT, "%.20s %s%s", number, rows[i].name, v == 1 ? "" : "s");
}
