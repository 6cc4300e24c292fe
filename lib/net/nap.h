/*
 * nap.h: a datagram socket that is read in gulps, for who has to hear of everything but not at once. Waking up costs
 * several times what reading a datagram does: so what has arrived waits a little, for more to come. Nothing wakes up
 * while nothing comes.
 */
#ifndef NET_NAP_H
#define NET_NAP_H

#include "net/udp.h"

/* No datagram waits longer than that, ns. */
#define NAP_MOST (10 * MSEC)

/* All zero before nap_start; it must stay where it is until nap_stop. */
struct nap {
	/* private */
	struct udp *udp;
	struct sched *sched;
	struct timer timer;
	int64_t length, first; /* ns: of the present nap; of one after a silence */
	int64_t begun;         /* when the socket was last read */
	double rate;           /* bytes of the buffer a ns: the highest of late */
};

/*
 * Reads `u` from now on; its callback must not close it. The fuller the receive buffer gets, the shorter the naps.
 * A unix socket lets only some datagrams wait, and is read as they come. 0, or -1 with errno.
 */
int nap_start(struct nap *, struct sched *, struct udp *u);

/* Before udp_close. Safe when it was never started. */
void nap_stop(struct nap *);

#endif
