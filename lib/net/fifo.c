#include "net/fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK = 256 * 1024 };

static void *
wait_and_open(void *arg)
{
	struct fifo *f = arg;
	uint64_t one = 1;
	int fd, error;

	/* the only place where it can be cancelled: what open has given is not lost then */
	do {
		(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
		fd = open(f->path, f->flags | O_CLOEXEC);
		error = errno;
		(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	} while (fd == -1 && error == EINTR);
	f->fd = fd;
	f->error = error;
	(void)!write(f->watch.fd, &one, sizeof(one));
	return NULL;
}

static void
end_thread(struct fifo *f)
{
	(void)pthread_join(f->thread, NULL);
	f->running = false;
	poller_remove(f->poller, &f->watch);
	(void)close(f->watch.fd);
	free(f->path);
	f->path = NULL;
}

static void
done(struct watch *w, int events)
{
	struct fifo *f = (struct fifo *)w;

	(void)events;
	end_thread(f);
	f->opened(f);
}

/* Signals are for the thread of the loop. */
static int
start_thread(struct fifo *f)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int error;

	if ((error = pthread_attr_init(&attr)) != 0)
		return error;
	(void)pthread_attr_setstacksize(&attr, STACK);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&f->thread, &attr, wait_and_open, f);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return error;
}

int
fifo_open(struct fifo *f, struct sched *s, const char *path, int flags, void (*opened)(struct fifo *))
{
	size_t n = strlen(path) + 1;
	int error;

	*f = (struct fifo){
		.watch = { .ready = done }, .poller = s->poller, .opened = opened, .flags = flags, .fd = -1
	};
	if ((f->path = malloc(n)) == NULL)
		return -1;
	memcpy(f->path, path, n);
	if ((f->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1) {
		error = errno;
	} else if (poller_want(f->poller, &f->watch, POLLER_IN) == -1 || (errno = start_thread(f)) != 0) {
		error = errno;
		poller_remove(f->poller, &f->watch);
		(void)close(f->watch.fd);
	} else {
		f->running = true;
		return 0;
	}
	free(f->path);
	f->path = NULL;
	errno = error;
	return -1;
}

bool
fifo_is_opening(const struct fifo *f)
{
	return f->running;
}

int
fifo_take(struct fifo *f)
{
	int fd = f->fd;

	f->fd = -1;
	errno = f->error;
	return fd;
}

void
fifo_stop(struct fifo *f)
{
	if (f->running) {
		(void)pthread_cancel(f->thread);
		end_thread(f);
	}
	if (f->fd != -1)
		(void)close(f->fd);
	f->fd = -1;
}
