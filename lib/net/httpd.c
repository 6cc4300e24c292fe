/*
 * A connection is idle, in a request, in a reply, or at its end, and has a deadline for each. What comes behind a
 * request waits until its reply has left.
 */
#include "net/httpd.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/listen.h"
#include "net/stream.h"

int64_t httpd_patience = 10 * SEC, httpd_idle = 120 * SEC;

struct client {
	TAILQ_ENTRY(client) entry;
	struct httpd *h;
	struct stream *st;
	struct timer timer;
	bool busy;   /* its deadline is that of a request or a reply */
	bool ending; /* no more is answered: what still comes is read over until the peer closes, too */
};

struct httpd {
	struct sched *s;
	struct listen *l;
	TAILQ_HEAD(, client) clients; /* the longest idle first */
	size_t n;
	httpd_page *page;
	void *arg;
};

/* --- requests --- */

size_t
http_head_length(struct slice s)
{
	const char *end = s.p + s.n, *line = s.p;

	while (line < end) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));

		if (lf == NULL)
			return 0;
		/* an empty line before the request is let pass: RFC 9112, 2.2 */
		if (line > s.p + 1 && (lf == line || (lf == line + 1 && *line == '\r')))
			return (size_t)(lf - s.p) + 1;
		line = lf + 1;
	}
	return 0;
}

static struct slice
next_line(struct slice *rest)
{
	struct slice line;

	slice_cut(*rest, '\n', &line, rest);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool
is_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
			return false;
	return true;
}

static bool
has_token(struct slice list, struct slice token)
{
	struct slice one;

	while (list.n > 0) {
		slice_cut(list, ',', &one, &list);
		if (slice_caseeq(slice_trim(one), token))
			return true;
	}
	return false;
}

static int
read_request_line(struct slice line, struct http_request *r)
{
	struct slice target, version, query;

	if (!slice_cut(line, ' ', &r->method, &line) || !slice_cut(line, ' ', &target, &version))
		return 400;
	if (r->method.n == 0 || target.n == 0 || !is_text(target) || version.n != 8 ||
	    memcmp(version.p, "HTTP/", 5) != 0 || version.p[6] != '.')
		return 400;
	if (version.p[5] != '1')
		return 505;
	if (target.p[0] != '/')
		return 400;
	slice_cut(target, '?', &r->path, &query);
	r->keep = version.p[7] != '0';
	return 0;
}

int
http_parse(struct slice head, struct http_request *r)
{
	struct slice line = next_line(&head), name, value;
	int status;

	if (line.n == 0)
		line = next_line(&head);
	*r = (struct http_request){ .keep = false };
	if ((status = read_request_line(line, r)) != 0)
		return status;
	while ((line = next_line(&head)).n > 0) {
		if (!slice_cut(line, ':', &name, &value) || name.n == 0 || !is_text(line))
			return 400;
		value = slice_trim(value);
		if (slice_caseeq(name, SLICE("connection")) && has_token(value, SLICE("close")))
			r->keep = false;
		/* a body is not worth reading to its end */
		if (slice_caseeq(name, SLICE("transfer-encoding")) ||
		    (slice_caseeq(name, SLICE("content-length")) && !slice_eq(value, SLICE("0"))))
			r->keep = false;
	}
	if (!slice_eq(r->method, SLICE("GET")) && !slice_eq(r->method, SLICE("HEAD")))
		return 405;
	return 0;
}

/* --- replies --- */

static const char *
reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

static void
reply(struct client *c, int status, const char *type, const struct buf *body, const struct http_request *r)
{
	struct buf out;

	buf_init(&out, 0);
	buf_printf(&out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", status, reason(status), type,
	    body->n);
	if (status == 405)
		buf_puts(&out, "Allow: GET, HEAD\r\n");
	buf_printf(&out, "Connection: %s\r\n\r\n", r->keep ? "keep-alive" : "close");
	if (!slice_eq(r->method, SLICE("HEAD")))
		buf_putslice(&out, buf_slice(body));
	c->ending = !r->keep || out.failed;
	if (!out.failed)
		(void)stream_write(c->st, buf_slice(&out));
	buf_fini(&out);
	if (c->ending)
		(void)stream_shutdown(c->st);
}

static void
answer(struct client *c, int status, const struct http_request *r)
{
	const char *type = NULL;
	struct buf body;

	buf_init(&body, 0);
	if (status == 0) {
		type = c->h->page(c->h->arg, r->path, &body);
		status = body.failed ? 500 : type != NULL ? 200 : 404;
	}
	if (status != 200) {
		buf_clear(&body);
		buf_printf(&body, "%s\n", reason(status));
		type = "text/plain";
	}
	reply(c, status, type, &body, r);
	buf_fini(&body);
}

/* --- connections --- */

static void
drop(struct client *c)
{
	struct httpd *h = c->h;

	TAILQ_REMOVE(&h->clients, c, entry);
	h->n--;
	timer_stop(&h->s->wheel, &c->timer);
	stream_close(c->st);
	free(c);
}

static void
expired(struct timer *t)
{
	drop((struct client *)(void *)((char *)t - offsetof(struct client, timer)));
}

static void
set_busy(struct client *c, bool busy)
{
	if (busy && c->busy)
		return;
	c->busy = busy;
	timer_arm(&c->h->s->wheel, &c->timer, c->h->s->clock.now + (busy ? httpd_patience : httpd_idle));
	TAILQ_REMOVE(&c->h->clients, c, entry);
	TAILQ_INSERT_TAIL(&c->h->clients, c, entry);
}

/* Answers the request at the beginning of the input. False: it is not all there. */
static bool
answer_next(struct client *c)
{
	struct slice in = stream_input(c->st);
	struct http_request r = { .keep = false };
	size_t n = http_head_length(in);

	if (n == 0 && in.n <= HTTPD_HEAD)
		return false;
	set_busy(c, true);
	if (n == 0 || n > HTTPD_HEAD)
		answer(c, 431, &r);
	else
		answer(c, http_parse(slice_make(in.p, n), &r), &r);
	stream_take(c->st, n > 0 ? n : in.n);
	/* the reply has this deadline; what comes after it a new one */
	c->busy = false;
	return true;
}

/* False: it has been dropped, or there is nothing to be done until more comes or goes. */
static bool
step(struct client *c)
{
	int more;

	if (stream_error(c->st) != 0) {
		drop(c);
		return false;
	}
	if (stream_pending(c->st) > 0)
		return false;
	if (c->ending)
		stream_take(c->st, stream_input(c->st).n);
	else if (answer_next(c))
		return true;
	else
		set_busy(c, stream_input(c->st).n > 0);
	more = stream_want(c->st, HTTPD_HEAD + 1);
	if (more == -1)
		drop(c);
	return more == 1;
}

static void
changed(struct stream *st)
{
	struct client *c = stream_user(st);

	while (step(c))
		;
}

static void
welcome(struct httpd *h, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->st = stream_open(h->s, fd, -1, changed, c)) == NULL) {
		(void)close(fd);
		free(c);
		return;
	}
	if (h->n == HTTPD_CLIENTS)
		drop(TAILQ_FIRST(&h->clients));
	c->h = h;
	timer_init(&c->timer, expired, true);
	TAILQ_INSERT_TAIL(&h->clients, c, entry);
	h->n++;
	set_busy(c, true);
	while (step(c))
		;
}

static void
knock(struct listen *l)
{
	struct httpd *h = listen_user(l);
	int fd;

	while ((fd = listen_accept(l, NULL)) != -1)
		welcome(h, fd);
	/* no descriptors left: the longest idle gives one back, or else this would be heard for ever */
	if ((errno == EMFILE || errno == ENFILE) && h->n > 0)
		drop(TAILQ_FIRST(&h->clients));
}

struct httpd *
httpd_open(struct sched *s, const struct addr *a, httpd_page *page, void *arg)
{
	struct httpd *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->s = s;
	h->page = page;
	h->arg = arg;
	TAILQ_INIT(&h->clients);
	if ((h->l = listen_open(s, a, false, knock, h)) != NULL) {
		if (listen_want(h->l, true) == 0)
			return h;
		listen_close(h->l);
	}
	free(h);
	return NULL;
}

void
httpd_close(struct httpd *h)
{
	struct client *c;

	if (h == NULL)
		return;
	while ((c = TAILQ_FIRST(&h->clients)) != NULL)
		drop(c);
	listen_close(h->l);
	free(h);
}

int
httpd_localaddr(const struct httpd *h, struct addr *a)
{
	return listen_localaddr(h->l, a);
}
