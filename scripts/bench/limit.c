/*
 * The limit: the least C that schedules Lua coroutines at all, to measure corun beside it. A ring of ready threads,
 * a binary heap of sleepers, finished threads kept for the next spawn, a new handle for each. No errors, no sockets,
 * no join, no tracebacks: what corun costs above this is what those cost.
 *   limit [-n] WORK.lua NAME [ARG]     calls the function NAME of the module with the scheduler; -n: every spawn has a
 *                                      new thread, and the collector gets the finished ones
 */
#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

struct task {
	lua_State *thread;
	double when;
	size_t place; /* in the heap */
};

static lua_State *root;
static struct task **queue, **idle, **heap;
static size_t queue_size, head, tail, idle_size, idles, heap_size, sleepers;
static struct task alarm_of_root;
static bool no_pool;

enum { LOOK = 16 /* resumes between two looks at the clock */ };

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* an array of a power of two, with room for one more than `used` */
static void
room(struct task ***array, size_t *size, size_t used)
{
	if (used < *size)
		return;
	*size = *size != 0 ? *size * 2 : 1024;
	*array = realloc(*array, *size * sizeof(**array));
	if (*array == NULL)
		err(1, NULL);
}

static void
ready(struct task *t)
{
	size_t old = queue_size;

	room(&queue, &queue_size, tail - head);
	if (queue_size != old && old != 0) { /* what has wrapped moves behind */
		size_t i;

		for (i = head; i != tail; i++)
			if ((i & (queue_size - 1)) != (i & (old - 1)))
				queue[i & (queue_size - 1)] = queue[i & (old - 1)];
	}
	queue[tail++ & (queue_size - 1)] = t;
}

static void
rise(struct task *t, size_t i)
{
	for (; i > 0 && heap[(i - 1) / 2]->when > t->when; i = (i - 1) / 2) {
		heap[i] = heap[(i - 1) / 2];
		heap[i]->place = i;
	}
	heap[i] = t;
	t->place = i;
}

static void
sink(struct task *t, size_t i)
{
	size_t child;

	while ((child = 2 * i + 1) < sleepers) {
		if (child + 1 < sleepers && heap[child + 1]->when < heap[child]->when)
			child++;
		if (heap[child]->when >= t->when)
			break;
		heap[i] = heap[child];
		heap[i]->place = i;
		i = child;
	}
	heap[i] = t;
	t->place = i;
}

static void
arm(struct task *t, double seconds)
{
	room(&heap, &heap_size, sleepers);
	t->when = now() + seconds;
	rise(t, sleepers++);
}

static void
disarm(struct task *t)
{
	struct task *last = heap[--sleepers];

	if (last == t)
		return;
	if (last->when < t->when)
		rise(last, t->place);
	else
		sink(last, t->place);
}

static void
finish(struct task *t)
{
	lua_settop(t->thread, 0);
	if (no_pool) {
		lua_pushnil(root);
		lua_rawsetp(root, LUA_REGISTRYINDEX, t);
		free(t);
		return;
	}
	room(&idle, &idle_size, idles);
	idle[idles++] = t;
}

static void
resume(struct task *t)
{
	int results, status = lua_resume(t->thread, root, 0, &results);

	if (status == LUA_OK)
		finish(t);
	else if (status != LUA_YIELD)
		errx(1, "%s", lua_tostring(t->thread, -1));
}

static void
wake(void)
{
	double t = now();

	while (sleepers > 0 && heap[0]->when <= t) {
		struct task *first = heap[0];

		disarm(first);
		resume(first);
	}
}

static void
turn(void)
{
	size_t end = tail;

	while (head != end) {
		resume(queue[head++ & (queue_size - 1)]);
		if (sleepers > 0 && head % LOOK == 0)
			wake();
	}
}

static struct task *
task_of(lua_State *L)
{
	return *(struct task **)lua_getextraspace(L);
}

static int
limit_spawn(lua_State *L)
{
	struct task *t;

	if (idles > 0)
		t = idle[--idles];
	else {
		if ((t = malloc(sizeof(*t))) == NULL)
			err(1, NULL);
		t->thread = lua_newthread(L);
		*(struct task **)lua_getextraspace(t->thread) = t;
		lua_rawsetp(L, LUA_REGISTRYINDEX, t);
	}
	lua_xmove(L, t->thread, 1);
	ready(t);
	*(struct task **)lua_newuserdatauv(L, sizeof(t), 0) = t; /* of a thread used again, not the handle of before */
	return 1;
}

static int
limit_yield(lua_State *L)
{
	ready(task_of(L));
	return lua_yield(L, 0);
}

static int
limit_turn(lua_State *L)
{
	(void)L;
	turn();
	return 0;
}

static int
limit_sleep(lua_State *L)
{
	arm(task_of(L), lua_tonumber(L, 1));
	return lua_yield(L, 0);
}

static int
limit_settle(lua_State *L)
{
	(void)L;
	while (head != tail || sleepers > 0) {
		turn();
		if (head == tail && sleepers > 0) {
			double left = heap[0]->when - now();
			time_t whole = left > 0 ? (time_t)left : 0;

			if (left > 0)
				nanosleep(&(struct timespec){ whole, (long)((left - (double)whole) * 1e9) }, NULL);
		}
		wake();
	}
	return 0;
}

static int
limit_arm(lua_State *L)
{
	arm(&alarm_of_root, lua_tonumber(L, 1));
	return 0;
}

static int
limit_disarm(lua_State *L)
{
	(void)L;
	disarm(&alarm_of_root);
	return 0;
}

static int
limit_waiter(lua_State *L)
{
	lua_pushlightuserdata(L, task_of(L));
	return 1;
}

static int
limit_wait(lua_State *L)
{
	arm(task_of(L), 5);
	return lua_yield(L, 0);
}

static int
limit_wake(lua_State *L)
{
	struct task *t = lua_touserdata(L, 1);

	disarm(t);
	ready(t);
	return 0;
}

static int
limit_now(lua_State *L)
{
	lua_pushnumber(L, now());
	return 1;
}

int
main(int argc, char **argv)
{
	static const luaL_Reg functions[] = {
		{ "spawn", limit_spawn },
		{ "yield", limit_yield },
		{ "sleep", limit_sleep },
		{ "settle", limit_settle },
		{ "settle_asleep", limit_settle },
		{ "arm", limit_arm },
		{ "disarm", limit_disarm },
		{ "turn", limit_turn },
		{ "waiter", limit_waiter },
		{ "wait", limit_wait },
		{ "wake", limit_wake },
		{ "now", limit_now },
		{ NULL, NULL },
	};

	if (argc > 1 && strcmp(argv[1], "-n") == 0) {
		no_pool = true;
		argc--;
		argv++;
	}
	if (argc < 3 || argc > 4)
		errx(2, "usage: limit [-n] WORK.lua NAME [ARG]");
	if ((root = luaL_newstate()) == NULL)
		err(1, NULL);
	luaL_openlibs(root);
	if (luaL_dofile(root, argv[1]) != LUA_OK)
		errx(1, "%s", lua_tostring(root, -1));
	lua_getfield(root, -1, argv[2]);
	luaL_newlib(root, functions);
	lua_pushstring(root, argv[3]); /* nil when there is none */
	if (lua_pcall(root, 2, 0, 0) != LUA_OK)
		errx(1, "%s", lua_tostring(root, -1));
	exit(0); /* without closing a state of a million threads: nobody measures that */
}
