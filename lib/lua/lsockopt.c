/* setoption and getoption: LuaSocket's names for socket options, a row each. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "lua/lsock.h"

/* Whose option it is; LuaSocket's messages show this much of a name that is nobody's. */
enum { TCP = 1, UDP = 2, DGRAM = 4, SHOWN = 35 };

enum form { BOOLEAN, INTEGER, LINGER, ADDRESS, MEMBERSHIP, MEMBERSHIP6, ERROR };

static const struct option {
	const char *name;
	int level, number;
	enum form form;
	int whose;
} options[] = {
	{ "broadcast", SOL_SOCKET, SO_BROADCAST, BOOLEAN, UDP },
	{ "dontroute", SOL_SOCKET, SO_DONTROUTE, BOOLEAN, UDP },
	{ "error", SOL_SOCKET, SO_ERROR, ERROR, TCP | UDP },
	{ "ip-add-membership", IPPROTO_IP, IP_ADD_MEMBERSHIP, MEMBERSHIP, UDP },
	{ "ip-drop-membership", IPPROTO_IP, IP_DROP_MEMBERSHIP, MEMBERSHIP, UDP },
	{ "ip-multicast-if", IPPROTO_IP, IP_MULTICAST_IF, ADDRESS, UDP },
	{ "ip-multicast-loop", IPPROTO_IP, IP_MULTICAST_LOOP, BOOLEAN, UDP },
	{ "ip-multicast-ttl", IPPROTO_IP, IP_MULTICAST_TTL, INTEGER, UDP },
	{ "ipv6-add-membership", IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, MEMBERSHIP6, UDP },
	{ "ipv6-drop-membership", IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, MEMBERSHIP6, UDP },
	{ "ipv6-multicast-hops", IPPROTO_IPV6, IPV6_MULTICAST_HOPS, INTEGER, UDP },
	{ "ipv6-multicast-loop", IPPROTO_IPV6, IPV6_MULTICAST_LOOP, BOOLEAN, UDP },
	{ "ipv6-unicast-hops", IPPROTO_IPV6, IPV6_UNICAST_HOPS, INTEGER, UDP },
	{ "ipv6-v6only", IPPROTO_IPV6, IPV6_V6ONLY, BOOLEAN, TCP | UDP },
	{ "keepalive", SOL_SOCKET, SO_KEEPALIVE, BOOLEAN, TCP },
	{ "linger", SOL_SOCKET, SO_LINGER, LINGER, TCP },
	{ "recv-buffer-size", SOL_SOCKET, SO_RCVBUF, INTEGER, TCP | UDP | DGRAM },
	{ "reuseaddr", SOL_SOCKET, SO_REUSEADDR, BOOLEAN, TCP | UDP | DGRAM },
	{ "reuseport", SOL_SOCKET, SO_REUSEPORT, BOOLEAN, TCP | UDP },
	{ "send-buffer-size", SOL_SOCKET, SO_SNDBUF, INTEGER, TCP | UDP | DGRAM },
	{ "tcp-defer-accept", IPPROTO_TCP, TCP_DEFER_ACCEPT, INTEGER, TCP },
	{ "tcp-fastopen", IPPROTO_TCP, TCP_FASTOPEN, INTEGER, TCP },
	{ "tcp-fastopen-connect", IPPROTO_TCP, TCP_FASTOPEN_CONNECT, BOOLEAN, TCP },
	{ "tcp-keepcnt", IPPROTO_TCP, TCP_KEEPCNT, INTEGER, TCP },
	{ "tcp-keepidle", IPPROTO_TCP, TCP_KEEPIDLE, INTEGER, TCP },
	{ "tcp-keepintvl", IPPROTO_TCP, TCP_KEEPINTVL, INTEGER, TCP },
	{ "tcp-nodelay", IPPROTO_TCP, TCP_NODELAY, BOOLEAN, TCP },
};

/* The option named by argument 2. */
static const struct option *
find(lua_State *L, struct lsock **s)
{
	const char *name = luaL_checkstring(L, 2);
	int whose;

	*s = lsock_any(L);
	whose = (*s)->type == SOCK_STREAM ? TCP : (*s)->family == AF_UNIX ? DGRAM : UDP;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if ((options[i].whose & whose) != 0 && strcmp(options[i].name, name) == 0)
			return &options[i];
	lua_pushlstring(L, name, strnlen(name, SHOWN));
	luaL_argerror(L, 2, lua_pushfstring(L, "unsupported option `%s'", lua_tostring(L, -1)));
	return NULL;
}

static int
set(lua_State *L, const struct lsock *s, const struct option *o, const void *value, socklen_t n)
{
	if (setsockopt(s->watch.fd, o->level, o->number, value, n) == -1)
		return lua_fail(L, "setsockopt failed");
	lua_pushnumber(L, 1);
	return 1;
}

/* A field of the table at 3 that holds an IPv4 address, or "*". */
static void
address_field(lua_State *L, const char *name, struct in_addr *in)
{
	struct addr a;

	lua_getfield(L, 3, name);
	if (!lua_isstring(L, -1))
		luaL_argerror(L, 3, lua_pushfstring(L, "string '%s' field expected", name));
	if (lsock_literal(lua_tostring(L, -1), AF_INET, 0, &a) == -1 || a.u.sa.sa_family != AF_INET)
		luaL_argerror(L, 3, lua_pushfstring(L, "invalid '%s' ip address", name));
	*in = a.u.in.sin_addr;
	lua_pop(L, 1);
}

static int
set_linger(lua_State *L, const struct lsock *s, const struct option *o)
{
	struct linger l;

	luaL_checktype(L, 3, LUA_TTABLE);
	lua_getfield(L, 3, "on");
	luaL_argcheck(L, lua_isboolean(L, -1), 3, "boolean 'on' field expected");
	l.l_onoff = lua_toboolean(L, -1);
	lua_getfield(L, 3, "timeout");
	luaL_argcheck(L, lua_isnumber(L, -1), 3, "number 'timeout' field expected");
	l.l_linger = (int)lua_tonumber(L, -1);
	return set(L, s, o, &l, sizeof(l));
}

static int
set_membership(lua_State *L, const struct lsock *s, const struct option *o)
{
	struct ip_mreq m;

	luaL_checktype(L, 3, LUA_TTABLE);
	address_field(L, "multiaddr", &m.imr_multiaddr);
	address_field(L, "interface", &m.imr_interface);
	return set(L, s, o, &m, sizeof(m));
}

static int
set_membership6(lua_State *L, const struct lsock *s, const struct option *o)
{
	struct ipv6_mreq m = { .ipv6mr_interface = 0 };
	struct addr a;

	luaL_checktype(L, 3, LUA_TTABLE);
	lua_getfield(L, 3, "multiaddr");
	if (!lua_isstring(L, -1) || addr_literal(slice_of(lua_tostring(L, -1)), 0, &a) == -1 ||
	    a.u.sa.sa_family != AF_INET6)
		luaL_argerror(L, 3, "invalid 'multiaddr' ip address");
	m.ipv6mr_multiaddr = a.u.in6.sin6_addr;
	lua_getfield(L, 3, "interface");
	m.ipv6mr_interface = (unsigned)luaL_optinteger(L, -1, 0);
	return set(L, s, o, &m, sizeof(m));
}

int
lsock_setoption(lua_State *L)
{
	struct lsock *s;
	const struct option *o = find(L, &s);
	struct addr a;
	int value;

	switch (o->form) {
	case BOOLEAN:
		luaL_checktype(L, 3, LUA_TBOOLEAN);
		value = lua_toboolean(L, 3);
		return set(L, s, o, &value, sizeof(value));
	case INTEGER:
		value = (int)luaL_checknumber(L, 3);
		return set(L, s, o, &value, sizeof(value));
	case LINGER:
		return set_linger(L, s, o);
	case ADDRESS:
		if (lsock_literal(luaL_checkstring(L, 3), AF_INET, 0, &a) == -1 || a.u.sa.sa_family != AF_INET)
			luaL_argerror(L, 3, "ip expected");
		return set(L, s, o, &a.u.in.sin_addr, sizeof(a.u.in.sin_addr));
	case MEMBERSHIP:
		return set_membership(L, s, o);
	case MEMBERSHIP6:
		return set_membership6(L, s, o);
	default:
		return luaL_argerror(L, 2, "unsupported option");
	}
}

int
lsock_getoption(lua_State *L)
{
	struct lsock *s;
	const struct option *o = find(L, &s);
	union { int n; struct linger linger; struct in_addr in; } v = { .n = 0 };
	socklen_t len = o->form == LINGER ? sizeof(v.linger) : o->form == ADDRESS ? sizeof(v.in) : sizeof(v.n);
	struct addr a;
	char text[ADDR_STRLEN];

	if (getsockopt(s->watch.fd, o->level, o->number, &v, &len) == -1)
		return lua_fail(L, "getsockopt failed");
	switch (o->form) {
	case BOOLEAN:
		lua_pushboolean(L, v.n);
		return 1;
	case LINGER:
		lua_createtable(L, 0, 2);
		lua_pushboolean(L, v.linger.l_onoff);
		lua_setfield(L, -2, "on");
		lua_pushinteger(L, v.linger.l_linger);
		lua_setfield(L, -2, "timeout");
		return 1;
	case ADDRESS:
		a = (struct addr){ .len = sizeof(a.u.in), .u.in = { .sin_family = AF_INET, .sin_addr = v.in } };
		lua_pushlstring(L, text, addr_format_host(&a, text, sizeof(text)));
		return 1;
	case ERROR:
		lua_pushstring(L, v.n != 0 ? lsock_strerror(v.n) : NULL);
		return 1;
	default:
		lua_pushnumber(L, v.n);
		return 1;
	}
}
