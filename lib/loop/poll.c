/*
 * The poller over poll(2), for systems without epoll, and to check the other one against. fds[i] and watches[i]
 * belong together; a watch that wants nothing is not in them. Removing moves the last entry into the gap.
 */
#include "loop/poller.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

struct poll_poller {
	struct poller base;
	struct pollfd *fds;
	struct watch **watches;
	size_t n, cap;
	size_t at; /* entries before it have been looked at in this round */
};

static struct poller *
poll_new(void)
{
	struct poll_poller *p = calloc(1, sizeof(*p));

	return p != NULL ? &p->base : NULL;
}

static void
poll_free(struct poller *base)
{
	struct poll_poller *p = (struct poll_poller *)base;

	free(p->fds);
	free(p->watches);
	free(p);
}

static int
grow(struct poll_poller *p)
{
	size_t cap = p->cap > 0 ? p->cap * 2 : 16;
	struct pollfd *fds;
	struct watch **watches;

	if ((fds = reallocarray(p->fds, cap, sizeof(*fds))) == NULL)
		return -1;
	p->fds = fds;
	if ((watches = reallocarray(p->watches, cap, sizeof(*watches))) == NULL)
		return -1;
	p->watches = watches;
	p->cap = cap;
	return 0;
}

static void
move(struct poll_poller *p, size_t from, size_t to)
{
	p->fds[to] = p->fds[from];
	p->watches[to] = p->watches[from];
	p->watches[to]->slot = (int)to + 1;
}

static void
poll_remove(struct poller *base, struct watch *w)
{
	struct poll_poller *p = (struct poll_poller *)base;
	size_t gap = (size_t)w->slot - 1;

	/*
	 * a gap among those already looked at is filled with the last of these first: nobody is missed or called
	 * twice
	 */
	if (gap < p->at) {
		if (gap != --p->at)
			move(p, p->at, gap);
		gap = p->at;
	}
	if (gap != --p->n)
		move(p, p->n, gap);
	w->slot = 0;
	w->wants = 0;
}

/* poll(2) would tell of a bad descriptor only in the next round: say it at once, as epoll does. */
static int
check_fd(int fd)
{
	struct pollfd pfd = { .fd = fd };

	if (poll(&pfd, 1, 0) == -1)
		return -1;
	if (pfd.revents & POLLNVAL) {
		errno = EBADF;
		return -1;
	}
	return 0;
}

static int
poll_want(struct poller *base, struct watch *w, int events)
{
	struct poll_poller *p = (struct poll_poller *)base;

	if (events == 0) {
		poll_remove(base, w);
		return 0;
	}
	if (w->slot == 0) {
		if (check_fd(w->fd) == -1 || (p->n == p->cap && grow(p) == -1))
			return -1;
		p->watches[p->n] = w;
		p->fds[p->n].fd = w->fd;
		p->fds[p->n].revents = 0;
		w->slot = (int)++p->n;
	}
	p->fds[w->slot - 1].events =
	    (short)((events & POLLER_IN ? POLLIN : 0) | (events & POLLER_OUT ? POLLOUT : 0));
	w->wants = events;
	return 0;
}

static int
wait_events(struct poll_poller *p, int64_t timeout)
{
	struct timespec ts = { .tv_sec = (time_t)(timeout / SEC), .tv_nsec = (long)(timeout % SEC) };

	return ppoll(p->fds, p->n, timeout < 0 ? NULL : &ts, NULL);
}

static int
poll_round(struct poller *base, int64_t timeout)
{
	struct poll_poller *p = (struct poll_poller *)base;
	int heard = wait_events(p, timeout), called = 0;

	if (heard == -1)
		return errno == EINTR ? 0 : -1;
	if (base->clock != NULL)
		(void)clock_read(base->clock);
	for (p->at = 0; p->at < p->n && called < heard;) {
		struct watch *w = p->watches[p->at];
		short ev = p->fds[p->at].revents;
		int events;

		p->fds[p->at++].revents = 0;
		events = (ev & (POLLIN | POLLERR | POLLHUP | POLLNVAL) ? POLLER_IN : 0) |
		    (ev & (POLLOUT | POLLERR | POLLHUP | POLLNVAL) ? POLLER_OUT : 0);
		if ((events &= w->wants) == 0)
			continue;
		w->ready(w, events);
		called++;
	}
	p->at = 0;
	return called;
}

const struct poller_ops poller_poll = {
	.name = "poll",
	.create = poll_new,
	.destroy = poll_free,
	.want = poll_want,
	.remove = poll_remove,
	.wait = poll_round,
};
