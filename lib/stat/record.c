#include "stat/record.h"

#include <math.h>

#include "stat/number.h"

/* Later than the year 9999 no calendar of the C library goes without trouble. */
#define EPOCH_MAX 253402300799.0

static int
bad(struct fault *f, size_t off, const char *why)
{
	*f = (struct fault){ .off = off, .why = why };
	return -1;
}

/* What was rounded when it was written may be off by as much. */
static bool
is_between(double v, const struct figures *f)
{
	return v >= f->min - 1e-5 * fabs(f->min) - 1e-3 && v <= f->max + 1e-5 * fabs(f->max) + 1e-3;
}

static const char *
check(const struct figures *f)
{
	if (f->min > f->max)
		return "min is above max";
	if (!is_between(f->avg, f))
		return "avg is not between min and max";
	if (!is_between(f->last, f))
		return "last is not between min and max";
	return NULL;
}

int
record_parse(struct slice line, struct record *out, struct fault *f)
{
	struct record r;
	struct slice field, rest = line;
	double epoch, *const figures[] = { &r.f.count, &r.f.min, &r.f.avg, &r.f.max, &r.f.last };
	const char *why;

	slice_cut(rest, '\t', &field, &rest);
	if (number_parse(field, &epoch) != 0 || epoch < 0 || epoch > EPOCH_MAX)
		return bad(f, 0, "bad epoch");
	r.at = (int64_t)llround(epoch * 1000);
	slice_cut(rest, '\t', &r.name, &rest);
	if (!statsd_series_ok(r.name))
		return bad(f, (size_t)(r.name.p - line.p), "bad name");
	for (size_t i = 0; i < 5; i++) {
		slice_cut(rest, '\t', &field, &rest);
		if (number_parse(field, figures[i]) != 0)
			return bad(f, (size_t)(field.p - line.p), "bad number");
	}
	if (field.p + field.n != line.p + line.n)
		return bad(f, (size_t)(field.p + field.n - line.p), "more than seven fields");
	if ((why = check(&r.f)) != NULL)
		return bad(f, 0, why);
	*out = r;
	return 0;
}

static void
put_number(struct buf *b, double v)
{
	char text[NUMBER_STRLEN];

	buf_put(b, text, number_format(v, text, sizeof(text)));
}

void
record_put(struct buf *b, const struct record *r)
{
	const double figures[] = { r->f.count, r->f.min, r->f.avg, r->f.max, r->f.last };

	buf_putu(b, (uint64_t)(r->at / 1000));
	if (r->at % 1000 != 0)
		buf_printf(b, ".%03d", (int)(r->at % 1000));
	buf_putc(b, '\t');
	buf_putslice(b, r->name);
	for (size_t i = 0; i < 5; i++) {
		buf_putc(b, '\t');
		put_number(b, figures[i]);
	}
	buf_putc(b, '\n');
}
