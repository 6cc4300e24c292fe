/*
 * axis.h: what people read in a picture: units, round numbers, times of the day. The pictures in files and on the
 * terminal share it.
 */
#ifndef STAT_AXIS_H
#define STAT_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Room for any text from here. */
enum { AXIS_TEXT = 48, AXIS_TICKS = 24 };

struct unit {
	double scale;     /* divide by it */
	const char *name; /* "MiB", "k", "ms", "%"; "" */
};

/*
 * Told from the end of the name: .gc .heap .rss .pss .mem .bytes are bytes, .late .ms milliseconds, .cpu percent.
 * `largest` of the values to be shown decides between KiB, MiB, ...
 */
struct unit axis_unit(struct slice name, double largest);

/* Three digits or so: 0, 8.73, 23.0, 1411. Whole numbers stay whole. */
void axis_number(double, char text[AXIS_TEXT]);

/* The same in a unit, which is added: "45.9 MiB". */
void axis_value(double, struct unit, char text[AXIS_TEXT]);

/* 1, 2 or 5 times a power of ten, so that at most `most` of them fit into the range. */
double axis_step(double range, int most);

/* A mark on an axis of time. */
struct tick {
	int64_t at; /* ms since 1970 */
	char label[AXIS_TEXT];
	bool day;   /* the label is a date */
};

/* Round local times from `from` to `to`, at most `most` (<= AXIS_TICKS). Returns how many. */
size_t axis_ticks(int64_t from, int64_t to, size_t most, struct tick *);

/* A moment in a picture of that length: "08:15:02", "01:33", "Sat 01:33", "24 Nov". */
void axis_moment(int64_t at, int64_t span, char text[AXIS_TEXT]);

/* "Mon 23 Nov 2026, 08:15 to 18:15 UTC"; both dates when they differ. */
void axis_period(int64_t from, int64_t to, char text[2 * AXIS_TEXT]);

/* A length of time: "10 hours", "90 seconds"; `one`: without the number when it is one ("minute"). */
void axis_length(int64_t ms, bool one, char text[AXIS_TEXT]);

#endif
