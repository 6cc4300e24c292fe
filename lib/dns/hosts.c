/*
 * The file's text is kept; an entry is a pair of an address and a name in it. All entries are in one array, in the
 * order of the file; the first of each name is in a table, the others behind it in a list.
 */
#include "dns/hosts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"

enum { FILE_MAX = 64 << 20 }; /* lists of a million names are in use */

#define LOOK_EVERY SEC

struct entry {
	struct hash_node node;
	uint32_t name, len;  /* in the text */
	uint32_t line;       /* where its address begins in the text */
	uint32_t next;       /* entry of the same name; 0: none */
	uint32_t last;       /* of the first entry: the last one of the list */
};

struct hosts {
	char *path;
	struct file_stamp stamp;
	int64_t looked;      /* 0: never */
	struct buf text;
	struct entry *entries;
	size_t n, room;
	struct hash names;
};

static struct slice
name_of(const struct hosts *h, const struct entry *e)
{
	return (struct slice){ h->text.p + e->name, e->len };
}

/* --- the file --- */

static void
clear(struct hosts *h)
{
	hash_fini(&h->names);
	hash_init(&h->names);
	h->n = 0;
}

static bool
next_word(struct slice *line, struct slice *word)
{
	size_t n = 0;

	*line = slice_trim(*line);
	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
		n++;
	*word = (struct slice){ line->p, n };
	line->p += n;
	line->n -= n;
	return n > 0;
}

static bool
add(struct hosts *h, struct slice address, struct slice name)
{
	struct entry *entries;

	if (h->n == h->room) {
		size_t room = h->room > 0 ? 2 * h->room : 64;

		if ((entries = realloc(h->entries, room * sizeof(*entries))) == NULL)
			return false;
		h->entries = entries;
		h->room = room;
	}
	h->entries[h->n++] = (struct entry){ .name = (uint32_t)(name.p - h->text.p), .len = (uint32_t)name.n,
		.line = (uint32_t)(address.p - h->text.p) };
	return true;
}

static struct slice
address_at(const struct hosts *h, size_t at)
{
	struct slice rest = { h->text.p + at, h->text.n - at }, word;

	(void)next_word(&rest, &word);
	return word;
}

static bool
read_line(struct hosts *h, struct slice line)
{
	struct slice rest, address, name;
	struct addr a;

	slice_cut(line, '#', &line, &rest);
	if (!next_word(&line, &address) || addr_literal(address, 0, &a) != 0)
		return true;
	while (next_word(&line, &name))
		if (!add(h, address, name))
			return false;
	return true;
}

/* The first entry of a name. */
static struct entry *
find(const struct hosts *h, struct slice name, uint64_t hash)
{
	struct hash_node *node = hash_find(&h->names, hash);

	/* the node is the entry's first field */
	while (node != NULL && !slice_caseeq(name_of(h, (struct entry *)(void *)node), name))
		node = hash_next(node);
	return (struct entry *)(void *)node;
}

/* The array moves no more: the table may point into it. */
static void
index_names(struct hosts *h)
{
	for (size_t i = 0; i < h->n; i++) {
		struct slice name = name_of(h, &h->entries[i]);
		uint64_t hash = siphash_nocase(h->names.key, name.p, name.n);
		struct entry *first = find(h, name, hash);

		h->entries[i].last = (uint32_t)i;
		if (first == NULL) {
			hash_add(&h->names, &h->entries[i].node, hash);
			continue;
		}
		h->entries[first->last].next = (uint32_t)i;
		first->last = (uint32_t)i;
	}
}

/* What cannot be read, or kept, is not there. */
static void
reread(struct hosts *h)
{
	struct slice rest, line;

	clear(h);
	buf_clear(&h->text);
	if (file_read(h->path, &h->text) != 0) {
		buf_clear(&h->text);
		return;
	}
	/* words are looked for up to blanks: the last line ends too */
	buf_putc(&h->text, '\n');
	rest = buf_slice(&h->text);
	while (rest.n > 0) {
		slice_cut(rest, '\n', &line, &rest);
		if (!read_line(h, line))
			break;
	}
	index_names(h);
}

static void
refresh(struct hosts *h, int64_t now)
{
	if (h->looked != 0 && now - h->looked < LOOK_EVERY)
		return;
	h->looked = now;
	if (file_changed(&h->stamp, h->path))
		reread(h);
}

/* --- looking up --- */

static bool
is_localhost(struct slice name)
{
	static const char suffix[] = ".localhost";
	size_t n = sizeof(suffix) - 1;

	if (slice_caseeq(name, SLICE("localhost")))
		return true;
	return name.n > n && slice_caseeq((struct slice){ name.p + name.n - n, n }, SLICE(".localhost"));
}

static int
put(struct addr *to, int n, unsigned most, struct slice text, int family)
{
	struct addr a;

	if ((unsigned)n >= most || addr_literal(text, 0, &a) != 0 || (family != AF_UNSPEC && a.u.sa.sa_family != family))
		return n;
	to[n] = a;
	return n + 1;
}

int
hosts_find(struct hosts *h, struct slice name, int family, int64_t now, struct addr *to, unsigned most)
{
	const struct entry *e;
	int n = 0;

	if (name.n > 1 && name.p[name.n - 1] == '.')
		name.n--;
	if (is_localhost(name)) {
		n = put(to, n, most, SLICE("127.0.0.1"), family);
		return put(to, n, most, SLICE("::1"), family);
	}
	refresh(h, now);
	if ((e = find(h, name, siphash_nocase(h->names.key, name.p, name.n))) == NULL)
		return 0;
	for (;; e = &h->entries[e->next]) {
		n = put(to, n, most, address_at(h, e->line), family);
		if (e->next == 0)
			return n > 0 ? n : -1;
	}
}

struct slice
hosts_name(struct hosts *h, const struct addr *address, int64_t now)
{
	struct addr a;

	refresh(h, now);
	for (size_t i = 0; i < h->n; i++)
		if (addr_literal(address_at(h, h->entries[i].line), 0, &a) == 0 && addr_same_host(&a, address))
			return name_of(h, &h->entries[i]);
	return (struct slice){ "", 0 };
}

/* --- its making --- */

struct hosts *
hosts_new(const char *path)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (path == NULL && ((path = getenv("COOP_HOSTS")) == NULL || *path == '\0'))
		path = "/etc/hosts";
	if (h == NULL || (h->path = strdup(path)) == NULL) {
		free(h);
		return NULL;
	}
	h->text.max = FILE_MAX;
	hash_init(&h->names);
	return h;
}

void
hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	hash_fini(&h->names);
	buf_fini(&h->text);
	free(h->entries);
	free(h->path);
	free(h);
}
