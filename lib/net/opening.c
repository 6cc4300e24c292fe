/*
 * A stream that connects waits to be writable; then, or from the start, the handshake of TLS goes on with each event,
 * under a deadline that is in memory of its own: most streams never need one.
 */
#include "net/opening.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tlsconn.h"

/* While the TLS handshake goes on. */
struct securing {
	struct timer timer;
	struct stream *st;
};

/* A port chosen at random may be the one that is being connected to: then the socket is connected with itself. */
static bool
is_own_echo(const struct stream *st)
{
	struct addr here, there;

	return stream_localaddr(st, &here) == 0 && stream_peeraddr(st, &there) == 0 && here.u.sa.sa_family != AF_UNIX &&
	    addr_eq(&here, &there);
}

void
opening_end(struct stream *st)
{
	if (st->securing == NULL)
		return;
	timer_stop(&st->s->wheel, &st->securing->timer);
	free(st->securing);
	st->securing = NULL;
}

static void
shake_hands(struct stream *st)
{
	if (tlsconn_handshake(st->in.tls) == 0) {
		opening_end(st);
		st->dry = false;
		stream_begin(st);
		return;
	}
	if (errno == EAGAIN && side_want(&st->in, POLLER_IN) == 0)
		return;
	stream_fail(st, errno);
}

static void
connection_ready(struct stream *st)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(st->in.watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error == 0 && is_own_echo(st))
		error = ECONNREFUSED;
	st->connecting = false;
	if (error != 0)
		stream_fail(st, error);
	else if (st->securing != NULL)
		shake_hands(st);
	else
		stream_begin(st);
}

void
opening_event(struct stream *st)
{
	if (st->connecting)
		connection_ready(st);
	else
		shake_hands(st);
}

/* --- connecting --- */

static void
connected_at_once(struct defer *d)
{
	struct stream *st = (struct stream *)(void *)((char *)d - offsetof(struct stream, defer));

	connection_ready(st);
	stream_tell(st);
}

static int
begin_connect(struct stream *st, const struct addr *to)
{
	if (connect(st->in.watch.fd, &to->u.sa, to->len) == 0) {
		/* told later, as if it had taken time: callers have one case less to think of */
		st->defer.run = connected_at_once;
		sched_defer(st->s, &st->defer);
		return 0;
	}
	return errno == EINPROGRESS ? side_want(&st->in, POLLER_OUT) : -1;
}

struct stream *
stream_connect(struct sched *s, const struct addr *to, stream_changed *changed, void *user)
{
	int fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;
	struct stream *st;

	if (fd == -1)
		return NULL;
	if ((st = stream_open(s, fd, -1, changed, user)) == NULL) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return NULL;
	}
	st->connected = false;
	st->connecting = true;
	if (begin_connect(st, to) == -1) {
		saved = errno;
		stream_close(st);
		errno = saved;
		return NULL;
	}
	return st;
}

/* --- TLS --- */

static void
handshake_begins(struct defer *d)
{
	struct stream *st = (struct stream *)(void *)((char *)d - offsetof(struct stream, defer));

	shake_hands(st);
	stream_tell(st);
}

static void
handshake_takes_too_long(struct timer *t)
{
	struct stream *st = ((struct securing *)t)->st;

	stream_fail(st, ETIMEDOUT);
	stream_tell(st);
}

static int
can_secure(const struct stream *st)
{
	if (st->broken || st->shut)
		errno = st->broken ? st->error : EPIPE;
	else if (st->in.tls != NULL)
		errno = EALREADY;
	else if (!st->in.socket || st->writer != &st->in)
		errno = ENOTSOCK;
	else if (stream_input(st).n > 0)
		errno = EBADMSG;
	else if (stream_pending(st) > 0)
		errno = EBUSY;
	else
		return 0;
	return -1;
}

int
stream_starttls(struct stream *st, struct tls *tls, const char *name, int64_t deadline)
{
	struct securing *securing;

	if (can_secure(st) == -1 || (securing = calloc(1, sizeof(*securing))) == NULL)
		return -1;
	if ((st->in.tls = tlsconn_new(tls, &st->in, name)) == NULL) {
		int saved = errno;

		free(securing);
		errno = saved;
		return -1;
	}
	st->securing = securing;
	st->connected = false;
	securing->st = st;
	timer_init(&securing->timer, handshake_takes_too_long, false);
	if (deadline < CLOCK_FOREVER)
		timer_arm(&st->s->wheel, &securing->timer, deadline);
	if (!st->connecting) {
		st->defer.run = handshake_begins;
		sched_defer(st->s, &st->defer);
	}
	return 0;
}
