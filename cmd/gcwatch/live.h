/*
 * live.h: the graph on the terminal: for each metric its last figures and a band from min to max with the mean in it,
 * the newest at the right.
 */
#ifndef LIVE_H
#define LIVE_H

#include "stat/record.h"

struct live;

/* How it may draw. */
struct live_style {
	bool braille; /* else plain ASCII */
	bool colour;
};

/* What the locale and the environment (NO_COLOR, TERM) allow. */
struct live_style live_style(void);

/* `interval`: ns. NULL with errno. */
struct live *live_new(struct live_style, int64_t interval);
void live_free(struct live *);

/*
 * An interval: begin, each of its lines, then draw. Metrics beyond a bound are left out. -1 with errno: no memory for
 * a metric.
 */
void live_begin(struct live *);
int live_line(struct live *, const struct record *);

/*
 * Adds to b what turns the last picture on the terminal into this one, which has at most `rows` lines and `columns`
 * columns. With `afresh` there is nothing to go back over: the terminal's size changed.
 */
void live_draw(struct live *, struct buf *b, int rows, int columns, bool afresh);

#endif
