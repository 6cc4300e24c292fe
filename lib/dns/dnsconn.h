/*
 * dnsconn.h: a connection over TCP, or TLS on it, to a server, shared by all that is to be asked that way, many
 * questions at a time (RFC 7766). It is made when it is needed, closed after a while without use, and made again when
 * the server closed it before it had answered all. A server that does so is sent as many at a time from then on as it
 * answered.
 */
#ifndef DNS_DNSCONN_H
#define DNS_DNSCONN_H

#include "dns/resolver.h"
#include "net/stream.h"

enum {
	DNSCONN_MOST = 512,   /* questions at a time */
	DNSCONN_WHYLEN = 160,
};

struct dnsconn {
	struct sched *sched;
	struct addr server;
	struct tls *tls;       /* NULL: none (RFC 7858). Taken by dnsconn_fini */
	const char *name;      /* for tlsconn_new; borrowed */
	void *user;
	/* A message came for q. May drop q. */
	void (*reply)(struct dnsconn *, struct dns_query *q, struct slice data);
	void (*stray)(struct dnsconn *);
	/*
	 * The connection is gone, and q, already dropped, was not answered on it. `progress`: others were, or fewer
	 * will be sent at a time on the next one.
	 */
	void (*lost)(struct dnsconn *, struct dns_query *q, bool progress);
	void (*connected)(struct dnsconn *);
	/* private */
	struct stream *stream;         /* NULL: none */
	struct defer defer;            /* writes what is unsent, at the end of the turn: in one go */
	struct timer timer;            /* idle; or broken, and to be dealt with at once */
	struct dns_query_list waiting; /* in the order of their sending */
	struct dns_query *unsent;      /* the first of them that is not written yet; those behind it aren't either */
	unsigned nwaiting, nwritten;
	unsigned most;                 /* written and not answered at a time */
	uint64_t answers;              /* on this connection */
	uint32_t round;                /* of connections: see give_up */
	uint16_t id;                   /* the last one given: a connection has nothing to fear from one who guesses it */
	bool busy;                     /* inside its own callback */
	char why[DNSCONN_WHYLEN];
	struct dns_query *slots[2 * DNSCONN_MOST]; /* by the lower bits of the id */
};

void dnsconn_init(struct dnsconn *); /* the upper fields are set */

/* Why TLS failed last, in words; "": it did not. */
const char *dnsconn_why(const struct dnsconn *);

/* Closes it; what waits there is forgotten. */
void dnsconn_fini(struct dnsconn *);

/* Sends q and keeps it until dnsconn_drop. 0, or -1 with errno; q is then not kept. */
int dnsconn_send(struct dnsconn *, struct dns_query *q);
void dnsconn_drop(struct dnsconn *, struct dns_query *q);

#endif
