/*
 * watch.c: a statsd server, and the eyes on a process. One timer ends the buckets in which counters become rates;
 * each so many of them are an interval. Intervals are counted from the start: they do not drift.
 */
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
#include "gcwatch.h"
#include "live.h"
#include "look.h"
#include "loop/child.h"
#include "loop/signal.h"
#include "net/udp.h"
#include "out.h"
#include "stat/proc.h"
#include "stat/series.h"

enum {
	NAMES = 50000,
	RCVBUF = 4 << 20,
	COMPLAINTS = 10,      /* about bad lines, in an interval */
	LATE_DATAGRAMS = 1 << 20, /* read at the end, at most */
	SIGNALS = 4,
};

struct watcher;

struct caught {
	struct signal_watch watch;
	struct watcher *w;
};

struct watcher {
	const struct settings *set;
	struct sched sched;
	struct udp *udp;             /* NULL: nothing is listened to */
	struct series_table series;
	struct out *out;
	struct live *live;           /* NULL: no graph */
	struct caught signals[SIGNALS];
	struct child child;
	bool has_child;              /* was started; it has ended when its pid is -1 */

	struct look look;            /* at a process */

	struct timer bucket;
	int64_t bucket_due, bucket_length;
	int64_t buckets, left;       /* in an interval; until it ends */
	int64_t flushed;             /* intervals */

	uint64_t datagrams, lines, bad, bad_before;
	uint32_t dropped;
	int status;                  /* to exit with */
};

static void
stop(struct watcher *w)
{
	sched_stop(&w->sched);
}

/* --- what comes in --- */

static void
complain(struct watcher *w, const struct addr *from, struct slice line, const char *why)
{
	char peer[ADDR_STRLEN] = "";

	w->bad++;
	if (w->bad - w->bad_before > COMPLAINTS)
		return;
	if (from != NULL && from->len > 0)
		addr_format(from, peer, sizeof(peer));
	log_info("%s%s%s: %.*s", peer, peer[0] != '\0' ? ": " : "", why, line.n < 100 ? (int)line.n : 100, line.p);
}

static void
add_sample(struct watcher *w, const struct addr *from, const struct statsd_sample *s)
{
	w->lines++;
	if (!wanted(w->set, s->name) || series_add(&w->series, s) == 0)
		return;
	if (errno == EINVAL)
		complain(w, from, s->name, "known with another type");
	else if (errno == ENOMEM)
		log_warn("no memory for %.*s", SLICE_FMT(s->name));
}

static void
take(struct watcher *w, struct slice data, const struct addr *from)
{
	struct statsd_sample s;
	struct fault f;
	int r;

	w->datagrams++;
	for (struct slice rest = data;;) {
		const char *line = rest.p;

		if ((r = statsd_next(&rest, &s, &f)) == 0)
			return;
		if (r == 1)
			add_sample(w, from, &s);
		else
			complain(w, from, slice_trim(slice_make(line, (size_t)(rest.p - line))), f.why);
	}
}

static void
got(struct udp *u, struct slice data, const struct addr *from)
{
	take(udp_user(u), data, from);
}

/* What has arrived before the end belongs to the last interval. */
static void
take_the_rest(struct watcher *w)
{
	static char data[UDP_MAX];
	ssize_t n;

	for (int i = 0; w->udp != NULL && i < LATE_DATAGRAMS; i++) {
		if ((n = recv(udp_fd(w->udp), data, sizeof(data), MSG_DONTWAIT)) == -1)
			return;
		take(w, slice_make(data, (size_t)n), NULL);
	}
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

	out_line(flush->w->out, &r);
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

/* What was lost is worth a line in every interval in which it was. */
static void
tell_losses(struct watcher *w, uint64_t refused)
{
	uint32_t dropped = w->udp != NULL ? udp_dropped(w->udp) : 0;

	if (dropped != w->dropped)
		log_warn("%u datagrams were dropped by the system: they came faster than they could be read",
		    dropped - w->dropped);
	w->dropped = dropped;
	if (refused > 0)
		log_warn("%llu samples were left out: there is room for %d names and %d members of sets",
		    (unsigned long long)refused, NAMES, SERIES_MEMBERS_MAX);
	if (w->bad - w->bad_before > COMPLAINTS)
		log_info("%llu more bad lines", (unsigned long long)(w->bad - w->bad_before - COMPLAINTS));
	w->bad_before = w->bad;
}

static void
flush(struct watcher *w)
{
	struct flush flush = { .w = w, .at = clock_wall(&w->sched.clock) / MSEC };
	uint64_t refused = w->series.refused;

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
	tell_losses(w, refused);
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
end_bucket(struct timer *t)
{
	struct watcher *w = (struct watcher *)(void *)((char *)t - offsetof(struct watcher, bucket));

	series_tick(&w->series, (double)w->bucket_length / (double)SEC);
	if (--w->left == 0) {
		w->left = w->buckets;
		flush(w);
		if (w->flushed == w->set->flushes) {
			end_by(w, SIGTERM);
			if (!w->has_child)
				return;
		}
	}
	w->bucket_due += w->bucket_length;
	/* the whole process was stopped: what it slept through is one interval, not hundreds at once */
	if (w->bucket_due + w->bucket_length < w->sched.clock.now)
		w->bucket_due = w->sched.clock.now + w->bucket_length;
	timer_arm(&w->sched.wheel, &w->bucket, w->bucket_due);
}

/*
 * Buckets of a second, or a little less when they must fit into the interval. The first ends so that no interval ends
 * at the edge of a second: two would have the same second in their lines now and then.
 */
static void
start_intervals(struct watcher *w)
{
	int64_t now = clock_read(&w->sched.clock), in_second = clock_wall(&w->sched.clock) % SEC;

	w->buckets = w->left = (w->set->interval + SEC - 1) / SEC;
	w->bucket_length = w->set->interval / w->buckets;
	w->bucket_due = now + w->bucket_length + (in_second > 950 * MSEC ? 100 * MSEC : 0);
	timer_init(&w->bucket, end_bucket, true);
	timer_arm(&w->sched.wheel, &w->bucket, w->bucket_due);
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

/* Without -l: the usual port, but any free one for a command, which is told, so that two can be watched. */
static int
open_socket(struct watcher *w, char text[ADDR_STRLEN])
{
	struct udp_options options = { .rcvbuf = RCVBUF };
	struct addr a = w->set->listen;

	if (!w->set->listens && w->set->pid != 0)
		return 0;
	if (!w->set->listens)
		(void)addr_literal(SLICE("127.0.0.1"), w->set->command != NULL ? 0 : 8125, &a);
	addr_format(&a, text, ADDR_STRLEN);
	if ((w->udp = udp_open(&w->sched, &a, AF_UNSPEC, &options, got, w)) == NULL || udp_read(w->udp, true) != 0 ||
	    udp_localaddr(w->udp, &a) != 0) {
		warn("%s", text);
		return -1;
	}
	reachable(&a);
	addr_format(&a, text, ADDR_STRLEN);
	return 0;
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
	if (w->set->graph && (w->live = live_new(live_style())) == NULL) {
		warn(NULL);
		return -1;
	}
	return 0;
}

static int
start(struct watcher *w, char *title, size_t size)
{
	char statsd[ADDR_STRLEN] = "";

	if (open_socket(w, statsd) != 0)
		return -1;
	make_title(w->set, statsd, title, size);
	if (open_outputs(w, title) != 0)
		return -1;
	if (watch_signals(w) != 0) {
		warn(NULL);
		return -1;
	}
	if (w->udp != NULL)
		log_info("listening at %s", statsd);
	if (w->live != NULL)
		draw(w, false);
	start_intervals(w);
	return start_looking(w, statsd);
}

/* --- the end --- */

static void
last_flush(struct watcher *w)
{
	take_the_rest(w);
	if (w->left < w->buckets || w->flushed != w->set->flushes || w->set->flushes == 0) {
		series_tick(&w->series, (double)w->bucket_length / (double)SEC);
		flush(w);
	}
}

static void
sum_up(const struct watcher *w)
{
	log_info("%llu datagrams, %llu lines, %llu of them bad, %u datagrams dropped, %zu metrics",
	    (unsigned long long)w->datagrams, (unsigned long long)(w->lines + w->bad), (unsigned long long)w->bad, w->dropped,
	    w->series.n);
}

static void
finish(struct watcher *w)
{
	timer_stop(&w->sched.wheel, &w->bucket);
	look_stop(&w->look);
	child_forget(&w->child);
	signal_fini();
	udp_close(w->udp);
	if (w->out != NULL && out_close(w->out) != 0 && w->status == 0)
		w->status = 1;
	live_free(w->live);
	series_fini(&w->series);
	sched_fini(&w->sched);
}

int
watch(const struct settings *set)
{
	struct watcher w = { .set = set };
	char title[256];

	cli_loop(set->cli, &w.sched, false);
	series_init(&w.series, NAMES);
	if (start(&w, title, sizeof(title)) == 0) {
		sched_hold(&w.sched);
		if (sched_run(&w.sched) == SCHED_FAILED)
			err(1, "cannot wait for events");
		last_flush(&w);
		sum_up(&w);
	} else if (w.status == 0) {
		w.status = 1;
	}
	finish(&w);
	return w.status;
}
