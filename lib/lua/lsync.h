/* lsync.h: coop.channel, coop.semaphore, coop.group and coop.signal, which lcoop.c puts into its table. */
#ifndef LUA_LSYNC_H
#define LUA_LSYNC_H

#include <lua.h>

int lsync_channel(lua_State *);
int lsync_semaphore(lua_State *);
int lsync_group(lua_State *);
int lsync_signal(lua_State *);

/* The metatables of all of them. */
void lsync_register(lua_State *);
void lgroup_register(lua_State *);
void lsignal_register(lua_State *);

#endif
