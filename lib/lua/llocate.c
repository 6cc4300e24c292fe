/* dns.locate: where the requests of a SIP URI go (RFC 3263). */
#include <errno.h>

#include "lua/ldns.h"
#include "lua/lsip.h"
#include "sip/locate.h"

#define LOCATE "dns locate"

struct llocate {
	struct locate l;
	struct task *task;
	bool done;
};

static void
done(struct locate *l)
{
	struct llocate *mine = l->owner;

	mine->done = true;
	if (mine->task != NULL)
		task_ready_soon(mine->task);
}

static void
leave(struct task *t)
{
	struct llocate *mine = t->on;

	mine->task = NULL;
	if (!mine->done)
		locate_cancel(&mine->l);
}

static int
collect(lua_State *L)
{
	struct llocate *mine = lua_touserdata(L, 1);

	locate_cancel(&mine->l);
	return 0;
}

static void
push_place(lua_State *L, const struct locate *l, const struct locate_place *p)
{
	char text[NAME_TEXTLEN], addr[ADDR_STRLEN];
	char *end = name_text(text, locate_host(l, p), 0);

	lua_createtable(L, 0, 5);
	lua_pushstring(L, transport_name((enum transport)p->transport));
	lua_setfield(L, -2, "transport");
	(void)addr_format_host(&p->addr, addr, sizeof(addr));
	lua_pushstring(L, addr);
	lua_setfield(L, -2, "addr");
	/* without the final dot; an address is its own host */
	if (*locate_host(l, p) != 0)
		lua_pushlstring(L, text, (size_t)(end - text) - 1);
	else
		lua_pushstring(L, addr);
	lua_setfield(L, -2, "host");
	lua_pushinteger(L, addr_port(&p->addr));
	lua_setfield(L, -2, "port");
	lua_pushboolean(L, l->chosen);
	lua_setfield(L, -2, "chosen");
}

static int
located(lua_State *L, int status, lua_KContext ctx)
{
	struct llocate *mine = lua_touserdata(L, (int)ctx);

	if (!mine->done && status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	if (mine->l.nplaces == 0)
		return ldns_fail(L, mine->l.status, mine->l.rcode);
	lua_createtable(L, (int)mine->l.nplaces, 0);
	for (unsigned i = 0; i < mine->l.nplaces; i++) {
		push_place(L, &mine->l, &mine->l.places[i]);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

/* "example.com" means "sip:example.com" */
static int
read_uri(lua_State *L, struct sipuri *u)
{
	struct fault f;
	struct slice text;

	text.p = luaL_checklstring(L, 1, &text.n);
	if (memchr(text.p, ':', text.n) == NULL) {
		lua_pushfstring(L, "sip:%s", text.p);
		lua_replace(L, 1);
		text.p = lua_tolstring(L, 1, &text.n);
	}
	if (sipuri_parse(u, text, &f) == 0)
		return 0;
	lua_pushstring(L, f.why);
	return -1;
}

/* dns.locate(uri [, seconds]) */
static int
locate(lua_State *L)
{
	static const struct wait wait = { .name = "dns.locate", .leave = leave, .external = true };
	struct co *co = co_current(L);
	int64_t deadline = co_optdeadline(L, 2);
	struct resolver *r = NULL;
	struct ldns *m = ldns_of(L);
	struct llocate *mine;
	struct sipuri u;
	const char *why;

	lua_settop(L, 2);
	if (read_uri(L, &u) == -1)
		return lua_fail(L, lua_tostring(L, -1));
	if (m->hosts == NULL && (m->hosts = hosts_new(NULL)) == NULL)
		return lua_failno(L, errno);
	if (!locate_is_numeric(&u) && (r = ldns_push_default(L)) == NULL)
		return lua_failno(L, errno);
	mine = lua_newuserdatauv(L, sizeof(*mine), 0);
	memset(mine, 0, sizeof(*mine));
	luaL_setmetatable(L, LOCATE);
	mine->l.done = done;
	mine->l.owner = mine;
	mine->l.hosts = m->hosts;
	mine->task = &co->task;
	if (locate_ask(runtime_sched(runtime_of(L)), r, &mine->l, &u, LOCATE_UDP | LOCATE_TCP | LOCATE_TLS, &why) == -1) {
		mine->task = NULL;
		return lua_fail(L, why);
	}
	return co_wait(L, &wait, mine, deadline, located, lua_gettop(L));
}

void
llocate_add(lua_State *L)
{
	luaL_newmetatable(L, LOCATE);
	lua_pushcfunction(L, collect);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	lua_pushcfunction(L, locate);
	lua_setfield(L, -2, "locate");
}
