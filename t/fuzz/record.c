/* Any recording: each line is a record or a fault, and a picture of what was read is drawn. */
#include <math.h>
#include <stdlib.h>

#include "stat/plot.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(int holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice rest = slice_make(data, n), line;
	struct history h;
	struct record r;
	struct fault f;
	struct buf b;

	history_init(&h, 8);
	buf_init(&b, 0);
	while (rest.n > 0) {
		slice_cut(rest, '\n', &line, &rest);
		if (record_parse(line, &r, &f) != 0) {
			check(f.why != NULL && f.off <= line.n);
			continue;
		}
		check(statsd_name_ok(r.name) && isfinite(r.f.avg) && r.f.min <= r.f.max && r.at >= 0);
		history_add(&h, &r);
	}
	check(plot_svg(&h, "fuzz", &b) == 0 && b.n > 0);
	buf_fini(&b);
	history_fini(&h);
	return 0;
}
