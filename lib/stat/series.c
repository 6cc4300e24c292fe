#include "stat/series.h"

#include <errno.h>
#include <stdlib.h>

void
series_init(struct series_table *t, size_t most)
{
	*t = (struct series_table){ .most = most, .idle = SERIES_IDLE };
	TAILQ_INIT(&t->all);
	hash_init(&t->names);
}

static void
drop(struct series_table *t, struct series *s)
{
	hash_remove(&t->names, &s->node);
	TAILQ_REMOVE(&t->all, s, entry);
	t->n--;
	t->members -= s->nmembers;
	t->counters -= s->counting;
	sketch_free(s->sketch);
	free(s->members);
	free(s);
}

void
series_fini(struct series_table *t)
{
	struct series *s;

	while ((s = TAILQ_FIRST(&t->all)) != NULL)
		drop(t, s);
	hash_fini(&t->names);
}

static struct series *
of_node(struct hash_node *node)
{
	return (struct series *)((char *)node - offsetof(struct series, node));
}

static struct series *
find(const struct series_table *t, struct slice name, uint64_t h)
{
	struct hash_node *node = hash_find(&t->names, h);

	while (node != NULL && !slice_eq(of_node(node)->name, name))
		node = hash_next(node);
	return node != NULL ? of_node(node) : NULL;
}

static struct series *
add_name(struct series_table *t, struct slice name, uint64_t h, enum statsd_type type)
{
	struct series *s;

	if (t->n == t->most) {
		t->refused++;
		errno = ENOSPC;
		return NULL;
	}
	if ((s = calloc(1, sizeof(*s) + name.n)) == NULL)
		return NULL;
	memcpy(s->text, name.p, name.n);
	s->name = slice_make(s->text, name.n);
	s->type = (uint8_t)type;
	hash_add(&t->names, &s->node, h);
	TAILQ_INSERT_TAIL(&t->all, s, entry);
	t->n++;
	return s;
}

/* `avg` holds the sum until the flush. */
static void
put(struct figures *f, bool first, double value, double weight)
{
	if (first)
		*f = (struct figures){ .min = value, .max = value };
	f->avg += value * weight;
	f->last = value;
	if (value < f->min)
		f->min = value;
	if (value > f->max)
		f->max = value;
}

static void
put_sample(struct series *s, double value, double weight)
{
	put(&s->f, !s->heard, value, weight);
	s->f.count += weight;
	s->heard = true;
}

/* --- sets --- */

static uint64_t *
member_slot(uint64_t *members, size_t size, uint64_t h)
{
	size_t i = h & (size - 1);

	while (members[i] != 0 && members[i] != h)
		i = (i + 1) & (size - 1);
	return &members[i];
}

static int
grow_members(struct series *s)
{
	size_t size = s->members_size > 0 ? s->members_size * 2 : 16;
	uint64_t *members = calloc(size, sizeof(*members));

	if (members == NULL)
		return -1;
	for (size_t i = 0; i < s->members_size; i++)
		if (s->members[i] != 0)
			*member_slot(members, size, s->members[i]) = s->members[i];
	free(s->members);
	s->members = members;
	s->members_size = size;
	return 0;
}

static int
add_member(struct series_table *t, struct series *s, struct slice member)
{
	uint64_t h = siphash(t->names.key, member.p, member.n), *slot;

	h += h == 0;
	if (s->nmembers * 2 >= s->members_size && grow_members(s) != 0)
		return -1;
	slot = member_slot(s->members, s->members_size, h);
	if (*slot == h)
		return 0;
	if (t->members == SERIES_MEMBERS_MAX) {
		t->refused++;
		errno = ENOSPC;
		return -1;
	}
	*slot = h;
	s->nmembers++;
	t->members++;
	return 0;
}

static void
forget_members(struct series_table *t, struct series *s)
{
	t->members -= s->nmembers;
	free(s->members);
	s->members = NULL;
	s->nmembers = s->members_size = 0;
}

/* --- samples --- */

/* Without memory there are no percentiles. */
static void
add_to_sketch(struct series_table *t, struct series *s, const struct statsd_sample *sample)
{
	if (s->sketch == NULL)
		s->sketch = sketch_new(&t->pool);
	if (s->sketch != NULL)
		sketch_add(s->sketch, sample->value, sample->weight);
}

static void
add_events(struct series_table *t, struct series *s, double n)
{
	s->pending += n;
	s->heard = true;
	t->counters += !s->counting;
	s->counting = true;
}

static int
add_sample(struct series_table *t, struct series *s, const struct statsd_sample *sample)
{
	switch (sample->type) {
	case STATSD_GAUGE:
		s->value = sample->delta ? s->value + sample->value : sample->value;
		put_sample(s, s->value, 1);
		break;
	case STATSD_TIMER:
	case STATSD_HISTOGRAM:
		put_sample(s, sample->value, sample->weight);
		if (t->percentiles)
			add_to_sketch(t, s, sample);
		break;
	case STATSD_COUNTER:
		add_events(t, s, sample->value * sample->weight);
		break;
	case STATSD_SET:
		if (add_member(t, s, sample->member) != 0)
			return -1;
		put_sample(s, (double)s->nmembers, 1);
		break;
	}
	return 0;
}

static int
add_hashed(struct series_table *t, const struct statsd_sample *sample, uint64_t h)
{
	struct series *s = find(t, sample->name, h);

	if (s == NULL && (s = add_name(t, sample->name, h, sample->type)) == NULL)
		return -1;
	if (s->type != sample->type) {
		errno = EINVAL;
		return -1;
	}
	return add_sample(t, s, sample);
}

int
series_add(struct series_table *t, const struct statsd_sample *sample)
{
	return add_hashed(t, sample, siphash(t->names.key, sample->name.p, sample->name.n));
}

void
series_add_many(struct series_table *t, const struct statsd_sample *samples, size_t n,
    void (*failed)(void *arg, const struct statsd_sample *), void *arg)
{
	uint64_t h[SERIES_MANY];

	for (size_t i = 0; i < n; i++) {
		h[i] = siphash(t->names.key, samples[i].name.p, samples[i].name.n);
		hash_prefetch_slot(&t->names, h[i]);
	}
	for (size_t i = 0; i < n; i++)
		hash_prefetch_node(&t->names, h[i], sizeof(struct series));
	for (size_t i = 0; i < n; i++)
		if (add_hashed(t, &samples[i], h[i]) != 0)
			failed(arg, &samples[i]);
}

int
series_gauge(struct series_table *t, struct slice name, double value)
{
	return series_add(t, &(struct statsd_sample){ .name = name, .value = value, .weight = 1, .type = STATSD_GAUGE });
}

void
series_raise(struct series_table *t, struct slice name, double max)
{
	struct series *s = find(t, name, siphash(t->names.key, name.p, name.n));

	if (s != NULL && s->heard && s->type == STATSD_GAUGE && max > s->f.max)
		s->f.max = max;
}

/*
 * A bucket without events is a rate of 0, but does not make the counter heard. One that was silent for long had as
 * many of them as there were in this interval; a new one begins with its first event.
 */
static void
end_bucket(struct series *s, double seconds, unsigned elapsed)
{
	double rate = s->pending / seconds;

	if (s->known && s->buckets == 0 && elapsed > 0) {
		put(&s->f, true, 0, 0);
		s->buckets = elapsed;
	}
	put(&s->f, s->buckets == 0, rate, 1);
	s->f.count += s->pending;
	s->buckets++;
	s->pending = 0;
}

void
series_tick(struct series_table *t, double seconds)
{
	struct series *s;

	if (t->counters > 0)
		TAILQ_FOREACH(s, &t->all, entry)
			if (s->counting)
				end_bucket(s, seconds, t->elapsed);
	t->elapsed++;
}

void
series_skip(struct series_table *t, unsigned n)
{
	t->elapsed += n;
}

/* --- the end of an interval --- */

static struct figures
finish(const struct series *s)
{
	struct figures f = s->f;

	if (!s->heard && s->type == STATSD_GAUGE)
		return (struct figures){ 0, s->value, s->value, s->value, s->value };
	if (s->type == STATSD_SET) {
		f.min = f.avg = f.max = f.last = (double)s->nmembers;
		return f;
	}
	f.avg /= s->type == STATSD_COUNTER ? s->buckets : f.count;
	/* rounding must not put the mean outside of what it is the mean of */
	f.avg = f.avg < f.min ? f.min : f.avg > f.max ? f.max : f.avg;
	return f;
}

static bool
has_line(const struct series_table *t, const struct series *s)
{
	return s->heard || (s->counting && s->buckets > 0) || (t->repeat && s->type == STATSD_GAUGE);
}

/* What may be asked for until the next interval ends. */
static void
keep_shown(struct series *s, const struct figures *f)
{
	static const double percentiles[] = { 50, 95, 99 };

	if (s->type == STATSD_GAUGE || s->type == STATSD_SET) {
		s->shown[0] = f->min;
		s->shown[1] = f->avg;
		s->shown[2] = f->max;
	} else if (s->sketch != NULL) {
		for (size_t i = 0; i < 3; i++)
			(void)series_percentile(s, f, percentiles[i], &s->shown[i]);
	}
}

/* Makes it ready for the next interval. */
static void
begin(struct series_table *t, struct series *s)
{
	if (s->heard) {
		s->total += s->f.count;
		if (s->type == STATSD_TIMER || s->type == STATSD_HISTOGRAM)
			s->sum += s->f.avg;
	}
	s->silent = s->heard ? 0 : s->silent + 1;
	s->known = true;
	s->heard = false;
	s->buckets = 0;
	if (s->counting && s->silent >= SERIES_ZEROS) {
		s->counting = false;
		t->counters--;
	}
	if (s->sketch != NULL)
		sketch_clear(s->sketch);
	forget_members(t, s);
}

size_t
series_flush(struct series_table *t, void (*line)(void *arg, const struct series *, const struct figures *), void *arg)
{
	bool crowded = t->refused > 0;
	struct series *s, *next;
	size_t n = 0;

	t->refused = 0;
	t->elapsed = 0;
	for (s = TAILQ_FIRST(&t->all); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (!s->heard && (crowded || (t->idle > 0 && s->silent >= t->idle))) {
			drop(t, s);
			continue;
		}
		if (has_line(t, s)) {
			struct figures f = finish(s);

			keep_shown(s, &f);
			line(arg, s, &f);
			n++;
		}
		begin(t, s);
	}
	return n;
}

bool
series_percentile(const struct series *s, const struct figures *f, double p, double *value)
{
	double v;

	if (s->sketch == NULL || !s->heard)
		return false;
	v = sketch_percentile(s->sketch, p);
	*value = v < f->min ? f->min : v > f->max ? f->max : v;
	return true;
}
