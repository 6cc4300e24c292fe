/*
 * statsd.h: the statsd format: a datagram of lines `name:value|type[|@rate][|#tags]`, as etsy/statsd began it, with
 * what DogStatsD added: tags, several values in a line (`name:1:2:3|ms`), and fields that are let pass. Its events and
 * service checks are skipped. This is the door: what comes out of it needs no more checks.
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

/* A name is printable ASCII without space, ':' and '|', and at most this long; that of a series, with its tags, at most so. */
enum { STATSD_NAME_MAX = 200, STATSD_SERIES_MAX = 1000 };

/* Slices point into the datagram. */
struct statsd_sample {
	struct slice name;
	struct slice tags;   /* "env:live,zone:b"; empty: none */
	struct slice member; /* of a set */
	struct slice more;   /* values that follow: see statsd_more */
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

/* Puts the next of several values of one line into the sample. False: there are no more. */
bool statsd_more(struct statsd_sample *);

bool statsd_name_ok(struct slice);

/* The same for a name that may have tags. */
bool statsd_series_ok(struct slice);

/*
 * The name of the series of a metric with tags, `name;a=1;b=2` as Graphite has it: sorted, so that their order in the
 * datagram does not matter; a tag without a value has an empty one; what a name may not have is an underscore. Returns
 * its length, or 0 when it is longer than STATSD_SERIES_MAX or has too many tags.
 */
size_t statsd_series(struct slice name, struct slice tags, char out[STATSD_SERIES_MAX]);

/* Cuts the name of a series: the metric, and `rest` its tags, each behind a semicolon. */
struct slice statsd_metric(struct slice series, struct slice *rest);

/* The next tag of `rest`. False: none is left. */
bool statsd_tag(struct slice *rest, struct slice *key, struct slice *value);

/*
 * Adds a line, and a newline before it unless `b` is empty. Gauges may be negative. The name must be ok and the value
 * within NUMBER_MAX. Not for sets.
 */
void statsd_put(struct buf *b, struct slice name, double value, enum statsd_type);

#endif
