/*
 * O_NONBLOCK belongs to the open file, which a shell shares out to all programs of a pipeline. So a pipe or a terminal
 * is opened once more, by way of /proc, for an open file of our own; a socket is asked not to wait at each write. Where
 * neither can be done (no /proc, or the terminal is somebody else's) it is written to only when the system says that
 * there is room, and no more than it promises then.
 */
#include "net/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { KEEP = 4096 }; /* what an empty buffer may hold on to */

enum how { OWN, SOCKET, CAREFUL };

struct outlet {
	struct watch watch;  /* first; its fd is our own number */
	struct sched *s;
	outlet_drained *drained;
	void *user;
	struct buf buf;
	size_t sent;         /* of the buffer */
	enum how how;
	int error;
	bool terminal;
	dev_t dev;
	ino_t ino;
};

/* --- writing --- */

static bool
has_room(const struct outlet *o)
{
	struct pollfd pfd = { .fd = o->watch.fd, .events = POLLOUT };

	return poll(&pfd, 1, 0) != 0;
}

static ssize_t
write_some(const struct outlet *o, const char *p, size_t n)
{
	ssize_t put;

	if (o->how == CAREFUL && !has_room(o)) {
		errno = EAGAIN;
		return -1;
	}
	if (o->how == CAREFUL && n > PIPE_BUF)
		n = PIPE_BUF;
	do
		put = o->how == SOCKET ? send(o->watch.fd, p, n, MSG_DONTWAIT) : write(o->watch.fd, p, n);
	while (put == -1 && errno == EINTR);
	return put;
}

static void
forget_all(struct outlet *o)
{
	buf_clear(&o->buf);
	buf_trim(&o->buf, KEEP);
	o->sent = 0;
	if (o->watch.wants != 0)
		(void)poller_want(o->s->poller, &o->watch, 0);
}

static void
fail(struct outlet *o, int error)
{
	o->error = error;
	forget_all(o);
	o->drained(o);
}

/* Sends until all has gone, or nothing goes now: then false. True also when it is broken. */
static bool
send_all(struct outlet *o)
{
	while (outlet_pending(o) > 0) {
		ssize_t n = write_some(o, o->buf.p + o->sent, outlet_pending(o));

		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		if (n == -1) {
			fail(o, errno);
			return true;
		}
		o->sent += (size_t)n;
	}
	if (o->buf.n > 0)
		forget_all(o);
	return true;
}

void
outlet_push(struct outlet *o)
{
	/* while its reader is waited for, the event does it */
	if (o->watch.wants == 0 && !send_all(o) && poller_want(o->s->poller, &o->watch, POLLER_OUT) == -1)
		fail(o, errno);
}

static void
writable(struct watch *w, int events)
{
	struct outlet *o = (struct outlet *)w;

	(void)events;
	if (send_all(o) && o->error == 0)
		o->drained(o);
}

void
outlet_put(struct outlet *o, struct slice s)
{
	if (o->error != 0)
		return;
	if (o->sent > 0 && o->sent >= outlet_pending(o)) {
		buf_consume(&o->buf, o->sent);
		o->sent = 0;
	}
	buf_putslice(&o->buf, s);
	if (o->buf.failed)
		fail(o, ENOMEM);
}

void
outlet_drain(struct outlet *o, int64_t patience)
{
	int ms = patience >= CLOCK_FOREVER ? -1 : (int)((patience + MSEC - 1) / MSEC);

	while (!send_all(o)) {
		struct pollfd pfd = { .fd = o->watch.fd, .events = POLLOUT };
		int heard = poll(&pfd, 1, ms);

		if (heard == 0 || (heard == -1 && errno != EINTR))
			fail(o, heard == 0 ? ETIMEDOUT : errno);
	}
	if (o->error == 0)
		o->drained(o);
}

/* --- opening and closing --- */

static int
open_again(int fd)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Our own number for it, which stays what it is if a script redirects fd. 0, or -1 with errno. */
static int
take(struct outlet *o, int fd, mode_t mode)
{
	o->how = S_ISSOCK(mode) ? SOCKET : OWN;
	if (o->how == OWN && (o->watch.fd = open_again(fd)) != -1)
		return 0;
	if (o->how == OWN)
		o->how = CAREFUL;
	return (o->watch.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) != -1 ? 0 : -1;
}

struct outlet *
outlet_open(struct sched *s, int fd, outlet_drained *drained, void *user)
{
	struct outlet *o;
	struct stat st;
	bool terminal;

	if (fstat(fd, &st) == -1)
		return NULL;
	terminal = isatty(fd) != 0;
	if (!terminal && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	if ((o = calloc(1, sizeof(*o))) == NULL)
		return NULL;
	if (take(o, fd, st.st_mode) == -1) {
		int saved = errno;

		free(o);
		errno = saved;
		return NULL;
	}
	o->watch.ready = writable;
	o->s = s;
	o->drained = drained;
	o->user = user;
	o->terminal = terminal;
	o->dev = st.st_dev;
	o->ino = st.st_ino;
	return o;
}

void
outlet_close(struct outlet *o)
{
	if (o == NULL)
		return;
	poller_remove(o->s->poller, &o->watch);
	(void)close(o->watch.fd);
	buf_fini(&o->buf);
	free(o);
}

/* --- what there is to know --- */

void *
outlet_user(const struct outlet *o)
{
	return o->user;
}

bool
outlet_is(const struct outlet *o, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == o->dev && st.st_ino == o->ino;
}

bool
outlet_is_terminal(const struct outlet *o)
{
	return o->terminal;
}

size_t
outlet_pending(const struct outlet *o)
{
	return o->buf.n - o->sent;
}

bool
outlet_is_full(const struct outlet *o)
{
	return o->watch.wants != 0;
}

int
outlet_error(const struct outlet *o)
{
	return o->error;
}
