/*
 * The handler marks the signal and writes a byte to a pipe that the loop watches. A full pipe does no harm: the marks
 * tell which signals came, the pipe only wakes the loop.
 */
#include "loop/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static LIST_HEAD(, signal_watch) watches = LIST_HEAD_INITIALIZER(watches);
static struct signal_watch *next; /* in catch_all: whose turn it is after the one that is called */
static struct sched *loop;        /* NULL: no pipe */
static struct watch wakeup;
static volatile int pipe_in;      /* for the handler */
static void (*volatile on_arrival)(void);
static volatile sig_atomic_t marks[NSIG];
static struct sigaction before[NSIG];
static unsigned users[NSIG];

static void
handler(int signo)
{
	int saved = errno;

	marks[signo] = 1;
	(void)!write(pipe_in, "", 1);
	if (on_arrival != NULL)
		on_arrival();
	errno = saved;
}

void
signal_on_arrival(void (*interrupt)(void))
{
	on_arrival = interrupt;
}

static void
call(int signo)
{
	struct signal_watch *w;

	for (w = LIST_FIRST(&watches); w != NULL; w = next) {
		next = LIST_NEXT(w, entry);
		if (w->signo == signo)
			w->caught(w);
	}
	next = NULL;
}

static void
catch_all(struct watch *w, int events)
{
	char bytes[256];

	(void)events;
	while (read(w->fd, bytes, sizeof(bytes)) == sizeof(bytes))
		;
	for (int signo = 1; signo < NSIG; signo++)
		if (marks[signo]) {
			/* first the mark, then the calls: one that comes in between is not lost */
			marks[signo] = 0;
			call(signo);
		}
}

static int
open_pipe(struct sched *s)
{
	int fd[2], saved;

	if (loop != NULL) {
		if (loop == s)
			return 0;
		errno = EBUSY;
		return -1;
	}
	if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) == -1)
		return -1;
	wakeup = (struct watch){ .fd = fd[0], .ready = catch_all };
	if (poller_want(s->poller, &wakeup, POLLER_IN) == -1) {
		saved = errno;
		(void)close(fd[0]);
		(void)close(fd[1]);
		errno = saved;
		return -1;
	}
	pipe_in = fd[1];
	loop = s;
	return 0;
}

static int
install(int signo)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	(void)sigfillset(&sa.sa_mask);
	if (users[signo] == 0) {
		marks[signo] = 0;
		if (sigaction(signo, &sa, &before[signo]) == -1)
			return -1;
	}
	users[signo]++;
	return 0;
}

int
signal_watch(struct sched *s, struct signal_watch *w)
{
	if (w->signo <= 0 || w->signo >= NSIG) {
		errno = EINVAL;
		return -1;
	}
	if (open_pipe(s) == -1 || install(w->signo) == -1)
		return -1;
	LIST_INSERT_HEAD(&watches, w, entry);
	return 0;
}

void
signal_unwatch(struct signal_watch *w)
{
	if (!signal_watched(w))
		return;
	if (w == next)
		next = LIST_NEXT(w, entry);
	LIST_REMOVE(w, entry);
	w->entry.le_prev = NULL;
	if (--users[w->signo] == 0)
		(void)sigaction(w->signo, &before[w->signo], NULL);
}

void
signal_fini(void)
{
	struct signal_watch *w;

	while ((w = LIST_FIRST(&watches)) != NULL)
		signal_unwatch(w);
	if (loop == NULL)
		return;
	poller_remove(loop->poller, &wakeup);
	(void)close(wakeup.fd);
	(void)close(pipe_in);
	loop = NULL;
}
