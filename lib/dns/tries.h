/*
 * tries.h: the way of a question that has room: to a server, to it again or to another when nothing comes, over TCP
 * when the answer was cut short, until there is an answer or no attempt is left. And what the resolver and it share.
 */
#ifndef DNS_TRIES_H
#define DNS_TRIES_H

#include "dns/fetch.h"
#include "dns/name.h"
#include "dns/upstream.h"
#include "dns/window.h"

struct server {
	struct upstream u;
	struct dns_query probe;
	uint8_t probe_name[NAME_MAX_WIRE];
};

struct resolver {
	struct sched *sched;
	struct resolver_options options;
	struct dns_query_list waiting;
	unsigned inflight;
	struct window window;
	struct timer quiet;   /* looks whether the window must grow for want of answers, or whether it is time for the next */
	int64_t paced;        /* of an eager one: since when `left` have left */
	unsigned left;
	unsigned next;        /* server, when rotating */
	LIST_HEAD(, dns_query) all;
	struct dnsmsg msg;    /* what `done` sees */
	struct buf scratch;   /* its bytes, when they had to be changed */
	struct resolver_stats stats;
	struct fetcher *fetcher; /* NULL: no cache */
	struct health health[CONF_SERVERS];
	struct server servers[];
};

/* Asks. It is counted in flight from now on. */
void tries_begin(struct resolver *, struct dns_query *);

/* Takes it out of wherever it is, also of those that wait for room. `done` is not called. */
void tries_end(struct resolver *, struct dns_query *);

/* What a server says comes here. */
void tries_listen(struct resolver *, struct upstream *);

/* Somebody left: the resolver lets in who waits. */
void resolver_go_on(struct resolver *);

#endif
