/*
 * A slab is 32 KiB at a multiple of 32 KiB, so that an object finds its slab by its address. Its first bytes say what
 * it holds; the rest are objects of one size: those given back are chained through their first word, and those never
 * used follow `next`. A slab with room is on the list of its class; a full one is on none; one without objects is on
 * the list of empty ones and serves any class.
 */
#include "base/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

struct slab {
	LIST_ENTRY(slab) entry;
	void *free;
	uint32_t next; /* offset of the first object never used */
	uint32_t used; /* objects in use */
	uint32_t size; /* of an object */
	uint32_t most; /* objects that fit */
};

enum {
	SIZE = 32 * 1024,
	REGION = 64 * SIZE,
	FIRST = (sizeof(struct slab) + SLAB_GRAIN - 1) / SLAB_GRAIN * SLAB_GRAIN,
};

static int
class_of(size_t n)
{
	return (int)((n - 1) / SLAB_GRAIN);
}

static struct slab *
slab_of(void *p)
{
	return (struct slab *)((uintptr_t)p & ~(uintptr_t)(SIZE - 1));
}

static int
map_region(struct slab_heap *h)
{
	char *p = mmap(NULL, REGION + SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (p == MAP_FAILED)
		return -1;
	before = (SIZE - (uintptr_t)p % SIZE) % SIZE;
	if (before > 0)
		(void)munmap(p, before);
	(void)munmap(p + before + REGION, SIZE - before);
	h->fresh = p + before;
	h->fresh_end = h->fresh + REGION;
	return 0;
}

static struct slab *
new_slab(struct slab_heap *h, int class)
{
	struct slab *s = LIST_FIRST(&h->empty);
	uint32_t size = (uint32_t)(class + 1) * SLAB_GRAIN;

	if (s != NULL) {
		LIST_REMOVE(s, entry);
	} else {
		if (h->fresh == h->fresh_end && map_region(h) == -1)
			return NULL;
		s = (struct slab *)h->fresh;
		h->fresh += SIZE;
	}
	*s = (struct slab){ .next = FIRST, .size = size, .most = (SIZE - FIRST) / size };
	LIST_INSERT_HEAD(&h->partial[class], s, entry);
	h->slabs++;
	return s;
}

void *
slab_get(struct slab_heap *h, size_t n)
{
	int class = class_of(n);
	struct slab *s = LIST_FIRST(&h->partial[class]);
	void *p;

	if (s == NULL && (s = new_slab(h, class)) == NULL)
		return NULL;
	if ((p = s->free) != NULL) {
		s->free = *(void **)p;
	} else {
		p = (char *)s + s->next;
		s->next += s->size;
	}
	if (++s->used == s->most)
		LIST_REMOVE(s, entry);
	return p;
}

void
slab_put(struct slab_heap *h, void *p, size_t n)
{
	struct slab *s = slab_of(p);

	(void)n;
	if (s->used-- == s->most)
		LIST_INSERT_HEAD(&h->partial[class_of(s->size)], s, entry);
	*(void **)p = s->free;
	s->free = p;
	if (s->used > 0)
		return;
	LIST_REMOVE(s, entry);
	LIST_INSERT_HEAD(&h->empty, s, entry);
	h->slabs--;
}

/* sanitizers know malloc only */
static bool
fits(size_t n)
{
	return n <= SLAB_MAX && !PLAIN_MEMORY;
}

void *
slab_alloc(struct slab_heap *h, size_t n)
{
	return fits(n) ? slab_get(h, n) : malloc(n);
}

void
slab_free(struct slab_heap *h, void *p, size_t n)
{
	if (p == NULL)
		return;
	if (fits(n))
		slab_put(h, p, n);
	else
		free(p);
}

void
slab_trim(struct slab_heap *h)
{
	struct slab *s;

	while ((s = LIST_FIRST(&h->empty)) != NULL) {
		LIST_REMOVE(s, entry);
		/* a hole may need a mapping more than the system allows: then it is kept */
		if (munmap(s, SIZE) == -1) {
			LIST_INSERT_HEAD(&h->empty, s, entry);
			return;
		}
	}
	if (h->fresh != h->fresh_end && munmap(h->fresh, (size_t)(h->fresh_end - h->fresh)) == 0)
		h->fresh = h->fresh_end;
}

/* A MiB is not worth giving back. */
enum { FEW = 1024 * 1024 / SIZE };

void
slab_settle(struct slab_heap *h)
{
	if (h->slabs > h->most)
		h->most = h->slabs;
	if (h->most < FEW || h->slabs > h->most / 2)
		return;
	slab_trim(h);
	h->most = h->slabs;
}
