#include "stat/sender.h"

#include <stddef.h>
#include <stdlib.h>

#include "net/udp.h"

/* What an Ethernet frame leaves for the data of a datagram, with room for a tunnel or two. */
enum { PACKET = 1432 };

struct sender {
	struct sched *sched;
	struct udp *udp;
	struct addr to;
	struct defer defer;
	struct buf lines;
};

static void
send_bytes(struct sender *s, size_t n)
{
	(void)udp_send(s->udp, slice_make(s->lines.p, n), &s->to);
}

void
sender_flush(struct sender *s)
{
	if (s->lines.n > 0)
		send_bytes(s, s->lines.n);
	buf_clear(&s->lines);
	udp_flush(s->udp);
}

static void
end_of_turn(struct defer *d)
{
	sender_flush((struct sender *)(void *)((char *)d - offsetof(struct sender, defer)));
}

struct sender *
sender_open(struct sched *sched, const struct addr *to)
{
	struct sender *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->sched = sched;
	s->to = *to;
	s->defer.run = end_of_turn;
	buf_init(&s->lines, 4 * PACKET);
	if ((s->udp = udp_open(sched, NULL, to->u.sa.sa_family, NULL, NULL, NULL)) == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
sender_close(struct sender *s)
{
	if (s == NULL)
		return;
	sender_flush(s);
	sched_undefer(s->sched, &s->defer);
	udp_close(s->udp);
	buf_fini(&s->lines);
	free(s);
}

void
sender_put(struct sender *s, struct slice name, double value, enum statsd_type type)
{
	size_t before = s->lines.n;

	statsd_put(&s->lines, name, value, type);
	if (s->lines.failed) {
		buf_clear(&s->lines);
		return;
	}
	if (s->lines.n > PACKET && before > 0) {
		send_bytes(s, before);
		buf_consume(&s->lines, before + 1);
	}
	sched_defer(s->sched, &s->defer);
}
