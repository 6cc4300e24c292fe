/*
 * A query is in one of these places: `waiting` for room in flight (not active), or on its way (tries.h).
 */
#include "dns/resolver.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "dns/tries.h"

enum {
	MOST_PORTS = 256,
	SPARE_FDS = 64,    /* left for the rest of the program */
	PACE = 256,        /* questions of an eager resolver that leave in PACE_TIME: what a small receive buffer holds */
};

#define PACE_TIME MSEC

/* --- room --- */

static bool
has_room(const struct resolver *r)
{
	if (!r->options.eager)
		return r->inflight < r->window.size;
	return r->inflight < r->window.most && (r->left < PACE || r->sched->clock.now >= r->paced + PACE_TIME);
}

static void
begin(struct resolver *r, struct dns_query *q)
{
	if (r->sched->clock.now >= r->paced + PACE_TIME) {
		r->paced = r->sched->clock.now;
		r->left = 0;
	}
	r->left++;
	tries_begin(r, q);
}

static void
wait_for_room(struct resolver *r)
{
	if (r->options.eager) {
		if (!timer_pending(&r->quiet) && r->inflight < r->window.most)
			timer_arm(&r->sched->wheel, &r->quiet, r->paced + PACE_TIME);
		return;
	}
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
	resolver_go_on(r);
}

void
resolver_go_on(struct resolver *r)
{
	struct dns_query *q;

	while (has_room(r) && (q = TAILQ_FIRST(&r->waiting)) != NULL) {
		TAILQ_REMOVE(&r->waiting, q, link);
		begin(r, q);
	}
	if (!TAILQ_EMPTY(&r->waiting))
		wait_for_room(r);
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
	q->most = (uint8_t)(most < UINT8_MAX / 2 ? most : UINT8_MAX / 2);
	q->malformed = q->refused = q->truncated = q->miscased = q->unmixed = false;
	q->active = q->shared = q->probe = false;
	q->via = NULL;
	q->msg = NULL;
	q->rtt = 0;
	q->rcode = 0;
	q->server = 0;
	timer_init(&q->timer, NULL, false); /* at rest, should it be cancelled before it begins */
	LIST_INSERT_HEAD(&r->all, q, all);
	if (!q->background)
		sched_hold(r->sched);
	clock_read(&r->sched->clock);
	if (has_room(r) && TAILQ_EMPTY(&r->waiting)) {
		begin(r, q);
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
	tries_end(r, q);
	resolver_go_on(r);
}

unsigned
resolver_room(const struct resolver *r)
{
	unsigned most = r->options.eager ? r->window.most : r->window.size;

	return has_room(r) && TAILQ_EMPTY(&r->waiting) ? most - r->inflight : 0;
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

const struct dns_conf *
resolver_conf(const struct resolver *r)
{
	return &r->options.conf;
}

int64_t
resolver_now(const struct resolver *r)
{
	return r->sched->clock.now;
}

const struct addr *
resolver_server(const struct resolver *r, unsigned index)
{
	return &r->options.conf.servers[index];
}

const char *
resolver_why(const struct resolver *r, unsigned index)
{
	return dnsconn_why(&r->servers[index].u.conn);
}

const struct health *
resolver_health(const struct resolver *r, unsigned index)
{
	return &r->health[index];
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

static bool
has_tls(const struct dns_conf *c)
{
	for (unsigned i = 0; i < c->nservers; i++)
		if (c->tls[i].on)
			return true;
	return false;
}

static unsigned
most_in_flight(const struct resolver *r, unsigned ports)
{
	/* one server may have to take all: the others may be down */
	unsigned fits = r->options.stream || has_tls(&r->options.conf) ? DNSCONN_MOST : ports * dnsport_fits();
	unsigned asked = r->options.concurrency;

	return asked > 0 && asked < fits ? asked : fits;
}

static int
init_server(struct resolver *r, unsigned i, unsigned ports)
{
	struct upstream *u = &r->servers[i].u;

	u->sched = r->sched;
	u->health = &r->health[i];
	u->stats = &r->stats;
	tries_listen(r, u);
	upstream_init(u, &r->options, &r->options.conf.servers[i], ports);
	return r->options.conf.tls[i].on ? upstream_use_tls(u, &r->options.conf.tls[i]) : 0;
}

struct resolver *
resolver_new(struct sched *sched, const struct resolver_options *o)
{
	unsigned n = o->conf.nservers, ports;
	struct resolver *r;
	int failed = 0;

	if (n == 0) {
		errno = EINVAL;
		return NULL;
	}
	if ((r = calloc(1, sizeof(*r) + n * sizeof(r->servers[0]))) == NULL)
		return NULL;
	r->sched = sched;
	r->options = *o;
	r->options.stream |= o->conf.use_vc;
	TAILQ_INIT(&r->waiting);
	LIST_INIT(&r->all);
	ports = ports_for_each(r);
	window_init(&r->window, most_in_flight(r, ports), sched->clock.now);
	timer_init(&r->quiet, grown_quiet, true);
	for (unsigned i = 0; i < n; i++)
		failed |= init_server(r, i, ports + 1); /* one more for what a retired socket still waits for */
	if (failed || (o->cache > 0 && (r->fetcher = fetcher_new(sched, r, o->cache)) == NULL)) {
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
		tries_end(r, q);
	timer_stop(&r->sched->wheel, &r->quiet);
	for (unsigned i = 0; i < r->options.conf.nservers; i++)
		upstream_fini(&r->servers[i].u);
	buf_fini(&r->scratch);
	free(r);
}
