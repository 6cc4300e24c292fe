/* siptransport.h: the addresses that a server listens on, over UDP, and what comes and goes there. */
#ifndef SIP_SIPTRANSPORT_H
#define SIP_SIPTRANSPORT_H

#include "sip/stxn.h"

struct siptransport;

/* Listens on `at` and gives what comes to the layer. NULL with errno. */
struct siptransport *siptransport_listen(struct stxn_layer *, const struct addr *at, bool reuseport);

/* What is queued is sent first. NULL is ignored. */
void siptransport_close(struct siptransport *);

/* Stops reading: what has come is still answered. */
void siptransport_pause(struct siptransport *);

/* The address it is bound to, with the port that the system chose for port 0. */
const struct addr *siptransport_addr(const struct siptransport *);

#endif
