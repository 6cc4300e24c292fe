/*
 * upstream.h: one server and the ways to it: UDP sockets, a TCP connection, and what is known of its health. What is
 * asked of it, how often, and whom to ask instead is the resolver's affair.
 */
#ifndef DNS_UPSTREAM_H
#define DNS_UPSTREAM_H

#include "dns/dnsconn.h"
#include "dns/dnsport.h"
#include "dns/health.h"
#include "dns/resolver.h"

struct upstream {
	struct sched *sched;
	struct health *health;         /* those of all servers lie side by side */
	struct resolver_stats *stats;
	void *user;
	/* Something came for q; all that is known is that it has its id, from its address. May drop q. */
	void (*reply)(struct upstream *, struct dns_query *q, struct slice data);
	/* The system says that nobody is there; q still waits. May drop it. */
	void (*refused)(struct upstream *, struct dns_query *q);
	/* The TCP connection is gone; q does not wait any more. `progress`: it had brought answers. */
	void (*lost)(struct upstream *, struct dns_query *q, bool progress);
	/* private */
	struct dnsport_set ports;
	struct dnsconn conn;
	bool mixes, cookies;
};

/* The upper fields are set. `ports`: UDP sockets at most. */
void upstream_init(struct upstream *, const struct resolver_options *, const struct addr *server, unsigned ports);

/* It is asked over TLS only, from the start on; the name is borrowed. 0, or -1 with errno. */
int upstream_use_tls(struct upstream *, const struct dns_tls *);
bool upstream_uses_tls(const struct upstream *);
void upstream_fini(struct upstream *);

/* Before the first try at this server: what goes into the question besides the question. */
void upstream_prepare(struct upstream *, struct dns_query *);

/* Sends q over UDP or TCP (q->x.stream), or again if it is kept already. 0; -1 with errno, q is then not kept. */
int upstream_send(struct upstream *, struct dns_query *q);
void upstream_drop(struct upstream *, struct dns_query *q); /* not kept: nothing happens */

#endif
