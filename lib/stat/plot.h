/*
 * plot.h: a history as a picture: a panel for each metric with the band from min to max and the mean as a line, all
 * on one axis of local time. SVG is our own writing; PNG is gnuplot's.
 */
#ifndef STAT_PLOT_H
#define STAT_PLOT_H

#include "base/buf.h"
#include "stat/history.h"

/* A picture has at most this many panels: the first metrics of the history. */
enum { PLOT_PANELS = 24 };

/* Adds an SVG document. `title` (any text; NULL: none) stands over it. 0, or -1 with errno ENOMEM. */
int plot_svg(const struct history *, const char *title, struct buf *);

/*
 * Writes a PNG file. 0; -1 with errno: ENOENT: gnuplot is not installed; EIO: it failed, after its own message on
 * stderr; ENOMEM.
 */
int plot_png(const struct history *, const char *title, const char *path);

#endif
