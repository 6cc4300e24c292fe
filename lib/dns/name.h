/*
 * name.h: domain names (RFC 1035 2.3.4, 3.1, 4.1.4, 5.1). In memory a name is its uncompressed wire form, labels with
 * their length bytes up to and with the root's 0; inside a message it is an offset, and may be compressed. A name in
 * a message that passed name_check needs no further checks.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	NAME_MAX_WIRE = 255,
	NAME_MAX_LABEL = 63,
	NAME_TEXTLEN = 1024, /* the longest text: 254 bytes as \DDD, with their dots */
};

/*
 * Text to wire form; `wire` has NAME_MAX_WIRE bytes. Taken as fully qualified with or without the final dot. \X and
 * \DDD are read; case is kept. Returns the length, or -1 with *why a static text; `wire` may then be overwritten.
 */
int name_parse(struct slice text, uint8_t *wire, const char **why);

/*
 * Checks the name at msg[off] of a message of n bytes: it ends within it, no label is of a reserved kind, the whole
 * is at most 255 bytes, and pointers go only backwards, to before the part they stand in. Returns how many bytes it
 * takes at `off`, or 0 when it is bad.
 */
size_t name_check(const uint8_t *msg, size_t n, size_t off);

/* --- of checked names only --- */

/* How many bytes the name takes at `off`. */
size_t name_skip(const uint8_t *msg, size_t off);

/* To uncompressed wire form, NAME_MAX_WIRE bytes. Returns its length. */
size_t name_expand(const uint8_t *msg, size_t off, uint8_t *wire);

/*
 * To text with a final dot, as kdig(1) shows it; at most NAME_TEXTLEN bytes, no NUL. Returns where it ends. A wire
 * name is a message of its own: name_text(to, wire, 0).
 */
char *name_text(char *to, const uint8_t *msg, size_t off);

/* Whether the name in the message is this uncompressed one; ASCII case is ignored (RFC 4343). */
bool name_is(const uint8_t *msg, size_t off, const uint8_t *wire);

/* The same, with the case of each letter. */
bool name_same(const uint8_t *msg, size_t off, const uint8_t *wire);

/* The length of an uncompressed wire name, its final 0 included. */
size_t name_len(const uint8_t *wire);

/*
 * The name under which the address of 4 or 16 bytes is looked up in reverse (RFC 1035 3.5, RFC 3596 2.5). Returns the
 * length; NAME_MAX_WIRE bytes are enough.
 */
size_t name_reverse(const uint8_t *address, size_t n, uint8_t *wire);

#endif
