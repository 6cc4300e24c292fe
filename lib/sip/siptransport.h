/* siptransport.h: the addresses that a server listens on, over UDP, TCP and TLS. */
#ifndef SIP_SIPTRANSPORT_H
#define SIP_SIPTRANSPORT_H

#include "sip/sipstream.h"
#include "sip/stxn.h"

struct siptransport;

struct siptransport_options {
	enum transport transport;   /* TRANSPORT_UDP, TRANSPORT_TCP or TRANSPORT_TLS */
	bool reuseport;
	bool client;                /* requests are sent over UDP, too: the flow's users are told if nobody is there (18.4) */
	struct sipstreams *streams; /* where connections go; NULL if there are none */
	struct tls *tls;            /* of a server; of TRANSPORT_TLS. A reference is taken */
};

/* Listens on `at` and gives what comes to the layer. NULL with errno. */
struct siptransport *siptransport_listen(struct stxn_layer *, const struct addr *at, const struct siptransport_options *);

/* What is queued is sent first. NULL is ignored. */
void siptransport_close(struct siptransport *);

/* Stops reading, and accepting: what has come is still answered. */
void siptransport_pause(struct siptransport *);

/* Another struct tls for the connections that come from now on. */
void siptransport_set_tls(struct siptransport *, struct tls *);

/* Its address, with the port that the system chose for port 0, and its kind. */
const struct addr *siptransport_addr(const struct siptransport *);
enum transport siptransport_kind(const struct siptransport *);

/* The flow by which a UDP transport sends; NULL for others. */
struct sipflow *siptransport_flow(struct siptransport *);

#endif
