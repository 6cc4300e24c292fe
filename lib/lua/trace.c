/*
 * Where an error in a generator arose is lost once coroutine.wrap raises it on in the resumer. So wrap leaves a note
 * here: a table of the error as it goes on, and the traceback up to there; the report of an uncaught error looks
 * whether the note is about it.
 */
#include "lua/state.h"

static const char key = 0; /* its address is the registry key */

static void
push_note(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TTABLE)
		return;
	lua_pop(L, 1);
	lua_createtable(L, 0, 2);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

void
co_note_trace(lua_State *L, lua_State *G)
{
	int error = lua_gettop(L);
	bool nested = co_push_trace(L, error);

	if (nested)
		lua_pushliteral(L, "\n");
	luaL_traceback(L, G, NULL, 0);
	lua_concat(L, lua_gettop(L) - error);
	push_note(L);
	lua_insert(L, -2);
	lua_setfield(L, -2, "trace");
	lua_pushvalue(L, error);
	lua_setfield(L, -2, "error");
	lua_pop(L, 1);
}

void
co_keep_trace(lua_State *L)
{
	push_note(L);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "error");
	lua_pop(L, 1);
}

bool
co_push_trace(lua_State *L, int index)
{
	bool about_it;

	push_note(L);
	lua_getfield(L, -1, "error");
	/* nil is what a note holds that was never written */
	about_it = !lua_isnil(L, -1) && lua_rawequal(L, -1, index) != 0;
	lua_pop(L, 1);
	if (!about_it) {
		lua_pop(L, 1);
		return false;
	}
	lua_getfield(L, -1, "trace");
	lua_remove(L, -2);
	return true;
}
