/* lnet.h: what the rooms of the module net share. */
#ifndef LUA_LNET_H
#define LUA_LNET_H

#include "base/addr.h"
#include "lua/runtime.h"
#include "net/stream.h"

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

/* Connections. lconn_new pushes an empty one; lconn_set gives it its stream, which it then owns. */
struct lconn;
void lconn_register(lua_State *);
struct lconn *lconn_new(lua_State *);
void lconn_set(struct lconn *, struct stream *);
stream_changed lconn_changed;

/* net.connect */
int lconnect(lua_State *);

#endif
