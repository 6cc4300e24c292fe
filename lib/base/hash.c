/*
 * Chains of nodes on a power of two of slots, doubled when there are more nodes than slots, a quarter when there are few
 * left of many. A node keeps its hash, so that none of this ever looks at a key.
 */
#include "base/hash.h"

#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* --- SipHash --- */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void
sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

/*
 * Eight characters at once: bit 7 of each byte of `upper` tells whether it is in A to Z; moved two down it is the bit
 * to set.
 */
static inline uint64_t
fold(uint64_t x)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t low = x & each * 0x7f;
	uint64_t from_a = low + each * (0x80 - 'A');
	uint64_t past_z = low + each * (0x7f - 'Z');
	uint64_t upper = (from_a ^ past_z) & ~x & each * 0x80;

	return x | upper >> 2;
}

static inline uint64_t
load(const unsigned char *p, size_t n, bool nocase)
{
	uint64_t x = 0;

	memcpy(&x, p, n);
	x = le64toh(x);
	return nocase ? fold(x) : x;
}

static inline uint64_t
sip(const uint8_t key[16], const void *data, size_t n, bool nocase)
{
	const unsigned char *p = data;
	uint64_t k0 = load(key, 8, false), k1 = load(key + 8, 8, false), last = (uint64_t)n << 56;
	struct sip s = {
		k0 ^ UINT64_C(0x736f6d6570736575),
		k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261),
		k1 ^ UINT64_C(0x7465646279746573),
	};

	for (; n >= 8; p += 8, n -= 8)
		sip_word(&s, load(p, 8, nocase));
	if (n > 0)
		last |= load(p, n, nocase);
	sip_word(&s, last);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t
siphash(const uint8_t key[16], const void *data, size_t n)
{
	return sip(key, data, n, false);
}

uint64_t
siphash_nocase(const uint8_t key[16], const void *data, size_t n)
{
	return sip(key, data, n, true);
}

/* --- the table --- */

/* Not worth giving back: 8 KiB of slots. */
enum { SMALL = 1024 };

void
hash_init(struct hash *t)
{
	memset(t, 0, sizeof(*t));
	t->slots = t->first;
	t->mask = sizeof(t->first) / sizeof(t->first[0]) - 1;
	arc4random_buf(t->key, sizeof(t->key));
}

static void
free_slots(struct hash *t)
{
	if (t->slots != t->first)
		free(t->slots);
}

void
hash_fini(struct hash *t)
{
	free_slots(t);
	t->slots = t->first;
	t->mask = sizeof(t->first) / sizeof(t->first[0]) - 1;
	t->n = 0;
	memset(t->first, 0, sizeof(t->first));
}

static inline void
push(struct hash_node **slot, struct hash_node *node)
{
	node->next = *slot;
	*slot = node;
}

static void
resize(struct hash *t, size_t size)
{
	struct hash_node **slots = calloc(size, sizeof(*slots)), *node, *next;

	if (slots == NULL)
		return;
	for (size_t i = 0; i <= t->mask; i++)
		for (node = t->slots[i]; node != NULL; node = next) {
			next = node->next;
			push(&slots[node->h & (size - 1)], node);
		}
	free_slots(t);
	t->slots = slots;
	t->mask = size - 1;
}

void
hash_add(struct hash *t, struct hash_node *node, uint64_t h)
{
	if (t->n > t->mask)
		resize(t, (t->mask + 1) * 2);
	node->h = h;
	push(&t->slots[h & t->mask], node);
	t->n++;
}

void
hash_remove(struct hash *t, struct hash_node *node)
{
	struct hash_node **at = &t->slots[node->h & t->mask];

	while (*at != node) {
		if (*at == NULL)
			return;
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
	t->n--;
	if (t->mask >= SMALL && t->n < t->mask / 8)
		resize(t, (t->mask + 1) / 4);
}

static struct hash_node *
same(struct hash_node *node, uint64_t h)
{
	while (node != NULL && node->h != h)
		node = node->next;
	return node;
}

struct hash_node *
hash_find(const struct hash *t, uint64_t h)
{
	return same(t->slots[h & t->mask], h);
}

struct hash_node *
hash_next(const struct hash_node *node)
{
	return same(node->next, node->h);
}

struct hash_node *
hash_take(struct hash *t)
{
	struct hash_node *all = NULL, *node, *next;

	for (size_t i = 0; i <= t->mask; i++)
		for (node = t->slots[i]; node != NULL; node = next) {
			next = node->next;
			push(&all, node);
		}
	hash_fini(t);
	return all;
}
