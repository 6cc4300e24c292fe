/*
 * The first datagram after a silence begins a nap; at its end all is read, and the next one begins, until a nap has
 * brought next to nothing: then the poller watches again. The buffer is to be an eighth full when it is read, as fast
 * as it was ever filled of late: what comes, comes in bursts. How fast the first burst will be, nobody knows: it is
 * taken for the densest that there can be.
 */
#include "net/nap.h"

#include <stddef.h>

enum {
	GULP = 2048,    /* datagrams read at once: signals and timers have their turn too */
	FEW = 4,        /* datagrams that are not worth another nap */
	PER_BYTE = 2,   /* ns: the system counts some 768 bytes for a small datagram, and one comes in 1.5 us at best */
};

#define NAP_LEAST (100 * USEC)
#define FADING 0.98 /* of the highest rate, with each nap */

static int64_t
within(int64_t length)
{
	return length < NAP_LEAST ? NAP_LEAST : length > NAP_MOST ? NAP_MOST : length;
}

static void
sleep_on(struct nap *n)
{
	timer_arm(&n->sched->wheel, &n->timer, n->sched->clock.now + n->length);
}

static void
adapt(struct nap *n)
{
	struct udp_buffer b = udp_buffer(n->udp);
	int64_t passed = n->sched->clock.now - n->begun;
	double rate = passed > 0 ? (double)b.used / (double)passed : 0, eighth = (double)b.size / 8;

	n->begun = n->sched->clock.now;
	n->rate = rate > n->rate ? rate : n->rate * FADING;
	n->length = eighth < n->rate * (double)NAP_MOST ? within((int64_t)(eighth / n->rate)) : NAP_MOST;
}

static void
wake(struct timer *t)
{
	struct nap *n = (struct nap *)(void *)((char *)t - offsetof(struct nap, timer));
	size_t got;

	adapt(n);
	got = udp_receive(n->udp, GULP);
	if (got == GULP)
		timer_arm(&n->sched->wheel, &n->timer, n->sched->clock.now);
	else if (got > FEW || udp_read(n->udp, true) != 0)
		sleep_on(n);
}

static void
arrived(void *arg)
{
	struct nap *n = arg;

	n->length = n->first;
	n->rate = 0;
	n->begun = n->sched->clock.now;
	sleep_on(n);
}

int
nap_start(struct nap *n, struct sched *s, struct udp *u)
{
	struct addr self;

	if (udp_localaddr(u, &self) != 0)
		return -1;
	*n = (struct nap){ .udp = u, .sched = s };
	timer_init(&n->timer, wake, true);
	n->first = within((int64_t)udp_buffer(u).size / 2 * PER_BYTE);
	if (self.u.sa.sa_family != AF_UNIX)
		udp_on_arrival(u, arrived, n);
	return udp_read(u, true);
}

void
nap_stop(struct nap *n)
{
	if (n->udp == NULL)
		return;
	timer_stop(&n->sched->wheel, &n->timer);
	udp_on_arrival(n->udp, NULL, NULL);
	n->udp = NULL;
}
