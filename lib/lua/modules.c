#include "lua/modules.h"

#include <lauxlib.h>

void
modules_add(lua_State *L, const char *name, lua_CFunction open)
{
	luaL_requiref(L, name, open, 1);
	lua_pop(L, 1);
}

void
modules_open(lua_State *L)
{
	modules_add(L, "coop", lcoop_open);
	modules_add(L, "net", lnet_open);
	modules_add(L, "dns", ldns_open);
	modules_add(L, "stat", lstat_open);
	modules_add(L, "sip", lsip_open);
	lio_open(L);
	lrequire_open(L);
	lsocket_preload(L);
}
