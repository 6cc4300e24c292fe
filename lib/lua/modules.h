/*
 * modules.h: what each l*.c room brings into a state. Every function leaves its module's table on the stack and
 * returns 1.
 */
#ifndef LUA_MODULES_H
#define LUA_MODULES_H

#include <lua.h>

int lcoop_open(lua_State *);
int lnet_open(lua_State *);
int ldns_open(lua_State *);
int lsip_open(lua_State *);

/* Puts ours before the functions of io and os that would block. */
void lio_open(lua_State *);

/* Puts ours in the place of require. */
void lrequire_open(lua_State *);

/* Lets require find our socket.core and socket.unix. */
void lsocket_preload(lua_State *);
int lstat_open(lua_State *);

/* Loads all of them, as modules for require and as globals. */
void modules_open(lua_State *);

/* One more: for programs that bring a module of their own. */
void modules_add(lua_State *, const char *name, lua_CFunction open);

#endif
