/*
 * require, so that a module may wait while it is loaded: Lua's own calls the loader in a way that cannot be left. It
 * finds modules as that does, by package.searchers. What is being loaded is told by the table under `loading_key`, by
 * name: other coroutines that require it wait for the end of that, rather than to load it twice. It is the end, too,
 * when the loader fails or its coroutine is cancelled: hence the to-be-closed variable.
 */
#include "lua/modules.h"
#include "lua/runtime.h"
#include "lua/state.h"

#define TYPE "require"

static const char loading_key;

struct loading {
	struct task_list waiting;
	const struct co *by;
};

enum { NAME = 1, LOADED, LOADING, MARK, DATA };

static void
leave(struct task *t)
{
	struct loading *l = t->on;

	TAILQ_REMOVE(&l->waiting, t, link);
}

/* __close of a mark, the name in its user value. */
static int
loading_over(lua_State *L)
{
	struct loading *l = luaL_checkudata(L, 1, TYPE);
	struct task *t;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &loading_key);
	lua_getiuservalue(L, 1, 1);
	lua_pushnil(L);
	lua_rawset(L, -3);
	while ((t = TAILQ_FIRST(&l->waiting)) != NULL)
		task_ready_soon(t);
	return 0;
}

/*
 * Leaves the loader and its data on top of the stack, or raises an error that says where was looked. No luaL_Buffer:
 * that may keep a to-be-closed variable on the stack, which could not be moved.
 */
static void
find_loader(lua_State *L, const char *name)
{
	enum { SEARCHERS = MARK + 1, WHERE };

	/* of the package table that this function was made with, as Lua's own does */
	if (lua_getfield(L, lua_upvalueindex(1), "searchers") != LUA_TTABLE)
		luaL_error(L, "'package.searchers' must be a table");
	lua_pushliteral(L, "");
	for (lua_Integer i = 1; lua_rawgeti(L, SEARCHERS, i) != LUA_TNIL; i++) {
		lua_pushvalue(L, NAME);
		lua_call(L, 1, 2);
		if (lua_isfunction(L, -2))
			return;
		if (lua_isstring(L, -2))
			lua_pushfstring(L, "%s\n\t%s", lua_tostring(L, WHERE), lua_tostring(L, -2));
		else
			lua_pushvalue(L, WHERE);
		lua_replace(L, WHERE);
		lua_settop(L, WHERE);
	}
	luaL_error(L, "module '%s' not found:%s", name, lua_tostring(L, WHERE));
}

/* The stack: name, loaded, loading, mark, the loader's data, its result. */
static int
loader_done(lua_State *L, int status, lua_KContext ctx)
{
	const char *name = lua_tostring(L, NAME);

	(void)status;
	(void)ctx;
	if (!lua_isnil(L, -1))
		lua_setfield(L, LOADED, name);
	else
		lua_pop(L, 1);
	if (lua_getfield(L, LOADED, name) == LUA_TNIL) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
		lua_pushvalue(L, -1);
		lua_setfield(L, LOADED, name);
	}
	lua_pushvalue(L, DATA);
	return 2;
}

static void
mark_loading(lua_State *L, const struct co *by)
{
	struct loading *l = lua_newuserdatauv(L, sizeof(*l), 1);

	*l = (struct loading){ .by = by };
	TAILQ_INIT(&l->waiting);
	luaL_setmetatable(L, TYPE);
	lua_pushvalue(L, NAME);
	lua_setiuservalue(L, MARK, 1);
	lua_toclose(L, MARK);
	lua_pushvalue(L, NAME);
	lua_pushvalue(L, MARK);
	lua_rawset(L, LOADING);
}

static int
load_module(lua_State *L)
{
	find_loader(L, lua_tostring(L, NAME));
	lua_insert(L, DATA);
	lua_insert(L, DATA + 1);
	lua_settop(L, DATA + 1);
	lua_pushvalue(L, NAME);
	lua_pushvalue(L, DATA);
	lua_callk(L, 2, 1, 0, loader_done);
	return loader_done(L, LUA_OK, 0);
}

static int
require_on(lua_State *L, int status, lua_KContext ctx)
{
	static const struct wait wait = { .name = "require", .leave = leave };
	const struct co *by = NULL;
	struct loading *l;

	(void)status;
	(void)ctx;
	lua_settop(L, NAME);
	lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_getfield(L, LOADED, lua_tostring(L, NAME));
	if (lua_toboolean(L, -1))
		return 1;
	lua_pop(L, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &loading_key);
	lua_pushvalue(L, NAME);
	lua_rawget(L, LOADING);
	l = lua_touserdata(L, MARK);
	if (co_can_wait(L))
		by = co_current(L);
	if (l != NULL && by != NULL && l->by != by) {
		struct co *co = co_current(L);

		TAILQ_INSERT_TAIL(&l->waiting, &co->task, link);
		return co_wait(L, &wait, l, CLOCK_FOREVER, require_on, 0);
	}
	/* a module that requires itself: it is its own affair, as in Lua */
	if (l != NULL)
		return load_module(L);
	lua_settop(L, LOADING);
	mark_loading(L, by);
	return load_module(L);
}

static int
require(lua_State *L)
{
	(void)luaL_checkstring(L, NAME);
	return require_on(L, LUA_OK, 0);
}

void
lrequire_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "__close", loading_over },
		{ NULL, NULL },
	};

	lua_newtype(L, TYPE, methods);
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &loading_key);
	lua_getglobal(L, LUA_LOADLIBNAME);
	lua_pushcclosure(L, require, 1);
	lua_setglobal(L, "require");
}
