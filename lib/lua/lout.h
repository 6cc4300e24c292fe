/*
 * lout.h: what a script prints. Standard output and error, where somebody reads them who may be slow: print, io.write
 * and the like then suspend only their coroutine. Plain files stay with the C library.
 */
#ifndef LUA_LOUT_H
#define LUA_LOUT_H

#include <lua.h>
#include <stdbool.h>
#include <stdio.h>

struct louts;
struct runtime;

/* NULL: no memory. The runtime's scheduler must outlive it. */
struct louts *lout_new(struct runtime *);

/* Loses what is pending. NULL is ignored. */
void lout_free(struct louts *);

/* Sends what has been printed, as far as it goes without waiting. */
void lout_push(struct louts *);

/* All of it, and keeps everybody waiting; `patience` as in outlet_drain. */
void lout_drain(struct louts *, int64_t patience);

/*
 * Says a line on standard error, after what scripts have written there: "name: text", or the text alone when the name
 * is NULL. Nobody waits for it. lout_error: bytes, with no line's end.
 */
void lout_say(struct louts *, const char *name, const char *text);
void lout_error(struct louts *, const char *bytes, size_t n);

/* Puts our print in the place of Lua's. */
void lout_register(lua_State *);

/*
 * file:write, of any file; file:flush and file:setvbuf, when `f` is one that lout_has: the file is at 1, its arguments
 * are above, and lout_check has seen them. They may wait; use as `return lout_write(L, f)`.
 */
int lout_write(lua_State *, FILE *f);
bool lout_has(lua_State *, const FILE *f);
int lout_flush(lua_State *, const FILE *f);
void lout_setvbuf(lua_State *, const FILE *f, const char *mode);

/* Raises an argument error if one from `first` on is nothing that can be written. */
void lout_check(lua_State *, int first);

/* Puts in the place of such an argument the text that is written of it. */
void lout_totext(lua_State *, int arg);

#endif
