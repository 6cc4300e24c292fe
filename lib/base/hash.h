/*
 * hash.h: SipHash, and an intrusive hash table keyed with it, so that nobody outside can choose keys that collide.
 * The owner embeds a struct hash_node, and compares keys itself. When the table cannot grow it gets slower, never
 * wrong: adding cannot fail.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* SipHash-2-4 of n bytes (Aumasson, Bernstein: SipHash: a fast short-input PRF, 2012). */
uint64_t siphash(const uint8_t key[16], const void *, size_t n);

/* The same over bytes whose ASCII upper-case letters are taken as lower case. */
uint64_t siphash_nocase(const uint8_t key[16], const void *, size_t n);

struct hash_node {
	struct hash_node *next;
	uint64_t h;
};

struct hash {
	struct hash_node **slots;
	size_t mask; /* slots - 1 */
	size_t n;
	uint8_t key[16]; /* random */
	struct hash_node *first[16]; /* the slots of a small table: no allocation */
};

/* Takes a random key. Must not move afterwards (it points into itself). */
void hash_init(struct hash *);

/* Frees the slots, not the nodes. */
void hash_fini(struct hash *);

/* `h`: from siphash with t->key. The table must not hold this node already. */
void hash_add(struct hash *t, struct hash_node *, uint64_t h);
void hash_remove(struct hash *t, struct hash_node *);

/* The first node with this h, then the next such one; NULL: no more. The caller compares keys. */
struct hash_node *hash_find(const struct hash *t, uint64_t h);
struct hash_node *hash_next(const struct hash_node *);

/*
 * For who looks many keys up at once: the memory that hash_find(t, h) will read begins to be fetched. First _slot, and
 * when that has had some time, _node: `size` is of what the node begins.
 */
static inline void
hash_prefetch_slot(const struct hash *t, uint64_t h)
{
	__builtin_prefetch(&t->slots[h & t->mask]);
}

static inline void
hash_prefetch_node(const struct hash *t, uint64_t h, size_t size)
{
	const char *node = (const char *)t->slots[h & t->mask];

	for (size_t at = 0; node != NULL && at < size; at += 64)
		__builtin_prefetch(node + at);
}

/* Empties the table: all its nodes, in no order, linked by `next`. To remove one of them afterwards does no harm. */
struct hash_node *hash_take(struct hash *t);

#endif
