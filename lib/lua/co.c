/*
 * The life of a coroutine. It occupies a seat, so that neither its thread nor its handle is collected while it lives.
 * When it ends the handle is let go and the thread waits in its seat for the next one. What it returned is kept in a
 * table with weak keys, by its handle.
 *
 * The scheduler calls into Lua outside of any protected call. So whatever may raise an error there, memory included,
 * goes through co_protected; the way of a coroutine that returns nothing is short because it needs no memory.
 */
#include "lua/state.h"

static void finish(struct co *, enum co_outcome, int nresults);

struct co *
co_new(lua_State *L, struct runtime *rt, int anchor, int meta)
{
	struct co *co = lua_newuserdatauv(L, sizeof(*co), 0);
	struct seat seat;

	co->L = NULL;
	co->task.mark = CO_CANCELLED;
	lua_pushvalue(L, meta);
	lua_setmetatable(L, -2);
	seat = seat_take(L, rt, anchor);
	rt->count++;
	task_init(&co->task, &rt->kind);
	co->task.mark = CO_ALIVE;
	co->task.tag = seat.number;
	co->L = seat.L;
	co->deadline = CLOCK_FOREVER;
	LIST_INIT(&co->joiners);
	*co_slot(co->L) = co;
	return co;
}

void
co_push_tables(lua_State *L, const struct runtime *rt)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, rt->anchor);
	lua_rawgeti(L, LUA_REGISTRYINDEX, rt->meta);
}

void
co_start(struct co *co, lua_State *from, int n)
{
	/* an empty thread has room for so many */
	if (n >= LUA_MINSTACK && !lua_checkstack(co->L, n + 1)) {
		finish(co, CO_CANCELLED, 0);
		luaL_error(from, "too many arguments");
	}
	lua_xmove(from, co->L, n + 1);
	task_start(&co->task);
	co_set_nargs(co, n);
}

void
co_push(lua_State *L, const struct co *co)
{
	seat_push(L, co_runtime(co), co->task.tag);
}

struct co *
co_test(lua_State *L, int arg)
{
	struct co *co = lua_touserdata(L, arg);

	if (co == NULL || !lua_getmetatable(L, arg))
		return NULL;
	if (lua_topointer(L, -1) != runtime_of(L)->meta_table)
		co = NULL;
	lua_pop(L, 1);
	return co;
}

/* --- the end of a coroutine --- */

static void
finish(struct co *co, enum co_outcome outcome, int nresults)
{
	struct runtime *rt = co_runtime(co);
	lua_State *thread = co->L;
	uint32_t seat = co->task.tag;
	struct task *joiner;

	if (rt->noverruns > 0)
		preempt_forget(rt, co);
	co->task.mark = (uint8_t)outcome;
	while ((joiner = LIST_FIRST(&co->joiners)) != NULL)
		task_ready_soon(joiner);
	task_fini(&co->task);
	if (lua_gettop(thread) > 0)
		lua_settop(thread, 0);
	/* a hook is not the next one's */
	if (lua_gethook(thread) != NULL)
		lua_sethook(thread, NULL, 0, 0);
	co->L = NULL;
	co->task.tag = (uint32_t)nresults;
	rt->count--;
	/* what it returned is kept as long as its handle is */
	if (nresults > 0)
		seat_forget(rt, seat);
	if (outcome != CO_ERROR) {
		seat_leave(rt, (struct seat){ .L = thread, .number = seat });
		return;
	}
	/* an error in a hook has left it without hooks for good: nobody could interrupt it any more */
	*co_slot(thread) = &rt->none;
	seat_drop(rt, seat);
}

/* Keeps the n values on top of the coroutine's stack for join: one as it is, more in a table. */
static void
keep(lua_State *L, struct co *co, int n)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, co_runtime(co)->results);
	co_push(L, co);
	if (n == 1) {
		lua_xmove(co->L, L, 1);
	} else {
		luaL_checkstack(L, n + 2, NULL);
		lua_createtable(L, n, 0);
		lua_xmove(co->L, L, n);
		for (int i = n; i > 0; i--)
			lua_rawseti(L, -1 - i, i);
	}
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

static int
keep_results(lua_State *L)
{
	keep(L, lua_touserdata(L, 1), (int)lua_tointeger(L, 2));
	return 0;
}

static int
tostring(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	return 1;
}

/* Pushes what stands for the error at `index` in a report, as lua(1) has it; its __tostring may fail as well. */
static void
push_message(lua_State *L, int index)
{
	bool named = !lua_isstring(L, index) && luaL_getmetafield(L, index, "__tostring") != LUA_TNIL;

	if (named)
		lua_pop(L, 1);
	if (named || lua_isstring(L, index)) {
		lua_pushcfunction(L, tostring);
		lua_pushvalue(L, index);
		if (lua_pcall(L, 1, 1, 0) == LUA_OK)
			return;
		lua_pop(L, 1);
	}
	lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, index));
}

static int
keep_error(lua_State *L)
{
	struct co *co = lua_touserdata(L, 1);
	struct runtime *rt = co_runtime(co);

	lua_pushvalue(co->L, -1);
	lua_xmove(co->L, L, 1);
	push_message(L, 3);
	if (co_push_trace(L, 3)) {
		lua_pushfstring(L, "%s\n%s\nresumed from:", lua_tostring(L, -2), lua_tostring(L, -1));
		lua_replace(L, 4);
	}
	luaL_traceback(L, co->L, lua_tostring(L, 4), 0);
	rt->report(rt->report_arg, lua_tostring(L, -1));
	keep(L, co, 1);
	return 0;
}

int
co_protected(struct co *co, lua_CFunction f, int n)
{
	struct runtime *rt = co_runtime(co);

	lua_pushcfunction(rt->L, f);
	lua_pushlightuserdata(rt->L, co);
	lua_pushinteger(rt->L, n);
	if (lua_pcall(rt->L, 2, 0, 0) == LUA_OK)
		return 0;
	lua_pop(rt->L, 1);
	return -1;
}

static int
report_close(lua_State *L)
{
	struct co *co = lua_touserdata(L, 1);
	struct runtime *rt = co_runtime(co);

	lua_xmove(co->L, L, 1);
	push_message(L, 3);
	lua_pushfstring(L, "error in __close: %s", lua_tostring(L, -1));
	rt->report(rt->report_arg, lua_tostring(L, -1));
	return 0;
}

/* L, the coroutine's own thread or a generator's, has been closed with an error that nobody else hears of. */
static void
close_failed(struct co *co, lua_State *L)
{
	co_runtime(co)->errors++;
	if (L != co->L && lua_checkstack(co->L, 1))
		lua_xmove(L, co->L, 1);
	else if (L != co->L)
		return;
	(void)co_protected(co, report_close, 0);
}

static void
fail(struct co *co)
{
	struct runtime *rt = co_runtime(co);
	const void *error = lua_topointer(co->L, -1);
	size_t bound = rt->max_heap;

	int kept = 1;

	rt->errors++;
	/* what is wrong can be told also of one that has used up the memory */
	rt->max_heap = 0;
	if (co_protected(co, keep_error, 1) == -1) {
		rt->report(rt->report_arg, "not enough memory (and none to say more)");
		kept = 0;
	}
	rt->max_heap = bound;
	/* the error that ended it comes back, unless a <close> variable raised another */
	if (lua_resetthread(co->L) != LUA_OK && lua_topointer(co->L, -1) != error)
		close_failed(co, co->L);
	finish(co, CO_ERROR, kept);
}

void
co_resume(struct task *t)
{
	struct co *co = co_from_task(t);
	struct runtime *rt = co_runtime(co);
	int nargs = (int)(intptr_t)t->on, n, status;

	t->on = NULL;
	rt->blocking = false;
	rt->can_block = true;
	rt->running = co->L;
	status = lua_resume(co->L, NULL, nargs, &n);
	rt->running = NULL;
	if (status == LUA_YIELD) {
		if (rt->noverruns > 0 && !rt->gave_way)
			preempt_forget(rt, co);
		rt->gave_way = false;
		lua_pop(co->L, n);
		/* a C library yielded by itself: the same as coroutine.yield */
		if (!rt->blocking)
			task_wait(t, &wait_yield);
		return;
	}
	if (status != LUA_OK) {
		fail(co);
		return;
	}
	if (n > 0 && co_protected(co, keep_results, n) == -1)
		n = 0;
	finish(co, CO_RETURNED, n);
}

static int
yield_here(lua_State *L)
{
	return lua_yield(L, 0);
}

static int
never(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 0;
}

static int
yield_protected(lua_State *L)
{
	lua_pushcfunction(L, yield_here);
	(void)lua_pcallk(L, 0, 0, 0, 0, never);
	return 0;
}

/*
 * lua_resetthread leaves behind the message handler of an xpcall that the thread was in (before Lua 5.4.5): the next
 * error there would call whatever lies in its place. To leave it from inside of a call without a handler helps.
 */
static void
forget_handler(lua_State *thread)
{
	int n;

	if (lua_gethook(thread) != NULL)
		lua_sethook(thread, NULL, 0, 0);
	lua_settop(thread, 0);
	lua_pushcfunction(thread, yield_protected);
	(void)lua_resume(thread, NULL, 0, &n);
	(void)lua_resetthread(thread);
}

/*
 * Each generator is closed while the outer ones are as they were; resuming C calls nest 200 deep at most, so this
 * ends.
 */
void
co_close(struct co *co)
{
	lua_State *L;

	while ((L = co_innermost(co)) != co->L) {
		lua_State *outer = co->L;

		while (co_inner(outer) != L)
			outer = co_inner(outer);
		if (outer == co->L)
			*co_slot(outer) = co;
		else
			co_set_inner(outer, outer);
		*co_slot(L) = &co_runtime(co)->none;
		if (lua_resetthread(L) != LUA_OK)
			close_failed(co, L);
		lua_settop(L, 0);
	}
	if (lua_resetthread(co->L) != LUA_OK)
		close_failed(co, co->L);
	forget_handler(co->L);
	finish(co, CO_CANCELLED, 0);
}

lua_State *
co_innermost(const struct co *co)
{
	lua_State *L = co->L;

	while (co_waits_in(L) && co_inner(L) != L)
		L = co_inner(L);
	return L;
}

int
co_results(lua_State *L, int handle)
{
	struct co *co = lua_touserdata(L, handle);
	int n = (int)co->task.tag;

	if (co_outcome(co) == CO_CANCELLED) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "cancelled");
		return 2;
	}
	lua_pushboolean(L, co_outcome(co) == CO_RETURNED);
	if (n == 0 && co_outcome(co) == CO_ERROR) {
		lua_pushliteral(L, "not enough memory");
		return 2;
	}
	if (n == 0)
		return 1;
	luaL_checkstack(L, n + 1, "too many results");
	lua_rawgeti(L, LUA_REGISTRYINDEX, co_runtime(co)->results);
	lua_pushvalue(L, handle);
	lua_rawget(L, -2);
	lua_remove(L, -2);
	if (n == 1)
		return 2;
	for (int i = 1; i <= n; i++)
		lua_rawgeti(L, -i, i);
	lua_remove(L, -1 - n);
	return 1 + n;
}

/* --- waiting --- */

struct co *
co_current(lua_State *L)
{
	struct runtime *rt = runtime_of(L);
	struct co *co = co_running(rt);

	if (co == NULL)
		luaL_error(L, "cannot wait outside of a coroutine");
	if (!lua_isyieldable(L) || !rt->can_block)
		luaL_error(L, "cannot wait here: a C function or metamethod is being called "
		    "(yield across a C-call boundary)");
	return co;
}

bool
co_can_wait(lua_State *L)
{
	struct runtime *rt = runtime_of(L);

	return co_running(rt) != NULL && lua_isyieldable(L) && rt->can_block;
}

int
co_suspend(lua_State *L, lua_KFunction k, lua_KContext ctx)
{
	runtime_of(L)->blocking = true;
	return lua_yieldk(L, 0, ctx, k);
}

int
co_wait(lua_State *L, const struct wait *w, void *on, int64_t deadline, lua_KFunction k, lua_KContext ctx)
{
	struct co *co = co_current(L);

	co->task.on = on;
	if (deadline < CLOCK_FOREVER)
		task_deadline(&co->task, deadline);
	task_wait(&co->task, w);
	return co_suspend(L, k, ctx);
}

int64_t
co_optdeadline(lua_State *L, int arg)
{
	if (lua_isnoneornil(L, arg))
		return CLOCK_FOREVER;
	return co_from_now(L, clock_ns(luaL_checknumber(L, arg)));
}

int64_t
co_from_now(lua_State *L, int64_t ns)
{
	int64_t now = clock_read(&runtime_of(L)->sched->clock);

	return ns < CLOCK_FOREVER - now ? now + ns : CLOCK_FOREVER;
}
