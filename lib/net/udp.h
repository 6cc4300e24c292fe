/*
 * udp.h: a datagram socket (UDP, or unix datagrams) that reads and sends in batches: recvmmsg(2) when it becomes
 * readable, sendmmsg(2) once a turn or when a batch is full.
 */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "base/addr.h"
#include "base/slice.h"
#include "loop/sched.h"

struct udp;

/*
 * A datagram that came. `data` and `from` (len 0 from a unix socket without a name) are borrowed for the call. The
 * callback may close the socket; after udp_read(u, false) it still gets what had been taken from the system in the
 * same batch.
 */
typedef void udp_datagram(struct udp *, struct slice data, const struct addr *from);

/* The system has reported an error: udp_error tells which. May close the socket. */
typedef void udp_failed(struct udp *);

/* Something has arrived, and was not read: see udp_on_arrival. */
typedef void udp_arrived(void *arg);

/* All datagrams of a batch were handed out; what they point to is gone after it. */
typedef void udp_batch(struct udp *);

struct udp_options {
	int rcvbuf, sndbuf; /* bytes to ask for; 0: the system's default */
	bool reuseport;     /* share the port with other processes (SO_REUSEPORT) */
	bool v6only;
	bool any_order;     /* what is sent in one turn may be sent in any order: that can be cheaper */
	bool local;         /* for one that is bound to every address: udp_came_to and udp_send_how's `from` work */
};

/*
 * Bound to `bind`; NULL: to no address in particular, family taken from `family`. Options NULL: all zero. A stale
 * unix socket file, one nobody reads from, is replaced. Reading starts with udp_read. `user` is the owner's. NULL
 * with errno.
 */
struct udp *udp_open(struct sched *, const struct addr *bind, int family, const struct udp_options *,
    udp_datagram *, void *user);

/*
 * What is queued is sent first, if the socket takes it; its unix socket file is removed. Safe inside its own
 * callback. NULL is ignored.
 */
void udp_close(struct udp *);

void *udp_user(const struct udp *);
int udp_fd(const struct udp *);

/*
 * Whether datagrams are taken from the socket (and the callback called) or left in the system's buffer. 0, or -1 with
 * errno.
 */
int udp_read(struct udp *, bool on);

/*
 * For who reads when it suits him: in place of reading, `arrived` is called, once, and reading is off until the next
 * udp_read. NULL: datagrams are read as they come.
 */
void udp_on_arrival(struct udp *, udp_arrived *arrived, void *arg);

/*
 * From now on data and addresses are borrowed until `batch` has returned, which is called after each batch: for who
 * can do more with many at once. NULL: for the datagram's callback alone.
 */
void udp_on_batch(struct udp *, udp_batch *batch);

/*
 * Reads now, whether reading is on or not, until nothing is left or `most` datagrams were handed out. Returns how
 * many. The socket may be gone when its callback closes it.
 */
size_t udp_receive(struct udp *, size_t most);

/* Filters on one peer, and lets its ICMP errors be seen. 0, or -1 with errno. */
int udp_connect(struct udp *, const struct addr *);

/* 0, or -1 with errno. */
int udp_localaddr(const struct udp *, struct addr *);

/*
 * In the callback: to which of our addresses the datagram came, with the port 0. -1: the system did not tell, or it came
 * to many at once.
 */
int udp_came_to(const struct udp *, struct addr *);

/*
 * Queues one datagram (copied); `to` NULL on a connected socket. It leaves at the end of the turn. 0; -1 with errno:
 * EMSGSIZE; EDESTADDRREQ; EAFNOSUPPORT; ENOBUFS when the socket has taken nothing for so long that the queue (1 MiB)
 * is full; ENOMEM. What the system says against it later costs only this datagram, and is told by udp_error.
 */
int udp_send(struct udp *, struct slice data, const struct addr *to);

/*
 * The same; from one of our addresses, unless that is NULL, its port does not count. Loose: it may change places with
 * those beside it that are loose too, which can be cheaper.
 */
int udp_send_how(struct udp *, struct slice data, const struct addr *to, const struct addr *from, bool loose);

/* Sends the queue now, unless the socket is known to take nothing. udp_pending: how many datagrams wait in it. */
void udp_flush(struct udp *);
size_t udp_pending(const struct udp *);

/* The last error that the system reported (ECONNREFUSED by ICMP), and forgets it; 0: none. */
int udp_error(struct udp *);

/* `failed` is called, at the end of the turn, when there is one. NULL: nobody is. */
void udp_on_error(struct udp *, udp_failed *failed);

/*
 * What was sent to `to` met nobody there, or cannot be sent there; the error is ECONNREFUSED, EHOSTUNREACH, EACCES or the
 * like. Called while the socket is read, or at the end of the turn. May close it.
 */
typedef void udp_unreached(struct udp *, const struct addr *to, int error);

/* For a socket of IP that is read all the time and sends to many. 0, or -1 with errno. */
int udp_on_unreached(struct udp *, udp_unreached *);

/* The system's receive buffer, in bytes as the system counts them, which is far more than the datagrams have. */
struct udp_buffer {
	uint32_t used, size;
	uint32_t dropped; /* as udp_dropped */
};
struct udp_buffer udp_buffer(const struct udp *);

/* How many datagrams the system has dropped so far since the receive buffer was full; wraps. */
uint32_t udp_dropped(const struct udp *);

/* The most bytes that one datagram can carry: what a receive slot holds. */
enum { UDP_MAX = 65535 };

#endif
