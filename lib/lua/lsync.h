/* lsync.h: coop.channel, coop.semaphore and coop.group, which lcoop.c puts into its table. */
#ifndef LUA_LSYNC_H
#define LUA_LSYNC_H

#include <lua.h>

int lsync_channel(lua_State *);
int lsync_semaphore(lua_State *);
int lsync_group(lua_State *);

/* The metatables of all three. */
void lsync_register(lua_State *);
void lgroup_register(lua_State *);

#endif
