#include "stat/prom.h"

#include <stdio.h>
#include <stdlib.h>

#include "stat/number.h"

enum { SUFFIX = 16 };

struct family {
	char name[STATSD_NAME_MAX + 2 * SUFFIX];
};

int
prom_init(struct prom *p, struct buf *b, size_t metrics)
{
	*p = (struct prom){ .b = b, .size = 64 };
	while (p->size < metrics * 8)
		p->size *= 2;
	arc4random_buf(p->key, sizeof(p->key));
	return (p->seen = calloc(p->size, sizeof(*p->seen))) != NULL ? 0 : -1;
}

void
prom_fini(struct prom *p)
{
	free(p->seen);
	p->seen = NULL;
}

/* --- names --- */

/* False: the name was there before. */
static bool
claim(struct prom *p, const char *name)
{
	uint64_t h = siphash(p->key, name, strlen(name));
	size_t i;

	h += h == 0;
	for (i = h & (p->size - 1); p->seen[i] != 0 && p->seen[i] != h; i = (i + 1) & (p->size - 1))
		continue;
	if (p->seen[i] == h)
		return false;
	p->seen[i] = h;
	return true;
}

static bool
is_allowed(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* Letters, digits and _ stay. The suffix is not added to what ends in it already. */
static struct family
family(struct slice name, const char *suffix)
{
	struct family f;
	size_t n = 0, end = strlen(suffix);

	if (!is_allowed(name.p[0], true) && is_allowed(name.p[0], false))
		f.name[n++] = '_';
	for (size_t i = 0; i < name.n; i++)
		f.name[n++] = is_allowed(name.p[i], false) ? name.p[i] : '_';
	f.name[n] = '\0';
	if (n < end || memcmp(f.name + n - end, suffix, end) != 0)
		(void)snprintf(f.name + n, sizeof(f.name) - n, "%s", suffix);
	return f;
}

static struct family
with(const struct family *f, const char *suffix)
{
	struct family longer = *f;

	(void)strlcat(longer.name, suffix, sizeof(longer.name));
	return longer;
}

/* --- lines --- */

static void
put_value(struct buf *b, double v)
{
	char text[NUMBER_STRLEN];

	buf_putc(b, ' ');
	buf_put(b, text, number_format(v, text, sizeof(text)));
	buf_putc(b, '\n');
}

static void
put_number(struct buf *b, const char *name, const char *more, double v)
{
	buf_puts(b, name);
	buf_puts(b, more);
	put_value(b, v);
}

/* `help`, then the metric's own name, in which a backslash must be doubled. */
static void
put_head(struct buf *b, const char *name, const char *type, const char *help, struct slice own)
{
	buf_puts(b, "# HELP ");
	buf_puts(b, name);
	buf_putc(b, ' ');
	buf_puts(b, help);
	for (size_t i = 0; i < own.n; i++) {
		if (own.p[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, own.p[i]);
	}
	buf_puts(b, "\n# TYPE ");
	buf_puts(b, name);
	buf_putc(b, ' ');
	buf_puts(b, type);
	buf_putc(b, '\n');
}

void
prom_number(struct prom *p, const char *name, const char *type, const char *help, double value)
{
	(void)claim(p, name);
	put_head(p->b, name, type, help, SLICE(""));
	put_number(p->b, name, "", value);
}

static void
put_one(struct prom *p, struct slice own, const char *suffix, const char *type, const char *help, double value)
{
	struct family f = family(own, suffix);

	if (!claim(p, f.name)) {
		p->hidden++;
		return;
	}
	put_head(p->b, f.name, type, help, own);
	put_number(p->b, f.name, "", value);
}

static void
put_gauge(struct prom *p, const struct series *s)
{
	size_t before = p->hidden;
	double silent[3] = { s->value, s->value, s->value };
	const double *shown = s->silent > 0 ? silent : s->shown;

	put_one(p, s->name, "", "gauge", "Last value of the gauge ", s->value);
	if (!s->known || p->hidden != before)
		return;
	put_one(p, s->name, "_min", "gauge", "Smallest value in the last interval of the gauge ", shown[0]);
	put_one(p, s->name, "_avg", "gauge", "Average value in the last interval of the gauge ", shown[1]);
	put_one(p, s->name, "_max", "gauge", "Largest value in the last interval of the gauge ", shown[2]);
}

static void
put_summary(struct prom *p, const struct series *s)
{
	static const char *const quantiles[] = { "{quantile=\"0.5\"}", "{quantile=\"0.95\"}", "{quantile=\"0.99\"}" };
	bool timer = s->type == STATSD_TIMER;
	double scale = timer ? 0.001 : 1;
	struct family f = family(s->name, timer ? "_seconds" : ""), f_sum = with(&f, "_sum"), f_count = with(&f, "_count");
	double total = s->total + (s->heard ? s->f.count : 0), sum = s->sum + (s->heard ? s->f.avg : 0);

	if (!claim(p, f.name) || !claim(p, f_sum.name) || !claim(p, f_count.name)) {
		p->hidden++;
		return;
	}
	put_head(p->b, f.name, "summary", timer ? "Timer " : "Histogram ", s->name);
	for (size_t i = 0; i < 3 && s->known && s->silent == 0; i++)
		put_number(p->b, f.name, quantiles[i], s->shown[i] * scale);
	put_number(p->b, f_sum.name, "", sum * scale);
	put_number(p->b, f_count.name, "", total);
}

void
prom_table(struct prom *p, const struct series_table *t)
{
	const struct series *s;

	TAILQ_FOREACH(s, &t->all, entry)
		switch (s->type) {
		case STATSD_GAUGE:
			put_gauge(p, s);
			break;
		case STATSD_COUNTER:
			put_one(p, s->name, "_total", "counter", "Counter ",
			    s->total + s->pending + (s->buckets > 0 ? s->f.count : 0));
			break;
		case STATSD_TIMER:
		case STATSD_HISTOGRAM:
			put_summary(p, s);
			break;
		case STATSD_SET:
			if (s->known)
				put_one(p, s->name, "", "gauge", "Different members in the last interval of the set ",
				    s->silent > 0 ? 0 : s->shown[0]);
			break;
		}
}
