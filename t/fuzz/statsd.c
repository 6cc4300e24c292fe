/* Any datagram: each line is a sample or a fault, the end is reached, and what a sample says holds. */
#include <math.h>
#include <stdlib.h>

#include "stat/number.h"
#include "stat/series.h"
#include "stat/statsd.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(int holds)
{
	if (!holds)
		abort();
}

static void
check_line(void *arg, const struct series *s, const struct figures *f)
{
	(void)arg;
	check(statsd_name_ok(s->name));
	check(isfinite(f->count) && isfinite(f->avg) && f->min <= f->avg && f->avg <= f->max && f->min <= f->last && f->last <= f->max);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice rest = slice_make(data, n);
	struct series_table t;
	struct statsd_sample s;
	struct fault f;
	int r;

	series_init(&t, 8);
	while ((r = statsd_next(&rest, &s, &f)) != 0) {
		if (r == -1) {
			check(f.why != NULL && f.off <= n);
			continue;
		}
		check(statsd_name_ok(s.name) && fabs(s.value) <= NUMBER_MAX && s.weight >= 1 && s.weight <= 1e9 + 1);
		series_add(&t, &s);
	}
	series_tick(&t, 1);
	series_flush(&t, check_line, NULL);
	series_fini(&t);
	return 0;
}
