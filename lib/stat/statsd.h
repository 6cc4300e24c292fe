/*
 * statsd.h: the statsd format: a datagram of lines `name:value|type[|@rate][|#tags]`, as etsy/statsd began it, with
 * DogStatsD's tags. This is the door: what comes out of it needs no more checks.
 *
 * Types: g gauge, c counter, ms timer (milliseconds), h and d histogram (as a timer, with no unit), s set. The `+`
 * or `-` before a gauge's value makes it a change; a negative value is written as `name:0|g` directly followed by
 * `name:-5|g`, and is then read as one sample.
 */
#ifndef STAT_STATSD_H
#define STAT_STATSD_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/slice.h"

enum statsd_type { STATSD_GAUGE, STATSD_COUNTER, STATSD_TIMER, STATSD_SET, STATSD_HISTOGRAM };

/* A name is printable ASCII without space, ':' and '|', and at most this long. */
enum { STATSD_NAME_MAX = 200 };

/* Slices point into the datagram. */
struct statsd_sample {
	struct slice name;
	struct slice tags;   /* "env:live,zone:b"; empty: none */
	struct slice member; /* of a set */
	double value;        /* within NUMBER_MAX; 0 for a set */
	double weight;       /* how many events it stands for: 1 / rate; 1 for gauges and sets */
	enum statsd_type type;
	bool delta;          /* of a gauge: value is to be added */
};

/*
 * Reads the next line of the datagram and moves *rest behind it. 1: a sample. 0: the end. -1: a bad line, f->why says
 * what is wrong, f->off is where in the line; the next call goes on behind it. Empty lines are skipped.
 */
int statsd_next(struct slice *rest, struct statsd_sample *, struct fault *f);

bool statsd_name_ok(struct slice);

/*
 * Adds a line, and a newline before it unless `b` is empty. Gauges may be negative. The name must be ok and the value
 * within NUMBER_MAX. Not for sets.
 */
void statsd_put(struct buf *b, struct slice name, double value, enum statsd_type);

#endif
