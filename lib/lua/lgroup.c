/*
 * Groups: coroutines that end together. A member runs in a C function that calls the script's one, protected: its
 * first error cancels the other members and is kept for wait, or for the end of the group's scope. The table of
 * members has weak values: what lives is anchored elsewhere, and the handle of one that was cancelled just goes.
 */
#include "lua/lsync.h"
#include "lua/state.h"

#define GROUP "coop.group"

enum { MEMBERS = 1, ERROR = 2 /* user values */ };

struct group {
	bool failed; /* ERROR holds what nobody has been told yet */
	bool closed; /* its scope was left */
};

static struct group *
check(lua_State *L, int arg)
{
	return luaL_checkudata(L, arg, GROUP);
}

int
lsync_group(lua_State *L)
{
	struct group *g = lua_newuserdatauv(L, sizeof(*g), 2);

	*g = (struct group){ .failed = false };
	lua_createtable(L, 0, 4);
	if (luaL_newmetatable(L, GROUP " members")) {
		lua_pushliteral(L, "v");
		lua_setfield(L, -2, "__mode");
	}
	lua_setmetatable(L, -2);
	lua_setiuservalue(L, -2, MEMBERS);
	luaL_setmetatable(L, GROUP);
	return 1;
}

/* Pushes a member that is alive and is not `self`; false, and pushes nothing, when there is none. */
static bool
push_living(lua_State *L, int group, const struct co *self)
{
	int top = lua_gettop(L);

	lua_getiuservalue(L, group, MEMBERS);
	for (lua_pushnil(L); lua_next(L, top + 1) != 0; lua_pop(L, 1)) {
		struct co *co = lua_touserdata(L, -1);

		if (co == self || co->task.mark != CO_ALIVE)
			continue;
		lua_replace(L, top + 1);
		lua_settop(L, top + 1);
		return true;
	}
	lua_settop(L, top);
	return false;
}

static void
cancel_others(lua_State *L, int group)
{
	struct co *self = co_running(runtime_of(L));

	while (push_living(L, group, self)) {
		co_close(lua_touserdata(L, -1));
		lua_pop(L, 1);
	}
}

/* --- a member --- */

static int
note_trace(lua_State *L)
{
	lua_settop(L, 1);
	co_note_trace(L, L);
	return 1;
}

/* The stack: group, message handler, and the function with its arguments, or what came of it. */
static int
member_done(lua_State *L, int status, lua_KContext ctx)
{
	struct group *g = check(L, 1);

	(void)ctx;
	if (status != LUA_OK && status != LUA_YIELD) {
		if (g->failed || g->closed)
			return 0;
		g->failed = true;
		lua_setiuservalue(L, 1, ERROR);
		cancel_others(L, 1);
		return 0;
	}
	lua_getiuservalue(L, 1, MEMBERS);
	lua_pushnil(L);
	lua_rawsetp(L, -2, co_running(runtime_of(L)));
	lua_pop(L, 1);
	return lua_gettop(L) - 2;
}

static int
member(lua_State *L)
{
	int nargs = lua_gettop(L) - 3;

	return member_done(L, lua_pcallk(L, nargs, LUA_MULTRET, 2, 0, member_done), 0);
}

static int
group_spawn(lua_State *L)
{
	struct group *g = check(L, 1);
	int n = lua_gettop(L);
	struct co *co;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (g->closed)
		return luaL_error(L, "the group has ended");
	luaL_checkstack(L, 6, NULL);
	lua_getiuservalue(L, 1, MEMBERS);
	co_push_tables(L, runtime_of(L));
	co = co_new(L, runtime_of(L), n + 2, n + 3);
	lua_replace(L, n + 2);
	lua_settop(L, n + 2);      /* ..., members, handle */
	lua_pushvalue(L, -1);
	lua_rawsetp(L, -3, co);
	lua_insert(L, 1);          /* handle, group, f, arguments, members */
	lua_pop(L, 1);
	lua_pushcfunction(L, member);
	lua_insert(L, 2);
	lua_pushcfunction(L, note_trace);
	lua_insert(L, 4);          /* handle, member, group, note_trace, f, arguments */
	co_start(co, L, n + 1);
	return 1;
}

/* --- those who wait --- */

/* Raises the error that a member left, once. */
static int
tell(lua_State *L, struct group *g)
{
	g->failed = false;
	lua_getiuservalue(L, 1, ERROR);
	return lua_error(L);
}

static void
leave(struct task *t)
{
	LIST_REMOVE(t, peers);
}

static int
wait_on(lua_State *L, int status, lua_KContext deadline)
{
	static const struct wait wait = { .name = "group wait", .leave = leave };
	struct group *g = check(L, 1);
	struct co *self, *member;

	lua_settop(L, 1);
	self = co_running(runtime_of(L));
	if (status == LUA_YIELD && task_wake(&self->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	if (!push_living(L, 1, self)) {
		if (g->failed)
			return tell(L, g);
		lua_pushboolean(L, 1);
		return 1;
	}
	/* the member stays on the stack, so that its list of those who wait does too */
	member = lua_touserdata(L, -1);
	self = co_current(L);
	LIST_INSERT_HEAD(&member->joiners, &self->task, peers);
	return co_wait(L, &wait, member, (int64_t)deadline, wait_on, deadline);
}

static int
group_wait(lua_State *L)
{
	(void)check(L, 1);
	return wait_on(L, LUA_OK, (lua_KContext)co_optdeadline(L, 2));
}

/* The end of the scope. An error that is already on its way out of it goes before one of a member. */
static int
group_close(lua_State *L)
{
	struct group *g = check(L, 1);

	g->closed = true;
	cancel_others(L, 1);
	if (g->failed && lua_isnoneornil(L, 2))
		return tell(L, g);
	return 0;
}

void
lgroup_register(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "spawn", group_spawn },
		{ "wait", group_wait },
		{ "__close", group_close },
		{ NULL, NULL },
	};

	lua_newtype(L, GROUP, methods);
}
