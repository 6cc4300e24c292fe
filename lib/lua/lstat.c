/*
 * The module stat. Where its datagrams go is decided at the first one: to(addr), else COOP_STATSD. The sender lives
 * in a userdata in the registry, so that it is closed, and what it holds sent, when the state is.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lua/modules.h"
#include "lua/runtime.h"
#include "stat/number.h"
#include "stat/sender.h"

enum { PORT = 8125 };

struct output {
	struct sender *sender; /* NULL: nowhere */
	bool decided;
};

static const char key;

static struct output *
output(lua_State *L)
{
	struct output *o;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
	o = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return o;
}

static int
close_output(lua_State *L)
{
	struct output *o = lua_touserdata(L, 1);

	sender_close(o->sender);
	*o = (struct output){ .decided = true };
	return 0;
}

/* NULL: nowhere. An address that makes no sense is the program's to complain of. */
static struct sender *
sender(lua_State *L)
{
	struct output *o = output(L);
	const char *text, *why;
	struct addr to;

	if (o->decided)
		return o->sender;
	o->decided = true;
	text = getenv("COOP_STATSD");
	if (text != NULL && *text != '\0' && addr_parse(slice_of(text), PORT, &to, NULL, &why) == 0)
		o->sender = sender_open(runtime_sched(runtime_of(L)), &to);
	return o->sender;
}

static struct slice
check_name(lua_State *L, int arg)
{
	struct slice name;

	name.p = luaL_checklstring(L, arg, &name.n);
	luaL_argcheck(L, name.n <= STATSD_NAME_MAX, arg, "name too long");
	luaL_argcheck(L, statsd_name_ok(name), arg, "a name is printable ASCII without spaces, ':' and '|'");
	return name;
}

static int
put(lua_State *L, lua_Number v, enum statsd_type type)
{
	struct slice name = check_name(L, 1);
	struct sender *s = sender(L);

	luaL_argcheck(L, fabs(v) <= NUMBER_MAX, 2, "number out of range");
	if (s != NULL)
		sender_put(s, name, v, type);
	return 0;
}

static int
stat_gauge(lua_State *L)
{
	return put(L, luaL_checknumber(L, 2), STATSD_GAUGE);
}

static int
stat_count(lua_State *L)
{
	return put(L, luaL_optnumber(L, 2, 1), STATSD_COUNTER);
}

static int
stat_timing(lua_State *L)
{
	return put(L, luaL_checknumber(L, 2) * 1000, STATSD_TIMER);
}

static int
stat_to(lua_State *L)
{
	struct output *o = output(L);
	struct sender *s = NULL;
	struct slice text;
	struct addr to;
	const char *why;

	if (!lua_isnoneornil(L, 1)) {
		text.p = luaL_checklstring(L, 1, &text.n);
		if (addr_parse(text, PORT, &to, NULL, &why) != 0)
			return lua_fail(L, why);
		if ((s = sender_open(runtime_sched(runtime_of(L)), &to)) == NULL)
			return lua_failno(L, errno);
	}
	sender_close(o->sender);
	*o = (struct output){ .sender = s, .decided = true };
	lua_pushboolean(L, true);
	return 1;
}

int
lstat_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "count", stat_count },
		{ "gauge", stat_gauge },
		{ "timing", stat_timing },
		{ "to", stat_to },
		{ NULL, NULL },
	};
	struct output *o = lua_newuserdatauv(L, sizeof(*o), 0);

	*o = (struct output){ .sender = NULL };
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, close_output);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
	luaL_newlib(L, functions);
	return 1;
}
