#include "net/httpd.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "both.h"
#include "guard.h"
#include "tap.h"

TEST(heads)
{
	static const struct {
		const char *head;
		int status;
		bool keep;
		const char *path;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 0, true, "/" },
		{ "GET /metrics HTTP/1.0\r\n\r\n", 0, false, "/metrics" },
		{ "\r\nHEAD /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", 0, true, "/a" },
		{ "GET / HTTP/1.1\nHost: x\nConnection: foo, Close\n\n", 0, false, "/" },
		{ "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 0, true, "/" },
		{ "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 0, false, "/" },
		{ "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 0, false, "/" },
		{ "POST / HTTP/1.1\r\n\r\n", 405, true, "/" },
		{ "GET / HTTP/2.0\r\n\r\n", 505, false, "" },
		{ "GET\r\n\r\n", 400, false, "" },
		{ "GET /\r\n\r\n", 400, false, "" },
		{ " / HTTP/1.1\r\n\r\n", 400, false, "" },
		{ "GET  / HTTP/1.1\r\n\r\n", 400, false, "" },
		{ "GET http://x/ HTTP/1.1\r\n\r\n", 400, false, "" },
		{ "GET / HTTP/1.1 x\r\n\r\n", 400, false, "" },
		{ "GET /\001 HTTP/1.1\r\n\r\n", 400, false, "" },
		{ "GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, false, "/" },
		{ "GET / HTTP/1.1\r\n: x\r\n\r\n", 400, false, "/" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].head);
		struct slice head = slice_make(guarded(rows[i].head, n), n);
		struct http_request r;

		EQ(http_head_length(head), n);
		EQ(http_head_length(slice_make(head.p, n - 1)), 0);
		EQ(http_parse(head, &r), rows[i].status);
		if (rows[i].status != 0)
			continue;
		EQ(r.keep, rows[i].keep);
		OK(slice_eq(r.path, slice_of(rows[i].path)));
	}
}

/* --- the server --- */

static const char *
page(void *arg, struct slice path, struct buf *body)
{
	++*(int *)arg;
	if (slice_eq(path, SLICE("/big")))
		for (int i = 0; i < 1 << 16; i++)
			buf_puts(body, "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqr");
	if (slice_eq(path, SLICE("/small")))
		buf_puts(body, "hello");
	return body->n > 0 ? "text/x" : NULL;
}

static int
dial(struct httpd *h)
{
	struct addr a = { .len = 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EQ(httpd_localaddr(h, &a), 0);
	EQ(connect(fd, &a.u.sa, a.len), 0);
	EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* Sends, and turns the loop until `n` bytes or the end came. What came is in a static buffer. */
static const char *
ask(struct sched *s, int fd, const char *text, size_t n)
{
	static char got[8192];
	size_t have = 0;
	ssize_t r = -1;

	EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	UNTIL(s, (r = read(fd, got + have, sizeof(got) - 1 - have)) == 0 ||
	    (have += r > 0 ? (size_t)r : 0) >= n);
	got[have] = '\0';
	return got;
}

static bool
at_end(int fd)
{
	char c;

	return read(fd, &c, 1) == 0;
}

static struct httpd *
open_server(struct sched *s, int *asked)
{
	struct addr a;

	*asked = 0;
	EQ(addr_literal(SLICE("127.0.0.1"), 0, &a), 0);
	return httpd_open(s, &a, page, asked);
}

#define SMALL "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"

BOTH(a_connection_is_kept)
{
	int asked, fd;
	struct httpd *h = open_server(s, &asked);

	fd = dial(h);
	STR(ask(s, fd, "GET /small?x HTTP/1.1\r\nHost: a\r\n\r\n", sizeof(SMALL "hello") - 1), SMALL "hello");
	STR(ask(s, fd, "HEAD /small HTTP/1.1\r\n\r\n", sizeof(SMALL) - 1), SMALL);
	/* two at once */
	STR(ask(s, fd, "GET /small HTTP/1.1\r\n\r\nGET /small HTTP/1.1\r\n\r\n", 2 * sizeof(SMALL "hello") - 2),
	    SMALL "hello" SMALL "hello");
	/* in pieces */
	EQ(write(fd, "GET /sm", 7), 7);
	for (int i = 0; i < 5; i++)
		both_turn(s);
	STR(ask(s, fd, "all HTTP/1.1\r\n\r\n", sizeof(SMALL "hello") - 1), SMALL "hello");
	EQ(asked, 5);
	close(fd);
	httpd_close(h);
}

BOTH(a_connection_is_closed)
{
	static const struct {
		const char *request, *reply;
	} rows[] = {
		{ "GET /small HTTP/1.0\r\n\r\n",
		    "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello" },
		{ "GET /none HTTP/1.1\r\nConnection: close\r\n\r\n",
		    "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 10\r\nConnection: close\r\n\r\nNot Found\n" },
		{ "DELETE /small HTTP/1.0\r\n\r\n",
		    "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nContent-Length: 19\r\nAllow: GET, HEAD\r\n"
		    "Connection: close\r\n\r\nMethod Not Allowed\n" },
		{ "rubbish\r\n\r\n",
		    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\nBad Request\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int asked, fd;
		struct httpd *h = open_server(s, &asked);

		fd = dial(h);
		STR(ask(s, fd, rows[i].request, 8000), rows[i].reply);
		close(fd);
		httpd_close(h);
	}
}

BOTH(a_head_has_a_longest)
{
	int asked, fd;
	struct httpd *h = open_server(s, &asked);
	static char text[HTTPD_HEAD + 100];

	memset(text, 'x', sizeof(text) - 1);
	fd = dial(h);
	OK(strncmp(ask(s, fd, text, 8000), "HTTP/1.1 431 ", 13) == 0);
	EQ(asked, 0);
	close(fd);
	httpd_close(h);
}

BOTH(who_is_too_slow_is_let_go)
{
	int asked, slow, deaf;
	int64_t patience = httpd_patience;
	struct httpd *h;

	httpd_patience = 50 * MSEC;
	h = open_server(s, &asked);
	/* begins a request and never ends it */
	slow = dial(h);
	EQ(write(slow, "GET /sm", 7), 7);
	UNTIL(s, at_end(slow));
	/* never reads its reply of 4 MiB */
	deaf = dial(h);
	EQ(write(deaf, "GET /big HTTP/1.1\r\n\r\n", 21), 21);
	UNTIL(s, asked == 1);
	UNTIL(s, s->wheel.pending == 0);
	close(slow);
	close(deaf);
	httpd_close(h);
	httpd_patience = patience;
}

BOTH(a_large_reply_arrives_whole)
{
	int asked, fd;
	struct httpd *h = open_server(s, &asked);
	char text[4096];
	size_t have = 0;
	ssize_t r = -1;

	fd = dial(h);
	EQ(write(fd, "GET /big HTTP/1.0\r\n\r\n", 21), 21);
	UNTIL(s, (r = read(fd, text, sizeof(text))) == 0 || ((have += r > 0 ? (size_t)r : 0), false));
	OK(have > 1 << 22 && have < (1 << 22) + 200);
	close(fd);
	httpd_close(h);
}

BOTH(the_longest_idle_gives_way)
{
	int asked, fds[HTTPD_CLIENTS + 1];
	struct httpd *h = open_server(s, &asked);

	for (int i = 0; i <= HTTPD_CLIENTS; i++) {
		fds[i] = dial(h);
		(void)ask(s, fds[i], "GET /small HTTP/1.1\r\n\r\n", sizeof(SMALL "hello") - 1);
	}
	OK(at_end(fds[0]));
	OK(!at_end(fds[1]));
	OK(!at_end(fds[HTTPD_CLIENTS]));
	for (int i = 0; i <= HTTPD_CLIENTS; i++)
		close(fds[i]);
	httpd_close(h);
}

MAIN(RUN(heads), RUN(a_connection_is_kept), RUN(a_connection_is_closed), RUN(a_head_has_a_longest), RUN(who_is_too_slow_is_let_go),
    RUN(a_large_reply_arrives_whole), RUN(the_longest_idle_gives_way))
