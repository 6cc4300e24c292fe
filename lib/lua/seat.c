/*
 * Seats: where threads and handles are anchored. In the anchor table, 2s-1 is the thread of seat s and 2s the handle of
 * the coroutine that uses it, or false, or the handle of the one that used it last: to overwrite it is cheaper. A seat
 * whose thread was let go holds the number of the next such seat in its place. Threads that are free are kept, since a
 * new one costs more than all else that a coroutine needs.
 */
#include "lua/state.h"

#include <stddef.h>
#include <stdlib.h>

/*
 * Threads kept for reuse, about a kilobyte each: not more than IDLE_MAX, and of those that nobody needed for REAP
 * only half, until IDLE_MIN are left.
 */
enum { IDLE_MAX = 10000, IDLE_MIN = 64, SEATS_MIN = 4096, SEAT_BYTES = 32 };

#define REAP SEC

int
seat_init(struct runtime *rt)
{
	/* most of it is never touched */
	rt->idle = calloc(IDLE_MAX, sizeof(*rt->idle));
	return rt->idle != NULL ? 0 : -1;
}

static lua_Integer
thread_of(uint32_t seat)
{
	return 2 * (lua_Integer)seat - 1;
}

static lua_Integer
handle_of(uint32_t seat)
{
	return 2 * (lua_Integer)seat;
}

/* One more free thread. */
static void
add_thread(lua_State *L, struct runtime *rt, int anchor)
{
	uint32_t seat = rt->empty != 0 ? rt->empty : rt->nseats + 1, next = 0;
	lua_State *thread = lua_newthread(L);

	if (seat == rt->empty) {
		lua_rawgeti(L, anchor, thread_of(seat));
		next = (uint32_t)lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	lua_rawseti(L, anchor, thread_of(seat));
	lua_pushboolean(L, 0);
	lua_rawseti(L, anchor, handle_of(seat));

	/* nothing can fail from here */
	if (lua_gethook(thread) != NULL)
		lua_sethook(thread, NULL, 0, 0); /* who makes a coroutine does not lend it his hook */
	if (seat == rt->empty)
		rt->empty = next;
	else
		rt->nseats++;
	*co_slot(thread) = &rt->none;
	rt->idle[rt->nidle++] = (struct seat){ .L = thread, .number = seat };
}

void
seat_drop(struct runtime *rt, uint32_t seat)
{
	lua_rawgeti(rt->L, LUA_REGISTRYINDEX, rt->anchor);
	lua_pushinteger(rt->L, rt->empty);
	lua_rawseti(rt->L, -2, thread_of(seat));
	lua_pushboolean(rt->L, 0);
	lua_rawseti(rt->L, -2, handle_of(seat));
	lua_pop(rt->L, 1);
	rt->empty = seat;
	rt->let_go++;
}

void
seat_forget(struct runtime *rt, uint32_t seat)
{
	lua_rawgeti(rt->L, LUA_REGISTRYINDEX, rt->anchor);
	lua_pushboolean(rt->L, 0);
	lua_rawseti(rt->L, -2, handle_of(seat));
	lua_pop(rt->L, 1);
}

void
seat_leave(struct runtime *rt, struct seat seat)
{
	*co_slot(seat.L) = &rt->none;
	if (rt->nidle == IDLE_MAX) {
		seat_drop(rt, seat.number);
		return;
	}
	rt->idle[rt->nidle] = seat;
	if (rt->nidle++ >= IDLE_MIN && !timer_pending(&rt->reaper))
		timer_arm(&rt->sched->wheel, &rt->reaper, rt->sched->clock.now + REAP);
}

struct seat
seat_take(lua_State *L, struct runtime *rt, int anchor)
{
	if (rt->nidle == 0)
		add_thread(L, rt, anchor);
	lua_pushvalue(L, -1);
	lua_rawseti(L, anchor, handle_of(rt->idle[rt->nidle - 1].number));
	if (--rt->nidle < rt->idle_low)
		rt->idle_low = rt->nidle;
	return rt->idle[rt->nidle];
}

void
seat_push(lua_State *L, const struct runtime *rt, uint32_t seat)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, rt->anchor);
	lua_rawgeti(L, -1, handle_of(seat));
	lua_replace(L, -2);
}

/* --- after a burst --- */

/* Copies a thread and its handle from the table at `from` to the one at `to`. */
static void
copy(lua_State *L, int from, uint32_t seat, int to, uint32_t new)
{
	lua_rawgeti(L, from, thread_of(seat));
	lua_rawseti(L, to, thread_of(new));
	lua_rawgeti(L, from, handle_of(seat));
	lua_rawseti(L, to, handle_of(new));
}

/*
 * Those that are taken and those with a free thread get the first numbers. Who has the anchor table as an upvalue
 * keeps it, so it has to shrink in place: by way of a copy, and then by a key that makes Lua measure it again. All
 * that can fail is to make the copy, before anything has changed, and the shrinking itself.
 */
static int
compact(lua_State *L)
{
	enum { ANCHOR = 1, COPY };
	struct runtime *rt = runtime_of(L);
	uint32_t n = 0, before = rt->nseats;

	lua_rawgeti(L, LUA_REGISTRYINDEX, rt->anchor);
	lua_createtable(L, 2 * ((int)rt->count + rt->nidle), 0);
	for (uint32_t seat = 1; seat <= before; seat++)
		if (seat_at(rt, seat) != NULL)
			copy(L, ANCHOR, seat, COPY, ++n);
	for (int i = 0; i < rt->nidle; i++)
		copy(L, ANCHOR, rt->idle[i].number, COPY, ++n);
	for (uint32_t i = 1; i <= 2 * before; i++) {
		lua_pushnil(L);
		lua_rawseti(L, ANCHOR, i);
	}
	for (uint32_t seat = 1; seat <= n; seat++)
		copy(L, COPY, seat, ANCHOR, seat);
	rt->nseats = n;
	rt->empty = 0;
	for (uint32_t seat = 1; seat <= n; seat++) {
		struct co *co = seat_at(rt, seat);

		if (co != NULL)
			co->task.tag = seat;
	}
	for (int i = 0; i < rt->nidle; i++)
		rt->idle[i].number = n - (uint32_t)rt->nidle + (uint32_t)i + 1;
	rt->let_go += (int)((before - n) / (1024 / SEAT_BYTES));
	lua_pushboolean(L, 1);
	lua_rawsetp(L, ANCHOR, rt);
	lua_pushnil(L);
	lua_rawsetp(L, ANCHOR, rt);
	return 0;
}

void
seat_reap(struct timer *t)
{
	struct runtime *rt = (struct runtime *)((char *)t - offsetof(struct runtime, reaper));

	for (int n = (rt->idle_low + 1) / 2; n > 0 && rt->nidle > IDLE_MIN; n--)
		seat_drop(rt, rt->idle[--rt->nidle].number);
	rt->idle_low = rt->nidle;
	if (rt->nseats > SEATS_MIN && rt->nseats / 4 > rt->count + (size_t)rt->nidle) {
		lua_pushcfunction(rt->L, compact);
		if (lua_pcall(rt->L, 0, 0, 0) != LUA_OK)
			lua_pop(rt->L, 1);
	}
	if (rt->nidle > IDLE_MIN)
		timer_arm(&rt->sched->wheel, t, rt->sched->clock.now + REAP);
}

struct co *
seat_at(struct runtime *rt, uint32_t seat)
{
	struct co *co;

	lua_rawgeti(rt->L, LUA_REGISTRYINDEX, rt->anchor);
	lua_rawgeti(rt->L, -1, handle_of(seat));
	co = lua_touserdata(rt->L, -1);
	lua_pop(rt->L, 2);
	return co != NULL && co->L != NULL ? co : NULL;
}
