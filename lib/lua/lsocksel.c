/*
 * socket.select: on our sockets, and on whatever has a method getfd, as LuaSocket has it. What is ready now is looked
 * at first, and again after the wait.
 */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "lua/lsock.h"
#include "lua/state.h"

/* One that is waited for: one of ours, or a copy of the descriptor of whatever has a method getfd. */
struct selected {
	struct watch watch; /* fd -1: one of ours */
	struct lsock_wait wait;
	struct selection *of;
	struct lsock *sock; /* NULL: it is none of ours */
	int fd;
};

struct selection {
	struct task *task;
	struct sched *sched;
	size_t n, most;
	struct selected list[];
};

static void
leave(struct task *t)
{
	struct selection *sel = t->on;

	for (size_t i = 0; i < sel->n; i++) {
		struct selected *one = &sel->list[i];

		if (one->wait.task != NULL)
			lsock_stop_listening(&one->wait);
		if (one->watch.fd == -1)
			continue;
		poller_remove(sel->sched->poller, &one->watch);
		(void)close(one->watch.fd);
	}
	sel->n = 0;
}

static void
heard(struct watch *w, int events)
{
	struct selected *one = (struct selected *)w;

	(void)events;
	task_ready_soon(one->of->task);
}

static struct lsock *
to_sock(lua_State *L, int index)
{
	struct lsock *s = lsock_test(L, index, LSOCK_TCP);

	if (s == NULL)
		s = lsock_test(L, index, LSOCK_UDP);
	return s != NULL ? s : lsock_test(L, index, LSOCK_UNIXDGRAM);
}

/* Calls a method of the object on top, if it has one, and pushes what it gives; else nil. */
static void
ask(lua_State *L, const char *method)
{
	if (!lua_istable(L, -1) && !lua_isuserdata(L, -1)) {
		lua_pushnil(L);
	} else if (lua_getfield(L, -1, method) == LUA_TFUNCTION) {
		lua_pushvalue(L, -2);
		lua_call(L, 1, 1);
	}
}

/* The descriptor of the object on top; -1: none. */
static int
descriptor(lua_State *L)
{
	struct lsock *s = to_sock(L, -1);
	int fd;

	if (s != NULL)
		return s->watch.fd;
	ask(L, "getfd");
	fd = lua_isnumber(L, -1) ? (int)lua_tonumber(L, -1) : -1;
	lua_pop(L, 1);
	return fd;
}

/* Whether the object on top holds input already. One that is closed is ignored, but not if that ended the wait. */
static bool
is_dirty(lua_State *L, bool woken)
{
	struct lsock *s = to_sock(L, -1);
	bool dirty;

	if (s != NULL)
		return (s->closed && woken) || s->input.n > s->taken;
	ask(L, "dirty");
	dirty = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return dirty;
}

static bool
ready_now(lua_State *L, int event, bool woken)
{
	struct pollfd p = { .fd = descriptor(L), .events = event == POLLER_IN ? POLLIN : POLLOUT };

	return (event == POLLER_IN && is_dirty(L, woken)) || (p.fd >= 0 && poll(&p, 1, 0) == 1);
}

/* Adds those of the list at `from` that are ready to the one at `to`, as an array and as a set; how many. */
static int
collect(lua_State *L, int from, int to, int event, bool woken)
{
	int n = 0;

	if (lua_isnoneornil(L, from))
		return 0;
	for (lua_Integer i = 1; lua_geti(L, from, i) != LUA_TNIL; i++) {
		if (ready_now(L, event, woken)) {
			lua_pushvalue(L, -1);
			lua_rawseti(L, to, ++n);
			lua_pushvalue(L, -1);
			lua_pushnumber(L, n);
			lua_rawset(L, to);
		}
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return n;
}

static size_t
count(lua_State *L, int list)
{
	size_t n = 0;

	if (lua_isnoneornil(L, list))
		return 0;
	luaL_checktype(L, list, LUA_TTABLE);
	while (lua_geti(L, list, (lua_Integer)n + 1) != LUA_TNIL) {
		lua_pop(L, 1);
		n++;
	}
	lua_pop(L, 1);
	return n;
}

/* Who is waited for. Methods of scripts are called here, and may raise errors: nothing is watched yet. */
static void
choose(lua_State *L, struct selection *sel, int list, int event)
{
	if (lua_isnoneornil(L, list))
		return;
	for (lua_Integer i = 1; sel->n < sel->most && lua_geti(L, list, i) != LUA_TNIL; lua_settop(L, 6), i++)
		sel->list[sel->n++] = (struct selected){ .watch = { .fd = -1, .ready = heard }, .of = sel,
		    .wait = { .events = event }, .sock = to_sock(L, -1), .fd = descriptor(L) };
	lua_settop(L, 6);
}

static void
listen_to_all(struct selection *sel)
{
	for (size_t i = 0; i < sel->n; i++) {
		struct selected *one = &sel->list[i];

		if (one->sock != NULL) {
			if (lsock_listen_to(one->sock, &one->wait) == 0)
				one->wait.task = sel->task;
		} else if (one->fd >= 0 && (one->watch.fd = fcntl(one->fd, F_DUPFD_CLOEXEC, 0)) != -1)
			(void)poller_want(sel->sched->poller, &one->watch, one->wait.events);
	}
}

/* The stack: both lists, the time, both results. */
static int
select_on(lua_State *L, int status, lua_KContext until)
{
	static const struct wait wait = { .name = "socket select", .leave = leave, .external = true };
	bool timed_out = lsock_timed_out(L, status), woken = status == LUA_YIELD && !timed_out;
	struct selection *sel;
	size_t n;

	if (collect(L, 1, 4, POLLER_IN, woken) + collect(L, 2, 5, POLLER_OUT, woken) > 0) {
		lua_settop(L, 5);
		return 2;
	}
	if (timed_out || (int64_t)until <= clock_read(&runtime_sched(runtime_of(L))->clock)) {
		lua_settop(L, 5);
		lua_pushliteral(L, "timeout");
		return 3;
	}
	lua_settop(L, 5);
	n = count(L, 1) + count(L, 2);
	sel = lua_newuserdatauv(L, sizeof(*sel) + n * sizeof(sel->list[0]), 0);
	*sel = (struct selection){ .task = &co_current(L)->task, .sched = runtime_sched(runtime_of(L)), .most = n };
	choose(L, sel, 1, POLLER_IN);
	choose(L, sel, 2, POLLER_OUT);
	listen_to_all(sel);
	return co_wait(L, &wait, sel, (int64_t)until, select_on, until);
}

int
lsock_select(lua_State *L)
{
	double seconds = luaL_optnumber(L, 3, -1);
	int64_t until = seconds < 0 ? CLOCK_FOREVER : co_from_now(L, clock_ns(seconds));

	lua_settop(L, 3);
	(void)count(L, 1);
	(void)count(L, 2);
	lua_newtable(L);
	lua_newtable(L);
	return select_on(L, LUA_OK, (lua_KContext)until);
}
