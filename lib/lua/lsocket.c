/*
 * socket.core: what LuaSocket's Lua modules, and libraries written for it, call. Debian's socket.lua and the rest run
 * on it unchanged.
 */
#include "lua/lsock.h"
#include "lua/modules.h"
#include "lua/state.h"

/* --- exceptions: newtry's functions raise a table of this type, protect gives what is in it back --- */

#define EXCEPTION "socket.exception"

static int
try_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	lua_settop(L, 2);
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, 1);
	luaL_setmetatable(L, EXCEPTION);
	return lua_error(L);
}

static int
try_(lua_State *L)
{
	if (lua_toboolean(L, 1))
		return lua_gettop(L);
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	return try_done(L, lua_pcallk(L, 0, 0, 0, 0, try_done), 0);
}

static int
nothing(lua_State *L)
{
	(void)L;
	return 0;
}

static int
newtry(lua_State *L)
{
	lua_settop(L, 1);
	if (lua_isnil(L, 1)) {
		lua_pushcfunction(L, nothing);
		lua_replace(L, 1);
	}
	lua_pushcclosure(L, try_, 1);
	return 1;
}

static int
protected_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)ctx;
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L);
	if (!lua_istable(L, -1) || !lua_getmetatable(L, -1))
		return lua_error(L);
	luaL_getmetatable(L, EXCEPTION);
	if (!lua_rawequal(L, -1, -2)) {
		lua_pop(L, 2);
		return lua_error(L);
	}
	lua_pop(L, 2);
	lua_pushnil(L);
	lua_rawgeti(L, -2, 1);
	return 2;
}

static int
call_protected(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	return protected_done(L, lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, protected_done), 0);
}

static int
protect(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_settop(L, 1);
	lua_pushcclosure(L, call_protected, 1);
	return 1;
}

/* --- the module --- */

static int
gettime(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)clock_wall(&runtime_sched(runtime_of(L))->clock) / (lua_Number)SEC);
	return 1;
}

static int
sleep_(lua_State *L)
{
	static const struct wait wait = { .name = "socket sleep" };
	double seconds = luaL_checknumber(L, 1);

	lua_settop(L, 0);
	return co_wait(L, &wait, NULL, co_from_now(L, seconds > 0 ? clock_ns(seconds) : 0), NULL, 0);
}

static int
skip(lua_State *L)
{
	int n = (int)luaL_checkinteger(L, 1), left = lua_gettop(L) - n - 1;

	return left >= 0 ? left : 0;
}

static int
unload(lua_State *L)
{
	(void)L;
	return 0;
}

static int
open_core(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "__unload", unload },
		{ "connect", lsock_connect },
		{ "gettime", gettime },
		{ "newtry", newtry },
		{ "protect", protect },
		{ "select", lsock_select },
		{ "skip", skip },
		{ "sleep", sleep_ },
		{ "tcp", lsock_tcp },
		{ "tcp4", lsock_tcp4 },
		{ "tcp6", lsock_tcp6 },
		{ "udp", lsock_udp },
		{ "udp4", lsock_udp4 },
		{ "udp6", lsock_udp6 },
		{ NULL, NULL },
	};
	luaL_newmetatable(L, EXCEPTION);
	lua_pop(L, 1);
	lsock_register_tcp(L);
	lsock_register_udp(L);
	luaL_newlib(L, functions);
	lsock_push_dns(L);
	lua_setfield(L, -2, "dns");
	/* what select takes is not bounded; the name is LuaSocket's */
	lua_pushinteger(L, 1 << 20);
	lua_setfield(L, -2, "_SETSIZE");
	lua_pushinteger(L, 8192);
	lua_setfield(L, -2, "_DATAGRAMSIZE");
	lua_pushliteral(L, "LuaSocket 3.1.0");
	lua_setfield(L, -2, "_VERSION");
	return 1;
}

/* Where require looks first: ours are loaded only when somebody asks. */
void
lsocket_preload(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushcfunction(L, open_core);
	lua_setfield(L, -2, "socket.core");
	lua_pushcfunction(L, lsock_open_unix);
	lua_setfield(L, -2, "socket.unix");
	lua_pop(L, 1);
}
