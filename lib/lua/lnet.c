/*
 * The module net: listeners, connecting, and addresses as scripts write them. Datagrams are in ludp.c, connections in
 * lconn.c.
 */
#include "lua/lnet.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lua/modules.h"
#include "net/listen.h"

#define LISTENER "net.listener"

/* How long each() lets others run when the system has no descriptor left for a connection. */
#define BREATH (100 * MSEC)

/* How long a peer may take for the TLS handshake when the script does not say, seconds. */
#define HANDSHAKE 30.0

struct llisten {
	struct listen *listen; /* NULL: closed */
	struct tls *tls;       /* NULL: none; held by the user value */
	int64_t handshake;     /* ns */
	struct task_list waiting;
};

/* --- shared --- */

void
lnet_checkaddr(lua_State *L, int arg, enum transport transport, struct addr *a)
{
	struct slice text;
	enum transport given;
	const char *why;

	text.p = luaL_checklstring(L, arg, &text.n);
	if (addr_parse(text, -1, a, &given, &why) == -1)
		luaL_argerror(L, arg, lua_pushfstring(L, "%s: '%s'", why, text.p));
	if (given != TRANSPORT_NONE && given != TRANSPORT_UNIX && given != transport)
		luaL_argerror(L, arg, lua_pushfstring(L, "not a %s address: '%s'", transport_name(transport), text.p));
}

void
lnet_pushaddr(lua_State *L, const struct addr *a)
{
	char text[ADDR_STRLEN];
	size_t n = addr_format(a, text, sizeof(text));

	lua_pushlstring(L, text, n);
}

void
lnet_wake(struct task_list *list)
{
	struct task *t;

	while ((t = TAILQ_FIRST(list)) != NULL)
		task_ready_soon(t);
}

/* --- listeners --- */

static struct llisten *
check(lua_State *L)
{
	return luaL_checkudata(L, 1, LISTENER);
}

static void
can_accept(struct listen *l)
{
	struct llisten *ll = listen_user(l);

	/* nobody waits: the connection stays in the system's queue until somebody does */
	if (TAILQ_EMPTY(&ll->waiting))
		(void)listen_want(l, false);
	else
		task_ready_soon(TAILQ_FIRST(&ll->waiting));
}

static int
net_listen(lua_State *L)
{
	bool secure = strncmp(luaL_checkstring(L, 1), "tls:", 4) == 0;
	struct runtime *rt = runtime_of(L);
	struct llisten *ll;
	struct addr a;
	struct ltls o;

	lua_settop(L, 2);
	lnet_checkaddr(L, 1, secure ? TRANSPORT_TLS : TRANSPORT_TCP, &a);
	luaL_argcheck(L, secure || lua_isnil(L, 2), 2, "options are for addresses with tls: in front");
	ltls_options(L, 2, true, false, &o);
	ll = lua_newuserdatauv(L, sizeof(*ll), 1);
	*ll = (struct llisten){ .handshake = clock_ns(o.timeout < 0 ? HANDSHAKE : o.timeout) };
	TAILQ_INIT(&ll->waiting);
	luaL_setmetatable(L, LISTENER);
	if (secure && (ll->tls = ltls_push(L, &o)) == NULL)
		return lua_fail(L, lua_tostring(L, -1));
	if (secure)
		lua_setiuservalue(L, -2, 1);
	ll->listen = listen_open(runtime_sched(rt), &a, runtime_shares_ports(rt), can_accept, ll);
	return ll->listen != NULL ? 1 : lua_failno(L, errno);
}

static void
leave(struct task *t)
{
	struct llisten *ll = t->on;

	TAILQ_REMOVE(&ll->waiting, t, link);
}

/* The connection is made before the descriptor is taken, so that no error of Lua's can lose it. */
static int
accept_now(lua_State *L, struct llisten *ll)
{
	struct lconn *c = lconn_new(L);
	struct stream *s;
	int fd = listen_accept(ll->listen, NULL);

	if (fd == -1)
		return -1;
	if ((s = stream_open(runtime_sched(runtime_of(L)), fd, -1, lconn_changed, c)) == NULL) {
		(void)close(fd);
		errno = ENOMEM;
		return -1;
	}
	lconn_set(c, s);
	lconn_from_network(c);
	/* the loop shakes hands: a silent peer holds up only those who read from it */
	return ll->tls == NULL ? 0 : stream_starttls(s, ll->tls, NULL, co_from_now(L, ll->handshake));
}

static int
accept_on(lua_State *L, int status, lua_KContext deadline)
{
	static const struct wait wait = { .name = "accept", .leave = leave, .external = true };
	struct llisten *ll = lua_touserdata(L, 1);
	struct co *co;

	if (ll->listen == NULL)
		return lua_fail(L, "closed");
	if (accept_now(L, ll) == 0)
		return 1;
	if (errno != EAGAIN)
		return lua_failno(L, errno);
	if (status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	co = co_current(L);
	if (listen_want(ll->listen, true) == -1)
		return lua_failno(L, errno);
	lua_settop(L, 2);
	TAILQ_INSERT_TAIL(&ll->waiting, &co->task, link);
	return co_wait(L, &wait, ll, (int64_t)deadline, accept_on, deadline);
}

static int
accept_(lua_State *L)
{
	(void)check(L);
	return accept_on(L, LUA_OK, (lua_KContext)co_optdeadline(L, 2));
}

static int each_next(lua_State *);

static int
each_again(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	return each_next(L);
}

static int
each_done(lua_State *L, int status, lua_KContext ctx)
{
	static const struct wait wait = { .name = "accept (no descriptors left)" };
	struct llisten *ll = lua_touserdata(L, lua_upvalueindex(1));

	(void)status;
	(void)ctx;
	if (!lua_isnil(L, 1))
		return 1;
	if (ll->listen == NULL)
		return 0;
	return co_wait(L, &wait, NULL, runtime_sched(runtime_of(L))->clock.now + BREATH, each_again, 0);
}

/*
 * Goes on until the listener is closed: what is wrong with one connection, or short for now, is no reason to stop a
 * server.
 */
static int
each_next(lua_State *L)
{
	lua_settop(L, 0);
	lua_pushcfunction(L, accept_);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_callk(L, 1, 1, 0, each_done);
	return each_done(L, LUA_OK, 0);
}

static int
each(lua_State *L)
{
	(void)check(L);
	lua_settop(L, 1);
	lua_pushcclosure(L, each_next, 1);
	return 1;
}

static int
localaddr(lua_State *L)
{
	struct llisten *ll = check(L);
	struct addr a;

	if (ll->listen == NULL)
		return lua_fail(L, "closed");
	if (listen_localaddr(ll->listen, &a) == -1)
		return lua_failno(L, errno);
	lnet_pushaddr(L, &a);
	return 1;
}

static int
close_(lua_State *L)
{
	struct llisten *ll = check(L);

	listen_close(ll->listen);
	ll->listen = NULL;
	lnet_wake(&ll->waiting);
	return 0;
}

static int
tostring(lua_State *L)
{
	lua_pushfstring(L, LISTENER ": %p", (void *)check(L));
	return 1;
}

static void
listener_register(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "accept", accept_ },
		{ "close", close_ },
		{ "each", each },
		{ "localaddr", localaddr },
		{ "__close", close_ },
		{ "__gc", close_ },
		{ "__tostring", tostring },
		{ NULL, NULL },
	};

	lua_newtype(L, LISTENER, methods);
}

int
lnet_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "connect", lconnect },
		{ "listen", net_listen },
		{ "udp", ludp_open_socket },
		{ NULL, NULL },
	};

	listener_register(L);
	ludp_register(L);
	lconn_register(L);
	luaL_newlib(L, functions);
	return 1;
}
