/*
 * Pre-emption. A timer that counts the CPU time of the process ticks twice in the time that a coroutine may run. When
 * a whole such time has gone by in one resume, its signal's handler sets a hook, which the interpreter calls before
 * its next instruction, and the hook yields. So nothing is paid for by a script that never overruns, and nothing
 * ticks while the process waits.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

#include "loop/signal.h"
#include "lua/state.h"

/* A handler has no argument: one runtime of a process can be interrupted. */
static struct runtime *volatile interrupted;

/* A timer, and what is done to a coroutine that has run for TICKS of it. */
struct overseer {
	int which, signo;
	lua_Hook hook;
	struct runtime *rt; /* NULL: no time is measured */
	int64_t ns;
	uint64_t switches;  /* as of the last tick */
	volatile sig_atomic_t ticks; /* that it has been the same */
	struct sigaction before;
};

static void give_way(lua_State *, lua_Debug *);
static void complain(lua_State *, lua_Debug *);

/* Its own CPU time counts against a coroutine, but whoever waits for it waits in real time. */
static struct overseer preempt = { .which = ITIMER_PROF, .signo = SIGPROF, .hook = give_way };
static struct overseer complaint = { .which = ITIMER_REAL, .signo = SIGALRM, .hook = complain };

/* How many instructions later to look again when a C function in between cannot be yielded across. */
enum { AGAIN = 1000, TICKS = 2 };

/* --- hooks --- */

/*
 * The scripts' own hooks, of debug.sethook, while ours stand in their places: of as many threads as can have been
 * running, one after the other, before ours was called.
 */
static struct displaced {
	lua_State *L; /* NULL: none */
	lua_Hook hook;
	int mask, count;
} displaced[8];

/* What was displaced in L; NULL: nothing. With L = NULL: a free one. */
static struct displaced *
find_displaced(const lua_State *L)
{
	for (size_t i = 0; i < sizeof(displaced) / sizeof(displaced[0]); i++)
		if (displaced[i].L == L)
			return &displaced[i];
	return NULL;
}

/* lua_sethook may be called from a signal handler: Lua's own interpreter does. */
static void
set_hook(const struct runtime *rt, lua_Hook hook)
{
	lua_State *L = rt != NULL ? rt->running : NULL;
	struct displaced *d;
	lua_Hook before;

	if (L == NULL)
		return;
	before = lua_gethook(L);
	d = find_displaced(L);
	if (before == NULL && d != NULL) {
		/* one that used this thread before */
		d->L = NULL;
	} else if (before != NULL && before != give_way && before != complain) {
		if (d == NULL && (d = find_displaced(NULL)) == NULL)
			d = &displaced[0];
		*d = (struct displaced){ L, before, lua_gethookmask(L), lua_gethookcount(L) };
	}
	/* where a hook is at work the count may be lost, if the interpreter was about to write it: lines are told, too */
	lua_sethook(L, hook, LUA_MASKCOUNT | (hook == complain ? LUA_MASKRET : 0) | (before != NULL ? LUA_MASKLINE : 0), 1);
}

/* Ours has done its work. */
static void
put_back(lua_State *L)
{
	struct displaced *d = find_displaced(L);
	sigset_t all, before;

	if (d == NULL) {
		lua_sethook(L, NULL, 0, 0);
		return;
	}
	/* a handler must not see half of it */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	lua_sethook(L, d->hook, d->mask, d->count);
	d->L = NULL;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

/* --- who computes without end --- */

void
runtime_bound(struct runtime *rt, lua_CFunction body, int64_t ns)
{
	rt->bounded = body;
	rt->bound = ns;
}

void
preempt_forget(struct runtime *rt, const struct co *co)
{
	for (int i = 0; i < rt->noverruns; i++)
		if (rt->overruns[i].co == co) {
			rt->overruns[i] = rt->overruns[--rt->noverruns];
			return;
		}
}

/* NULL: there are too many of them. */
static struct overrun *
overrun_of(struct runtime *rt, const struct co *co)
{
	for (int i = 0; i < rt->noverruns; i++)
		if (rt->overruns[i].co == co)
			return &rt->overruns[i];
	if (rt->noverruns == OVERRUNS)
		return NULL;
	rt->overruns[rt->noverruns] = (struct overrun){ .co = co };
	return &rt->overruns[rt->noverruns++];
}

/* How many functions deep a stack is: there is no quicker way to find its end. */
static int
depth(lua_State *L)
{
	int low = 0, high = 1;
	lua_Debug ar;

	while (lua_getstack(L, high, &ar) != 0) {
		low = high;
		high *= 2;
	}
	while (low + 1 < high) {
		int middle = low + (high - low) / 2;

		*(lua_getstack(L, middle, &ar) != 0 ? &low : &high) = middle;
	}
	return high;
}

static bool
is_bounded(const struct runtime *rt, lua_State *L)
{
	lua_Debug ar;
	bool is;

	if (!lua_checkstack(L, 1) || lua_getstack(L, depth(L) - 1, &ar) == 0 || lua_getinfo(L, "f", &ar) == 0)
		return false;
	is = lua_tocfunction(L, -1) == rt->bounded;
	lua_pop(L, 1);
	return is;
}

/* Raises an error in a coroutine that has had its share. */
static void
check_bound(struct runtime *rt, lua_State *L, const struct co *co)
{
	struct overrun *o = overrun_of(rt, co);

	if (o == NULL)
		return;
	o->ran += preempt.ns / TICKS * preempt.ticks;
	preempt.ticks = 0;
	if (o->ran < rt->bound)
		return;
	if (!is_bounded(rt, co->L)) {
		o->ran = INT64_MIN / 2; /* that need not be looked at again */
		return;
	}
	put_back(L);
	luaL_where(L, 0);
	lua_pushfstring(L, "it has computed for %f s without waiting once", (double)rt->bound / SEC);
	lua_concat(L, 2);
	(void)lua_error(L);
}

static void
give_way(lua_State *L, lua_Debug *ar)
{
	struct runtime *rt = runtime_of(L);
	struct co *co = co_running(rt);

	(void)ar;
	if (co != NULL && rt->bound > 0)
		check_bound(rt, L, co);
	if (co == NULL || !lua_isyieldable(L) || !rt->can_block) {
		lua_sethook(L, give_way, LUA_MASKCOUNT, AGAIN);
		return;
	}
	put_back(L);
	task_yield(&co->task);
	sched_come_round(rt->sched);
	rt->blocking = rt->gave_way = true;
	(void)lua_yield(L, 0);
}

/*
 * Called before the next instruction, or when a C function that took the time returns: then the line that called it
 * is wanted.
 */
static void
complain(lua_State *L, lua_Debug *ar)
{
	struct runtime *rt = runtime_of(L);
	char text[LUA_IDSIZE + 100];

	if (preempt.rt == rt)
		lua_sethook(L, give_way, LUA_MASKCOUNT, AGAIN);
	else
		put_back(L);
	rt->stats.complaints++;
	(void)lua_getinfo(L, "Sl", ar);
	for (int level = 1; ar->currentline < 0 && lua_getstack(L, level, ar) != 0; level++)
		(void)lua_getinfo(L, "Sl", ar);
	(void)snprintf(text, sizeof(text), "%s:%d: nobody else has run for more than %d ms", ar->short_src,
	    ar->currentline, (int)(rt->complain_after / MSEC));
	rt->report(rt->report_arg, text);
}

static void
interrupt(void)
{
	set_hook(interrupted, give_way);
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
	struct overseer *o = signo == preempt.signo ? &preempt : &complaint;

	if (o->rt->running == NULL || o->rt->sched->stats.switches != o->switches) {
		o->switches = o->rt->sched->stats.switches;
		o->ticks = 0;
	} else if (++o->ticks == TICKS || (o->ticks > TICKS && o == &preempt))
		set_hook(o->rt, o->hook);
}

static int
set_timer(const struct overseer *o, int64_t ns)
{
	struct itimerval it = { .it_interval = { .tv_sec = (time_t)(ns / SEC), .tv_usec = (suseconds_t)(ns % SEC / USEC) } };

	it.it_value = it.it_interval;
	return setitimer(o->which, &it, NULL);
}

static int
oversee(struct overseer *o, struct runtime *rt, int64_t ns)
{
	struct sigaction sa = { .sa_handler = tick, .sa_flags = SA_RESTART };

	if (o->rt != NULL) {
		errno = EBUSY;
		return -1;
	}
	o->rt = rt;
	o->ns = ns;
	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(o->signo, &sa, &o->before) == 0 && set_timer(o, ns / TICKS) == 0)
		return 0;
	o->rt = NULL;
	return -1;
}

static void
overlook(struct overseer *o, const struct runtime *rt)
{
	if (o->rt != rt)
		return;
	(void)set_timer(o, 0);
	(void)sigaction(o->signo, &o->before, NULL);
	o->rt = NULL;
}

int
runtime_preempt(struct runtime *rt, int64_t ns)
{
	return oversee(&preempt, rt, ns);
}

int
runtime_complain(struct runtime *rt, int64_t ns)
{
	rt->complain_after = ns;
	return oversee(&complaint, rt, ns);
}

void
preempt_stop(struct runtime *rt)
{
	if (interrupted == rt) {
		signal_on_arrival(NULL);
		interrupted = NULL;
	}
	overlook(&preempt, rt);
	overlook(&complaint, rt);
}
