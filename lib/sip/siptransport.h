/* siptransport.h: the addresses that a server listens on, over UDP, and what comes and goes there. */
#ifndef SIP_SIPTRANSPORT_H
#define SIP_SIPTRANSPORT_H

#include "sip/stxn.h"

struct siptransport;

/*
 * Listens on `at` and gives what comes to the layer, with itself as `via`; stxn_layer.send is to be
 * siptransport_send. NULL with errno.
 */
struct siptransport *siptransport_listen(struct stxn_layer *, const struct addr *at, bool reuseport);

/* What is queued is sent first. NULL is ignored. */
void siptransport_close(struct siptransport *);

/* Stops reading: what has come is still answered. */
void siptransport_pause(struct siptransport *);

/* For stxn_layer.send. A datagram that the system does not take is lost, as it could be in the network. */
void siptransport_send(void *arg, void *via, struct slice, const struct addr *to);

/* The address it is bound to, with the port that the system chose for port 0. */
const struct addr *siptransport_addr(const struct siptransport *);

#endif
