/*
 * A query under way has its timer armed and is, unless sending just failed, in a slot of a port or a connection
 * (q->via). finish() is the only way out but for tries_end by the resolver.
 */
#include "dns/tries.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_PAUSE (250 * MSEC) /* whoever restarts a server needs as long */
#define CASE_PAUSE    (100 * MSEC) /* a true answer may yet come after one in the wrong case */

static void try(struct resolver *, struct dns_query *);

static struct upstream *
upstream_of(struct resolver *r, const struct dns_query *q)
{
	return &r->servers[q->server].u;
}

void
tries_end(struct resolver *r, struct dns_query *q)
{
	timer_stop(&r->sched->wheel, &q->timer);
	upstream_drop(upstream_of(r, q), q);
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
	tries_end(r, q);
	q->status = (uint8_t)status;
	q->msg = m;
	q->done(q);
	resolver_go_on(r);
}

/* Nothing is left to be tried: the most that is known of why. */
static void
give_up(struct resolver *r, struct dns_query *q)
{
	enum dns_status status = DNS_TIMEOUT;

	if (q->rcode != 0)
		status = DNS_RCODE;
	else if (q->malformed)
		status = DNS_MALFORMED;
	else if (q->truncated)
		status = DNS_TRUNCATED;
	else if (q->refused)
		status = DNS_UNREACHABLE;
	finish(r, q, status, NULL);
}

static void
choose_server(struct resolver *r, struct dns_query *q, unsigned server)
{
	upstream_drop(upstream_of(r, q), q);
	q->server = (uint8_t)server;
	q->x.stream = r->options.stream || upstream_uses_tls(upstream_of(r, q));
	q->again = false;
	upstream_prepare(upstream_of(r, q), q);
}

static void
next_try(struct resolver *r, struct dns_query *q)
{
	unsigned server = health_next(r->health, r->options.conf.nservers, q->server);

	if (q->x.tries >= q->most || r->sched->clock.now >= q->deadline) {
		give_up(r, q);
		return;
	}
	/* to the same server it is sent again from the same place, so that an answer to the earlier try still counts */
	if (server != q->server)
		choose_server(r, q, server);
	try(r, q);
}

/* One more try than was meant to be, because of what the server said. */
static void
once_more(struct resolver *r, struct dns_query *q, bool stream)
{
	upstream_drop(upstream_of(r, q), q);
	q->x.stream = stream;
	if (q->most < UINT8_MAX)
		q->most++;
	try(r, q);
}

/*
 * The name came back in another case. TCP tells whether the server does that to all names; where there is none, it is
 * asked as if it did.
 */
static bool
settle_case(struct resolver *r, struct dns_query *q)
{
	if (!q->miscased || q->unmixed || q->probe)
		return false;
	if (!q->x.stream) {
		once_more(r, q, true);
		return true;
	}
	q->unmixed = true;
	q->x.mix = 0;
	once_more(r, q, false);
	return true;
}

static void
timed_out(struct timer *t)
{
	struct dns_query *q = (struct dns_query *)(void *)((char *)t - offsetof(struct dns_query, timer));
	struct resolver *r = q->resolver;

	/* on a connection nothing is lost: the question is only late, or the connection is dead */
	if (q->x.stream)
		upstream_drop(upstream_of(r, q), q);
	if (settle_case(r, q))
		return;
	health_silence(&r->health[q->server], r->sched->clock.now);
	window_loss(&r->window, r->sched->clock.now);
	next_try(r, q);
}

static void
try(struct resolver *r, struct dns_query *q)
{
	int64_t wait;

	q->again |= q->via != NULL;
	exchange_begin(&q->x, r->sched->clock.now);
	wait = exchange_wait(&q->x, r->options.conf.timeout, q->most);
	if (upstream_send(upstream_of(r, q), q) != 0) {
		q->refused = true;
		wait = wait < REFUSED_PAUSE ? wait : REFUSED_PAUSE;
	} else {
		r->stats.sent++;
	}
	wait += q->x.sent;
	timer_arm(&r->sched->wheel, &q->timer, wait < q->deadline ? wait : q->deadline);
}

/* --- trying servers out --- */

static void
probe_done(struct dns_query *q)
{
	(void)q;
}

/* With a copy of a question that is asked elsewhere. */
static void
probe(struct resolver *r, unsigned i, const struct exchange *x)
{
	struct server *s = &r->servers[i];
	struct dns_query *q = &s->probe;

	memcpy(s->probe_name, x->name, x->namelen);
	*q = (struct dns_query){ .done = probe_done, .background = true, .probe = true, .active = true, .resolver = r,
		.most = 1, .server = (uint8_t)i, .deadline = r->sched->clock.now + r->options.conf.timeout };
	q->x = (struct exchange){ .name = s->probe_name, .namelen = x->namelen, .type = x->type, .class = x->class,
		.no_recursion = x->no_recursion };
	timer_init(&q->timer, timed_out, false);
	LIST_INSERT_HEAD(&r->all, q, all);
	r->inflight++;
	choose_server(r, q, i);
	try(r, q);
}

static void
probe_others(struct resolver *r, const struct dns_query *q)
{
	for (unsigned i = 0; i < r->options.conf.nservers; i++)
		if (i != q->server && r->servers[i].probe.resolver == NULL &&
		    health_try_out(&r->health[i], r->sched->clock.now, r->options.conf.rotate))
			probe(r, i, &q->x);
}

void
tries_begin(struct resolver *r, struct dns_query *q)
{
	const struct dns_conf *conf = &r->options.conf;

	timer_init(&q->timer, timed_out, false);
	q->active = true;
	r->inflight++;
	q->deadline = r->sched->clock.now + conf->timeout * q->most;
	choose_server(r, q, health_choose(r->health, conf->nservers, conf->rotate ? r->next++ : 0, conf->rotate));
	try(r, q);
	if (conf->nservers > 1)
		probe_others(r, q);
}

/* --- what comes back --- */

/* Another server may know better than one that failed or refused; the last one's word is taken. */
static bool
ask_another(const struct resolver *r, const struct dns_query *q, const struct dnsmsg *m)
{
	unsigned n = r->options.conf.nservers;

	if (m->rcode != RCODE_SERVFAIL && m->rcode != RCODE_REFUSED && m->rcode != RCODE_NOTIMP)
		return false;
	return q->x.tries < n && q->x.tries < q->most && health_next(r->health, n, q->server) != q->server;
}

/* The name as it was asked for, in a copy. Without the memory for one: as it is. */
static void
restore_case(struct resolver *r, const struct exchange *x)
{
	uint8_t *bytes;

	if (x->mix == 0 || r->msg.qname == 0)
		return;
	buf_clear(&r->scratch);
	if ((bytes = (uint8_t *)buf_reserve(&r->scratch, r->msg.n)) == NULL)
		return;
	memcpy(bytes, r->msg.p, r->msg.n);
	memcpy(bytes + r->msg.qname, x->name, x->namelen);
	r->msg.p = bytes;
}

static void
answered(struct resolver *r, struct dns_query *q)
{
	q->rtt = r->sched->clock.now - q->x.sent;
	window_answer(&r->window, r->sched->clock.now, q->rtt);
	q->rcode = r->msg.rcode;
	if (q->x.miscased)
		r->health[q->server].folds_case = true;
	restore_case(r, &q->x);
	if (ask_another(r, q, &r->msg))
		next_try(r, q);
	else
		finish(r, q, dns_status_of(&r->msg, q->x.type), &r->msg);
}

static void
miscased(struct resolver *r, struct dns_query *q)
{
	int64_t until = r->sched->clock.now + CASE_PAUSE;

	r->stats.ignored++;
	if (q->miscased || q->probe)
		return;
	q->miscased = true;
	if (until < timer_at(&q->timer))
		timer_arm(&r->sched->wheel, &q->timer, until);
}

/* What the server said, of a question for which somebody waits. */
static void
heard(struct resolver *r, struct dns_query *q, enum exchange_verdict verdict)
{
	if (verdict == EXCHANGE_ANSWERED) {
		answered(r, q);
		return;
	}
	q->truncated |= verdict == EXCHANGE_TRUNCATED;
	once_more(r, q, verdict == EXCHANGE_TRUNCATED || q->x.stream);
}

static void
upstream_reply(struct upstream *u, struct dns_query *q, struct slice data)
{
	struct resolver *r = u->user;
	enum exchange_verdict verdict;
	struct fault fault;

	clock_read(&r->sched->clock); /* the poller's callbacks run before the turn's time is taken */
	verdict = exchange_reply(&q->x, data, &r->msg, &fault);
	if (verdict == EXCHANGE_MISCASED) {
		miscased(r, q);
		return;
	}
	if (verdict == EXCHANGE_NOT_MINE || verdict == EXCHANGE_MALFORMED) {
		q->malformed |= verdict == EXCHANGE_MALFORMED;
		r->stats.ignored++;
		return;
	}
	health_answer(u->health, r->sched->clock.now, q->again ? -1 : r->sched->clock.now - q->x.sent);
	if (verdict == EXCHANGE_PLAIN)
		health_plain(u->health, r->sched->clock.now);
	if (q->probe)
		finish(r, q, DNS_NODATA, NULL);
	else
		heard(r, q, verdict);
}

static void
upstream_refused(struct upstream *u, struct dns_query *q)
{
	struct resolver *r = u->user;
	int64_t wait = exchange_wait(&q->x, r->options.conf.timeout, q->most);

	q->refused = true;
	if (wait > REFUSED_PAUSE * q->x.tries)
		wait = REFUSED_PAUSE * q->x.tries;
	/* with another server there is nothing to wait for */
	if (r->options.conf.nservers > 1 && q->x.tries < r->options.conf.nservers)
		wait = 0;
	wait += q->x.sent;
	timer_arm(&r->sched->wheel, &q->timer, wait < q->deadline ? wait : q->deadline);
}

static void
upstream_lost(struct upstream *u, struct dns_query *q, bool progress)
{
	struct resolver *r = u->user;
	int64_t until = clock_read(&r->sched->clock) + REFUSED_PAUSE;

	if (progress) {
		q->x.tries--;
		try(r, q);
		return;
	}
	q->refused = true;
	timer_arm(&r->sched->wheel, &q->timer, until < q->deadline ? until : q->deadline);
}

void
tries_listen(struct resolver *r, struct upstream *u)
{
	u->user = r;
	u->reply = upstream_reply;
	u->refused = upstream_refused;
	u->lost = upstream_lost;
}
