/* ldnsrr.h: rdata to Lua, by the rows of dns/rrtype.h. */
#ifndef LUA_LDNSRR_H
#define LUA_LDNSRR_H

#include "dns/rrtype.h"
#include "lua/runtime.h"

/* What a field is in Lua. */
enum ldnsrr_shape {
	SHAPE_NUMBER,
	SHAPE_BOOLEAN,
	SHAPE_TEXT,     /* as in a zone file */
	SHAPE_BYTES,    /* behind the length, if there is one */
	SHAPE_STRINGS,  /* a list of them */
	SHAPE_WORDS,    /* a list of texts, as in a zone file */
	SHAPE_NUMBERS,  /* a list of them */
	SHAPE_PARAMS,   /* a table from keys to texts */
	SHAPE_OPTIONS,
	SHAPE_HIDDEN,
};

/* Sets the fields of checked rdata in the table on top of the stack. */
void ldnsrr_push(lua_State *, const struct rrtype *, const uint8_t *msg, size_t off, size_t n);

/* Pushes the list of options of EDNS. */
void ldnsrr_push_options(lua_State *, const uint8_t *, size_t n);

/* How many bytes of length a field of a kind begins with. */
int ldnsrr_prefix(unsigned kind);

enum ldnsrr_shape ldnsrr_shape(unsigned kind);

#endif
