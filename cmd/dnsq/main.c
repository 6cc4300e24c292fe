/* dnsq: many DNS questions at once, for pipes. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "dnsq.h"
#include "stat/gauge.h"
#include "workers.h"

enum {
	ORDER_AHEAD = 4,       /* with -o: answers kept back, in multiples of the questions in flight */
	BURST_MS = 10,         /* with -r: what may be made up for at once */
};

struct dnsq {
	struct sched sched;
	struct options options;
	struct resolver *resolver;
	struct input *input;
	struct output *output;
	struct gauge *gauges;
	struct hosts *hosts;       /* with --locate */
	struct patterns patterns;  /* with -e */
	struct job *jobs;          /* all there are */
	struct job *free_jobs;
	struct job *first, **last; /* with -o: in the order of the input */
	struct timer pause;        /* with -r */
	int64_t paced_from;        /* when the rate's count began */
	uint64_t paced;            /* asked since */
	size_t kept;               /* with -o: finished, or in flight */
	unsigned inflight;
	bool ended, pumping;
	uint64_t asked, status[DNS_STATUSES];
	int64_t began;
	struct progress progress;
};

static void pump(struct dnsq *);

/* --- jobs --- */

static struct job *
take_job(struct dnsq *d)
{
	struct job *job = d->free_jobs;

	if (job != NULL) {
		d->free_jobs = job->next;
		job->next = NULL;
		job->finished = false;
		return job;
	}
	if ((job = calloc(1, sizeof(*job))) == NULL)
		return NULL;
	job->name = job->short_name;
	if (d->options.by_number && (job->lookup = calloc(1, sizeof(*job->lookup))) == NULL) {
		free(job);
		return NULL;
	}
	if (d->options.locate && (job->locate = calloc(1, sizeof(*job->locate))) == NULL) {
		free(job);
		return NULL;
	}
	job->all = d->jobs;
	d->jobs = job;
	return job;
}

static void
give_job(struct dnsq *d, struct job *job)
{
	free(job->uri);
	job->uri = NULL;
	buf_clear(&job->text);
	buf_trim(&job->text, 4096);
	job->next = d->free_jobs;
	d->free_jobs = job;
}

static void
free_jobs(struct dnsq *d)
{
	for (struct job *job; (job = d->jobs) != NULL;) {
		d->jobs = job->all;
		if (job->lookup != NULL)
			enum_fini(job->lookup);
		free(job->lookup);
		free(job->locate);
		free(job->uri);
		if (job->name != job->short_name)
			free(job->name);
		buf_fini(&job->text);
		free(job);
	}
}

/* With -o: prints what is finished at the head of the line. */
static void
print_in_order(struct dnsq *d)
{
	struct job *job;

	while ((job = d->first) != NULL && job->finished) {
		if ((d->first = job->next) == NULL)
			d->last = &d->first;
		buf_putslice(output_buf(d->output), buf_slice(&job->text));
		if (job->text.failed)
			output_buf(d->output)->failed = true;
		d->kept--;
		give_job(d, job);
	}
}

static void
finished(struct dnsq *d, struct job *job, const struct dns_query *q)
{
	d->inflight--;
	d->status[q->status]++;
	if (d->options.in_order) {
		output_job(d->output, job, &job->text);
		job->finished = true;
		print_in_order(d);
	} else {
		output_job(d->output, job, output_buf(d->output));
		give_job(d, job);
	}
	output_added(d->output);
	pump(d);
}

static struct dnsq app;

static void
query_done(struct dns_query *q)
{
	finished(&app, (struct job *)(void *)((char *)q - offsetof(struct job, q)), q);
}

static void
lookup_done(struct enum_lookup *e)
{
	finished(&app, e->owner, &e->q);
}

static void
located(struct locate *l)
{
	struct dns_query outcome = { .status = l->nplaces > 0 ? DNS_ANSWER_OK : l->status, .rcode = l->rcode };

	finished(&app, l->owner, &outcome);
}

static int
start_locate(struct dnsq *d, struct job *job, const struct question *question)
{
	struct locate *l = job->locate;
	struct sipuri u;
	struct fault f;
	const char *why;

	if ((job->uri = strdup(question->uri)) == NULL || sipuri_parse(&u, slice_of(job->uri), &f) == -1)
		return -1;
	l->done = located;
	l->owner = job;
	l->hosts = d->hosts;
	return locate_ask(&d->sched, d->resolver, l, &u, LOCATE_ALL, &why);
}

static int
start_lookup(struct dnsq *d, struct job *job, const struct question *question)
{
	struct enum_lookup *e = job->lookup;

	e->done = lookup_done;
	e->owner = job;
	e->patterns = &d->patterns;
	e->q.x.dnssec = d->options.dnssec;
	return enum_ask(d->resolver, e, question->number, d->options.suffix);
}

static int
start_query(struct dnsq *d, struct job *job, const struct question *question)
{
	if (question->namelen > sizeof(job->short_name) && job->name == job->short_name) {
		uint8_t *name = malloc(NAME_MAX_WIRE);

		if (name == NULL)
			return -1;
		job->name = name;
	}
	memcpy(job->name, question->name, question->namelen);
	job->q.done = query_done;
	job->q.x.name = job->name;
	job->q.x.namelen = question->namelen;
	job->q.x.type = question->type;
	job->q.x.class = RRCLASS_IN;
	job->q.x.dnssec = d->options.dnssec;
	resolver_ask(d->resolver, &job->q);
	return 0;
}

static int
start(struct dnsq *d, struct job *job, const struct question *question)
{
	if (job->locate != NULL)
		return start_locate(d, job, question);
	return job->lookup != NULL ? start_lookup(d, job, question) : start_query(d, job, question);
}

static void
ask(struct dnsq *d, const struct question *question)
{
	struct job *job = take_job(d);

	if (job == NULL || start(d, job, question) != 0)
		err(1, "a question");
	d->asked++;
	d->inflight++;
	if (d->options.in_order) {
		d->kept++;
		*d->last = job;
		d->last = &job->next;
	}
}

/* --- the flow --- */

/* With -r: whether one more may be asked now; if not, the timer comes back. */
static bool
rate_allows(struct dnsq *d)
{
	int64_t now = d->sched.clock.now, due;

	if (d->options.rate <= 0)
		return true;
	due = d->paced_from + (int64_t)((double)d->paced / d->options.rate * (double)SEC);
	if (due > now) {
		timer_arm(&d->sched.wheel, &d->pause, due);
		return false;
	}
	/* what could not be asked in time is not all made up for at once */
	if (now - due > BURST_MS * MSEC) {
		d->paced_from = now;
		d->paced = 0;
	}
	d->paced++;
	return true;
}

static bool
has_room(const struct dnsq *d)
{
	/* what the resolver has no room for waits there */
	if (d->inflight >= d->options.resolver.concurrency || output_full(d->output))
		return false;
	return !d->options.in_order || d->kept < (size_t)d->options.resolver.concurrency * ORDER_AHEAD;
}

static void
pump(struct dnsq *d)
{
	struct question question;

	if (d->pumping)
		return;
	d->pumping = true;
	while (!d->ended && output_error(d->output) == 0 && has_room(d) && rate_allows(d)) {
		enum input_state state = input_next(d->input, &question);

		if (state == INPUT_GOT)
			ask(d, &question);
		else if (state == INPUT_END)
			d->ended = true;
		else
			break;
	}
	d->pumping = false;
	if (d->ended && d->inflight == 0)
		sched_stop(&d->sched);
}

static void
more(void *arg)
{
	struct dnsq *d = arg;

	clock_read(&d->sched.clock);
	pump(d);
}

static void
paused(struct timer *t)
{
	pump((struct dnsq *)(void *)((char *)t - offsetof(struct dnsq, pause)));
}

static void
more_gauges(void *arg, struct gauge *g)
{
	const struct dnsq *d = arg;

	gauge_put(g, "inflight", d->inflight);
	gauge_put(g, "asked", (double)d->asked);
}

/* --- the whole --- */

/* Each has its part of what is allowed. Names in the arguments are few: one process does them. */
static void
share_work(struct options *o, char **names)
{
	if (o->workers == 0 || *names != NULL) {
		o->workers = 0;
		return;
	}
	split_stdin();
	o->worker = workers_start("dnsq", o->workers, false);
	o->rate /= o->workers;
	o->resolver.concurrency /= (unsigned)o->workers;
	if (o->resolver.concurrency == 0)
		o->resolver.concurrency = 1;
}

static uint64_t
unanswered(const struct dnsq *d)
{
	uint64_t n = 0;

	for (int s = DNS_TIMEOUT; s < DNS_STATUSES; s++)
		n += d->status[s];
	return n;
}

static void
summary(const struct dnsq *d)
{
	const struct resolver_stats *stats = resolver_stats(d->resolver);
	double seconds = (double)(clock_wall(&d->sched.clock) - d->began) / (double)SEC;
	uint64_t failed = unanswered(d);

	warnx("%" PRIu64 " questions in %.3f s (%.0f a second): %" PRIu64 " answered, %" PRIu64 " NODATA, %" PRIu64 " NXDOMAIN, %" PRIu64
	    " other RCODEs, %" PRIu64 " failed",
	    d->asked, seconds, seconds > 0 ? (double)d->asked / seconds : 0, d->status[DNS_ANSWER_OK], d->status[DNS_NODATA],
	    d->status[DNS_NXDOMAIN], d->status[DNS_RCODE], failed);
	warnx("%" PRIu64 " queries sent, %" PRIu64 " messages ignored, %" PRIu64 " TCP connections, %.3f s of CPU",
	    stats->sent, stats->ignored, stats->connections, (double)clock_cpu() / (double)SEC);
}

/* UNREACHABLE alone would not say why. */
static void
tell_tls_failures(const struct dnsq *d)
{
	char server[ADDR_STRLEN];
	const char *why;

	for (unsigned i = 0; i < d->options.resolver.conf.nservers; i++) {
		if (*(why = resolver_why(d->resolver, i)) == '\0')
			continue;
		(void)addr_format(resolver_server(d->resolver, i), server, sizeof(server));
		warnx("tls:%s: %s", server, why);
	}
}

static void
set_up(struct dnsq *d, char **names)
{
	struct addr statsd;

	d->last = &d->first;
	cli_loop(&dnsq_cli, &d->sched, false);
	d->began = clock_wall(&d->sched.clock);
	d->paced_from = d->sched.clock.now;
	timer_init(&d->pause, paused, false);
	if (d->options.locate && (d->hosts = hosts_new(NULL)) == NULL)
		err(1, "setting up");
	if ((d->resolver = resolver_new(&d->sched, &d->options.resolver)) == NULL ||
	    (d->input = input_new(&d->sched, &d->options, names, more, d)) == NULL ||
	    (d->output = output_new(&d->sched, &d->options, more, d)) == NULL)
		err(1, "setting up");
	if (d->options.resolver.concurrency > resolver_capacity(d->resolver))
		d->options.resolver.concurrency = resolver_capacity(d->resolver);
	if (cli_statsd(&dnsq_cli, NULL, &statsd) && (d->gauges = gauge_start(&d->sched, &statsd, dnsq_cli.prog, d->options.worker, more_gauges, d)) == NULL)
		warn("COOP_STATSD");
	progress_start(&d->progress, &d->sched, &d->asked, &d->inflight);
	sched_hold(&d->sched);
}

static void
tear_down(struct dnsq *d)
{
	gauge_stop(d->gauges);
	resolver_free(d->resolver);
	input_free(d->input);
	output_free(d->output);
	free_jobs(d);
	patterns_fini(&d->patterns);
	hosts_free(d->hosts);
	sched_fini(&d->sched);
}

int
main(int argc, char **argv)
{
	struct dnsq *d = &app;
	int status;

	cli_descriptors();
	signal(SIGPIPE, SIG_IGN);
	setprogname(dnsq_cli.prog);
	char **names = options_read(&d->options, argc, argv);
	share_work(&d->options, names);
	set_up(d, names);
	pump(d);
	if (!d->ended || d->inflight > 0)
		if (sched_run(&d->sched) == SCHED_FAILED)
			err(1, "the event loop");
	progress_stop(&d->progress);
	if (output_flush(d->output) != 0 && errno != EPIPE)
		err(1, "stdout");
	status = input_bad(d->input) > 0 || unanswered(d) > 0;
	if (output_error(d->output) == EPIPE)
		status = 0;
	if (unanswered(d) > 0)
		tell_tls_failures(d);
	if (d->options.verbose)
		summary(d);
	tear_down(d);
	return status;
}
