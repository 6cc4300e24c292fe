/*
 * A value's key is the upper bits of its IEEE representation, which are in the order of the values: exponent and seven
 * bits of the fraction; a negative value has the complement. Buckets stand in the order of their keys.
 */
#include "stat/sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DROPPED = 52 - 7, SMALLEST = 8 };

struct sketch {
	struct sketch_pool *pool;
	int32_t *keys;
	double *weights;
	size_t n, size;
	int joined; /* how often neighbours were joined: keys are so many bits shorter */
	double total;
};

static int32_t
key_of(double value, int joined)
{
	double size = fabs(value);
	uint64_t bits;

	memcpy(&bits, &size, sizeof(bits));
	bits >>= DROPPED + joined;
	return value < 0 ? ~(int32_t)bits : (int32_t)bits;
}

static double
value_of(int32_t key, int joined)
{
	uint64_t bits = (uint64_t)(uint32_t)(key < 0 ? ~key : key) << (DROPPED + joined);
	double size;

	memcpy(&size, &bits, sizeof(size));
	return key < 0 ? -size : size;
}

struct sketch *
sketch_new(struct sketch_pool *pool)
{
	struct sketch *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->pool = pool;
	return s;
}

void
sketch_free(struct sketch *s)
{
	if (s == NULL)
		return;
	s->pool->used -= s->size;
	free(s->keys);
	free(s->weights);
	free(s);
}

void
sketch_clear(struct sketch *s)
{
	s->n = 0;
	s->joined = 0;
	s->total = 0;
}

static bool
grow(struct sketch *s)
{
	size_t size = s->size > 0 ? s->size * 2 : SMALLEST;
	int32_t *keys;
	double *weights;

	if (size > SKETCH_BUCKETS || s->pool->used + size - s->size > SKETCH_POOL)
		return false;
	if ((keys = realloc(s->keys, size * sizeof(*keys))) == NULL)
		return false;
	s->keys = keys;
	if ((weights = realloc(s->weights, size * sizeof(*weights))) == NULL)
		return false;
	s->weights = weights;
	s->pool->used += size - s->size;
	s->size = size;
	return true;
}

static void
join_neighbours(struct sketch *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		int32_t key = s->keys[i] >> 1;

		if (kept > 0 && s->keys[kept - 1] == key) {
			s->weights[kept - 1] += s->weights[i];
		} else {
			s->keys[kept] = key;
			s->weights[kept++] = s->weights[i];
		}
	}
	s->n = kept;
	s->joined++;
}

/* The first bucket whose key is not below this one. */
static size_t
place(const struct sketch *s, int32_t key)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->keys[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void
sketch_add(struct sketch *s, double value, double weight)
{
	int32_t key = key_of(value, s->joined);
	size_t i = place(s, key);

	while ((i == s->n || s->keys[i] != key) && s->n == s->size && !grow(s)) {
		/* nothing can be had at all: what is not even one bucket has no percentiles */
		if (s->size == 0)
			return;
		join_neighbours(s);
		key = key_of(value, s->joined);
		i = place(s, key);
	}
	s->total += weight;
	if (i < s->n && s->keys[i] == key) {
		s->weights[i] += weight;
		return;
	}
	memmove(s->keys + i + 1, s->keys + i, (s->n - i) * sizeof(*s->keys));
	memmove(s->weights + i + 1, s->weights + i, (s->n - i) * sizeof(*s->weights));
	s->keys[i] = key;
	s->weights[i] = weight;
	s->n++;
}

double
sketch_percentile(const struct sketch *s, double p)
{
	double seen = 0;

	for (size_t i = 0; i < s->n; i++)
		if ((seen += s->weights[i]) >= s->total * p / 100 * (1 - 1e-12))
			return value_of(s->keys[i], s->joined);
	return s->n > 0 ? value_of(s->keys[s->n - 1], s->joined) : 0;
}

double
sketch_error(const struct sketch *s)
{
	return ldexp(1, s->joined - 7);
}
