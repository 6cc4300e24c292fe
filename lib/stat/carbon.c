/*
 * The queue keeps what is given to the stream until all of that has left: when the connection breaks, it is sent
 * again over the next one. Twice the same line does no harm: the later one takes the place of the earlier.
 */
#include "stat/carbon.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/stream.h"
#include "stat/number.h"

enum { CHUNK = 65536 };

#define WAIT_LEAST SEC
#define WAIT_MOST (60 * SEC)

struct carbon {
	struct sched *sched;
	struct stream *st;   /* NULL: waits to be tried again */
	struct timer again;
	int64_t wait;
	struct buf queue;
	size_t in_flight;    /* bytes of the queue that the stream has been given */
	uint64_t lost;
	bool told;           /* that it cannot be reached */
	struct addr to;
};

static void changed(struct stream *);

static void
later(struct carbon *c, int error)
{
	char text[ADDR_STRLEN];

	addr_format(&c->to, text, sizeof(text));
	if (!c->told)
		log_warn("%s: %s; trying again", text, strerror(error));
	c->told = true;
	stream_close(c->st);
	c->st = NULL;
	c->in_flight = 0;
	timer_arm(&c->sched->wheel, &c->again, c->sched->clock.now + c->wait);
	c->wait = c->wait * 2 < WAIT_MOST ? c->wait * 2 : WAIT_MOST;
}

static void
dial(struct carbon *c)
{
	if ((c->st = stream_connect(c->sched, &c->to, changed, c)) == NULL)
		later(c, errno);
}

static void
try_again(struct timer *t)
{
	dial((struct carbon *)(void *)((char *)t - offsetof(struct carbon, again)));
}

static void
welcome(struct carbon *c)
{
	char text[ADDR_STRLEN];

	addr_format(&c->to, text, sizeof(text));
	if (c->told)
		log_warn("%s: connected again", text);
	c->told = false;
	c->wait = WAIT_LEAST;
}

/* Gives the stream the next chunk, whole lines, once the last one has left. */
static void
push(struct carbon *c)
{
	while (c->st != NULL && stream_pending(c->st) == 0) {
		size_t n;

		buf_consume(&c->queue, c->in_flight);
		c->in_flight = 0;
		n = c->queue.n < CHUNK ? c->queue.n : CHUNK;
		while (n > 0 && c->queue.p[n - 1] != '\n')
			n--;
		if (n == 0)
			return;
		if (stream_write(c->st, slice_make(c->queue.p, n)) != 0) {
			later(c, errno);
			return;
		}
		c->in_flight = n;
	}
}

static void
changed(struct stream *st)
{
	struct carbon *c = stream_user(st);

	if (stream_error(st) != 0) {
		later(c, stream_error(st));
		return;
	}
	if (!stream_connected(st))
		return;
	welcome(c);
	/* it says nothing; but that is how its end is heard of */
	stream_take(st, stream_input(st).n);
	if (stream_want(st, 1) == -1) {
		later(c, stream_error(st) != 0 ? stream_error(st) : ECONNRESET);
		return;
	}
	push(c);
}

struct carbon *
carbon_open(struct sched *s, const struct addr *to)
{
	struct carbon *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->sched = s;
	c->to = *to;
	c->wait = WAIT_LEAST;
	buf_init(&c->queue, CARBON_QUEUE);
	timer_init(&c->again, try_again, true);
	dial(c);
	return c;
}

void
carbon_close(struct carbon *c)
{
	if (c == NULL)
		return;
	timer_stop(&c->sched->wheel, &c->again);
	stream_close(c->st);
	buf_fini(&c->queue);
	free(c);
}

/* --- lines --- */

static void
put_path(struct buf *b, struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char ch = name.p[i], low = ascii_lower(ch);

		buf_putc(b, (low >= 'a' && low <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-' ? ch : '_');
	}
}

static void
put_line(struct carbon *c, struct slice name, const char *what, double v, int64_t epoch)
{
	char text[NUMBER_STRLEN];
	struct slice tags;

	put_path(&c->queue, statsd_metric(name, &tags));
	buf_puts(&c->queue, what);
	if (tags.n > 0)
		buf_putc(&c->queue, ';');
	buf_putslice(&c->queue, tags);
	buf_putc(&c->queue, ' ');
	buf_put(&c->queue, text, number_format(v, text, sizeof(text)));
	buf_putc(&c->queue, ' ');
	buf_putu(&c->queue, (uint64_t)epoch);
	buf_putc(&c->queue, '\n');
}

static void
put_percentiles(struct carbon *c, const struct series *s, const struct figures *f, int64_t epoch)
{
	double v;

	if (series_percentile(s, f, 50, &v))
		put_line(c, s->name, ".p50", v, epoch);
	if (series_percentile(s, f, 95, &v))
		put_line(c, s->name, ".p95", v, epoch);
	if (series_percentile(s, f, 99, &v))
		put_line(c, s->name, ".p99", v, epoch);
}

void
carbon_put(struct carbon *c, int64_t epoch, const struct series *s, const struct figures *f)
{
	size_t before = c->queue.n;

	put_line(c, s->name, ".count", f->count, epoch);
	put_line(c, s->name, ".min", f->min, epoch);
	put_line(c, s->name, ".avg", f->avg, epoch);
	put_line(c, s->name, ".max", f->max, epoch);
	put_line(c, s->name, ".last", f->last, epoch);
	put_percentiles(c, s, f, epoch);
	if (!c->queue.failed)
		return;
	/* half of a metric is none */
	c->queue.failed = false;
	c->queue.n = before;
	c->lost++;
}

void
carbon_flush(struct carbon *c)
{
	if (c->st != NULL && stream_connected(c->st))
		push(c);
}

size_t
carbon_pending(const struct carbon *c)
{
	bool all_left = c->st != NULL && stream_connected(c->st) && stream_pending(c->st) == 0;

	return all_left ? c->queue.n - c->in_flight : c->queue.n;
}

uint64_t
carbon_lost(struct carbon *c)
{
	uint64_t n = c->lost;

	c->lost = 0;
	return n;
}
