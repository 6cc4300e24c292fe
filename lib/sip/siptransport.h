/* siptransport.h: the addresses that a server listens on, over UDP and TCP. */
#ifndef SIP_SIPTRANSPORT_H
#define SIP_SIPTRANSPORT_H

#include "sip/sipstream.h"
#include "sip/stxn.h"

struct siptransport;

struct siptransport_options {
	enum transport transport;   /* TRANSPORT_UDP or TRANSPORT_TCP */
	bool reuseport;
	struct sipstreams *streams; /* where connections go; NULL if there are none */
};

/* Listens on `at` and gives what comes to the layer. NULL with errno. */
struct siptransport *siptransport_listen(struct stxn_layer *, const struct addr *at, const struct siptransport_options *);

/* What is queued is sent first. NULL is ignored. */
void siptransport_close(struct siptransport *);

/* Stops reading, and accepting: what has come is still answered. */
void siptransport_pause(struct siptransport *);

/* Its address, with the port that the system chose for port 0, and its kind. */
const struct addr *siptransport_addr(const struct siptransport *);
enum transport siptransport_kind(const struct siptransport *);

/* The flow by which a UDP transport sends; NULL for others. */
struct sipflow *siptransport_flow(struct siptransport *);

#endif
