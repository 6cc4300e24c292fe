#include "dns/dnsport.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"

enum {
	RETIRE = 4096,          /* questions from one port: more would give a forger time to find it */
	RETIRE_SPREAD = 256,    /* the same when each may leave from any of many */
	RCVBUF = 4 << 20,
	ANSWER_COST = 2304,     /* what an answer of up to EXCHANGE_EDNS_SIZE bytes takes of a receive buffer */
	MOST_FITS = DNSPORT_SLOTS / 2, /* a free slot is soon found by chance */
	LOWEST_PORT = 20000,
	BIND_TRIES = 8,
	IDS = 64,
	CROWD = 256,            /* questions on their way from one port: then it is read by the clock */
	GULP = 2048,
};

/* Waking up for each answer costs more than reading it; nobody whose question is one of so many minds the wait. */
#define NAP (200 * USEC)

struct dnsport {
	TAILQ_ENTRY(dnsport) entry;
	struct dnsport_set *set;
	struct udp *udp;
	struct timer nap;       /* pending: it is read when this fires, and the poller does not watch it */
	unsigned waiting, sent;
	bool is_open, retired;
	struct dns_query *slots[DNSPORT_SLOTS];
};

/* --- chance --- */

static uint16_t
random_id(void)
{
	static uint16_t ids[IDS];
	static unsigned left;

	if (left == 0) {
		arc4random_buf(ids, sizeof(ids));
		left = IDS;
	}
	return ids[--left];
}

/* Whoever takes a random free slot has taken a random id: its other bits are as random. */
static uint16_t
take_slot(struct dnsport *port, struct dns_query *q)
{
	uint16_t id;

	do
		id = random_id();
	while (port->slots[id % DNSPORT_SLOTS] != NULL);
	port->slots[id % DNSPORT_SLOTS] = q;
	port->waiting++;
	return id;
}

/* --- sockets --- */

static void
enlarge(int fd)
{
	int size = RCVBUF;

	/* the first needs a privilege, the second is cut to the system's limit */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

unsigned
dnsport_fits(void)
{
	static unsigned fits;
	int fd, size = 0;
	socklen_t len = sizeof(size);

	if (fits > 0)
		return fits;
	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return 32;
	enlarge(fd);
	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len);
	(void)close(fd);
	fits = (unsigned)size / ANSWER_COST;
	fits = fits < 32 ? 32 : fits > MOST_FITS ? MOST_FITS : fits;
	return fits;
}

static void
move(struct dnsport *port, bool to_open)
{
	struct dnsport_set *set = port->set;

	TAILQ_REMOVE(port->is_open ? &set->open : &set->full, port, entry);
	if (to_open)
		TAILQ_INSERT_HEAD(&set->open, port, entry);
	else
		TAILQ_INSERT_TAIL(&set->full, port, entry);
	set->nopen = set->nopen + to_open - port->is_open;
	port->is_open = to_open;
}

static void
close_port(struct dnsport *port)
{
	TAILQ_REMOVE(port->is_open ? &port->set->open : &port->set->full, port, entry);
	port->set->n--;
	port->set->nopen -= port->is_open;
	timer_stop(&port->set->sched->wheel, &port->nap);
	udp_close(port->udp);
	free(port);
}

/* Retired ones that nobody waits on any more. Not while one of them may be calling. */
static void
leave(struct dnsport_set *set)
{
	struct dnsport *port, *next;

	if (--set->busy > 0 || !set->sweep)
		return;
	set->sweep = false;
	for (port = TAILQ_FIRST(&set->full); port != NULL; port = next) {
		next = TAILQ_NEXT(port, entry);
		if (port->retired && port->waiting == 0)
			close_port(port);
	}
}

static void
nap(struct dnsport *port)
{
	struct sched *s = port->set->sched;

	if (udp_read(port->udp, false) == 0)
		timer_arm(&s->wheel, &port->nap, s->clock.now + NAP);
}

static void
on_datagram(struct udp *udp, struct slice data, const struct addr *from)
{
	struct dnsport *port = udp_user(udp);
	struct dnsport_set *set = port->set;
	const uint8_t *p = (const uint8_t *)data.p;
	uint16_t id = data.n >= 2 ? (uint16_t)(p[0] << 8 | p[1]) : 0;
	struct dns_query *q = port->slots[id % DNSPORT_SLOTS];

	set->busy++;
	if (data.n < 2 || q == NULL || q->x.id != id || !addr_eq(from, &set->server))
		set->stray(set);
	else
		set->reply(set, q, data);
	if (port->waiting >= CROWD && !timer_pending(&port->nap))
		nap(port);
	leave(set);
}

static void
on_error(struct udp *udp)
{
	struct dnsport *port = udp_user(udp);
	struct dnsport_set *set = port->set;

	(void)udp_error(udp);
	set->busy++;
	for (size_t i = 0; i < DNSPORT_SLOTS && port->waiting > 0; i++)
		if (port->slots[i] != NULL)
			set->refused(set, port->slots[i]);
	leave(set);
}

static void
wake(struct timer *t)
{
	struct dnsport *port = (struct dnsport *)((char *)t - offsetof(struct dnsport, nap));
	struct dnsport_set *set = port->set;

	set->busy++;
	(void)udp_receive(port->udp, GULP);
	/* nothing came, or there are few left */
	if (!timer_pending(&port->nap) && udp_read(port->udp, true) != 0)
		nap(port);
	leave(set);
}

static struct udp *
bind_somewhere(struct dnsport *port)
{
	static const struct udp_options options = { .v6only = true, .any_order = true };
	struct addr any = port->set->server;
	struct udp *udp = NULL;

	if (any.u.sa.sa_family == AF_INET6) {
		any.u.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	} else {
		any.u.in = (struct sockaddr_in){ .sin_family = AF_INET };
	}
	for (int i = 0; udp == NULL && i < BIND_TRIES; i++) {
		addr_set_port(&any, (uint16_t)(LOWEST_PORT + arc4random_uniform(65536 - LOWEST_PORT)));
		udp = udp_open(port->set->sched, &any, any.u.sa.sa_family, &options, on_datagram, port);
		if (udp == NULL && errno != EADDRINUSE && errno != EACCES)
			return NULL;
	}
	return udp;
}

static struct dnsport *
open_port(struct dnsport_set *set)
{
	struct dnsport *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->set = set;
	timer_init(&port->nap, wake, true);
	if ((port->udp = bind_somewhere(port)) == NULL) {
		free(port);
		return NULL;
	}
	enlarge(udp_fd(port->udp));
	if (udp_connect(port->udp, &set->server) != 0 || udp_read(port->udp, true) != 0) {
		udp_close(port->udp);
		free(port);
		return NULL;
	}
	udp_on_error(port->udp, on_error);
	port->is_open = true;
	TAILQ_INSERT_HEAD(&set->open, port, entry);
	set->n++;
	set->nopen++;
	return port;
}

/* One of the open ones at random. */
static struct dnsport *
any_open(struct dnsport_set *set)
{
	struct dnsport *port = TAILQ_FIRST(&set->open);

	for (uint32_t i = arc4random_uniform(set->nopen); i > 0; i--)
		port = TAILQ_NEXT(port, entry);
	return port;
}

static struct dnsport *
choose(struct dnsport_set *set)
{
	struct dnsport *port;

	if (set->nopen > 0 && set->nopen >= set->spread)
		return set->spread > 1 ? any_open(set) : TAILQ_FIRST(&set->open);
	if (set->n < set->most && (port = open_port(set)) != NULL)
		return port;
	if (set->nopen > 0)
		return any_open(set);
	if (set->n >= set->most)
		errno = ENOBUFS;
	return NULL;
}

/* --- what the resolver calls --- */

void
dnsport_init(struct dnsport_set *set)
{
	TAILQ_INIT(&set->open);
	TAILQ_INIT(&set->full);
	set->n = set->nopen = 0;
	set->busy = 0;
	set->sweep = false;
}

void
dnsport_fini(struct dnsport_set *set)
{
	struct dnsport *port;

	while ((port = TAILQ_FIRST(&set->open)) != NULL || (port = TAILQ_FIRST(&set->full)) != NULL)
		close_port(port);
}

static void
take(struct dnsport *port, struct dns_query *q)
{
	q->via = port;
	q->x.id = take_slot(port, q);
	if (++port->sent >= (port->set->spread > 1 ? RETIRE_SPREAD : RETIRE))
		port->retired = true;
	if (port->retired || port->waiting >= dnsport_fits())
		move(port, false);
}

int
dnsport_send(struct dnsport_set *set, struct dns_query *q)
{
	struct dnsport *port = q->via;
	uint8_t bytes[EXCHANGE_QUERY_MAX];
	size_t n;

	if (port == NULL) {
		if ((port = choose(set)) == NULL)
			return -1;
		take(port, q);
	}
	n = exchange_query(&q->x, bytes);
	if (udp_send(port->udp, slice_make(bytes, n), NULL) == 0)
		return 0;
	/* the queue is full: what is lost here is sent again like what is lost on the way */
	if (errno == ENOBUFS)
		return 0;
	dnsport_drop(set, q);
	return -1;
}

void
dnsport_drop(struct dnsport_set *set, struct dns_query *q)
{
	struct dnsport *port = q->via;

	if (port == NULL)
		return;
	port->slots[q->x.id % DNSPORT_SLOTS] = NULL;
	port->waiting--;
	q->via = NULL;
	set->sweep |= port->retired && port->waiting == 0;
	/* the one that was just read from is warm, and what is sent next from it leaves in the same batch */
	if (!port->retired && (!port->is_open || TAILQ_FIRST(&set->open) != port))
		move(port, true);
	set->busy++;
	leave(set);
}
