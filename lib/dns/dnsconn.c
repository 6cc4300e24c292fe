#include "dns/dnsconn.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/tls.h"

enum { SLOTS = 2 * DNSCONN_MOST, INPUT = 2 * (2 + DNS_MAX), BATCH = 16384 };

#define IDLE      (5 * SEC)
#define HANDSHAKE (10 * SEC)

static void changed(struct stream *);

static void
forget(struct dnsconn *c, struct dns_query *q)
{
	if (c->unsent == q)
		c->unsent = TAILQ_NEXT(q, link);
	TAILQ_REMOVE(&c->waiting, q, link);
	c->slots[q->x.id % SLOTS] = NULL;
	c->nwaiting--;
	c->nwritten -= q->written;
	q->via = NULL;
}

/*
 * What a server left unanswered when it closed says how many questions at a time it takes. True when that is fewer
 * than were sent.
 */
static bool
take_fewer(struct dnsconn *c)
{
	unsigned answered = c->answers < DNSCONN_MOST ? (unsigned)c->answers : DNSCONN_MOST;

	if (c->nwritten <= 1 || answered >= c->most || c->most == 1)
		return false;
	c->most = answered > 0 ? answered : 1;
	return true;
}

/* Not now: whoever called us may be in the midst of something. */
static void
give_up_soon(struct dnsconn *c)
{
	timer_arm(&c->sched->wheel, &c->timer, c->sched->clock.now);
}

static int connect_stream(struct dnsconn *);

/*
 * Gives what was written back to the owner, who may ask again at once: those questions are of the next round, and come
 * behind. What was not written yet waits for the next connection, unless none seems to be of use.
 */
static void
give_up(struct dnsconn *c)
{
	bool progress = c->answers > 0;
	struct dns_query *q;

	if (c->nwaiting == 0)
		c->most = DNSCONN_MOST;
	else
		progress |= take_fewer(c);
	if (c->tls != NULL && c->stream != NULL && stream_error(c->stream) == EPROTO)
		(void)snprintf(c->why, sizeof(c->why), "%s", stream_why(c->stream));
	stream_close(c->stream);
	c->stream = NULL;
	c->answers = 0;
	c->round++;
	timer_stop(&c->sched->wheel, &c->timer);
	while ((q = TAILQ_FIRST(&c->waiting)) != NULL && q->round != c->round && (q->written || !progress)) {
		forget(c, q);
		c->lost(c, q, progress);
	}
	if (c->nwaiting > 0 && c->stream == NULL && connect_stream(c) != 0)
		give_up_soon(c);
}

static void
on_timer(struct timer *t)
{
	struct dnsconn *c = (struct dnsconn *)(void *)((char *)t - offsetof(struct dnsconn, timer));

	give_up(c);
}

static void
close_failed(struct dnsconn *c)
{
	int saved = errno;

	stream_close(c->stream);
	c->stream = NULL;
	errno = saved;
}

static int
connect_stream(struct dnsconn *c)
{
	if ((c->stream = stream_connect(c->sched, &c->server, changed, c)) == NULL)
		return -1;
	if (c->tls != NULL && stream_starttls(c->stream, c->tls, c->name, c->sched->clock.now + HANDSHAKE) == -1) {
		close_failed(c);
		return -1;
	}
	if (stream_want(c->stream, INPUT) == -1 && stream_error(c->stream) != 0) {
		errno = stream_error(c->stream);
		close_failed(c);
		return -1;
	}
	c->connected(c);
	return 0;
}

/* As many of those that are unsent as may be written and fit: they count as written now. Returns how many bytes. */
static size_t
gather(struct dnsconn *c, uint8_t *to)
{
	size_t sum = 0, n;

	while (c->unsent != NULL && c->nwritten < c->most && sum + 2 + EXCHANGE_QUERY_MAX <= BATCH) {
		n = exchange_query(&c->unsent->x, to + sum + 2);
		to[sum] = (uint8_t)(n >> 8);
		to[sum + 1] = (uint8_t)n;
		sum += 2 + n;
		c->unsent->written = true;
		c->nwritten++;
		c->unsent = TAILQ_NEXT(c->unsent, link);
	}
	return sum;
}

static void
write_unsent(struct dnsconn *c)
{
	uint8_t bytes[BATCH];
	size_t n;

	if (c->stream == NULL || c->busy || !stream_connected(c->stream))
		return;
	while ((n = gather(c, bytes)) > 0)
		if (stream_write(c->stream, slice_make(bytes, n)) != 0) {
			give_up_soon(c);
			return;
		}
}

static void
end_of_turn(struct defer *d)
{
	write_unsent((struct dnsconn *)(void *)((char *)d - offsetof(struct dnsconn, defer)));
}

static void
message(struct dnsconn *c, struct slice data)
{
	const uint8_t *p = (const uint8_t *)data.p;
	uint16_t id = data.n >= 2 ? (uint16_t)(p[0] << 8 | p[1]) : 0;
	struct dns_query *q = c->slots[id % SLOTS];

	if (data.n < 2 || q == NULL || q->x.id != id) {
		c->stray(c);
		return;
	}
	/* one that answers more than it was sent at a time can take more */
	if (++c->answers > c->most && c->most < DNSCONN_MOST)
		c->most = 2 * c->most < DNSCONN_MOST ? 2 * c->most : DNSCONN_MOST;
	c->reply(c, q, data);
}

/* A length of two bytes before each message (RFC 1035 4.2.2). */
static void
read_messages(struct dnsconn *c)
{
	for (;;) {
		struct slice in = stream_input(c->stream);
		const uint8_t *p = (const uint8_t *)in.p;
		size_t n = in.n >= 2 ? (size_t)p[0] << 8 | p[1] : 0;

		if (in.n < 2 || in.n - 2 < n)
			return;
		message(c, slice_make(p + 2, n));
		stream_take(c->stream, n + 2);
	}
}

static void
changed(struct stream *s)
{
	struct dnsconn *c = stream_user(s);
	int more;

	c->busy = true;
	do {
		read_messages(c);
		more = stream_want(s, INPUT);
	} while (more == 1);
	c->busy = false;
	if (more == -1 || stream_error(s) != 0 || stream_eof(s))
		give_up(c);
	else
		write_unsent(c);
}

void
dnsconn_init(struct dnsconn *c)
{
	timer_init(&c->timer, on_timer, true);
	c->defer = (struct defer){ .run = end_of_turn };
	TAILQ_INIT(&c->waiting);
	c->stream = NULL;
	c->unsent = NULL;
	c->nwaiting = c->nwritten = 0;
	c->most = DNSCONN_MOST;
	c->answers = 0;
	c->round = 0;
	c->busy = false;
	c->id = (uint16_t)arc4random();
	c->why[0] = '\0';
}

const char *
dnsconn_why(const struct dnsconn *c)
{
	return c->why;
}

void
dnsconn_fini(struct dnsconn *c)
{
	sched_undefer(c->sched, &c->defer);
	timer_stop(&c->sched->wheel, &c->timer);
	stream_close(c->stream);
	c->stream = NULL;
	tls_free(c->tls);
	c->tls = NULL;
}

int
dnsconn_send(struct dnsconn *c, struct dns_query *q)
{
	if (c->nwaiting >= DNSCONN_MOST) {
		errno = ENOBUFS;
		return -1;
	}
	if (c->stream == NULL && connect_stream(c) != 0)
		return -1;
	do
		c->id++;
	while (c->slots[c->id % SLOTS] != NULL);
	if (c->nwaiting++ == 0)
		timer_stop(&c->sched->wheel, &c->timer);
	c->slots[c->id % SLOTS] = q;
	q->x.id = c->id;
	q->via = c;
	q->round = c->round;
	q->written = false;
	TAILQ_INSERT_TAIL(&c->waiting, q, link);
	if (c->unsent == NULL)
		c->unsent = q;
	sched_defer(c->sched, &c->defer);
	return 0;
}

void
dnsconn_drop(struct dnsconn *c, struct dns_query *q)
{
	if (q->via == NULL)
		return;
	forget(c, q);
	if (c->nwaiting == 0 && c->stream != NULL)
		timer_arm(&c->sched->wheel, &c->timer, c->sched->clock.now + IDLE);
}
