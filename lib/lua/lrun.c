/*
 * coop.run: child processes. All that Lua may fail to give is made before there is a descriptor or a process that an
 * error could lose.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "loop/child.h"
#include "lua/lnet.h"
#include "lua/lsync.h"

#define CHILD "coop.child"

static const char *const streams[] = { "stdin", "stdout", "stderr" };

struct lrun {
	struct child child;
	struct runtime *rt;
	struct task_list waiting;
	bool ended;
};

static struct lrun *
check(lua_State *L)
{
	return luaL_checkudata(L, 1, CHILD);
}

static struct lrun *
from_child(struct child *c)
{
	return (struct lrun *)((char *)c - offsetof(struct lrun, child));
}

/* While it runs, the registry holds it. */
static void
ended(struct child *c)
{
	struct lrun *run = from_child(c);
	lua_State *L = runtime_lua(run->rt);

	run->ended = true;
	lnet_wake(&run->waiting);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, run);
}

/* --- starting --- */

/*
 * The environment: ours with what the field env, at the top of the stack, changes, of which false is taken away. NULL: all is
 * as it is. What it leaves on the stack holds the texts.
 */
static char **
push_environment(lua_State *L)
{
	int changes = lua_gettop(L);
	size_t n = 1;
	char **envp, **to;

	if (lua_isnil(L, changes))
		return NULL;
	luaL_argcheck(L, lua_istable(L, changes), 1, "env: a table of names and texts is wanted");
	for (char **e = environ; *e != NULL; e++)
		n++;
	for (lua_pushnil(L); lua_next(L, changes) != 0; lua_pop(L, 1), n++) {
		luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && strchr(lua_tostring(L, -2), '=') == NULL, 1, "env: names are texts without =");
		luaL_argcheck(L, lua_isstring(L, -1) || (lua_isboolean(L, -1) && !lua_toboolean(L, -1)), 1, "env: values are texts, or false");
	}
	to = envp = lua_newuserdatauv(L, n * sizeof(*envp), 1);
	lua_newtable(L); /* holds the texts */
	for (char **e = environ; *e != NULL; e++) {
		lua_pushlstring(L, *e, strcspn(*e, "="));
		if (lua_rawget(L, changes) == LUA_TNIL)
			*to++ = *e;
		lua_pop(L, 1);
	}
	for (lua_pushnil(L); lua_next(L, changes) != 0;) {
		if (lua_isstring(L, -1)) {
			*to++ = (char *)(uintptr_t)lua_pushfstring(L, "%s=%s", lua_tostring(L, -2), lua_tostring(L, -1));
			lua_rawseti(L, -4, (lua_Integer)(to - envp));
		}
		lua_pop(L, 1);
	}
	*to = NULL;
	lua_setiuservalue(L, -2, 1);
	return envp;
}

/* The words of the table at 1 as an argument vector, in a userdata that stays on the stack. */
static char **
push_argv(lua_State *L)
{
	lua_Integer n = luaL_len(L, 1);
	char **argv;

	luaL_argcheck(L, n > 0 && n < 100000, 1, "a command and its arguments are wanted");
	argv = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof(*argv), 1);
	lua_createtable(L, (int)n, 0); /* holds the texts */
	for (lua_Integer i = 1; i <= n; i++) {
		lua_geti(L, 1, i);
		luaL_argcheck(L, lua_isstring(L, -1), 1, "a command and its arguments are texts");
		argv[i - 1] = (char *)(uintptr_t)lua_tostring(L, -1);
		lua_rawseti(L, -2, i);
	}
	argv[n] = NULL;
	lua_setiuservalue(L, -2, 1);
	return argv;
}

static void
close_all(int fds[3])
{
	int saved = errno;

	for (int i = 0; i < 3; i++)
		if (fds[i] != -1)
			(void)close(fds[i]);
	errno = saved;
}

/* ours[i] and theirs[i]: the ends of a pipe for each stream that has a connection. */
static int
open_pipes(struct lconn *const conns[3], int ours[3], int theirs[3])
{
	for (int i = 0; i < 3; i++) {
		int fd[2];

		if (conns[i] == NULL)
			continue;
		if (pipe2(fd, O_CLOEXEC) == -1)
			return -1;
		ours[i] = fd[i == 0];
		theirs[i] = fd[i != 0];
	}
	return 0;
}

static int
open_streams(struct sched *s, struct lconn *const conns[3], int ours[3])
{
	for (int i = 0; i < 3; i++) {
		struct stream *st;

		if (conns[i] == NULL)
			continue;
		st = stream_open(s, i == 0 ? -1 : ours[i], i == 0 ? ours[i] : -1, lconn_changed, conns[i]);
		if (st == NULL)
			return -1;
		ours[i] = -1;
		lconn_set(conns[i], st);
	}
	return 0;
}

/* What was printed before it begins comes before what it prints. */
static int
start(struct lrun *run, char **argv, char **envp, struct lconn *const conns[3])
{
	struct sched *s = runtime_sched(run->rt);
	int ours[3] = { -1, -1, -1 }, theirs[3] = { -1, -1, -1 }, got = -1;

	runtime_push_output(run->rt);
	if (open_pipes(conns, ours, theirs) == 0 && open_streams(s, conns, ours) == 0)
		got = child_start(s, &run->child, argv, theirs, envp);
	close_all(theirs);
	close_all(ours);
	return got;
}

int
lsync_run(lua_State *L)
{
	struct lconn *conns[3] = { NULL, NULL, NULL };
	struct lrun *run;
	char **argv, **envp;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	argv = push_argv(L);
	run = lua_newuserdatauv(L, sizeof(*run), 3);
	*run = (struct lrun){ .rt = runtime_of(L), .ended = true };
	run->child.ended = ended;
	TAILQ_INIT(&run->waiting);
	luaL_setmetatable(L, CHILD);
	for (int i = 0; i < 3; i++) {
		/* false: the child has ours */
		if (lua_getfield(L, 1, streams[i]) != LUA_TBOOLEAN || lua_toboolean(L, -1)) {
			conns[i] = lconn_new(L);
			lua_setiuservalue(L, 3, i + 1);
		}
		lua_settop(L, 3);
	}
	luaL_argcheck(L, lua_getfield(L, 1, "cwd") == LUA_TNIL || lua_type(L, -1) == LUA_TSTRING, 1, "cwd: the name of a directory is wanted");
	run->child.directory = lua_tostring(L, -1);
	(void)lua_getfield(L, 1, "env");
	envp = push_environment(L);
	lua_pushvalue(L, 3);
	lua_rawsetp(L, LUA_REGISTRYINDEX, run);
	if (start(run, argv, envp, conns) == -1) {
		int saved = errno;

		lua_pushnil(L);
		lua_rawsetp(L, LUA_REGISTRYINDEX, run);
		lua_pushfstring(L, "%s: %s", run->child.no_directory ? run->child.directory : argv[0], strerror(saved));
		return lua_fail(L, lua_tostring(L, -1));
	}
	run->child.directory = NULL;
	run->ended = false;
	lua_settop(L, 3);
	return 1;
}

/* --- a child --- */

static void
leave(struct task *t)
{
	struct lrun *run = t->on;

	TAILQ_REMOVE(&run->waiting, t, link);
}

static int
wait_on(lua_State *L, int status, lua_KContext deadline)
{
	static const struct wait wait = { .name = "child wait", .leave = leave, .external = true };
	struct lrun *run = lua_touserdata(L, 1);
	struct co *co;

	if (run->ended) {
		lua_pushinteger(L, child_exit_status(run->child.status));
		return 1;
	}
	co = co_current(L);
	if (status == LUA_YIELD && task_wake(&co->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	TAILQ_INSERT_TAIL(&run->waiting, &co->task, link);
	return co_wait(L, &wait, run, (int64_t)deadline, wait_on, deadline);
}

int
lsync_wait(lua_State *L)
{
	(void)check(L);
	return wait_on(L, LUA_OK, (lua_KContext)co_optdeadline(L, 2));
}

int
lsync_raw_status(lua_State *L, int child)
{
	const struct lrun *run = luaL_checkudata(L, child, CHILD);

	return run->child.status;
}

static int
kill_(lua_State *L)
{
	struct lrun *run = check(L);
	int signo = lua_isnoneornil(L, 2) ? SIGTERM
	    : lua_isinteger(L, 2)         ? (int)lua_tointeger(L, 2)
	                                  : lsync_checksignal(L, 2);

	if (run->ended)
		return lua_fail(L, "the child has ended");
	if (kill(run->child.pid, signo) == -1)
		return lua_failno(L, errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* The end of its scope: a child that still runs is ended, and its streams are closed. */
static int
close_(lua_State *L)
{
	struct lrun *run = check(L);

	if (!run->ended)
		(void)kill(run->child.pid, SIGTERM);
	for (int i = 0; i < 3; i++) {
		lua_settop(L, 1);
		if (lua_getiuservalue(L, 1, i + 1) == LUA_TUSERDATA && lua_getfield(L, -1, "close") == LUA_TFUNCTION) {
			lua_insert(L, -2);
			lua_call(L, 1, 0);
		}
	}
	return 0;
}

static int
forget(lua_State *L)
{
	struct lrun *run = check(L);

	if (!run->ended)
		child_forget(&run->child);
	return 0;
}

static int
index_(lua_State *L)
{
	struct lrun *run = check(L);
	const char *name = lua_tostring(L, 2);

	for (int i = 0; name != NULL && i < 3; i++)
		if (strcmp(name, streams[i]) == 0)
			return lua_getiuservalue(L, 1, i + 1), 1;
	if (name != NULL && strcmp(name, "pid") == 0 && !run->ended) {
		lua_pushinteger(L, run->child.pid);
		return 1;
	}
	lua_pushvalue(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	return 1;
}

void
lrun_register(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "close", close_ },
		{ "kill", kill_ },
		{ "wait", lsync_wait },
		{ NULL, NULL },
	};
	static const luaL_Reg meta[] = {
		{ "__close", close_ },
		{ "__gc", forget },
		{ NULL, NULL },
	};

	lua_newtype(L, CHILD, meta);
	luaL_getmetatable(L, CHILD);
	luaL_newlib(L, methods);
	lua_pushcclosure(L, index_, 1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
