/* ldnsput.h: rdata from Lua, by the rows of dns/rrtype.h. */
#ifndef LUA_LDNSPUT_H
#define LUA_LDNSPUT_H

#include "base/buf.h"
#include "dns/dnswrite.h"
#include "lua/runtime.h"

/*
 * An encoder, and where it is in the message, for what it says when it fails: `answers[2].address: ...`. Tables are
 * read raw: no metamethod runs while the scratch buffer is in use.
 */
struct encoder {
	lua_State *L;
	struct dnswriter w;
	const char *section; /* NULL: none */
	lua_Integer index;   /* in the section; 0: it is no list */
	const char *field;
};

/* Pushes nil and a message; -1. */
int ldnsput_complain(struct encoder *, const char *why);

/* Pushes table[name]; its type. */
int ldnsput_field(lua_State *, int table, const char *name);

/* The number on top of the stack, popped. 0, or -1 after ldnsput_complain. */
int ldnsput_number(struct encoder *, lua_Integer max, lua_Integer *out);

/*
 * Append the rdata that a table has; the list of options on top of the stack, which stays. 0, or -1 after
 * ldnsput_complain.
 */
int ldnsput_rdata(struct encoder *, int table, uint16_t type, uint16_t class, struct buf *);
int ldnsput_options(struct encoder *, struct buf *);

#endif
