/*
 * The sockets of socket.core: a descriptor, who waits for it, and what LuaSocket's objects have in common. A socket
 * is tried first and waited for when it says EAGAIN; the poller's interest stays until an event finds nobody waiting.
 */
#include "lua/lsock.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lua/ldns.h"
#include "lua/state.h"

/* --- waiting --- */

static struct lsock_wait *
first_of(const struct lsock *s, int events)
{
	struct lsock_wait *w;

	LIST_FOREACH(w, &s->waits, entry)
		if (w->events & events)
			return w;
	return NULL;
}

static int
wanted(const struct lsock *s)
{
	return (first_of(s, POLLER_IN) != NULL ? POLLER_IN : 0) | (first_of(s, POLLER_OUT) != NULL ? POLLER_OUT : 0);
}

static void
ready(struct watch *watch, int events)
{
	struct lsock *s = (struct lsock *)watch;
	struct lsock_wait *w;

	/* who is woken leaves all its lists, so we look from the start again */
	while ((w = first_of(s, events)) != NULL)
		task_ready_soon(w->task);
	(void)poller_want(s->sched->poller, &s->watch, wanted(s));
}

int
lsock_listen_to(struct lsock *s, struct lsock_wait *w)
{
	if (s->watch.fd == -1) {
		errno = EBADF;
		return -1;
	}
	if (poller_want(s->sched->poller, &s->watch, s->watch.wants | w->events) == -1)
		return -1;
	LIST_INSERT_HEAD(&s->waits, w, entry);
	return 0;
}

void
lsock_stop_listening(struct lsock_wait *w)
{
	LIST_REMOVE(w, entry);
	w->task = NULL;
}

static void
leave(struct task *t)
{
	lsock_stop_listening(t->on);
}

void
lsock_begin(lua_State *L, struct lsock *s)
{
	s->begun = clock_read(&runtime_sched(runtime_of(L))->clock);
}

static int64_t
deadline(lua_State *L, const struct lsock *s)
{
	int64_t at = s->block < 0 ? CLOCK_FOREVER : co_from_now(L, clock_ns(s->block));
	int64_t end = s->total < 0 ? CLOCK_FOREVER : s->begun + clock_ns(s->total);

	return at < end ? at : end;
}

bool
lsock_wait(lua_State *L, struct lsock *s, int event, lua_KFunction k, lua_KContext ctx, int *error, int *result)
{
	static const struct wait in = { .name = "socket receive", .leave = leave, .external = true };
	static const struct wait out = { .name = "socket send", .leave = leave, .external = true };
	struct lsock_wait *w = event == POLLER_IN ? &s->in : &s->out;
	struct task *self = &co_current(L)->task;
	int64_t until = deadline(L, s);

	if (until <= clock_read(&s->sched->clock)) {
		*error = ETIMEDOUT;
		return false;
	}
	if (w->task != NULL) {
		*error = EALREADY;
		return false;
	}
	w->events = event;
	if (lsock_listen_to(s, w) == -1) {
		*error = errno;
		return false;
	}
	w->task = self;
	*result = co_wait(L, event == POLLER_IN ? &in : &out, w, until, k, ctx);
	return true;
}

bool
lsock_timed_out(lua_State *L, int status)
{
	return status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT;
}

/* --- errors --- */

const char *
lsock_strerror(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "address already in use";
	case EISCONN:
		return "already connected";
	case EACCES:
		return "permission denied";
	case ECONNREFUSED:
		return "connection refused";
	case ECONNABORTED:
	case ECONNRESET:
	case EPIPE:
	case EBADF:
		return "closed";
	case ETIMEDOUT:
	case EAGAIN:
	case EINPROGRESS:
		return "timeout";
	case EALREADY:
		return "another coroutine waits for this socket";
	default:
		return strerror(error);
	}
}

int
lsock_fail(lua_State *L, int error)
{
	return lua_fail(L, lsock_strerror(error));
}

/* --- classes --- */

/*
 * Each kind of object is a class of its own, as in LuaSocket: a metatable whose __index is a table, for who adds
 * methods to it, with the name of the class in it. The name of the group it belongs to is a key of the metatable.
 */
static const char *const names[] = { "tcp{master}", "tcp{client}", "tcp{server}", "udp{unconnected}",
    "udp{connected}" };

static void
push_class(lua_State *L, int family, int type, enum lsock_kind kind)
{
	if (family == AF_UNIX)
		lua_pushfstring(L, "unix%s%s", type == SOCK_DGRAM ? "dgram" : "stream", names[kind] + strlen("tcp"));
	else
		lua_pushstring(L, names[kind]);
}

static void
new_class(lua_State *L, const char *group, const char *class, const luaL_Reg *methods)
{
	(void)luaL_newmetatable(L, class);
	lua_pushboolean(L, 1);
	lua_setfield(L, -2, group);
	lua_newtable(L);
	for (const luaL_Reg *m = methods; m->name != NULL; m++) {
		lua_pushcfunction(L, m->func);
		lua_setfield(L, strncmp(m->name, "__", 2) == 0 ? -3 : -2, m->name);
	}
	lua_pushstring(L, class);
	lua_setfield(L, -2, "class");
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

void
lsock_newgroup(lua_State *L, const char *group, int family, const luaL_Reg *methods)
{
	bool streams = strcmp(group, LSOCK_TCP) == 0;
	enum lsock_kind kind = streams ? LSOCK_MASTER : LSOCK_UNCONNECTED;
	enum lsock_kind last = streams ? LSOCK_SERVER : LSOCK_CONNECTED;

	for (; kind <= last; kind++) {
		push_class(L, family, streams ? SOCK_STREAM : SOCK_DGRAM, kind);
		new_class(L, group, lua_tostring(L, -1), methods);
		lua_pop(L, 1);
	}
}

struct lsock *
lsock_test(lua_State *L, int index, const char *group)
{
	struct lsock *s = lua_touserdata(L, index);
	int type;

	if (s == NULL || !lua_getmetatable(L, index))
		return NULL;
	lua_pushstring(L, group);
	type = lua_rawget(L, -2);
	lua_pop(L, 2);
	return type == LUA_TBOOLEAN ? s : NULL;
}

void
lsock_become(lua_State *L, int index, enum lsock_kind kind)
{
	struct lsock *s = lua_touserdata(L, index);

	s->kind = kind;
	push_class(L, s->family, s->type, kind);
	lua_pushvalue(L, index);
	luaL_setmetatable(L, lua_tostring(L, -2));
	lua_pop(L, 2);
}

/* --- the object --- */

struct lsock *
lsock_new(lua_State *L, enum lsock_kind kind, int family, int type)
{
	struct lsock *s = lua_newuserdatauv(L, sizeof(*s), 1);
	struct sched *sched = runtime_sched(runtime_of(L));

	*s = (struct lsock){ .watch = { .fd = -1, .ready = ready }, .sched = sched, .family = family,
	    .type = type, .block = -1, .total = -1, .born = clock_read(&sched->clock) };
	LIST_INIT(&s->waits);
	lsock_become(L, lua_gettop(L), kind);
	return s;
}

void
lsock_set(struct lsock *s, int fd, int family)
{
	s->watch = (struct watch){ .fd = fd, .ready = ready };
	s->family = family;
}

int
lsock_open(struct lsock *s, int family)
{
	int fd, one = 1;

	if (s->watch.fd != -1)
		return 0;
	if (s->family != AF_UNSPEC)
		family = s->family;
	if ((fd = socket(family, s->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		return -1;
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	lsock_set(s, fd, family);
	return 0;
}

struct lsock *
lsock_check(lua_State *L, const char *name, unsigned kinds, const char *what)
{
	struct lsock *s = lsock_test(L, 1, name);

	if (s == NULL || !(kinds & 1U << s->kind))
		luaL_argerror(L, 1, lua_pushfstring(L, "%s expected", what));
	return s;
}

struct lsock *
lsock_any(lua_State *L)
{
	struct lsock *s = lsock_test(L, 1, LSOCK_TCP);

	if (s == NULL && (s = lsock_test(L, 1, LSOCK_UDP)) == NULL && (s = lsock_test(L, 1, LSOCK_UNIXDGRAM)) == NULL)
		luaL_argerror(L, 1, "tcp{any} expected");
	return s;
}

static void
wake_all(struct lsock *s)
{
	struct lsock_wait *w;

	while ((w = LIST_FIRST(&s->waits)) != NULL)
		task_ready_soon(w->task);
}

/* Whoever waits for it finds it closed. */
int
lsock_close(lua_State *L)
{
	struct lsock *s = lsock_any(L);

	if (s->watch.fd != -1) {
		poller_remove(s->sched->poller, &s->watch);
		(void)close(s->watch.fd);
		s->watch.fd = -1;
	}
	s->closed = true;
	buf_fini(&s->input);
	s->taken = s->scanned = 0;
	wake_all(s);
	lua_pushnumber(L, 1);
	return 1;
}

int
lsock_gc(lua_State *L)
{
	(void)lsock_close(L);
	return 0;
}

int
lsock_tostring(lua_State *L)
{
	struct lsock *s = lsock_any(L);

	push_class(L, s->family, s->type, s->kind);
	lua_pushfstring(L, "%s: %p", lua_tostring(L, -1), (void *)s);
	return 1;
}

int
lsock_settimeout(lua_State *L)
{
	struct lsock *s = lsock_any(L);
	double seconds = luaL_optnumber(L, 2, -1);
	const char *mode = luaL_optstring(L, 3, "b");

	luaL_argcheck(L, strchr("btr", *mode) != NULL, 3, "invalid timeout mode");
	*(*mode == 'b' ? &s->block : &s->total) = seconds;
	lua_pushnumber(L, 1);
	return 1;
}

int
lsock_gettimeout(lua_State *L)
{
	struct lsock *s = lsock_any(L);

	lua_pushnumber(L, s->block);
	lua_pushnumber(L, s->total);
	return 2;
}

int
lsock_getfd(lua_State *L)
{
	lua_pushnumber(L, lsock_any(L)->watch.fd);
	return 1;
}

int
lsock_setfd(lua_State *L)
{
	struct lsock *s = lsock_any(L);
	int fd = (int)luaL_checkinteger(L, 2);

	if (s->watch.fd != -1)
		poller_remove(s->sched->poller, &s->watch);
	lsock_set(s, fd, s->family);
	return 0;
}

int
lsock_dirty(lua_State *L)
{
	struct lsock *s = lsock_any(L);

	lua_pushboolean(L, s->input.n > s->taken);
	return 1;
}

/* --- addresses --- */

int
lsock_literal(const char *host, int family, uint16_t port, struct addr *a)
{
	if (strcmp(host, "*") == 0)
		host = family == AF_INET6 ? "::" : "0.0.0.0";
	return addr_literal(slice_of(host), port, a);
}

int
lsock_checkport(lua_State *L, int arg)
{
	const char *text = luaL_checkstring(L, arg);
	int whole;
	lua_Integer n = lua_tointegerx(L, arg, &whole);
	const struct servent *service;

	if (whole && n >= 0 && n <= 65535)
		return (int)n;
	if (whole || (service = getservbyname(text, NULL)) == NULL)
		return -1;
	return ntohs((uint16_t)service->s_port);
}

int
lsock_no_service(lua_State *L)
{
	return lua_fail(L, "service not supported for socket type");
}

void
lsock_resolve(lua_State *L, int host, int family, lua_KFunction k, lua_KContext ctx)
{
	lua_pushcfunction(L, ldns_addresses);
	lua_pushvalue(L, host);
	lua_createtable(L, 0, 1);
	if (family != AF_UNSPEC) {
		lua_pushinteger(L, family == AF_INET6 ? 6 : 4);
		lua_setfield(L, -2, "family");
	}
	lua_callk(L, 2, 2, ctx, k);
}

static int
push_name(lua_State *L, bool peer)
{
	struct lsock *s = lsock_any(L);
	struct addr a = { .len = sizeof(a.u) };
	char text[ADDR_STRLEN];

	if (s->watch.fd == -1 ||
	    (peer ? getpeername(s->watch.fd, &a.u.sa, &a.len) : getsockname(s->watch.fd, &a.u.sa, &a.len)) == -1)
		return lua_failno(L, s->watch.fd == -1 ? EBADF : errno);
	lua_pushlstring(L, text, addr_format_host(&a, text, sizeof(text)));
	if (a.u.sa.sa_family == AF_UNIX)
		return 1;
	lua_pushinteger(L, addr_port(&a));
	/* LuaSocket's own number is text, and scripts compare it */
	if (!peer)
		(void)lua_tostring(L, -1);
	lua_pushstring(L, a.u.sa.sa_family == AF_INET6 ? "inet6" : "inet");
	return 3;
}

int
lsock_getsockname(lua_State *L)
{
	return push_name(L, false);
}

int
lsock_getpeername(lua_State *L)
{
	return push_name(L, true);
}

int
lsock_getfamily(lua_State *L)
{
	int family = lsock_any(L)->family;

	lua_pushstring(L, family == AF_INET6 ? "inet6" : family == AF_INET ? "inet4" : "inet4");
	return 1;
}
