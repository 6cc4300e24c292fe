/*
 * fifo.h: opens a file whose open(2) may wait, as that of a fifo does until somebody opens its other end. Nothing that
 * a loop can watch tells of that moment, so a thread of its own waits for it.
 */
#ifndef NET_FIFO_H
#define NET_FIFO_H

#include <pthread.h>
#include <stdbool.h>

#include "loop/sched.h"

/* All zero before fifo_open; it must stay where it is until fifo_stop. */
struct fifo {
	/* private */
	struct watch watch; /* first: the thread says that it is done */
	struct poller *poller;
	void (*opened)(struct fifo *);
	pthread_t thread;
	char *path;
	int flags;
	bool running;
	int fd, error;      /* its result: once it no longer runs */
};

/*
 * Begins to open `path` with these flags and O_CLOEXEC; `opened` is called when it is open or has failed, never before
 * this returns. 0, or -1 with errno.
 */
int fifo_open(struct fifo *, struct sched *, const char *path, int flags, void (*opened)(struct fifo *));

/* Whether it goes on. */
bool fifo_is_opening(const struct fifo *);

/* The descriptor, which is the caller's from now on, or -1 with errno. Once. */
int fifo_take(struct fifo *);

/* Gives up, and closes what nobody has taken. Safe at any time after fifo_open, also when that failed, and twice. */
void fifo_stop(struct fifo *);

#endif
