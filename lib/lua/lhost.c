/* dns.addresses: the addresses of a host, as getaddrinfo(3) would find them. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "dns/addresses.h"
#include "lua/ldns.h"

#define TYPE "dns addresses"

struct lookup {
	struct addresses l;
	struct task *task;  /* that waits; NULL: nobody does any more */
	bool done;
};

static void
looked_up(struct addresses *l)
{
	struct lookup *mine = (struct lookup *)(void *)((char *)l - offsetof(struct lookup, l));

	mine->done = true;
	if (mine->task != NULL)
		task_ready_soon(mine->task);
}

static void
leave(struct task *t)
{
	struct lookup *mine = t->on;

	mine->task = NULL;
	if (!mine->done)
		addresses_cancel(&mine->l);
}

static int
lookup_gc(lua_State *L)
{
	struct lookup *mine = lua_touserdata(L, 1);

	addresses_cancel(&mine->l);
	return 0;
}

static int
result(lua_State *L, const struct addresses *l)
{
	char text[ADDR_STRLEN];

	if (l->n == 0)
		return ldns_fail(L, l->status, l->rcode);
	lua_createtable(L, (int)l->n, 0);
	for (unsigned i = 0; i < l->n; i++) {
		lua_pushlstring(L, text, addr_format_host(&l->list[i], text, sizeof(text)));
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

static int
go_on(lua_State *L, int status, lua_KContext ctx)
{
	struct lookup *mine = lua_touserdata(L, (int)ctx);

	if (!mine->done && status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	return result(L, &mine->l);
}

/* family = 4 or 6 */
static int
opt_family(lua_State *L, int table)
{
	int family = AF_UNSPEC;

	if (lua_getfield(L, table, "family") != LUA_TNIL) {
		lua_Integer n = lua_tointeger(L, -1);

		if (n != 4 && n != 6)
			luaL_argerror(L, table, "family: 4 or 6 is wanted");
		family = n == 4 ? AF_INET : AF_INET6;
	}
	lua_pop(L, 1);
	return family;
}

static struct lookup *
new_lookup(lua_State *L)
{
	struct lookup *mine = lua_newuserdatauv(L, sizeof(*mine), 1);

	memset(mine, 0, sizeof(*mine));
	mine->l.done = looked_up;
	if (luaL_newmetatable(L, TYPE)) {
		lua_pushcfunction(L, lookup_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return mine;
}

/* name [, opts] at `arg`; the resolver's userdata is on top. */
static int
addresses_with(lua_State *L, struct resolver *r, int arg)
{
	static const struct wait wait = { .name = "dns.addresses", .leave = leave, .external = true };
	struct ldns *m = ldns_of(L);
	int64_t now = clock_read(&runtime_sched(runtime_of(L))->clock), deadline = CLOCK_FOREVER;
	struct lookup *mine;
	struct slice name;
	const char *why;
	int family = AF_UNSPEC, found;

	name.p = luaL_checklstring(L, arg, &name.n);
	if (!lua_isnil(L, arg + 1)) {
		luaL_checktype(L, arg + 1, LUA_TTABLE);
		family = opt_family(L, arg + 1);
		deadline = ldns_optseconds(L, arg + 1, "timeout", CLOCK_FOREVER);
		deadline = deadline >= CLOCK_FOREVER - now ? CLOCK_FOREVER : now + deadline;
	}
	if (m->hosts == NULL && (m->hosts = hosts_new(NULL)) == NULL)
		return lua_failno(L, errno);
	mine = new_lookup(L);
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, 1);
	if ((found = addresses_ask(r, m->hosts, &mine->l, name, family, &why)) < 0)
		return lua_fail(L, why);
	if (found > 0)
		return result(L, &mine->l);
	mine->task = &co_current(L)->task;
	return co_wait(L, &wait, mine, deadline, go_on, lua_gettop(L));
}

int
ldns_addresses(lua_State *L)
{
	struct resolver *r;

	lua_settop(L, 2);
	(void)co_current(L);
	if ((r = ldns_push_default(L)) == NULL)
		return lua_failno(L, errno);
	return addresses_with(L, r, 1);
}

int
ldns_own_addresses(lua_State *L)
{
	lua_settop(L, 3);
	(void)co_current(L);
	return addresses_with(L, ldns_push_self(L), 2);
}
