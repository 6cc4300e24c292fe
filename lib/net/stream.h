/*
 * stream.h: a buffered byte stream: TCP, unix, or a pair of pipes; TLS on the former. It has no tasks of its own: it
 * tells its owner that something changed, and the owner looks.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/addr.h"
#include "base/buf.h"
#include "loop/sched.h"

struct stream;
struct tls;
struct tlsconn;

/* Something changed: connected, bytes came, nothing is pending any more, end, error. It may close the stream. */
typedef void stream_changed(struct stream *);

/*
 * Takes fd (-1: there is nothing to read). `fd_out`: a second one to write to, or -1. They become non-blocking, but
 * for 0, 1 and 2, which other processes share: those are only touched when they are ready. Plain files will do: they
 * always are. SIGPIPE must be ignored when one is a pipe to write to. NULL with errno, the descriptors are then still
 * the caller's.
 */
struct stream *stream_open(struct sched *, int fd, int fd_out, stream_changed *, void *user);

/*
 * Starts to connect over TCP or unix; `changed` tells when stream_connected or stream_error, never before it returns.
 * What is written, wanted or shut down meanwhile is done then. NULL with errno (EAGAIN: a unix listener's backlog is
 * full).
 */
struct stream *stream_connect(struct sched *, const struct addr *, stream_changed *, void *user);

/*
 * Begins with TLS, as tls_is_server says; `name` as in tlsconn_new; `deadline` (ns, CLOCK_FOREVER: none) is for the
 * handshake. Until that is over the stream is not connected, and what is written, wanted or shut down waits for it;
 * `changed` tells when stream_connected or stream_error. Also while it still connects. 0, or -1 with errno, and
 * nothing has changed: EBADMSG: there is input: whoever sent it before TLS must not have it taken for what came by
 * TLS; EBUSY: there is output pending; EALREADY: it has begun before; ENOTSOCK: a pipe; EINVAL: a name that
 * tlsconn_new refuses; ENOMEM.
 */
int stream_starttls(struct stream *, struct tls *, const char *name, int64_t deadline);

/*
 * Closes and frees; what is still in its output is lost (stream_pending tells). Safe in its own callback. NULL is
 * ignored.
 */
void stream_close(struct stream *);

void *stream_user(const struct stream *);
void stream_set_user(struct stream *, stream_changed *, void *user);
int stream_fd(const struct stream *);     /* the one to read from; -1: none */
int stream_fd_out(const struct stream *); /* the one to write to */

bool stream_connected(const struct stream *);
bool stream_eof(const struct stream *);  /* the peer will send no more; what is in the input is still there */
int stream_error(const struct stream *); /* errno of what broke it, 0: well; EPROTO, ETIMEDOUT by TLS */

/* What broke it, in words; borrowed. */
const char *stream_why(const struct stream *);

/* For what tlsconn.h tells of the peer, once it is tlsconn_ready; NULL: TLS is not spoken. */
const struct tlsconn *stream_tls(const struct stream *);

/* The bytes that came and were not taken yet: borrowed until the next call. stream_take drops the first n. */
struct slice stream_input(const struct stream *);
void stream_take(struct stream *, size_t n);

/*
 * Wants more input than there is: reads at once what the socket has, unless it is known to have nothing, and goes on
 * reading as it comes until the input holds `most` bytes (a few KiB more may come). 0: stop reading (the system's
 * buffer then slows the peer). Returns 1 if bytes came at once, 0 if not yet, -1 at the end or after an error. After
 * a failed write one may still read.
 */
int stream_want(struct stream *, size_t most);

/*
 * Writes what the socket takes now, keeps the rest. 0, or -1 with errno (EPIPE, ECONNRESET; ENOMEM): all later ones
 * fail too, and what was kept is lost. stream_pending: the bytes kept; `changed` is called when there are none any
 * more. How many may pile up is the owner's to say.
 */
int stream_write(struct stream *, struct slice);
size_t stream_pending(const struct stream *);

/*
 * No more will be written; the peer sees the end after what is pending. A pipe to write to is closed then. 0, or -1
 * with errno.
 */
int stream_shutdown(struct stream *);

int stream_localaddr(const struct stream *, struct addr *);
int stream_peeraddr(const struct stream *, struct addr *);

#endif
