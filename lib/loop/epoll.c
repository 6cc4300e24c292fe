/*
 * The poller over epoll(7). A watch stays registered from its first interest to its removal; a watch that wants
 * nothing is kept out of the set, since epoll reports hang-ups even of those that asked for nothing.
 */
#include "loop/poller.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum { ROUND = 256, DAY_MS = 86400000 };

struct epoll_poller {
	struct poller base;
	int fd;
	bool in_ms;                      /* the kernel counts only in milliseconds */
	int at, n;                       /* the round being handed out: heard[at..n) is still to come */
	struct epoll_event heard[ROUND];
};

static struct poller *
epoll_new(void)
{
	struct epoll_poller *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	if ((p->fd = epoll_create1(EPOLL_CLOEXEC)) == -1) {
		free(p);
		return NULL;
	}
	return &p->base;
}

static void
epoll_free(struct poller *base)
{
	struct epoll_poller *p = (struct epoll_poller *)base;

	(void)close(p->fd);
	free(p);
}

/* What was heard for w in this round and not handed out yet. */
static void
unhear(struct epoll_poller *p, const struct watch *w)
{
	for (int i = p->at; i < p->n; i++)
		if (p->heard[i].data.ptr == w)
			p->heard[i].data.ptr = NULL;
}

static int
epoll_want(struct poller *base, struct watch *w, int events)
{
	struct epoll_poller *p = (struct epoll_poller *)base;
	struct epoll_event ev = { .data.ptr = w };
	int op = w->slot == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

	ev.events = (events & POLLER_IN ? EPOLLIN | EPOLLRDHUP : 0u) | (events & POLLER_OUT ? EPOLLOUT : 0u);
	if (epoll_ctl(p->fd, op, w->fd, &ev) == -1)
		return -1;
	if (events == 0)
		unhear(p, w);
	w->slot = events != 0;
	w->wants = events;
	return 0;
}

static void
epoll_remove(struct poller *base, struct watch *w)
{
	struct epoll_poller *p = (struct epoll_poller *)base;

	(void)epoll_ctl(p->fd, EPOLL_CTL_DEL, w->fd, NULL);
	unhear(p, w);
	w->slot = 0;
	w->wants = 0;
}

/*
 * Kernels before 5.11 know only milliseconds. Rounded up: a loop that wakes a little early would spin until the timer
 * is due.
 */
static int
wait_events(struct epoll_poller *p, int64_t timeout)
{
	int64_t ms = timeout < 0 ? -1 : (timeout + MSEC - 1) / MSEC;

	struct timespec ts = { .tv_sec = (time_t)(timeout / SEC), .tv_nsec = (long)(timeout % SEC) };
	int n;

	/* a wait of nothing needs no timespec copied in */
	if (timeout == 0)
		return epoll_wait(p->fd, p->heard, ROUND, 0);
	if (!p->in_ms) {
		n = epoll_pwait2(p->fd, p->heard, ROUND, timeout < 0 ? NULL : &ts, NULL);
		if (n >= 0 || errno != ENOSYS)
			return n;
		p->in_ms = true;
	}
	return epoll_wait(p->fd, p->heard, ROUND, ms > DAY_MS ? DAY_MS : (int)ms);
}

static int
epoll_round(struct poller *base, int64_t timeout)
{
	struct epoll_poller *p = (struct epoll_poller *)base;
	int n = wait_events(p, timeout), called = 0;

	if (n == -1)
		return errno == EINTR ? 0 : -1;
	if (base->clock != NULL)
		(void)clock_read(base->clock);
	for (p->at = 0, p->n = n; p->at < p->n;) {
		struct epoll_event *ev = &p->heard[p->at++];
		struct watch *w = ev->data.ptr;
		int events;

		if (w == NULL)
			continue;
		/* an error or a hang-up ends every wait: the system call that follows says which */
		events = (ev->events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP) ? POLLER_IN : 0) |
		    (ev->events & (EPOLLOUT | EPOLLERR | EPOLLHUP) ? POLLER_OUT : 0);
		if ((events &= w->wants) == 0)
			continue;
		w->ready(w, events);
		called++;
	}
	p->n = 0;
	return called;
}

const struct poller_ops poller_epoll = {
	.name = "epoll",
	.create = epoll_new,
	.destroy = epoll_free,
	.want = epoll_want,
	.remove = epoll_remove,
	.wait = epoll_round,
};
