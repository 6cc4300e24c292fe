/*
 * dnsport.h: the UDP sockets from which one server is asked. Each has a port chosen at random and an id for every
 * question chosen at random, so that nobody who cannot see the traffic can answer in the server's place (RFC 5452); a
 * socket is replaced after some thousand questions. The answers to what was asked from one socket fit into its
 * receive buffer, that none is lost before it is read.
 */
#ifndef DNS_DNSPORT_H
#define DNS_DNSPORT_H

#include "dns/resolver.h"

enum { DNSPORT_SLOTS = 1024 }; /* questions are found by the lower bits of their id */

struct dnsport;

TAILQ_HEAD(dnsport_list, dnsport);

struct dnsport_set {
	struct sched *sched;
	struct addr server;
	void *user;
	/* Something came for q: id, address and port are right, no more is known. May drop q. */
	void (*reply)(struct dnsport_set *, struct dns_query *q, struct slice data);
	/* Something came that is for none, or from elsewhere. */
	void (*stray)(struct dnsport_set *);
	/* The system says that nobody listens there, or no way leads there. May drop q. */
	void (*refused)(struct dnsport_set *, struct dns_query *q);
	unsigned most;   /* sockets */
	unsigned spread; /* 2 or more: a question leaves from any of so many, by chance; else one is used until it is full */
	/* private */
	struct dnsport_list open; /* that take more questions; the one to be used next in front */
	struct dnsport_list full; /* the others, retired ones too */
	unsigned n, nopen;
	unsigned busy;            /* callbacks under way */
	bool sweep;               /* a retired socket has nobody left */
};

/* How many questions can wait on one socket, by the receive buffer that the system grants. */
unsigned dnsport_fits(void);

void dnsport_init(struct dnsport_set *); /* the upper fields are set */

/* Closes all; what waits there is forgotten. */
void dnsport_fini(struct dnsport_set *);

/*
 * Sends q (again: with the same id from the same socket) and keeps it until dnsport_drop. 0, or -1 with errno; q is
 * then not kept.
 */
int dnsport_send(struct dnsport_set *, struct dns_query *q);
void dnsport_drop(struct dnsport_set *, struct dns_query *q);

#endif
