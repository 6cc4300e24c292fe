/* Extensions of SIP: what a request requires (RFC 3261 section 20.32), and what the script says that it supports. */
#include "lua/lsip.h"
#include "sip/lex.h"

/* Whether the list `supported`, on top, has that. */
static bool
is_listed(lua_State *L, struct slice tag)
{
	bool listed = false;

	if (!lua_istable(L, -1))
		return false;
	for (lua_Integer i = 1, n = luaL_len(L, -1); i <= n && !listed; i++) {
		struct slice one = { NULL, 0 };

		if (lua_geti(L, -1, i) == LUA_TSTRING)
			one.p = lua_tolstring(L, -1, &one.n);
		listed = one.p != NULL && slice_caseeq(one, tag);
		lua_pop(L, 1);
	}
	return listed;
}

bool
lsip_push_unsupported(lua_State *L, const struct sipmsg *m)
{
	const struct sip_header *h = sip_find(m, SIP_REQUIRE, 0);
	struct slice rest, tag;
	int acc;

	if (h == NULL)
		return false;
	lua_pushliteral(L, "");
	acc = lua_gettop(L);
	(void)lsip_get_global(L, "supported");
	for (; h != NULL; h = sip_find(m, SIP_REQUIRE, (int)(h - m->headers) + 1)) {
		rest = sip_header_value(m, h);
		while (sip_take_value(&rest, &tag)) {
			if (is_listed(L, tag))
				continue;
			lua_pushvalue(L, acc);
			lua_pushstring(L, lua_rawlen(L, acc) > 0 ? ", " : "");
			lsip_push_value(L, tag);
			lua_concat(L, 3);
			lua_replace(L, acc);
		}
	}
	lua_settop(L, acc);
	if (lua_rawlen(L, acc) > 0)
		return true;
	lua_settop(L, acc - 1);
	return false;
}
