#include "sip/siptransport.h"

#include <errno.h>
#include <stdlib.h>

#include "net/udp.h"

/* Asked of the system for each socket: a burst of some thousand requests is no reason to lose one. */
enum { SOCKET_BUFFER = 4 * 1024 * 1024 };

struct siptransport {
	struct udp *udp;
	struct stxn_layer *layer;
	struct addr addr;
};

static void
came(struct udp *udp, struct slice data, const struct addr *from)
{
	struct siptransport *t = udp_user(udp);

	stxn_receive(t->layer, t, data, from);
}

struct siptransport *
siptransport_listen(struct stxn_layer *layer, const struct addr *at, bool reuseport)
{
	struct udp_options options = { .rcvbuf = SOCKET_BUFFER, .sndbuf = SOCKET_BUFFER, .reuseport = reuseport, .v6only = true };
	struct siptransport *t = calloc(1, sizeof(*t));
	int saved;

	if (t == NULL)
		return NULL;
	t->layer = layer;
	t->udp = udp_open(layer->sched, at, at->u.sa.sa_family, &options, came, t);
	if (t->udp != NULL && udp_localaddr(t->udp, &t->addr) == 0 && udp_read(t->udp, true) == 0)
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
	free(t);
}

void
siptransport_pause(struct siptransport *t)
{
	(void)udp_read(t->udp, false);
}

void
siptransport_send(void *arg, void *via, struct slice data, const struct addr *to)
{
	struct siptransport *t = via;

	(void)arg;
	(void)udp_send(t->udp, data, to);
}

const struct addr *
siptransport_addr(const struct siptransport *t)
{
	return &t->addr;
}
