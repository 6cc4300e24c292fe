/*
 * A query is in one of these places: `waiting` for room in flight (not active), or active with its timer armed and,
 * unless sending just failed, in a slot of a port or a connection (q->via). finish() is the only way out but for
 * resolver_cancel.
 */
#include "dns/resolver.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "dns/dnsconn.h"
#include "dns/dnsport.h"
#include "dns/fetch.h"
#include "dns/window.h"

enum {
	MOST_PORTS = 256,
	SPARE_FDS = 64,    /* left for the rest of the program */
	DOWN_AFTER = 8,    /* tries without an answer */
};

#define REFUSED_PAUSE (250 * MSEC) /* whoever restarts a server needs as long */
#define DOWN_PAUSE    SEC          /* a server that is down is tried first again after it */

struct server {
	struct resolver *r;
	struct dnsport_set ports;
	struct dnsconn conn;
	unsigned silent;      /* tries in a row without an answer */
	int64_t down_until;
};

struct resolver {
	struct sched *sched;
	struct resolver_options options;
	struct dns_query_list waiting;
	unsigned inflight;
	struct window window;
	struct timer quiet;   /* looks whether the window must grow for want of answers */
	unsigned next;        /* server, when rotating */
	LIST_HEAD(, dns_query) all;
	struct dnsmsg msg;    /* what `done` sees */
	struct resolver_stats stats;
	struct fetcher *fetcher; /* NULL: no cache */
	struct server servers[];
};

static void try(struct resolver *, struct dns_query *);
static void start_waiting(struct resolver *);

/* --- servers --- */

static bool
is_down(const struct server *s, int64_t at)
{
	return s->silent >= DOWN_AFTER && at < s->down_until;
}

static void
note_silence(struct resolver *r, struct server *s)
{
	if (s->silent < DOWN_AFTER)
		s->silent++;
	if (s->silent >= DOWN_AFTER)
		s->down_until = r->sched->clock.now + DOWN_PAUSE;
}

/* The first server for a question: in turn, or the first that is not down. All that are left come later anyway. */
static uint8_t
first_server(struct resolver *r)
{
	unsigned n = r->options.conf.nservers, at = r->options.conf.rotate ? r->next++ % n : 0;

	for (unsigned i = 0; i < n; i++)
		if (!is_down(&r->servers[(at + i) % n], r->sched->clock.now))
			return (uint8_t)((at + i) % n);
	return (uint8_t)at;
}

/* --- the way of a query --- */

static void
leave_server(struct resolver *r, struct dns_query *q)
{
	struct server *s = &r->servers[q->server];

	if (q->via == NULL)
		return;
	if (q->x.stream)
		dnsconn_drop(&s->conn, q);
	else
		dnsport_drop(&s->ports, q);
}

static void
release(struct resolver *r, struct dns_query *q)
{
	timer_stop(&r->sched->wheel, &q->timer);
	leave_server(r, q);
	if (q->active)
		r->inflight--;
	else
		TAILQ_REMOVE(&r->waiting, q, link);
	LIST_REMOVE(q, all);
	q->active = false;
	q->resolver = NULL;
	if (!q->background)
		sched_release(r->sched);
}

static void
finish(struct resolver *r, struct dns_query *q, enum dns_status status, const struct dnsmsg *m)
{
	release(r, q);
	q->status = (uint8_t)status;
	q->msg = m;
	q->done(q);
	start_waiting(r);
}

static void
next_try(struct resolver *r, struct dns_query *q)
{
	unsigned n = r->options.conf.nservers;
	uint8_t server = (uint8_t)((q->first + q->x.tries) % n);

	if (q->x.tries >= q->most) {
		finish(r, q, q->rcode != 0 ? DNS_RCODE : q->malformed ? DNS_MALFORMED : q->refused ? DNS_UNREACHABLE : DNS_TIMEOUT, NULL);
		return;
	}
	/* to the same server it is sent again from the same place, so that an answer to the earlier try still counts */
	if (server != q->server) {
		leave_server(r, q);
		q->server = server;
		q->x.stream = r->options.stream;
	}
	try(r, q);
}

static void
timed_out(struct timer *t)
{
	struct dns_query *q = (struct dns_query *)(void *)((char *)t - offsetof(struct dns_query, timer));
	struct resolver *r = q->resolver;

	/* on a connection nothing is lost: the question is only late, or the connection is dead */
	if (q->via != NULL && q->x.stream)
		leave_server(r, q);
	note_silence(r, &r->servers[q->server]);
	window_loss(&r->window, r->sched->clock.now);
	next_try(r, q);
}

static void
try(struct resolver *r, struct dns_query *q)
{
	struct server *s = &r->servers[q->server];
	int64_t wait;
	int failed;

	exchange_begin(&q->x, r->sched->clock.now);
	wait = exchange_wait(&q->x, r->options.conf.timeout, q->most);
	failed = q->x.stream ? dnsconn_send(&s->conn, q) : dnsport_send(&s->ports, q);
	if (failed) {
		q->refused = true;
		wait = wait < REFUSED_PAUSE ? wait : REFUSED_PAUSE;
	} else {
		r->stats.sent++;
	}
	timer_arm(&r->sched->wheel, &q->timer, q->x.sent + wait);
}

static void
start(struct resolver *r, struct dns_query *q)
{
	q->active = true;
	r->inflight++;
	q->server = q->first = first_server(r);
	q->x.stream = r->options.stream;
	try(r, q);
}

static bool
has_room(const struct resolver *r)
{
	return r->inflight < r->window.size;
}

static void
wait_for_room(struct resolver *r)
{
	window_limited(&r->window, r->sched->clock.now);
	if (!timer_pending(&r->quiet) && r->window.size < r->window.most)
		timer_arm(&r->sched->wheel, &r->quiet, window_next(&r->window));
}

static void
grown_quiet(struct timer *t)
{
	struct resolver *r = (struct resolver *)(void *)((char *)t - offsetof(struct resolver, quiet));

	if (TAILQ_EMPTY(&r->waiting))
		return;
	wait_for_room(r);
	start_waiting(r);
}

static void
start_waiting(struct resolver *r)
{
	struct dns_query *q;

	while (has_room(r) && (q = TAILQ_FIRST(&r->waiting)) != NULL) {
		TAILQ_REMOVE(&r->waiting, q, link);
		start(r, q);
	}
	if (!TAILQ_EMPTY(&r->waiting))
		wait_for_room(r);
}

/* --- what comes back --- */

/* Another server may know better than one that failed or refused; the last one's word is taken. */
static bool
ask_another(const struct resolver *r, const struct dns_query *q, const struct dnsmsg *m)
{
	if (m->rcode != RCODE_SERVFAIL && m->rcode != RCODE_REFUSED && m->rcode != RCODE_NOTIMP)
		return false;
	return q->x.tries < r->options.conf.nservers && q->x.tries < q->most;
}

static void
answered(struct resolver *r, struct dns_query *q)
{
	q->rtt = r->sched->clock.now - q->x.sent;
	window_answer(&r->window, r->sched->clock.now, q->rtt);
	q->rcode = r->msg.rcode;
	if (ask_another(r, q, &r->msg))
		next_try(r, q);
	else
		finish(r, q, dns_status_of(&r->msg, q->x.name, q->x.type), &r->msg);
}

static void
again(struct resolver *r, struct dns_query *q)
{
	leave_server(r, q);
	if (q->most < UINT8_MAX)
		q->most++;
	try(r, q);
}

static void
consider(struct server *s, struct dns_query *q, struct slice data)
{
	struct resolver *r = s->r;
	struct fault fault;

	clock_read(&r->sched->clock); /* the poller's callbacks run before the turn's time is taken */
	switch (exchange_reply(&q->x, data, &r->msg, &fault)) {
	case EXCHANGE_ANSWERED:
		s->silent = 0;
		answered(r, q);
		break;
	case EXCHANGE_TRUNCATED:
		leave_server(r, q);
		q->x.stream = true;
		again(r, q);
		break;
	case EXCHANGE_PLAIN:
		again(r, q);
		break;
	case EXCHANGE_MALFORMED:
		q->malformed = true;
		r->stats.ignored++;
		break;
	case EXCHANGE_NOT_MINE:
		r->stats.ignored++;
		break;
	}
}

static void
port_reply(struct dnsport_set *set, struct dns_query *q, struct slice data)
{
	consider(set->user, q, data);
}

static void
port_stray(struct dnsport_set *set)
{
	((struct server *)set->user)->r->stats.ignored++;
}

static void
port_refused(struct dnsport_set *set, struct dns_query *q)
{
	struct server *s = set->user;
	struct resolver *r = s->r;
	int64_t wait = exchange_wait(&q->x, r->options.conf.timeout, q->most);

	q->refused = true;
	if (wait > REFUSED_PAUSE * q->x.tries)
		wait = REFUSED_PAUSE * q->x.tries;
	/* with another server there is nothing to wait for */
	if (r->options.conf.nservers > 1 && q->x.tries < r->options.conf.nservers)
		wait = 0;
	timer_arm(&r->sched->wheel, &q->timer, q->x.sent + wait);
}

static void
conn_reply(struct dnsconn *c, struct dns_query *q, struct slice data)
{
	consider(c->user, q, data);
}

static void
conn_stray(struct dnsconn *c)
{
	((struct server *)c->user)->r->stats.ignored++;
}

static void
conn_made(struct dnsconn *c)
{
	((struct server *)c->user)->r->stats.connections++;
}

static void
conn_lost(struct dnsconn *c, struct dns_query *q, bool progress)
{
	struct resolver *r = ((struct server *)c->user)->r;

	clock_read(&r->sched->clock);
	if (progress) {
		q->x.tries--;
		try(r, q);
		return;
	}
	q->refused = true;
	timer_arm(&r->sched->wheel, &q->timer, r->sched->clock.now + REFUSED_PAUSE);
}

/* --- what the owner calls --- */

void
resolver_ask(struct resolver *r, struct dns_query *q)
{
	if (r->fetcher != NULL)
		fetcher_ask(r->fetcher, q);
	else
		resolver_ask_servers(r, q);
}

void
resolver_ask_servers(struct resolver *r, struct dns_query *q)
{
	unsigned most = r->options.conf.attempts * r->options.conf.nservers;

	q->resolver = r;
	q->x.tries = 0;
	q->x.plain = false;
	q->most = (uint8_t)(most < UINT8_MAX / 2 ? most : UINT8_MAX / 2);
	q->malformed = q->refused = q->active = q->shared = false;
	q->via = NULL;
	q->msg = NULL;
	q->rtt = 0;
	q->rcode = 0;
	timer_init(&q->timer, timed_out, false);
	LIST_INSERT_HEAD(&r->all, q, all);
	if (!q->background)
		sched_hold(r->sched);
	clock_read(&r->sched->clock);
	if (has_room(r) && TAILQ_EMPTY(&r->waiting)) {
		start(r, q);
	} else {
		TAILQ_INSERT_TAIL(&r->waiting, q, link);
		wait_for_room(r);
	}
}

void
resolver_cancel(struct resolver *r, struct dns_query *q)
{
	if (r == NULL || q->resolver != r)
		return;
	if (q->shared) {
		fetcher_cancel(r->fetcher, q);
		return;
	}
	release(r, q);
	start_waiting(r);
}

unsigned
resolver_room(const struct resolver *r)
{
	return has_room(r) && TAILQ_EMPTY(&r->waiting) ? r->window.size - r->inflight : 0;
}

unsigned
resolver_inflight(const struct resolver *r)
{
	return r->inflight;
}

unsigned
resolver_capacity(const struct resolver *r)
{
	return r->window.most;
}

const struct addr *
resolver_server(const struct resolver *r, unsigned index)
{
	return &r->options.conf.servers[index];
}

const struct resolver_stats *
resolver_stats(const struct resolver *r)
{
	return &r->stats;
}

struct resolver_stats *
resolver_count(struct resolver *r)
{
	return &r->stats;
}

const char *
resolver_status(const struct dns_query *q, char *to)
{
	return dns_status_text((enum dns_status)q->status, q->rcode, to);
}

/* --- its making --- */

static unsigned
ports_for_each(const struct resolver *r)
{
	struct rlimit limit;
	rlim_t most = MOST_PORTS;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
		if (limit.rlim_cur < most + SPARE_FDS)
			most = limit.rlim_cur > SPARE_FDS ? limit.rlim_cur - SPARE_FDS : 1;
	}
	most /= r->options.conf.nservers;
	return most > 0 ? (unsigned)most : 1;
}

static unsigned
most_in_flight(const struct resolver *r, unsigned ports)
{
	/* one server may have to take all: the others may be down */
	unsigned fits = r->options.stream ? DNSCONN_MOST : ports * dnsport_fits();
	unsigned asked = r->options.concurrency;

	return asked > 0 && asked < fits ? asked : fits;
}

static void
init_server(struct resolver *r, unsigned i, unsigned ports)
{
	struct server *s = &r->servers[i];

	s->r = r;
	s->ports.sched = s->conn.sched = r->sched;
	s->ports.server = s->conn.server = r->options.conf.servers[i];
	s->ports.user = s->conn.user = s;
	s->ports.most = ports;
	s->ports.reply = port_reply;
	s->ports.stray = port_stray;
	s->ports.refused = port_refused;
	s->conn.reply = conn_reply;
	s->conn.stray = conn_stray;
	s->conn.lost = conn_lost;
	s->conn.connected = conn_made;
	dnsport_init(&s->ports);
	dnsconn_init(&s->conn);
}

struct resolver *
resolver_new(struct sched *sched, const struct resolver_options *o)
{
	unsigned n = o->conf.nservers, ports;
	struct resolver *r;

	if (n == 0) {
		errno = EINVAL;
		return NULL;
	}
	if ((r = calloc(1, sizeof(*r) + n * sizeof(r->servers[0]))) == NULL)
		return NULL;
	r->sched = sched;
	r->options = *o;
	TAILQ_INIT(&r->waiting);
	LIST_INIT(&r->all);
	ports = ports_for_each(r);
	window_init(&r->window, most_in_flight(r, ports), sched->clock.now);
	timer_init(&r->quiet, grown_quiet, true);
	for (unsigned i = 0; i < n; i++)
		init_server(r, i, ports + 1); /* one more for what a retired socket still waits for */
	if (o->cache > 0 && (r->fetcher = fetcher_new(sched, r, o->cache)) == NULL) {
		resolver_free(r);
		return NULL;
	}
	return r;
}

void
resolver_free(struct resolver *r)
{
	struct dns_query *q;

	if (r == NULL)
		return;
	fetcher_free(r->fetcher);
	while ((q = LIST_FIRST(&r->all)) != NULL)
		release(r, q);
	timer_stop(&r->sched->wheel, &r->quiet);
	for (unsigned i = 0; i < r->options.conf.nservers; i++) {
		dnsconn_fini(&r->servers[i].conn);
		dnsport_fini(&r->servers[i].ports);
	}
	free(r);
}
