/* What the gauges of a program know of its Lua state. */
#include "lua/state.h"

#include "stat/gauge.h"

void
runtime_gauges(void *arg, struct gauge *g)
{
	struct runtime *rt = arg;

	gauge_put(g, "gc", lua_gc(rt->L, LUA_GCCOUNT, 0) * 1024.0 + lua_gc(rt->L, LUA_GCCOUNTB, 0));
	gauge_put(g, "co", (double)rt->count);
}
