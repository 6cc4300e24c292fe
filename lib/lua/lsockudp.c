/* LuaSocket's udp objects: unconnected and connected. */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "lua/lsock.h"
#include "net/udp.h"

enum {
	SIZE = 8192, /* LuaSocket's: what a datagram is cut to unless a size is asked for */
	ANY = 1 << LSOCK_UNCONNECTED | 1 << LSOCK_CONNECTED,
};

static struct lsock *
check_any(lua_State *L)
{
	return lsock_check(L, LSOCK_UDP, ANY, "udp{any}");
}

/* --- receiving --- */

static int
push_datagram(lua_State *L, const char *data, size_t n, const struct addr *from)
{
	char text[ADDR_STRLEN];

	lua_pushlstring(L, data, n);
	if (from == NULL)
		return 1;
	/* a unix socket that is not bound has no name */
	lua_pushlstring(L, text, from->len > 0 ? addr_format_host(from, text, sizeof(text)) : 0);
	if (from->len == 0 || from->u.sa.sa_family == AF_UNIX)
		return 2;
	lua_pushinteger(L, addr_port(from));
	return 3;
}

/* ctx: whether the sender is wanted too. */
static int
receive_on(lua_State *L, int status, lua_KContext ctx)
{
	static char datagram[UDP_MAX];
	struct lsock *s = lua_touserdata(L, 1);
	size_t size = (size_t)luaL_optinteger(L, 2, SIZE);
	struct addr from = { .len = sizeof(from.u) };
	int error, result;
	ssize_t n;

	if (lsock_timed_out(L, status))
		return lsock_fail(L, ETIMEDOUT);
	if (s->watch.fd == -1)
		return lsock_fail(L, EBADF);
	do
		n = recvfrom(s->watch.fd, datagram, size < UDP_MAX ? size : UDP_MAX, 0, &from.u.sa, &from.len);
	while (n == -1 && errno == EINTR);
	if (n >= 0)
		return push_datagram(L, datagram, (size_t)n, ctx ? &from : NULL);
	error = errno;
	if (error != EAGAIN && error != EWOULDBLOCK)
		return lsock_fail(L, error);
	if (lsock_wait(L, s, POLLER_IN, receive_on, ctx, &error, &result))
		return result;
	return lsock_fail(L, error);
}

int
lsock_receive_datagram(lua_State *L, struct lsock *s, bool sender)
{
	lsock_begin(L, s);
	lua_settop(L, 2);
	return receive_on(L, LUA_OK, sender);
}

static int
udp_receive_(lua_State *L)
{
	return lsock_receive_datagram(L, check_any(L), false);
}

static int
udp_receivefrom(lua_State *L)
{
	return lsock_receive_datagram(L, lsock_check(L, LSOCK_UDP, 1 << LSOCK_UNCONNECTED, "udp{unconnected}"), true);
}

/* --- sending --- */

/* The stack: socket, data, and for an unconnected one the address as a string of bytes. */
static int
send_on(lua_State *L, int status, lua_KContext ctx)
{
	struct lsock *s = lua_touserdata(L, 1);
	size_t size, len = 0;
	const char *data = lua_tolstring(L, 2, &size), *to = lua_isnoneornil(L, 3) ? NULL : lua_tolstring(L, 3, &len);
	int error, result;
	struct addr a;
	ssize_t n;

	(void)ctx;
	if (lsock_timed_out(L, status))
		return lsock_fail(L, ETIMEDOUT);
	/* LuaSocket's word */
	if (s->watch.fd == -1)
		return lua_fail(L, "refused");
	if (to != NULL)
		memcpy(&a, to, sizeof(a));
	do
		n = sendto(s->watch.fd, data, size, MSG_NOSIGNAL, to != NULL ? &a.u.sa : NULL, to != NULL ? a.len : 0);
	while (n == -1 && errno == EINTR);
	if (n >= 0) {
		lua_pushnumber(L, (lua_Number)n);
		return 1;
	}
	error = errno;
	if (error != EAGAIN && error != EWOULDBLOCK)
		return lsock_fail(L, error);
	if (lsock_wait(L, s, POLLER_OUT, send_on, 0, &error, &result))
		return result;
	return lsock_fail(L, error);
}

int
lsock_send_datagram(lua_State *L, struct lsock *s, const struct addr *to)
{
	lsock_begin(L, s);
	lua_settop(L, 2);
	if (to != NULL)
		lua_pushlstring(L, (const char *)to, sizeof(*to));
	return send_on(L, LUA_OK, 0);
}

static int
udp_send_(lua_State *L)
{
	struct lsock *s = lsock_check(L, LSOCK_UDP, 1 << LSOCK_CONNECTED, "udp{connected}");

	(void)luaL_checkstring(L, 2);
	return lsock_send_datagram(L, s, NULL);
}

/* The address at 3 and the port at 4; LuaSocket takes no names here, and neither do we. */
static int
udp_sendto(lua_State *L)
{
	struct lsock *s = lsock_check(L, LSOCK_UDP, 1 << LSOCK_UNCONNECTED, "udp{unconnected}");
	struct addr a;
	int port;

	lsock_begin(L, s);
	(void)luaL_checkstring(L, 2);
	(void)luaL_checkstring(L, 3);
	if ((port = lsock_checkport(L, 4)) == -1 ||
	    lsock_literal(lua_tostring(L, 3), s->family, (uint16_t)port, &a) == -1)
		return lua_fail(L, gai_strerror(EAI_NONAME));
	if (s->closed || lsock_open(s, a.u.sa.sa_family) == -1)
		return lsock_fail(L, s->closed ? EBADF : errno);
	return lsock_send_datagram(L, s, &a);
}

/* --- names --- */

static int
apply(lua_State *L, struct lsock *s, const struct addr *a, bool peer)
{
	if (s->closed || lsock_open(s, a->u.sa.sa_family) == -1)
		return lsock_fail(L, s->closed ? EBADF : errno);
	if ((peer ? connect(s->watch.fd, &a->u.sa, a->len) : bind(s->watch.fd, &a->u.sa, a->len)) == -1)
		return lsock_fail(L, errno);
	if (peer)
		lsock_become(L, 1, LSOCK_CONNECTED);
	lua_pushnumber(L, 1);
	return 1;
}

/* The stack: socket, host, port, addresses or nil and why. ctx: the port, and above it whether it is the peer's. */
static int
resolved(lua_State *L, int status, lua_KContext ctx)
{
	struct lsock *s = lua_touserdata(L, 1);
	struct addr a;

	(void)status;
	if (!lua_istable(L, 4))
		return lua_fail(L, "host or service not provided, or not known");
	lua_rawgeti(L, 4, 1);
	if (lsock_literal(lua_tostring(L, -1), s->family, (uint16_t)ctx, &a) == -1)
		return lua_fail(L, "host or service not provided, or not known");
	return apply(L, s, &a, ctx >> 16 != 0);
}

static int
set_name(lua_State *L, struct lsock *s, bool peer)
{
	int port = lsock_checkport(L, 3);
	lua_KContext ctx = port | (peer ? 1 << 16 : 0);
	struct addr a;

	(void)luaL_checkstring(L, 2);
	if (port == -1)
		return lsock_no_service(L);
	lua_settop(L, 3);
	if (lsock_literal(lua_tostring(L, 2), s->family, (uint16_t)ctx, &a) == 0)
		return apply(L, s, &a, peer);
	lsock_resolve(L, 2, s->family, resolved, ctx);
	return resolved(L, LUA_OK, ctx);
}

static int
udp_setsockname(lua_State *L)
{
	return set_name(L, lsock_check(L, LSOCK_UDP, 1 << LSOCK_UNCONNECTED, "udp{unconnected}"), false);
}

static int
udp_setpeername(lua_State *L)
{
	struct lsock *s = check_any(L);
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (strcmp(luaL_checkstring(L, 2), "*") != 0)
		return set_name(L, s, true);
	if (s->watch.fd != -1)
		(void)connect(s->watch.fd, &none, sizeof(none));
	lsock_become(L, 1, LSOCK_UNCONNECTED);
	lua_pushnumber(L, 1);
	return 1;
}

static int
udp_getpeername(lua_State *L)
{
	(void)lsock_check(L, LSOCK_UDP, 1 << LSOCK_CONNECTED, "udp{connected}");
	return lsock_getpeername(L);
}

int
lsock_udp(lua_State *L)
{
	(void)lsock_new(L, LSOCK_UNCONNECTED, AF_UNSPEC, SOCK_DGRAM);
	return 1;
}

static int
of_family(lua_State *L, int family)
{
	struct lsock *s = lsock_new(L, LSOCK_UNCONNECTED, family, SOCK_DGRAM);

	return lsock_open(s, family) == 0 ? 1 : lsock_fail(L, errno);
}

int
lsock_udp4(lua_State *L)
{
	return of_family(L, AF_INET);
}

int
lsock_udp6(lua_State *L)
{
	return of_family(L, AF_INET6);
}

void
lsock_register_udp(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "close", lsock_close },
		{ "dirty", lsock_dirty },
		{ "getfamily", lsock_getfamily },
		{ "getfd", lsock_getfd },
		{ "getoption", lsock_getoption },
		{ "getpeername", udp_getpeername },
		{ "getsockname", lsock_getsockname },
		{ "gettimeout", lsock_gettimeout },
		{ "receive", udp_receive_ },
		{ "receivefrom", udp_receivefrom },
		{ "send", udp_send_ },
		{ "sendto", udp_sendto },
		{ "setfd", lsock_setfd },
		{ "setoption", lsock_setoption },
		{ "setpeername", udp_setpeername },
		{ "setsockname", udp_setsockname },
		{ "settimeout", lsock_settimeout },
		{ "__close", lsock_gc },
		{ "__gc", lsock_gc },
		{ "__tostring", lsock_tostring },
		{ NULL, NULL },
	};

	lsock_newgroup(L, LSOCK_UDP, AF_UNSPEC, methods);
}
