/*
 * The module dns. A question is a userdata with the query in it, on the stack of the coroutine that waits: when the
 * answer comes its packet is copied there, and made into tables once the coroutine runs.
 */
#include "lua/ldns.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dns/enum.h"
#include "dns/idn.h"
#include "dns/name.h"
#include "dns/search.h"
#include "dns/special.h"
#include "lua/modules.h"
#include "sip/sipuri.h"

#define QUERY    "dns query"
#define LOOKUP   "dns enum"

struct query {
	struct dns_query q;
	struct task *task;  /* that waits; NULL: nobody does any more */
	bool done;
	struct buf packet;  /* the answer, with nothing else */
	struct search *search; /* with search = true, held by the second user value; else NULL */
	struct resolver *resolver;
	uint8_t name[];
};

struct lookup {
	struct enum_lookup e;
	struct task *task;
	bool done;
};

static const char module_key;

struct ldns *
ldns_of(lua_State *L)
{
	struct ldns *m;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key);
	m = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return m;
}

struct buf *
ldns_scratch(lua_State *L)
{
	struct buf *b = &ldns_of(L)->scratch;

	buf_clear(b);
	buf_trim(b, 65536);
	return b;
}

static int
module_gc(lua_State *L)
{
	struct ldns *m = lua_touserdata(L, 1);

	buf_fini(&m->scratch);
	patterns_fini(&m->patterns);
	hosts_free(m->hosts);
	m->hosts = NULL;
	return 0;
}

/* --- waiting --- */

int
ldns_fail(lua_State *L, uint8_t status, uint16_t rcode)
{
	char text[RRTYPE_TEXTLEN];

	switch ((enum dns_status)status) {
	case DNS_TIMEOUT:
		return lua_fail(L, "timeout");
	case DNS_UNREACHABLE:
		return lua_fail(L, "unreachable");
	case DNS_MALFORMED:
		return lua_fail(L, "malformed");
	case DNS_TRUNCATED:
		return lua_fail(L, "truncated");
	default:
		return lua_fail(L, dns_status_text((enum dns_status)status, rcode, text));
	}
}

static void
wake(struct task *t)
{
	if (t != NULL)
		task_ready_soon(t);
}

static void
ask_next(struct query *mine)
{
	mine->q.x.name = mine->search->name;
	mine->q.x.namelen = mine->search->namelen;
	resolver_ask(mine->resolver, &mine->q);
}

static void
query_done(struct dns_query *q)
{
	struct query *mine = (struct query *)(void *)((char *)q - offsetof(struct query, q));

	if (mine->search != NULL && q->status != DNS_ANSWER_OK && search_on(mine->search, &q->status, &q->rcode)) {
		ask_next(mine);
		return;
	}
	if (q->msg != NULL)
		buf_put(&mine->packet, q->msg->p, q->msg->n);
	mine->done = true;
	wake(mine->task);
}

static void
leave_query(struct task *t)
{
	struct query *mine = t->on;

	mine->task = NULL;
	if (!mine->done)
		resolver_cancel(mine->q.resolver, &mine->q);
}

static int
query_gc(lua_State *L)
{
	struct query *mine = lua_touserdata(L, 1);

	if (mine->q.resolver != NULL)
		resolver_cancel(mine->q.resolver, &mine->q);
	buf_fini(&mine->packet);
	return 0;
}

static void
lookup_done(struct enum_lookup *e)
{
	struct lookup *mine = (struct lookup *)(void *)((char *)e - offsetof(struct lookup, e));

	mine->done = true;
	wake(mine->task);
}

static void
leave_lookup(struct task *t)
{
	struct lookup *mine = t->on;

	mine->task = NULL;
	if (!mine->done)
		enum_cancel(mine->e.q.resolver, &mine->e);
}

static int
lookup_gc(lua_State *L)
{
	struct lookup *mine = lua_touserdata(L, 1);

	if (mine->e.q.resolver != NULL)
		enum_cancel(mine->e.q.resolver, &mine->e);
	enum_fini(&mine->e);
	return 0;
}

/* Whether what waits on top of the stack is done; if not, it was the deadline. */
static bool
timed_out(lua_State *L, int status, bool done)
{
	return !done && status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT;
}

/* --- query --- */

static int
query_result(lua_State *L, struct query *mine)
{
	struct dnsmsg m;
	struct fault fault;
	int n;

	if (mine->packet.failed)
		return lua_fail(L, "not enough memory");
	/* it was parsed when it came, but its slices pointed elsewhere */
	if (mine->packet.n == 0 || dnsmsg_parse(&m, mine->packet.p, mine->packet.n, &fault) != 0)
		return ldns_fail(L, mine->q.status, mine->q.rcode);
	if (mine->q.status == DNS_ANSWER_OK) {
		ldns_push_answers(L, &m, mine->q.x.type);
		n = 1;
	} else {
		n = ldns_fail(L, mine->q.status, mine->q.rcode);
	}
	ldns_push_message(L, &m);
	return n + 1;
}

static int
queried(lua_State *L, int status, lua_KContext ctx)
{
	struct query *mine = lua_touserdata(L, (int)ctx);

	return timed_out(L, status, mine->done) ? lua_fail(L, "timeout") : query_result(L, mine);
}

static struct query *
new_query(lua_State *L, const uint8_t *name, size_t n)
{
	struct query *mine = lua_newuserdatauv(L, sizeof(*mine) + n, 2);

	memset(mine, 0, sizeof(*mine));
	memcpy(mine->name, name, n);
	mine->q.x.name = mine->name;
	mine->q.x.namelen = (uint8_t)n;
	mine->q.done = query_done;
	luaL_setmetatable(L, QUERY);
	return mine;
}

uint16_t
ldns_opttype(lua_State *L, int arg, uint16_t otherwise)
{
	lua_Integer v;
	uint16_t type;

	if (lua_isnoneornil(L, arg))
		return otherwise;
	if (lua_type(L, arg) == LUA_TNUMBER) {
		v = luaL_checkinteger(L, arg);
		luaL_argcheck(L, v >= 0 && v <= UINT16_MAX, arg, "no such type");
		return (uint16_t)v;
	}
	if (rrtype_parse(slice_of(luaL_checkstring(L, arg)), &type) != 0)
		luaL_argerror(L, arg, lua_pushfstring(L, "unknown type '%s'", lua_tostring(L, arg)));
	return type;
}

/* opts = { timeout=, dnssec=, recurse= }; the deadline, CLOCK_FOREVER for none */
static int64_t
read_opts(lua_State *L, int arg, struct exchange *x)
{
	int64_t timeout;

	if (lua_isnoneornil(L, arg))
		return CLOCK_FOREVER;
	luaL_checktype(L, arg, LUA_TTABLE);
	x->dnssec = ldns_optbool(L, arg, "dnssec", false);
	x->no_recursion = !ldns_optbool(L, arg, "recurse", true);
	timeout = ldns_optseconds(L, arg, "timeout", CLOCK_FOREVER);
	return timeout >= CLOCK_FOREVER ? timeout : clock_read(&runtime_sched(runtime_of(L))->clock) + timeout;
}

/* The names that `text` may stand for are kept beside the question on top of the stack. 0, or -1 with *why. */
static int
begin_search(lua_State *L, struct query *mine, struct slice text, const char **why)
{
	mine->search = lua_newuserdatauv(L, sizeof(*mine->search), 0);
	lua_setiuservalue(L, -2, 2);
	if (search_begin(mine->search, resolver_conf(mine->resolver), text, why) != 0)
		return -1;
	mine->q.x.name = mine->search->name;
	mine->q.x.namelen = mine->search->namelen;
	return 0;
}

/* name [, type [, opts]] at `arg`; the resolver's userdata is on top. */
static int
query_with(lua_State *L, struct resolver *r, int arg)
{
	static const struct wait wait = { .name = "dns.query", .leave = leave_query, .external = true };
	uint8_t name[NAME_MAX_WIRE];
	struct exchange x = { .type = ldns_opttype(L, arg + 1, RRTYPE_A), .class = RRCLASS_IN };
	struct query *mine;
	const char *why;
	struct slice text;
	int64_t deadline;
	int n;

	text.p = luaL_checklstring(L, arg, &text.n);
	deadline = read_opts(L, arg + 2, &x);
	if ((n = idn_parse(text, name, &why)) < 0)
		return lua_fail(L, why);
	mine = new_query(L, name, (size_t)n);
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, 1);
	mine->q.x.type = x.type;
	mine->q.x.class = x.class;
	mine->q.x.dnssec = x.dnssec;
	mine->q.x.no_recursion = x.no_recursion;
	mine->resolver = r;
	if (special_answer(&mine->q.x, &mine->packet, &mine->q.status))
		return query_result(L, mine);
	if (lua_istable(L, arg + 2) && ldns_optbool(L, arg + 2, "search", false) && begin_search(L, mine, text, &why) != 0)
		return lua_fail(L, why);
	mine->task = &co_current(L)->task;
	resolver_ask(r, &mine->q);
	return co_wait(L, &wait, mine, deadline, queried, lua_gettop(L));
}

static int
module_query(lua_State *L)
{
	struct resolver *r;

	lua_settop(L, 3);
	(void)co_current(L);
	if ((r = ldns_push_default(L)) == NULL)
		return lua_failno(L, errno);
	return query_with(L, r, 1);
}

static int
method_query(lua_State *L)
{
	lua_settop(L, 4);
	(void)co_current(L);
	return query_with(L, ldns_push_self(L), 2);
}

/* --- enum --- */

static void
push_slice(lua_State *L, struct slice s)
{
	lua_pushlstring(L, s.p, s.n);
}

/* What a zone says is not trusted: no script should have to look whether it can be passed on. */
static bool
is_usable(struct slice uri)
{
	struct sipuri u;
	struct fault f;

	return sipuri_parse(&u, uri, &f) == 0;
}

static int
lookup_result(lua_State *L, struct lookup *mine)
{
	const struct enum_lookup *e = &mine->e;
	lua_Integer n = 0;

	if (e->nresults == 0)
		return ldns_fail(L, e->status == DNS_ANSWER_OK ? DNS_NODATA : e->status, e->rcode);
	lua_createtable(L, (int)e->nresults, 0);
	for (unsigned i = 0; i < e->nresults; i++) {
		if (!is_usable(enum_uri(e, &e->results[i])))
			continue;
		lua_createtable(L, 0, 4);
		push_slice(L, enum_uri(e, &e->results[i]));
		lua_setfield(L, -2, "uri");
		push_slice(L, enum_service(e, &e->results[i]));
		lua_setfield(L, -2, "service");
		lua_pushinteger(L, e->results[i].order);
		lua_setfield(L, -2, "order");
		lua_pushinteger(L, e->results[i].preference);
		lua_setfield(L, -2, "preference");
		lua_rawseti(L, -2, ++n);
	}
	return n > 0 ? 1 : ldns_fail(L, DNS_NODATA, e->rcode);
}

static int
looked_up(lua_State *L, int status, lua_KContext ctx)
{
	struct lookup *mine = lua_touserdata(L, (int)ctx);

	return timed_out(L, status, mine->done) ? lua_fail(L, "timeout") : lookup_result(L, mine);
}

/* number [, suffix] [, opts] at `arg`; the resolver's userdata is on top. */
static int
enum_with(lua_State *L, struct resolver *r, int arg)
{
	static const struct wait wait = { .name = "dns.enum", .leave = leave_lookup, .external = true };
	char number[ENUM_DIGITS + 2];
	uint8_t suffix[NAME_MAX_WIRE];
	struct exchange x = { 0 };
	struct lookup *mine;
	const char *text, *why;
	int64_t deadline;
	size_t len;
	int opts = lua_istable(L, arg + 1) ? arg + 1 : arg + 2;

	text = luaL_checklstring(L, arg, &len);
	deadline = read_opts(L, opts, &x);
	if (enum_number((struct slice){ text, len }, number, &why) != 0)
		return lua_fail(L, why);
	text = opts == arg + 1 ? "e164.arpa" : luaL_optlstring(L, arg + 1, "e164.arpa", &len);
	if (idn_parse(slice_of(text), suffix, &why) < 0)
		return lua_fail(L, why);
	mine = lua_newuserdatauv(L, sizeof(*mine), 1);
	memset(mine, 0, sizeof(*mine));
	mine->e.done = lookup_done;
	mine->e.patterns = &ldns_of(L)->patterns;
	mine->e.q.x.dnssec = x.dnssec;
	mine->e.q.x.no_recursion = x.no_recursion;
	luaL_setmetatable(L, LOOKUP);
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, 1);
	mine->task = &co_current(L)->task;
	if (enum_ask(r, &mine->e, number, suffix) != 0)
		return lua_fail(L, "too long for the suffix");
	return co_wait(L, &wait, mine, deadline, looked_up, lua_gettop(L));
}

static int
module_enum(lua_State *L)
{
	struct resolver *r;

	lua_settop(L, 3);
	(void)co_current(L);
	if ((r = ldns_push_default(L)) == NULL)
		return lua_failno(L, errno);
	return enum_with(L, r, 1);
}

static int
method_enum(lua_State *L)
{
	lua_settop(L, 4);
	(void)co_current(L);
	return enum_with(L, ldns_push_self(L), 2);
}

/* --- the module --- */

static void
new_type(lua_State *L, const char *name, lua_CFunction gc)
{
	luaL_newmetatable(L, name);
	lua_pushcfunction(L, gc);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
}

static void
new_module(lua_State *L)
{
	struct ldns *m = lua_newuserdatauv(L, sizeof(*m), 0);

	memset(m, 0, sizeof(*m));
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, module_gc);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
}

int
ldns_open(lua_State *L)
{
	static const luaL_Reg methods[] = { { "query", method_query }, { "enum", method_enum }, { "addresses", ldns_own_addresses },
		{ "stats", ldns_stats }, { NULL, NULL } };
	static const luaL_Reg functions[] = { { "encode", ldns_encode }, { "decode", ldns_decode }, { "text", ldns_text },
		{ "query", module_query },
		{ "enum", module_enum }, { "resolver", ldns_new_resolver },
		{ "addresses", ldns_addresses }, { NULL, NULL } };

	new_module(L);
	ldns_register_resolver(L, methods);
	new_type(L, QUERY, query_gc);
	new_type(L, LOOKUP, lookup_gc);
	luaL_newlib(L, functions);
	return 1;
}
