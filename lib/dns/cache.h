/*
 * cache.h: answers that are kept as long as their records allow (RFC 1035 7.4), those that say there is nothing as
 * long as the zone's SOA allows (RFC 2308), and what is out of date for a day longer, for when no server can be
 * reached (RFC 8767). Bounded by bytes: what was not asked for longest goes first. No I/O; the time is told to it.
 */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "dns/dnsmsg.h"
#include "dns/exchange.h"

struct dns_cache;

enum dns_cache_state {
	DNS_CACHE_MISS,  /* nothing is known */
	DNS_CACHE_FRESH,
	DNS_CACHE_RENEW, /* good, but in the last tenth of its time, and nobody was told so yet: ask again */
	DNS_CACHE_STALE, /* out of date; its records have a TTL of 30 seconds now (RFC 8767 section 4) */
	DNS_CACHE_DEAD,  /* stale, and the servers failed to renew it less than 30 seconds ago: take it as it is */
};

struct dns_cached {
	struct dnsmsg msg; /* with the asker's question; TTLs as of now. Borrowed until the next call */
	uint8_t status;    /* as it was put */
};

/* `bytes`: the most it takes, all counted. NULL with errno. */
struct dns_cache *dns_cache_new(size_t bytes);
void dns_cache_free(struct dns_cache *); /* NULL is ignored */

/*
 * Keeps a copy of an answer, instead of an older one, if it may be kept: NOERROR or NXDOMAIN, not cut short, and with
 * a SOA when it says that there is nothing. `nothing`: it has no record that answers the question.
 */
void dns_cache_put(struct dns_cache *, const struct exchange *, const struct dnsmsg *, bool nothing, uint8_t status, int64_t now);

/* What is known of a question at `now`; *out is set unless it is DNS_CACHE_MISS. Without the memory for it: a miss. */
enum dns_cache_state dns_cache_get(struct dns_cache *, const struct exchange *, int64_t now, struct dns_cached *out);

/* The servers could not be asked: what is known and stale is left alone for 30 seconds. */
void dns_cache_failed(struct dns_cache *, const struct exchange *, int64_t now);

/* By which a question is found, also elsewhere; of the same question in whatever case the same. */
uint64_t dns_cache_hash(const struct dns_cache *, const struct exchange *);

/* What it holds. */
size_t dns_cache_bytes(const struct dns_cache *);
size_t dns_cache_entries(const struct dns_cache *);

#endif
