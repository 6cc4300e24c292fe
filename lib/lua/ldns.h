/* ldns.h: what the rooms of the module dns share, and what a program may set. */
#ifndef LUA_LDNS_H
#define LUA_LDNS_H

#include "base/file.h"
#include "dns/dnsmsg.h"
#include "dns/hosts.h"
#include "dns/pattern.h"
#include "dns/resolver.h"
#include "lua/runtime.h"

/* What the module keeps, in the registry. */
struct ldns {
	struct buf scratch;
	struct dns_conf conf;    /* of the default resolver; no servers: resolv.conf is read when it is needed */
	struct file_stamp stamp; /* of resolv.conf when it was read */
	int64_t looked;          /* at it, last */
	struct hosts *hosts;     /* NULL: not needed yet */
	struct patterns patterns;
};

struct ldns *ldns_of(lua_State *);

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

/* Pushes the default resolver, made when it is first needed. NULL with errno. */
struct resolver *ldns_push_default(lua_State *);

/* The resolver of a method call, its userdata on top of the stack. */
struct resolver *ldns_push_self(lua_State *);

/* resolver:stats */
int ldns_stats(lua_State *);

/* dns.resolver, and its type */
int ldns_new_resolver(lua_State *);
void ldns_register_resolver(lua_State *, const struct luaL_Reg *methods);

/* A field of the table at `table`; raises an argument error. Seconds as ns. */
int64_t ldns_optseconds(lua_State *, int table, const char *name, int64_t otherwise);
bool ldns_optbool(lua_State *, int table, const char *name, bool otherwise);

/* nil, and what became of a question. */
int ldns_fail(lua_State *, uint8_t status, uint16_t rcode);

/* dns.addresses, resolver:addresses */
int ldns_addresses(lua_State *);
int ldns_own_addresses(lua_State *);

/* dns.encode, dns.decode, dns.text */
int ldns_encode(lua_State *);
int ldns_decode(lua_State *);
int ldns_text(lua_State *);

/* Pushes the table of a message. */
void ldns_push_message(lua_State *, const struct dnsmsg *);

/* Pushes the list of its answers of a type (RRTYPE_ANY: all). */
void ldns_push_answers(lua_State *, const struct dnsmsg *, uint16_t type);

/* Pushes a (wire) name of a message as text. */
void ldns_push_name(lua_State *, const uint8_t *msg, size_t off);

/* A type at `arg`: "MX", or a number; nil: `otherwise`. Raises an argument error. */
uint16_t ldns_opttype(lua_State *, int arg, uint16_t otherwise);

#endif
