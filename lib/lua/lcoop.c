/* The module coop: spawn and what belongs to it. */
#include <stdlib.h>

#include "lua/lsync.h"
#include "lua/modules.h"
#include "lua/state.h"
#include "stat/proc.h"

static struct co *
check_handle(lua_State *L, int arg)
{
	struct co *co = co_test(L, arg);

	luaL_argexpected(L, co != NULL, arg, "coroutine of spawn");
	return co;
}

/* Upvalues: the tables that co_new needs. */
static int
coop_spawn(lua_State *L)
{
	int n = lua_gettop(L);
	struct co *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	luaL_checkstack(L, n + 3, "too many arguments");
	co = co_new(L, runtime_of(L), lua_upvalueindex(1), lua_upvalueindex(2));
	for (int i = 1; i <= n; i++)
		lua_pushvalue(L, i);
	co_start(co, L, n - 1);
	return 1;
}

/* --- time --- */

static int
coop_yield(lua_State *L)
{
	struct co *co = co_current(L);

	lua_settop(L, 0);
	task_yield(&co->task);
	return co_suspend(L, NULL, 0);
}

static int
coop_sleep(lua_State *L)
{
	static const struct wait wait_sleep = { .name = "sleep" };
	int64_t ns = clock_ns(luaL_checknumber(L, 1));

	if (ns == 0)
		return coop_yield(L);
	lua_settop(L, 0);
	return co_wait(L, &wait_sleep, NULL, co_from_now(L, ns), NULL, 0);
}

/* Only noted: the timer itself is armed if and when coroutine.yield suspends, the one wait that it ends. */
static int
coop_timeout(lua_State *L)
{
	int64_t ns = clock_ns(luaL_checknumber(L, 1));
	struct runtime *rt = runtime_of(L);
	struct co *co = co_running(rt);

	if (co == NULL)
		return luaL_error(L, "timeout outside of a coroutine");
	co->deadline = ns > 0 ? co_from_now(L, ns) : CLOCK_FOREVER;
	return 0;
}

/* coop.collect([when]) -> when until now */
static int
coop_collect(lua_State *L)
{
	static const char *const when[] = { "idle", "lua", NULL };
	struct runtime *rt = runtime_of(L);
	bool only_lua = rt->only_lua;

	if (!lua_isnoneornil(L, 1))
		rt->only_lua = luaL_checkoption(L, 1, NULL, when) == 1;
	lua_pushstring(L, when[only_lua]);
	return 1;
}

static int
coop_now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)clock_read(&runtime_of(L)->sched->clock) / (lua_Number)SEC);
	return 1;
}

static int
coop_time(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)clock_wall(&runtime_of(L)->sched->clock) / (lua_Number)SEC);
	return 1;
}

/* --- other coroutines --- */

static int
coop_current(lua_State *L)
{
	struct co *co = co_running(runtime_of(L));

	if (co == NULL)
		return 0;
	co_push(L, co);
	return 1;
}

static int
coop_schedule(lua_State *L)
{
	struct co *co = check_handle(L, 1);
	int n = lua_gettop(L) - 1;

	luaL_argcheck(L, co_outcome(co) == CO_ALIVE, 1, "the coroutine has ended");
	/* one that is ready already, or waits for something else, must not be woken twice or out of its turn */
	if (!task_suspended(&co->task) || co->task.wait != &wait_yield) {
		lua_pushboolean(L, 0);
		return 1;
	}
	if (!lua_checkstack(co->L, n))
		return luaL_error(L, "too many values to schedule");
	lua_xmove(L, co->L, n);
	lua_pushboolean(L, task_ready(&co->task));
	co_set_nargs(co, n);
	return 1;
}

static void
leave_join(struct task *t)
{
	LIST_REMOVE(t, peers);
}

static int
joined(lua_State *L, int status, lua_KContext ctx)
{
	struct co *co = lua_touserdata(L, 1);

	(void)status;
	(void)ctx;
	if (co_outcome(co) == CO_ALIVE)
		return lua_fail(L, "timeout");
	return co_results(L, 1);
}

static int
coop_join(lua_State *L)
{
	static const struct wait wait_join = { .name = "coop.join", .leave = leave_join };
	struct co *co = check_handle(L, 1), *self;
	int64_t deadline = co_optdeadline(L, 2);

	if (co_outcome(co) != CO_ALIVE)
		return co_results(L, 1);
	self = co_current(L);
	luaL_argcheck(L, co != self, 1, "a coroutine cannot wait for its own end");
	LIST_INSERT_HEAD(&co->joiners, &self->task, peers);
	return co_wait(L, &wait_join, co, deadline, joined, 0);
}

int
lcoop_cancel(lua_State *L)
{
	struct co *co = check_handle(L, 1);

	if (co_outcome(co) != CO_ALIVE) {
		lua_pushboolean(L, 0);
		return 1;
	}
	luaL_argcheck(L, co != co_running(co_runtime(co)), 1,
	    "a coroutine cannot cancel itself: return or raise an error");
	co_close(co);
	lua_pushboolean(L, 1);
	return 1;
}

/* --- what is going on --- */

static int
coop_count(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)runtime_of(L)->count);
	return 1;
}

static void
set(lua_State *L, const char *name, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, name);
}

static int
coop_stats(lua_State *L)
{
	const struct runtime *rt = runtime_of(L);
	const struct sched *s = rt->sched;
	uint64_t n;

	lua_createtable(L, 0, 16);
	set(L, "gc", (lua_Integer)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + lua_gc(L, LUA_GCCOUNTB, 0));
	set(L, "co", (lua_Integer)rt->count);
	set(L, "ready", (lua_Integer)s->nready);
	set(L, "timers", (lua_Integer)s->wheel.pending);
	set(L, "spawned", (lua_Integer)s->stats.spawned);
	set(L, "peak", (lua_Integer)s->stats.tasks_peak);
	set(L, "switches", (lua_Integer)s->stats.switches);
	set(L, "turns", (lua_Integer)s->stats.turns);
	set(L, "timeouts", (lua_Integer)s->stats.timeouts);
	set(L, "errors", (lua_Integer)rt->errors);
	if (proc_rss(0, &n) == 0)
		set(L, "rss", (lua_Integer)n);
	if (proc_fds(0, &n) == 0)
		set(L, "fds", (lua_Integer)n);
	lua_pushnumber(L, (lua_Number)s->stats.late_max / (lua_Number)MSEC);
	lua_setfield(L, -2, "late");
	return 1;
}

/*
 * os.exit ends the loop rather than the process at once, so that what was sent in this turn still leaves. The
 * coroutine that called it never runs again.
 */
static int
exit_(lua_State *L)
{
	static const struct wait wait_exit = { .name = "os.exit" };
	struct runtime *rt = runtime_of(L);
	int code = lua_isnoneornil(L, 1)   ? EXIT_SUCCESS
	    : lua_isboolean(L, 1)          ? (lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE)
	                                   : (int)luaL_checkinteger(L, 1);

	if (!co_can_wait(L)) {
		lout_drain(rt->outs, CLOCK_FOREVER);
		exit(code);
	}
	rt->exited = true;
	rt->exit_code = code;
	sched_stop(rt->sched);
	return co_wait(L, &wait_exit, NULL, CLOCK_FOREVER, NULL, 0);
}

int
lcoop_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "cancel", lcoop_cancel },
		{ "channel", lsync_channel },
		{ "collect", coop_collect },
		{ "count", coop_count },
		{ "current", coop_current },
		{ "group", lsync_group },
		{ "join", coop_join },
		{ "now", coop_now },
		{ "run", lsync_run },
		{ "schedule", coop_schedule },
		{ "semaphore", lsync_semaphore },
		{ "signal", lsync_signal },
		{ "sleep", coop_sleep },
		{ "stats", coop_stats },
		{ "time", coop_time },
		{ "timeout", coop_timeout },
		{ "yield", coop_yield },
		{ NULL, NULL },
	};
	static const char *const globals[] = { "spawn", "sleep", "timeout", "schedule" };

	lsync_register(L);
	luaL_newlib(L, functions);
	set(L, "worker", runtime_of(L)->worker);
	set(L, "workers", runtime_of(L)->workers);
	co_push_tables(L, runtime_of(L));
	lua_pushcclosure(L, coop_spawn, 2);
	lua_setfield(L, -2, "spawn");
	for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++) {
		lua_getfield(L, -1, globals[i]);
		lua_setglobal(L, globals[i]);
	}
	lua_getglobal(L, "os");
	lua_pushcfunction(L, exit_);
	lua_setfield(L, -2, "exit");
	lua_pop(L, 1);
	return 1;
}
