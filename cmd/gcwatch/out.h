/* out.h: where lines go: to stdout or stderr, into recordings, into pictures. */
#ifndef OUT_H
#define OUT_H

#include <stdio.h>

#include "gcwatch.h"
#include "stat/record.h"

struct out;

/* Whether -o can have this name. */
bool out_takes(const char *path);

/* Whether percentiles will be printed. */
bool out_wants_percentiles(const struct settings *);

/*
 * Opens all that -o names; without -o lines are printed to `log` (NULL: nowhere). `title` is borrowed. Files are
 * created at once: a folder that is not there is better known now than after a weekend. NULL after a message.
 */
struct out *out_open(const struct settings *, FILE *log, const char *title);

/* To all of them. `s`: the series that it is of, for its percentiles; NULL: there are none. */
void out_line(struct out *, const struct record *, const struct series *s);

/* Writes what is gathered. 0; 1: the reader of our stdout has gone; -1: an error, after a message. */
int out_flush(struct out *);

/* Draws, closes and frees. 0, or -1 after a message. */
int out_close(struct out *);

#endif
