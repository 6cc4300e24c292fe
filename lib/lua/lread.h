/* lread.h: the formats of io.read, for what comes by a stream. */
#ifndef LUA_LREAD_H
#define LUA_LREAD_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "net/stream.h"

/*
 * What is read from. `most`: bytes that may be held while a line, or all, is still to end; SIZE_MAX: as many as there
 * is memory for. A zeroed struct with `stream` and `most` is a beginning.
 */
struct lread {
	struct stream *stream; /* borrowed */
	size_t most;
	/* private */
	size_t scanned;        /* of the input: no line end in it */
};

enum lread_result {
	LREAD_MORE,     /* *need bytes are needed in all, if the stream has not ended; if it has, there is nothing */
	LREAD_DONE,     /* a result is pushed: nil where there was to be a number */
	LREAD_TOO_LONG, /* nothing is pushed or taken */
};

/* What peers over the network may make us hold, if nobody has said otherwise, bytes. */
#define LREAD_MOST ((size_t)256 << 20)

/* Raises an argument error if one of these arguments is no format. */
void lread_check(lua_State *, int first, int last);

/*
 * Tries to read by the format at `arg` (0: a line), which lread_check has seen. Nothing is taken from the input before
 * the format is complete, but for white space in front of a number. `ended`: no more will come.
 */
enum lread_result lread_try(lua_State *, struct lread *, int arg, bool ended, size_t *need);

/* The same for n bytes; at the end, or if `any` will do, for as many as there are. */
enum lread_result lread_try_count(lua_State *, struct lread *, size_t n, bool any, size_t *need);

#endif
