/*
 * sketch.h: percentiles in little memory. Values are counted in buckets whose bounds grow with the values, as in
 * floating point numbers: 128 to each power of two. A percentile is the bound of its bucket nearer to 0: never further
 * from 0 than a value that came, and nearer by less than 0.8%; whole numbers up to 256 are exact. A sketch has at most
 * SKETCH_BUCKETS buckets; one that would need more (values that fill more than 16 powers of two), or that finds its
 * pool empty, joins each two neighbours, which doubles the error.
 */
#ifndef STAT_SKETCH_H
#define STAT_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SKETCH_BUCKETS = 2048, SKETCH_POOL = 1 << 20 };

struct sketch;

/* Bounds the buckets of all its sketches together (12 bytes each). All zero at first. */
struct sketch_pool {
	size_t used;
};

/* NULL with errno. */
struct sketch *sketch_new(struct sketch_pool *);
void sketch_free(struct sketch *);

/* Counts `value` `weight` times. Without memory the sketch gets coarser instead. */
void sketch_add(struct sketch *, double value, double weight);

/* Empty again, with its memory and full precision. */
void sketch_clear(struct sketch *);

/* What p percent (0 < p <= 100) of what was counted does not exceed; 0 when it is empty. */
double sketch_percentile(const struct sketch *, double p);

/* The relative error that percentiles have now: 1/128, or more when buckets were joined. */
double sketch_error(const struct sketch *);

#endif
