/*
 * coroutine.* for two kinds of coroutines. Handles (of spawn) are suspended by coroutine.yield until schedule or
 * their timeout. Generators (of coroutine.create and wrap) yield to whoever resumed them, as ever; but when something
 * in one blocks, the yield that comes up is not meant for the resumer: it is passed on to the scheduler, level by
 * level, and later each level resumes the one inside it.
 */
#include "lua/state.h"

const struct wait wait_yield = { .name = "coroutine.yield" };

/* A handle at `arg` that stands for a coroutine; NULL for a generator; anything else is an error. */
static struct co *
check_either(lua_State *L, int arg)
{
	struct co *co = lua_isthread(L, arg) ? NULL : co_test(L, arg);

	luaL_argexpected(L, co != NULL || lua_isthread(L, arg), arg, "coroutine");
	return co;
}

/* --- yield --- */

static int
yield_done(lua_State *L, int status, lua_KContext nargs)
{
	struct co *co = co_of(L);

	(void)status;
	if (task_wake(&co->task) == TASK_WOKEN)
		return lua_gettop(L) - (int)nargs;
	co->deadline = CLOCK_FOREVER;
	lua_pushnil(L);
	lua_pushliteral(L, "timeout");
	return 2;
}

static int
co_yield(lua_State *L)
{
	struct co *co = co_of(L);

	if (co->L != L)
		return lua_yield(L, lua_gettop(L));
	return co_wait(L, &wait_yield, NULL, co->deadline, yield_done, lua_gettop(L));
}

/* --- resume and wrap --- */

/* L is about to yield since a coroutine waits in G, which L resumed. */
static void
mark(lua_State *L, lua_State *G)
{
	if (!co_waits_in(G))
		co_set_inner(G, G);
	co_set_inner(L, G);
}

/* The wait is over, and L is about to resume G. */
static void
unmark(lua_State *L, lua_State *G)
{
	struct runtime *rt;
	struct co *co;

	(void)lua_getallocf(L, (void **)&rt);
	co = co_running(rt);
	*co_slot(L) = co->L == L ? co : &rt->none;
	*co_slot(G) = &rt->none;
}

/*
 * Resumes G with the n values on top of L and moves what it yields or returns to L: how many, or -1 and the error on
 * top. If G waits, L yields, does not return from here, and comes back in k.
 */
static int
pump(lua_State *L, lua_State *G, int n, lua_KFunction k)
{
	struct runtime *rt = runtime_of(L);
	bool outer = rt->can_block;
	int status;

	if (!lua_checkstack(G, n)) {
		lua_pushliteral(L, "too many arguments to resume");
		return -1;
	}
	lua_xmove(L, G, n);
	rt->can_block = outer && lua_isyieldable(L);
	rt->running = G;
	status = lua_resume(G, L, n, &n);
	rt->running = L;
	rt->can_block = outer;
	if (status == LUA_YIELD && rt->blocking) {
		mark(L, G);
		return lua_yieldk(L, 0, 0, k);
	}
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_xmove(G, L, 1);
		return -1;
	}
	if (!lua_checkstack(L, n + 1)) {
		lua_pop(G, n);
		lua_pushliteral(L, "too many results to resume");
		return -1;
	}
	lua_xmove(G, L, n);
	return n;
}

static int
resumed(lua_State *L, int n)
{
	lua_pushboolean(L, n >= 0);
	lua_insert(L, n >= 0 ? -1 - n : -2);
	return n >= 0 ? n + 1 : 2;
}

static int
resume_again(lua_State *L, int status, lua_KContext ctx)
{
	lua_State *G = lua_tothread(L, 1);

	(void)status;
	(void)ctx;
	unmark(L, G);
	return resumed(L, pump(L, G, 0, resume_again));
}

static int
co_resume_(lua_State *L)
{
	lua_State *G = lua_tothread(L, 1);

	if (check_either(L, 1) != NULL)
		return luaL_argerror(L, 1, "a coroutine of spawn is woken by schedule");
	if (co_waits_in(G)) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "cannot resume a coroutine in which another one waits");
		return 2;
	}
	return resumed(L, pump(L, G, lua_gettop(L) - 1, resume_again));
}

/*
 * The error on top is raised on: with the caller's place in front, as Lua's own wrap has it, after G's <close>
 * variables have run.
 */
static int
wrap_failed(lua_State *L, lua_State *G)
{
	int status = lua_status(G);

	if (status != LUA_OK && status != LUA_YIELD) {
		co_note_trace(L, G);
		lua_xmove(L, G, 1); /* where lua_resetthread looks for it */
		status = lua_resetthread(G);
		lua_xmove(G, L, 1);
	}
	if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
		co_keep_trace(L);
	}
	return lua_error(L);
}

static int
wrap_again(lua_State *L, int status, lua_KContext ctx)
{
	lua_State *G = lua_tothread(L, lua_upvalueindex(1));
	int n;

	(void)status;
	(void)ctx;
	unmark(L, G);
	n = pump(L, G, 0, wrap_again);
	return n >= 0 ? n : wrap_failed(L, G);
}

static int
call_wrapped(lua_State *L)
{
	lua_State *G = lua_tothread(L, lua_upvalueindex(1));
	int n;

	if (co_waits_in(G))
		return luaL_error(L, "cannot resume a coroutine in which another one waits");
	n = pump(L, G, lua_gettop(L), wrap_again);
	return n >= 0 ? n : wrap_failed(L, G);
}

static int
co_create(lua_State *L)
{
	lua_State *G;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	G = lua_newthread(L);
	*co_slot(G) = &runtime_of(L)->none;
	lua_pushvalue(L, 1);
	lua_xmove(L, G, 1);
	return 1;
}

static int
co_wrap(lua_State *L)
{
	co_create(L);
	lua_pushcclosure(L, call_wrapped, 1);
	return 1;
}

/* --- the rest of the table --- */

static const char *
thread_status(lua_State *L, lua_State *G)
{
	lua_Debug ar;

	if (L == G)
		return "running";
	if (lua_status(G) == LUA_YIELD)
		return "suspended";
	if (lua_status(G) != LUA_OK)
		return "dead";
	if (lua_getstack(G, 0, &ar))
		return "normal";
	return lua_gettop(G) == 0 ? "dead" : "suspended";
}

static const char *
status_of(lua_State *L, int arg)
{
	struct co *co = check_either(L, arg);

	if (co == NULL)
		return thread_status(L, lua_tothread(L, arg));
	if (co_outcome(co) != CO_ALIVE)
		return "dead";
	if (co != co_running(co_runtime(co)))
		return "suspended";
	return co->L == L ? "running" : "normal";
}

static int
co_status(lua_State *L)
{
	lua_pushstring(L, status_of(L, 1));
	return 1;
}

static int
co_running_(lua_State *L)
{
	struct co *co = co_of(L);

	if (co->L == L) {
		co_push(L, co);
		lua_pushboolean(L, 0);
	} else
		lua_pushboolean(L, lua_pushthread(L));
	return 2;
}

static int
co_isyieldable(lua_State *L)
{
	struct co *co = lua_isnone(L, 1) ? NULL : check_either(L, 1);
	lua_State *G = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;

	lua_pushboolean(L, co != NULL ? co_outcome(co) == CO_ALIVE && lua_isyieldable(co->L) : lua_isyieldable(G));
	return 1;
}

static int
co_close_(lua_State *L)
{
	struct co *co = check_either(L, 1);
	lua_State *G = lua_tothread(L, 1);
	const char *status = status_of(L, 1);

	if (co != NULL)
		return lcoop_cancel(L);
	if (co_waits_in(G))
		return luaL_error(L, "cannot close a coroutine in which another one waits");
	if (*status != 's' && *status != 'd')
		return luaL_error(L, "cannot close a %s coroutine", status);
	if (lua_resetthread(G) == LUA_OK) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushboolean(L, 0);
	lua_xmove(G, L, 1);
	return 2;
}

/*
 * debug.traceback([coroutine,] [message [, level]]), where the coroutine may be a handle: then it tells where that
 * one waits.
 */
static int
traceback(lua_State *L)
{
	struct co *co = co_test(L, 1);
	lua_State *of = co != NULL && co->L != NULL ? co_innermost(co) : lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
	int arg = co != NULL || lua_isthread(L, 1) ? 2 : 1;
	const char *message = lua_tostring(L, arg);

	if (message == NULL && !lua_isnoneornil(L, arg)) {
		lua_pushvalue(L, arg);
		return 1;
	}
	if (co != NULL && co->L == NULL)
		lua_pushfstring(L, "%s%sstack traceback: the coroutine has ended", message ? message : "",
		    message ? "\n" : "");
	else
		luaL_traceback(L, of, message, (int)luaL_optinteger(L, arg + 1, of == L));
	return 1;
}

/*
 * debug.getinfo and the like, whose own function is the upvalue: a handle stands for the thread in which its coroutine
 * is, and nothing keeps hold of that. No call in between, since a level is counted from who called.
 */
static int
of_handle(lua_State *L)
{
	struct co *co = co_test(L, 1);
	lua_State *thread;

	if (co != NULL) {
		luaL_argcheck(L, co->L != NULL, 1, "the coroutine has ended");
		thread = co_innermost(co);
		luaL_checkstack(L, 1, NULL);
		if (!lua_checkstack(thread, 1))
			return luaL_error(L, "not enough memory");
		(void)lua_pushthread(thread);
		lua_xmove(thread, L, 1);
		lua_replace(L, 1);
	}
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

void
lco_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "close", co_close_ },
		{ "create", co_create },
		{ "isyieldable", co_isyieldable },
		{ "resume", co_resume_ },
		{ "running", co_running_ },
		{ "status", co_status },
		{ "wrap", co_wrap },
		{ "yield", co_yield },
		{ NULL, NULL },
	};

	static const char *const looks[] = { "gethook", "getinfo", "getlocal", "setlocal" };

	lua_getglobal(L, "coroutine");
	luaL_setfuncs(L, functions, 0);
	lua_getglobal(L, "debug");
	lua_pushcfunction(L, traceback);
	lua_setfield(L, -2, "traceback");
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		lua_getfield(L, -1, looks[i]);
		lua_pushcclosure(L, of_handle, 1);
		lua_setfield(L, -2, looks[i]);
	}
	lua_pop(L, 2);
}
