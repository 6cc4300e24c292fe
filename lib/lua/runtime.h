/*
 * runtime.h: a Lua state whose coroutines are tasks of the scheduler.
 *
 * A coroutine made by spawn is a struct co in a Lua userdata, its handle: that is what scripts hold, compare and use
 * as a key. The Lua thread behind it is kept when the coroutine ends and used for the next one; since scripts hold
 * handles and never threads, an old handle cannot reach a new coroutine. A generator is an ordinary thread that a
 * script made with coroutine.create or wrap; a blocking call in one suspends the whole coroutine that runs it.
 */
#ifndef LUA_RUNTIME_H
#define LUA_RUNTIME_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>

#include "loop/sched.h"

struct gauge;
struct runtime;

/*
 * A coroutine. Private to the rooms that share state.h, but for `task`, in which
 *   mark  is its enum co_outcome;
 *   tag   is its seat while it is alive, then the number of results kept for join;
 *   on    is, while it is ready, the number of values on its stack that the next resume passes.
 */
struct co {
	struct task task;
	/* private */
	lua_State *L;              /* its thread; NULL once it has ended */
	int64_t deadline;          /* of timeout(): CLOCK_FOREVER when none */
	struct task_peers joiners; /* who waits for its end */
};

enum co_outcome { CO_ALIVE, CO_RETURNED, CO_ERROR, CO_CANCELLED };

struct runtime_options {
	const char *name;  /* of the program, for messages: "corun" */
	size_t max_memory; /* bytes of Lua heap; 0: no bound */
	bool generational; /* collector mode; the default is incremental */
	int worker, workers; /* which of how many processes; 0: the only one */
	bool plain_memory; /* every object by malloc, for tools that watch it */
};

/*
 * Opens Lua with its standard libraries, ours (coop, net, dns, stat, as modules and globals; the globals spawn,
 * sleep, timeout, schedule) and our coroutine.*. NULL with errno. The sched must outlive it.
 */
struct runtime *runtime_new(struct sched *, const struct runtime_options *);

/* Closes all coroutines (their <close> variables run) and the state; then what scripts have printed leaves. */
void runtime_free(struct runtime *);

/*
 * What scripts have printed leaves, as far as its reader takes it now; runtime_idle does it too. All of it, and
 * everybody waits for that. And how long to wait at the end for a reader who takes nothing, ns: CLOCK_FOREVER at first.
 */
void runtime_push_output(struct runtime *);
void runtime_drain_output(struct runtime *);
void runtime_patience(struct runtime *, int64_t ns);

/* The main state: not a coroutine, nothing may block on it. */
lua_State *runtime_lua(struct runtime *);
struct sched *runtime_sched(struct runtime *);
struct runtime *runtime_of(lua_State *);

/*
 * A little of the collector's work: call it from the idle hook, so that a busy service collects while nobody waits
 * for it. True: there is more to do. Gives memory back to the system after a burst.
 */
bool runtime_idle(struct runtime *);

/* Closes every coroutine now. runtime_free does it too. */
void runtime_close_all(struct runtime *);

/* Whether there are other processes that run the same script: what is bound to a port shares it with them. */
bool runtime_shares_ports(const struct runtime *);

/* What the collector did when nobody waited for it, what it left, and who kept all others waiting. */
struct runtime_stats {
	size_t heap, heap_peak; /* bytes of Lua memory */
	uint64_t cycles;        /* of the collector, when idle */
	int64_t collecting;     /* ns it took in all */
	int64_t longest_step;   /* ns */
	uint64_t complaints;    /* see runtime_complain */
};

void runtime_stats(const struct runtime *, struct runtime_stats *);

/* Coroutines alive; and how many ended with an error so far. */
size_t runtime_count(const struct runtime *);
unsigned long runtime_errors(const struct runtime *);

/*
 * Starts a coroutine from C: `body`, a plain C function, is run in it with `arg` as a light userdata; it may block,
 * and call Lua with lua_callk. An error in it is reported like any coroutine's. Its task, or NULL with errno when
 * there is no memory.
 */
struct co *runtime_start(struct runtime *, lua_CFunction body, void *arg);

/* For gauge_start: the gauges gc (bytes of Lua memory) and co (coroutines alive) of the runtime `rt`. */
void runtime_gauges(void *rt, struct gauge *);

/*
 * From now on a coroutine that has run for `ns` of CPU time without suspending is put at the back of the run queue,
 * so that the others go on. One runtime of a process can have it, and SIGPROF and ITIMER_PROF are then its own. 0, or
 * -1 with errno.
 */
int runtime_preempt(struct runtime *, int64_t ns);

/*
 * With runtime_preempt: a coroutine that runtime_start has begun with this body gets an error when it has run for `ns` of
 * CPU time without waiting once.
 */
void runtime_bound(struct runtime *, lua_CFunction body, int64_t ns);

/*
 * From now on a coroutine that has kept all others waiting for `ns` is reported with the line that it is at, once. One
 * runtime of a process can have it, and SIGALRM and ITIMER_REAL are then its own. 0, or -1 with errno.
 */
int runtime_complain(struct runtime *, int64_t ns);

/*
 * A signal that the loop watches makes the running coroutine give way, however busy it is. One runtime of a process
 * can have it.
 */
void runtime_interruptible(struct runtime *);

/* Whether the script waits for this signal by itself (coop.signal), or has: then the program leaves it alone. */
bool runtime_catches(struct runtime *, int signo);

/* Whether the script called os.exit, which stops the loop; *code is then its exit status. */
bool runtime_exited(const struct runtime *, int *code);

/* Called with the message and traceback of each error that ends a coroutine. Default: to stderr as `name: ...`. */
void runtime_on_error(struct runtime *, void (*report)(void *arg, const char *text), void *arg);

/* One line and a traceback for each coroutine alive, on stderr: what it waits for. */
void runtime_list(struct runtime *);

/* --- for C functions that block (the l*.c rooms) --- */

/*
 * The coroutine that runs L, also when L is a generator inside of it. Raises a Lua error when none does (the main
 * state).
 */
struct co *co_current(lua_State *L);

/*
 * Suspends the current coroutine; use as `return co_wait(...)`. `deadline`: absolute, CLOCK_FOREVER for none. `on` is
 * kept in task.on for w->leave. Whoever ends the wait calls task_ready_soon(&co->task). Then k runs in the coroutine,
 * on the stack as it was left, plus nothing: results wait in C and k turns them into Lua values, so that no Lua error
 * can hit code outside of a coroutine. task_wake(&co->task) == TASK_TIMEOUT tells k of the deadline.
 */
int co_wait(lua_State *L, const struct wait *w, void *on, int64_t deadline, lua_KFunction k, lua_KContext ctx);

/*
 * What co_wait ends with: yields up to the scheduler, the state of the task being set (task_yield, say). Use as
 * `return co_suspend(...)`; k may be NULL.
 */
int co_suspend(lua_State *L, lua_KFunction k, lua_KContext ctx);

/* An optional argument in seconds as an absolute deadline; absent or nil: CLOCK_FOREVER. */
int64_t co_optdeadline(lua_State *L, int arg);

/*
 * A deadline: `ns` from now, by the clock and not by when this turn began, since the coroutine may have been running
 * for long.
 */
int64_t co_from_now(lua_State *L, int64_t ns);

/*
 * The metatable `name` of a type of userdata: `methods`, among them what begins with __, and __index that finds them.
 */
void lua_newtype(lua_State *L, const char *name, const luaL_Reg *methods);

/*
 * Argument 1 as luaL_checkudata has it; a method of that type, which holds the metatable as its first upvalue, looks up
 * no name for it.
 */
void *lua_self(lua_State *L, const char *name);

/* Pushes nil and the message; returns 2. */
int lua_fail(lua_State *L, const char *message);
int lua_failno(lua_State *L, int errnum);

#endif
