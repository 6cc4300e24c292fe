/* The Lua runtime from C, and what it does when memory runs out, wherever that is. */
#include "lua/runtime.h"

#include "tap.h"

static int reports;
static bool out_of_memory;
static char last_report[512];

static void
report(void *arg, const char *text)
{
	(void)arg;
	reports++;
	out_of_memory |= strstr(text, "not enough memory") != NULL;
	(void)snprintf(last_report, sizeof(last_report), "%s", text);
}

/* What happens at the end is the script's to count, in the global `n`. */
static const char script[] =
    "n = 0\n"
    "local function gen(k) return coroutine.wrap(function() for i = 1, k do sleep(0.001) coroutine.yield(i) end end) end\n"
    "local function guard() return setmetatable({}, { __close = function() n = n + 1 end }) end\n"
    "local list = {}\n"
    "for i = 1, 70 do list[i] = spawn(function(...)\n"
    "  local g <close> = guard()\n"
    "  for v in gen(2) do coop.yield() end\n"
    "  timeout(i / 1000) coroutine.yield() timeout(0)\n"
    "  return i, ...\n"
    "end, i, nil) end\n"
    "local victim = spawn(function() local g <close> = guard() gen(1000)() sleep(100) end)\n"
    "sleep(0.001)\n"
    "schedule(list[3], ('x'):rep(100))\n"
    "coop.cancel(victim)\n"
    "for i = 1, 70 do local r = table.pack(coop.join(list[i])) assert(r.n == 4 and r[2] == i) end\n"
    "local ch, g = coop.channel(2), coop.group()\n"
    "for i = 1, 10 do g:spawn(function() ch:put(i) end) end\n"
    "local sum = 0 for i = 1, 10 do sum = sum + ch:get() end\n"
    "g:wait()\n"
    "local a = net.udp('127.0.0.1:0') a:sendto('x', a:localaddr()) assert(a:recvfrom(5) == 'x') a:close()\n"
    "local l = net.listen('127.0.0.1:0')\n"
    "spawn(function() local c = l:accept() c:write('line\\n') c:close() end)\n"
    "local c = net.connect(l:localaddr(), 5) assert(c:read() == 'line') c:close() l:close()\n"
    "assert(sum == 55)\n"
    "n = n + 1000\n";

static int
script_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 0;
}

static int
run_script(lua_State *L)
{
	const char *text = lua_touserdata(L, 1);

	if (luaL_loadstring(L, text) != LUA_OK)
		return lua_error(L);
	lua_callk(L, 0, 0, 0, script_done);
	return 0;
}

/* What the script's `n` is in the end; -1: the runtime could not even be opened, or the script not be started. */
static int
run(size_t max_memory, bool generational)
{
	struct runtime_options options = { .name = "test", .max_memory = max_memory, .generational = generational, .plain_memory = true };
	struct runtime *rt;
	struct sched s;
	int n = -1;

	reports = 0;
	out_of_memory = false;
	EQ(sched_init(&s, NULL, true), 0);
	if ((rt = runtime_new(&s, &options)) == NULL) {
		EQ(errno, ENOMEM);
		EQ(s.wheel.pending, 0);
		sched_fini(&s);
		return -1;
	}
	runtime_on_error(rt, report, NULL);
	if (runtime_start(rt, run_script, (void *)(uintptr_t)script) != NULL) {
		enum sched_end end = sched_run(&s);

		OK(end == SCHED_DONE || end == SCHED_DEADLOCK);
		/* who is left waits for one that died of it */
		OK(end == SCHED_DONE || runtime_errors(rt) > 0);
		EQ(reports, runtime_errors(rt));
		runtime_close_all(rt);
		lua_getglobal(runtime_lua(rt), "n");
		n = (int)lua_tointeger(runtime_lua(rt), -1);
		lua_pop(runtime_lua(rt), 1);
	}
	EQ(runtime_count(rt), 0);
	EQ(s.ntasks, 0);
	EQ(s.nready, 0);
	EQ(s.nexternal, 0);
	runtime_free(rt);
	EQ(s.wheel.pending, 0);
	EQ(s.ndeferred, 0);
	sched_fini(&s);
	return n;
}

TEST(runs)
{
	EQ(run(0, false), 1071);
	EQ(reports, 0);
	EQ(run(0, true), 1071);
	EQ(run(64 * 1024 * 1024, false), 1071);
}

/* A little more at each try, until it works: it fails at every place where memory is asked for, and nothing may be lost or break. */
static void
until_it_works(bool generational)
{
	size_t max = 10000;
	int unopened = 0, failed = 0;

	for (int n = -1; n != 1071 && max < 10000000; max += 500) {
		n = run(max, generational);
		unopened += n == -1;
		failed += n >= 0 && n < 1071;
		if (n >= 0 && n < 1000)
			OK(out_of_memory);
		if (tap_failed) {
			printf("# with %zu bytes: %s\n", max, last_report);
			return;
		}
	}
	OK(max < 10000000);
	OK(unopened > 20);
	OK(failed > 20);
}

TEST(too_little_memory)
{
	until_it_works(false);
}

TEST(too_little_memory_for_the_generational_collector)
{
	until_it_works(true);
}

/* --- from C --- */

static int
body_returns(lua_State *L)
{
	*(int *)lua_touserdata(L, 1) = 7;
	return 0;
}

static int
body_fails(lua_State *L)
{
	return luaL_error(L, "in C");
}

static int
slept(lua_State *L, int status, lua_KContext ctx)
{
	(void)ctx;
	EQ(status, LUA_YIELD);
	EQ(task_wake(&co_current(L)->task), TASK_TIMEOUT);
	*(int64_t *)lua_touserdata(L, 1) += runtime_sched(runtime_of(L))->clock.now;
	return 0;
}

static int
body_sleeps(lua_State *L)
{
	static const struct wait wait = { .name = "test" };
	int64_t now = runtime_sched(runtime_of(L))->clock.now;

	*(int64_t *)lua_touserdata(L, 1) = -now;
	return co_wait(L, &wait, NULL, now + 3 * SEC, slept, 0);
}

TEST(coroutines_of_C_functions)
{
	struct runtime_options options = { .name = "test" };
	struct runtime *rt;
	struct sched s;
	int got = 0;
	int64_t took = 0;

	EQ(sched_init(&s, NULL, true), 0);
	rt = runtime_new(&s, &options);
	OK(rt != NULL);
	runtime_on_error(rt, report, NULL);
	reports = 0;
	OK(runtime_start(rt, body_returns, &got) != NULL);
	OK(runtime_start(rt, body_fails, NULL) != NULL);
	OK(runtime_start(rt, body_sleeps, &took) != NULL);
	EQ(got, 0);
	EQ(runtime_count(rt), 3);
	EQ(sched_run(&s), SCHED_DONE);
	EQ(got, 7);
	EQ(took, 3 * SEC);
	EQ(reports, 1);
	EQ(runtime_errors(rt), 1);
	OK(strncmp(last_report, "in C\nstack traceback:", 21) == 0);
	OK(!runtime_exited(rt, &got));
	EQ(got, 7);
	runtime_free(rt);
	runtime_free(NULL);
	sched_fini(&s);
}

static int
waits_on_main(lua_State *L)
{
	(void)co_current(L);
	return 0;
}

TEST(the_main_state_cannot_wait)
{
	struct runtime_options options = { .name = "test" };
	struct runtime *rt;
	struct sched s;

	EQ(sched_init(&s, NULL, true), 0);
	rt = runtime_new(&s, &options);
	lua_pushcfunction(runtime_lua(rt), waits_on_main);
	EQ(lua_pcall(runtime_lua(rt), 0, 0, 0), LUA_ERRRUN);
	STR(lua_tostring(runtime_lua(rt), -1), "cannot wait outside of a coroutine");
	lua_pop(runtime_lua(rt), 1);
	OK(luaL_dostring(runtime_lua(rt), "sleep(1)") != LUA_OK);
	OK(luaL_dostring(runtime_lua(rt), "coroutine.yield()") != LUA_OK);
	OK(luaL_dostring(runtime_lua(rt), "co = spawn(function() x = 1 end) assert(coop.current() == nil)") == LUA_OK);
	OK(luaL_dostring(runtime_lua(rt), "coop.join(co)") != LUA_OK);
	EQ(sched_run(&s), SCHED_DONE);
	OK(luaL_dostring(runtime_lua(rt), "assert(x == 1 and coop.join(co))") == LUA_OK);
	runtime_free(rt);
	sched_fini(&s);
}

/* Threads of coroutines that have ended are kept, and used again: what a spawn then takes is its handle. */
TEST(a_coroutine_is_cheap)
{
	struct runtime_options options = { .name = "test", .max_memory = 64 * 1024 * 1024, .plain_memory = true };
	struct runtime *rt;
	struct sched s;

	EQ(sched_init(&s, NULL, true), 0);
	rt = runtime_new(&s, &options);
	OK(luaL_dostring(runtime_lua(rt), "collectgarbage('stop') function f() end for i = 1, 50 do spawn(f) end") == LUA_OK);
	EQ(sched_run(&s), SCHED_DONE);
	alloc_reset();
	OK(luaL_dostring(runtime_lua(rt), "for i = 1, 50 do spawn(f) end") == LUA_OK);
	EQ(sched_run(&s), SCHED_DONE);
	/* a handle each, and what the chunk itself takes */
	OK(alloc_count() >= 50);
	OK(alloc_count() < 100);
	runtime_free(rt);
	sched_fini(&s);
}

MAIN(RUN(runs), RUN(too_little_memory), RUN(too_little_memory_for_the_generational_collector), RUN(coroutines_of_C_functions),
    RUN(the_main_state_cannot_wait), RUN(a_coroutine_is_cheap))
