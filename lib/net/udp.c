/*
 * One receive arena serves all sockets of the process: what was received is handed out before anybody receives again.
 * Its slots hold the largest datagram there is; pages that no datagram reached were never touched and cost nothing.
 *
 * Sending: the queue leaves when a batch is full and at the end of the turn. When the socket takes no more, it is
 * `blocked`: the rest waits for POLLER_OUT. A unix socket without a fixed peer is always writable, though the peer's
 * queue may be full: that one tries again a little later, and gives up a datagram whose peer does not read.
 */
#include "net/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net/pktinfo.h"
#include "net/segment.h"
#include "net/sendq.h"
#include "net/unixsock.h"
#include "net/unreach.h"

enum {
	BATCH = SEGMENT_BATCH,
	BATCHES = 4,     /* received for one event: the other sockets have their turn too */
	REFUSALS = 20,   /* tries at AGAIN each */
	VAIN = 64,       /* addresses that nothing could be sent to, in one turn; more are told when they are tried again */
	/*
	 * a page more than a datagram, and a bit, or else all slots would compete for the same lines of the CPU's
	 * cache
	 */
	SLOT = 65536 + 4096 + 256,
};

#define AGAIN MSEC

struct vain {
	struct addr to;
	int error;
};

struct udp {
	struct watch watch;
	struct defer defer;
	struct timer again;
	struct sched *s;
	udp_datagram *got;
	udp_failed *failed;
	udp_arrived *arrived;
	void *arrived_arg;
	udp_batch *batch;
	udp_unreached *unreached;
	struct vain *vain;       /* VAIN of them, of which nvain are to be told; NULL without `unreached` */
	size_t nvain;
	void *user;
	struct sendq queue;
	struct unixsock file;
	struct addr peer;        /* when connected */
	int family, interest, error, refusals;
	bool reading, connected;
	bool segments, any_order; /* see segment.h */
	bool local;              /* each datagram tells to which of our addresses it came */
	bool blocked;            /* waits for POLLER_OUT or `again` */
	bool retried;            /* the oldest datagram has met an error before */
	bool tell;               /* `failed` has to be called */
	bool busy, closed;       /* closed while busy: freed afterwards */
};

static struct {
	char *arena;
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct addr from[BATCH];
	_Alignas(struct cmsghdr) char control[BATCH][PKTINFO_SPACE];
	const struct msghdr *current; /* that is handed out */
} in;

static struct {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	bool loose[BATCH];
	struct segment joined;
} out;

/* Kept for good: sockets come and go. */
static int
make_arena(void)
{
	if (in.arena != NULL)
		return 0;
	in.arena = mmap(NULL, (size_t)BATCH * SLOT, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (in.arena == MAP_FAILED) {
		in.arena = NULL;
		return -1;
	}
	for (size_t i = 0; i < BATCH; i++) {
		in.iov[i] = (struct iovec){ in.arena + i * SLOT, UDP_MAX };
		in.msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &in.from[i].u,
			.msg_namelen = sizeof(in.from[i].u),
			.msg_iov = &in.iov[i],
			.msg_iovlen = 1,
		};
	}
	return 0;
}

static int
set_interest(struct udp *u, int events)
{
	if (poller_want(u->s->poller, &u->watch, events) == -1)
		return -1;
	u->interest = events;
	return 0;
}

static void
note_error(struct udp *u, int error)
{
	u->error = error;
	if (u->failed == NULL)
		return;
	u->tell = true;
	sched_defer(u->s, &u->defer);
}

/* --- sending --- */

/* Waits until the socket may take more. False: don't wait, the oldest datagram was given up. */
static bool
wait_for_room(struct udp *u)
{
	if (u->family != AF_UNIX || u->connected) {
		u->blocked = set_interest(u, u->interest | POLLER_OUT) == 0;
		return true;
	}
	if (++u->refusals > REFUSALS) {
		u->refusals = 0;
		note_error(u, ENOBUFS);
		sendq_drop(&u->queue, 1);
		return false;
	}
	u->blocked = true;
	timer_arm(&u->s->wheel, &u->again, u->s->clock.now + AGAIN);
	return true;
}

/* Who sends may stand anywhere in its own affairs: it is told at the end of the turn. */
static void
note_vain(struct udp *u, const void *to, socklen_t len, int error)
{
	struct vain *v;

	if (u->nvain == VAIN || len == 0 || error == 0)
		return;
	v = &u->vain[u->nvain++];
	*v = (struct vain){ .to = { .len = len }, .error = error };
	memcpy(&v->to.u, to, len);
	sched_defer(u->s, &u->defer);
}

/* Whether the error was that of a datagram before. */
static bool
was_late(struct udp *u)
{
	struct addr to;
	bool late = false;
	int error;

	for (; u->unreached != NULL && unreach_take(u->watch.fd, &to, &error) == 0; late = true)
		note_vain(u, &to.u, to.len, error);
	return late;
}

static void
give_up(struct udp *u, int error)
{
	const struct msghdr *m = &out.msgs[0].msg_hdr;

	if (u->unreached != NULL && sendq_batch(&u->queue, out.msgs, out.iov, out.loose, 1) == 1)
		note_vain(u, m->msg_name, m->msg_namelen, error);
	sendq_drop(&u->queue, 1);
}

/*
 * The error that sendmmsg tells may belong to an earlier datagram: that nobody listens comes back by ICMP and is told
 * to the next one, which is not sent. So each gets a second chance.
 */
static void
send_failed(struct udp *u, int error)
{
	note_error(u, error);
	if (was_late(u))
		return;
	if (u->retried)
		give_up(u, error);
	u->retried = !u->retried;
}

/* Sends the oldest, as many as there are in a batch: whether any left; else errno. */
static bool
send_some(struct udp *u)
{
	size_t n = sendq_batch(&u->queue, out.msgs, out.iov, out.loose, BATCH);
	struct segment *joined = &out.joined;
	int sent;

	if (!u->segments || n == 1) {
		if ((sent = sendmmsg(u->watch.fd, out.msgs, (unsigned)n, MSG_NOSIGNAL)) > 0)
			sendq_drop(&u->queue, (size_t)sent);
		return sent > 0;
	}
	segment_join(joined, out.msgs, out.loose, n);
	if ((sent = sendmmsg(u->watch.fd, joined->msgs, (unsigned)joined->n, MSG_NOSIGNAL)) <= 0)
		return false;
	if ((size_t)sent == joined->n) {
		sendq_drop(&u->queue, n);
		return true;
	}
	for (size_t i = 0; i < joined->ends[sent - 1]; i++)
		sendq_take(&u->queue, &out.msgs[joined->order[i]]);
	return true;
}

/* A device or a path that cannot do it says so when something is sent. */
static bool
was_about_segments(const struct udp *u, int error)
{
	return u->segments && (error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP);
}

static void
send_queued(struct udp *u)
{
	u->blocked = false;
	while (u->queue.count > 0) {
		if (send_some(u)) {
			u->retried = false;
			u->refusals = 0;
		} else if (was_about_segments(u, errno)) {
			u->segments = false;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_for_room(u))
				return;
		} else if (errno != EINTR) {
			send_failed(u, errno);
		}
	}
}

static void
try_again(struct timer *t)
{
	struct udp *u = (struct udp *)(void *)((char *)t - offsetof(struct udp, again));

	send_queued(u);
}

void
udp_flush(struct udp *u)
{
	if (!u->blocked)
		send_queued(u);
}

static int
queue(struct udp *u, struct slice data, const struct addr *to, struct slice control, bool loose)
{
	static const size_t most4 = 65507, most6 = 65527; /* what an IP packet leaves: RFC 768, RFC 8200 */

	if (to == NULL && !u->connected) {
		errno = EDESTADDRREQ;
		return -1;
	}
	if (to != NULL && (to->len == 0 || to->u.sa.sa_family != u->family)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (data.n > (u->family == AF_INET ? most4 : u->family == AF_INET6 ? most6 : UDP_MAX)) {
		errno = EMSGSIZE;
		return -1;
	}
	if (sendq_add_how(&u->queue, data, to, control, loose) == -1)
		return -1;
	if (u->blocked)
		return 0;
	if (u->queue.count >= BATCH)
		send_queued(u);
	else
		sched_defer(u->s, &u->defer);
	return 0;
}

int
udp_send(struct udp *u, struct slice data, const struct addr *to)
{
	return udp_send_how(u, data, to, NULL, u->any_order);
}

int
udp_send_how(struct udp *u, struct slice data, const struct addr *to, const struct addr *from, bool loose)
{
	char control[PKTINFO_SPACE];

	return queue(u, data, to, slice_make(control, from != NULL ? pktinfo_write(from, control) : 0), loose);
}

/* --- receiving --- */

int
udp_came_to(const struct udp *u, struct addr *a)
{
	return u->local && in.current != NULL ? pktinfo_read(in.current, a) : -1;
}

/* All sockets share them; only some want to be told. */
static void
want_control(size_t n, bool on)
{
	for (size_t i = 0; i < n; i++) {
		in.msgs[i].msg_hdr.msg_control = on ? in.control[i] : NULL;
		in.msgs[i].msg_hdr.msg_controllen = on ? PKTINFO_SPACE : 0;
	}
}

static void
hand_out_one(struct udp *u, int i)
{
	const struct msghdr *m = &in.msgs[i].msg_hdr;
	struct addr *from = &in.from[i];

	in.current = m;
	from->len = m->msg_namelen;
	if (m->msg_flags & MSG_TRUNC) {
		note_error(u, EMSGSIZE);
		return;
	}
	/* what had arrived from others before udp_connect */
	if (u->connected && u->family != AF_UNIX && !addr_eq(from, &u->peer))
		return;
	u->got(u, slice_make(in.iov[i].iov_base, in.msgs[i].msg_len), from);
}

/* At most `most` datagrams. How many were received; 0: there are none, or an error was noted. */
static size_t
receive_batch(struct udp *u, size_t most)
{
	size_t want = most < BATCH ? most : BATCH;
	int n;

	if (u->local)
		want_control(want, true);
	n = recvmmsg(u->watch.fd, in.msgs, (unsigned)want, MSG_DONTWAIT, NULL);
	if (n == -1) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			note_error(u, errno);
		n = 0;
	}
	for (int i = 0; i < n && !u->closed; i++)
		hand_out_one(u, i);
	in.current = NULL;
	if (u->batch != NULL && n > 0 && !u->closed)
		u->batch(u);
	for (int i = 0; i < n; i++)
		in.msgs[i].msg_hdr.msg_namelen = sizeof(in.from[i].u);
	if (u->local)
		want_control(want, false);
	return (size_t)n;
}

static void
receive(struct udp *u)
{
	for (int batch = 0; batch < BATCHES && u->reading && !u->closed; batch++)
		if (receive_batch(u, BATCH) < BATCH)
			return;
}

static void
take_errors(struct udp *u)
{
	struct addr to;
	int error;

	while (!u->closed && unreach_take(u->watch.fd, &to, &error) == 0)
		if (error != 0)
			u->unreached(u, &to, error);
}

static void
tell_vain(struct udp *u)
{
	for (size_t i = 0; i < u->nvain && !u->closed; i++)
		u->unreached(u, &u->vain[i].to, u->vain[i].error);
	u->nvain = 0;
}

/* --- the loop's calls --- */

static void
destroy(struct udp *u)
{
	send_queued(u);
	sched_undefer(u->s, &u->defer);
	timer_stop(&u->s->wheel, &u->again);
	poller_remove(u->s->poller, &u->watch);
	(void)close(u->watch.fd);
	unixsock_remove(&u->file);
	sendq_fini(&u->queue);
	free(u->vain);
	free(u);
}

static void
done(struct udp *u)
{
	u->busy = false;
	if (u->closed)
		destroy(u);
}

static void
tell_arrival(struct udp *u)
{
	u->reading = false;
	u->arrived(u->arrived_arg);
}

static void
ready(struct watch *w, int events)
{
	struct udp *u = (struct udp *)w;

	u->busy = true;
	if (events & POLLER_OUT) {
		send_queued(u);
		if (!u->blocked)
			(void)set_interest(u, u->interest & ~POLLER_OUT);
	}
	if (u->unreached != NULL)
		take_errors(u);
	if ((events & POLLER_IN) && !u->closed) {
		if (!u->reading || u->arrived != NULL)
			(void)set_interest(u, u->interest & ~POLLER_IN);
		if (u->reading && u->arrived != NULL)
			tell_arrival(u);
		else if (u->reading)
			receive(u);
	}
	done(u);
}

static void
end_of_turn(struct defer *d)
{
	struct udp *u = (struct udp *)(void *)((char *)d - offsetof(struct udp, defer));

	u->busy = true;
	udp_flush(u);
	if (u->tell) {
		u->tell = false;
		u->failed(u);
	}
	tell_vain(u);
	done(u);
}

/* --- opening and closing --- */

static int
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static int
set_options(int fd, int family, const struct udp_options *o)
{
	/* who may go beyond net.core.rmem_max does */
	if (o->rcvbuf > 0 && set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, o->rcvbuf) == -1 &&
	    set_option(fd, SOL_SOCKET, SO_RCVBUF, o->rcvbuf) == -1)
		return -1;
	if (o->sndbuf > 0 && set_option(fd, SOL_SOCKET, SO_SNDBUF, o->sndbuf) == -1)
		return -1;
	if (o->reuseport && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) == -1)
		return -1;
	if (family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6only) == -1)
		return -1;
	return o->local ? pktinfo_ask(fd, family) : 0;
}

/* A unix socket without a name could not be answered: the system chooses one. */
static int
bind_socket(struct udp *u, const struct addr *bind_to)
{
	static const struct addr any_name = { .len = sizeof(sa_family_t), .u.sa.sa_family = AF_UNIX };

	if (bind_to == NULL && u->family == AF_UNIX)
		bind_to = &any_name;
	return bind_to == NULL ? 0 : unixsock_bind(u->watch.fd, bind_to, &u->file);
}

static int
open_socket(struct udp *u, const struct addr *bind_to, const struct udp_options *o)
{
	int fd = socket(u->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

	if (fd == -1)
		return -1;
	u->watch.fd = fd;
	u->local = o != NULL && o->local;
	u->segments = u->family != AF_UNIX && segment_supported(fd);
	u->any_order = o != NULL && o->any_order;
	if ((o == NULL || set_options(fd, u->family, o) == 0) && bind_socket(u, bind_to) == 0)
		return 0;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

struct udp *
udp_open(struct sched *s, const struct addr *bind_to, int family, const struct udp_options *o,
    udp_datagram *got, void *user)
{
	struct udp *u;

	if (make_arena() == -1 || (u = calloc(1, sizeof(*u))) == NULL)
		return NULL;
	u->s = s;
	u->watch.ready = ready;
	u->defer.run = end_of_turn;
	timer_init(&u->again, try_again, true);
	u->got = got;
	u->user = user;
	u->family = bind_to != NULL ? bind_to->u.sa.sa_family : family;
	if (open_socket(u, bind_to, o) == -1) {
		free(u);
		return NULL;
	}
	return u;
}

void
udp_close(struct udp *u)
{
	if (u == NULL)
		return;
	u->closed = true;
	if (!u->busy)
		destroy(u);
}

int
udp_read(struct udp *u, bool on)
{
	/* turned off, it keeps its interest until an event shows that it costs something */
	if (on && set_interest(u, u->interest | POLLER_IN) == -1)
		return -1;
	u->reading = on;
	return 0;
}

void
udp_on_arrival(struct udp *u, udp_arrived *arrived, void *arg)
{
	u->arrived = arrived;
	u->arrived_arg = arg;
}

void
udp_on_batch(struct udp *u, udp_batch *batch)
{
	u->batch = batch;
}

size_t
udp_receive(struct udp *u, size_t most)
{
	size_t n = 0, got;

	u->busy = true;
	do
		n += got = receive_batch(u, most - n);
	while (got == BATCH && n < most && !u->closed);
	done(u);
	return n;
}

int
udp_connect(struct udp *u, const struct addr *peer)
{
	struct addr got = { .len = sizeof(got.u) };

	if (connect(u->watch.fd, &peer->u.sa, peer->len) == -1 || getpeername(u->watch.fd, &got.u.sa, &got.len) == -1)
		return -1;
	u->peer = got;
	u->connected = true;
	return 0;
}

/* --- what there is to know --- */

void *
udp_user(const struct udp *u)
{
	return u->user;
}

int
udp_fd(const struct udp *u)
{
	return u->watch.fd;
}

void
udp_on_error(struct udp *u, udp_failed *failed)
{
	u->failed = failed;
}

int
udp_on_unreached(struct udp *u, udp_unreached *unreached)
{
	if (u->vain == NULL && (u->vain = calloc(VAIN, sizeof(*u->vain))) == NULL)
		return -1;
	if (unreach_ask(u->watch.fd, u->family) == -1)
		return -1;
	u->unreached = unreached;
	return 0;
}

int
udp_localaddr(const struct udp *u, struct addr *a)
{
	struct addr got = { .len = sizeof(got.u) };

	if (getsockname(u->watch.fd, &got.u.sa, &got.len) == -1)
		return -1;
	*a = got;
	return 0;
}

size_t
udp_pending(const struct udp *u)
{
	return u->queue.count;
}

int
udp_error(struct udp *u)
{
	int error = u->error;
	socklen_t len = sizeof(error);

	u->error = 0;
	if (error == 0 && getsockopt(u->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return errno;
	return error;
}

struct udp_buffer
udp_buffer(const struct udp *u)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	(void)getsockopt(u->watch.fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return (struct udp_buffer){ .used = info[SK_MEMINFO_RMEM_ALLOC], .size = info[SK_MEMINFO_RCVBUF],
		.dropped = info[SK_MEMINFO_DROPS] };
}

uint32_t
udp_dropped(const struct udp *u)
{
	return udp_buffer(u).dropped;
}
