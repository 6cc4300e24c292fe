#include "net/tlsconn.h"

#include <errno.h>
#include <netinet/in.h>

#include "tap.h"
#include "both.h"
#include "tlspair.h"

BOTH(both_ways_and_a_clean_end)
{
	connect_pair(s);
	EQ(stream_want(b.st, 100), 0);
	EQ(stream_want(a.st, 100), 0);
	EQ(stream_write(a.st, SLICE("hello")), 0);
	UNTIL(s, stream_input(b.st).n == 5);
	OK(slice_eq(stream_input(b.st), SLICE("hello")));
	EQ(stream_write(b.st, SLICE("welcome")), 0);
	UNTIL(s, stream_input(a.st).n == 7);
	EQ(stream_shutdown(a.st), 0);
	UNTIL(s, stream_eof(b.st));
	EQ(stream_error(b.st), 0);
	/* the other way is open yet */
	EQ(stream_write(b.st, SLICE(" and bye")), 0);
	(void)stream_want(a.st, 100);
	UNTIL(s, stream_input(a.st).n == 15);
	stream_close(b.st);
	b.st = NULL;
	UNTIL(s, stream_eof(a.st));
	EQ(stream_error(a.st), 0);
	close_pair();
}

BOTH(what_is_asked_for_in_the_handshake_is_done_after_it)
{
	open_pair(s);
	begin(client_context("one.pem"), server_context(), "127.0.0.1");
	EQ(stream_write(a.st, SLICE("early")), 0);
	EQ(stream_pending(a.st), 5);
	EQ(stream_shutdown(a.st), 0);
	EQ(stream_want(b.st, 100), 0);
	UNTIL(s, stream_eof(b.st));
	OK(slice_eq(stream_input(b.st), SLICE("early")));
	EQ(stream_error(b.st), 0);
	close_pair();
}

BOTH(what_there_is_to_know)
{
	static const char offer[] = "\002h2\010http/1.1", known[] = "\003foo\010http/1.1";
	char subject[64];

	open_pair(s);
	begin(context(&(struct tls_options){ .ca = in_dir("one.pem"), .cert = in_dir("two.both"),
	    .alpn = slice_make(offer, sizeof(offer) - 1) }),
	    context(&(struct tls_options){ .server = true, .cert = in_dir("one.both"), .ca = in_dir("two.pem"),
	    .alpn = slice_make(known, sizeof(known) - 1) }), "localhost.");
	UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
	STR(tlsconn_version(stream_tls(a.st)), "TLSv1.3");
	OK(strncmp(tlsconn_cipher(stream_tls(a.st)), "TLS_", 4) == 0);
	OK(slice_eq(tlsconn_alpn(stream_tls(a.st)), SLICE("http/1.1")));
	OK(slice_eq(tlsconn_alpn(stream_tls(b.st)), SLICE("http/1.1")));
	OK(!tlsconn_resumed(stream_tls(a.st)));
	OK(tlsconn_peer(stream_tls(a.st), subject, sizeof(subject)));
	STR(subject, "CN=one");
	OK(tlsconn_peer(stream_tls(b.st), subject, sizeof(subject)));
	STR(subject, "CN=two");
	OK(tlsconn_peer(stream_tls(b.st), subject, 4));
	STR(subject, "CN=");
	close_pair();
	connect_pair(s);
	OK(!tlsconn_peer(stream_tls(b.st), subject, sizeof(subject)));
	EQ(tlsconn_alpn(stream_tls(b.st)).n, 0);
	close_pair();
}

/* A server is told `line` by somebody who speaks no TLS, or a client by its server. */
static void
try_plain(struct sched *s, bool server, const char *line, const char *why)
{
	struct tls *t = server ? server_context() : client_context("one.pem");

	open_pair(s);
	EQ(stream_starttls(b.st, t, server ? NULL : "localhost", CLOCK_FOREVER), 0);
	tls_free(t);
	EQ(stream_write(a.st, slice_of(line)), 0);
	if (*line == '\0')
		EQ(stream_shutdown(a.st), 0);
	UNTIL(s, stream_error(b.st) != 0);
	EQ(b.changes, 1);
	STR(stream_why(b.st), why);
	close_pair();
}

BOTH(peers_that_speak_no_tls)
{
	try_plain(s, true, "GET / HTTP/1.0\r\n\r\n", "not a TLS peer");
	try_plain(s, true, "EHLO example.org\r\n", "not a TLS peer");
	try_plain(s, false, "220 example.org ESMTP\r\n", "not a TLS peer");
	try_plain(s, true, "", "closed by the peer in the TLS handshake");
	try_plain(s, false, "", "closed by the peer in the TLS handshake");
}

BOTH(a_silent_peer_has_its_time)
{
	struct tls *t = client_context("one.pem");

	open_pair(s);
	EQ(stream_starttls(a.st, t, "localhost", clock_read(&s->clock) + 20 * MSEC), 0);
	tls_free(t);
	EQ(stream_write(a.st, SLICE("lost")), 0);
	UNTIL(s, stream_error(a.st) != 0);
	EQ(stream_error(a.st), ETIMEDOUT);
	STR(stream_why(a.st), "timeout in the TLS handshake");
	EQ(a.changes, 1);
	EQ(stream_pending(a.st), 0);
	close_pair();
}

BOTH(cut_off_is_not_the_end)
{
	connect_pair(s);
	EQ(stream_want(a.st, 100), 0);
	EQ(stream_write(b.st, SLICE("half a sen")), 0);
	UNTIL(s, stream_input(a.st).n == 10);
	EQ(shutdown(stream_fd(b.st), SHUT_WR), 0);
	UNTIL(s, stream_eof(a.st));
	EQ(stream_error(a.st), EPROTO);
	STR(stream_why(a.st), "cut off by the peer: no end of TLS came before the end of the connection");
	EQ(stream_input(a.st).n, 10);
	close_pair();
}

/* Who closes with bytes to send has not said all: the other must not take it for the end. No SIGPIPE either. */
BOTH(what_is_lost_is_no_end)
{
	static char bulk[1 << 20];

	connect_pair(s);
	EQ(stream_write(a.st, slice_make(bulk, sizeof(bulk))), 0);
	OK(stream_pending(a.st) > 0);
	stream_close(a.st);
	a.st = NULL;
	do
		stream_take(b.st, stream_input(b.st).n);
	while (stream_want(b.st, 65536) == 1);
	UNTIL(s, (stream_take(b.st, 1 << 20), (void)stream_want(b.st, 65536), stream_eof(b.st)));
	OK(stream_error(b.st) == EPROTO || stream_error(b.st) == ECONNRESET);
	for (int i = 0; i < 3; i++)
		(void)stream_write(b.st, SLICE("to nobody"));
	close_pair();
}

BOTH(when_it_cannot_begin)
{
	struct tls *t = client_context("one.pem");
	static char bulk[1 << 20];
	int fds[2];
	struct stream *pipes;

	open_pair(s);
	EQ(stream_write(a.st, SLICE("STARTTLS\r\nMAIL FROM:<forger>\r\n")), 0);
	(void)stream_want(b.st, 100);
	stream_take(b.st, 10);
	EQ(stream_starttls(b.st, t, "localhost", CLOCK_FOREVER), -1);
	EQ(errno, EBADMSG);
	EQ(stream_write(a.st, slice_make(bulk, sizeof(bulk))), 0);
	EQ(stream_starttls(a.st, t, "localhost", CLOCK_FOREVER), -1);
	EQ(errno, EBUSY);
	close_pair();
	open_pair(s);
	EQ(stream_starttls(a.st, t, NULL, CLOCK_FOREVER), -1);
	EQ(errno, EINVAL);
	EQ(stream_starttls(a.st, t, "", CLOCK_FOREVER), -1);
	EQ(errno, EINVAL);
	OK(stream_connected(a.st));
	EQ(stream_starttls(a.st, t, "localhost", CLOCK_FOREVER), 0);
	EQ(stream_starttls(a.st, t, "localhost", CLOCK_FOREVER), -1);
	EQ(errno, EALREADY);
	close_pair();
	if (pipe(fds) == -1)
		exit(99);
	pipes = stream_open(s, fds[0], fds[1], changed, &a);
	EQ(stream_starttls(pipes, t, "localhost", CLOCK_FOREVER), -1);
	EQ(errno, ENOTSOCK);
	stream_close(pipes);
	tls_free(t);
}

BOTH(connecting_and_tls_in_one)
{
	struct tls *client = client_context("one.pem"), *server = server_context();
	struct addr at = { .len = sizeof(at.u) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.u.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	at.len = sizeof(at.u.in);
	a = b = (struct end){ .st = NULL };
	if (bind(fd, &at.u.sa, at.len) == -1 || listen(fd, 1) == -1 || getsockname(fd, &at.u.sa, &at.len) == -1)
		exit(99);
	a.st = stream_connect(s, &at, changed, &a);
	EQ(stream_starttls(a.st, client, "127.0.0.1", clock_read(&s->clock) + 60 * SEC), 0);
	EQ(stream_write(a.st, SLICE("hello")), 0);
	b.st = stream_open(s, accept(fd, NULL, NULL), -1, changed, &b);
	EQ(stream_starttls(b.st, server, NULL, CLOCK_FOREVER), 0);
	EQ(stream_want(b.st, 100), 0);
	UNTIL(s, stream_input(b.st).n == 5);
	OK(stream_connected(a.st));
	EQ(a.changes, 1);
	EQ(s->wheel.pending, 0);
	tls_free(client);
	tls_free(server);
	close_pair();
	close(fd);
}

enum { BULK = 4 << 20, PIECE = 50000 };

static char
byte_at(size_t at, size_t seed)
{
	return (char)((at * 31 + at / 8191 + seed) & 0xff);
}

static void
pump(struct end *e, size_t mine, size_t others)
{
	char piece[PIECE];
	struct slice in;

	while (e->to_send > 0 && stream_pending(e->st) < PIECE) {
		size_t n = e->to_send < PIECE ? e->to_send : PIECE;

		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(BULK - e->to_send + i, mine);
		EQ(stream_write(e->st, slice_make(piece, n)), 0);
		e->to_send -= n;
	}
	do {
		in = stream_input(e->st);
		for (size_t i = 0; i < in.n; i++, e->got++)
			if (in.p[i] != byte_at(e->got, others)) {
				OK(!"the bytes that were sent");
				exit(1);
			}
		stream_take(e->st, in.n);
	} while (stream_want(e->st, PIECE) == 1);
}

BOTH(megabytes_both_ways)
{
	connect_pair(s);
	a.to_send = b.to_send = BULK;
	UNTIL(s, (pump(&a, 1, 2), pump(&b, 2, 1), a.got == BULK && b.got == BULK));
	EQ(stream_pending(a.st) + stream_pending(b.st), 0);
	close_pair();
}

/* Most connections are idle: they hold no buffers, in whatever order the bytes went. */
BOTH(idle_ones_are_lean)
{
	struct tls *client = client_context("one.pem"), *server = server_context();
	size_t before = 0;

	for (int i = 0; i < 2; i++) {
		/* the first pair is for what OpenSSL makes once and keeps */
		before = held;
		open_pair(s);
		begin(tls_ref(client), tls_ref(server), "localhost");
		(void)stream_want(a.st, 100);
		(void)stream_want(b.st, 100);
		UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
		EQ(stream_write(a.st, SLICE("hello")), 0);
		UNTIL(s, stream_input(b.st).n == 5);
		EQ(stream_write(b.st, SLICE("welcome")), 0);
		UNTIL(s, stream_input(a.st).n == 7);
		OK(held - before < 40000); /* a buffer is 16 KiB and some */
		close_pair();
	}
	/* a session to be resumed may be larger than the last */
	OK(held < before + 4096);
	tls_free(client);
	tls_free(server);
}

TEST(files_made)
{
	set_up();
	OK(access(in_dir("one.pem"), R_OK) == 0);
}

MAIN(RUN(files_made), RUN(both_ways_and_a_clean_end), RUN(what_is_asked_for_in_the_handshake_is_done_after_it),
    RUN(what_there_is_to_know), RUN(peers_that_speak_no_tls), RUN(a_silent_peer_has_its_time),
    RUN(cut_off_is_not_the_end), RUN(what_is_lost_is_no_end), RUN(when_it_cannot_begin), RUN(connecting_and_tls_in_one),
    RUN(megabytes_both_ways), RUN(idle_ones_are_lean))
