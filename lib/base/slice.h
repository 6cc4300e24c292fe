/* slice.h: a borrowed run of bytes. Points into somebody else's memory; never freed, need not end in NUL. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

/* For printf: printf("%.*s", SLICE_FMT(s)). */
#define SLICE_FMT(s) (int)(s).n, (s).p

/* The slice of a string literal. */
#define SLICE(lit) ((struct slice){ "" lit, sizeof(lit) - 1 })

static inline struct slice
slice_of(const char *s)
{
	return (struct slice){ s, strlen(s) };
}

static inline struct slice
slice_make(const void *p, size_t n)
{
	return (struct slice){ p, n };
}

/* Same bytes. */
bool slice_eq(struct slice, struct slice);

/* Same bytes but for the case of ASCII letters, whatever the locale. */
bool slice_caseeq(struct slice, struct slice);

/* As memcmp over the common length, then the shorter first; ASCII letters compare as lower case. */
int slice_casecmp(struct slice, struct slice);

/* Without the spaces, tabs, CRs and LFs at both ends. */
struct slice slice_trim(struct slice);

/*
 * Cuts `s` at the first `c`: *head gets what is before it, *tail what is after. False, with *head = s and *tail empty,
 * when there is no `c`. `head` and `tail` may point at `s`'s own home.
 */
bool slice_cut(struct slice s, char c, struct slice *head, struct slice *tail);

/* Decimal digits only, all of them, at most `max`: 0 and *out; else -1 and *out untouched. */
int slice_u64(struct slice, uint64_t max, uint64_t *out);

/* Copies into `dst` of `size` bytes and ends it with NUL. -1 when it does not fit or holds a NUL; dst is then "". */
int slice_cstr(struct slice, char *dst, size_t size);

/* ASCII only, whatever the locale. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

#endif
