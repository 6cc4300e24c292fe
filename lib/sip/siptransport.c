/*
 * A UDP socket that is bound to every address of the machine has a door for each at which something has come: answers
 * leave from the address that was asked (RFC 3581, section 4), which the system would else choose by itself.
 */
#include "sip/siptransport.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "net/listen.h"
#include "net/udp.h"

/* Asked of the system for each socket: a burst of some thousand requests is no reason to lose one. */
enum { SOCKET_BUFFER = 4 * 1024 * 1024 };

enum { ACCEPTS = 64 };

/* Addresses of our own that are remembered; answers that would need another one leave from where the system likes. */
enum { DOORS = 256 };

/* How long a listener rests that the system gives no descriptor for what it would accept. */
#define REST (100 * MSEC)

struct door {
	struct sipflow flow;
	LIST_ENTRY(door) entry; /* of transport->doors while that is open, which holds it then */
	struct siptransport *transport; /* held */
	struct addr at;
};

struct siptransport {
	struct sipflow flow;    /* of UDP; its address and kind for both */
	LIST_HEAD(, door) doors; /* the last used is the first */
	int ndoors;
	bool everywhere;        /* it has doors */
	struct udp *udp;        /* NULL: closed */
	struct listen *listen;
	struct timer rest;
	struct stxn_layer *layer;
	struct sipstreams *streams;
	struct tls *tls;        /* NULL: plain TCP */
	bool paused;
};

static void
unused(struct sipflow *flow)
{
	free(flow);
}

/* --- doors --- */

static void
unused_door(struct sipflow *flow)
{
	struct door *d = (struct door *)flow;

	sipflow_release(&d->transport->flow);
	free(d);
}

static int
send_from_door(struct sipflow *flow, struct slice data, const struct addr *to, bool loose)
{
	struct door *d = (struct door *)flow;

	if (d->transport->udp == NULL) {
		errno = EPIPE;
		return -1;
	}
	return udp_send_how(d->transport->udp, data, to, &d->at, loose);
}

static void
close_door(struct door *d)
{
	LIST_REMOVE(d, entry);
	d->transport->ndoors--;
	sipflow_release(&d->flow);
}

/* The one that has not been used for the longest time, of those that nobody holds. */
static void
close_oldest_door(struct siptransport *t)
{
	struct door *d, *oldest = NULL;

	LIST_FOREACH(d, &t->doors, entry)
		if (d->flow.holders == 1)
			oldest = d;
	if (oldest != NULL)
		close_door(oldest);
}

static struct door *
open_door(struct siptransport *t, const struct addr *at)
{
	struct door *d;

	if (t->ndoors == DOORS)
		close_oldest_door(t);
	if (t->ndoors == DOORS || (d = malloc(sizeof(*d))) == NULL)
		return NULL;
	*d = (struct door){ .flow = { .send = send_from_door, .unused = unused_door, .local = t->flow.local,
		.transport = t->flow.transport, .holders = 1 }, .transport = t, .at = *at };
	(void)sipflow_hold(&t->flow);
	LIST_INSERT_HEAD(&t->doors, d, entry);
	t->ndoors++;
	return d;
}

/* The way back of the datagram that has just come. */
static struct sipflow *
way_back(struct siptransport *t)
{
	struct door *d;
	struct addr at;

	if (!t->everywhere || udp_came_to(t->udp, &at) == -1)
		return &t->flow;
	LIST_FOREACH(d, &t->doors, entry)
		if (addr_same_host(&d->at, &at))
			break;
	if (d == NULL)
		return (d = open_door(t, &at)) != NULL ? &d->flow : &t->flow;
	LIST_REMOVE(d, entry);
	LIST_INSERT_HEAD(&t->doors, d, entry);
	return &d->flow;
}

/* --- UDP --- */

static void
came(struct udp *udp, struct slice data, const struct addr *from)
{
	struct siptransport *t = udp_user(udp);

	stxn_receive(t->layer, way_back(t), data, from);
}

static void
unreached(struct udp *udp, const struct addr *to, int error)
{
	struct siptransport *t = udp_user(udp);

	sipflow_unreached(&t->flow, to, error);
}

static int
send_datagram(struct sipflow *flow, struct slice data, const struct addr *to, bool loose)
{
	struct siptransport *t = (struct siptransport *)flow;

	if (t->udp == NULL) {
		errno = EPIPE;
		return -1;
	}
	return udp_send_how(t->udp, data, to, NULL, loose);
}

static int
open_udp(struct siptransport *t, const struct addr *at, const struct siptransport_options *o)
{
	struct udp_options options = { .rcvbuf = SOCKET_BUFFER, .sndbuf = SOCKET_BUFFER, .reuseport = o->reuseport, .v6only = true };

	options.local = t->everywhere = addr_is_any(at);
	t->udp = udp_open(t->layer->sched, at, at->u.sa.sa_family, &options, came, t);
	if (t->udp == NULL || udp_localaddr(t->udp, &t->flow.local) == -1 ||
	    (o->client && udp_on_unreached(t->udp, unreached) == -1))
		return -1;
	return udp_read(t->udp, true);
}

/* --- TCP --- */

static void
connection_waits(struct listen *l)
{
	struct siptransport *t = listen_user(l);
	struct addr peer;
	int fd;

	/* a few at a time: others want to be served too */
	for (int i = 0; i < ACCEPTS; i++) {
		if ((fd = listen_accept(l, &peer)) != -1) {
			sipstreams_take(t->streams, fd, &peer, t->tls);
			continue;
		}
		if (errno != EAGAIN && errno != EWOULDBLOCK) {
			(void)listen_want(l, false);
			timer_arm(&t->layer->sched->wheel, &t->rest, t->layer->sched->clock.now + REST);
		}
		return;
	}
}

static void
rested(struct timer *timer)
{
	struct siptransport *t = (struct siptransport *)((char *)timer - offsetof(struct siptransport, rest));

	if (!t->paused)
		(void)listen_want(t->listen, true);
}

static int
open_tcp(struct siptransport *t, const struct addr *at, bool reuseport)
{
	t->listen = listen_open_v6only(t->layer->sched, at, reuseport, connection_waits, t);
	if (t->listen == NULL || listen_localaddr(t->listen, &t->flow.local) == -1)
		return -1;
	return listen_want(t->listen, true);
}

/* --- both --- */

struct siptransport *
siptransport_listen(struct stxn_layer *layer, const struct addr *at, const struct siptransport_options *o)
{
	struct siptransport *t = calloc(1, sizeof(*t));
	int saved;

	if (t == NULL)
		return NULL;
	t->flow = (struct sipflow){ .send = send_datagram, .unused = unused, .transport = o->transport, .holders = 1 };
	LIST_INIT(&t->doors);
	t->layer = layer;
	t->streams = o->streams;
	if (o->transport == TRANSPORT_TLS)
		t->tls = tls_ref(o->tls);
	timer_init(&t->rest, rested, true);
	if ((o->transport == TRANSPORT_UDP ? open_udp(t, at, o) : open_tcp(t, at, o->reuseport)) == 0)
		return t;
	saved = errno;
	siptransport_close(t);
	errno = saved;
	return NULL;
}

void
siptransport_close(struct siptransport *t)
{
	if (t == NULL)
		return;
	while (!LIST_EMPTY(&t->doors))
		close_door(LIST_FIRST(&t->doors));
	udp_close(t->udp);
	t->udp = NULL;
	listen_close(t->listen);
	t->listen = NULL;
	timer_stop(&t->layer->sched->wheel, &t->rest);
	tls_free(t->tls);
	t->tls = NULL;
	sipflow_release(&t->flow);
}

void
siptransport_pause(struct siptransport *t)
{
	t->paused = true;
	if (t->udp != NULL)
		(void)udp_read(t->udp, false);
	else
		(void)listen_want(t->listen, false);
}

void
siptransport_set_tls(struct siptransport *t, struct tls *tls)
{
	struct tls *old = t->tls;

	t->tls = tls_ref(tls);
	tls_free(old);
}

const struct addr *
siptransport_addr(const struct siptransport *t)
{
	return &t->flow.local;
}

enum transport
siptransport_kind(const struct siptransport *t)
{
	return t->flow.transport;
}

struct sipflow *
siptransport_flow(struct siptransport *t)
{
	return t->udp != NULL ? &t->flow : NULL;
}
