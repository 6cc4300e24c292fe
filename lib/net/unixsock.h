/* unixsock.h: the socket files of unix(7) addresses. */
#ifndef NET_UNIXSOCK_H
#define NET_UNIXSOCK_H

#include <sys/types.h>

#include "base/addr.h"

/* The file that a bound socket left, if this process made it. */
struct unixsock {
	pid_t pid; /* 0: none */
	struct addr addr;
};

/*
 * bind(2). A socket file that nobody listens on is replaced. *file is filled in for unixsock_remove, also (with none)
 * for addresses of other families. 0, or -1 with errno.
 */
int unixsock_bind(int fd, const struct addr *, struct unixsock *file);

/* Removes the file; a process that was forked off leaves it alone. */
void unixsock_remove(struct unixsock *file);

#endif
