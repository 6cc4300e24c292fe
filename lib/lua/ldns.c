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
#include "lua/modules.h"

#define QUERY    "dns query"
#define LOOKUP   "dns enum"
#define RESOLVER "dns.resolver"

enum { SPREAD = 8 }; /* sockets that a question leaves from by chance */
enum { CACHE = 4 << 20, CACHE_LEAST = 65536, CACHE_MOST = 1 << 30 }; /* bytes */

/* What the module keeps, in the registry. */
struct module {
	struct buf scratch;
	struct dns_conf conf; /* of the default resolver; no servers: resolv.conf is read when it is needed */
};

struct lresolver {
	struct resolver *r; /* NULL: closed */
};

struct query {
	struct dns_query q;
	struct task *task;  /* that waits; NULL: nobody does any more */
	bool done;
	struct buf packet;  /* the answer, with nothing else */
	uint8_t name[];
};

struct lookup {
	struct enum_lookup e;
	struct task *task;
	bool done;
};

static const char module_key, default_key;

static struct module *
module_of(lua_State *L)
{
	struct module *m;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key);
	m = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return m;
}

struct buf *
ldns_scratch(lua_State *L)
{
	struct buf *b = &module_of(L)->scratch;

	buf_clear(b);
	buf_trim(b, 65536);
	return b;
}

static int
module_gc(lua_State *L)
{
	struct module *m = lua_touserdata(L, 1);

	buf_fini(&m->scratch);
	return 0;
}

/* --- resolvers --- */

static struct lresolver *
push_resolver(lua_State *L, const struct resolver_options *o)
{
	struct lresolver *lr = lua_newuserdatauv(L, sizeof(*lr), 0);

	lr->r = NULL;
	luaL_setmetatable(L, RESOLVER);
	lr->r = resolver_new(runtime_sched(runtime_of(L)), o);
	return lr;
}

static int
resolver_gc(lua_State *L)
{
	struct lresolver *lr = luaL_checkudata(L, 1, RESOLVER);

	resolver_free(lr->r);
	lr->r = NULL;
	return 0;
}

/* Pushes the default resolver, made when it is first needed. NULL with errno. */
static struct resolver *
push_default(lua_State *L)
{
	struct module *m = module_of(L);
	struct resolver_options o = { .conf = m->conf, .cache = CACHE, .spread = SPREAD };
	struct lresolver *lr;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &default_key) == LUA_TUSERDATA)
		return ((struct lresolver *)lua_touserdata(L, -1))->r;
	lua_pop(L, 1);
	if (o.conf.nservers == 0) {
		dns_conf_init(&o.conf);
		if (dns_conf_load(&o.conf, NULL) != 0)
			return NULL;
	}
	if ((lr = push_resolver(L, &o))->r == NULL)
		return NULL;
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &default_key);
	return lr->r;
}

int
ldns_set_servers(lua_State *L, const struct dns_conf *conf)
{
	if (conf->nservers == 0) {
		errno = EINVAL;
		return -1;
	}
	module_of(L)->conf = *conf;
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &default_key);
	return 0;
}

static void
add_server(lua_State *L, struct dns_conf *conf)
{
	size_t n;
	const char *text = lua_tolstring(L, -1, &n), *why = "a string is wanted";

	if (conf->nservers == CONF_SERVERS)
		luaL_argerror(L, 1, "too many servers");
	if (text == NULL || dns_server_parse((struct slice){ text, n }, &conf->servers[conf->nservers], &why) != 0)
		luaL_argerror(L, 1, lua_pushfstring(L, "bad server '%s': %s", text != NULL ? text : "", why));
	conf->nservers++;
}

static int64_t
opt_seconds(lua_State *L, int table, const char *name, int64_t otherwise)
{
	lua_Number s;
	int ok;

	if (lua_getfield(L, table, name) != LUA_TNIL) {
		s = lua_tonumberx(L, -1, &ok);
		if (!ok || !(s > 0))
			luaL_argerror(L, table, lua_pushfstring(L, "%s: seconds are wanted", name));
		otherwise = clock_ns(s);
	}
	lua_pop(L, 1);
	return otherwise;
}

static bool
opt_bool(lua_State *L, int table, const char *name, bool otherwise)
{
	if (lua_getfield(L, table, name) != LUA_TNIL)
		otherwise = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return otherwise;
}

static void
read_servers(lua_State *L, struct dns_conf *conf)
{
	if (lua_getfield(L, 1, "servers") == LUA_TTABLE) {
		for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; i++) {
			add_server(L, conf);
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	} else if (!lua_isnil(L, -1)) {
		add_server(L, conf);
	}
	lua_pop(L, 1);
}

static enum resolver_guard
opt_guard(lua_State *L, int table, const char *name)
{
	enum resolver_guard guard = RESOLVER_GUARD_AUTO;

	if (lua_getfield(L, table, name) != LUA_TNIL)
		guard = lua_toboolean(L, -1) ? RESOLVER_GUARD_ON : RESOLVER_GUARD_OFF;
	lua_pop(L, 1);
	return guard;
}

/* cache = bytes, or false */
static size_t
opt_cache(lua_State *L, int table)
{
	lua_Integer n = CACHE;
	int isint = 1;

	switch (lua_getfield(L, table, "cache")) {
	case LUA_TNIL:
		break;
	case LUA_TBOOLEAN:
		n = lua_toboolean(L, -1) ? CACHE : 0;
		break;
	default:
		n = lua_tointegerx(L, -1, &isint);
		if (!isint || (n != 0 && (n < CACHE_LEAST || n > CACHE_MOST)))
			luaL_argerror(L, table, lua_pushfstring(L, "cache: bytes are wanted, %d to %d, or false", CACHE_LEAST, CACHE_MOST));
	}
	lua_pop(L, 1);
	return (size_t)n;
}

/* dns.resolver{servers=, timeout=, attempts=, rotate=, tcp=, cache=, mixcase=, cookies=} */
static int
new_resolver(lua_State *L)
{
	struct resolver_options o = { .spread = SPREAD };
	lua_Integer attempts;

	dns_conf_init(&o.conf);
	if (lua_isnoneornil(L, 1)) {
		lua_settop(L, 0);
		lua_newtable(L);
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	read_servers(L, &o.conf);
	if (o.conf.nservers == 0 && dns_conf_load(&o.conf, NULL) != 0)
		return lua_failno(L, errno);
	o.conf.timeout = opt_seconds(L, 1, "timeout", o.conf.timeout);
	if (o.conf.timeout > CONF_TIMEOUT_MAX)
		return luaL_argerror(L, 1, "timeout: too long");
	if (lua_getfield(L, 1, "attempts") != LUA_TNIL) {
		attempts = luaL_checkinteger(L, -1);
		luaL_argcheck(L, attempts >= 1 && attempts <= CONF_ATTEMPTS_MAX, 1, "attempts: out of range");
		o.conf.attempts = (unsigned)attempts;
	}
	o.conf.rotate = opt_bool(L, 1, "rotate", o.conf.rotate);
	o.stream = opt_bool(L, 1, "tcp", false);
	o.cache = opt_cache(L, 1);
	o.mix_case = opt_guard(L, 1, "mixcase");
	o.cookies = opt_guard(L, 1, "cookies");
	if (push_resolver(L, &o)->r == NULL)
		return lua_failno(L, errno);
	return 1;
}

/* The resolver of a method call, its userdata on top of the stack. */
static struct resolver *
push_self(lua_State *L)
{
	struct lresolver *lr = luaL_checkudata(L, 1, RESOLVER);

	if (lr->r == NULL)
		luaL_argerror(L, 1, "closed");
	lua_pushvalue(L, 1);
	return lr->r;
}

/* --- waiting --- */

static int
push_why(lua_State *L, const struct dns_query *q)
{
	char text[RRTYPE_TEXTLEN];

	switch ((enum dns_status)q->status) {
	case DNS_TIMEOUT:
		return lua_fail(L, "timeout");
	case DNS_UNREACHABLE:
		return lua_fail(L, "unreachable");
	case DNS_MALFORMED:
		return lua_fail(L, "malformed");
	case DNS_TRUNCATED:
		return lua_fail(L, "truncated");
	default:
		return lua_fail(L, resolver_status(q, text));
	}
}

static void
wake(struct task *t)
{
	if (t != NULL)
		task_ready_soon(t);
}

static void
query_done(struct dns_query *q)
{
	struct query *mine = (struct query *)(void *)((char *)q - offsetof(struct query, q));

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
		return push_why(L, &mine->q);
	if (mine->q.status == DNS_ANSWER_OK) {
		ldns_push_answers(L, &m, mine->q.x.type);
		n = 1;
	} else {
		n = push_why(L, &mine->q);
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
	struct query *mine = lua_newuserdatauv(L, sizeof(*mine) + n, 1);

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
	x->dnssec = opt_bool(L, arg, "dnssec", false);
	x->no_recursion = !opt_bool(L, arg, "recurse", true);
	timeout = opt_seconds(L, arg, "timeout", CLOCK_FOREVER);
	return timeout >= CLOCK_FOREVER ? timeout : clock_read(&runtime_sched(runtime_of(L))->clock) + timeout;
}

/* name [, type [, opts]] at `arg`; the resolver's userdata is on top. */
static int
query_with(lua_State *L, struct resolver *r, int arg)
{
	static const struct wait wait = { .name = "dns.query", .leave = leave_query, .external = true };
	uint8_t name[NAME_MAX_WIRE];
	struct exchange x = { .type = ldns_opttype(L, arg + 1, RRTYPE_A), .class = RRCLASS_IN };
	struct query *mine;
	const char *text, *why;
	int64_t deadline;
	size_t len;
	int n;

	text = luaL_checklstring(L, arg, &len);
	deadline = read_opts(L, arg + 2, &x);
	if ((n = idn_parse((struct slice){ text, len }, name, &why)) < 0)
		return lua_fail(L, why);
	mine = new_query(L, name, (size_t)n);
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, 1);
	mine->q.x.type = x.type;
	mine->q.x.class = x.class;
	mine->q.x.dnssec = x.dnssec;
	mine->q.x.no_recursion = x.no_recursion;
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
	if ((r = push_default(L)) == NULL)
		return lua_failno(L, errno);
	return query_with(L, r, 1);
}

static int
method_query(lua_State *L)
{
	lua_settop(L, 4);
	(void)co_current(L);
	return query_with(L, push_self(L), 2);
}

/* --- enum --- */

static void
push_slice(lua_State *L, struct slice s)
{
	lua_pushlstring(L, s.p, s.n);
}

static int
lookup_result(lua_State *L, struct lookup *mine)
{
	const struct enum_lookup *e = &mine->e;
	struct dns_query outcome = { .status = e->status, .rcode = e->rcode };

	if (e->nresults == 0) {
		if (outcome.status == DNS_ANSWER_OK)
			outcome.status = DNS_NODATA;
		return push_why(L, &outcome);
	}
	lua_createtable(L, (int)e->nresults, 0);
	for (unsigned i = 0; i < e->nresults; i++) {
		lua_createtable(L, 0, 4);
		push_slice(L, enum_uri(e, &e->results[i]));
		lua_setfield(L, -2, "uri");
		push_slice(L, enum_service(e, &e->results[i]));
		lua_setfield(L, -2, "service");
		lua_pushinteger(L, e->results[i].order);
		lua_setfield(L, -2, "order");
		lua_pushinteger(L, e->results[i].preference);
		lua_setfield(L, -2, "preference");
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
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
	if ((r = push_default(L)) == NULL)
		return lua_failno(L, errno);
	return enum_with(L, r, 1);
}

static int
method_enum(lua_State *L)
{
	lua_settop(L, 4);
	(void)co_current(L);
	return enum_with(L, push_self(L), 2);
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
new_resolver_type(lua_State *L)
{
	static const luaL_Reg methods[] = { { "query", method_query }, { "enum", method_enum }, { NULL, NULL } };

	luaL_newmetatable(L, RESOLVER);
	lua_pushcfunction(L, resolver_gc);
	lua_setfield(L, -2, "__gc");
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

static void
new_module(lua_State *L)
{
	struct module *m = lua_newuserdatauv(L, sizeof(*m), 0);

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
	static const luaL_Reg functions[] = { { "encode", ldns_encode }, { "decode", ldns_decode }, { "query", module_query },
		{ "enum", module_enum }, { "resolver", new_resolver }, { NULL, NULL } };

	new_module(L);
	new_resolver_type(L);
	new_type(L, QUERY, query_gc);
	new_type(L, LOOKUP, lookup_gc);
	luaL_newlib(L, functions);
	return 1;
}
