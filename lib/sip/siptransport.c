#include "sip/siptransport.h"

#include <errno.h>
#include <stdlib.h>

#include "net/udp.h"

/* Asked of the system for each socket: a burst of some thousand requests is no reason to lose one. */
enum { SOCKET_BUFFER = 4 * 1024 * 1024 };

struct siptransport {
	struct sipflow flow;
	struct udp *udp;      /* NULL: closed */
	struct stxn_layer *layer;
};

static void
came(struct udp *udp, struct slice data, const struct addr *from)
{
	struct siptransport *t = udp_user(udp);

	stxn_receive(t->layer, &t->flow, data, from);
}

static int
send_datagram(struct sipflow *flow, struct slice data, const struct addr *to)
{
	struct siptransport *t = (struct siptransport *)flow;

	if (t->udp == NULL) {
		errno = EPIPE;
		return -1;
	}
	return udp_send(t->udp, data, to);
}

static void
unused(struct sipflow *flow)
{
	free(flow);
}

struct siptransport *
siptransport_listen(struct stxn_layer *layer, const struct addr *at, bool reuseport)
{
	struct udp_options options = { .rcvbuf = SOCKET_BUFFER, .sndbuf = SOCKET_BUFFER, .reuseport = reuseport, .v6only = true };
	struct siptransport *t = calloc(1, sizeof(*t));
	int saved;

	if (t == NULL)
		return NULL;
	t->flow = (struct sipflow){ .send = send_datagram, .unused = unused, .transport = TRANSPORT_UDP, .holders = 1 };
	t->layer = layer;
	t->udp = udp_open(layer->sched, at, at->u.sa.sa_family, &options, came, t);
	if (t->udp != NULL && udp_localaddr(t->udp, &t->flow.local) == 0 && udp_read(t->udp, true) == 0)
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
	udp_close(t->udp);
	t->udp = NULL;
	sipflow_release(&t->flow);
}

void
siptransport_pause(struct siptransport *t)
{
	(void)udp_read(t->udp, false);
}

const struct addr *
siptransport_addr(const struct siptransport *t)
{
	return &t->flow.local;
}
