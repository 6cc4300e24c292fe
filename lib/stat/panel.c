#include "stat/panel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TITLE_MOST = 44, /* characters: a longer one would run into the period */
	/* pixels */
	TOP = 72,
	TOP_BARE = 40,
	GAP = 48,
	BOTTOM = 58, /* the times, and the legend */
};

static const struct {
	const char *line, *band;
} colours[PANEL_COLOURS] = {
	{ "#0b63ce", "#b9d7f7" }, { "#b5307f", "#f2c8df" }, { "#1a7f37", "#c0e4c9" },
	{ "#b4530b", "#f5d5b2" }, { "#7440d6", "#dbcef8" }, { "#0d736c", "#b4e2dc" },
};

const char *
panel_colour(size_t i)
{
	return colours[i % PANEL_COLOURS].line;
}

const char *
panel_band(size_t i)
{
	return colours[i % PANEL_COLOURS].band;
}

bool
panel_gap(const struct panel *p, int64_t before, int64_t after)
{
	return p->track->lines > 2 && after - before > p->gap;
}

void
panel_number(const struct panel *p, double value, char text[AXIS_TEXT])
{
	double step = p->step / p->unit.scale;
	int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;

	if (decimals > 6 || step > 1e6)
		axis_number(value / p->unit.scale, text);
	else
		snprintf(text, AXIS_TEXT, "%.*f", decimals, value / p->unit.scale + 0.0); /* no minus zero */
}

static void
set_name(struct panel *p)
{
	struct slice name = p->track->name;

	if (name.n < sizeof(p->name))
		snprintf(p->name, sizeof(p->name), "%.*s", SLICE_FMT(name));
	else
		snprintf(p->name, sizeof(p->name), "%.*s...", (int)sizeof(p->name) - 4, name.p);
}

static bool
is_whole(double v)
{
	return v == floor(v);
}

static void
set_range(struct panel *p)
{
	const struct track *t = p->track;
	double pad;

	p->low = t->min < 0 ? t->min : 0;
	p->high = t->max > 0 ? t->max : 0;
	if (p->high - p->low <= 0)
		p->high = p->low + 1;
	pad = (p->high - p->low) * 0.06;
	p->high += pad;
	if (p->low < 0)
		p->low -= pad;
	p->step = axis_step((p->high - p->low) / p->unit.scale, 6) * p->unit.scale;
	/* half a coroutine says nothing */
	if (p->step < 1 && p->unit.name[0] == '\0' && is_whole(t->min) && is_whole(t->max) && is_whole(t->last))
		p->step = 1;
}

static void
set_figures(struct panel *p, int64_t span)
{
	const struct track *t = p->track;
	char min[AXIS_TEXT], avg[AXIS_TEXT], max[AXIS_TEXT], when[AXIS_TEXT], length[AXIS_TEXT], every[AXIS_TEXT];
	int n;

	axis_number(t->min / p->unit.scale, min);
	axis_number(track_mean(t) / p->unit.scale, avg);
	axis_value(t->max, p->unit, max);
	axis_moment(t->max_at, span, when);
	n = snprintf(p->figures, sizeof(p->figures), "min %.30s    avg %.30s    max %.40s at %.40s", min, avg, max, when);
	if (t->lines < 2 || n < 0)
		return;
	axis_length(t->last_at - t->first + t->every, false, length);
	axis_length(t->every, true, every);
	if (t->every < 950)
		snprintf(every, sizeof(every), "%d ms", (int)t->every);
	snprintf(p->figures + n, sizeof(p->figures) - (size_t)n, "    %.40s, a point every %.40s", length, every);
}

/* Ten times the usual distance; points that the history has joined may be two of its steps apart. */
static void
set_gap(struct panel *p, int64_t step)
{
	const struct track *t = p->track;

	if (t->lines > 1)
		p->gap = (t->last_at - t->first) / (int64_t)(t->lines - 1) * 10 + 2 * step;
}

static void
panel_init(struct panel *p, const struct track *t, int64_t span, int64_t step)
{
	double largest = fabs(t->min) > fabs(t->max) ? t->min : t->max;

	*p = (struct panel){ .track = t, .unit = axis_unit(t->name, largest) };
	set_name(p);
	set_range(p);
	set_figures(p, span);
	set_gap(p, step);
	axis_value(t->last, p->unit, p->last);
}

static size_t
utf8_announced(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c < 0xe0)
		return 2;
	if (c >= 0xe0 && c < 0xf0)
		return 3;
	return c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

/* How many bytes of a well-formed UTF-8 character that XML allows begin at s; 0: none does. */
static size_t
utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char first, from, to; /* second bytes that must not come after this first one */
	} wrong[] = {
		{ 0xe0, 0x80, 0x9f }, /* overlong */
		{ 0xed, 0xa0, 0xbf }, /* surrogates */
		{ 0xef, 0xbf, 0xbf }, /* U+FFFE and neighbours */
		{ 0xf0, 0x80, 0x8f }, /* overlong */
		{ 0xf4, 0x90, 0xbf }, /* beyond U+10FFFF */
	};
	size_t n = utf8_announced(*s);

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	for (size_t i = 0; n > 0 && i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (s[0] == wrong[i].first && s[1] >= wrong[i].from && s[1] <= wrong[i].to)
			return 0;
	return n;
}

/* A title may be a command line: any bytes. */
static void
set_title(struct layout *l, const char *title)
{
	size_t at = 0, shown = 0;

	for (const unsigned char *s = (const unsigned char *)(title != NULL ? title : ""); *s != '\0';) {
		size_t n = utf8_length(s);
		bool odd = n == 0 || *s < ' ' || *s == 0x7f || (n == 2 && *s == 0xc2 && s[1] < 0xa0);

		if (shown++ == TITLE_MOST) {
			memcpy(l->title + at, "...", 3);
			at += 3;
			break;
		}
		memcpy(l->title + at, odd ? (const unsigned char *)"?" : s, odd ? 1 : n);
		at += odd ? 1 : n;
		s += n > 0 ? n : 1;
	}
	l->title[at] = '\0';
}

int
layout_top(const struct layout *l, size_t i)
{
	return (l->title[0] != '\0' ? TOP : TOP_BARE) + (int)i * (l->each + GAP);
}

static void
set_heights(struct layout *l)
{
	l->each = l->n == 1 ? 300 : l->n <= 4 ? 190 : 120;
	l->height = layout_top(l, l->n) - (l->n > 0 ? GAP : 0) + BOTTOM;
}

int
layout_init(struct layout *l, const struct history *h, const char *title, size_t most)
{
	const struct track *t;
	size_t n = h->n < most ? h->n : most;

	*l = (struct layout){ .from = 0 };
	set_title(l, title);
	if ((l->panels = calloc(n > 0 ? n : 1, sizeof(*l->panels))) == NULL)
		return -1;
	if (!history_span(h, &l->from, &l->to)) {
		set_heights(l);
		return 0;
	}
	axis_period(l->from, l->to, l->period);
	/* a single moment stands at the right edge */
	if (l->to == l->from)
		l->from -= 1000;
	TAILQ_FOREACH(t, &h->tracks, entry) {
		if (t->n == 0)
			continue;
		if (l->n < n)
			panel_init(&l->panels[l->n++], t, l->to - l->from, h->step);
		else
			l->left_out++;
	}
	l->nticks = axis_ticks(l->from, l->to, 11, l->ticks);
	set_heights(l);
	return 0;
}

void
layout_fini(struct layout *l)
{
	free(l->panels);
	l->panels = NULL;
}
