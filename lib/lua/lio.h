/* lio.h: what the rooms of io share: files whose bytes go by a connection. */
#ifndef LUA_LIO_H
#define LUA_LIO_H

#include <lauxlib.h>

/* User values of such a file. */
enum { LIO_CONN = 1, LIO_CHILD };

/* Pushes a file of Lua's own kind, closed, that has room for them. */
luaL_Stream *lio_newfile(lua_State *);

/* file:read */
int lio_read(lua_State *);

/* Calls Lua's own function, kept in the registry under `key`, with all that is on the stack. */
int lio_call_own(lua_State *, const char *key);

/* Keeps table[name], the table being on top, under `key`, and puts ours in its place. */
void lio_stand_before(lua_State *, const char *name, lua_CFunction ours, const char *key);

/* io.open, and io.lines, io.input and io.output of a file's name: the table io is on top. */
void lfifo_register(lua_State *);

#endif
