#include "stat/history.h"

#include <errno.h>
#include <stdlib.h>

void
history_init(struct history *h, size_t most)
{
	*h = (struct history){ .most = most, .step = 1 };
	TAILQ_INIT(&h->tracks);
	hash_init(&h->names);
}

void
history_fini(struct history *h)
{
	struct track *t;

	while ((t = TAILQ_FIRST(&h->tracks)) != NULL) {
		TAILQ_REMOVE(&h->tracks, t, entry);
		free(t->own);
		free(t);
	}
	hash_fini(&h->names);
}

static struct track *
of_node(struct hash_node *node)
{
	return (struct track *)((char *)node - offsetof(struct track, node));
}

static struct track *
add_track(struct history *h, const struct record *r, uint64_t hash)
{
	struct track *t;

	if (h->n == h->most) {
		h->refused++;
		errno = ENOSPC;
		return NULL;
	}
	if ((t = calloc(1, sizeof(*t) + r->name.n)) == NULL)
		return NULL;
	memcpy(t->text, r->name.p, r->name.n);
	t->name = slice_make(t->text, r->name.n);
	hash_add(&h->names, &t->node, hash);
	TAILQ_INSERT_TAIL(&h->tracks, t, entry);
	h->n++;
	return t;
}

static struct track *
find_track(struct history *h, const struct record *r)
{
	uint64_t hash = siphash(h->names.key, r->name.p, r->name.n);
	struct hash_node *node = hash_find(&h->names, hash);

	while (node != NULL && !slice_eq(of_node(node)->name, r->name))
		node = hash_next(node);
	return node != NULL ? of_node(node) : add_track(h, r, hash);
}

static void
join(struct point *to, const struct point *p)
{
	to->sum += p->sum;
	to->weight += p->weight;
	to->plain += p->plain;
	to->lines += p->lines;
	if (p->min < to->min)
		to->min = p->min;
	if (p->max > to->max)
		to->max = p->max;
	if (p->at > to->at)
		to->at = p->at;
}

/* Joins what now falls into one step. */
static void
thin(struct track *t, int64_t step)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (kept > 0 && t->own[i].at / step == t->own[kept - 1].at / step)
			join(&t->own[kept - 1], &t->own[i]);
		else
			t->own[kept++] = t->own[i];
	}
	t->n = kept;
}

/* Makes room for one more point. */
static int
make_room(struct history *h, struct track *t)
{
	size_t size = t->size > 0 ? t->size * 2 : 64;
	struct point *more;

	while (t->n == HISTORY_POINTS) {
		struct track *each;

		h->step *= 2;
		TAILQ_FOREACH(each, &h->tracks, entry)
			thin(each, h->step);
	}
	if (t->n < t->size)
		return 0;
	if ((more = realloc(t->own, size * sizeof(*more))) == NULL)
		return -1;
	t->own = more;
	t->size = size;
	return 0;
}

/*
 * Where a point of that time belongs: behind all that are not later. Recordings come in order: it is nearly always
 * the end.
 */
static size_t
place(const struct track *t, int64_t at)
{
	size_t low = 0, high = t->n;

	if (t->n == 0 || t->own[t->n - 1].at <= at)
		return t->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->own[mid].at <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int
add_point(struct history *h, struct track *t, const struct point *p)
{
	size_t i;

	if (make_room(h, t) != 0)
		return -1;
	i = place(t, p->at);
	if (i > 0 && t->own[i - 1].at / h->step == p->at / h->step) {
		join(&t->own[i - 1], p);
	} else if (i < t->n && t->own[i].at / h->step == p->at / h->step) {
		join(&t->own[i], p);
	} else {
		memmove(&t->own[i + 1], &t->own[i], (t->n - i) * sizeof(*p));
		t->own[i] = *p;
		t->n++;
	}
	t->points = t->own;
	return 0;
}

/* What more than half of the distances are (to 5%) wins the vote; a few gaps do not. */
static void
vote(struct track *t, int64_t distance)
{
	int64_t off = distance > t->every ? distance - t->every : t->every - distance;

	if (t->votes == 0)
		t->every = distance;
	t->votes += t->votes == 0 || off <= t->every / 20 ? 1 : -1;
}

static void
note_ratio(struct track *t, const struct figures *f)
{
	double ratio = f->avg != 0 ? f->count / f->avg : 0;

	if (ratio == 0)
		return;
	if (t->ratio == 0)
		t->ratio = ratio;
	/* means are rounded when they are written */
	if (ratio > t->ratio * 0.9999 && ratio < t->ratio * 1.0001)
		t->same++;
	else
		t->other++;
}

static void
note(struct track *t, const struct record *r, const struct point *p)
{
	if (t->lines == 0 || r->f.min < t->min)
		t->min = r->f.min, t->min_at = r->at;
	if (t->lines == 0 || r->f.max > t->max)
		t->max = r->f.max, t->max_at = r->at;
	if (t->lines == 0 || r->at < t->first)
		t->first = r->at;
	if (t->lines > 0 && r->at > t->last_at)
		vote(t, r->at - t->last_at);
	if (t->lines == 0 || r->at >= t->last_at)
		t->last_at = r->at, t->last = r->f.last;
	if (t->lines == 0)
		t->total = *p;
	else
		join(&t->total, p);
	note_ratio(t, &r->f);
	t->count += r->f.count;
	t->lines++;
}

int
history_add(struct history *h, const struct record *r)
{
	struct track *t = find_track(h, r);
	/* a count of 0 or less is a counter's whose events cancelled out: its rate is still one */
	double weight = r->f.count > 0 ? r->f.count : 1;
	struct point p = { .at = r->at, .min = r->f.min, .max = r->f.max, .sum = r->f.avg * weight, .weight = weight,
		.plain = r->f.avg, .lines = 1 };

	if (t == NULL || (!h->totals_only && add_point(h, t, &p) != 0))
		return -1;
	note(t, r, &p);
	return 0;
}

bool
history_span(const struct history *h, int64_t *from, int64_t *to)
{
	const struct track *t;
	bool any = false;

	TAILQ_FOREACH(t, &h->tracks, entry) {
		if (t->lines == 0)
			continue;
		if (!any || t->first < *from)
			*from = t->first;
		if (!any || t->last_at > *to)
			*to = t->last_at;
		any = true;
	}
	return any;
}

double
track_point_mean(const struct track *t, const struct point *p)
{
	/* the last interval may be shorter, and the first, too */
	return t->same > 2 && t->other <= 2 + t->same / 20 ? p->plain / p->lines : p->sum / p->weight;
}

double
track_mean(const struct track *t)
{
	return track_point_mean(t, &t->total);
}
