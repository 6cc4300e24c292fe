/* corun: runs a Lua script whose coroutines block without blocking each other. See corun(1). */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cli.h"
#include "lua/runtime.h"

/* What is to be done before the script, in the order of the command line. */
struct step {
	char what; /* 'e' or 'l' */
	const char *text;
	STAILQ_ENTRY(step) entry;
};

struct job {
	STAILQ_HEAD(, step) steps;
	char **argv;      /* argv[0..nargs]: the script and its arguments */
	int nargs;        /* -1: there is no script */
	const char *self; /* how corun was called */
	bool failed;      /* a chunk could not be loaded */
};

struct settings {
	bool virtual_time, generational, verbose;
	const char *statsd;
};

static const struct cli_option options[] = {
	{ 'e', "execute", "CHUNK", "run CHUNK before the script; may be given more than once" },
	{ 'l', "require", "MODULE", "require MODULE into the global of its name" },
	{ 'G', "gc", "inc|gen", "collect garbage incrementally (the default) or by generations" },
	{ 't', "virtual-time", NULL, "when nothing can run, the clock jumps to the next timer" },
	{ 'v', "verbose", NULL, "at the end, a summary on stderr" },
	{ 0, NULL, NULL, NULL },
};

static struct cli cli = {
	.prog = "corun",
	.synopsis = "[-htVv] [-e chunk] [-G inc|gen] [-l module] [script [arg ...]]",
	.about = "runs a Lua script whose coroutines block without blocking each other",
	.options = options,
	.in_order = true,
};

/* --- the first coroutine --- */

static int run_next(lua_State *, int, lua_KContext);

/* Loads what comes next: LUA_OK and a function on the stack, or an error message on it; -1: nothing is left. */
static int
load_next(lua_State *L, struct job *job)
{
	struct step *step = STAILQ_FIRST(&job->steps);

	if (step != NULL) {
		STAILQ_REMOVE_HEAD(&job->steps, entry);
		if (step->what == 'e')
			return luaL_loadbuffer(L, step->text, strlen(step->text), "=(command line)");
		lua_getglobal(L, "require");
		return LUA_OK;
	}
	if (job->nargs < 0)
		return -1;
	return luaL_loadfile(L, strcmp(job->argv[0], "-") == 0 ? NULL : job->argv[0]);
}

static int
script_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 0;
}

static int
push_args(lua_State *L, const struct job *job)
{
	luaL_checkstack(L, job->nargs, "too many arguments");
	for (int i = 1; i <= job->nargs; i++)
		lua_pushstring(L, job->argv[i]);
	return job->nargs;
}

static int
call_next(lua_State *L, struct job *job)
{
	struct step *step = STAILQ_FIRST(&job->steps);
	int status = load_next(L, job), nargs = 0;

	if (status == -1)
		return 0;
	if (status != LUA_OK) {
		/* no traceback: the place is in the message, and nothing runs yet */
		job->failed = true;
		(void)fflush(stdout);
		warnx("%s", lua_tostring(L, -1));
		return 0;
	}
	if (step == NULL) {
		nargs = push_args(L, job);
		job->nargs = -1;
		lua_callk(L, nargs, 0, 0, script_done);
		return 0;
	}
	if (step->what == 'l') {
		lua_pushstring(L, step->text);
		nargs = 1;
	}
	lua_callk(L, nargs, 1, (lua_KContext)step, run_next);
	return run_next(L, LUA_OK, (lua_KContext)step);
}

static int
run_next(lua_State *L, int status, lua_KContext ctx)
{
	struct step *done = (struct step *)ctx;

	(void)status;
	if (done->what == 'l')
		lua_setglobal(L, done->text);
	lua_settop(L, 1);
	return call_next(L, lua_touserdata(L, 1));
}

static int
first(lua_State *L)
{
	struct job *job = lua_touserdata(L, 1);

	lua_createtable(L, job->nargs > 0 ? job->nargs : 0, 1);
	for (int i = 0; i <= job->nargs; i++) {
		lua_pushstring(L, job->argv[i]);
		lua_rawseti(L, -2, i);
	}
	lua_pushstring(L, job->self);
	lua_rawseti(L, -2, job->nargs < 0 ? 0 : -1);
	lua_setglobal(L, "arg");
	return call_next(L, job);
}

/* --- the program --- */

static void
add_step(struct job *job, char what, const char *text)
{
	struct step *step = malloc(sizeof(*step));

	if (step == NULL)
		err(1, NULL);
	*step = (struct step){ .what = what, .text = text };
	STAILQ_INSERT_TAIL(&job->steps, step, entry);
}

static void
read_options(int argc, char **argv, struct job *job, struct settings *set)
{
	int c;

	while ((c = cli_next(&cli, argc, argv)) != -1)
		switch (c) {
		case 'e':
		case 'l':
			add_step(job, (char)c, optarg);
			break;
		case 'G':
			if (strcmp(optarg, "inc") != 0 && strcmp(optarg, "gen") != 0)
				cli_usage_error(&cli, "-G %s: it is inc or gen", optarg);
			set->generational = strcmp(optarg, "gen") == 0;
			break;
		case 't':
			set->virtual_time = true;
			break;
		case 'v':
			set->verbose = true;
			break;
		}
	job->self = argv[0];
	job->argv = argv + optind;
	job->nargs = argc - optind - 1;
	if (job->nargs < 0 && STAILQ_EMPTY(&job->steps))
		cli_usage_error(&cli, "no script: name one, or - for standard input, or use -e");
}

/* Before the loop waits, whoever reads our output gets it. */
static bool
flush_output(void *arg, int64_t until)
{
	(void)arg;
	(void)until;
	(void)fflush(stdout);
	return false;
}

static void
summary(const struct sched *s, const struct runtime *rt)
{
	const struct sched_stats *st = &s->stats;

	warnx("%llu coroutines (%zu at once), %llu switches, %llu turns, %lu errors", (unsigned long long)st->spawned,
	    st->tasks_peak, (unsigned long long)st->switches, (unsigned long long)st->turns, runtime_errors(rt));
	warnx("%llu timers, late by at most: p50 %.3f ms, p99 %.3f ms, max %.3f ms", (unsigned long long)st->timeouts,
	    (double)sched_lateness(s, 50) / MSEC, (double)sched_lateness(s, 99) / MSEC, (double)st->late_max / MSEC);
	warnx("%.1f KiB of Lua memory at the end", (double)lua_gc(runtime_lua((struct runtime *)rt), LUA_GCCOUNT, 0));
}

static int
finish(struct sched *s, struct runtime *rt, const struct job *job, enum sched_end end)
{
	int code = 0;

	if (end == SCHED_FAILED)
		err(1, "cannot wait for events");
	if (runtime_exited(rt, &code))
		return code;
	if (end == SCHED_DEADLOCK) {
		(void)fflush(stdout);
		warnx("deadlock: %zu coroutines wait for what can never come", runtime_count(rt));
		runtime_list(rt);
		return 1;
	}
	(void)s;
	return job->failed || runtime_errors(rt) > 0;
}

int
main(int argc, char **argv)
{
	struct job job = { .nargs = -1 };
	struct settings set = { .virtual_time = false };
	struct runtime_options ro = { .name = "corun" };
	struct runtime *rt;
	struct sched s;
	enum sched_end end;
	int code;

	(void)signal(SIGPIPE, SIG_IGN);
	STAILQ_INIT(&job.steps);
	cli.version = LUA_RELEASE;
	read_options(argc, argv, &job, &set);
	ro.generational = set.generational;
	if (sched_init(&s, NULL, set.virtual_time) == -1 || (rt = runtime_new(&s, &ro)) == NULL)
		err(1, NULL);
	s.idle = flush_output;
	if (runtime_start(rt, first, &job) == NULL)
		err(1, NULL);
	end = sched_run(&s);
	code = finish(&s, rt, &job, end);
	if (set.verbose)
		summary(&s, rt);
	runtime_free(rt);
	sched_fini(&s);
	return cli_flush(&cli) == -1 && code == 0 ? 1 : code;
}
