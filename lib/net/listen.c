#include "net/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/unixsock.h"

struct listen {
	struct watch watch;
	struct sched *s;
	listen_ready *ready;
	void *user;
	struct unixsock file;
	bool on;
	bool busy, closed; /* closed while busy: freed afterwards */
};

static void
destroy(struct listen *l)
{
	poller_remove(l->s->poller, &l->watch);
	(void)close(l->watch.fd);
	unixsock_remove(&l->file);
	free(l);
}

static void
connection_waits(struct watch *w, int events)
{
	struct listen *l = (struct listen *)w;

	(void)events;
	/* turned off, it keeps its interest until an event shows that it costs something */
	if (!l->on) {
		(void)poller_want(l->s->poller, &l->watch, 0);
		return;
	}
	l->busy = true;
	l->ready(l);
	l->busy = false;
	if (l->closed)
		destroy(l);
}

static int
set_option(int fd, int level, int name)
{
	int one = 1;

	return setsockopt(fd, level, name, &one, sizeof(one));
}

static int
open_socket(const struct addr *a, bool reuseport, bool v6only, struct unixsock *file)
{
	int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

	if (fd == -1)
		return -1;
	/*
	 * without SO_REUSEADDR a restarted program would have to wait for the connections of the one before it to be
	 * forgotten
	 */
	if ((a->u.sa.sa_family == AF_UNIX || set_option(fd, SOL_SOCKET, SO_REUSEADDR) == 0) &&
	    (!reuseport || set_option(fd, SOL_SOCKET, SO_REUSEPORT) == 0) &&
	    (!v6only || a->u.sa.sa_family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0) && unixsock_bind(fd, a, file) == 0) {
		if (listen(fd, SOMAXCONN) == 0)
			return fd;
		saved = errno;
		unixsock_remove(file);
		errno = saved;
	}
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static struct listen *
open_listen(struct sched *s, const struct addr *a, bool reuseport, bool v6only, listen_ready *ready, void *user)
{
	struct listen *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->s = s;
	l->ready = ready;
	l->user = user;
	l->watch.ready = connection_waits;
	if ((l->watch.fd = open_socket(a, reuseport, v6only, &l->file)) == -1) {
		free(l);
		return NULL;
	}
	return l;
}

struct listen *
listen_open(struct sched *s, const struct addr *a, bool reuseport, listen_ready *ready, void *user)
{
	return open_listen(s, a, reuseport, false, ready, user);
}

struct listen *
listen_open_v6only(struct sched *s, const struct addr *a, bool reuseport, listen_ready *ready, void *user)
{
	return open_listen(s, a, reuseport, true, ready, user);
}

void
listen_close(struct listen *l)
{
	if (l == NULL)
		return;
	l->closed = true;
	if (!l->busy)
		destroy(l);
}

void *
listen_user(const struct listen *l)
{
	return l->user;
}

int
listen_want(struct listen *l, bool on)
{
	if (on && poller_want(l->s->poller, &l->watch, POLLER_IN) == -1)
		return -1;
	l->on = on;
	return 0;
}

/* What Linux tells of a connection that was lost before it was accepted: see accept(2). */
static bool
died(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
		return true;
	default:
		return false;
	}
}

int
listen_accept(struct listen *l, struct addr *peer)
{
	struct addr from;
	int fd;

	do {
		from.len = sizeof(from.u);
		fd = accept4(l->watch.fd, &from.u.sa, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd == -1 && died(errno));
	if (fd != -1 && peer != NULL)
		*peer = from;
	return fd;
}

int
listen_localaddr(const struct listen *l, struct addr *a)
{
	struct addr got = { .len = sizeof(got.u) };

	if (getsockname(l->watch.fd, &got.u.sa, &got.len) == -1)
		return -1;
	*a = got;
	return 0;
}
