/*
 * poller.h: tells who can read or write. One interface; epoll.c and poll.c behind it.
 *
 * Readiness is level-triggered: a watch that wants POLLER_IN hears of it in every turn as long as bytes are there.
 * Whoever finds that nobody waits drops the interest (poller_want); interest that is still wanted costs no system
 * call.
 */
#ifndef LOOP_POLLER_H
#define LOOP_POLLER_H

#include <stddef.h>
#include <stdint.h>

enum {
	POLLER_IN = 1,  /* readable, at its end, or in error */
	POLLER_OUT = 2, /* writable, or in error */
};

struct watch {
	int fd;
	void (*ready)(struct watch *, int events); /* may add, change and remove any watch, itself included */
	/* private */
	int wants;
	int slot; /* index + 1 in the poller's table; 0: not added */
};

/* --- private: what a back end brings; its own struct begins with a struct poller --- */
struct poller {
	const struct poller_ops *ops;
	struct clock *clock; /* NULL: none */
};

struct poller_ops {
	const char *name;
	struct poller *(*create)(void);
	void (*destroy)(struct poller *);
	int (*want)(struct poller *, struct watch *, int events);
	void (*remove)(struct poller *, struct watch *);
	int (*wait)(struct poller *, int64_t timeout);
};
extern const struct poller_ops poller_epoll, poller_poll;
/* --- */

/*
 * `backend`: "epoll" or "poll"; NULL: COOP_POLLER from the environment, else the one chosen at build time. NULL with
 * errno.
 */
struct poller *poller_new(const char *backend);
void poller_free(struct poller *);
const char *poller_name(const struct poller *);

/*
 * Sets what w wants: 0, or POLLER_IN and POLLER_OUT or-ed. The first call adds it, fd and ready must be set and the
 * rest of w zero; w must stay where it is until poller_remove. No system call when nothing changes. 0, or -1 with
 * errno (ENOMEM, ENOSPC, EPERM: fd is a plain file, which is always ready).
 */
int poller_want(struct poller *, struct watch *, int events);

/* Forgets w, also what has been heard for it in this round. Call it before close(2). Safe when w was never added. */
void poller_remove(struct poller *, struct watch *);

/* From now on every wait ends with a look at this clock, so that ready() finds it on time however long the wait was. */
void poller_set_clock(struct poller *, struct clock *);

/*
 * Waits until something is ready, at most `timeout` ns (< 0: for ever; less than the system's clock can do is rounded
 * up), and calls each ready(). Returns how many, 0 also after a signal; -1 with errno.
 */
int poller_wait(struct poller *, int64_t timeout);

#endif
