/* corun: runs a Lua script whose coroutines block without blocking each other. See corun(1). */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "workers.h"
#include "loop/signal.h"
#include "lua/runtime.h"
#include "stat/gauge.h"

/* What is to be done before the script, in the order of the command line. */
struct step {
	char what; /* 'e' or 'l' */
	const char *text;
};

struct job {
	struct step *steps;
	int nsteps, at;   /* `at` goes on to nsteps for the script itself */
	char **argv;      /* argv[0..nargs]: the script and its arguments */
	int nargs;        /* -1: there is no script */
	int before;       /* words of the command line before argv[0], corun's name the first */
	bool failed;      /* a chunk could not be loaded */
};

struct settings {
	bool virtual_time, generational, verbose;
	size_t memory;
	int64_t quantum; /* ns; 0: no pre-emption */
	const char *statsd;
	int worker, workers;
};

/* With -v, a coroutine that keeps all others waiting for longer than this is told of. */
#define COMPLAIN (100 * MSEC)

static const struct cli_option options[] = {
	{ 'e', "execute", "CHUNK", "run CHUNK before the script; may be given more than once" },
	{ 'l', "require", "MODULE", "require MODULE into the global of its name" },
	{ 'G', "gc", "inc|gen", "collect garbage incrementally (the default) or by generations" },
	{ 'M', "memory", "BYTES", "bound the Lua heap, e.g. 64M: what would exceed it is an error in the script" },
	{ 'q', "preempt", "MS", "let the others run when a coroutine has run for MS milliseconds without suspending" },
	{ 's', "statsd", "HOST:PORT", "send gauges of the script there once a second; default: COOP_STATSD" },
	{ 't', "virtual-time", NULL, "when nothing can run, the clock jumps to the next timer" },
	{ 'w', "workers", "N", "run the script in N processes that share the ports they listen on" },
	{ 'v', "verbose", NULL, "tell of lines that hold up all others, and at the end a summary" },
	{ 0, NULL, NULL, NULL },
};

static struct cli cli = {
	.prog = "corun",
	.synopsis = "[-htVv] [-e chunk] [-G inc|gen] [-l module] [-M bytes] [-q ms] [-s statsd] [-w workers] "
	    "[script [arg ...]]",
	.about = "runs a Lua script whose coroutines block without blocking each other",
	.options = options,
	.in_order = true,
};

/* --- the first coroutine --- */

/* Pushes what is to be called next, and its arguments: how many; -1: nothing is left, or it could not be loaded. */
static int
load_next(lua_State *L, struct job *job)
{
	int at = job->at++, status, nargs = 0;

	if (at < job->nsteps && job->steps[at].what == 'l') {
		lua_getglobal(L, "require");
		lua_pushstring(L, job->steps[at].text);
		return 1;
	}
	if (at < job->nsteps) {
		status = luaL_loadbuffer(L, job->steps[at].text, strlen(job->steps[at].text), "=(command line)");
	} else if (at == job->nsteps && job->nargs >= 0) {
		status = luaL_loadfile(L, strcmp(job->argv[0], "-") == 0 ? NULL : job->argv[0]);
		nargs = job->nargs;
	} else
		return -1;
	if (status != LUA_OK) {
		/* no traceback: the place is in the message, and nothing runs yet */
		job->failed = true;
		runtime_push_output(runtime_of(L));
		warnx("%s", lua_tostring(L, -1));
		return -1;
	}
	luaL_checkstack(L, nargs, "too many arguments");
	for (int i = 1; i <= nargs; i++)
		lua_pushstring(L, job->argv[i]);
	return nargs;
}

/* The job is alone on the stack, or below the result of what was called last. */
static int
go_on(lua_State *L, int status, lua_KContext ctx)
{
	struct job *job = lua_touserdata(L, 1);
	int n;

	(void)status;
	(void)ctx;
	for (;; lua_callk(L, n, 1, 0, go_on)) {
		if (lua_gettop(L) == 2 && job->at <= job->nsteps && job->steps[job->at - 1].what == 'l')
			lua_setglobal(L, job->steps[job->at - 1].text);
		lua_settop(L, 1);
		if ((n = load_next(L, job)) < 0)
			return 0;
	}
}

static int
first(lua_State *L)
{
	struct job *job = lua_touserdata(L, 1);

	/* as lua(1) has it: the words before the script have negative numbers; without a script corun's name has 0 */
	lua_createtable(L, job->nargs > 0 ? job->nargs : 0, 1);
	for (int i = -job->before; i <= job->nargs; i++) {
		lua_pushstring(L, job->argv[i]);
		lua_rawseti(L, -2, job->nargs < 0 ? i + job->before : i);
	}
	lua_setglobal(L, "arg");
	lua_settop(L, 1);
	return go_on(L, LUA_OK, 0);
}

/* --- the program --- */

static void
read_options(int argc, char **argv, struct job *job, struct settings *set)
{
	int c;

	if ((job->steps = calloc((size_t)argc, sizeof(*job->steps))) == NULL)
		err(1, NULL);
	while ((c = cli_next(&cli, argc, argv)) != -1)
		switch (c) {
		case 'e':
		case 'l':
			job->steps[job->nsteps++] = (struct step){ .what = (char)c, .text = optarg };
			break;
		case 'G':
			if (strcmp(optarg, "inc") != 0 && strcmp(optarg, "gen") != 0)
				cli_usage_error(&cli, "-G %s: it is inc or gen", optarg);
			set->generational = strcmp(optarg, "gen") == 0;
			break;
		case 'M':
			set->memory = cli_bytes(&cli, "-M", optarg, 1024 * 1024, SIZE_MAX);
			break;
		case 'q':
			set->quantum = cli_number(&cli, "-q", optarg, 1, 60000) * MSEC;
			break;
		case 's':
			set->statsd = optarg;
			break;
		case 't':
			set->virtual_time = true;
			break;
		case 'w':
			set->workers = (int)cli_number(&cli, "-w", optarg, 1, WORKERS_MAX);
			break;
		case 'v':
			set->verbose = true;
			break;
		}
	job->before = optind;
	job->argv = argv + optind;
	job->nargs = argc - optind - 1;
	if (job->nargs < 0 && job->nsteps == 0)
		cli_usage_error(&cli, "no script: name one, or - for standard input, or use -e");
}

/* Before the loop waits, whoever reads our output gets it. */
static bool
idle(void *rt, int64_t until)
{
	(void)until;
	(void)cli_flush(&cli);
	return runtime_idle(rt);
}

/* --- signals --- */

struct signals {
	struct signal_watch interrupt, terminate, list;
	struct sched *sched;
	struct runtime *rt;
	int caught; /* the signal that ends the program; 0: none yet */
	int64_t when; /* it came */
};

static struct signals signals;

/* Also with -t, and in a handler. */
static int64_t
real_time(void)
{
	struct clock c = { .is_virtual = false };

	return clock_read(&c);
}

static void
end_by_signal(struct signal_watch *w)
{
	if (runtime_catches(signals.rt, w->signo))
		return;
	signals.caught = w->signo;
	signals.when = real_time();
	sched_stop(signals.sched);
}

static void
list_coroutines(struct signal_watch *w)
{
	if (!runtime_catches(signals.rt, w->signo))
		runtime_list(signals.rt);
}

/*
 * A pipe that nobody reads any more: that of a child is told to the script as an error of its write; our own standard
 * output, which may be a socket as well, ends the program, as it ends any filter, but quietly.
 */
static void
pipe_broken(int signo)
{
	struct pollfd out = { .fd = STDOUT_FILENO };
	int saved = errno;

	(void)signo;
	if (poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)))
		_exit(0);
	errno = saved;
}

static void
catch_signals(struct sched *s, struct runtime *rt)
{
	signals = (struct signals){
		.interrupt = { .signo = SIGINT, .caught = end_by_signal },
		.terminate = { .signo = SIGTERM, .caught = end_by_signal },
		.list = { .signo = SIGUSR1, .caught = list_coroutines },
		.sched = s,
		.rt = rt,
	};
	if (signal_watch(s, &signals.interrupt) == -1 || signal_watch(s, &signals.terminate) == -1 ||
	    signal_watch(s, &signals.list) == -1)
		err(1, "cannot catch signals");
	runtime_interruptible(rt);
}

/* --- the end --- */

static void
summary(const struct sched *s, const struct runtime *rt)
{
	const struct sched_stats *st = &s->stats;
	struct runtime_stats lua;

	warnx("%llu coroutines (%zu at once), %llu switches, %llu turns, %lu errors", (unsigned long long)st->spawned,
	    st->tasks_peak, (unsigned long long)st->switches, (unsigned long long)st->turns, runtime_errors(rt));
	warnx("%llu timers, late by at most: p50 %.3f ms, p99 %.3f ms, max %.3f ms", (unsigned long long)st->timeouts,
	    (double)sched_lateness(s, 50) / MSEC, (double)sched_lateness(s, 99) / MSEC, (double)st->late_max / MSEC);
	runtime_stats(rt, &lua);
	warnx("%.1f KiB of Lua memory at the end, %.1f KiB at most; %llu collections while idle: %.3f ms in all, "
	    "no step over %.3f ms",
	    (double)lua.heap / 1024, (double)lua.heap_peak / 1024, (unsigned long long)lua.cycles,
	    (double)lua.collecting / MSEC, (double)lua.longest_step / MSEC);
	if (lua.complaints > 0)
		warnx("%llu times nobody else ran for more than %d ms", (unsigned long long)lua.complaints,
		    (int)(COMPLAIN / MSEC));
}

static int
status(struct runtime *rt, const struct job *job, enum sched_end end)
{
	int code = 0;

	if (end == SCHED_FAILED)
		err(1, "cannot wait for events");
	if (runtime_exited(rt, &code))
		return code;
	if (signals.caught != 0)
		return 128 + signals.caught;
	if (end == SCHED_DEADLOCK) {
		runtime_drain_output(rt);
		(void)fflush(stdout);
		warnx("deadlock: %zu coroutines wait for what can never come", runtime_count(rt));
		runtime_list(rt);
		return 1;
	}
	return job->failed || runtime_errors(rt) > 0;
}

/* A terminal and the parent of workers send the same signal twice: only a later one is a second. */
static void
end_at_once(int signo)
{
	if (signals.caught == 0 || real_time() - signals.when > SEC / 2)
		_exit(128 + signo);
}

/*
 * What is left to be done may take for ever: what <close> variables do, a reader who is slow to read what was printed.
 * Whoever wants an end can have it.
 */
static void
end_by_choice(struct runtime *rt)
{
	struct sigaction sa = { .sa_handler = end_at_once };

	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	if (signals.caught != 0)
		runtime_patience(rt, SEC);
}

static struct gauge *
start_gauges(struct sched *s, struct runtime *rt, const struct job *job, const struct settings *set)
{
	const char *name = job->nargs >= 0 && strcmp(job->argv[0], "-") != 0 ? job->argv[0] : "corun";
	struct gauge *gauge;
	struct addr to;

	if (!cli_statsd(&cli, set->statsd, &to))
		return NULL;
	if ((gauge = gauge_start(s, &to, name, set->worker, runtime_gauges, rt)) == NULL)
		err(1, "cannot send gauges");
	return gauge;
}

int
main(int argc, char **argv)
{
	struct job job = { .nargs = -1 };
	struct settings set = { .virtual_time = false };
	struct runtime_options options_ = { .name = "corun" };
	struct runtime *rt;
	struct gauge *gauge;
	struct sched s;
	int code;

	cli_descriptors();
	(void)signal(SIGPIPE, pipe_broken);
	cli.version = LUA_RELEASE;
	read_options(argc, argv, &job, &set);
	if (set.workers > 0)
		set.worker = workers_start("corun", set.workers, false);
	if (set.worker > 0)
		options_.name = program_invocation_short_name;
	options_.worker = set.worker;
	options_.workers = set.workers;
	options_.generational = set.generational;
	options_.max_memory = set.memory;
	cli_loop(&cli, &s, set.virtual_time);
	if ((rt = runtime_new(&s, &options_)) == NULL)
		err(1, NULL);
	s.idle = idle;
	s.idle_arg = rt;
	catch_signals(&s, rt);
	if (set.verbose && runtime_complain(rt, COMPLAIN) == -1)
		err(1, "cannot watch the time");
	if (set.quantum > 0 && runtime_preempt(rt, set.quantum) == -1)
		err(1, "cannot pre-empt");
	gauge = start_gauges(&s, rt, &job, &set);
	if (runtime_start(rt, first, &job) == NULL)
		err(1, NULL);
	code = status(rt, &job, sched_run(&s));
	end_by_choice(rt);
	if (set.verbose)
		summary(&s, rt);
	gauge_stop(gauge);
	runtime_free(rt);
	signal_fini();
	sched_fini(&s);
	free(job.steps);
	return cli_flush(&cli) == -1 && code == 0 ? 1 : code;
}
