/*
 * A cell of braille is two columns of four dots: two intervals, four levels. The band is drawn with every other dot,
 * the mean with all of them, so that they can be told apart without colour too. In ASCII a cell is one interval and
 * one level.
 */
#include "live.h"

#include <errno.h>
#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "stat/axis.h"

enum {
	KEPT = 512,      /* intervals */
	METRICS = 64,
	MARGIN = 10,     /* columns for the numbers of the axis */
	ROWS_LEAST = 3,  /* of a graph */
	ROWS_MOST = 16,
};

struct sample {
	double min, avg, max;
	bool there;
};

struct metric {
	struct sample ring[KEPT];
	struct figures last;
	size_t n;
	TAILQ_ENTRY(metric) entry;
	char name[STATSD_SERIES_MAX];
};

struct live {
	TAILQ_HEAD(, metric) metrics;
	size_t n, left_out;
	size_t now;      /* of the rings */
	int drawn;       /* lines of the last picture */
	struct live_style style;
	int64_t interval;
};

struct live_style
live_style(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM"), *codeset = nl_langinfo(CODESET);
	bool dumb = term == NULL || *term == '\0' || strcmp(term, "dumb") == 0;

	return (struct live_style){
		.braille = strcmp(codeset, "UTF-8") == 0,
		.colour = !dumb && (no == NULL || *no == '\0'),
	};
}

struct live *
live_new(struct live_style style, int64_t interval)
{
	struct live *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	TAILQ_INIT(&l->metrics);
	l->style = style;
	l->interval = interval;
	return l;
}

void
live_free(struct live *l)
{
	struct metric *m;

	if (l == NULL)
		return;
	while ((m = TAILQ_FIRST(&l->metrics)) != NULL) {
		TAILQ_REMOVE(&l->metrics, m, entry);
		free(m);
	}
	free(l);
}

void
live_begin(struct live *l)
{
	struct metric *m;

	l->now = (l->now + 1) % KEPT;
	l->left_out = 0;
	TAILQ_FOREACH(m, &l->metrics, entry)
		m->ring[l->now].there = false;
}

static struct metric *
find(struct live *l, struct slice name)
{
	struct metric *m;

	TAILQ_FOREACH(m, &l->metrics, entry)
		if (slice_eq(slice_make(m->name, m->n), name))
			return m;
	if (l->n == METRICS) {
		l->left_out++;
		errno = 0;
		return NULL;
	}
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return NULL;
	m->n = name.n < sizeof(m->name) ? name.n : sizeof(m->name);
	memcpy(m->name, name.p, m->n);
	TAILQ_INSERT_TAIL(&l->metrics, m, entry);
	l->n++;
	return m;
}

int
live_line(struct live *l, const struct record *r)
{
	struct metric *m = find(l, r->name);

	if (m == NULL)
		return errno == 0 ? 0 : -1;
	m->last = r->f;
	m->ring[l->now] = (struct sample){ .min = r->f.min, .avg = r->f.avg, .max = r->f.max, .there = true };
	return 0;
}

/* --- drawing --- */

/* An interval as levels, 0 at the bottom. */
struct column {
	bool there;
	int low, high;
	int mean_low, mean_high; /* the line rises or falls through these */
};

struct canvas {
	const struct live *l;
	const struct metric *m;
	struct buf *b;
	int rows, columns;  /* cells of the graph */
	int wide, high;     /* intervals, levels in it */
	double low, top;
	struct unit unit;
	size_t colour;
	struct column intervals[KEPT]; /* 0 at the left */
};

/* The sample that is `back` intervals old; NULL: none. */
static const struct sample *
sample_at(const struct canvas *c, int back)
{
	const struct sample *s;

	if (back < 0 || back >= KEPT)
		return NULL;
	s = &c->m->ring[(c->l->now + KEPT - (size_t)back) % KEPT];
	return s->there ? s : NULL;
}

static void
set_range(struct canvas *c)
{
	c->low = c->top = 0;
	for (int back = 0; back < c->wide; back++) {
		const struct sample *s = sample_at(c, back);

		if (s != NULL && s->max > c->top)
			c->top = s->max;
		if (s != NULL && s->min < c->low)
			c->low = s->min;
	}
	c->unit = axis_unit(slice_make(c->m->name, c->m->n), c->top > -c->low ? c->top : c->low);
	if (c->top - c->low <= 0)
		c->top = c->low + 1;
}

static int
level(const struct canvas *c, double v)
{
	int y = (int)floor((v - c->low) / (c->top - c->low) * (c->high - 1) + 0.5);

	return y < 0 ? 0 : y >= c->high ? c->high - 1 : y;
}

static void
set_columns(struct canvas *c)
{
	int before = -1;

	for (int x = 0; x < c->wide; x++) {
		const struct sample *s = sample_at(c, c->wide - 1 - x);
		struct column *col = &c->intervals[x];
		int mean;

		*col = (struct column){ .there = s != NULL };
		if (s == NULL) {
			before = -1;
			continue;
		}
		mean = level(c, s->avg);
		/* up to, but not into, where the line was before */
		col->mean_low = before >= 0 && before < mean ? before + 1 : mean;
		col->mean_high = before > mean ? before - 1 : mean;
		col->low = level(c, s->min);
		col->high = level(c, s->max);
		before = mean;
	}
}

enum dot { DOT_NONE, DOT_BAND, DOT_MEAN };

static enum dot
dot_at(const struct canvas *c, int x, int y)
{
	const struct column *col = &c->intervals[x];

	if (!col->there)
		return DOT_NONE;
	if (y >= col->mean_low && y <= col->mean_high)
		return DOT_MEAN;
	return y >= col->low && y <= col->high ? DOT_BAND : DOT_NONE;
}

static void
put_colour(const struct canvas *c, enum dot dot)
{
	static const char codes[] = "456321"; /* blue, magenta, cyan, yellow, green, red */

	if (!c->l->style.colour)
		return;
	if (dot == DOT_NONE)
		buf_puts(c->b, "\033[0m");
	else
		buf_printf(c->b, "\033[%s;3%cm", dot == DOT_MEAN ? "1" : "0", codes[c->colour % (sizeof(codes) - 1)]);
}

/* U+2800 and a bit for each dot. */
static void
put_braille(struct buf *b, unsigned dots)
{
	buf_putc(b, (char)0xe2);
	buf_putc(b, (char)(0xa0 | dots >> 6));
	buf_putc(b, (char)(0x80 | (dots & 0x3f)));
}

static enum dot
put_braille_cell(const struct canvas *c, int column, int row, enum dot before)
{
	static const unsigned bits[2][4] = { { 0x40, 0x04, 0x02, 0x01 }, { 0x80, 0x20, 0x10, 0x08 } }; /* from the bottom */
	enum dot most = DOT_NONE;
	unsigned dots = 0;

	for (int dx = 0; dx < 2; dx++)
		for (int dy = 0; dy < 4; dy++) {
			int x = column * 2 + dx, y = (c->rows - 1 - row) * 4 + dy;
			enum dot dot = dot_at(c, x, y);

			/* the pattern moves with the intervals: it must not flicker */
			if (dot == DOT_MEAN || (dot == DOT_BAND && ((size_t)(c->wide - x) + (size_t)y + c->l->now) % 2 == 0))
				dots |= bits[dx][dy];
			if (dot > most)
				most = dot;
		}
	if (most != before && most != DOT_NONE)
		put_colour(c, most);
	if (dots == 0)
		buf_putc(c->b, ' ');
	else
		put_braille(c->b, dots);
	return most == DOT_NONE ? before : most;
}

static enum dot
put_ascii_cell(const struct canvas *c, int column, int row, enum dot before)
{
	enum dot dot = dot_at(c, column, c->rows - 1 - row);

	if (dot != before && dot != DOT_NONE)
		put_colour(c, dot);
	buf_putc(c->b, dot == DOT_MEAN ? '*' : dot == DOT_BAND ? ':' : ' ');
	return dot == DOT_NONE ? before : dot;
}

static void
put_row(const struct canvas *c, int row)
{
	char text[AXIS_TEXT] = "";
	enum dot state = DOT_NONE;

	if (row == 0)
		axis_value(c->top, c->unit, text);
	else if (row == c->rows - 1)
		axis_number(c->low / c->unit.scale, text);
	buf_printf(c->b, "%*.*s %s", MARGIN - 2, MARGIN - 2, text, c->l->style.braille ? "\xe2\x94\x82" : "|");
	for (int column = 0; column < c->columns; column++)
		state = c->l->style.braille ? put_braille_cell(c, column, row, state) : put_ascii_cell(c, column, row, state);
	if (state != DOT_NONE)
		put_colour(c, DOT_NONE);
	buf_puts(c->b, "\033[K\r\n");
}

static void
put_heading(const struct canvas *c)
{
	char last[AXIS_TEXT], min[AXIS_TEXT], avg[AXIS_TEXT], max[AXIS_TEXT], text[5 * AXIS_TEXT];
	int columns = c->columns + MARGIN, n, name = (int)c->m->n;

	axis_value(c->m->last.last, c->unit, last);
	axis_number(c->m->last.min / c->unit.scale, min);
	axis_number(c->m->last.avg / c->unit.scale, avg);
	axis_value(c->m->last.max, c->unit, max);
	n = snprintf(text, sizeof(text), "  %s   min %s   avg %s   max %s", last, min, avg, max);
	if (name > columns / 2)
		name = columns / 2;
	put_colour(c, DOT_MEAN);
	buf_put(c->b, c->m->name, (size_t)name);
	put_colour(c, DOT_NONE);
	buf_put(c->b, text, (size_t)(n < columns - name ? n : columns - name));
	buf_puts(c->b, "\033[K\r\n");
}

/* How many intervals a graph of so many columns shows. */
static int
wide(const struct live *l, int columns)
{
	int n = l->style.braille ? 2 * columns : columns;

	return n < KEPT ? n : KEPT;
}

static void
put_metric(const struct live *l, const struct metric *m, struct buf *b, int rows, int columns, size_t colour)
{
	struct canvas c = { .l = l, .m = m, .b = b, .rows = rows, .columns = columns - MARGIN, .colour = colour };

	c.wide = wide(l, c.columns);
	c.columns = l->style.braille ? c.wide / 2 : c.wide;
	c.high = l->style.braille ? 4 * c.rows : c.rows;
	set_range(&c);
	set_columns(&c);
	put_heading(&c);
	for (int row = 0; row < rows; row++)
		put_row(&c, row);
}

/* The axis of time, which all graphs share. */
static void
put_times(const struct live *l, struct buf *b, int columns)
{
	int n = wide(l, columns - MARGIN), used = l->style.braille ? n / 2 : n;
	char past[AXIS_TEXT];
	int gap;

	axis_length(l->interval / MSEC * n, false, past);
	gap = used - (int)strlen(past) - (int)strlen(" ago") - (int)strlen("now");
	buf_printf(b, "%*s%s ago", MARGIN, "", past);
	if (gap > 0)
		buf_printf(b, "%*snow", gap, "");
	buf_puts(b, "\033[K\r\n");
}

/* How many metrics fit, and how many rows each graph then has. */
static size_t
divide(const struct live *l, int rows, int *each)
{
	size_t n = l->n;

	while (n > 1 && rows / (int)n < ROWS_LEAST + 1)
		n--;
	*each = n > 0 ? rows / (int)n - 1 : 0;
	if (*each > ROWS_MOST)
		*each = ROWS_MOST;
	return *each < 1 ? 0 : n;
}

void
live_draw(struct live *l, struct buf *b, int rows, int columns, bool afresh)
{
	const struct metric *m = TAILQ_FIRST(&l->metrics);
	int each;
	size_t n;

	if (afresh)
		buf_puts(b, "\033[H\033[2J");
	else if (l->drawn > 0)
		buf_printf(b, "\033[%dA\r", l->drawn);
	l->drawn = 0;
	if (columns < MARGIN + 8 || rows < 5) {
		buf_puts(b, "\r\033[Jthe terminal is too small");
		return;
	}
	rows -= 3; /* the last line, the one that tells what has no room, and the times */
	n = divide(l, rows, &each);
	for (size_t i = 0; i < n && m != NULL; i++, m = TAILQ_NEXT(m, entry)) {
		put_metric(l, m, b, each, columns - 1, i);
		l->drawn += each + 1;
	}
	if (n > 0) {
		put_times(l, b, columns - 1);
		l->drawn++;
	}
	if (l->n + l->left_out > n) {
		buf_printf(b, "and %zu more metrics: choose with -m\033[K\r\n", l->n + l->left_out - n);
		l->drawn++;
	}
	if (l->n == 0) {
		buf_puts(b, "nothing was heard yet\033[K\r\n");
		l->drawn++;
	}
	buf_puts(b, "\033[J");
}
