/* tags.c: the part of statsd.h that makes names of series, and takes them apart. */
#include <string.h>

#include "stat/statsd.h"

enum { TAGS_MAX = 32 };

/* A tag as it came: `key:value`, or a key alone. */
struct tag {
	struct slice key, value;
};

static int
compare(struct slice a, struct slice b)
{
	int r = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return r != 0 ? r : (a.n > b.n) - (a.n < b.n);
}

static bool
goes_before(const struct tag *a, const struct tag *b)
{
	int r = compare(a->key, b->key);

	return r < 0 || (r == 0 && compare(a->value, b->value) < 0);
}

/* In their order; -1: too many. */
static int
sort(struct slice tags, struct tag *sorted)
{
	int n = 0;

	while (tags.n > 0) {
		struct slice one;
		struct tag t;
		int at;

		slice_cut(tags, ',', &one, &tags);
		slice_cut(one, ':', &t.key, &t.value);
		if (t.key.n == 0)
			continue;
		if (n == TAGS_MAX)
			return -1;
		for (at = n++; at > 0 && goes_before(&t, &sorted[at - 1]); at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = t;
	}
	return n;
}

static bool
put(char *out, size_t *n, struct slice s)
{
	if (s.n > STATSD_SERIES_MAX - *n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		out[(*n)++] = c > ' ' && c <= '~' && strchr(":|;=", c) == NULL ? c : '_';
	}
	return true;
}

static bool
put_mark(char *out, size_t *n, char c)
{
	if (*n == STATSD_SERIES_MAX)
		return false;
	out[(*n)++] = c;
	return true;
}

size_t
statsd_series(struct slice name, struct slice tags, char out[STATSD_SERIES_MAX])
{
	struct tag sorted[TAGS_MAX];
	int ntags = sort(tags, sorted);
	size_t n = 0;

	if (ntags == -1 || !put(out, &n, name))
		return 0;
	for (int i = 0; i < ntags; i++)
		if (!put_mark(out, &n, ';') || !put(out, &n, sorted[i].key) || !put_mark(out, &n, '=') || !put(out, &n, sorted[i].value))
			return 0;
	return n;
}

struct slice
statsd_metric(struct slice series, struct slice *rest)
{
	struct slice name;

	slice_cut(series, ';', &name, rest);
	if (name.n > 0 && (rest->n == 0 || memchr(rest->p, '=', rest->n) != NULL))
		return name;
	*rest = slice_make(NULL, 0);
	return series;
}

bool
statsd_tag(struct slice *rest, struct slice *key, struct slice *value)
{
	struct slice one;

	do {
		if (rest->n == 0)
			return false;
		slice_cut(*rest, ';', &one, rest);
		slice_cut(one, '=', key, value);
	} while (key->n == 0);
	return true;
}
