/*
 * record.h: a line of a recording: `epoch<TAB>name<TAB>count<TAB>min<TAB>avg<TAB>max<TAB>last`, without its newline.
 * The epoch is in seconds since 1970, with decimals when the interval is no whole number of seconds.
 */
#ifndef STAT_RECORD_H
#define STAT_RECORD_H

#include "base/buf.h"
#include "base/fault.h"
#include "stat/series.h"

struct record {
	int64_t at;        /* ms since 1970 */
	struct slice name; /* points into the line */
	struct figures f;
};

/* 0; -1: no such line (a half written one too), f->why and f->off say what is wrong. */
int record_parse(struct slice line, struct record *, struct fault *f);

/* Adds the line and a newline. */
void record_put(struct buf *, const struct record *);

#endif
