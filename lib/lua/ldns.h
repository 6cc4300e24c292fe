/* ldns.h: what the rooms of the module dns share, and what a program may set. */
#ifndef LUA_LDNS_H
#define LUA_LDNS_H

#include "dns/dnsmsg.h"
#include "dns/resolver.h"
#include "lua/runtime.h"

/*
 * The servers of dns.query, dns.enum and net.connect from now on, instead of those of resolv.conf(5). Before the
 * first of them is called, or else what is under way is asked of the old ones. 0, or -1 with errno. The module must
 * have been opened.
 */
int ldns_set_servers(lua_State *, const struct dns_conf *);

/*
 * A buffer that the module keeps for good, emptied: an error that jumps out of a function leaves nothing behind. Good
 * until the next call.
 */
struct buf *ldns_scratch(lua_State *);

/* dns.encode, dns.decode */
int ldns_encode(lua_State *);
int ldns_decode(lua_State *);

/* Pushes the table of a message. */
void ldns_push_message(lua_State *, const struct dnsmsg *);

/* Pushes the list of its answers of a type (RRTYPE_ANY: all). */
void ldns_push_answers(lua_State *, const struct dnsmsg *, uint16_t type);

/* Pushes a (wire) name of a message as text. */
void ldns_push_name(lua_State *, const uint8_t *msg, size_t off);

/* A type at `arg`: "MX", or a number; nil: `otherwise`. Raises an argument error. */
uint16_t ldns_opttype(lua_State *, int arg, uint16_t otherwise);

#endif
