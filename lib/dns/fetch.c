/*
 * A query that was asked is in `arrived` until the end of the turn; there it is answered from the cache, or waits at
 * the fetch of its question, its timer armed if there is a stale answer to be had meanwhile. A fetch is in the table
 * as long as its query is under way. When nobody waits for it any more it is given up, unless it renews what is
 * known.
 */
#include "dns/fetch.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "dns/status.h"

enum { SPARE = 64 }; /* fetches that are kept for the next ones */

#define PATIENCE (1800 * MSEC) /* with something stale at hand: RFC 8767 section 5, the client response timer */

struct fetch {
	struct hash_node node;
	struct dns_query q;
	struct fetcher *owner;
	struct dns_query_list waiting;
	int64_t began;
	bool renews;             /* goes on though nobody waits */
	LIST_ENTRY(fetch) entry;
	uint8_t name[NAME_MAX_WIRE];
};

struct fetcher {
	struct sched *sched;
	struct resolver *resolver;
	struct dns_cache *cache;
	struct hash fetches;
	LIST_HEAD(, fetch) all, spare;
	unsigned nspare;
	struct dns_query_list arrived;
	unsigned narrived;
	struct defer defer;
	struct buf scratch;      /* an answer with somebody else's letter case in the question */
};

/* --- fetches --- */

static struct fetch *
find(const struct fetcher *f, const struct exchange *x)
{
	struct hash_node *n = hash_find(&f->fetches, dns_cache_hash(f->cache, x));

	/* the node is the fetch's first field */
	while (n != NULL && !exchange_same(&((struct fetch *)n)->q.x, x))
		n = hash_next(n);
	return (struct fetch *)n;
}

static struct fetch *
take(struct fetcher *f)
{
	struct fetch *fetch = LIST_FIRST(&f->spare);

	if (fetch == NULL)
		return malloc(sizeof(*fetch));
	LIST_REMOVE(fetch, entry);
	f->nspare--;
	return fetch;
}

static void
give(struct fetcher *f, struct fetch *fetch)
{
	if (f->nspare >= SPARE) {
		free(fetch);
		return;
	}
	LIST_INSERT_HEAD(&f->spare, fetch, entry);
	f->nspare++;
}

static void
forget(struct fetcher *f, struct fetch *fetch)
{
	hash_remove(&f->fetches, &fetch->node);
	LIST_REMOVE(fetch, entry);
}

static void fetched(struct dns_query *);

/* Asks the servers. Nobody waits for it yet. NULL without memory. */
static struct fetch *
begin(struct fetcher *f, const struct exchange *x)
{
	struct fetch *fetch = take(f);

	if (fetch == NULL)
		return NULL;
	memset(fetch, 0, offsetof(struct fetch, name));
	memcpy(fetch->name, x->name, x->namelen);
	fetch->owner = f;
	fetch->began = f->sched->clock.now;
	fetch->q.done = fetched;
	fetch->q.background = true;
	fetch->q.x = (struct exchange){ .name = fetch->name, .namelen = x->namelen, .type = x->type, .class = x->class,
		.no_recursion = x->no_recursion, .checking_disabled = x->checking_disabled, .dnssec = x->dnssec };
	TAILQ_INIT(&fetch->waiting);
	LIST_INSERT_HEAD(&f->all, fetch, entry);
	hash_add(&f->fetches, &fetch->node, dns_cache_hash(f->cache, x));
	resolver_ask_servers(f->resolver, &fetch->q);
	return fetch;
}

/* --- those who ask --- */

/* Takes q out of wherever it is. */
static void
leave(struct fetcher *f, struct dns_query *q)
{
	struct fetch *fetch = q->via;

	timer_stop(&f->sched->wheel, &q->timer);
	if (fetch != NULL) {
		TAILQ_REMOVE(&fetch->waiting, q, link);
	} else {
		TAILQ_REMOVE(&f->arrived, q, link);
		f->narrived--;
	}
	q->via = NULL;
	q->shared = false;
	q->resolver = NULL;
	sched_release(f->sched);
}

static void
answer_cached(struct dns_query *q, const struct dns_cached *cached)
{
	q->status = cached->status;
	q->rcode = cached->msg.rcode;
	q->msg = &cached->msg;
	q->done(q);
}

/* It took too long: the old answer is better than none. The fetch goes on, for the cache. */
static void
ran_out_of_patience(struct timer *t)
{
	struct dns_query *q = (struct dns_query *)(void *)((char *)t - offsetof(struct dns_query, timer));
	struct fetch *fetch = q->via;
	struct fetcher *f = fetch->owner;
	struct dns_cached cached;

	if (dns_cache_get(f->cache, &q->x, f->sched->clock.now, &cached) == DNS_CACHE_MISS)
		return;
	fetch->renews = true;
	leave(f, q);
	resolver_count(f->resolver)->stale++;
	answer_cached(q, &cached);
}

static void
fail(struct fetcher *f, struct dns_query *q)
{
	leave(f, q);
	q->status = DNS_UNREACHABLE;
	q->done(q);
}

/* q waits for its question to be fetched. */
static void
wait_for(struct fetcher *f, struct dns_query *q, bool stale)
{
	struct fetch *fetch = find(f, &q->x);

	if (fetch != NULL)
		resolver_count(f->resolver)->shared++;
	else if ((fetch = begin(f, &q->x)) == NULL) {
		fail(f, q);
		return;
	}
	TAILQ_REMOVE(&f->arrived, q, link);
	f->narrived--;
	TAILQ_INSERT_TAIL(&fetch->waiting, q, link);
	q->via = fetch;
	if (stale)
		timer_arm(&f->sched->wheel, &q->timer, fetch->began + PATIENCE);
}

static void
renew(struct fetcher *f, const struct exchange *x)
{
	struct fetch *fetch = find(f, x);

	if (fetch == NULL)
		fetch = begin(f, x);
	if (fetch == NULL)
		return;
	fetch->renews = true;
	resolver_count(f->resolver)->renewed++;
}

static void
serve(struct fetcher *f, struct dns_query *q)
{
	struct dns_cached cached;
	enum dns_cache_state state = dns_cache_get(f->cache, &q->x, f->sched->clock.now, &cached);

	if (state == DNS_CACHE_MISS || state == DNS_CACHE_STALE) {
		wait_for(f, q, state == DNS_CACHE_STALE);
		return;
	}
	if (state == DNS_CACHE_RENEW)
		renew(f, &q->x);
	resolver_count(f->resolver)->hits++;
	if (state == DNS_CACHE_DEAD)
		resolver_count(f->resolver)->stale++;
	leave(f, q);
	answer_cached(q, &cached);
}

/* Those who ask again in their `done` come in the next turn. */
static void
serve_all(struct defer *d)
{
	struct fetcher *f = (struct fetcher *)(void *)((char *)d - offsetof(struct fetcher, defer));
	struct dns_query *q;

	for (unsigned n = f->narrived; n > 0 && (q = TAILQ_FIRST(&f->arrived)) != NULL; n--)
		serve(f, q);
	if (f->narrived > 0)
		sched_defer(f->sched, &f->defer);
}

/* --- what the servers said --- */

/* The message with the question, and what points at it, in the letter case of who asked. Without memory: as it is. */
static const struct dnsmsg *
in_the_case_of(struct fetcher *f, const struct dnsmsg *m, const struct exchange *x, struct dnsmsg *copy)
{
	uint8_t *bytes;

	if (m->qname == 0 || memcmp(m->p + m->qname, x->name, x->namelen) == 0)
		return m;
	buf_clear(&f->scratch);
	if ((bytes = (uint8_t *)buf_reserve(&f->scratch, m->n)) == NULL)
		return m;
	memcpy(bytes, m->p, m->n);
	memcpy(bytes + m->qname, x->name, x->namelen);
	*copy = *m;
	copy->p = bytes;
	return copy;
}

static void
pass_on(struct fetcher *f, const struct dns_query *from, struct dns_query *q)
{
	struct dnsmsg copy;

	leave(f, q);
	q->x.tries = from->x.tries;
	q->x.stream = from->x.stream;
	q->status = from->status;
	q->rcode = from->rcode;
	q->rtt = from->rtt;
	q->server = from->server;
	q->msg = from->msg != NULL ? in_the_case_of(f, from->msg, &q->x, &copy) : NULL;
	q->done(q);
}

static void
pass_stale(struct fetcher *f, const struct dns_query *from, struct dns_query *q)
{
	struct dns_cached cached;

	if (dns_cache_get(f->cache, &q->x, f->sched->clock.now, &cached) == DNS_CACHE_MISS) {
		pass_on(f, from, q);
		return;
	}
	leave(f, q);
	resolver_count(f->resolver)->stale++;
	answer_cached(q, &cached);
}

static void
fetched(struct dns_query *from)
{
	struct fetch *fetch = (struct fetch *)(void *)((char *)from - offsetof(struct fetch, q));
	struct fetcher *f = fetch->owner;
	bool good = from->status <= DNS_NXDOMAIN;
	struct dns_query *q;

	/* whoever asks in a `done` asks anew */
	forget(f, fetch);
	if (good)
		dns_cache_put(f->cache, &from->x, from->msg, from->status != DNS_ANSWER_OK, from->status, f->sched->clock.now);
	else
		dns_cache_failed(f->cache, &from->x, f->sched->clock.now);
	while ((q = TAILQ_FIRST(&fetch->waiting)) != NULL) {
		if (good)
			pass_on(f, from, q);
		else
			pass_stale(f, from, q);
	}
	give(f, fetch);
}

/* --- what the resolver calls --- */

void
fetcher_ask(struct fetcher *f, struct dns_query *q)
{
	q->resolver = f->resolver;
	q->shared = true;
	q->via = NULL;
	q->msg = NULL;
	q->rtt = 0;
	q->rcode = 0;
	q->server = 0;
	q->x.tries = 0;
	timer_init(&q->timer, ran_out_of_patience, false);
	TAILQ_INSERT_TAIL(&f->arrived, q, link);
	f->narrived++;
	sched_hold(f->sched);
	sched_defer(f->sched, &f->defer);
}

void
fetcher_cancel(struct fetcher *f, struct dns_query *q)
{
	struct fetch *fetch = q->via;

	leave(f, q);
	if (fetch == NULL || fetch->renews || !TAILQ_EMPTY(&fetch->waiting) || fetch->q.resolver == NULL)
		return;
	forget(f, fetch);
	resolver_cancel(f->resolver, &fetch->q);
	give(f, fetch);
}

struct fetcher *
fetcher_new(struct sched *sched, struct resolver *r, size_t bytes)
{
	struct fetcher *f = calloc(1, sizeof(*f));

	if (f == NULL || (f->cache = dns_cache_new(bytes)) == NULL) {
		free(f);
		return NULL;
	}
	f->sched = sched;
	f->resolver = r;
	hash_init(&f->fetches);
	LIST_INIT(&f->all);
	LIST_INIT(&f->spare);
	TAILQ_INIT(&f->arrived);
	f->defer.run = serve_all;
	return f;
}

void
fetcher_free(struct fetcher *f)
{
	struct dns_query *q;
	struct fetch *fetch;

	if (f == NULL)
		return;
	sched_undefer(f->sched, &f->defer);
	while ((q = TAILQ_FIRST(&f->arrived)) != NULL)
		leave(f, q);
	while ((fetch = LIST_FIRST(&f->all)) != NULL) {
		while ((q = TAILQ_FIRST(&fetch->waiting)) != NULL)
			leave(f, q);
		forget(f, fetch);
		resolver_cancel(f->resolver, &fetch->q);
		free(fetch);
	}
	while ((fetch = LIST_FIRST(&f->spare)) != NULL) {
		LIST_REMOVE(fetch, entry);
		free(fetch);
	}
	hash_fini(&f->fetches);
	dns_cache_free(f->cache);
	buf_fini(&f->scratch);
	free(f);
}
