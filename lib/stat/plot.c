/*
 * Lines are thinned to columns some pixels wide, in which the smallest and the largest survive; points on a level are
 * left out. Paths are written in tenths of a pixel, relative to the point before: few bytes a point.
 */
#include "stat/plot.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "stat/panel.h"

enum { WIDTH = PICTURE_WIDTH, INNER = PICTURE_INNER, LEFT = PICTURE_LEFT, MARGIN = PICTURE_MARGIN };

enum {
	BYTES = 48000,   /* a picture with more is drawn again with wider columns, */
	COLUMN_MOST = 8, /* px: but not wider than these */
};

struct column {
	double x;           /* px */
	double min, max;
	double mean;         /* of the points' means */
	int64_t first, last; /* ms */
	int n;
};

struct xy {
	int x, y; /* tenths of a pixel */
};

struct svg {
	struct buf *b;
	const struct layout *l;
	int each;    /* px: height of a panel */
	int column;  /* px: width of a column */
};

static void
put_text(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		switch (*s) {
		case '<':
			buf_puts(b, "&lt;");
			break;
		case '>':
			buf_puts(b, "&gt;");
			break;
		case '&':
			buf_puts(b, "&amp;");
			break;
		case '"':
			buf_puts(b, "&quot;");
			break;
		default:
			buf_putc(b, *s);
		}
	}
}

/* `where`: attributes. */
static void
put_label(struct buf *b, int x, int y, const char *where, const char *text)
{
	buf_printf(b, "<text x=\"%d\" y=\"%d\"%s>", x, y, where);
	put_text(b, text);
	buf_puts(b, "</text>\n");
}

/* --- paths --- */

static int
tenths(double px)
{
	return (int)lround(px * 10);
}

static double
y_of(const struct svg *v, const struct panel *p, double value)
{
	return (p->high - value) / (p->high - p->low) * v->each;
}

static double
x_of(const struct svg *v, int64_t at)
{
	return (double)(at - v->l->from) / (double)(v->l->to - v->l->from) * INNER;
}

static void
add_point(struct column *c, const struct point *p, double mean, double x)
{
	if (c->n == 0)
		*c = (struct column){ .min = p->min, .max = p->max, .first = p->at };
	c->x = (c->x * c->n + x) / (c->n + 1);
	c->mean = (c->mean * c->n + mean) / (c->n + 1);
	c->n++;
	c->min = p->min < c->min ? p->min : c->min;
	c->max = p->max > c->max ? p->max : c->max;
	c->last = p->at;
}

/* Returns how many columns hold anything; they are the first ones of `columns` then. */
static size_t
fill_columns(const struct svg *v, const struct panel *p, struct column *columns)
{
	size_t n = 0;
	int before = -1;

	for (size_t i = 0; i < p->track->n; i++) {
		const struct point *point = &p->track->points[i];
		double x = x_of(v, point->at);
		int at = (int)(x / v->column);

		if (n == 0 || at != before)
			columns[n++].n = 0;
		before = at;
		add_point(&columns[n - 1], point, track_point_mean(p->track, point), x);
	}
	return n;
}

static void
put_int(struct buf *b, int i, bool first)
{
	if (i >= 0 && !first)
		buf_putc(b, ' ');
	buf_printf(b, "%d", i);
}

/* A point between two of the same height says nothing. */
static bool
is_level(const struct xy *p, size_t i, size_t n)
{
	return i > 0 && i + 1 < n && p[i - 1].y == p[i].y && p[i].y == p[i + 1].y;
}

static void
put_points(struct buf *b, const struct xy *p, size_t n)
{
	struct xy at = p[0];

	buf_printf(b, "M%d %d", at.x, at.y);
	buf_putc(b, 'l');
	if (n == 1)
		buf_puts(b, "0 0");
	for (size_t i = 1, put = 0; i < n; i++) {
		if (is_level(p, i, n))
			continue;
		put_int(b, p[i].x - at.x, put++ == 0);
		put_int(b, p[i].y - at.y, false);
		at = p[i];
	}
}

/* The band of some neighbouring columns: along the upper edge, and back along the lower one. */
static void
put_band(const struct svg *v, const struct panel *p, const struct column *c, size_t n)
{
	struct xy edge[2 * (INNER + 1)];

	for (size_t i = 0; i < n; i++) {
		edge[i] = (struct xy){ tenths(c[i].x), tenths(y_of(v, p, c[i].max)) };
		edge[2 * n - 1 - i] = (struct xy){ tenths(c[i].x), tenths(y_of(v, p, c[i].min)) };
	}
	put_points(v->b, edge, 2 * n);
	buf_putc(v->b, 'z');
}

static void
put_mean(const struct svg *v, const struct panel *p, const struct column *c, size_t n)
{
	struct xy line[INNER + 1];

	for (size_t i = 0; i < n; i++)
		line[i] = (struct xy){ tenths(c[i].x), tenths(y_of(v, p, c[i].mean)) };
	put_points(v->b, line, n);
}

/* Each run of columns without a gap. */
static void
put_runs(const struct svg *v, const struct panel *p, const struct column *c, size_t n,
    void (*put)(const struct svg *, const struct panel *, const struct column *, size_t))
{
	size_t from = 0;

	for (size_t i = 1; i <= n; i++)
		if (i == n || panel_gap(p, c[i - 1].last, c[i].first)) {
			put(v, p, c + from, i - from);
			from = i;
		}
}

static void
put_curves(const struct svg *v, size_t i)
{
	const struct panel *p = &v->l->panels[i];
	struct column columns[INNER + 1];
	size_t n = fill_columns(v, p, columns);

	buf_printf(v->b, "<g transform=\"scale(.1)\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n"
	    "<path fill=\"%s\" stroke=\"%s\" stroke-width=\"7\" d=\"", panel_band(i), panel_band(i));
	put_runs(v, p, columns, n, put_band);
	buf_printf(v->b, "\"/>\n<path fill=\"none\" stroke=\"%s\" stroke-width=\"15\" d=\"", panel_colour(i));
	put_runs(v, p, columns, n, put_mean);
	buf_printf(v->b, "\"/>\n<circle cx=\"%d\" cy=\"%d\" r=\"20\" fill=\"%s\"/>\n</g>\n",
	    tenths(x_of(v, p->track->max_at)), tenths(y_of(v, p, p->track->max)), panel_colour(i));
}

/* --- what stands around them --- */

static void
put_rules(const struct svg *v, const struct panel *p)
{
	char text[AXIS_TEXT];

	for (double k = ceil(p->low / p->step); k * p->step <= p->high; k++) {
		double value = k * p->step;
		int y = (int)lround(y_of(v, p, value));

		if (y != v->each)
			buf_printf(v->b, "<path class=\"r\" d=\"M0 %d.5h%d\"/>\n", y, INNER);
		panel_number(p, value, text);
		put_label(v->b, -8, y + 4, " text-anchor=\"end\"", text);
	}
}

static void
put_time(const struct svg *v, bool labels)
{
	const struct layout *l = v->l;

	buf_printf(v->b, "<path class=\"e\" d=\"M0 %d.5h%d", v->each, INNER);
	for (size_t i = 0; i < l->nticks; i++)
		buf_printf(v->b, "M%d.5 %dv4", (int)x_of(v, l->ticks[i].at), v->each);
	buf_puts(v->b, "\"/>\n");
	for (size_t i = 0; labels && i < l->nticks; i++)
		put_label(v->b, (int)x_of(v, l->ticks[i].at), v->each + 20,
		    l->ticks[i].day ? " text-anchor=\"middle\" class=\"d\"" : " text-anchor=\"middle\"", l->ticks[i].label);
}

/* Where the text of the last value stands: beside the end of the line, within the panel. */
static int
last_y(const struct svg *v, const struct panel *p)
{
	int y = (int)lround(y_of(v, p, p->track->last)) + 4;

	return y < 10 ? 10 : y > v->each ? v->each : y;
}

static void
put_panel(const struct svg *v, size_t i)
{
	const struct panel *p = &v->l->panels[i];
	char colour[64];

	buf_printf(v->b, "<g transform=\"translate(%d %d)\">\n", LEFT, layout_top(v->l, i));
	buf_printf(v->b, "<text x=\"%d\" y=\"-12\" style=\"fill:%s\"><tspan class=\"b\">", MARGIN - LEFT,
	    panel_colour(i));
	put_text(v->b, p->name);
	buf_printf(v->b, "</tspan>  %s</text>\n", p->unit.name);
	put_label(v->b, WIDTH - LEFT - MARGIN, -12, " text-anchor=\"end\"", p->figures);
	put_rules(v, p);
	put_curves(v, i);
	put_time(v, i + 1 == v->l->n);
	snprintf(colour, sizeof(colour), " class=\"b\" style=\"fill:%s\"", panel_colour(i));
	put_label(v->b, INNER + 8, last_y(v, p), colour, p->last);
	buf_puts(v->b, "</g>\n");
}

static void
put_head(const struct svg *v)
{
	const struct layout *l = v->l;

	buf_printf(v->b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\""
	    " role=\"img\" xml:space=\"preserve\">\n<title>", WIDTH, l->height, WIDTH, l->height);
	put_text(v->b, l->title[0] != '\0' ? l->title : "coop");
	buf_puts(v->b, "</title>\n<style>text{font:12px \"DejaVu Sans\",Verdana,Helvetica,Arial,sans-serif;fill:#69727d}"
	    ".b,.t,.d{font-weight:bold}.t{font-size:20px;fill:#24292f}.r{stroke:#e8ebef}.e{stroke:#bfc5cc;fill:none}"
	    "</style>\n");
	buf_printf(v->b, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", WIDTH, l->height);
	if (l->title[0] == '\0')
		return;
	put_label(v->b, MARGIN, 33, " class=\"t\"", l->title);
	put_label(v->b, WIDTH - MARGIN, 32, " text-anchor=\"end\"", l->period);
}

static void
put_legend(const struct svg *v)
{
	int y = v->l->height - PICTURE_LEGEND;

	buf_printf(v->b, "<path fill=\"" PICTURE_LEGEND_BAND "\" d=\"M%d %dv-10h%dv10z\"/>\n"
	    "<path stroke=\"" PICTURE_LEGEND_LINE "\" stroke-width=\"1.5\" d=\"M%d %dh%d\"/>\n", LEFT, y,
	    PICTURE_SWATCH, LEFT, y - 5, PICTURE_SWATCH);
	put_label(v->b, LEFT + PICTURE_SWATCH + 8, y - 1, "", PICTURE_LEGEND_TEXT);
}

static void
put_picture(const struct svg *v)
{
	put_head(v);
	for (size_t i = 0; i < v->l->n; i++)
		put_panel(v, i);
	if (v->l->n > 0)
		put_legend(v);
	else
		put_label(v->b, MARGIN, layout_top(v->l, 0) - 12, "", "nothing was recorded");
	buf_puts(v->b, "</svg>\n");
}

int
plot_svg(const struct history *h, const char *title, struct buf *b)
{
	struct layout l;
	struct svg v = { .b = b, .l = &l, .column = 1 };
	size_t start = b->n;

	if (layout_init(&l, h, title, PLOT_PANELS) != 0)
		return -1;
	v.each = l.each;
	put_picture(&v);
	while (!b->failed && b->n - start > BYTES && v.column < COLUMN_MOST) {
		b->n = start;
		v.column++;
		put_picture(&v);
	}
	layout_fini(&l);
	if (b->failed)
		errno = ENOMEM;
	return b->failed ? -1 : 0;
}
