/* lsync.h: coop.channel, coop.semaphore, coop.group, coop.signal and coop.run, which lcoop.c puts into its table. */
#ifndef LUA_LSYNC_H
#define LUA_LSYNC_H

#include <lua.h>

int lsync_channel(lua_State *);
int lsync_semaphore(lua_State *);
int lsync_group(lua_State *);
int lsync_signal(lua_State *);
int lsync_run(lua_State *);

/* child:wait, and the status of a child that has ended, as waitpid(2) gives it. */
int lsync_wait(lua_State *);
int lsync_raw_status(lua_State *, int child);

/* "INT" or "SIGINT", in any case: the signal; raises an error for what is none. */
int lsync_checksignal(lua_State *, int arg);

/* The metatables of all of them. */
void lsync_register(lua_State *);
void lgroup_register(lua_State *);
void lsignal_register(lua_State *);
void lrun_register(lua_State *);

#endif
