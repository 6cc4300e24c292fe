/*
 * dns.resolver, and the resolver that all share who do not name one. That is made of resolv.conf(5) when it is first
 * needed, and made anew when the file has changed; what is under way is asked of the old one, which lives as long.
 */
#include <errno.h>

#include "dns/health.h"
#include "lua/ldns.h"

#define RESOLVER "dns.resolver"

enum { SPREAD = 8 }; /* sockets that a question leaves from by chance */
enum { CACHE = 4 << 20, CACHE_LEAST = 65536, CACHE_MOST = 1 << 30 }; /* bytes */

#define LOOK_EVERY SEC /* at resolv.conf */

struct lresolver {
	struct resolver *r; /* NULL: closed */
};

static const char default_key;

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

/* --- the default one --- */

static bool
is_outdated(lua_State *L, struct ldns *m)
{
	int64_t now = runtime_sched(runtime_of(L))->clock.now;

	if (m->conf.nservers > 0 || now - m->looked < LOOK_EVERY)
		return false;
	m->looked = now;
	return file_changed(&m->stamp, dns_conf_path());
}

static struct resolver *
make_default(lua_State *L, const struct ldns *m)
{
	struct resolver_options o = { .conf = m->conf, .cache = CACHE, .spread = SPREAD, .eager = true };
	struct lresolver *lr;

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

struct resolver *
ldns_push_default(lua_State *L)
{
	struct ldns *m = ldns_of(L);
	bool have = lua_rawgetp(L, LUA_REGISTRYINDEX, &default_key) == LUA_TUSERDATA, outdated = is_outdated(L, m);
	struct resolver *r;
	int top = lua_gettop(L);

	if (!have || outdated) {
		if ((r = make_default(L, m)) != NULL || !have)
			return r;
		/* what cannot be read now changes nothing */
		lua_settop(L, top);
	}
	return ((struct lresolver *)lua_touserdata(L, -1))->r;
}

int
ldns_set_servers(lua_State *L, const struct dns_conf *conf)
{
	if (conf->nservers == 0) {
		errno = EINVAL;
		return -1;
	}
	ldns_of(L)->conf = *conf;
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
	if (text == NULL || dns_conf_add(conf, (struct slice){ text, n }, &why) != 0)
		luaL_argerror(L, 1, lua_pushfstring(L, "bad server '%s': %s", text != NULL ? text : "", why));
}

int64_t
ldns_optseconds(lua_State *L, int table, const char *name, int64_t otherwise)
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

bool
ldns_optbool(lua_State *L, int table, const char *name, bool otherwise)
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

/* search = a list of domains, or one */
static void
read_search(lua_State *L, struct dns_conf *conf)
{
	struct buf *words = ldns_scratch(L);

	if (lua_getfield(L, 1, "search") == LUA_TTABLE) {
		for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; i++) {
			buf_puts(words, luaL_checkstring(L, -1));
			buf_putc(words, ' ');
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	} else if (!lua_isnil(L, -1)) {
		buf_puts(words, luaL_checkstring(L, -1));
	}
	if (!lua_isnil(L, -1))
		dns_conf_search(conf, buf_slice(words));
	lua_pop(L, 1);
}

static unsigned
opt_count(lua_State *L, const char *name, lua_Integer least, lua_Integer most, unsigned otherwise)
{
	lua_Integer n;
	int isint;

	if (lua_getfield(L, 1, name) != LUA_TNIL) {
		n = lua_tointegerx(L, -1, &isint);
		if (!isint || n < least || n > most)
			luaL_argerror(L, 1, lua_pushfstring(L, "%s: out of range", name));
		otherwise = (unsigned)n;
	}
	lua_pop(L, 1);
	return otherwise;
}

/* dns.resolver{servers=, timeout=, attempts=, rotate=, tcp=, cache=, mixcase=, cookies=, search=, ndots=} */
int
ldns_new_resolver(lua_State *L)
{
	struct resolver_options o = { .spread = SPREAD, .eager = true };

	dns_conf_init(&o.conf);
	if (lua_isnoneornil(L, 1)) {
		lua_settop(L, 0);
		lua_newtable(L);
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	read_servers(L, &o.conf);
	if (o.conf.nservers == 0 && dns_conf_load(&o.conf, NULL) != 0)
		return lua_failno(L, errno);
	o.conf.timeout = ldns_optseconds(L, 1, "timeout", o.conf.timeout);
	if (o.conf.timeout > CONF_TIMEOUT_MAX)
		return luaL_argerror(L, 1, "timeout: too long");
	o.conf.attempts = opt_count(L, "attempts", 1, CONF_ATTEMPTS_MAX, o.conf.attempts);
	o.conf.ndots = opt_count(L, "ndots", 0, CONF_NDOTS_MAX, o.conf.ndots);
	read_search(L, &o.conf);
	o.conf.rotate = ldns_optbool(L, 1, "rotate", o.conf.rotate);
	o.stream = ldns_optbool(L, 1, "tcp", false);
	o.cache = opt_cache(L, 1);
	o.mix_case = opt_guard(L, 1, "mixcase");
	o.cookies = opt_guard(L, 1, "cookies");
	if (push_resolver(L, &o)->r == NULL)
		return lua_failno(L, errno);
	return 1;
}

struct resolver *
ldns_push_self(lua_State *L)
{
	struct lresolver *lr = luaL_checkudata(L, 1, RESOLVER);

	if (lr->r == NULL)
		luaL_argerror(L, 1, "closed");
	lua_pushvalue(L, 1);
	return lr->r;
}

static void
set_count(lua_State *L, const char *name, uint64_t n)
{
	lua_pushinteger(L, (lua_Integer)n);
	lua_setfield(L, -2, name);
}

static void
push_server(lua_State *L, const struct resolver *r, unsigned i)
{
	const struct health *h = resolver_health(r, i);
	char text[ADDR_STRLEN];

	lua_createtable(L, 0, 3);
	lua_pushlstring(L, text, addr_format(resolver_server(r, i), text, sizeof(text)));
	lua_setfield(L, -2, "address");
	lua_pushboolean(L, health_is_down(h));
	lua_setfield(L, -2, "down");
	if (h->srtt > 0) {
		lua_pushnumber(L, (lua_Number)h->srtt / (lua_Number)SEC);
		lua_setfield(L, -2, "rtt");
	}
}

/* resolver:stats() */
int
ldns_stats(lua_State *L)
{
	const struct resolver *r = ldns_push_self(L);
	const struct resolver_stats *s = resolver_stats(r);
	unsigned n = resolver_conf(r)->nservers;

	lua_createtable(L, 0, 8);
	set_count(L, "sent", s->sent);
	set_count(L, "ignored", s->ignored);
	set_count(L, "connections", s->connections);
	set_count(L, "hits", s->hits);
	set_count(L, "stale", s->stale);
	set_count(L, "shared", s->shared);
	set_count(L, "renewed", s->renewed);
	lua_createtable(L, (int)n, 0);
	for (unsigned i = 0; i < n; i++) {
		push_server(L, r, i);
		lua_rawseti(L, -2, i + 1);
	}
	lua_setfield(L, -2, "servers");
	return 1;
}

void
ldns_register_resolver(lua_State *L, const struct luaL_Reg *methods)
{
	luaL_newmetatable(L, RESOLVER);
	lua_pushcfunction(L, resolver_gc);
	lua_setfield(L, -2, "__gc");
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
