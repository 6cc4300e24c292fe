/*
 * A connection is held by the pool while it is open, and by whoever has to answer on it. Its stream goes when it ends;
 * what is left is a flow that opens another connection if something has still to be said.
 *
 * A peer that has sent its end may still read: its connection stays until all that came on it has been answered. One
 * timer looks after a connection, and comes late rather than being moved with each message.
 */
#include "sip/sipstream.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/stream.h"
#include "net/tlsconn.h"
#include "sip/sipframe.h"

/*
 * How long the last answer may take to leave before the connection is closed; and how often one that gives no more is
 * looked at, whether all that came on it is answered.
 */
#define LINGER (2 * SEC)
#define LOOK (250 * MSEC)

/* For the handshake of TLS. */
#define HANDSHAKE (10 * SEC)

/* What is read at once, at least, beyond the longest message. */
enum { AHEAD = 4096 };

struct source {
	struct hash_node node;
	struct addr addr;
	size_t connections;
};

struct connection {
	struct sipflow flow;
	struct hash_node by_peer;  /* of one that we made */
	LIST_ENTRY(connection) entry; /* of pool->all, or of pool->ended */
	struct sipstreams *pool;   /* NULL: it has gone */
	struct stream *stream;     /* NULL: it has ended */
	struct stream *closed;     /* it ended while messages were read from it: closed after that */
	struct source *source;     /* of one that came */
	struct addr peer;
	struct tls *tls;           /* that it was made with, not held: only to be compared; NULL: plain TCP, or it came */
	char *name;                /* that the peer has shown a certificate for; NULL: none was wanted */
	struct sipframe frame;
	struct timer timer;
	int64_t since;             /* of the last whole message, or of the beginning of a partial one */
	bool busy;                 /* messages are being read */
	bool partial;
	bool half;                 /* the peer has sent its end */
	struct buf late;           /* what was sent after that: a reset tells that nobody has read it */
	struct addr late_to;
	bool closing;              /* what is queued is sent, then it ends; nothing more is read */
};

struct sipstreams {
	struct stxn_layer *layer;
	struct sipstream_limits limits;
	struct sipstream_stats stats;
	struct hash sources, peers;
	LIST_HEAD(, connection) all, ended;
	size_t came;               /* connections that came, open */
	bool paused;
};

/* --- sources --- */

static uint64_t
hash_addr(const struct hash *t, const struct addr *a, bool port)
{
	char text[ADDR_STRLEN];
	size_t n = port ? addr_format(a, text, sizeof(text)) : addr_format_host(a, text, sizeof(text));

	return siphash(t->key, text, n);
}

static struct source *
take_source(struct sipstreams *p, const struct addr *peer)
{
	uint64_t h = hash_addr(&p->sources, peer, false);
	struct hash_node *node;
	struct source *s;

	for (node = hash_find(&p->sources, h); node != NULL; node = hash_next(node))
		if (addr_same_host(&((struct source *)node)->addr, peer))
			break;
	s = (struct source *)node;
	if (s == NULL) {
		if ((s = malloc(sizeof(*s))) == NULL)
			return NULL;
		*s = (struct source){ .addr = *peer };
		hash_add(&p->sources, &s->node, h);
	}
	s->connections++;
	return s;
}

static void
leave_source(struct sipstreams *p, struct source *s)
{
	if (s == NULL || --s->connections > 0)
		return;
	hash_remove(&p->sources, &s->node);
	free(s);
}

/* --- the end of a connection --- */

static void
unused(struct sipflow *f)
{
	struct connection *c = (struct connection *)f;

	if (c->pool != NULL)
		LIST_REMOVE(c, entry);
	buf_fini(&c->late);
	free(c->name);
	free(c);
}

static int
send_on_another(struct connection *c, struct slice data, const struct addr *to)
{
	struct sipflow *other;

	/* whom it would be told over TLS could not be known */
	if (c->pool == NULL || c->flow.transport != TRANSPORT_TCP) {
		errno = EPIPE;
		return -1;
	}
	other = sipstreams_connect(c->pool, to);
	return other != NULL ? sipflow_send(other, data, to) : -1;
}

/* Whoever came without the certificate that is asked for, say, is looked for in the log. */
static void
tell_failed_handshake(const struct connection *c)
{
	const struct stxn_layer *l = c->pool->layer;
	const struct tlsconn *tls = stream_tls(c->stream);
	int error = stream_error(c->stream);

	if (l->bad == NULL || c->source == NULL || tls == NULL || tlsconn_ready(tls))
		return;
	if (error == EPROTO || error == ETIMEDOUT)
		l->bad(l->arg, NULL, &(struct fault){ .why = stream_why(c->stream) }, &c->peer);
}

static const char *
reason(const struct connection *c, int error)
{
	if (error == 0)
		return "the peer closed the connection";
	return stream_error(c->stream) == error ? stream_why(c->stream) : strerror(error);
}

/* What is left is a flow without a stream, while somebody holds it. */
static void
end(struct connection *c, int error)
{
	struct sipstreams *p = c->pool;
	char why[TLS_WHYLEN];

	if (c->stream == NULL)
		return;
	(void)strlcpy(why, reason(c, error), sizeof(why));
	tell_failed_handshake(c);
	if (c->busy)
		c->closed = c->stream;
	else
		stream_close(c->stream);
	c->stream = NULL;
	timer_stop(&p->layer->sched->wheel, &c->timer);
	LIST_REMOVE(c, entry);
	LIST_INSERT_HEAD(&p->ended, c, entry);
	p->stats.open--;
	if (c->source != NULL) {
		leave_source(p, c->source);
		c->source = NULL;
		p->came--;
	} else
		hash_remove(&p->peers, &c->by_peer);
	sipflow_lost(&c->flow, error, why);
	if (error != 0 && c->late.n > 0)
		(void)send_on_another(c, buf_slice(&c->late), &c->late_to);
	sipflow_release(&c->flow);
}

static void
arm(struct connection *c, int64_t after)
{
	struct sched *s = c->pool->layer->sched;

	timer_arm(&s->wheel, &c->timer, s->clock.now + after);
}

/* Nothing more is read; what is queued leaves first. */
static void
finish(struct connection *c)
{
	c->closing = true;
	if (stream_shutdown(c->stream) == -1 || (c->half && stream_pending(c->stream) == 0))
		end(c, stream_error(c->stream));
	else
		arm(c, LINGER);
}

/* The pool holds it, and so does whoever calls this. */
static bool
is_awaited(const struct connection *c, size_t held)
{
	return c->flow.holders > 1 + held || !LIST_EMPTY(&c->flow.users);
}

static void
fire(struct timer *timer)
{
	struct connection *c = (struct connection *)((char *)timer - offsetof(struct connection, timer));
	const struct sipstream_limits *limits = &c->pool->limits;
	int64_t now = c->pool->layer->sched->clock.now, due = c->since + (c->partial ? limits->partial : limits->idle);

	if (c->closing) {
		end(c, ETIMEDOUT);
		return;
	}
	if (c->half && !is_awaited(c, 0))
		finish(c);
	else if (c->half)
		arm(c, LOOK);
	else if (due > now)
		arm(c, due - now);
	else if (!c->partial && is_awaited(c, 0))
		arm(c, limits->idle);
	else {
		c->pool->stats.slow++;
		end(c, ETIMEDOUT);
	}
}

/* --- reading --- */

/* Answers what cannot be framed as far as it can be read, then ends: where the next message begins nobody knows. */
static void
refuse(struct connection *c, struct slice in, const struct fault *why)
{
	struct sipmsg *m = &c->pool->layer->msg;
	struct fault f;

	(void)sip_parse(m, in.p, in.n < SIPSTREAM_MESSAGE_MAX ? in.n : SIPSTREAM_MESSAGE_MAX, &f);
	stxn_malformed(c->pool->layer, &c->flow, m, why, &c->peer);
	if (c->stream != NULL)
		finish(c);
}

/* RFC 5626, section 4.4.1: two line ends ask for one. */
static void
answer_pings(struct connection *c, unsigned pings)
{
	static const char pongs[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
	unsigned n, most = (sizeof(pongs) - 1) / 2;

	for (; pings > 0 && c->stream != NULL; pings -= n) {
		n = pings < most ? pings : most;
		(void)sipflow_send(&c->flow, slice_make(pongs, (size_t)n * 2), &c->peer);
	}
}

static bool
take_blank(struct connection *c, struct slice in)
{
	unsigned pings;
	size_t n = sip_frame_blank(in, &pings);

	stream_take(c->stream, n);
	if (n > 0)
		c->since = c->pool->layer->sched->clock.now;
	answer_pings(c, pings);
	return n > 0;
}

/* Nothing, or the beginning of what asks for an answer. */
static bool
is_blank(struct slice in)
{
	return in.n == 0 || (in.n <= 3 && sip_is_keepalive(in.p, in.n));
}

/* True: there may be more to take. */
static bool
take_one(struct connection *c)
{
	struct slice in = stream_input(c->stream);
	struct fault f;
	ssize_t n;

	if (c->frame.scanned == 0 && c->frame.whole == 0 && take_blank(c, in))
		return c->stream != NULL;
	if (is_blank(in))
		return false;
	if ((n = sip_frame(&c->frame, in, SIPSTREAM_MESSAGE_MAX, &f)) == 0)
		return false;
	if (n == -1) {
		refuse(c, in, &f);
		return false;
	}
	c->since = c->pool->layer->sched->clock.now;
	c->partial = false;
	stxn_receive(c->pool->layer, &c->flow, slice_make(in.p, (size_t)n), &c->peer);
	if (c->stream != NULL)
		stream_take(c->stream, (size_t)n);
	return c->stream != NULL && !c->closing;
}

static void
take_all(struct connection *c)
{
	while (!c->closing && take_one(c))
		continue;
	if (c->stream == NULL || c->closing || c->partial)
		return;
	if (is_blank(stream_input(c->stream)))
		return;
	c->partial = true;
	c->since = c->pool->layer->sched->clock.now;
	arm(c, c->pool->limits.partial);
}

/* The peer will send no more: what has come is still answered. */
static void
no_more(struct connection *c)
{
	if (c->half)
		return;
	c->half = true;
	c->partial = false;
	if (stream_error(c->stream) != 0)
		end(c, stream_error(c->stream));
	else if (is_awaited(c, 1))
		arm(c, LOOK);
	else
		finish(c);
}

static void
drain(struct connection *c)
{
	stream_take(c->stream, stream_input(c->stream).n);
	if (stream_error(c->stream) != 0 || (stream_eof(c->stream) && stream_pending(c->stream) == 0))
		end(c, stream_error(c->stream));
	else
		(void)stream_want(c->stream, AHEAD);
}

static void
take_what_came(struct connection *c)
{
	int got;

	if (c->pool->paused)
		return;
	if (!c->closing)
		take_all(c);
	if (c->stream != NULL && !c->closing && (got = stream_want(c->stream, SIPSTREAM_MESSAGE_MAX + AHEAD)) != 0) {
		if (got == 1)
			take_all(c);
		if (c->stream != NULL && !c->closing && stream_eof(c->stream))
			no_more(c);
	}
	if (c->stream != NULL && c->closing)
		drain(c);
}

/* A message stands in the stream's input while it is worked on: that stays until all is done. */
static void
take(struct connection *c)
{
	sipflow_hold(&c->flow);
	c->busy = true;
	take_what_came(c);
	c->busy = false;
	stream_close(c->closed);
	c->closed = NULL;
	sipflow_release(&c->flow);
}

static void
changed(struct stream *st)
{
	take(stream_user(st));
}

/* --- writing --- */

/* Whether a peer that has sent its end has only done so, or has gone altogether, shows when something is sent to it. */
static void
remember(struct connection *c, struct slice data, const struct addr *to)
{
	if (c->late.n == 0)
		c->late_to = *to;
	if (addr_eq(&c->late_to, to) && c->late.n + data.n <= c->pool->limits.output)
		buf_putslice(&c->late, data);
	arm(c, LOOK);
}

static int
send_message(struct sipflow *f, struct slice data, const struct addr *to, bool loose)
{
	struct connection *c = (struct connection *)f;
	int saved;

	(void)loose;
	if (c->stream == NULL || c->closing)
		return send_on_another(c, data, to);
	if (c->half)
		remember(c, data, to);
	if (stream_write(c->stream, data) == -1) {
		saved = errno;
		end(c, saved);
		errno = saved;
		return -1;
	}
	if (stream_pending(c->stream) <= c->pool->limits.output)
		return 0;
	c->pool->stats.slow++;
	end(c, ENOBUFS);
	errno = ENOBUFS;
	return -1;
}

/* --- the beginning of a connection --- */

static struct connection *
new(struct sipstreams *p, const struct addr *peer)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->flow = (struct sipflow){ .send = send_message, .unused = unused, .transport = TRANSPORT_TCP, .reliable = true, .holders = 1 };
	c->pool = p;
	c->peer = *peer;
	c->since = p->layer->sched->clock.now;
	timer_init(&c->timer, fire, true);
	return c;
}

static void
start(struct connection *c)
{
	struct sipstreams *p = c->pool;

	(void)stream_localaddr(c->stream, &c->flow.local);
	LIST_INSERT_HEAD(&p->all, c, entry);
	p->stats.open++;
	arm(c, p->limits.idle);
}

static void
refuse_connection(struct sipstreams *p, int fd, const struct addr *peer)
{
	struct fault f = { .why = "too many connections" };
	(void)close(fd);
	p->stats.refused++;
	if (p->layer->bad != NULL)
		p->layer->bad(p->layer->arg, NULL, &f, peer);
}

/* The connection has got its stream. -1 with errno: TLS cannot begin. */
static int
start_tls(struct connection *c, struct tls *tls, const char *name)
{
	if (tls == NULL)
		return 0;
	c->flow.transport = TRANSPORT_TLS;
	return stream_starttls(c->stream, tls, name, c->pool->layer->sched->clock.now + HANDSHAKE);
}

void
sipstreams_take(struct sipstreams *p, int fd, const struct addr *peer, struct tls *tls)
{
	struct source *source = p->came < p->limits.connections ? take_source(p, peer) : NULL;
	struct connection *c;

	if (source == NULL || source->connections > p->limits.per_source || (c = new(p, peer)) == NULL) {
		leave_source(p, source);
		refuse_connection(p, fd, peer);
		return;
	}
	if ((c->stream = stream_open(p->layer->sched, fd, -1, changed, c)) == NULL) {
		leave_source(p, source);
		free(c);
		refuse_connection(p, fd, peer);
		return;
	}
	c->source = source;
	p->came++;
	p->stats.accepted++;
	start(c);
	if (start_tls(c, tls, NULL) == -1)
		end(c, errno);
	else
		take(c);
}

static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcasecmp(a, b) == 0;
}

/* Whoever has shown a certificate for one name is not known to be what has another (RFC 5922, section 4). */
static struct connection *
find(const struct sipstreams *p, const struct addr *to, const struct tls *tls, const char *name, uint64_t h)
{
	struct hash_node *node;

	for (node = hash_find(&p->peers, h); node != NULL; node = hash_next(node)) {
		struct connection *c = (struct connection *)((char *)node - offsetof(struct connection, by_peer));

		if (addr_eq(&c->peer, to) && c->tls == tls && same_name(c->name, name) && !c->closing && !c->half)
			return c;
	}
	return NULL;
}

struct sipflow *
sipstreams_connect_tls(struct sipstreams *p, const struct addr *to, struct tls *tls, const char *name)
{
	uint64_t h = hash_addr(&p->peers, to, true);
	struct connection *c = find(p, to, tls, name, h);
	int saved;

	if (c != NULL)
		return &c->flow;
	if ((c = new(p, to)) == NULL)
		return NULL;
	if ((name != NULL && (c->name = strdup(name)) == NULL) || (c->stream = stream_connect(p->layer->sched, to, changed, c)) == NULL ||
	    start_tls(c, tls, name) == -1) {
		saved = errno;
		stream_close(c->stream);
		free(c->name);
		free(c);
		errno = saved;
		return NULL;
	}
	c->tls = tls;
	hash_add(&p->peers, &c->by_peer, h);
	p->stats.connected++;
	start(c);
	(void)stream_want(c->stream, SIPSTREAM_MESSAGE_MAX + AHEAD);
	return &c->flow;
}

struct sipflow *
sipstreams_connect(struct sipstreams *p, const struct addr *to)
{
	return sipstreams_connect_tls(p, to, NULL, NULL);
}

/* --- the pool --- */

void
sipstreams_limits(struct sipstream_limits *l)
{
	struct rlimit files;

	*l = (struct sipstream_limits){ .connections = 10000, .output = 1 << 20, .idle = 600 * SEC, .partial = 32 * SEC };
	/* name servers and the script's own connections want some, too */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY && files.rlim_cur / 4 * 3 < l->connections)
		l->connections = (size_t)(files.rlim_cur / 4 * 3);
	l->per_source = l->connections > 10 ? l->connections / 10 : 1;
}

struct sipstreams *
sipstreams_new(struct stxn_layer *layer, const struct sipstream_limits *limits)
{
	struct sipstreams *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->layer = layer;
	if (limits != NULL)
		p->limits = *limits;
	else
		sipstreams_limits(&p->limits);
	hash_init(&p->sources);
	hash_init(&p->peers);
	LIST_INIT(&p->all);
	LIST_INIT(&p->ended);
	return p;
}

void
sipstreams_free(struct sipstreams *p)
{
	struct connection *c;

	if (p == NULL)
		return;
	while ((c = LIST_FIRST(&p->all)) != NULL)
		end(c, 0);
	while ((c = LIST_FIRST(&p->ended)) != NULL) {
		LIST_REMOVE(c, entry);
		c->pool = NULL;
	}
	hash_fini(&p->sources);
	hash_fini(&p->peers);
	free(p);
}

void
sipstreams_pause(struct sipstreams *p)
{
	struct connection *c;

	p->paused = true;
	LIST_FOREACH(c, &p->all, entry)
		(void)stream_want(c->stream, 0);
}

const struct sipstream_stats *
sipstreams_stats(const struct sipstreams *p)
{
	return &p->stats;
}
