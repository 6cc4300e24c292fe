/*
 * The state and what belongs to it as a whole: its libraries, coroutines started from C, reports. What a coroutine
 * does from its start to its end is in co.c.
 */
#include "lua/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lua/modules.h"
#include "lua/state.h"

void
lua_newtype(lua_State *L, const char *name, const luaL_Reg *methods)
{
	luaL_newmetatable(L, name);
	lua_pushvalue(L, -1);
	luaL_setfuncs(L, methods, 1);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

void *
lua_self(lua_State *L, const char *name)
{
	void *p = lua_touserdata(L, 1);
	int same;

	if (p == NULL || !lua_getmetatable(L, 1))
		return luaL_checkudata(L, 1, name);
	same = lua_rawequal(L, -1, lua_upvalueindex(1));
	lua_pop(L, 1);
	return same ? p : luaL_checkudata(L, 1, name);
}

int
lua_fail(lua_State *L, const char *message)
{
	lua_pushnil(L);
	lua_pushstring(L, message);
	return 2;
}

int
lua_failno(lua_State *L, int errnum)
{
	return lua_fail(L, strerror(errnum));
}

/* --- the runtime itself --- */

static void
report_to_stderr(void *arg, const char *text)
{
	struct runtime *rt = arg;

	lout_say(rt->outs, rt->name, text);
}

static int
handle_tostring(lua_State *L)
{
	lua_pushfstring(L, "coroutine: %p", lua_topointer(L, 1));
	return 1;
}

static int
open_all(lua_State *L)
{
	struct runtime *rt = lua_touserdata(L, 1);

	luaL_openlibs(L);
	memory_follow(L);
	lua_createtable(L, 64, 0);
	rt->anchor = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_createtable(L, 0, 3);
	lua_pushliteral(L, "coroutine");
	lua_setfield(L, -2, "__name");
	lua_pushcfunction(L, handle_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	rt->meta_table = lua_topointer(L, -1);
	rt->meta = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "k");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	rt->results = luaL_ref(L, LUA_REGISTRYINDEX);
	lco_open(L);
	modules_open(L);
	return 0;
}

struct runtime *
runtime_new(struct sched *s, const struct runtime_options *options)
{
	struct runtime *rt = calloc(1, sizeof(*rt));

	if (rt == NULL)
		return NULL;
	rt->kind = (struct task_kind){ .resume = co_resume, .sched = s };
	rt->sched = s;
	rt->patience = CLOCK_FOREVER;
	if (seat_init(rt) == -1 || (rt->outs = lout_new(rt)) == NULL || memory_open(rt, options) == -1) {
		lout_free(rt->outs);
		free(rt->idle);
		free(rt);
		errno = ENOMEM;
		return NULL;
	}
	rt->name = options->name;
	rt->worker = options->workers > 0 ? options->worker : 1;
	rt->workers = options->workers > 0 ? options->workers : 1;
	rt->none.task.kind = &rt->kind;
	rt->report = report_to_stderr;
	rt->report_arg = rt;
	*co_slot(rt->L) = &rt->none;
	timer_init(&rt->reaper, seat_reap, true);
	rt->max_heap = options->max_memory;
	lua_pushcfunction(rt->L, open_all);
	lua_pushlightuserdata(rt->L, rt);
	if (lua_pcall(rt->L, 1, 0, 0) != LUA_OK) {
		log_error("%s", lua_tostring(rt->L, -1));
		runtime_free(rt);
		errno = ENOMEM;
		return NULL;
	}
	return rt;
}

/*
 * What a <close> variable does meanwhile may start another coroutine, so we look again until there is none; one that
 * goes on for ever is given up after as many as there were.
 */
void
runtime_close_all(struct runtime *rt)
{
	size_t most = 2 * rt->count + 1000;

	while (rt->count > 0 && most > 0)
		for (uint32_t seat = rt->nseats; seat > 0 && most > 0; seat--) {
			struct co *co = seat_at(rt, seat);

			if (co == NULL)
				continue;
			co_close(co);
			most--;
		}
}

void
runtime_free(struct runtime *rt)
{
	if (rt == NULL)
		return;
	preempt_stop(rt);
	runtime_close_all(rt);
	timer_stop(&rt->sched->wheel, &rt->reaper);
	timer_stop(&rt->sched->wheel, &rt->collector);
	memory_close(rt);
	lout_drain(rt->outs, rt->patience);
	lout_free(rt->outs);
	free(rt->idle);
	free(rt);
}

void
runtime_push_output(struct runtime *rt)
{
	lout_push(rt->outs);
}

void
runtime_drain_output(struct runtime *rt)
{
	lout_drain(rt->outs, CLOCK_FOREVER);
}

void
runtime_patience(struct runtime *rt, int64_t ns)
{
	rt->patience = ns;
}

lua_State *
runtime_lua(struct runtime *rt)
{
	return rt->L;
}

struct sched *
runtime_sched(struct runtime *rt)
{
	return rt->sched;
}

struct runtime *
runtime_of(lua_State *L)
{
	return co_runtime(co_of(L));
}

bool
runtime_shares_ports(const struct runtime *rt)
{
	return rt->workers > 1;
}

void
runtime_stats(const struct runtime *rt, struct runtime_stats *stats)
{
	*stats = rt->stats;
	stats->heap = rt->heap;
}

size_t
runtime_count(const struct runtime *rt)
{
	return rt->count;
}

unsigned long
runtime_errors(const struct runtime *rt)
{
	return rt->errors;
}

bool
runtime_exited(const struct runtime *rt, int *code)
{
	if (rt->exited)
		*code = rt->exit_code;
	return rt->exited;
}

void
runtime_on_error(struct runtime *rt, void (*report)(void *, const char *), void *arg)
{
	rt->report = report;
	rt->report_arg = arg;
}

static int
start(lua_State *L)
{
	struct co **co = lua_touserdata(L, 3);
	lua_CFunction body = *(lua_CFunction *)lua_touserdata(L, 1);

	co_push_tables(L, runtime_of(L));
	*co = co_new(L, runtime_of(L), 4, 5);
	lua_pushcfunction(L, body);
	lua_pushvalue(L, 2);
	co_start(*co, L, 1);
	return 0;
}

struct co *
runtime_start(struct runtime *rt, lua_CFunction body, void *arg)
{
	struct co *co = NULL;

	lua_pushcfunction(rt->L, start);
	lua_pushlightuserdata(rt->L, &body);
	lua_pushlightuserdata(rt->L, arg);
	lua_pushlightuserdata(rt->L, &co);
	if (lua_pcall(rt->L, 3, 0, 0) == LUA_OK)
		return co;
	lua_pop(rt->L, 1);
	errno = ENOMEM;
	return NULL;
}

/* --- who waits for what --- */

static void
describe(const struct co *co, char *out, size_t size)
{
	const char *what = !task_suspended(&co->task) ? "ready"
	    : co->task.wait != NULL               ? co->task.wait->name
	                                          : "suspended";
	double waited = (double)task_since(&co->task) / (double)SEC;
	unsigned number = co->task.tag;

	if (task_suspended(&co->task))
		(void)snprintf(out, size, "coroutine %u: %s, for %.*f s", number, what, waited < 10 ? 1 : 0, waited);
	else
		(void)snprintf(out, size, "coroutine %u: %s", number, what);
}

static int
list_one(lua_State *L)
{
	struct co *co = lua_touserdata(L, 1);
	char what[160];

	describe(co, what, sizeof(what));
	luaL_traceback(L, co_innermost(co), what, 0);
	lout_say(co_runtime(co)->outs, NULL, lua_tostring(L, -1));
	return 0;
}

void
runtime_list(struct runtime *rt)
{
	char what[160];

	for (uint32_t seat = 1; seat <= rt->nseats; seat++) {
		struct co *co = seat_at(rt, seat);

		if (co == NULL || co_protected(co, list_one, 0) == 0)
			continue;
		describe(co, what, sizeof(what));
		lout_say(rt->outs, NULL, what);
	}
}
