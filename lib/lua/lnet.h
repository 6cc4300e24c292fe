/* lnet.h: what the rooms of the module net share. */
#ifndef LUA_LNET_H
#define LUA_LNET_H

#include "base/addr.h"
#include "lua/runtime.h"
#include "net/stream.h"
#include "net/tls.h"

/*
 * The address at `arg` as scripts write it, `tcp:` or `udp:` in front allowed as `transport` says; raises an argument
 * error that quotes it.
 */
void lnet_checkaddr(lua_State *, int arg, enum transport, struct addr *);

/* Pushes an address as scripts see it. */
void lnet_pushaddr(lua_State *, const struct addr *);

/* Wakes every task of a list (their waits take them off it). */
void lnet_wake(struct task_list *);

/* net.udp and its objects. */
int ludp_open_socket(lua_State *);
void ludp_register(lua_State *);

/*
 * Connections. lconn_new pushes an empty one, with a user value for what must live as long as it does;
 * lconn_set gives it its stream, which it then owns.
 */
struct lconn;
void lconn_register(lua_State *);
struct lconn *lconn_new(lua_State *);
void lconn_set(struct lconn *, struct stream *);
void lconn_from_network(struct lconn *); /* whose peer may be anybody: what a line may have is bounded */
stream_changed lconn_changed;

/* conn:read, conn:lines, conn:write */
int lconn_read(lua_State *);
int lconn_lines(lua_State *);
int lconn_write(lua_State *);

struct lconn *lconn_check(lua_State *); /* argument 1 */
struct stream *lconn_stream(const struct lconn *); /* NULL: closed */
bool lconn_is_read(const struct lconn *); /* a coroutine waits for input */

/* Seconds from now, or as settimeout said when they are < 0, as an absolute deadline. */
int64_t lconn_deadline(lua_State *, const struct lconn *, double seconds);

/* Waits, as the one that reads, until something changes. Use as co_wait. */
int lconn_wait_change(lua_State *, struct lconn *, lua_KFunction, lua_KContext);

/* TLS: a table of options as scripts write it. The strings are the table's. */
struct ltls {
	struct tls_options tls;
	const char *name;
	double timeout;      /* seconds; < 0: not said */
	char alpn[256];
};

/* Reads the table at `arg`, or none; raises an argument error. `either`: it may say which role: server = true. */
void ltls_options(lua_State *, int arg, bool server, bool either, struct ltls *);

/*
 * Pushes an object that holds the struct tls, and returns that: borrowed, good as long as the object is held. NULL:
 * pushed is what went wrong.
 */
struct tls *ltls_push(lua_State *, const struct ltls *);

/* What stream_starttls fails with, in words. */
const char *ltls_refusal(int error);

/* conn:starttls and conn:tls */
int ltls_start(lua_State *);
int ltls_info(lua_State *);

/* net.connect */
int lconnect(lua_State *);

#endif
