/*
 * sendq.h: datagrams that wait to be sent, one behind the other in one run of memory that is kept: a warm queue
 * allocates nothing.
 */
#ifndef NET_SENDQ_H
#define NET_SENDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/slice.h"

struct sendq {
	size_t count; /* datagrams in it */
	/* private */
	char *p;
	size_t head, tail, cap; /* bytes; the records are in p[head..tail) */
};

/* The most bytes it holds, addresses and lengths included. */
enum { SENDQ_MAX = 1 << 20 };

/* A zeroed struct is an empty queue. */
void sendq_fini(struct sendq *);

/* Copies both; `to` may be NULL. 0, or -1 with errno: ENOBUFS: it is full; ENOMEM. */
int sendq_add(struct sendq *, struct slice data, const struct addr *to);

/* The same with a control message, which is copied too: at most 65528 bytes. Loose: see segment.h. */
int sendq_add_how(struct sendq *, struct slice data, const struct addr *to, struct slice control, bool loose);

/*
 * Fills in at most `most` of each for the oldest datagrams; they point into the queue until it is changed. Returns
 * how many.
 */
size_t sendq_batch(const struct sendq *, struct mmsghdr *, struct iovec *, bool *loose, size_t most);

/* Forgets the n oldest. */
void sendq_drop(struct sendq *, size_t n);

/* Forgets the datagram of this entry of the batch, wherever it stands. The other entries stay valid. */
void sendq_take(struct sendq *, const struct mmsghdr *);

#endif
