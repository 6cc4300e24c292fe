/* sipd: a SIP server that starts a coroutine for every request. See sipd(8). */
#include "sipd.h"
#include "workers.h"

#include <err.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "loop/signal.h"
#include "lua/ldns.h"

/* What is in work at SIGTERM has this long to end, looked at every TICK. */
#define GRACE (5 * SEC)
#define TICK (10 * MSEC)
#define TWICE (100 * MSEC)

/* A request that computes for longer than this lets the others go on meanwhile. */
#define QUANTUM (10 * MSEC)

extern const struct cli_option sipd_options[];

static struct cli cli = {
	.prog = "sipd",
	.synopsis = "[-hnVv] [-@ dns] [-d dir] [-l addr] [-s statsd] [-u user] [-w workers] [--syslog] [script]",
	.about = "a SIP server with a coroutine for each request",
	.version = LUA_RELEASE,
	.options = sipd_options,
};

/* --- the end --- */

static struct ending {
	struct signal_watch interrupt, terminate, hangup;
	struct timer timer;
	struct sipd *d;
	int64_t latest; /* 0: nobody has asked for the end yet */
} ending;

static void
look_whether_all_is_done(struct timer *t)
{
	struct sipd *d = ending.d;
	size_t pending = d->server.layer.stats.pending;

	if (pending > 0 && d->sched.clock.now < ending.latest) {
		timer_arm(&d->sched.wheel, t, d->sched.clock.now + TICK);
		return;
	}
	if (pending > 0)
		log_warn("%zu requests are still in work after %d s", pending, (int)(GRACE / SEC));
	sched_stop(&d->sched);
}

/* A second signal does not wait for what is in work. */
static void
end_by_signal(struct signal_watch *w)
{
	struct sipd *d = ending.d;

	/* one that was sent to all workers, and to the first process that passes it on, is one */
	if (ending.latest != 0 && d->sched.clock.now < ending.latest - GRACE + TWICE)
		return;
	if (ending.latest != 0) {
		sched_stop(&d->sched);
		return;
	}
	log_info("ending: %s", w->signo == SIGINT ? "interrupted" : "terminated");
	ending.latest = d->sched.clock.now + GRACE;
	for (int i = 0; i < d->ntransports; i++)
		siptransport_pause(d->transports[i]);
	lsip_server_pause(&d->server);
	look_whether_all_is_done(&ending.timer);
}

static void
reload(struct signal_watch *w)
{
	struct sipd *d = ending.d;

	(void)w;
	if (d->set->script == NULL || strcmp(d->set->script, "-") == 0)
		log_info("there is no script to be read again");
	else if (runtime_start(d->rt, script_reload, d) == NULL)
		log_error("no memory to read the script again");
}

static void
catch_signals(struct sipd *d)
{
	ending = (struct ending){
		.interrupt = { .signo = SIGINT, .caught = end_by_signal },
		.terminate = { .signo = SIGTERM, .caught = end_by_signal },
		.hangup = { .signo = SIGHUP, .caught = reload },
		.d = d,
	};
	timer_init(&ending.timer, look_whether_all_is_done, false);
	if (signal_watch(&d->sched, &ending.interrupt) == -1 || signal_watch(&d->sched, &ending.terminate) == -1 ||
	    signal_watch(&d->sched, &ending.hangup) == -1)
		err(1, "cannot catch signals");
	runtime_interruptible(d->rt);
}

/* --- the start --- */

static void
become(const char *user, bool check)
{
	struct passwd *pw = getpwnam(user);

	if (pw == NULL)
		cli_usage_error(&cli, "-u %s: no such user", user);
	if (setgroups(1, &pw->pw_gid) == -1 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		err(check ? 2 : 1, "cannot become %s", user);
}

static bool
idle(void *arg, int64_t until)
{
	struct sipd *d = arg;

	(void)until;
	return runtime_idle(d->rt);
}

static void
log_line(void *arg, const char *text)
{
	(void)arg;
	lsip_log_error("", text);
}

static struct gauge *
start_gauges(struct sipd *d)
{
	struct gauge *gauge;
	struct addr to;

	if (!cli_statsd(&cli, d->set->statsd, &to) || d->set->check)
		return NULL;
	if ((gauge = gauge_start(&d->sched, &to, "sipd", d->set->worker, gauges_put, d)) == NULL)
		err(1, "cannot send gauges");
	return gauge;
}

static void
open_runtime(struct sipd *d)
{
	struct runtime_options options = { .name = "sipd", .worker = d->set->worker, .workers = d->set->workers };

	cli_loop(&cli, &d->sched, false);
	if ((d->rt = runtime_new(&d->sched, &options)) == NULL)
		err(1, NULL);
	d->sched.idle = idle;
	d->sched.idle_arg = d;
	runtime_on_error(d->rt, log_line, NULL);
	if (runtime_preempt(d->rt, QUANTUM) == -1)
		err(1, "cannot pre-empt");
	lsip_server_init(&d->server, d->rt, SIPD_MAX_REQUESTS);
	d->server.verbose = d->set->verbose;
	if (d->set->dns.nservers > 0 && ldns_set_servers(runtime_lua(d->rt), &d->set->dns) == -1)
		err(1, "cannot ask name servers");
}

static int
serve(struct sipd *d)
{
	struct gauge *gauge = start_gauges(d);
	enum sched_end end;
	int code;

	sched_hold(&d->sched);
	if (runtime_start(d->rt, script_start, d) == NULL)
		err(1, NULL);
	end = sched_run(&d->sched);
	if (end == SCHED_FAILED)
		log_error("cannot wait for events");
	gauge_stop(gauge);
	if (d->failed || end == SCHED_FAILED)
		return d->set->check ? 2 : 1;
	return runtime_exited(d->rt, &code) ? code : 0;
}

/* Each connection takes a descriptor: all that the system allows may be used. */
static void
raise_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

int
main(int argc, char **argv)
{
	static struct sipd d;
	struct settings set;
	int code;

	cli_descriptors();
	(void)signal(SIGPIPE, SIG_IGN);
	settings_read(&set, &cli, argc, argv);
	if (set.workers > 0 && !set.check)
		set.worker = workers_start("sipd", set.workers, true);
	log_init(set.worker > 0 ? program_invocation_short_name : "sipd", set.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	/* who checks a script wants to see what is wrong with it */
	if (set.syslog && !set.check)
		log_to_syslog();
	if (set.directory != NULL && chdir(set.directory) == -1)
		err(set.check ? 2 : 1, "-d %s", set.directory);
	if (set.user != NULL)
		become(set.user, set.check);
	raise_descriptors();
	d.set = &set;
	open_runtime(&d);
	catch_signals(&d);
	code = serve(&d);
	/*
	 * coroutines that still work on requests answer these with 500 as they are closed: while there is something
	 * to send it with
	 */
	runtime_free(d.rt);
	lsip_server_fini(&d.server);
	timer_stop(&d.sched.wheel, &ending.timer);
	for (int i = 0; i < d.ntransports; i++)
		siptransport_close(d.transports[i]);
	tls_free(d.tls);
	signal_fini();
	sched_fini(&d.sched);
	return code;
}
