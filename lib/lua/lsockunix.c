/* The module socket.unix: LuaSocket's streams, which lsocktcp.c has, and datagrams by paths. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "lua/lsock.h"

enum { ANY = 1 << LSOCK_UNCONNECTED | 1 << LSOCK_CONNECTED };

static struct lsock *
check_any(lua_State *L)
{
	return lsock_check(L, LSOCK_UNIXDGRAM, ANY, "unixdgram{any}");
}

static struct lsock *
check_unconnected(lua_State *L)
{
	return lsock_check(L, LSOCK_UNIXDGRAM, 1 << LSOCK_UNCONNECTED, "unixdgram{unconnected}");
}

int
lsock_path(lua_State *L, int arg, struct addr *a)
{
	size_t n;
	const char *path = luaL_checklstring(L, arg, &n);

	if (n >= sizeof(a->u.un.sun_path))
		return -1;
	*a = (struct addr){ .u.un.sun_family = AF_UNIX };
	memcpy(a->u.un.sun_path, path, n + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return 0;
}

/* bind(2) or connect(2) to the path at 2. */
static int
set_path(lua_State *L, struct lsock *s, int (*set)(int, const struct sockaddr *, socklen_t))
{
	struct addr a;

	if (lsock_path(L, 2, &a) == -1)
		return lua_fail(L, "path too long");
	if (s->watch.fd == -1)
		return lsock_fail(L, EBADF);
	if (set(s->watch.fd, &a.u.sa, a.len) == -1)
		return lsock_fail(L, errno);
	lua_pushnumber(L, 1);
	return 1;
}

static int
dgram_bind(lua_State *L)
{
	return set_path(L, check_unconnected(L), bind);
}

static int
dgram_connect(lua_State *L)
{
	struct lsock *s = check_any(L);
	int n = set_path(L, s, connect);

	if (n == 1)
		lsock_become(L, 1, LSOCK_CONNECTED);
	return n;
}

static int
dgram_send(lua_State *L)
{
	struct lsock *s = lsock_check(L, LSOCK_UNIXDGRAM, 1 << LSOCK_CONNECTED, "unixdgram{connected}");

	(void)luaL_checkstring(L, 2);
	return lsock_send_datagram(L, s, NULL);
}

static int
dgram_sendto(lua_State *L)
{
	struct lsock *s = check_unconnected(L);
	struct addr a;

	(void)luaL_checkstring(L, 2);
	if (lsock_path(L, 3, &a) == -1)
		return lua_fail(L, "path too long");
	return lsock_send_datagram(L, s, &a);
}

static int
dgram_receive(lua_State *L)
{
	return lsock_receive_datagram(L, check_any(L), false);
}

static int
dgram_receivefrom(lua_State *L)
{
	return lsock_receive_datagram(L, check_unconnected(L), true);
}

/* --- the module --- */

static int
make(lua_State *L, struct lsock *s)
{
	return lsock_open(s, AF_UNIX) == 0 ? 1 : lsock_fail(L, errno);
}

static int
stream(lua_State *L)
{
	return make(L, lsock_new(L, LSOCK_MASTER, AF_UNIX, SOCK_STREAM));
}

static int
dgram(lua_State *L)
{
	return make(L, lsock_new(L, LSOCK_UNCONNECTED, AF_UNIX, SOCK_DGRAM));
}

static const luaL_Reg dgram_methods[] = {
	{ "bind", dgram_bind },
	{ "close", lsock_close },
	{ "connect", dgram_connect },
	{ "dirty", lsock_dirty },
	{ "getfd", lsock_getfd },
	{ "getsockname", lsock_getsockname },
	{ "gettimeout", lsock_gettimeout },
	{ "receive", dgram_receive },
	{ "receivefrom", dgram_receivefrom },
	{ "send", dgram_send },
	{ "sendto", dgram_sendto },
	{ "setfd", lsock_setfd },
	{ "setoption", lsock_setoption },
	{ "setpeername", dgram_connect },
	{ "setsockname", dgram_bind },
	{ "settimeout", lsock_settimeout },
	{ "__close", lsock_gc },
	{ "__gc", lsock_gc },
	{ "__tostring", lsock_tostring },
	{ NULL, NULL },
};

int
lsock_open_unix(lua_State *L)
{
	/* tcp and udp are older names, and older still is to call the module */
	static const luaL_Reg functions[] = {
		{ "__call", stream },
		{ "dgram", dgram },
		{ "stream", stream },
		{ "tcp", stream },
		{ "udp", dgram },
		{ NULL, NULL },
	};

	/* streams are tcp's kind of object */
	lua_getglobal(L, "require");
	lua_pushliteral(L, "socket.core");
	lua_call(L, 1, 0);
	lsock_newgroup(L, LSOCK_UNIXDGRAM, AF_UNIX, dgram_methods);
	luaL_newlib(L, functions);
	lua_pushvalue(L, -1);
	lua_setmetatable(L, -2);
	return 1;
}
