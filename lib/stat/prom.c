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
	for (size_t i = 0; i < name.n && i < STATSD_NAME_MAX; i++)
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

/* A label's name has no points or dashes. */
static void
put_label(struct buf *b, struct slice key, struct slice value)
{
	if (!is_allowed(key.p[0], true))
		buf_putc(b, '_');
	for (size_t i = 0; i < key.n; i++)
		buf_putc(b, is_allowed(key.p[i], false) ? key.p[i] : '_');
	buf_putc(b, '=');
	buf_putquoted(b, value);
}

/* The tags of a series, of which those of one name stand together: the last counts. `quantile` NULL: it has none. */
static void
put_labels(struct buf *b, struct slice tags, const char *quantile)
{
	struct slice key, value, next_key, next_value, after;
	const char *mark = "{";

	while (statsd_tag(&tags, &key, &value)) {
		after = tags;
		if (statsd_tag(&after, &next_key, &next_value) && slice_eq(key, next_key))
			continue;
		buf_puts(b, mark);
		put_label(b, key, value);
		mark = ",";
	}
	if (quantile != NULL) {
		buf_puts(b, mark);
		put_label(b, SLICE("quantile"), slice_of(quantile));
		mark = ",";
	}
	if (mark[0] == ',')
		buf_putc(b, '}');
}

static void
put_number(struct buf *b, const char *name, const struct series *s, const char *quantile, double v)
{
	struct slice tags = { NULL, 0 };

	buf_puts(b, name);
	if (s != NULL)
		(void)statsd_metric(s->name, &tags);
	put_labels(b, tags, quantile);
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
	put_number(p->b, name, NULL, NULL, value);
}

/* --- families: the series of one metric, which differ in their tags --- */

struct group {
	const struct series *const *s;
	size_t n;
	struct slice name;
};

/* What a series has to show in a family. False: nothing yet. */
typedef bool shows(const struct series *, double *);

static bool
last(const struct series *s, double *v)
{
	*v = s->value;
	return true;
}

static bool
shown(const struct series *s, int i, double *v)
{
	*v = s->silent > 0 ? s->value : s->shown[i];
	return s->known;
}

static bool
least(const struct series *s, double *v)
{
	return shown(s, 0, v);
}

static bool
average(const struct series *s, double *v)
{
	return shown(s, 1, v);
}

static bool
largest(const struct series *s, double *v)
{
	return shown(s, 2, v);
}

static bool
total(const struct series *s, double *v)
{
	*v = s->total + s->pending + (s->buckets > 0 ? s->f.count : 0);
	return true;
}

static bool
members(const struct series *s, double *v)
{
	*v = s->silent > 0 ? 0 : s->shown[0];
	return s->known;
}

/* False: there is such a family already. */
static bool
put_family(struct prom *p, const struct group *g, const char *suffix, const char *type, const char *help, shows *value)
{
	struct family f = family(g->name, suffix);
	bool begun = false;
	double v;

	for (size_t i = 0; i < g->n; i++) {
		if (!value(g->s[i], &v))
			continue;
		if (!begun && !claim(p, f.name)) {
			p->hidden += g->n;
			return false;
		}
		if (!begun)
			put_head(p->b, f.name, type, help, g->name);
		begun = true;
		put_number(p->b, f.name, g->s[i], NULL, v);
	}
	return true;
}

static void
put_gauges(struct prom *p, const struct group *g)
{
	if (!put_family(p, g, "", "gauge", "Last value of the gauge ", last))
		return;
	put_family(p, g, "_min", "gauge", "Smallest value in the last interval of the gauge ", least);
	put_family(p, g, "_avg", "gauge", "Average value in the last interval of the gauge ", average);
	put_family(p, g, "_max", "gauge", "Largest value in the last interval of the gauge ", largest);
}

static void
put_summaries(struct prom *p, const struct group *g)
{
	static const char *const quantiles[] = { "0.5", "0.95", "0.99" };
	bool timer = g->s[0]->type == STATSD_TIMER;
	double scale = timer ? 0.001 : 1;
	struct family f = family(g->name, timer ? "_seconds" : ""), f_sum = with(&f, "_sum"), f_count = with(&f, "_count");

	if (!claim(p, f.name) || !claim(p, f_sum.name) || !claim(p, f_count.name)) {
		p->hidden += g->n;
		return;
	}
	put_head(p->b, f.name, "summary", timer ? "Timer " : "Histogram ", g->name);
	for (size_t k = 0; k < g->n; k++) {
		const struct series *s = g->s[k];

		for (size_t i = 0; i < 3 && s->known && s->silent == 0; i++)
			put_number(p->b, f.name, s, quantiles[i], s->shown[i] * scale);
		put_number(p->b, f_sum.name, s, NULL, (s->sum + (s->heard ? s->f.avg : 0)) * scale);
		put_number(p->b, f_count.name, s, NULL, s->total + (s->heard ? s->f.count : 0));
	}
}

static void
put_group(struct prom *p, const struct group *g)
{
	switch (g->s[0]->type) {
	case STATSD_GAUGE:
		put_gauges(p, g);
		break;
	case STATSD_COUNTER:
		put_family(p, g, "_total", "counter", "Counter ", total);
		break;
	case STATSD_TIMER:
	case STATSD_HISTOGRAM:
		put_summaries(p, g);
		break;
	case STATSD_SET:
		put_family(p, g, "", "gauge", "Different members in the last interval of the set ", members);
		break;
	}
}

static struct slice
metric(const struct series *s)
{
	struct slice tags;

	return statsd_metric(s->name, &tags);
}

/* By metric and type; those without tags, of which there is one each, would do as they are. */
static int
compare(const void *a, const void *b)
{
	const struct series *x = *(const struct series *const *)a, *y = *(const struct series *const *)b;
	struct slice m = metric(x), n = metric(y);
	int r = memcmp(m.p, n.p, m.n < n.n ? m.n : n.n);

	if (r != 0 || m.n != n.n)
		return r != 0 ? r : m.n < n.n ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	r = memcmp(x->name.p, y->name.p, x->name.n < y->name.n ? x->name.n : y->name.n);
	return r != 0 ? r : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

int
prom_table(struct prom *p, const struct series_table *t)
{
	const struct series **all = calloc(t->n + 1, sizeof(*all)), *s;
	size_t n = 0;

	if (all == NULL)
		return -1;
	TAILQ_FOREACH(s, &t->all, entry)
		all[n++] = s;
	qsort(all, n, sizeof(*all), compare);
	for (size_t at = 0, end; at < n; at = end) {
		struct group g = { .s = &all[at], .name = metric(all[at]) };

		for (end = at + 1; end < n && all[end]->type == all[at]->type && slice_eq(metric(all[end]), g.name); end++)
			continue;
		g.n = end - at;
		put_group(p, &g);
	}
	free(all);
	return 0;
}
