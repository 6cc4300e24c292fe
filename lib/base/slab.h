/*
 * slab.h: memory for very many small objects whose owner knows their size when he frees them. An object carries no
 * header, and memory goes back to the system when a slab (32 KiB of objects of one size) is empty and slab_trim is
 * called.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

enum { SLAB_MAX = 1024, SLAB_GRAIN = 16, SLAB_CLASSES = SLAB_MAX / SLAB_GRAIN };

struct slab;
LIST_HEAD(slab_list, slab);

/* Zeroed: ready for use. Fields are private. */
struct slab_heap {
	struct slab_list partial[SLAB_CLASSES]; /* with room for more objects */
	struct slab_list empty;                 /* kept until slab_trim */
	char *fresh, *fresh_end;                /* mapped, never used */
	size_t slabs;                           /* in use */
	size_t most;                            /* of those since slab_settle gave some back */
};

/* n: 1 to SLAB_MAX bytes. Aligned to 16. NULL with errno. */
void *slab_get(struct slab_heap *, size_t n);

/* n: the size that was asked for, or less if that was one of at most SLAB_MAX too. */
void slab_put(struct slab_heap *, void *, size_t n);

/* The same for any size above 0: what is too large for a slab is the C library's. */
void *slab_alloc(struct slab_heap *, size_t n);
void slab_free(struct slab_heap *, void *, size_t n); /* n: the size that was asked for; NULL is ignored */

/* Whether an object of one size can serve as one of the other. */
static inline bool
slab_same(size_t a, size_t b)
{
	return (a + SLAB_GRAIN - 1) / SLAB_GRAIN == (b + SLAB_GRAIN - 1) / SLAB_GRAIN;
}

/* Gives the memory of empty slabs back to the system. */
void slab_trim(struct slab_heap *);

/* The same once less than half of what was in use still is. For a heap that does not rise and fall all the time: after each slab_free. */
void slab_settle(struct slab_heap *);

#endif
