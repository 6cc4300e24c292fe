/* watch.c: what gcwatch does while it watches: datagrams, the eyes on a process, intervals, signals. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "beat.h"
#include "gcwatch.h"
#include "graphite.h"
#include "intake.h"
#include "live.h"
#include "look.h"
#include "loop/child.h"
#include "loop/signal.h"
#include "out.h"
#include "serve.h"
#include "stat/proc.h"

enum { SIGNALS = 4 };

struct watcher;

struct caught {
	struct signal_watch watch;
	struct watcher *w;
};

struct watcher {
	const struct settings *set;
	struct sched sched;
	struct series_table series;
	struct intake intake;
	struct beat beat;
	struct serve serve;
	struct graphite graphite;
	struct out *out;
	struct live *live;           /* NULL: no graph */
	struct caught signals[SIGNALS];
	struct child child;
	bool has_child;              /* was started; it has ended when its pid is -1 */
	struct look look;            /* at a process */
	int64_t flushed;             /* intervals */
	int status;                  /* to exit with */
};

static void
stop(struct watcher *w)
{
	sched_stop(&w->sched);
}

static void
heard(struct intake *in)
{
	struct watcher *w = (struct watcher *)(void *)((char *)in - offsetof(struct watcher, intake));

	beat_stir(&w->beat);
}

/* --- the process --- */

static void
process_gone(struct look *l)
{
	struct watcher *w = (struct watcher *)(void *)((char *)l - offsetof(struct watcher, look));

	/* a command's end is told by its parent, us */
	if (w->has_child)
		return;
	log_info("process %d has ended", (int)l->pid);
	stop(w);
}

static void
child_ended(struct child *c)
{
	struct watcher *w = (struct watcher *)(void *)((char *)c - offsetof(struct watcher, child));

	look_last(&w->look);
	w->status = child_exit_status(c->status);
	stop(w);
}

/* --- intervals --- */

struct flush {
	struct watcher *w;
	int64_t at;
};

static void
put_line(void *arg, const struct series *s, const struct figures *f)
{
	const struct flush *flush = arg;
	struct record r = { .at = flush->at, .name = s->name, .f = *f };

	out_line(flush->w->out, &r, s);
	graphite_put(&flush->w->graphite, flush->at / 1000, s, f);
	if (flush->w->live != NULL && live_line(flush->w->live, &r) != 0)
		log_warn("no memory to draw %.*s", SLICE_FMT(s->name));
}

static void
draw(struct watcher *w, bool afresh)
{
	struct winsize size;
	struct buf b;

	buf_init(&b, 0);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	live_draw(w->live, &b, size.ws_row, size.ws_col, afresh);
	(void)fwrite(b.p, 1, b.n, stdout);
	(void)fflush(stdout);
	buf_fini(&b);
}

static void
flush(struct watcher *w)
{
	struct flush flush = { .w = w, .at = clock_wall(&w->sched.clock) / MSEC };
	uint64_t refused = w->series.refused;

	look_flush(&w->look);
	if (w->live != NULL)
		live_begin(w->live);
	series_flush(&w->series, put_line, &flush);
	w->flushed++;
	if (w->live != NULL)
		draw(w, false);
	switch (out_flush(w->out)) {
	case 0:
		break;
	case 1:
		stop(w);
		break;
	default:
		if (w->status == 0)
			w->status = 1;
	}
	intake_tell(&w->intake, refused);
	graphite_flush(&w->graphite);
}

static void
end_by(struct watcher *w, int signo)
{
	if (w->has_child && w->child.pid > 0)
		(void)kill(w->child.pid, signo);
	else
		stop(w);
}

static void
interval_ends(struct beat *b)
{
	struct watcher *w = (struct watcher *)(void *)((char *)b - offsetof(struct watcher, beat));

	flush(w);
	if (w->flushed == w->set->flushes)
		end_by(w, SIGTERM);
}

/* --- signals --- */

/* Whether a key made this signal: then the whole foreground job has got it. */
static bool
from_terminal(int signo)
{
	int fd = signo == SIGINT ? open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
	bool ours = fd != -1 && tcgetpgrp(fd) == getpgrp();

	if (fd != -1)
		(void)close(fd);
	return ours;
}

static void
caught(struct signal_watch *s)
{
	struct watcher *w = ((struct caught *)s)->w;

	if (s->signo == SIGWINCH) {
		if (w->live != NULL)
			draw(w, true);
		return;
	}
	if (!w->has_child || !from_terminal(s->signo))
		end_by(w, s->signo);
}

static int
watch_signals(struct watcher *w)
{
	static const int signals[SIGNALS] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };

	for (size_t i = 0; i < SIGNALS; i++) {
		struct sigaction sa;

		/* nohup(1); a shell's & ignores SIGINT as well, but who sends us one means it */
		if (signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			continue;
		w->signals[i] = (struct caught){ .watch = { .signo = signals[i], .caught = caught }, .w = w };
		if (signal_watch(&w->sched, &w->signals[i].watch) != 0)
			return -1;
	}
	return 0;
}

/* --- the start --- */

/* Where a program on this machine reaches what is bound there. */
static void
reachable(struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET && a->u.in.sin_addr.s_addr == htonl(INADDR_ANY))
		a->u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr))
		a->u.in6.sin6_addr = in6addr_loopback;
}

static int
listen_at(struct watcher *w, const struct addr *at, char text[ADDR_STRLEN])
{
	struct addr bound;

	addr_format(at, text, ADDR_STRLEN);
	if (intake_open(&w->intake, at, &bound) != 0) {
		warn("%s", text);
		return -1;
	}
	reachable(&bound);
	addr_format(&bound, text, ADDR_STRLEN);
	return 0;
}

/*
 * Without -l: the usual port, but any free one for a command, which is told, so that two can be watched. `text` gets
 * the first address.
 */
static int
open_sockets(struct watcher *w, char text[ADDR_STRLEN])
{
	struct addr usual;
	char other[ADDR_STRLEN];

	if (w->set->nlisten == 0 && w->set->pid != 0)
		return 0;
	(void)addr_literal(SLICE("127.0.0.1"), w->set->command != NULL ? 0 : 8125, &usual);
	if (listen_at(w, w->set->nlisten > 0 ? &w->set->listen[0] : &usual, text) != 0)
		return -1;
	for (size_t i = 1; i < w->set->nlisten; i++)
		if (listen_at(w, &w->set->listen[i], other) != 0)
			return -1;
	return 0;
}

/* Where -l is, as far as TCP can be there. */
static int
open_server(struct watcher *w)
{
	struct addr at = w->set->http, bound;
	char text[ADDR_STRLEN];

	for (size_t i = 0; at.len == 0 && i < w->intake.n; i++)
		if (udp_localaddr(w->intake.inlets[i].udp, &at) != 0 || at.u.sa.sa_family == AF_UNIX)
			at.len = 0;
	if (at.len == 0)
		(void)addr_literal(SLICE("127.0.0.1"), 8125, &at);
	if (serve_open(&w->serve, &w->intake, &at, &bound) != 0) {
		addr_format(&at, text, sizeof(text));
		warn("%s", text);
		return -1;
	}
	addr_format(&bound, text, sizeof(text));
	log_info("metrics are at http://%s/metrics", text);
	return 0;
}

/* Once all is in place: who waits for it may send now. */
static void
tell_addresses(const struct watcher *w)
{
	char text[ADDR_STRLEN];
	struct addr a;

	for (size_t i = 0; i < w->intake.n; i++)
		if (udp_localaddr(w->intake.inlets[i].udp, &a) == 0) {
			addr_format(&a, text, sizeof(text));
			log_info("listening at %s", text);
		}
}

static int
start_command(struct watcher *w, const char *statsd)
{
	static const int ours[3] = { -1, -1, -1 };
	char **argv = w->set->command;

	w->child.ended = child_ended;
	if (setenv("COOP_STATSD", statsd, 1) != 0 || child_start(&w->sched, &w->child, argv, ours, NULL) != 0) {
		w->status = errno == ENOENT ? 127 : 126;
		warn("%s", argv[0]);
		return -1;
	}
	w->has_child = true;
	w->look.pid = w->child.pid;
	look_start_new(&w->look);
	return 0;
}

static int
attach(struct watcher *w)
{
	struct proc_tree tree;

	if (proc_tree(w->set->pid, &tree) != 0) {
		warn("process %d", (int)w->set->pid);
		return -1;
	}
	w->look.pid = w->set->pid;
	look_start(&w->look);
	return 0;
}

static int
start_looking(struct watcher *w, const char *statsd)
{
	w->look.set = w->set;
	w->look.sched = &w->sched;
	w->look.series = &w->series;
	w->look.gone = process_gone;
	if (w->set->command != NULL)
		return start_command(w, statsd);
	return w->set->pid != 0 ? attach(w) : 0;
}

/* "corun load.lua 10"; what is too long is cut. */
static void
make_title(const struct settings *set, const char *statsd, char *to, size_t size)
{
	if (set->pid != 0)
		(void)snprintf(to, size, "process %d", (int)set->pid);
	else
		(void)snprintf(to, size, "%s", set->command != NULL ? "" : statsd);
	for (char **arg = set->command; arg != NULL && *arg != NULL; arg++) {
		(void)strlcat(to, *arg, size);
		if (arg[1] != NULL)
			(void)strlcat(to, " ", size);
	}
}

static int
open_outputs(struct watcher *w, const char *title)
{
	FILE *log = w->set->graph ? NULL : w->set->command != NULL ? stderr : stdout;

	if ((w->out = out_open(w->set, log, title)) == NULL)
		return -1;
	if (w->set->graph && (w->live = live_new(live_style(), w->set->interval)) == NULL) {
		warn(NULL);
		return -1;
	}
	return 0;
}

static int
start(struct watcher *w, char *title, size_t size)
{
	char statsd[ADDR_STRLEN] = "";

	if (open_sockets(w, statsd) != 0 || (w->set->serves && open_server(w) != 0))
		return -1;
	make_title(w->set, statsd, title, size);
	if (open_outputs(w, title) != 0)
		return -1;
	if (watch_signals(w) != 0 || graphite_open(&w->graphite, &w->sched, w->set) != 0) {
		warn(NULL);
		return -1;
	}
	tell_addresses(w);
	if (w->live != NULL)
		draw(w, false);
	beat_start(&w->beat);
	return start_looking(w, statsd);
}

/* --- the end --- */

/* What has arrived before the end belongs to the last interval. */
static void
last_flush(struct watcher *w)
{
	intake_drain(&w->intake);
	if (w->set->flushes > 0 && w->flushed == w->set->flushes && !w->has_child)
		return;
	beat_last(&w->beat);
	flush(w);
}

static void
sum_up(const struct watcher *w)
{
	const struct intake *in = &w->intake;

	log_info("%llu datagrams, %llu lines, %llu of them bad, %llu datagrams dropped, %zu metrics",
	    (unsigned long long)in->datagrams, (unsigned long long)(in->lines + in->bad), (unsigned long long)in->bad,
	    (unsigned long long)in->dropped, w->series.n);
}

static void
finish(struct watcher *w)
{
	beat_stop(&w->beat);
	look_stop(&w->look);
	child_forget(&w->child);
	signal_fini();
	serve_close(&w->serve);
	graphite_close(&w->graphite);
	intake_close(&w->intake);
	if (w->out != NULL && out_close(w->out) != 0 && w->status == 0)
		w->status = 1;
	live_free(w->live);
	series_fini(&w->series);
	sched_fini(&w->sched);
}

static void
prepare(struct watcher *w)
{
	cli_loop(w->set->cli, &w->sched, false);
	series_init(&w->series, w->set->names);
	w->series.idle = w->set->idle;
	w->series.repeat = w->set->repeat;
	w->series.percentiles = w->set->serves || w->set->sends || out_wants_percentiles(w->set);
	w->intake = (struct intake){ .set = w->set, .sched = &w->sched, .series = &w->series, .heard = heard };
	w->beat = (struct beat){ .sched = &w->sched, .series = &w->series, .interval = w->set->interval,
		.interval_ends = interval_ends };
}

int
watch(const struct settings *set)
{
	struct watcher w = { .set = set };
	char title[256];

	prepare(&w);
	if (start(&w, title, sizeof(title)) == 0) {
		sched_hold(&w.sched);
		if (sched_run(&w.sched) == SCHED_FAILED)
			err(1, "cannot wait for events");
		beat_stop(&w.beat);
		last_flush(&w);
		look_stop(&w.look);
		graphite_part(&w.graphite);
		sum_up(&w);
	} else if (w.status == 0) {
		w.status = 1;
	}
	finish(&w);
	return w.status;
}
