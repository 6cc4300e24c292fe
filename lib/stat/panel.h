/* panel.h: what a panel of a picture shows and says, before anybody draws it: ranges, rounded numbers, texts. */
#ifndef STAT_PANEL_H
#define STAT_PANEL_H

#include "stat/axis.h"
#include "stat/history.h"

enum { PANEL_NAME = 52, PANEL_COLOURS = 6 };

/* Pixels. */
enum {
	PICTURE_WIDTH = 960,
	PICTURE_LEFT = 56,   /* of the panels, for numbers */
	PICTURE_RIGHT = 84,  /* of the panels, for the last value */
	PICTURE_MARGIN = 16, /* of the texts */
	PICTURE_INNER = PICTURE_WIDTH - PICTURE_LEFT - PICTURE_RIGHT,
	PICTURE_SWATCH = 24, /* width of the legend's piece of a band, which ends so far above the lower edge: */
	PICTURE_LEGEND = 12,
};

/* What a band and the line in it are. */
#define PICTURE_LEGEND_TEXT "average, in the band from minimum to maximum"
#define PICTURE_LEGEND_LINE "#69727d"
#define PICTURE_LEGEND_BAND "#d3d8de"

struct panel {
	const struct track *track;
	struct unit unit;
	double low, high;      /* what the vertical axis spans, not in the unit */
	double step;           /* between the lines across, not in the unit */
	int64_t gap;           /* ms: points that are further apart are not joined */
	char name[PANEL_NAME]; /* cut with ... when it is too long */
	char figures[6 * AXIS_TEXT]; /* "min 8.73    avg 23.0    max 45.9 MiB at 01:33    10 hours, a point every minute" */
	char last[AXIS_TEXT];
};

/* All panels of a picture. */
struct layout {
	struct panel *panels;
	size_t n;
	size_t left_out;      /* metrics that have no panel */
	int64_t from, to;     /* ms; to > from */
	char title[200];      /* printable UTF-8 */
	char period[2 * AXIS_TEXT];
	struct tick ticks[AXIS_TICKS];
	size_t nticks;
	int height, each;     /* px: of the picture, of a panel */
};

/* At most `most` panels; for layout_fini to free. The history must stay as it is until then. 0, or -1 with errno. */
int layout_init(struct layout *, const struct history *, const char *title, size_t most);
void layout_fini(struct layout *);

/* px: where a panel begins. */
int layout_top(const struct layout *, size_t i);

/* "#rrggbb" of the line and of the band. */
const char *panel_colour(size_t i);
const char *panel_band(size_t i);

/* A value that is a multiple of the step, in the unit: with as many decimals as the step has. */
void panel_number(const struct panel *, double value, char text[AXIS_TEXT]);

/* Whether the line must break between two points: there is nothing for so long that joining them would be a tale. */
bool panel_gap(const struct panel *, int64_t before, int64_t after);

#endif
