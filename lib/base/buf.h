/*
 * buf.h: a growable run of bytes with a sticky error. Put as much as you like, then look at `failed` once: after a
 * failed allocation, or a put past `max`, nothing more is added.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf {
	char *p;     /* the bytes; borrowed until the next put, consume or fini */
	size_t n;    /* how many */
	size_t cap;  /* allocated */
	size_t max;  /* never grows past it; 0: no bound */
	bool failed; /* sticky; cleared by buf_clear */
};

/* Starts empty, with no allocation. `max` as in the struct. A zeroed struct buf is as good. */
void buf_init(struct buf *, size_t max);
void buf_fini(struct buf *);

/* Forgets content and error, keeps the memory. */
void buf_clear(struct buf *);

/*
 * Makes room for `n` more bytes and returns where they go (NULL on failure, sticky). buf_added then says how many
 * came.
 */
char *buf_reserve(struct buf *, size_t n);
void buf_added(struct buf *, size_t n);

void buf_put(struct buf *, const void *, size_t);
void buf_puts(struct buf *, const char *);
void buf_putslice(struct buf *, struct slice);
void buf_putc(struct buf *, char);

/* In double quotes, with a backslash before each of those and each backslash (RFC 3261's quoted-string, among others). */
void buf_putquoted(struct buf *, struct slice);
void buf_printf(struct buf *, const char *, ...) __attribute__((format(printf, 2, 3)));

/* Unsigned decimal, without printf's cost. */
void buf_putu(struct buf *, uint64_t);

/* Big-endian, as networks have them. */
void buf_put16(struct buf *, uint16_t);
void buf_put32(struct buf *, uint32_t);

/* Drops the first `n` bytes; the rest moves to the front. */
void buf_consume(struct buf *, size_t n);

/* Gives memory back when more than `keep` bytes are allocated and nothing is held. */
void buf_trim(struct buf *, size_t keep);

static inline struct slice
buf_slice(const struct buf *b)
{
	return (struct slice){ b->p, b->n };
}

#endif
