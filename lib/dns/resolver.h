/*
 * resolver.h: asks name servers and waits for the answer (RFC 1035, 5452, 7766): over UDP from unpredictable ports
 * with unpredictable ids, again when nothing comes, one server after the other, over TCP when the answer was cut
 * short; or over TLS alone (RFC 7858). What does not come from the server's address and port with our id and our
 * question is ignored. The fastest server is asked first, one that has gone silent is left alone and tried out now and
 * then.
 *
 * A struct dns_query is embedded in whoever asks. Nothing is allocated for a question once the sockets are there.
 */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/addr.h"
#include "dns/conf.h"
#include "dns/dnsmsg.h"
#include "dns/exchange.h"
#include "dns/status.h"
#include "loop/sched.h"

struct resolver;
struct health;

struct dns_query {
	/* Called once, from the loop, never from resolver_ask. It may free the query, or ask again with it. */
	void (*done)(struct dns_query *);
	struct exchange x;        /* set name, namelen, type, class; may set no_recursion, checking_disabled, dnssec */
	/* the outcome */
	const struct dnsmsg *msg; /* borrowed for the call; NULL when there is none */
	int64_t rtt;              /* from the last sending to the answer, ns */
	uint16_t rcode;
	uint8_t status;           /* enum dns_status */
	uint8_t server;           /* which was asked last: its index */
	/* private */
	int64_t deadline;            /* attempts * timeout from the first sending */
	uint8_t most;                /* tries at most */
	uint32_t round;              /* of its connection: dnsconn.c */
	bool written;                /* to its connection */
	bool malformed, refused, truncated, miscased; /* seen on the way */
	bool unmixed;                /* the case of its letters is left alone: it was miscased, and TCP was of no help */
	bool again;                  /* what comes may answer an earlier try: its round-trip time is not known */
	bool probe;                  /* nobody waits for it: resolver.c */
	bool active;                 /* counted in flight */
	bool shared;                 /* fetch.c has it */
	bool background;             /* does not hold the loop; set by the owner */
	struct resolver *resolver;   /* that was asked; NULL when it is done */
	void *via;                   /* struct dnsport or struct dnsconn that it waits on, by x.stream; or struct fetch */
	struct timer timer;
	TAILQ_ENTRY(dns_query) link; /* of those that wait for room, or of its connection */
	LIST_ENTRY(dns_query) all;
};

TAILQ_HEAD(dns_query_list, dns_query);

/* Whether to do something against forgers: AUTO: unless the server is on the loopback, where there are none. */
enum resolver_guard { RESOLVER_GUARD_AUTO, RESOLVER_GUARD_ON, RESOLVER_GUARD_OFF };

struct resolver_options {
	struct dns_conf conf;  /* copied; at least one server */
	unsigned concurrency;  /* questions in flight at most; 0: as many as fit */
	bool stream;           /* TCP only */
	/*
	 * Questions leave as they come, however slow or silent the server is: for who has to ask when he is asked. Else as
	 * many are under way as make a server busy (window.h): for who has a list.
	 */
	bool eager;
	enum resolver_guard mix_case; /* random upper and lower case in questions, that answers must repeat */
	enum resolver_guard cookies;  /* RFC 7873 */
	unsigned spread;       /* a question leaves from any of so many sockets (not on the loopback); 0: from one until it is full */
	size_t cache;          /* bytes of answers that are kept; 0: every question goes to a server */
};

/* NULL with errno. Sockets are opened as they are needed. Not ended queries hold the loop (sched_hold). */
struct resolver *resolver_new(struct sched *, const struct resolver_options *);

/* Queries that are not done are forgotten; their `done` is not called. Not from within a `done`. NULL is ignored. */
void resolver_free(struct resolver *);

/* Asks, the cache first if there is one. When there is no room in flight the question waits its turn; that time does not count. */
void resolver_ask(struct resolver *, struct dns_query *);

/* The same, whatever the cache has. */
void resolver_ask_servers(struct resolver *, struct dns_query *);

/* Forgets a query that was asked and is not done: `done` will not be called. Safe otherwise, if it was zeroed once. */
void resolver_cancel(struct resolver *, struct dns_query *);

/*
 * How many more questions would be sent at once; how many are in flight; and the most that may be (window.h: it may
 * be fewer for a while).
 */
unsigned resolver_room(const struct resolver *);
unsigned resolver_inflight(const struct resolver *);
unsigned resolver_capacity(const struct resolver *);

/* As it was made with; and the time of its loop, ns. */
const struct dns_conf *resolver_conf(const struct resolver *);
int64_t resolver_now(const struct resolver *);

const struct addr *resolver_server(const struct resolver *, unsigned index);

/* Why TLS with this server failed last, in words; "": it did not. */
const char *resolver_why(const struct resolver *, unsigned index);

/* "NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL", "TIMEOUT"...; `to` has RRTYPE_TEXTLEN bytes, and may be returned. */
const char *resolver_status(const struct dns_query *, char *to);

/* What is known of a server. */
const struct health *resolver_health(const struct resolver *, unsigned index);

/* Since the start. */
struct resolver_stats {
	uint64_t sent;        /* questions, to servers */
	uint64_t ignored;     /* messages: forged, late, malformed */
	uint64_t connections; /* of TCP that were made */
	uint64_t hits, stale; /* answered from the cache; those of them, and of others, that got something out of date */
	uint64_t shared;      /* waited for an equal question that was under way */
	uint64_t renewed;     /* asked for again before their time was over */
};

const struct resolver_stats *resolver_stats(const struct resolver *);

/* For the rooms of the resolver: where they count. */
struct resolver_stats *resolver_count(struct resolver *);

#endif
