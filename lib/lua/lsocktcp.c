/* LuaSocket's tcp objects: master, client, server. */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lua/lnet.h"
#include "lua/lsock.h"
#include "lua/state.h"

enum {
	ANY = 1 << LSOCK_MASTER | 1 << LSOCK_CLIENT | 1 << LSOCK_SERVER,
};

static struct lsock *
check_any(lua_State *L)
{
	return lsock_check(L, LSOCK_TCP, ANY, "tcp{any}");
}

static struct lsock *
check_client(lua_State *L)
{
	return lsock_check(L, LSOCK_TCP, 1 << LSOCK_CLIENT, "tcp{client}");
}

/* --- connecting --- */

/*
 * The stack: the socket, the host, the port, and when the host is a name its addresses or nil and why. The context: the
 * port, and above it how many of the addresses have been tried.
 */
enum { ADDRESSES = 4, TRIED = 16 };

static int connect_next(lua_State *, struct lsock *, lua_KContext, int error);

static int
connect_failed(lua_State *L, struct lsock *s, lua_KContext ctx, int error)
{
	/* with no time-out left to wait with, the caller asks again */
	if (s->watch.fd == -1 || s->block == 0 || !lua_istable(L, ADDRESSES))
		return lsock_fail(L, error);
	return connect_next(L, s, ctx, error);
}

static int
finish_connect(lua_State *L, int status, lua_KContext ctx)
{
	struct lsock *s = lua_touserdata(L, 1);
	socklen_t len = sizeof(int);
	int error = 0;

	if (lsock_timed_out(L, status))
		return connect_failed(L, s, ctx, ETIMEDOUT);
	if (s->watch.fd == -1)
		return lsock_fail(L, EBADF);
	if (getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		return connect_failed(L, s, ctx, error);
	lua_pushnumber(L, 1);
	return 1;
}

static void
drop(struct lsock *s)
{
	poller_remove(s->sched->poller, &s->watch);
	(void)close(s->watch.fd);
	s->watch.fd = -1;
}

/* 0 or errno. A socket that failed once need not be good for a second try (POSIX): then it is made anew. */
static int
try(struct lsock *s, const struct addr *a, bool again)
{
	if (connect(s->watch.fd, &a->u.sa, a->len) == 0)
		return 0;
	if (errno != ECONNABORTED || !again)
		return errno;
	drop(s);
	return lsock_open(s, s->family) == 0 && connect(s->watch.fd, &a->u.sa, a->len) == 0 ? 0 : errno;
}

/* A class that has been connected, if only tried, is a client. */
static int
start_connect(lua_State *L, struct lsock *s, const struct addr *a, lua_KContext ctx)
{
	int error, result;

	if (s->family != AF_UNSPEC && s->family != a->u.sa.sa_family)
		return lua_fail(L, gai_strerror(EAI_ADDRFAMILY));
	if (lsock_open(s, a->u.sa.sa_family) == -1)
		return lsock_fail(L, errno);
	lsock_become(L, 1, LSOCK_CLIENT);
	if ((error = try(s, a, ctx >> TRIED > 1)) == 0) {
		lua_pushnumber(L, 1);
		return 1;
	}
	if (error != EINPROGRESS && error != EAGAIN && error != EALREADY)
		return connect_failed(L, s, ctx, error);
	if (lsock_wait(L, s, POLLER_OUT, finish_connect, ctx, &error, &result))
		return result;
	return lsock_fail(L, error);
}

/* The next address is tried, if there is one; a socket of another family is made anew for it. */
static int
connect_next(lua_State *L, struct lsock *s, lua_KContext ctx, int error)
{
	lua_KContext tried = ctx >> TRIED;
	struct addr a;

	if (lua_rawgeti(L, ADDRESSES, (lua_Integer)tried + 1) == LUA_TNIL)
		return lsock_fail(L, error);
	if (lsock_literal(lua_tostring(L, -1), s->family, (uint16_t)ctx, &a) == -1)
		return lua_fail(L, "host or service not provided, or not known");
	lua_pop(L, 1);
	if (s->watch.fd != -1 && s->family != a.u.sa.sa_family) {
		drop(s);
		s->family = AF_UNSPEC;
	}
	lsock_begin(L, s);
	return start_connect(L, s, &a, ctx + ((lua_KContext)1 << TRIED));
}

static int
connect_resolved(lua_State *L, int status, lua_KContext port)
{
	struct lsock *s = lua_touserdata(L, 1);

	(void)status;
	if (!lua_istable(L, ADDRESSES))
		return lua_fail(L, "host or service not provided, or not known");
	lua_settop(L, ADDRESSES);
	return connect_next(L, s, port, EADDRNOTAVAIL);
}

static int
tcp_connect(lua_State *L)
{
	struct lsock *s = check_any(L);
	struct addr a;
	int port;

	lsock_begin(L, s);
	if (s->family == AF_UNIX)
		return lsock_path(L, 2, &a) == 0 ? start_connect(L, s, &a, 0) : lua_fail(L, "path too long");
	(void)luaL_checkstring(L, 2);
	if ((port = lsock_checkport(L, 3)) == -1)
		return lsock_no_service(L);
	lua_settop(L, 3);
	if (lsock_literal(lua_tostring(L, 2), s->family, (uint16_t)port, &a) == 0)
		return start_connect(L, s, &a, 0);
	lsock_resolve(L, 2, s->family, connect_resolved, port);
	return connect_resolved(L, LUA_OK, port);
}

/* --- serving --- */

static int
bind_to(lua_State *L, struct lsock *s, const struct addr *a)
{
	if (s->family != AF_UNSPEC && s->family != a->u.sa.sa_family)
		return lua_fail(L, gai_strerror(EAI_ADDRFAMILY));
	if (lsock_open(s, a->u.sa.sa_family) == -1 || bind(s->watch.fd, &a->u.sa, a->len) == -1)
		return lsock_fail(L, errno);
	lua_pushnumber(L, 1);
	return 1;
}

static int
bind_resolved(lua_State *L, int status, lua_KContext port)
{
	struct lsock *s = lua_touserdata(L, 1);
	struct addr a;

	(void)status;
	if (!lua_istable(L, 4))
		return lua_fail(L, "host or service not provided, or not known");
	lua_rawgeti(L, 4, 1);
	if (lsock_literal(lua_tostring(L, -1), s->family, (uint16_t)port, &a) == -1)
		return lua_fail(L, "host or service not provided, or not known");
	return bind_to(L, s, &a);
}

static int
tcp_bind(lua_State *L)
{
	struct lsock *s = lsock_check(L, LSOCK_TCP, 1 << LSOCK_MASTER, "tcp{master}");
	struct addr a;
	int port;

	if (s->family == AF_UNIX)
		return lsock_path(L, 2, &a) == 0 ? bind_to(L, s, &a) : lua_fail(L, "path too long");
	(void)luaL_checkstring(L, 2);
	if ((port = lsock_checkport(L, 3)) == -1)
		return lsock_no_service(L);
	lua_settop(L, 3);
	if (lsock_literal(lua_tostring(L, 2), s->family, (uint16_t)port, &a) == 0)
		return bind_to(L, s, &a);
	lsock_resolve(L, 2, s->family, bind_resolved, port);
	return bind_resolved(L, LUA_OK, port);
}

static int
tcp_listen(lua_State *L)
{
	struct lsock *s = lsock_check(L, LSOCK_TCP, 1 << LSOCK_MASTER, "tcp{master}");
	int backlog = (int)luaL_optnumber(L, 2, 32);

	/* without an address there is nothing yet that could listen */
	if (s->watch.fd == -1)
		return lua_failno(L, EBADF);
	if (listen(s->watch.fd, backlog) == -1)
		return lsock_fail(L, errno);
	lsock_become(L, 1, LSOCK_SERVER);
	lua_pushnumber(L, 1);
	return 1;
}

static int
accept_on(lua_State *L, int status, lua_KContext ctx)
{
	struct lsock *s = lua_touserdata(L, 1), *client;
	int fd, error, result;

	(void)ctx;
	if (lsock_timed_out(L, status))
		return lsock_fail(L, ETIMEDOUT);
	/* made first: an error must not lose a connection */
	client = lsock_new(L, LSOCK_CLIENT, s->family, SOCK_STREAM);
	do
		/* closed: EBADF, too */
		fd = accept4(s->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd == -1 && (errno == EINTR || errno == ECONNABORTED));
	if (fd != -1) {
		lsock_set(client, fd, s->family);
		return 1;
	}
	error = errno;
	lua_settop(L, 1);
	if (error != EAGAIN && error != EWOULDBLOCK)
		return lsock_fail(L, error);
	if (lsock_wait(L, s, POLLER_IN, accept_on, 0, &error, &result))
		return result;
	return lsock_fail(L, error);
}

static int
tcp_accept(lua_State *L)
{
	struct lsock *s = lsock_check(L, LSOCK_TCP, 1 << LSOCK_SERVER, "tcp{server}");

	lua_settop(L, 1);
	lsock_begin(L, s);
	return accept_on(L, LUA_OK, 0);
}

/* --- the rest --- */

static int
tcp_shutdown(lua_State *L)
{
	static const char *const how[] = { "receive", "send", "both", NULL };
	struct lsock *s = check_client(L);
	int which = luaL_checkoption(L, 2, "both", how);

	if (s->watch.fd != -1)
		(void)shutdown(s->watch.fd, which);
	lua_pushnumber(L, 1);
	return 1;
}

static int
tcp_getstats(lua_State *L)
{
	struct lsock *s = check_client(L);

	lua_pushnumber(L, s->received);
	lua_pushnumber(L, s->sent);
	lua_pushnumber(L, (double)(clock_read(&s->sched->clock) - s->born) / SEC);
	return 3;
}

static int
tcp_setstats(lua_State *L)
{
	struct lsock *s = check_client(L);

	s->received = luaL_optnumber(L, 2, s->received);
	s->sent = luaL_optnumber(L, 3, s->sent);
	if (lua_isnumber(L, 4))
		s->born = clock_read(&s->sched->clock) - clock_ns(lua_tonumber(L, 4));
	lua_pushnumber(L, 1);
	return 1;
}

int
lsock_tcp(lua_State *L)
{
	(void)lsock_new(L, LSOCK_MASTER, AF_UNSPEC, SOCK_STREAM);
	return 1;
}

static int
of_family(lua_State *L, int family)
{
	struct lsock *s = lsock_new(L, LSOCK_MASTER, family, SOCK_STREAM);

	return lsock_open(s, family) == 0 ? 1 : lsock_fail(L, errno);
}

int
lsock_tcp4(lua_State *L)
{
	return of_family(L, AF_INET);
}

int
lsock_tcp6(lua_State *L)
{
	return of_family(L, AF_INET6);
}

static int
connected(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (lua_isnil(L, -2))
		return 2;
	lua_settop(L, 1);
	return 1;
}

/* socket.connect(host, port [, local host, local port [, family]]) */
int
lsock_connect(lua_State *L)
{
	static const char *const families[] = { "unspec", "inet", "inet6", NULL };
	static const int family[] = { AF_UNSPEC, AF_INET, AF_INET6 };
	int which = luaL_checkoption(L, 5, "unspec", families);
	struct addr local = { .len = 0 };
	struct lsock *s;

	(void)luaL_checkstring(L, 1);
	if (lsock_checkport(L, 2) == -1 || (!lua_isnoneornil(L, 4) && lsock_checkport(L, 4) == -1))
		return lsock_no_service(L);
	if (!lua_isnoneornil(L, 3) && lsock_literal(luaL_checkstring(L, 3), family[which],
	    lua_isnoneornil(L, 4) ? 0 : (uint16_t)lsock_checkport(L, 4), &local) == -1)
		return lua_fail(L, "host or service not provided, or not known");
	lua_settop(L, 2);
	s = lsock_new(L, LSOCK_MASTER, family[which], SOCK_STREAM);
	lua_insert(L, 1);
	if (local.len > 0 && bind_to(L, s, &local) == 2)
		return 2;
	lua_settop(L, 3);
	lua_pushcfunction(L, tcp_connect);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 3);
	lua_callk(L, 3, 2, 0, connected);
	return connected(L, LUA_OK, 0);
}

void
lsock_register_tcp(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "accept", tcp_accept },
		{ "bind", tcp_bind },
		{ "close", lsock_close },
		{ "connect", tcp_connect },
		{ "dirty", lsock_dirty },
		{ "getfamily", lsock_getfamily },
		{ "getfd", lsock_getfd },
		{ "getoption", lsock_getoption },
		{ "getpeername", lsock_getpeername },
		{ "getsockname", lsock_getsockname },
		{ "getstats", tcp_getstats },
		{ "gettimeout", lsock_gettimeout },
		{ "listen", tcp_listen },
		{ "receive", lsock_receive },
		{ "send", lsock_send },
		{ "setfd", lsock_setfd },
		{ "setoption", lsock_setoption },
		{ "setpeername", tcp_connect },
		{ "setsockname", tcp_bind },
		{ "setstats", tcp_setstats },
		{ "settimeout", lsock_settimeout },
		{ "shutdown", tcp_shutdown },
		{ "__close", lsock_gc },
		{ "__gc", lsock_gc },
		{ "__tostring", lsock_tostring },
		{ NULL, NULL },
	};

	lsock_newgroup(L, LSOCK_TCP, AF_UNSPEC, methods);
	lsock_newgroup(L, LSOCK_TCP, AF_UNIX, methods);
}
