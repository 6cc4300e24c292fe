/* Answers to text, and out, as soon as the reader could be waiting for them. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/chain.h"
#include "dns/rrprint.h"
#include "dnsq.h"

enum {
	GOOD_WRITE = 32768,  /* worth a write at once */
	FULL = 1 << 18,
	PIECE = 4096,        /* what a pipe that is writable takes without blocking */
};

#define LINGER MSEC /* how long an answer may wait for others to leave with it */

struct output {
	struct watch watch;
	struct timer timer;
	struct sched *sched;
	const struct options *options;
	void (*drained)(void *);
	void *arg;
	struct buf buf;
	size_t written;       /* of buf */
	int error;
	bool is_file;         /* never blocks for long, and cannot be waited for */
	bool waiting;         /* for the reader */
	bool shared;          /* with other workers */
	char servers[CONF_SERVERS][ADDR_STRLEN];
};

/* --- writing --- */

static void
fail(struct output *o, int error)
{
	o->error = error;
	o->written = 0;
	buf_clear(&o->buf);
}

static bool
is_writable(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 1;
}

/*
 * How much of what is left is written at once. A pipe that is writable takes PIECE bytes, and takes them whole: with
 * workers beside us these end with a line.
 */
static size_t
piece(const struct output *o, bool wait)
{
	const char *p = o->buf.p + o->written, *end;
	size_t left = o->buf.n - o->written;

	if (o->is_file || left <= PIECE || (wait && !o->shared))
		return left;
	end = o->shared ? memrchr(p, '\n', PIECE) : NULL;
	return end != NULL ? (size_t)(end - p) + 1 : PIECE;
}

/* Writes what the reader takes now; `wait`: all. */
static void
write_some(struct output *o, bool wait)
{
	while (o->error == 0 && o->written < o->buf.n) {
		ssize_t n;

		if (!wait && !o->is_file && !is_writable())
			break;
		n = write(STDOUT_FILENO, o->buf.p + o->written, piece(o, wait));
		if (n >= 0)
			o->written += (size_t)n;
		else if (errno == EAGAIN && wait)
			(void)poll(&(struct pollfd){ .fd = STDOUT_FILENO, .events = POLLOUT }, 1, -1);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			fail(o, errno);
	}
	buf_consume(&o->buf, o->written);
	o->written = 0;
}

static void
flush_some(struct output *o)
{
	timer_stop(&o->sched->wheel, &o->timer);
	write_some(o, false);
	o->waiting = o->buf.n > 0;
	if (!o->is_file)
		(void)poller_want(o->sched->poller, &o->watch, o->waiting ? POLLER_OUT : 0);
	if (o->error != 0)
		sched_stop(o->sched);
}

static void
ready(struct watch *w, int events)
{
	struct output *o = (struct output *)w;

	(void)events;
	flush_some(o);
	if (!output_full(o))
		o->drained(o->arg);
}

static void
lingered(struct timer *t)
{
	flush_some((struct output *)(void *)((char *)t - offsetof(struct output, timer)));
}

void
output_added(struct output *o)
{
	if (o->buf.failed)
		fail(o, ENOMEM);
	if (o->error != 0) {
		sched_stop(o->sched);
		return;
	}
	if (o->waiting || o->buf.n == 0)
		return;
	if (o->buf.n >= GOOD_WRITE)
		flush_some(o);
	else if (!timer_pending(&o->timer))
		timer_arm(&o->sched->wheel, &o->timer, o->sched->clock.now + LINGER);
}

bool
output_full(const struct output *o)
{
	return o->buf.n >= FULL;
}

int
output_flush(struct output *o)
{
	write_some(o, true);
	errno = o->error;
	return o->error == 0 ? 0 : -1;
}

int
output_error(const struct output *o)
{
	return o->error;
}

struct buf *
output_buf(struct output *o)
{
	return &o->buf;
}

struct output *
output_new(struct sched *s, const struct options *options, void (*drained)(void *), void *arg)
{
	struct output *o = calloc(1, sizeof(*o));
	struct stat st;

	if (o == NULL)
		return NULL;
	o->sched = s;
	o->options = options;
	o->shared = options->workers > 1;
	o->drained = drained;
	o->arg = arg;
	o->watch.fd = STDOUT_FILENO;
	o->watch.ready = ready;
	timer_init(&o->timer, lingered, false);
	o->is_file = fstat(STDOUT_FILENO, &st) == 0 && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISCHR(st.st_mode);
	for (unsigned i = 0; i < options->resolver.conf.nservers; i++)
		(void)addr_format(&options->resolver.conf.servers[i], o->servers[i], ADDR_STRLEN);
	return o;
}

void
output_free(struct output *o)
{
	if (o == NULL)
		return;
	timer_stop(&o->sched->wheel, &o->timer);
	poller_remove(o->sched->poller, &o->watch);
	buf_fini(&o->buf);
	free(o);
}

/* --- text --- */

static void
put_name(struct buf *b, const uint8_t *name)
{
	char *to = buf_reserve(b, NAME_TEXTLEN);

	if (to != NULL)
		buf_added(b, (size_t)(name_text(to, name, 0) - to));
}

static void
put_type(struct buf *b, uint16_t type)
{
	char *to = buf_reserve(b, RRTYPE_TEXTLEN);

	if (to != NULL)
		buf_added(b, (size_t)(rrtype_text(to, type) - to));
}

static void
put_class(struct buf *b, uint16_t class)
{
	char *to = buf_reserve(b, RRTYPE_TEXTLEN);

	if (to != NULL)
		buf_added(b, (size_t)(rrclass_text(to, class) - to));
}

/* A failure is a comment, so that the whole is still a zone file. */
static void
put_failure(struct buf *b, const struct dns_query *q)
{
	char status[RRTYPE_TEXTLEN];

	buf_puts(b, "; ");
	put_name(b, q->x.name);
	buf_putc(b, ' ');
	put_type(b, q->x.type);
	buf_putc(b, ' ');
	buf_puts(b, resolver_status(q, status));
	buf_putc(b, '\n');
}

static void
put_zone(struct buf *b, const struct dns_query *q)
{
	struct dns_chain c;
	struct dnsrr rr;

	if (q->msg != NULL)
		for (dns_chain(&c, q->msg); dns_chain_next(&c, &rr);) {
			dnsmsg_put_rr(b, q->msg, &rr);
			buf_putc(b, '\n');
		}
	if (q->status != DNS_ANSWER_OK)
		put_failure(b, q);
}

static void
put_short(struct buf *b, const struct dns_query *q)
{
	struct dns_chain c;
	struct dnsrr rr;

	if (q->msg == NULL)
		return;
	for (dns_chain(&c, q->msg); dns_chain_next(&c, &rr);) {
		rr_put_text(b, rr.type, q->msg->p, rr.rdata, rr.rdlen);
		buf_putc(b, '\n');
	}
}

static void
put_message(struct buf *b, const struct dns_query *q, const char *server, bool tls)
{
	if (q->msg == NULL) {
		put_failure(b, q);
		return;
	}
	dnsmsg_put(b, q->msg);
	buf_printf(b, "\n;; Query time: %.3f msec\n;; SERVER: %s (%s)\n;; MSG SIZE  rcvd: %zu\n\n", (double)q->rtt / (double)MSEC, server,
	    tls ? "TLS" : q->x.stream ? "TCP" : "UDP", q->msg->n);
}

/* --- JSON (RFC 8259) --- */

/* The text that was put from `start` on gets its quotes and backslashes escaped; it has no other bytes that need it. */
static void
escape_from(struct buf *b, size_t start)
{
	size_t extra = 0;
	char *from, *to;

	if (b->failed)
		return;
	for (size_t i = start; i < b->n; i++)
		extra += b->p[i] == '"' || b->p[i] == '\\';
	if (extra == 0 || buf_reserve(b, extra) == NULL)
		return;
	from = b->p + b->n;
	b->n += extra;
	to = b->p + b->n;
	while (from > b->p + start) {
		char c = *--from;

		*--to = c;
		if (c == '"' || c == '\\')
			*--to = '\\';
	}
}

/* To the microsecond, as printf("%.3f") would show milliseconds. */
static void
put_ms(struct buf *b, int64_t ns)
{
	uint64_t us = (uint64_t)(ns > 0 ? ns : 0) / 1000;
	char frac[4] = { '.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10), (char)('0' + us % 10) };

	buf_putu(b, us / 1000);
	buf_put(b, frac, sizeof(frac));
}

static void
put_json_name(struct buf *b, const uint8_t *msg, size_t off)
{
	char *to = buf_reserve(b, NAME_TEXTLEN);
	size_t start = b->n;

	if (to == NULL)
		return;
	buf_added(b, (size_t)(name_text(to, msg, off) - to));
	escape_from(b, start);
}

static void
put_json_rr(struct buf *b, const struct dnsmsg *m, const struct dnsrr *rr)
{
	size_t start;

	buf_puts(b, "{\"name\":\"");
	put_json_name(b, m->p, rr->name);
	buf_puts(b, "\",\"ttl\":");
	buf_putu(b, rr->ttl);
	buf_puts(b, ",\"class\":\"");
	put_class(b, rr->class);
	buf_puts(b, "\",\"type\":\"");
	put_type(b, rr->number);
	buf_puts(b, "\",\"rdata\":\"");
	start = b->n;
	rr_put_text(b, rr->type, m->p, rr->rdata, rr->rdlen);
	escape_from(b, start);
	buf_puts(b, "\"}");
}

static void
put_json_head(struct buf *b, const struct dns_query *q, const char *server)
{
	char status[RRTYPE_TEXTLEN];

	put_json_name(b, q->x.name, 0);
	buf_puts(b, "\",\"type\":\"");
	put_type(b, q->x.type);
	buf_puts(b, "\",\"status\":\"");
	buf_puts(b, resolver_status(q, status));
	buf_puts(b, "\",\"rtt_ms\":");
	if (q->rtt > 0)
		put_ms(b, q->rtt);
	else
		buf_puts(b, "null");
	buf_puts(b, ",\"server\":\"");
	buf_puts(b, server);
	buf_puts(b, "\",\"attempts\":");
	buf_putu(b, q->x.tries);
}

static void
put_json(struct buf *b, const struct dns_query *q, const char *server)
{
	struct dns_chain c;
	struct dnsrr rr;
	bool first = true;

	buf_puts(b, "{\"name\":\"");
	put_json_head(b, q, server);
	buf_puts(b, ",\"answers\":[");
	if (q->msg != NULL)
		for (dns_chain(&c, q->msg); dns_chain_next(&c, &rr); first = false) {
			if (!first)
				buf_putc(b, ',');
			put_json_rr(b, q->msg, &rr);
		}
	buf_puts(b, "]}\n");
}

/* --- ENUM --- */

/* The status of the number's own name, as if that had been all. */
static struct dns_query
outcome(const struct enum_lookup *e)
{
	struct dns_query q = e->q;

	q.status = e->status;
	q.rcode = e->rcode;
	if (e->status == DNS_ANSWER_OK && e->nresults == 0)
		q.status = DNS_NODATA;
	return q;
}

static void
put_enum_failure(struct buf *b, const struct enum_lookup *e, const struct dns_query *q)
{
	char status[RRTYPE_TEXTLEN];

	buf_puts(b, "; ");
	buf_puts(b, e->number);
	buf_puts(b, " ENUM ");
	buf_puts(b, resolver_status(q, status));
	buf_putc(b, '\n');
}

static void
put_enum_json(struct buf *b, const struct enum_lookup *e, const struct dns_query *q, const char *server)
{
	buf_puts(b, "{\"number\":\"");
	buf_puts(b, e->number);
	buf_puts(b, "\",\"name\":\"");
	put_json_head(b, q, server);
	buf_puts(b, ",\"results\":[");
	for (unsigned i = 0; i < e->nresults; i++) {
		const struct enum_result *r = &e->results[i];
		size_t start;

		buf_puts(b, i > 0 ? ",{\"order\":" : "{\"order\":");
		buf_putu(b, r->order);
		buf_puts(b, ",\"preference\":");
		buf_putu(b, r->preference);
		buf_puts(b, ",\"service\":\"");
		start = b->n;
		buf_putslice(b, enum_service(e, r));
		escape_from(b, start);
		buf_puts(b, "\",\"uri\":\"");
		start = b->n;
		buf_putslice(b, enum_uri(e, r));
		escape_from(b, start);
		buf_puts(b, "\"}");
	}
	buf_puts(b, "]}\n");
}

static void
put_enum(struct buf *b, enum format format, const struct enum_lookup *e, const char *server)
{
	struct dns_query q = outcome(e);

	if (format == FORMAT_JSON) {
		put_enum_json(b, e, &q, server);
		return;
	}
	for (unsigned i = 0; i < e->nresults; i++) {
		if (format != FORMAT_SHORT) {
			buf_puts(b, e->number);
			buf_putc(b, '\t');
			buf_putslice(b, enum_service(e, &e->results[i]));
			buf_putc(b, '\t');
		}
		buf_putslice(b, enum_uri(e, &e->results[i]));
		buf_putc(b, '\n');
	}
	if (e->nresults == 0 && format != FORMAT_SHORT)
		put_enum_failure(b, e, &q);
}

/* --- SIP servers --- */

static void
put_place(struct buf *b, const struct locate *l, const struct locate_place *p, const char *between[4])
{
	char text[NAME_TEXTLEN], addr[ADDR_STRLEN];
	const uint8_t *host = locate_host(l, p);
	size_t n = addr_format_host(&p->addr, addr, sizeof(addr));
	char *end = text;

	/* an address is its own host */
	if (*host != 0)
		end = name_text(text, host, 0) - 1;
	buf_puts(b, between[0]);
	buf_puts(b, transport_name((enum transport)p->transport));
	buf_puts(b, between[1]);
	if (end > text)
		buf_put(b, text, (size_t)(end - text));
	else
		buf_put(b, addr, n);
	buf_puts(b, between[2]);
	buf_put(b, addr, n);
	buf_puts(b, between[3]);
	buf_putu(b, addr_port(&p->addr));
}

static void
put_locate_json(struct buf *b, const struct job *job, const char *status)
{
	static const char *first[] = { "{\"transport\":\"", "\",\"host\":\"", "\",\"addr\":\"", "\",\"port\":" };
	size_t start;

	buf_puts(b, "{\"uri\":\"");
	start = b->n;
	buf_puts(b, job->uri);
	escape_from(b, start);
	buf_puts(b, "\",\"status\":\"");
	buf_puts(b, status);
	buf_puts(b, "\",\"places\":[");
	for (unsigned i = 0; i < job->locate->nplaces; i++) {
		if (i > 0)
			buf_putc(b, ',');
		put_place(b, job->locate, &job->locate->places[i], first);
		buf_putc(b, '}');
	}
	buf_puts(b, "]}\n");
}

static void
put_locate(struct buf *b, enum format format, const struct job *job)
{
	static const char *columns[] = { "", "\t", "\t", "\t" };
	const struct locate *l = job->locate;
	char text[RRTYPE_TEXTLEN];
	const char *status = l->nplaces > 0 ? "NOERROR" : dns_status_text((enum dns_status)l->status, l->rcode, text);

	if (format == FORMAT_JSON) {
		put_locate_json(b, job, status);
		return;
	}
	for (unsigned i = 0; i < l->nplaces; i++) {
		put_place(b, l, &l->places[i], columns);
		buf_putc(b, '\n');
	}
	if (l->nplaces == 0 && format != FORMAT_SHORT)
		buf_printf(b, "; %s LOCATE %s\n", job->uri, status);
}

void
output_job(const struct output *o, const struct job *job, struct buf *b)
{
	const struct dns_query *q = job->lookup != NULL ? &job->lookup->q : &job->q;
	const char *server = o->servers[q->server];

	if (job->locate != NULL) {
		put_locate(b, o->options->format, job);
		return;
	}
	if (job->lookup != NULL) {
		put_enum(b, o->options->format, job->lookup, server);
		return;
	}
	switch (o->options->format) {
	case FORMAT_ZONE:
		put_zone(b, q);
		break;
	case FORMAT_JSON:
		put_json(b, q, server);
		break;
	case FORMAT_SHORT:
		put_short(b, q);
		break;
	case FORMAT_MESSAGE:
		put_message(b, q, server, o->options->resolver.conf.tls[q->server].on);
		break;
	}
}
