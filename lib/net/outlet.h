/*
 * outlet.h: standard output or error when it is a pipe, a socket or a terminal: written to without ever waiting for
 * its reader, and left as it is for the other programs that write there, which O_NONBLOCK would make lose their
 * output. It has no tasks of its own: it tells its owner when all that was kept has gone.
 */
#ifndef NET_OUTLET_H
#define NET_OUTLET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "loop/sched.h"

struct outlet;

/* Nothing is pending any more, or it is broken. What SIGPIPE does is the program's choice. */
typedef void outlet_drained(struct outlet *);

/*
 * fd stays the caller's. NULL with errno: EINVAL: a plain file or a device, which makes nobody wait; else there is no
 * memory or no descriptor left.
 */
struct outlet *outlet_open(struct sched *, int fd, outlet_drained *, void *user);

/* What is still pending is lost. NULL is ignored. */
void outlet_close(struct outlet *);

void *outlet_user(const struct outlet *);

/* Whether fd is still, or also, the pipe, socket or terminal that this one was opened for. */
bool outlet_is(const struct outlet *, int fd);

bool outlet_is_terminal(const struct outlet *);

/* Keeps the bytes until the next push. Those of a broken outlet are dropped; so are all when there is no memory. */
void outlet_put(struct outlet *, struct slice);

/* Sends what is kept, as far as it goes now; the rest as the reader takes it. */
void outlet_push(struct outlet *);

/* Bytes kept; and whether it is the reader that they wait for. */
size_t outlet_pending(const struct outlet *);
bool outlet_is_full(const struct outlet *);

/* errno of what broke it, EPIPE say; 0: well. */
int outlet_error(const struct outlet *);

/*
 * Sends all that is kept, and keeps everybody waiting for it; gives up, and loses the rest, when the reader takes
 * nothing for `patience` ns (CLOCK_FOREVER: never).
 */
void outlet_drain(struct outlet *, int64_t patience);

#endif
