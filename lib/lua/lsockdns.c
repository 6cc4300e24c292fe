/* socket.dns, by our own resolver and the hosts file. */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "dns/name.h"
#include "lua/ldns.h"
#include "lua/lsock.h"
#include "lua/state.h"

/* The stack: the name, its addresses or nil and why. ctx: which function asks. */
static int
toip_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (!lua_istable(L, 2))
		return lua_fail(L, "host not found");
	lua_rawgeti(L, 2, 1);
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, 1);
	lua_setfield(L, -2, "name");
	lua_newtable(L);
	lua_setfield(L, -2, "alias");
	lua_pushvalue(L, 2);
	lua_setfield(L, -2, "ip");
	return 2;
}

static int
dns_toip(lua_State *L)
{
	(void)luaL_checkstring(L, 1);
	lua_settop(L, 1);
	lsock_resolve(L, 1, AF_INET, toip_done, 0);
	return toip_done(L, LUA_OK, 0);
}

static int
getaddrinfo_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (!lua_istable(L, 2))
		return lua_fail(L, "host or service not provided, or not known");
	lua_newtable(L);
	for (lua_Integer i = 1; lua_rawgeti(L, 2, i) != LUA_TNIL; i++) {
		const char *host = lua_tostring(L, -1);

		lua_createtable(L, 0, 2);
		lua_pushstring(L, strchr(host, ':') != NULL ? "inet6" : "inet");
		lua_setfield(L, -2, "family");
		lua_insert(L, -2);
		lua_setfield(L, -2, "addr");
		lua_rawseti(L, 4, i);
	}
	lua_settop(L, 4);
	return 1;
}

static int
dns_getaddrinfo(lua_State *L)
{
	const char *host = luaL_checkstring(L, 1);
	struct addr a;

	lua_settop(L, 1);
	if (lsock_literal(host, AF_UNSPEC, 0, &a) == 0) {
		lua_createtable(L, 1, 0);
		lua_pushstring(L, strcmp(host, "*") == 0 ? "0.0.0.0" : host);
		lua_rawseti(L, -2, 1);
		lua_pushnil(L);
		return getaddrinfo_done(L, LUA_OK, 0);
	}
	lsock_resolve(L, 1, AF_UNSPEC, getaddrinfo_done, 0);
	return getaddrinfo_done(L, LUA_OK, 0);
}

/* The stack: the address, the list of its names (PTR records) or nil. */
static int
tohostname_done(lua_State *L, int status, lua_KContext ctx)
{
	size_t n;

	(void)status;
	(void)ctx;
	if (!lua_istable(L, 2) || lua_rawgeti(L, 2, 1) != LUA_TTABLE || lua_getfield(L, -1, "ptrdname") != LUA_TSTRING)
		return lua_fail(L, "host not found");
	n = lua_rawlen(L, -1);
	lua_pushlstring(L, lua_tostring(L, -1), n > 1 && lua_tostring(L, -1)[n - 1] == '.' ? n - 1 : n);
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "name");
	lua_newtable(L);
	lua_setfield(L, -2, "alias");
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	lua_setfield(L, -2, "ip");
	return 2;
}

/* Pushes what dns.query would give for it, if the hosts file has a name for the address. */
static bool
push_from_hosts(lua_State *L, const struct addr *a)
{
	struct ldns *m = ldns_of(L);
	struct slice name;

	if (m->hosts == NULL && (m->hosts = hosts_new(NULL)) == NULL)
		return false;
	name = hosts_name(m->hosts, a, runtime_sched(runtime_of(L))->clock.now);
	if (name.n == 0)
		return false;
	lua_createtable(L, 1, 0);
	lua_createtable(L, 0, 1);
	lua_pushlstring(L, name.p, name.n);
	lua_setfield(L, -2, "ptrdname");
	lua_rawseti(L, -2, 1);
	lua_pushnil(L);
	return true;
}

/* Asks for the names of the address at 1, the only thing on the stack, which k then finds there. */
static void
ask_reverse(lua_State *L, lua_KFunction k)
{
	uint8_t wire[NAME_MAX_WIRE];
	char text[NAME_TEXTLEN];
	struct addr a;

	if (lsock_literal(luaL_checkstring(L, 1), AF_UNSPEC, 0, &a) == -1) {
		lua_pushnil(L);
		lua_pushnil(L);
		return;
	}
	if (push_from_hosts(L, &a))
		return;
	(void)(a.u.sa.sa_family == AF_INET ? name_reverse((const uint8_t *)&a.u.in.sin_addr, 4, wire)
	                                   : name_reverse((const uint8_t *)&a.u.in6.sin6_addr, 16, wire));
	lua_getglobal(L, "dns");
	lua_getfield(L, -1, "query");
	lua_remove(L, 2);
	lua_pushlstring(L, text, (size_t)(name_text(text, wire, 0) - text));
	lua_pushliteral(L, "PTR");
	lua_callk(L, 2, 2, 0, k);
}

/* The stack: the name, and what toip gave for it. */
static int
name_found(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (lua_isnil(L, 2))
		return 2;
	lua_getfield(L, 3, "name");
	lua_pushvalue(L, 3);
	return 2;
}

/* An address is asked for its name; a name that has an address is one already. */
static int
dns_tohostname(lua_State *L)
{
	struct addr a;

	lua_settop(L, 1);
	if (lsock_literal(luaL_checkstring(L, 1), AF_UNSPEC, 0, &a) == -1) {
		lua_pushcfunction(L, dns_toip);
		lua_pushvalue(L, 1);
		lua_callk(L, 1, 2, 0, name_found);
		return name_found(L, LUA_OK, 0);
	}
	ask_reverse(L, tohostname_done);
	return tohostname_done(L, LUA_OK, 0);
}

static int
getnameinfo_done(lua_State *L, int status, lua_KContext ctx)
{
	if (tohostname_done(L, status, ctx) != 2 || !lua_istable(L, -1)) {
		/* numbers stand for what has no name */
		lua_createtable(L, 1, 0);
		lua_pushvalue(L, 1);
		lua_rawseti(L, -2, 1);
		return 1;
	}
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, -3);
	lua_rawseti(L, -2, 1);
	return 1;
}

static int
names_of(lua_State *L)
{
	lua_settop(L, 1);
	ask_reverse(L, getnameinfo_done);
	return getnameinfo_done(L, LUA_OK, 0);
}

/* The stack: the host, the service's name or nil, the list of names. */
static int
named(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (lua_isnil(L, 2))
		return 1;
	lua_pushvalue(L, 2);
	return 2;
}

/* getnameinfo([host] [, service]) */
static int
dns_getnameinfo(lua_State *L)
{
	const char *host = luaL_optstring(L, 1, NULL);
	const struct servent *service;
	int port;

	if (host == NULL && luaL_optstring(L, 2, NULL) == NULL)
		return luaL_error(L, "host and serv cannot be both nil");
	lua_settop(L, 2);
	if (!lua_isnil(L, 2)) {
		if ((port = lsock_checkport(L, 2)) == -1)
			return lsock_no_service(L);
		if ((service = getservbyport(htons((uint16_t)port), "tcp")) != NULL)
			lua_pushstring(L, service->s_name);
		else
			lua_pushfstring(L, "%d", port);
		lua_replace(L, 2);
	}
	if (host == NULL) {
		lua_newtable(L);
		return named(L, LUA_OK, 0);
	}
	lua_pushcfunction(L, names_of);
	lua_pushvalue(L, 1);
	lua_callk(L, 1, 1, 0, named);
	return named(L, LUA_OK, 0);
}

static int
dns_gethostname(lua_State *L)
{
	char name[257];

	if (gethostname(name, sizeof(name)) == -1)
		return lua_failno(L, errno);
	name[sizeof(name) - 1] = '\0';
	lua_pushstring(L, name);
	return 1;
}

void
lsock_push_dns(lua_State *L)
{
	static const luaL_Reg names[] = {
		{ "getaddrinfo", dns_getaddrinfo },
		{ "gethostname", dns_gethostname },
		{ "getnameinfo", dns_getnameinfo },
		{ "tohostname", dns_tohostname },
		{ "toip", dns_toip },
		{ NULL, NULL },
	};

	luaL_newlib(L, names);
}
