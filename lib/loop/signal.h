/*
 * signal.h: signals as events of the loop, by a pipe that their handler writes to. One loop of a process can have
 * them.
 */
#ifndef LOOP_SIGNAL_H
#define LOOP_SIGNAL_H

#include "loop/sched.h"

struct signal_watch {
	int signo;
	/* in the loop, once for any number of arrivals in between; may remove itself */
	void (*caught)(struct signal_watch *);
	/* private */
	LIST_ENTRY(signal_watch) entry;
};

/*
 * Installs the handler of w->signo (several watches may share one) and calls w->caught from the loop of `s`. Set
 * signo and caught, the rest zero; w must stay where it is. Watching does not keep the loop going. 0, or -1 with
 * errno: EINVAL: no such signal, or one that cannot be caught; EBUSY: another loop has them.
 */
int signal_watch(struct sched *s, struct signal_watch *w);

static inline bool
signal_watched(const struct signal_watch *w)
{
	return w->entry.le_prev != NULL;
}

/* The last one for a signal puts back what was there before. Safe when it was never watched. */
void signal_unwatch(struct signal_watch *w);

/*
 * `interrupt` is called in the handler itself each time a watched signal arrives, so that whatever keeps the loop
 * from coming round can be told to stop: it may do only what a signal handler may. NULL: none.
 */
void signal_on_arrival(void (*interrupt)(void));

/*
 * Puts back all signals and closes the pipe. Before sched_fini; in a forked process, before it watches any for
 * itself.
 */
void signal_fini(void);

#endif
