/*
 * Pre-emption. A timer that counts the CPU time of the process ticks twice in the time that a coroutine may run. When
 * a whole such time has gone by in one resume, its signal's handler sets a hook, which the interpreter calls before
 * its next instruction, and the hook yields. So nothing is paid for by a script that never overruns, and nothing
 * ticks while the process waits.
 */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#include "loop/signal.h"
#include "lua/state.h"

/* A handler has no argument: one runtime of a process can be interrupted. */
static struct runtime *volatile interrupted;

static struct {
	struct runtime *rt; /* NULL: no time is measured */
	uint64_t switches; /* as of the last tick */
	int ticks;         /* that it has been the same */
	struct sigaction before;
} preempt;

/* How many instructions later to look again when a C function in between cannot be yielded across. */
enum { AGAIN = 1000, TICKS = 2 };

static void
hook(lua_State *L, lua_Debug *ar)
{
	struct runtime *rt = runtime_of(L);
	struct co *co = co_running(rt);

	(void)ar;
	if (co == NULL || !lua_isyieldable(L) || !rt->can_block) {
		lua_sethook(L, hook, LUA_MASKCOUNT, AGAIN);
		return;
	}
	lua_sethook(L, NULL, 0, 0);
	task_yield(&co->task);
	sched_come_round(rt->sched);
	rt->blocking = true;
	(void)lua_yield(L, 0);
}

/* lua_sethook may be called from a signal handler: Lua's own interpreter does. */
static void
interrupt(void)
{
	struct runtime *rt = interrupted;
	lua_State *L = rt != NULL ? rt->running : NULL;

	if (L != NULL)
		lua_sethook(L, hook, LUA_MASKCOUNT, 1);
}

void
runtime_interruptible(struct runtime *rt)
{
	interrupted = rt;
	signal_on_arrival(interrupt);
}

static void
tick(int signo)
{
	struct runtime *rt = preempt.rt;

	(void)signo;
	if (rt->running == NULL || rt->sched->stats.switches != preempt.switches) {
		preempt.switches = rt->sched->stats.switches;
		preempt.ticks = 0;
	} else if (++preempt.ticks >= TICKS)
		interrupt();
}

static int
set_timer(int64_t ns)
{
	struct itimerval it = { .it_interval = { .tv_sec = (time_t)(ns / SEC), .tv_usec = (suseconds_t)(ns % SEC / USEC) } };

	it.it_value = it.it_interval;
	return setitimer(ITIMER_PROF, &it, NULL);
}

int
runtime_preempt(struct runtime *rt, int64_t ns)
{
	struct sigaction sa = { .sa_handler = tick, .sa_flags = SA_RESTART };

	if (preempt.rt != NULL) {
		errno = EBUSY;
		return -1;
	}
	preempt.rt = interrupted = rt;
	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(SIGPROF, &sa, &preempt.before) == 0 && set_timer(ns / TICKS) == 0)
		return 0;
	preempt.rt = NULL;
	return -1;
}

void
preempt_stop(struct runtime *rt)
{
	if (interrupted == rt) {
		signal_on_arrival(NULL);
		interrupted = NULL;
	}
	if (preempt.rt != rt)
		return;
	(void)set_timer(0);
	(void)sigaction(SIGPROF, &preempt.before, NULL);
	preempt.rt = NULL;
}
