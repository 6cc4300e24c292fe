/* state.h: what runtime.c, co.c, lco.c and lcoop.c share about a runtime. Nobody else's business. */
#ifndef LUA_STATE_H
#define LUA_STATE_H

#include <stdint.h>

#include "base/slab.h"
#include "lua/lout.h"
#include "lua/runtime.h"

/* A coroutine that was pre-empted, and has run for so long, ns, since it last waited. */
struct overrun {
	const struct co *co;
	int64_t ran;
};

/* More at one time run as long as they like. */
enum { OVERRUNS = 64 };

/* A free thread and its seat. */
struct seat {
	lua_State *L;
	uint32_t number;
};

struct runtime {
	struct task_kind kind; /* of coroutines; first, so that they find the runtime */
	struct sched *sched;
	lua_State *L;        /* the main state */
	const char *name;
	int worker, workers; /* which of how many processes that share their ports */
	struct co none;      /* what threads that are no coroutine's point at: only its kind is set */
	struct seat *idle;   /* free threads, with room for as many as are ever kept */
	uint32_t nseats;     /* in the anchor table, taken or not */
	uint32_t empty;      /* the first seat without a thread, which holds the number of the next; 0: none */
	int nidle, idle_low; /* free threads, and the fewest there were since the reaper came last */
	struct timer reaper; /* lets go of threads that were not needed */
	int anchor, meta;    /* registry references: the anchor table, the metatable of handles */
	const void *meta_table;
	int results;         /* and what coroutines returned, by their handles */
	bool blocking;       /* the yield that is on its way up suspends the whole coroutine */
	lua_State *volatile running; /* for preempt.c's handler: the thread that executes; NULL between coroutines */
	bool can_block;      /* every resume between the coroutine and the running generator can be yielded across */
	size_t count;
	unsigned long errors;
	struct slab_heap slabs;
	bool plain;              /* no slabs: every object by malloc */
	size_t heap, max_heap;   /* bytes; no bound: 0 */
	int64_t complain_after;
	lua_CFunction bounded;   /* see runtime_bound */
	int64_t bound;           /* 0: none */
	struct overrun overruns[OVERRUNS];
	int noverruns;
	bool gave_way;           /* the yield that is on its way up was not the script's */
	struct runtime_stats stats;
	bool warnings, warning_begun; /* of Lua: wanted; in the middle of one */
	bool generational;
	/* the idle collector */
	bool only_lua;           /* the script wants none */
	bool collecting;         /* in the middle of a cycle */
	int let_go;              /* threads since it or the one before began */
	size_t crowd;            /* coroutines at most since then */
	int settled, unsettled;  /* KiB of Lua memory after its last cycle, and before this one */
	uint64_t collected_at;   /* switches when this or the last one began */
	int64_t spent, next_cycle;
	int high, recent;        /* KiB of Lua memory at most, since some was given back and since... */
	int64_t looked_back;
	uint64_t switched;       /* switches then */
	bool quiet;              /* there were few in the second before */
	struct timer collector;
	void (*report)(void *, const char *);
	void *report_arg;
	struct louts *outs;  /* standard output and error */
	int64_t patience;    /* ns, at the end, with a reader who takes nothing */
	bool exited;         /* the script called os.exit */
	int exit_code;
};

/*
 * The extra space of a thread: a coroutine's own thread points at its struct co for as long as it lives, the main
 * state and generators at rt->none. While a coroutine waits in generators, its own thread and each of them point, with
 * the lowest bit set, at the generator inside, the innermost at itself: nobody else may resume them, and whoever
 * closes the coroutine finds all of them.
 */
static inline struct co **
co_slot(lua_State *L)
{
	return (struct co **)lua_getextraspace(L);
}

/* The coroutine whose own thread L is; &rt->none for a generator or the main state. Not if co_waits_in(L). */
static inline struct co *
co_of(lua_State *L)
{
	return *co_slot(L);
}

/* Where a coroutine waits: the generator inside of L, or L itself. */
static inline lua_State *
co_inner(lua_State *L)
{
	return (lua_State *)((uintptr_t)*co_slot(L) & ~(uintptr_t)1);
}

static inline void
co_set_inner(lua_State *L, lua_State *inner)
{
	*co_slot(L) = (struct co *)((uintptr_t)inner | 1);
}

/* Whether a coroutine waits in this generator, or in one inside of this thread. */
static inline bool
co_waits_in(lua_State *L)
{
	return ((uintptr_t)*co_slot(L) & 1) != 0;
}

static inline struct runtime *
co_runtime(const struct co *co)
{
	return (struct runtime *)co->task.kind;
}

static inline enum co_outcome
co_outcome(const struct co *co)
{
	return (enum co_outcome)co->task.mark;
}

/* How many values on its stack the next resume of a ready coroutine passes. */
static inline void
co_set_nargs(struct co *co, int n)
{
	co->task.on = (void *)(intptr_t)n;
}

static inline struct co *
co_from_task(struct task *t)
{
	return (struct co *)t; /* task is the first member */
}

/* The coroutine that runs now; NULL: none. */
static inline struct co *
co_running(const struct runtime *rt)
{
	return rt->sched->current != NULL ? co_from_task(rt->sched->current) : NULL;
}

/* Whether co_wait would wait here, and not raise an error. */
bool co_can_wait(lua_State *L);

/* What tasks that are coroutines do when it is their turn. */
void co_resume(struct task *);

/* Room for free threads: 0, or -1 without memory. */
int seat_init(struct runtime *);

/*
 * A seat with a free thread for the coroutine whose handle is on top, which it keeps; `anchor`: where the anchor table
 * is. Raises Lua errors (memory) and leaves nothing behind then.
 */
struct seat seat_take(lua_State *L, struct runtime *, int anchor);

/* Lets go of the handle. Needs no memory. */
void seat_forget(struct runtime *, uint32_t seat);

/* It is empty from now on, and its thread the collector's. Needs no memory. */
void seat_drop(struct runtime *, uint32_t seat);

/* It can be taken again; the handle stays until then, or until the reaper comes. Needs no memory. */
void seat_leave(struct runtime *, struct seat);

/* Pushes the handle in a seat that is taken. */
void seat_push(lua_State *L, const struct runtime *, uint32_t seat);

/* The coroutine in seat 1..rt->nseats; NULL: the seat is free. */
struct co *seat_at(struct runtime *, uint32_t seat);

/* The fire function of rt->reaper. */
void seat_reap(struct timer *);

/*
 * Makes a suspended coroutine and pushes its handle; `anchor` and `meta` are where co_push_tables has put those tables
 * (absolute or pseudo-indexes). Raises Lua errors (memory) and leaves nothing behind then.
 */
struct co *co_new(lua_State *L, struct runtime *, int anchor, int meta);
void co_push_tables(lua_State *L, const struct runtime *);

/* Moves the function and n arguments on top of `from` to it and makes it ready. Raises an error if they do not fit. */
void co_start(struct co *, lua_State *from, int n);

/* Pushes the handle of a coroutine that is alive. */
void co_push(lua_State *L, const struct co *);

/* The handle at `arg`, or NULL if it is none. */
struct co *co_test(lua_State *L, int arg);

/* Closes a suspended or ready coroutine: the <close> variables of it and of the generators it waits in run. */
void co_close(struct co *);

/* Calls f(co, n) on the main state, protected: 0, or -1 when it failed, which nobody hears of otherwise. */
int co_protected(struct co *, lua_CFunction f, int n);

/* The thread in which a suspended coroutine really waits: its own or that of its innermost generator. */
lua_State *co_innermost(const struct co *);

/* Pushes what coop.join gives for a coroutine that has ended, returns how many values. */
int co_results(lua_State *L, int handle);

/* Makes rt->L: 0, or -1 without memory; and its end. The rest of memory.c is in runtime.h. */
int memory_open(struct runtime *, const struct runtime_options *);
void memory_close(struct runtime *);

/* Puts a collectgarbage in the place of Lua's own which notices that a script changes the mode. */
void memory_follow(lua_State *);

extern const struct wait wait_yield;

/* Puts our functions into the coroutine table and over debug.traceback. Nothing is left on the stack. */
void lco_open(lua_State *L);

/* The end of runtime_preempt. */
void preempt_stop(struct runtime *);

/* It has waited, or ended. */
void preempt_forget(struct runtime *, const struct co *);

/* coop.cancel(handle). */
int lcoop_cancel(lua_State *L);

/*
 * Tracebacks of generators, which unwinding would lose. co_note_trace remembers where in G the error on top of L
 * arose; co_keep_trace ties it to the error that is on top now; co_push_trace pushes it if it belongs to the error at
 * `index`, else nothing and returns false.
 */
void co_note_trace(lua_State *L, lua_State *G);
void co_keep_trace(lua_State *L);
bool co_push_trace(lua_State *L, int index);

#endif
