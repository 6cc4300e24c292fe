/*
 * coop.signal. A signal that a script has waited for once is the script's from then on: those that arrive while
 * nobody waits are kept, one of each kind, and the program's own way with it is off.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "loop/signal.h"
#include "lua/lsync.h"
#include "lua/state.h"

#define SIGNALS "coop.signals"

/* One for each signal that is the script's. */
struct caught {
	struct signal_watch watch; /* first */
	struct lsignals *all;
};

struct lsignals {
	struct caught *caught[NSIG];
	uint64_t arrived;          /* bit n: signal n + 1 came, and nobody has been told */
	struct task_list waiting;
};

/* What a coroutine waits for, on its own stack. */
struct waiting {
	struct task *task;
	struct lsignals *all;
	uint64_t wanted;
};

static const char key = 0;

static uint64_t
bit(int signo)
{
	return UINT64_C(1) << (signo - 1);
}

/* One of those who wait for one of these. */
static void
wake_one(struct lsignals *all, uint64_t signals)
{
	struct task *t;

	TAILQ_FOREACH(t, &all->waiting, link)
		if (((struct waiting *)t->on)->wanted & signals) {
			task_ready_soon(t);
			return;
		}
}

static void
arrived(struct signal_watch *w)
{
	struct lsignals *all = ((struct caught *)w)->all;

	all->arrived |= bit(w->signo);
	wake_one(all, bit(w->signo));
}

/* It would have taken the first of those that it wanted. */
static void
lost(struct task *t)
{
	struct waiting *w = t->on;

	wake_one(w->all, w->all->arrived & w->wanted);
}

static void
leave(struct task *t)
{
	struct waiting *w = t->on;

	TAILQ_REMOVE(&w->all->waiting, t, link);
}

static int
forget(lua_State *L)
{
	struct lsignals *all = lua_touserdata(L, 1);

	for (int i = 0; i < NSIG; i++) {
		if (all->caught[i] != NULL)
			signal_unwatch(&all->caught[i]->watch);
		free(all->caught[i]);
		all->caught[i] = NULL;
	}
	return 0;
}

static struct lsignals *
signals_of(lua_State *L)
{
	struct lsignals *all;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TUSERDATA) {
		all = lua_touserdata(L, -1);
		lua_pop(L, 1);
		return all;
	}
	lua_pop(L, 1);
	all = lua_newuserdatauv(L, sizeof(*all), 0);
	*all = (struct lsignals){ .arrived = 0 };
	TAILQ_INIT(&all->waiting);
	luaL_setmetatable(L, SIGNALS);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
	return all;
}

static const char *
name_of(int signo)
{
	const char *name = sigabbrev_np(signo);

	return name != NULL ? name : "?";
}

int
lsync_checksignal(lua_State *L, int arg)
{
	const char *text = luaL_checkstring(L, arg), *name = text;

	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int signo = 1; signo < NSIG && signo <= 64; signo++) {
		const char *known = sigabbrev_np(signo);

		if (known != NULL && strcasecmp(name, known) == 0)
			return signo;
	}
	return luaL_argerror(L, arg, lua_pushfstring(L, "no signal: '%s'", text));
}

static int
catch(struct sched *s, struct lsignals *all, int signo)
{
	struct caught *c = all->caught[signo];

	if (c != NULL)
		return 0;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return -1;
	c->all = all;
	c->watch.signo = signo;
	c->watch.caught = arrived;
	if (signal_watch(s, &c->watch) == -1) {
		free(c);
		return -1;
	}
	all->caught[signo] = c;
	return 0;
}

static int
signal_on(lua_State *L, int status, lua_KContext ctx)
{
	static const struct wait wait = { .name = "coop.signal", .leave = leave, .external = true, .lost = lost };
	struct waiting *w = lua_touserdata(L, -1);
	uint64_t here = w->all->arrived & w->wanted;
	int signo;

	(void)status;
	(void)ctx;
	if (here != 0) {
		signo = __builtin_ctzll(here) + 1;
		w->all->arrived &= ~bit(signo);
		lua_pushstring(L, name_of(signo));
		return 1;
	}
	w->task = &co_current(L)->task;
	TAILQ_INSERT_TAIL(&w->all->waiting, w->task, link);
	return co_wait(L, &wait, w, CLOCK_FOREVER, signal_on, 0);
}

/* coop.signal(name ...): waits for the first of them to arrive; its name, without SIG. */
int
lsync_signal(lua_State *L)
{
	struct runtime *rt = runtime_of(L);
	struct lsignals *all = signals_of(L);
	int n = lua_gettop(L);
	struct waiting *w;

	luaL_argcheck(L, n > 0, 1, "which signal?");
	w = lua_newuserdatauv(L, sizeof(*w), 0);
	*w = (struct waiting){ .all = all };
	for (int arg = 1; arg <= n; arg++) {
		int signo = lsync_checksignal(L, arg);

		if (catch(rt->sched, all, signo) == -1)
			return luaL_error(L, "cannot catch %s: %s", lua_tostring(L, arg), strerror(errno));
		w->wanted |= bit(signo);
	}
	return signal_on(L, LUA_OK, 0);
}

bool
runtime_catches(struct runtime *rt, int signo)
{
	struct lsignals *all = NULL;

	if (lua_rawgetp(rt->L, LUA_REGISTRYINDEX, &key) == LUA_TUSERDATA)
		all = lua_touserdata(rt->L, -1);
	lua_pop(rt->L, 1);
	return all != NULL && all->caught[signo] != NULL;
}

void
lsignal_register(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "__gc", forget },
		{ NULL, NULL },
	};

	lua_newtype(L, SIGNALS, methods);
}
