#include "stat/sketch.h"

#include <math.h>

#include "tap.h"

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* What the percentile is, by sorting. */
static double
exact(const double *sorted, size_t n, double p)
{
	size_t rank = (size_t)ceil((double)n * p / 100);

	return sorted[(rank > 0 ? rank : 1) - 1];
}

/* Numbers that are the same each time. */
static double
chance(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) / 9007199254740992.0;
}

TEST(whole_numbers_up_to_256_are_exact)
{
	struct sketch_pool pool = { 0 };
	struct sketch *s = sketch_new(&pool);

	OK(sketch_percentile(s, 50) == 0);
	for (int i = 256; i > 0; i--)
		sketch_add(s, i, 1);
	OK(sketch_percentile(s, 50) == 128);
	OK(sketch_percentile(s, 75) == 192);
	OK(sketch_percentile(s, 100) == 256);
	OK(sketch_percentile(s, 0.1) == 1);
	sketch_free(s);
	EQ(pool.used, 0);
}

TEST(percentiles_are_within_the_error_whatever_the_values)
{
	enum { N = 20000 };
	static double v[N];
	struct sketch_pool pool = { 0 };
	struct sketch *s = sketch_new(&pool);

	for (int kind = 0; kind < 4; kind++) {
		sketch_clear(s);
		for (int i = 0; i < N; i++) {
			double x = chance();

			v[i] = kind == 0 ? x : kind == 1 ? -log(x) * 30 : kind == 2 ? x * 1000 - 500 : exp(x * 11);
			sketch_add(s, v[i], 1);
		}
		qsort(v, N, sizeof(*v), by_size);
		OK(sketch_error(s) == 1.0 / 128);
		for (double p = 0.5; p <= 100; p += 0.5) {
			double want = exact(v, N, p), got = sketch_percentile(s, p);

			OK(fabs(got) <= fabs(want));
			OK(fabs(got) >= fabs(want) * (1 - 1.0 / 128));
		}
	}
	sketch_free(s);
}

TEST(weights_count)
{
	struct sketch_pool pool = { 0 };
	struct sketch *s = sketch_new(&pool);

	sketch_add(s, 10, 0.5);
	sketch_add(s, 20, 98.5);
	sketch_add(s, 30, 1);
	OK(sketch_percentile(s, 0.4) == 10);
	OK(sketch_percentile(s, 50) == 20);
	OK(sketch_percentile(s, 99) == 20);
	OK(sketch_percentile(s, 99.5) == 30);
	sketch_free(s);
}

TEST(extremes_of_all_sizes_make_it_coarser_not_larger)
{
	struct sketch_pool pool = { 0 };
	struct sketch *s = sketch_new(&pool);
	double got;

	for (int i = 0; i < 200000; i++)
		sketch_add(s, pow(10, chance() * 200 - 100) * (i % 2 == 0 ? 1 : -1), 1);
	OK(pool.used <= SKETCH_BUCKETS);
	OK(sketch_error(s) > 1.0 / 128);
	got = sketch_percentile(s, 75); /* the median of the positive ones */
	OK(got > 1e-3 && got < 1e3);
	sketch_add(s, 0, 1e9);
	OK(sketch_percentile(s, 50) == 0);
	sketch_clear(s);
	OK(sketch_error(s) == 1.0 / 128);
	sketch_free(s);
	EQ(pool.used, 0);
}

TEST(an_empty_pool_makes_it_coarser)
{
	struct sketch_pool pool = { SKETCH_POOL - 8 };
	struct sketch *s = sketch_new(&pool), *none = sketch_new(&pool);

	for (int i = 1; i <= 1000; i++)
		sketch_add(s, i, 1);
	EQ(pool.used, SKETCH_POOL);
	OK(sketch_error(s) > 0.1);
	OK(sketch_percentile(s, 50) > 100 && sketch_percentile(s, 50) <= 500);
	sketch_add(none, 1, 1);
	OK(sketch_percentile(none, 50) == 0);
	sketch_free(none);
	sketch_free(s);
	EQ(pool.used, SKETCH_POOL - 8);
}

TEST(without_memory_too)
{
	for (long n = 1; n < 12; n++) {
		struct sketch_pool pool = { 0 };
		struct sketch *s = sketch_new(&pool);

		alloc_fail_at(n);
		for (int i = 1; i <= 100; i++)
			sketch_add(s, i, 1);
		alloc_fail_at(0);
		OK(sketch_percentile(s, 50) >= 32 && sketch_percentile(s, 50) <= 51);
		sketch_free(s);
		EQ(pool.used, 0);
	}
	alloc_fail_at(1);
	OK(sketch_new(&(struct sketch_pool){ 0 }) == NULL);
}

MAIN(RUN(whole_numbers_up_to_256_are_exact), RUN(percentiles_are_within_the_error_whatever_the_values), RUN(weights_count),
    RUN(extremes_of_all_sizes_make_it_coarser_not_larger), RUN(an_empty_pool_makes_it_coarser), RUN(without_memory_too))
