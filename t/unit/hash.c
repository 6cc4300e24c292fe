#include "base/hash.h"

#include "guard.h"
#include "tap.h"

struct item {
	struct hash_node node;
	unsigned key;
	bool seen;
};

static uint64_t
hash_of(const struct hash *t, unsigned key)
{
	return siphash(t->key, &key, sizeof(key));
}

static struct item *
find(const struct hash *t, unsigned key)
{
	struct hash_node *at = hash_find(t, hash_of(t, key));

	while (at != NULL && ((struct item *)at)->key != key)
		at = hash_next(at);
	return (struct item *)at;
}

static void
add(struct hash *t, struct item *item, unsigned key)
{
	item->key = key;
	item->seen = false;
	hash_add(t, &item->node, hash_of(t, key));
}

/*
 * The published test vectors: key 00..0f, input 00, 00 01, 00 01 02, ... of 0 to 63 bytes, SipHash-2-4. Every eighth
 * and some.
 */
TEST(vectors)
{
	static const struct {
		size_t n;
		uint64_t want;
	} rows[] = {
		{ 0, UINT64_C(0x726fdb47dd0e0e31) }, { 1, UINT64_C(0x74f839c593dc67fd) },
		{ 2, UINT64_C(0x0d6c8009d9a94f5a) }, { 3, UINT64_C(0x85676696d7fb7e2d) },
		{ 4, UINT64_C(0xcf2794e0277187b7) }, { 5, UINT64_C(0x18765564cd99a68d) },
		{ 6, UINT64_C(0xcbc9466e58fee3ce) }, { 7, UINT64_C(0xab0200f58b01d137) },
		{ 8, UINT64_C(0x93f5f5799a932462) }, { 15, UINT64_C(0xa129ca6149be45e5) },
		{ 63, UINT64_C(0x958a324ceb064572) },
	};
	uint8_t key[16], in[64];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	memcpy(key, in, sizeof(key));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		OK(siphash(key, guarded(in, rows[i].n), rows[i].n) == rows[i].want);
}

TEST(nocase_folds_ascii_letters_and_nothing_else)
{
	uint8_t key[16] = { 1, 2, 3 };

	for (unsigned c = 0; c < 256; c++)
		for (size_t at = 0; at < 11; at += 5) {
			char text[11] = "aB3-._ xYz@", lower[11];

			text[at] = (char)c;
			for (size_t i = 0; i < sizeof(text); i++)
				lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
			OK(siphash_nocase(key, guarded(text, 11), 11) == siphash(key, lower, 11));
		}
	OK(siphash_nocase(key, "[", 1) != siphash_nocase(key, "{", 1));
	OK(siphash_nocase(key, "@", 1) != siphash_nocase(key, "`", 1));
	OK(siphash_nocase(key, "\xc4", 1) != siphash_nocase(key, "\xe4", 1));
}

TEST(keys_are_random)
{
	struct hash a, b;

	hash_init(&a);
	hash_init(&b);
	OK(memcmp(a.key, b.key, sizeof(a.key)) != 0);
	hash_fini(&a);
	hash_fini(&b);
}

TEST(small_table_needs_no_memory)
{
	struct item items[16];
	struct hash t;

	hash_init(&t);
	for (unsigned i = 0; i < 16; i++)
		add(&t, &items[i], i);
	EQ(alloc_count(), 0);
	for (unsigned i = 0; i < 16; i++)
		OK(find(&t, i) == &items[i]);
	OK(find(&t, 16) == NULL);
	hash_fini(&t);
}

static void
fill_and_drain(long fail_at)
{
	enum { MANY = 5000 };
	struct item *items = calloc(MANY, sizeof(*items));
	struct hash t;

	hash_init(&t);
	alloc_fail_at(fail_at);
	for (unsigned i = 0; i < MANY; i++) {
		add(&t, &items[i], i);
		OK(find(&t, i / 2) == &items[i / 2]);
	}
	EQ(t.n, MANY);
	OK(t.mask >= 1023);
	for (unsigned i = 0; i < MANY; i += 2)
		hash_remove(&t, &items[i].node);
	EQ(t.n, MANY / 2);
	for (unsigned i = 0; i < MANY; i++)
		OK(find(&t, i) == (i % 2 ? &items[i] : NULL));
	for (unsigned i = 1; i < MANY; i += 2)
		hash_remove(&t, &items[i].node);
	EQ(t.n, 0);
	hash_fini(&t);
	free(items);
}

TEST(grows)
{
	fill_and_drain(0);
}

TEST(survives_failed_growth)
{
	for (long n = 1; n <= 10; n++)
		fill_and_drain(n);
}

TEST(never_any_memory)
{
	static struct item items[300];
	struct hash t;

	hash_init(&t);
	for (unsigned i = 0; i < 300; i++) {
		alloc_fail_at(1);
		add(&t, &items[i], i);
	}
	EQ(t.mask, 15);
	for (unsigned i = 0; i < 300; i++)
		OK(find(&t, i) == &items[i]);
	hash_fini(&t);
}

TEST(same_hash)
{
	struct item a, b, c;
	struct hash t;
	struct hash_node *at;
	int n = 0;

	hash_init(&t);
	hash_add(&t, &a.node, 42);
	hash_add(&t, &b.node, 42);
	hash_add(&t, &c.node, 42 + 16);
	for (at = hash_find(&t, 42); at != NULL; at = hash_next(at)) {
		OK(at == &a.node || at == &b.node);
		n++;
	}
	EQ(n, 2);
	hash_remove(&t, &a.node);
	OK(hash_find(&t, 42) == &b.node);
	OK(hash_next(&b.node) == NULL);
	/* a second removal does no harm */
	hash_remove(&t, &a.node);
	EQ(t.n, 2);
	hash_fini(&t);
}

TEST(shrinks)
{
	enum { MANY = 20000 };
	static struct item items[MANY];
	struct hash t;
	size_t most;

	hash_init(&t);
	for (unsigned i = 0; i < MANY; i++)
		add(&t, &items[i], i);
	most = t.mask;
	for (unsigned i = 10; i < MANY; i++)
		hash_remove(&t, &items[i].node);
	EQ(t.n, 10);
	OK(t.mask <= 1024 && most > MANY / 2);
	for (unsigned i = 0; i < 10; i++)
		OK(hash_find(&t, items[i].node.h) == &items[i].node);
	hash_fini(&t);
}

TEST(take)
{
	static struct item items[100];
	struct hash t;
	struct hash_node *at, *next;
	size_t n = 0;

	hash_init(&t);
	OK(hash_take(&t) == NULL);
	for (unsigned i = 0; i < 100; i++)
		add(&t, &items[i], i);
	for (at = hash_take(&t); at != NULL; at = next) {
		next = at->next;
		OK(!((struct item *)at)->seen);
		((struct item *)at)->seen = true;
		hash_remove(&t, at);
		n++;
	}
	EQ(n, 100);
	EQ(t.n, 0);
	hash_fini(&t);
}

MAIN(RUN(vectors), RUN(nocase_folds_ascii_letters_and_nothing_else), RUN(keys_are_random),
    RUN(small_table_needs_no_memory), RUN(grows), RUN(survives_failed_growth), RUN(never_any_memory),
    RUN(same_hash), RUN(shrinks), RUN(take))
