/* Memory in slabs: nothing overlaps, everything is aligned, and what is empty goes back to the system. */
#include "base/slab.h"

#include <stdint.h>
#include <unistd.h>

#include "tap.h"

static long
resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		pages = -1;
	if (f != NULL)
		(void)fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

TEST(every_size_is_aligned_and_its_own)
{
	struct slab_heap h = { .slabs = 0 };
	unsigned char *p[2][SLAB_MAX + 1];
	bool good = true, aligned = true;

	for (int k = 0; k < 2; k++)
		for (size_t n = 1; n <= SLAB_MAX; n++) {
			if ((p[k][n] = slab_get(&h, n)) == NULL)
				exit(1);
			aligned &= (uintptr_t)p[k][n] % 16 == 0;
			memset(p[k][n], (int)(n + (size_t)k) & 255, n);
		}
	for (int k = 0; k < 2; k++)
		for (size_t n = 1; n <= SLAB_MAX; n++) {
			for (size_t i = 0; i < n; i++)
				good &= p[k][n][i] == ((n + (size_t)k) & 255);
			slab_put(&h, p[k][n], n);
		}
	OK(good);
	OK(aligned);
	EQ((long long)h.slabs, 0);
	slab_trim(&h);
	OK(h.fresh == h.fresh_end);
}

TEST(what_was_given_back_is_given_out_again)
{
	struct slab_heap h = { .slabs = 0 };
	void *a = slab_get(&h, 100), *b = slab_get(&h, 100);

	slab_put(&h, a, 100);
	OK(slab_get(&h, 112) == a);
	OK(slab_get(&h, 97) != b);
	OK(slab_same(97, 112));
	OK(!slab_same(96, 97));
}

TEST(a_slab_serves_another_size_when_it_is_empty)
{
	struct slab_heap h = { .slabs = 0 };
	void *a = slab_get(&h, 16), *b;

	slab_put(&h, a, 16);
	b = slab_get(&h, 1024);
	OK((uintptr_t)a >> 15 == (uintptr_t)b >> 15);
	slab_put(&h, b, 1024);
	slab_trim(&h);
	OK(LIST_EMPTY(&h.empty));
}

/* objects of many sizes come and go in no order, and each holds its own number */
TEST(in_any_order)
{
	enum { N = 20000 };
	struct slab_heap h = { .slabs = 0 };
	uint32_t *p[N] = { NULL }, random = 1;
	size_t size[N];
	bool good = true;

	for (int round = 0; round < 10 * N; round++) {
		int i;

		random = random * 1664525 + 1013904223;
		i = (int)(random >> 8) % N;
		if (p[i] == NULL) {
			size[i] = 4 + (random >> 20) % (SLAB_MAX - 4);
			if ((p[i] = slab_get(&h, size[i])) == NULL)
				exit(1);
			*p[i] = (uint32_t)i;
		} else {
			good &= *p[i] == (uint32_t)i;
			slab_put(&h, p[i], size[i]);
			p[i] = NULL;
		}
	}
	OK(good);
	for (int i = 0; i < N; i++)
		if (p[i] != NULL)
			slab_put(&h, p[i], size[i]);
	EQ((long long)h.slabs, 0);
}

TEST(memory_goes_back_to_the_system)
{
	enum { N = 100000, SIZE = 640 };
	struct slab_heap h = { .slabs = 0 };
	void **p = calloc(N, sizeof(*p));
	long before, full, after;

	if (p == NULL)
		exit(1);
	before = resident();
	for (int i = 0; i < N; i++) {
		if ((p[i] = slab_get(&h, SIZE)) == NULL)
			exit(1);
		memset(p[i], 1, SIZE);
	}
	full = resident();
	for (int i = 0; i < N; i++)
		slab_put(&h, p[i], SIZE);
	slab_trim(&h);
	after = resident();
	free(p);
	OK(full - before >= (long)N * SIZE);
	OK(full - before <= (long)N * SIZE / 100 * 105 + 1024 * 1024);
	OK(after - before < 2 * 1024 * 1024);
}

TEST(and_by_halves)
{
	enum { N = 100000, SIZE = 640 };
	struct slab_heap h = { .slabs = 0 };
	void **p = calloc(N, sizeof(*p));
	long before = resident();

	if (p == NULL)
		exit(1);
	for (int i = 0; i < N; i++) {
		if ((p[i] = slab_get(&h, SIZE)) == NULL)
			exit(1);
		memset(p[i], 1, SIZE);
	}
	for (int i = 0; i < N; i++) {
		slab_put(&h, p[i], SIZE);
		slab_settle(&h);
		if (i == N / 8 * 5)
			OK(resident() - before <= (long)N * SIZE / 2 + 2 * 1024 * 1024);
	}
	free(p);
	OK(resident() - before < 2 * 1024 * 1024);
	slab_trim(&h);
}

MAIN(RUN(every_size_is_aligned_and_its_own), RUN(what_was_given_back_is_given_out_again),
    RUN(a_slab_serves_another_size_when_it_is_empty), RUN(in_any_order), RUN(memory_goes_back_to_the_system), RUN(and_by_halves))
