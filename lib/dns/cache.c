/*
 * An entry is one block: the record below, the name, the message. `recent` has the entries in the order of their last
 * use. A message is kept as it came and given out as a copy in `scratch`, its TTLs counted down there.
 */
#include "dns/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/slab.h"
#include "dns/name.h"

enum {
	MOST_TTL = 86400,      /* seconds; whatever a record says */
	MOST_NEGATIVE = 10800, /* RFC 2308 section 5 */
	STALE_TTL = 30,        /* RFC 8767 section 4 */
	OVERHEAD = 32,         /* of an allocation, and of its place in the table */
	SHARES = 4,            /* no answer takes more than such a part of the whole */
};

#define MOST_STALE (86400 * SEC) /* after its end */
#define RECHECK    (30 * SEC)    /* RFC 8767 section 5: the failure recheck timer */

struct entry {
	struct hash_node node;
	TAILQ_ENTRY(entry) recent;
	int64_t stored, expires;
	int64_t recheck;       /* not before it, after a failure */
	struct dnsmsg msg;     /* p: behind the name */
	uint32_t size;
	uint16_t type, class;
	uint8_t flags, namelen, status;
	bool renewing;
	uint8_t name[];
};

TAILQ_HEAD(entry_list, entry);

struct dns_cache {
	struct hash entries;
	struct entry_list recent; /* the last used in front */
	size_t bytes, most;
	struct slab_heap slabs; /* an entry outlives what is allocated around it: it does not share its pages */
	struct buf scratch;
};

/* What else than the name, type and class makes a question another. */
static uint8_t
flags_of(const struct exchange *x)
{
	return (uint8_t)(x->no_recursion | x->checking_disabled << 1 | x->dnssec << 2);
}

uint64_t
dns_cache_hash(const struct dns_cache *c, const struct exchange *x)
{
	uint8_t key[NAME_MAX_WIRE + 5];
	size_t n = x->namelen;

	memcpy(key, x->name, n);
	key[n++] = (uint8_t)(x->type >> 8);
	key[n++] = (uint8_t)x->type;
	key[n++] = (uint8_t)(x->class >> 8);
	key[n++] = (uint8_t)x->class;
	key[n++] = flags_of(x);
	return siphash_nocase(c->entries.key, key, n);
}

static bool
is_for(const struct entry *e, const struct exchange *x)
{
	return e->flags == flags_of(x) && e->type == x->type && e->class == x->class &&
	    slice_caseeq(slice_make(e->name, e->namelen), slice_make(x->name, x->namelen));
}

static struct entry *
find(const struct dns_cache *c, const struct exchange *x)
{
	struct hash_node *n = hash_find(&c->entries, dns_cache_hash(c, x));

	/* the node is the entry's first field */
	while (n != NULL && !is_for((const struct entry *)n, x))
		n = hash_next(n);
	return (struct entry *)n;
}

static void
drop(struct dns_cache *c, struct entry *e)
{
	hash_remove(&c->entries, &e->node);
	TAILQ_REMOVE(&c->recent, e, recent);
	c->bytes -= e->size;
	slab_free(&c->slabs, e, e->size - OVERHEAD);
}

/* --- how long --- */

static uint32_t
least_ttl(const struct dnsmsg *m, uint32_t most)
{
	struct dnsrr rr;

	for (int s = DNS_ANSWER; s < DNS_SECTIONS; s++)
		for (struct dnswalk w = dnsmsg_walk(m, (enum dnssection)s); dnsmsg_next(&w, &rr);)
			if (rr.number != RRTYPE_OPT && rr.ttl < most)
				most = rr.ttl;
	return most;
}

/* The SOA's last field, `minimum`; without a SOA nothing is to be kept (RFC 2308 section 5). */
static uint32_t
negative_ttl(const struct dnsmsg *m)
{
	struct dnswalk w = dnsmsg_walk(m, DNS_AUTHORITY);
	struct dnsrr rr;
	uint32_t minimum;
	const uint8_t *p;

	while (dnsmsg_next(&w, &rr)) {
		if (rr.type->number != RRTYPE_SOA || rr.class != m->qclass)
			continue;
		p = m->p + rr.rdata + rr.rdlen - 4;
		minimum = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
		return least_ttl(m, minimum < MOST_NEGATIVE ? minimum : MOST_NEGATIVE);
	}
	return 0;
}

static uint32_t
ttl_of(const struct dnsmsg *m, bool nothing)
{
	if (m->qname == 0 || m->flags & DNS_TC || (m->rcode != RCODE_NOERROR && m->rcode != RCODE_NXDOMAIN))
		return 0;
	return nothing ? negative_ttl(m) : least_ttl(m, MOST_TTL);
}

/* --- putting --- */

static struct entry *
make(struct dns_cache *c, const struct exchange *x, const struct dnsmsg *m, size_t size)
{
	struct entry *e = slab_alloc(&c->slabs, size - OVERHEAD);

	if (e == NULL)
		return NULL;
	*e = (struct entry){ .msg = *m, .size = (uint32_t)size, .type = x->type, .class = x->class, .flags = flags_of(x),
		.namelen = x->namelen };
	memcpy(e->name, x->name, x->namelen);
	memcpy(e->name + x->namelen, m->p, m->n);
	e->msg.p = e->name + x->namelen;
	return e;
}

void
dns_cache_put(struct dns_cache *c, const struct exchange *x, const struct dnsmsg *m, bool nothing, uint8_t status, int64_t now)
{
	uint32_t ttl = ttl_of(m, nothing);
	size_t size = sizeof(struct entry) + x->namelen + m->n + OVERHEAD;
	struct entry *e, *last;

	/* one that may not be kept replaces what is known all the same */
	if ((e = find(c, x)) != NULL)
		drop(c, e);
	if (ttl == 0 || size > c->most / SHARES || (e = make(c, x, m, size)) == NULL)
		return;
	while (c->bytes + size > c->most && (last = TAILQ_LAST(&c->recent, entry_list)) != NULL)
		drop(c, last);
	e->status = status;
	e->stored = now;
	e->expires = now + ttl * SEC;
	c->bytes += size;
	TAILQ_INSERT_HEAD(&c->recent, e, recent);
	hash_add(&c->entries, &e->node, dns_cache_hash(c, x));
}

/* --- getting --- */

static enum dns_cache_state
state_of(struct entry *e, int64_t now)
{
	if (now >= e->expires)
		return now < e->recheck ? DNS_CACHE_DEAD : DNS_CACHE_STALE;
	if (e->renewing || now < e->recheck || now < e->expires - (e->expires - e->stored) / 10)
		return DNS_CACHE_FRESH;
	e->renewing = true;
	return DNS_CACHE_RENEW;
}

static void
put_ttl(uint8_t *p, uint32_t ttl)
{
	p[0] = (uint8_t)(ttl >> 24);
	p[1] = (uint8_t)(ttl >> 16);
	p[2] = (uint8_t)(ttl >> 8);
	p[3] = (uint8_t)ttl;
}

/* Whole seconds that have passed are gone from every TTL. */
static void
count_down(const struct dnsmsg *m, uint8_t *bytes, uint32_t passed, bool stale)
{
	struct dnsrr rr;

	for (int s = DNS_ANSWER; s < DNS_SECTIONS; s++) {
		for (struct dnswalk w = dnsmsg_walk(m, (enum dnssection)s); dnsmsg_next(&w, &rr);) {
			uint32_t ttl = rr.ttl > MOST_TTL ? MOST_TTL : rr.ttl;

			if (rr.number != RRTYPE_OPT)
				put_ttl(bytes + rr.rdata - 6, stale ? STALE_TTL : ttl > passed ? ttl - passed : 0);
		}
	}
}

enum dns_cache_state
dns_cache_get(struct dns_cache *c, const struct exchange *x, int64_t now, struct dns_cached *out)
{
	struct entry *e = find(c, x);
	enum dns_cache_state state;
	struct fault fault;
	uint8_t *bytes;

	if (e == NULL)
		return DNS_CACHE_MISS;
	if (now >= e->expires + MOST_STALE) {
		drop(c, e);
		return DNS_CACHE_MISS;
	}
	buf_clear(&c->scratch);
	if ((bytes = (uint8_t *)buf_reserve(&c->scratch, e->msg.n)) == NULL)
		return DNS_CACHE_MISS;
	memcpy(bytes, e->msg.p, e->msg.n);
	/* exchange.h lets no other question pass than one in plain, where the header ends */
	memcpy(bytes + DNS_HEADER, x->name, x->namelen);
	count_down(&e->msg, bytes, (uint32_t)((now - e->stored) / SEC), now >= e->expires);
	/* a name may have pointed into what has changed: nobody does that in good faith */
	if (dnsmsg_parse(&out->msg, bytes, e->msg.n, &fault) != 0) {
		drop(c, e);
		return DNS_CACHE_MISS;
	}
	out->status = e->status;
	state = state_of(e, now);
	TAILQ_REMOVE(&c->recent, e, recent);
	TAILQ_INSERT_HEAD(&c->recent, e, recent);
	return state;
}

void
dns_cache_failed(struct dns_cache *c, const struct exchange *x, int64_t now)
{
	struct entry *e = find(c, x);

	if (e == NULL)
		return;
	e->renewing = false;
	e->recheck = now + RECHECK;
}

/* --- its making --- */

struct dns_cache *
dns_cache_new(size_t bytes)
{
	struct dns_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	hash_init(&c->entries);
	TAILQ_INIT(&c->recent);
	c->most = bytes;
	return c;
}

void
dns_cache_free(struct dns_cache *c)
{
	struct entry *e;

	if (c == NULL)
		return;
	while ((e = TAILQ_FIRST(&c->recent)) != NULL)
		drop(c, e);
	slab_trim(&c->slabs);
	hash_fini(&c->entries);
	buf_fini(&c->scratch);
	free(c);
}

size_t
dns_cache_bytes(const struct dns_cache *c)
{
	return c->bytes;
}

size_t
dns_cache_entries(const struct dns_cache *c)
{
	return c->entries.n;
}
