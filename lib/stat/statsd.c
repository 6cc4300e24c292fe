/*
 * A line is cut at its colon and its bars, and each piece is read by its own function, which names the fault. Nothing
 * is copied.
 */
#include "stat/statsd.h"

#include <string.h>

#include "stat/number.h"

static int
bad(struct fault *f, struct slice line, const char *at, const char *why)
{
	*f = (struct fault){ .off = at != NULL ? (size_t)(at - line.p) : 0, .why = why };
	return -1;
}

static inline bool
is_name_char(char c)
{
	return c > ' ' && c <= '~' && c != ':' && c != '|';
}

static bool
is_name(struct slice name, size_t most)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return name.n > 0 && name.n <= most;
}

bool
statsd_name_ok(struct slice name)
{
	return is_name(name, STATSD_NAME_MAX);
}

bool
statsd_series_ok(struct slice name)
{
	return is_name(name, STATSD_SERIES_MAX);
}

static int
read_type(struct slice s, enum statsd_type *type)
{
	static const struct {
		const char *name;
		enum statsd_type type;
	} types[] = {
		{ "g", STATSD_GAUGE }, { "c", STATSD_COUNTER }, { "ms", STATSD_TIMER },
		{ "h", STATSD_HISTOGRAM }, { "d", STATSD_HISTOGRAM }, { "s", STATSD_SET },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (slice_eq(s, slice_of(types[i].name))) {
			*type = types[i].type;
			return 0;
		}
	return -1;
}

static bool
is_printable(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

/* `@rate` and `#tags`; DogStatsD's container id, time stamp and external data are let pass. */
static const char *
read_field(struct slice s, struct statsd_sample *sample)
{
	double rate;
	struct slice inner;

	if (s.n == 0)
		return "empty field";
	inner = slice_make(s.p + 1, s.n - 1);
	switch (s.p[0]) {
	case '@':
		if (number_parse(inner, &rate) != 0 || !(rate > 0 && rate <= 1))
			return "bad sample rate";
		/* a rate this small would make one line outweigh all others */
		if (rate < 1e-9)
			return "sample rate too small";
		if (sample->type != STATSD_GAUGE && sample->type != STATSD_SET)
			sample->weight = 1 / rate;
		return NULL;
	case '#':
		if (!is_printable(inner))
			return "control character in a tag";
		sample->tags = inner;
		return NULL;
	case 'c':
	case 'e':
	case 'T':
		return is_printable(inner) ? NULL : "control character in a field";
	default:
		return "unknown field";
	}
}

static const char *
read_value(struct slice s, struct statsd_sample *sample)
{
	if (s.n == 0)
		return "no value";
	if (sample->type == STATSD_SET) {
		if (!is_printable(s))
			return "control character in a value";
		sample->member = s;
		return NULL;
	}
	sample->more = s;
	while (statsd_more(sample))
		continue;
	if (sample->more.n > 0)
		return "bad value";
	sample->more = s;
	(void)statsd_more(sample);
	return NULL;
}

bool
statsd_more(struct statsd_sample *sample)
{
	struct slice rest = sample->more, s;

	if (rest.n == 0 || rest.p[rest.n - 1] == ':')
		return false;
	slice_cut(rest, ':', &s, &rest);
	if (number_parse(s, &sample->value) != 0)
		return false;
	sample->delta = sample->type == STATSD_GAUGE && (s.p[0] == '+' || s.p[0] == '-');
	sample->more = rest;
	return true;
}

/* `name:digits|g`, |c or |ms, as most lines are: in one go, three times as fast. False: it is not one of these. */
static bool
read_plain(struct slice line, struct statsd_sample *out)
{
	const char *p = line.p, *end = line.p + line.n, *digits;
	struct statsd_sample s = { .weight = 1 };
	uint64_t v = 0;

	while (p < end && is_name_char(*p))
		p++;
	if (p == line.p || p - line.p > STATSD_NAME_MAX || end - p < 4 || *p != ':')
		return false;
	s.name = slice_make(line.p, (size_t)(p - line.p));
	for (digits = ++p; p < end && *p >= '0' && *p <= '9' && p - digits < 15; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (p == digits || end - p < 2 || *p++ != '|')
		return false;
	if (end - p == 1 && (*p == 'g' || *p == 'c'))
		s.type = *p == 'g' ? STATSD_GAUGE : STATSD_COUNTER;
	else if (end - p == 2 && p[0] == 'm' && p[1] == 's')
		s.type = STATSD_TIMER;
	else
		return false;
	s.value = (double)v;
	*out = s;
	return true;
}

static int
read_line(struct slice line, struct statsd_sample *out, struct fault *f)
{
	struct statsd_sample s = { .weight = 1 };
	struct slice rest, value, type, field;
	const char *why;

	if (read_plain(line, out))
		return 1;
	if (!slice_cut(line, ':', &s.name, &rest))
		return bad(f, line, NULL, "no colon");
	if (s.name.n > STATSD_NAME_MAX)
		return bad(f, line, s.name.p, "name too long");
	if (!statsd_name_ok(s.name))
		return bad(f, line, s.name.p, "bad name");
	if (!slice_cut(rest, '|', &value, &rest))
		return bad(f, line, value.p, "no type");
	slice_cut(rest, '|', &type, &rest);
	if (read_type(type, &s.type) != 0)
		return bad(f, line, type.p, "unknown type");
	if ((why = read_value(value, &s)) != NULL)
		return bad(f, line, value.p, why);
	for (const char *end = type.p + type.n; end < line.p + line.n; end = field.p + field.n) {
		slice_cut(rest, '|', &field, &rest);
		if ((why = read_field(field, &s)) != NULL)
			return bad(f, line, field.p, why);
	}
	*out = s;
	return 1;
}

static struct slice
next_line(struct slice *rest)
{
	struct slice line;

	slice_cut(*rest, '\n', &line, rest);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* A gauge set to 0 and at once lowered: the only way that the format has to write a negative one. */
static void
join_negative(struct slice *rest, struct statsd_sample *s)
{
	struct slice after = *rest, line;
	struct statsd_sample next;
	struct fault f;

	if (s->type != STATSD_GAUGE || s->delta || s->value != 0 || s->more.n > 0 || after.n == 0)
		return;
	line = next_line(&after);
	if (read_line(line, &next, &f) != 1 || next.type != STATSD_GAUGE || !next.delta || next.value > 0 || next.more.n > 0)
		return;
	if (!slice_eq(s->name, next.name) || !slice_eq(s->tags, next.tags))
		return;
	s->value = next.value;
	*rest = after;
}

/* DogStatsD's events and service checks. */
static bool
is_no_metric(struct slice line)
{
	return line.p[0] == '_' && ((line.n > 3 && memcmp(line.p, "_e{", 3) == 0) || (line.n > 4 && memcmp(line.p, "_sc|", 4) == 0));
}

int
statsd_next(struct slice *rest, struct statsd_sample *sample, struct fault *f)
{
	struct slice line;
	int r;

	do {
		if (rest->n == 0)
			return 0;
		line = next_line(rest);
	} while (line.n == 0 || is_no_metric(line));
	r = read_line(line, sample, f);
	if (r == 1)
		join_negative(rest, sample);
	return r;
}

static void
put_line(struct buf *b, struct slice name, double value, const char *type)
{
	char number[NUMBER_STRLEN];

	if (b->n > 0)
		buf_putc(b, '\n');
	buf_putslice(b, name);
	buf_putc(b, ':');
	buf_put(b, number, number_format(value, number, sizeof(number)));
	buf_putc(b, '|');
	buf_puts(b, type);
}

void
statsd_put(struct buf *b, struct slice name, double value, enum statsd_type type)
{
	static const char *const types[] = { "g", "c", "ms", "s", "h" };

	if (type == STATSD_GAUGE && value < 0)
		put_line(b, name, 0, types[type]);
	put_line(b, name, value, types[type]);
}
