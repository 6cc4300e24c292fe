/*
 * Where Lua's memory comes from, how much there may be of it, and when it is collected.
 *
 * Small objects live in slabs: a coroutine is a thread, a stack, call frames and a handle, and malloc would add a
 * header to each. What is larger comes from malloc.
 */
#include "lua/state.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* --- the allocator --- */

static bool
is_small(const struct runtime *rt, size_t n)
{
	return n <= SLAB_MAX && !rt->plain;
}

static void
release(struct runtime *rt, void *p, size_t n)
{
	if (p != NULL && is_small(rt, n))
		slab_put(&rt->slabs, p, n);
	else
		free(p);
}

static void *
resize(struct runtime *rt, void *p, size_t old, size_t n)
{
	void *q;

	if (p != NULL && is_small(rt, old) && is_small(rt, n) && slab_same(old, n))
		return p;
	if (!is_small(rt, n) && (p == NULL || !is_small(rt, old)))
		return realloc(p, n);
	if ((q = is_small(rt, n) ? slab_get(&rt->slabs, n) : malloc(n)) == NULL || p == NULL)
		return q;
	memcpy(q, p, old < n ? old : n);
	release(rt, p, old);
	return q;
}

/* Lua asks again after a full collection; if that is not enough, the coroutine that wanted the memory gets an error. */
static void *
alloc(void *arg, void *p, size_t old, size_t n)
{
	struct runtime *rt = arg;
	void *q;

	if (p == NULL)
		old = 0; /* Lua passes the kind of the new object in its place */
	if (n == 0) {
		release(rt, p, old);
		rt->heap -= old;
		return NULL;
	}
	if (n > old && rt->max_heap > 0 && rt->heap - old + n > rt->max_heap)
		return NULL;
	if ((q = resize(rt, p, old, n)) == NULL)
		return NULL;
	rt->heap = rt->heap - old + n;
	if (rt->heap > rt->stats.heap_peak)
		rt->stats.heap_peak = rt->heap;
	return q;
}

/* After a burst: slabs and the C library keep what was freed unless they are told not to. */
static void
give_back(struct runtime *rt)
{
	slab_trim(&rt->slabs);
	(void)malloc_trim(0);
}

/* --- the collector --- */

/* What a thread takes at least; and garbage beyond what accumulates in a busy service. */
enum { THREAD_KIB = 1, BURST_KIB = 16 * 1024 };

/* Switches of a second in which nothing was to be done. */
enum { FEW = 10 };

/*
 * A cycle when the heap has grown by half, or when a good part of it are threads that were let go after a burst, or
 * half of the coroutines that there were have ended; or,
 * since what ends frees without allocating, after anything ran at all, but then so seldom that it takes a fiftieth of
 * the time at most. By generations, Lua chooses the time itself, and what a burst left, or who has nothing more to do, is for us.
 */
static bool
time_to_collect(struct runtime *rt, int kib)
{
	if (rt->let_go > 1024 && rt->let_go * THREAD_KIB > kib / 4)
		return true;
	if (rt->crowd > 1024 && rt->count < rt->crowd / 2)
		return true;
	if (rt->sched->stats.switches == rt->collected_at)
		return false;
	if (rt->generational)
		return rt->quiet && (kib > rt->settled + rt->settled / 2 + 64 || rt->collected_at == UINT64_MAX);
	if (kib > rt->settled + rt->settled / 2 + 64 || rt->sched->clock.now >= rt->next_cycle)
		return true;
	/* nobody may come before that time */
	if (!timer_pending(&rt->collector))
		timer_arm(&rt->sched->wheel, &rt->collector, rt->next_cycle);
	return false;
}

static void
cycle_done(struct runtime *rt)
{
	rt->collecting = false;
	rt->stats.cycles++;
	rt->stats.collecting += rt->spent;
	rt->settled = lua_gc(rt->L, LUA_GCCOUNT, 0);
	rt->next_cycle = rt->sched->clock.now + 50 * rt->spent + SEC / 10;
	/* what has a finalizer is only freed by the cycle after the one that finds it, also when nothing runs in between */
	if (rt->settled < rt->unsettled - rt->unsettled / 16)
		rt->collected_at = UINT64_MAX;
	/* and of a burst that may be most of it */
	if (rt->unsettled - rt->settled > BURST_KIB)
		rt->next_cycle = rt->sched->clock.now + 5 * rt->spent + SEC / 10;
}

static bool
is_less(int kib, int than)
{
	return than - kib > 1024 && kib < than / 4 * 3;
}

/*
 * Memory is given back when there was much less of it for a whole second than there once was: a busy program's rises and
 * falls with each cycle, and what it gives back is what it takes next.
 */
static void
look_back(struct runtime *rt, int kib)
{
	int64_t now = rt->sched->clock.now;

	if (kib > rt->recent)
		rt->recent = kib;
	if (rt->recent > rt->high)
		rt->high = rt->recent;
	if (now >= rt->looked_back + SEC) {
		if (is_less(rt->recent, rt->high)) {
			give_back(rt);
			rt->high = rt->recent;
		}
		rt->recent = kib;
		rt->looked_back = now;
		rt->quiet = rt->sched->stats.switches - rt->switched < FEW;
		rt->switched = rt->sched->stats.switches;
	}
	if ((is_less(kib, rt->high) || (rt->generational && !rt->quiet)) && !timer_pending(&rt->collector))
		timer_arm(&rt->sched->wheel, &rt->collector, rt->looked_back + SEC);
}

/*
 * Some steps of Lua's own make a cycle end just as well, which is told to nobody, and another begin: the two together would
 * collect without a pause. So Lua is to wait, unless the heap grows by half: a step of less than nothing puts it off.
 */
static bool
step(struct runtime *rt, int kib)
{
	if (rt->generational)
		return lua_gc(rt->L, LUA_GCCOLLECT) == 0;
	if (lua_gc(rt->L, LUA_GCSTEP, 0) != 0)
		return true;
	(void)lua_gc(rt->L, LUA_GCSTEP, -(kib / 2 + 1024));
	return false;
}

bool
runtime_idle(struct runtime *rt)
{
	int kib = lua_gc(rt->L, LUA_GCCOUNT, 0);
	int64_t begun, took;
	bool done;

	lout_push(rt->outs);
	look_back(rt, kib);
	if (rt->count > rt->crowd)
		rt->crowd = rt->count;
	if (rt->only_lua)
		return false;
	if (!rt->collecting) {
		if (!time_to_collect(rt, kib))
			return false;
		rt->collecting = true;
		rt->collected_at = rt->sched->stats.switches;
		rt->unsettled = kib;
		rt->spent = 0;
		rt->let_go = 0;
		rt->crowd = rt->count;
	}
	begun = clock_read(&rt->sched->clock);
	done = step(rt, kib);
	took = clock_read(&rt->sched->clock) - begun;
	rt->spent += took;
	if (took > rt->stats.longest_step)
		rt->stats.longest_step = took;
	if (done)
		cycle_done(rt);
	return !done;
}

/* A script may change the collector's mode by itself: what is done when idle must be of that mode. */
static int
collectgarbage(lua_State *L)
{
	const char *what = luaL_optstring(L, 1, "collect");
	bool generational = strcmp(what, "generational") == 0, incremental = strcmp(what, "incremental") == 0;

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	if (generational || incremental)
		runtime_of(L)->generational = generational;
	return lua_gettop(L);
}

void
memory_follow(lua_State *L)
{
	lua_getglobal(L, "collectgarbage");
	lua_pushcclosure(L, collectgarbage, 1);
	lua_setglobal(L, "collectgarbage");
}

/* All that the collector's timer is for is that the loop comes round. */
static void
come_round(struct timer *t)
{
	(void)t;
}

/* --- Lua's warnings: as lua(1) has them --- */

static void
warn_(void *arg, const char *text, int more)
{
	struct runtime *rt = arg;

	if (!rt->warning_begun && !more && *text == '@') {
		if (strcmp(text, "@on") == 0 || strcmp(text, "@off") == 0)
			rt->warnings = text[2] == 'n';
		return;
	}
	if (rt->warnings && !rt->warning_begun)
		lout_error(rt->outs, "Lua warning: ", strlen("Lua warning: "));
	if (rt->warnings)
		lout_error(rt->outs, text, strlen(text));
	if (rt->warnings && !more)
		lout_error(rt->outs, "\n", 1);
	rt->warning_begun = more != 0;
}

/* --- all of it --- */

/*
 * How fast a cycle goes on while others allocate, and after how much of that, as a power of two, it goes on. At Lua's 100 and 13 a
 * service that makes 100 MiB a second of garbage makes most of it during cycles: 2 MiB in use look like 20, and are touched like 20.
 * Four times as fast in steps as long as before it is 4, and the processor's time is less.
 */
enum { STEPMUL = 400, STEPSIZE = 11 };

int
memory_open(struct runtime *rt, const struct runtime_options *options)
{
	rt->plain = options->plain_memory || PLAIN_MEMORY;
	if ((rt->L = lua_newstate(alloc, rt)) == NULL)
		return -1;
	lua_setwarnf(rt->L, warn_, rt);
	timer_init(&rt->collector, come_round, true);
	rt->generational = options->generational;
	if (options->generational)
		lua_gc(rt->L, LUA_GCGEN, 0, 0);
	else
		lua_gc(rt->L, LUA_GCINC, 0, STEPMUL, STEPSIZE);
	return 0;
}

void
memory_close(struct runtime *rt)
{
	lua_close(rt->L);
	slab_trim(&rt->slabs);
}
