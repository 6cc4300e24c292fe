/*
 * Channels and semaphores. A channel's values stand in a queue, a table with the keys head..tail-1; one more than its
 * capacity makes its putter wait until a get has moved the queue on. A putter that gives up or is cancelled leaves a
 * hole, which gets pass over: the values of those who wait are the last in the queue, in the order of their waiting.
 * While anybody does, the queue is in the registry, where the end of one that is cancelled finds it.
 */
#include "lua/lsync.h"
#include "lua/state.h"

#define CHANNEL "coop.channel"
#define SEMAPHORE "coop.semaphore"

struct channel {
	lua_Integer head, tail;
	lua_Integer count;       /* values in the queue, without holes */
	lua_Integer capacity;
	struct task_list getters, putters;
	bool closed;
};

struct semaphore {
	lua_Integer n;
	struct task_list waiting;
};

static const char hole = 0; /* its address, as a light userdata, is no value of a script's */

/* --- waiting in a list --- */

static void
wake_first(struct task_list *list)
{
	if (!TAILQ_EMPTY(list))
		task_ready(TAILQ_FIRST(list));
}

static void
leave_getters(struct task *t)
{
	TAILQ_REMOVE(&((struct channel *)t->on)->getters, t, link);
}

/* The value that it was woken for is still there. */
static void
lost_value(struct task *t)
{
	struct channel *ch = t->on;

	if (ch->count > 0)
		wake_first(&ch->getters);
}

static bool
is_hole(lua_State *L, int index)
{
	return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &hole;
}

/* The queue being on top, makes a hole of the n-th value from its end. What is there already needs no memory. */
static void
withdraw(lua_State *L, struct channel *ch, int n)
{
	lua_Integer at = ch->tail;
	bool none;

	do {
		lua_rawgeti(L, -1, --at);
		none = is_hole(L, -1);
		lua_pop(L, 1);
	} while (none || --n > 0);
	lua_pushlightuserdata(L, (void *)&hole);
	lua_rawseti(L, -2, at);
	ch->count--;
}

static void
leave_putters(struct task *t)
{
	struct channel *ch = t->on;
	struct co *co = co_from_task(t);
	lua_State *L = co_runtime(co)->L;
	int after = 1;

	if (co_outcome(co) == CO_CANCELLED) {
		for (struct task *next = TAILQ_NEXT(t, link); next != NULL; next = TAILQ_NEXT(next, link))
			after++;
		lua_rawgetp(L, LUA_REGISTRYINDEX, ch);
		withdraw(L, ch, after);
		lua_pop(L, 1);
	}
	TAILQ_REMOVE(&ch->putters, t, link);
	if (!TAILQ_EMPTY(&ch->putters))
		return;
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, ch);
}

static void
leave_semaphore(struct task *t)
{
	TAILQ_REMOVE(&((struct semaphore *)t->on)->waiting, t, link);
}

static void
give(struct semaphore *s)
{
	if (TAILQ_EMPTY(&s->waiting))
		s->n++;
	else
		wake_first(&s->waiting);
}

static void
lost_semaphore(struct task *t)
{
	give(t->on);
}

/* --- channels --- */

static struct channel *
check(lua_State *L)
{
	return lua_self(L, CHANNEL);
}

int
lsync_channel(lua_State *L)
{
	lua_Integer capacity = luaL_optinteger(L, 1, 0);
	struct channel *ch;

	luaL_argcheck(L, capacity >= 0, 1, "a capacity must not be negative");
	ch = lua_newuserdatauv(L, sizeof(*ch), 1);
	*ch = (struct channel){ .head = 1, .tail = 1, .capacity = capacity };
	TAILQ_INIT(&ch->getters);
	TAILQ_INIT(&ch->putters);
	lua_createtable(L, 0, 0);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, CHANNEL);
	return 1;
}

static int
put_done(lua_State *L, int status, lua_KContext at)
{
	struct channel *ch = lua_touserdata(L, 1);

	(void)status;
	if (task_wake(&co_current(L)->task) == TASK_WOKEN || at < ch->head) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_getiuservalue(L, 1, 1);
	lua_pushlightuserdata(L, (void *)&hole);
	lua_rawseti(L, -2, at);
	ch->count--;
	return lua_fail(L, "timeout");
}

static int
channel_put(lua_State *L)
{
	static const struct wait wait = { .name = "channel put", .leave = leave_putters };
	struct channel *ch = check(L);
	int64_t deadline = co_optdeadline(L, 3);
	bool taken;
	struct co *co;

	luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "nil cannot be put into a channel: it tells of its end");
	if (ch->closed)
		return lua_fail(L, "closed");
	taken = !TAILQ_EMPTY(&ch->getters);
	co = taken || ch->count < ch->capacity ? NULL : co_current(L);
	lua_getiuservalue(L, 1, 1);
	if (co != NULL && TAILQ_EMPTY(&ch->putters)) {
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, ch);
	}
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, ch->tail);
	ch->tail++;
	ch->count++;
	wake_first(&ch->getters);
	if (co == NULL) {
		lua_pushboolean(L, 1);
		return 1;
	}
	TAILQ_INSERT_TAIL(&ch->putters, &co->task, link);
	return co_wait(L, &wait, ch, deadline, put_done, (lua_KContext)(ch->tail - 1));
}

/* Pushes the first value. */
static void
take(lua_State *L, struct channel *ch)
{
	lua_getiuservalue(L, 1, 1);
	do {
		lua_settop(L, 3);
		lua_rawgeti(L, 3, ch->head);
		lua_pushnil(L);
		lua_rawseti(L, 3, ch->head++);
	} while (is_hole(L, 4));
	ch->count--;
	if (ch->head == ch->tail)
		ch->head = ch->tail = 1;
	wake_first(&ch->putters);
}

static int
get_on(lua_State *L, int status, lua_KContext deadline)
{
	static const struct wait wait = { .name = "channel get", .leave = leave_getters, .lost = lost_value };
	struct channel *ch = lua_touserdata(L, 1);
	struct co *co;

	lua_settop(L, 2);
	if (ch->count > 0) {
		take(L, ch);
		return 1;
	}
	if (ch->closed)
		return lua_fail(L, "closed");
	co = co_current(L);
	if (status == LUA_YIELD && task_wake(&co->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	TAILQ_INSERT_TAIL(&ch->getters, &co->task, link);
	return co_wait(L, &wait, ch, (int64_t)deadline, get_on, deadline);
}

static int
channel_get(lua_State *L)
{
	(void)check(L);
	return get_on(L, LUA_OK, (lua_KContext)co_optdeadline(L, 2));
}

/* What was put can still be got; putters that wait have put. */
static int
channel_close(lua_State *L)
{
	struct channel *ch = check(L);

	ch->closed = true;
	while (!TAILQ_EMPTY(&ch->putters))
		wake_first(&ch->putters);
	while (!TAILQ_EMPTY(&ch->getters))
		wake_first(&ch->getters);
	return 0;
}

static int
each_next(lua_State *L)
{
	/* for's state, the channel, is the first argument */
	lua_settop(L, 1);
	return channel_get(L);
}

static int
channel_each(lua_State *L)
{
	(void)check(L);
	lua_pushcfunction(L, each_next);
	lua_pushvalue(L, 1);
	return 2;
}

static int
channel_len(lua_State *L)
{
	lua_pushinteger(L, check(L)->count);
	return 1;
}

/* --- semaphores --- */

int
lsync_semaphore(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 1);
	struct semaphore *s;

	luaL_argcheck(L, n >= 0, 1, "a count must not be negative");
	s = lua_newuserdatauv(L, sizeof(*s), 0);
	*s = (struct semaphore){ .n = n };
	TAILQ_INIT(&s->waiting);
	luaL_setmetatable(L, SEMAPHORE);
	return 1;
}

static int
acquired(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	lua_pushboolean(L, 1);
	return 1;
}

static int
acquire(lua_State *L)
{
	static const struct wait wait = {
		.name = "semaphore acquire", .leave = leave_semaphore, .lost = lost_semaphore
	};
	struct semaphore *s = lua_self(L, SEMAPHORE);
	int64_t deadline = co_optdeadline(L, 2);
	struct co *co;

	if (s->n > 0) {
		s->n--;
		lua_pushboolean(L, 1);
		return 1;
	}
	co = co_current(L);
	TAILQ_INSERT_TAIL(&s->waiting, &co->task, link);
	return co_wait(L, &wait, s, deadline, acquired, 0);
}

/* Straight to the first that waits, so that nobody who comes later can take it away. */
static int
release(lua_State *L)
{
	give(lua_self(L, SEMAPHORE));
	return 0;
}

void
lsync_register(lua_State *L)
{
	static const luaL_Reg channel[] = {
		{ "close", channel_close },
		{ "each", channel_each },
		{ "get", channel_get },
		{ "put", channel_put },
		{ "__close", channel_close },
		{ "__len", channel_len },
		{ NULL, NULL },
	};
	static const luaL_Reg semaphore[] = {
		{ "acquire", acquire },
		{ "release", release },
		{ NULL, NULL },
	};

	lua_newtype(L, CHANNEL, channel);
	lua_newtype(L, SEMAPHORE, semaphore);
	lgroup_register(L);
	lsignal_register(L);
	lrun_register(L);
}
