/* listen.h: a listening TCP or unix socket. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/addr.h"
#include "loop/sched.h"

struct listen;

/* A connection can be accepted: call listen_accept until it gives -1 with EAGAIN. It may close the listener. */
typedef void listen_ready(struct listen *);

/* A stale unix socket file, one nobody listens on, is replaced. NULL with errno. */
struct listen *listen_open(struct sched *, const struct addr *, bool reuseport, listen_ready *, void *user);

/* The same, but an IPv6 address is not IPv4's, too: the any-addresses of both can be listened to at one port. */
struct listen *listen_open_v6only(struct sched *, const struct addr *, bool reuseport, listen_ready *, void *user);

/* Removes its unix socket file. Safe in its own callback. NULL is ignored. */
void listen_close(struct listen *);

void *listen_user(const struct listen *);

/* Whether `ready` is called. 0, or -1 with errno. */
int listen_want(struct listen *, bool on);

/*
 * A connected, non-blocking descriptor, the caller's; *peer (may be NULL) its address. -1 with errno: EAGAIN: none
 * yet; EMFILE and the like are given to the caller; connections that died meanwhile are skipped.
 */
int listen_accept(struct listen *, struct addr *peer);

int listen_localaddr(const struct listen *, struct addr *);

#endif
