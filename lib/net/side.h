/*
 * side.h: one direction of a stream, or both: a descriptor that is read and written without ever blocking. What
 * stands between a stream and its bytes belongs here.
 */
#ifndef NET_SIDE_H
#define NET_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "loop/poller.h"

struct stream;
struct tlsconn;

struct side {
	struct watch watch;    /* fd -1: none */
	struct stream *st;
	struct poller *poller;
	struct tlsconn *tls;   /* NULL: bytes go as they are */
	int wants;             /* as the stream means them */
	bool socket;
	bool shared;           /* 0, 1, 2: other processes use the same open file; it stays as it is */
};

/* Makes fd (-1: none) non-blocking unless it is shared, and sends small writes at once. 0, or -1 with errno. */
int side_init(struct side *, struct poller *, int fd, void (*ready)(struct watch *, int), struct stream *);

/*
 * As read(2) and write(2), but never interrupted, and with no SIGPIPE from a socket. EAGAIN: not now. The raw ones are
 * beneath TLS.
 */
ssize_t side_read(struct side *, char *, size_t);
ssize_t side_write(struct side *, const char *, size_t);
ssize_t side_read_raw(struct side *, char *, size_t);
ssize_t side_write_raw(struct side *, const char *, size_t);

/* Adds or takes away POLLER_IN or POLLER_OUT. No system call when nothing changes. 0, or -1 with errno. */
int side_want(struct side *, int event);
void side_unwant(struct side *, int event);

/* What was heard of the descriptor, as the stream means it: TLS may have to write in order to read. */
int side_meant(const struct side *, int events);

/*
 * No more will be written: a socket is shut, a descriptor that is only written to is closed. 0, or -1 with errno
 * (EAGAIN: call it again when it can be written to).
 */
int side_finish(struct side *);

/* Safe when there is none. */
void side_close(struct side *);

#endif
