/*
 * fetch.h: questions answered from the cache where it can, and from the servers where it cannot. Equal questions at a
 * time share one query; what is asked for often is renewed before its time is over; what is out of date is given out
 * when the servers fail, or are slow (RFC 8767).
 */
#ifndef DNS_FETCH_H
#define DNS_FETCH_H

#include "dns/cache.h"
#include "dns/resolver.h"

struct fetcher;

/* Of a resolver, that must live longer; `bytes` of cache. NULL with errno. */
struct fetcher *fetcher_new(struct sched *, struct resolver *, size_t bytes);

/* Queries that are not done are forgotten. NULL is ignored. */
void fetcher_free(struct fetcher *);

/* As resolver_ask and resolver_cancel. */
void fetcher_ask(struct fetcher *, struct dns_query *);
void fetcher_cancel(struct fetcher *, struct dns_query *);

#endif
