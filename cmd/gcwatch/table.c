#include "table.h"

#include <math.h>
#include <string.h>

#include "stat/axis.h"
#include "stat/trend.h"

enum { NAME_MOST = 40 };

static int
name_width(const struct history *h)
{
	const struct track *t;
	size_t most = strlen("metric");

	TAILQ_FOREACH(t, &h->tracks, entry)
		if (t->name.n > most)
			most = t->name.n;
	return (int)(most < NAME_MOST ? most : NAME_MOST);
}

/* "+1.2 MiB/h +-0.3": in the unit of the metric, a second, a minute or an hour, whichever the half is some of. */
static void
put_slope(FILE *f, const struct trend *t, struct unit unit)
{
	int64_t half = t->to - t->from;
	double per = half >= 7200000 ? 3600 : half >= 120000 ? 60 : 1, slope = t->slope * per / unit.scale;
	char value[AXIS_TEXT], error[AXIS_TEXT];

	axis_number(fabs(slope), value);
	axis_number(t->error * per / unit.scale, error);
	fprintf(f, " (%c%s +-%s%s%s/%s)", slope < 0 ? '-' : '+', value, error, unit.name[0] != '\0' ? " " : "", unit.name,
	    per == 3600 ? "h" : per == 60 ? "min" : "s");
}

static void
put_verdict(FILE *f, const struct track *track, struct unit unit)
{
	static const char *const words[] = { "too short to tell", "level", "rising", "falling" };
	struct trend t = trend_of(track);

	fputs(words[t.verdict], f);
	if (t.verdict != TREND_UNKNOWN)
		put_slope(f, &t, unit);
	fputc('\n', f);
}

static void
put_track(FILE *f, const struct track *t, int width, int64_t span)
{
	struct unit unit = axis_unit(t->name, fabs(t->max) > fabs(t->min) ? t->max : t->min);
	char min[AXIS_TEXT], avg[AXIS_TEXT], max[AXIS_TEXT], last[AXIS_TEXT], when[AXIS_TEXT];

	axis_value(t->min, unit, min);
	axis_value(track_mean(t), unit, avg);
	axis_value(t->max, unit, max);
	axis_value(t->last, unit, last);
	axis_moment(t->max_at, span, when);
	fprintf(f, "%-*.*s  %9s  %9s  %9s at %-9s  %9s  ", width, (int)(t->name.n < NAME_MOST ? t->name.n : NAME_MOST),
	    t->name.p, min, avg, max, when, last);
	put_verdict(f, t, unit);
}

void
table_print(const struct history *h, FILE *f)
{
	const struct track *t;
	int64_t from, to;
	int width = name_width(h);

	if (!history_span(h, &from, &to))
		return;
	fprintf(f, "%-*s  %9s  %9s  %9s    %-9s  %9s  %s\n", width, "metric", "min", "avg", "max", "", "last",
	    "in the last half");
	TAILQ_FOREACH(t, &h->tracks, entry)
		if (t->n > 0)
			put_track(f, t, width, to - from);
	if (h->refused > 0)
		fprintf(f, "(the table has room for %zu metrics: choose with -m)\n", h->most);
}
