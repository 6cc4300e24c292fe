#include "net/side.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tlsconn.h"

int
side_init(struct side *side, struct poller *poller, int fd, void (*ready)(struct watch *, int), struct stream *st)
{
	int type, one = 1, flags;
	socklen_t len = sizeof(type);

	*side = (struct side){ .watch = { .fd = fd, .ready = ready }, .st = st, .poller = poller };
	if (fd == -1)
		return 0;
	if ((flags = fcntl(fd, F_GETFL)) == -1)
		return -1;
	side->socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
	if (side->socket)
		/* fails for those of no TCP, which need it not */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (flags & O_NONBLOCK)
		return 0;
	side->shared = fd <= STDERR_FILENO;
	return side->shared ? 0 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* A descriptor that may block is touched only when the system says that it will not. */
static bool
would_block(const struct side *side, short events)
{
	struct pollfd pfd = { .fd = side->watch.fd, .events = events };

	return side->shared && poll(&pfd, 1, 0) == 0;
}

ssize_t
side_read_raw(struct side *side, char *p, size_t n)
{
	ssize_t got;

	if (would_block(side, POLLIN)) {
		errno = EAGAIN;
		return -1;
	}
	do
		got = read(side->watch.fd, p, n);
	while (got == -1 && errno == EINTR);
	return got;
}

ssize_t
side_write_raw(struct side *side, const char *p, size_t n)
{
	ssize_t put;

	if (would_block(side, POLLOUT)) {
		errno = EAGAIN;
		return -1;
	}
	/* "ready" promises room for no more than this */
	if (side->shared && n > PIPE_BUF)
		n = PIPE_BUF;
	do
		put = side->socket ? send(side->watch.fd, p, n, MSG_NOSIGNAL) : write(side->watch.fd, p, n);
	while (put == -1 && errno == EINTR);
	return put;
}

ssize_t
side_read(struct side *side, char *p, size_t n)
{
	return side->tls != NULL ? tlsconn_read(side->tls, p, n) : side_read_raw(side, p, n);
}

ssize_t
side_write(struct side *side, const char *p, size_t n)
{
	return side->tls != NULL ? tlsconn_write(side->tls, p, n) : side_write_raw(side, p, n);
}

static int
set_want(struct side *side, int events)
{
	int real = side->tls != NULL ? tlsconn_events(side->tls, events) : events;

	if (side->watch.fd == -1)
		return 0;
	if (poller_want(side->poller, &side->watch, real) == -1)
		return -1;
	side->wants = events;
	return 0;
}

int
side_want(struct side *side, int event)
{
	return set_want(side, side->wants | event);
}

void
side_unwant(struct side *side, int event)
{
	(void)set_want(side, side->wants & ~event);
}

int
side_meant(const struct side *side, int events)
{
	return side->tls != NULL ? tlsconn_meant(side->tls, events) : events;
}

int
side_finish(struct side *side)
{
	int flags;

	if (side->tls != NULL && tlsconn_finish(side->tls) == -1)
		return -1;
	if (side->socket)
		return shutdown(side->watch.fd, SHUT_WR);
	flags = fcntl(side->watch.fd, F_GETFL);
	if (flags != -1 && (flags & O_ACCMODE) == O_WRONLY)
		side_close(side);
	return 0;
}

/* A ticket that nobody would read: closed with bytes unread, the system throws away what is still to be sent. */
static void
drop_unread(struct side *side)
{
	char rest[4096];

	(void)side_read_raw(side, rest, sizeof(rest));
}

void
side_close(struct side *side)
{
	if (side->watch.fd == -1)
		return;
	if (side->tls != NULL)
		drop_unread(side);
	tlsconn_free(side->tls);
	side->tls = NULL;
	poller_remove(side->poller, &side->watch);
	(void)close(side->watch.fd);
	side->watch.fd = -1;
}
