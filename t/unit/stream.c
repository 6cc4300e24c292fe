#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/listen.h"
#include "tap.h"
#include "both.h"

/* One end, as an owner sees it. */
struct end {
	struct stream *st;
	int changes;
	bool echo, close;
};

static void
changed(struct stream *st)
{
	struct end *e = stream_user(st);

	e->changes++;
	if (e->echo)
		while (stream_input(st).n > 0) {
			EQ(stream_write(st, stream_input(st)), 0);
			stream_take(st, stream_input(st).n);
			(void)stream_want(st, 4096);
		}
	if (e->close) {
		stream_close(st);
		e->st = NULL;
	}
}

static struct end a, b; /* a connects, b is what was accepted */

static void
door(struct listen *l)
{
	int fd = listen_accept(l, NULL);

	if (fd == -1)
		return;
	b.st = stream_open(listen_user(l), fd, -1, changed, &b);
	OK(b.st != NULL);
}

static struct addr
address(const char *text)
{
	struct addr at = { .len = 0 };

	EQ(addr_parse(slice_of(text), -1, &at, NULL, NULL), 0);
	return at;
}

/* A listener at `text`; `at` gets its address. */
static struct listen *
open_door(struct sched *s, const char *text, struct addr *at)
{
	struct listen *l;

	*at = address(text);
	l = listen_open(s, at, false, door, s);
	if (l == NULL || listen_want(l, true) == -1 || listen_localaddr(l, at) == -1) {
		perror("# listen_open");
		exit(99);
	}
	a = b = (struct end){ .st = NULL };
	return l;
}

static void
connect_pair(struct sched *s, const char *text)
{
	struct addr at;
	struct listen *l = open_door(s, text, &at);

	a.st = stream_connect(s, &at, changed, &a);
	OK(a.st != NULL);
	EQ(a.changes, 0);
	OK(!stream_connected(a.st));
	UNTIL(s, a.changes == 1 && b.st != NULL);
	OK(stream_connected(a.st));
	EQ(stream_error(a.st), 0);
	listen_close(l);
	a.changes = 0;
}

static void
close_pair(void)
{
	stream_close(a.st);
	stream_close(b.st);
	a.st = b.st = NULL;
}

static void
try_echo(struct sched *s, const char *text)
{
	struct addr here, there;

	connect_pair(s, text);
	EQ(stream_localaddr(a.st, &here), 0);
	EQ(stream_peeraddr(b.st, &there), 0);
	OK(here.u.sa.sa_family == AF_UNIX || addr_eq(&here, &there));
	b.echo = true;
	EQ(stream_want(b.st, 4096), 0);
	EQ(stream_want(a.st, 5), 0);
	EQ(stream_write(a.st, SLICE("hello")), 0);
	EQ(stream_pending(a.st), 0);
	UNTIL(s, stream_input(a.st).n == 5);
	OK(slice_eq(stream_input(a.st), SLICE("hello")));
	stream_take(a.st, 2);
	OK(slice_eq(stream_input(a.st), SLICE("llo")));
	stream_take(a.st, 100);
	EQ(stream_input(a.st).n, 0);
	close_pair();
}

BOTH(echo)
{
	try_echo(s, "127.0.0.1:0");
	try_echo(s, "[::1]:0");
	try_echo(s, "unix:@coop-stream-test");
}

BOTH(nobody_listens)
{
	struct addr at;
	struct listen *l = open_door(s, "127.0.0.1:0", &at);
	struct addr none = { .len = 0 };

	listen_close(l);
	a.st = stream_connect(s, &at, changed, &a);
	OK(a.st != NULL);
	/* what was written meanwhile is lost with the connection */
	EQ(stream_write(a.st, SLICE("x")), 0);
	EQ(stream_pending(a.st), 1);
	UNTIL(s, a.changes == 1);
	OK(!stream_connected(a.st));
	EQ(stream_error(a.st), ECONNREFUSED);
	OK(stream_eof(a.st));
	EQ(stream_pending(a.st), 0);
	EQ(stream_want(a.st, 1), -1);
	EQ(stream_write(a.st, SLICE("x")), -1);
	EQ(errno, ECONNREFUSED);
	EQ(stream_shutdown(a.st), -1);
	both_turn(s);
	EQ(a.changes, 1);
	stream_close(a.st);
	stream_close(NULL);
	at = address("unix:/nonexistent/socket");
	OK(stream_connect(s, &at, changed, &a) == NULL);
	EQ(errno, ENOENT);
	OK(stream_connect(s, &none, changed, &a) == NULL);
}

BOTH(done_before_it_was_connected)
{
	static const char *const texts[] = { "127.0.0.1:0", "unix:@coop-stream-test" };

	for (int i = 0; i < 2; i++) {
		struct addr at;
		struct listen *l = open_door(s, texts[i], &at);

		a.st = stream_connect(s, &at, changed, &a);
		EQ(stream_write(a.st, SLICE("early ")), 0);
		EQ(stream_write(a.st, SLICE("bird")), 0);
		EQ(stream_want(a.st, 10), 0);
		EQ(stream_shutdown(a.st), 0);
		EQ(stream_write(a.st, SLICE("late")), -1);
		EQ(errno, EPIPE);
		UNTIL(s, b.st != NULL);
		(void)stream_want(b.st, 1000);
		UNTIL(s, stream_eof(b.st));
		OK(slice_eq(stream_input(b.st), SLICE("early bird")));
		/* the other direction is still open */
		EQ(stream_write(b.st, SLICE("answer")), 0);
		UNTIL(s, stream_input(a.st).n == 6);
		listen_close(l);
		close_pair();
	}
}

BOTH(closed_before_it_was_connected)
{
	struct addr at;
	struct listen *l = open_door(s, "127.0.0.1:0", &at);

	a.st = stream_connect(s, &at, changed, &a);
	stream_close(a.st);
	listen_close(l);
	l = open_door(s, "unix:@coop-stream-test", &at);
	a.st = stream_connect(s, &at, changed, &a);
	stream_close(a.st);
	both_turn(s);
	EQ(a.changes, 0);
	stream_close(b.st);
	listen_close(l);
}

static char *
pattern(size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 31 + i / 251);
	return p;
}

/* More than the system's buffers hold: the writer keeps the rest, the reader takes it in parts of all sizes. */
BOTH(large_transfer)
{
	enum { SIZE = 8000000 };
	char *data = pattern(SIZE);
	size_t at = 0, step = 1, most_held = 0;

	connect_pair(s, "127.0.0.1:0");
	EQ(stream_write(a.st, slice_make(data, SIZE)), 0);
	OK(stream_pending(a.st) > 0);
	EQ(stream_shutdown(a.st), 0);
	while (at < SIZE) {
		struct slice in;

		if (stream_want(b.st, step) == 0)
			UNTIL(s, stream_input(b.st).n >= step || stream_eof(b.st));
		in = stream_input(b.st);
		if (in.n > step && in.n - step > most_held)
			most_held = in.n - step;
		if (in.n > step)
			in.n = step;
		OK(in.n > 0 && memcmp(in.p, data + at, in.n) == 0);
		if (tap_failed)
			break;
		at += in.n;
		stream_take(b.st, in.n);
		step = step * 3 % 300007 + 1;
	}
	EQ(at, SIZE);
	/* never much more than was wanted */
	OK(most_held <= 65536);
	EQ(stream_pending(a.st), 0);
	OK(a.changes > 0);
	(void)stream_want(b.st, 1);
	UNTIL(s, stream_eof(b.st));
	EQ(stream_want(b.st, 1), -1);
	EQ(stream_error(b.st), 0);
	free(data);
	close_pair();
}

BOTH(input_is_bounded)
{
	enum { SIZE = 2000000 };
	char *data = pattern(SIZE);
	size_t before;

	connect_pair(s, "127.0.0.1:0");
	EQ(stream_write(a.st, slice_make(data, SIZE)), 0);
	(void)stream_want(b.st, 1000);
	for (int i = 0; i < 20; i++)
		both_turn(s);
	OK(stream_input(b.st).n >= 1000 && stream_input(b.st).n <= 1000 + 4096);
	/* what is there will do */
	EQ(stream_want(b.st, 500), 0);
	before = stream_input(b.st).n;
	EQ(stream_want(b.st, 0), 0);
	for (int i = 0; i < 20; i++)
		both_turn(s);
	EQ(stream_input(b.st).n, before);
	EQ(stream_want(b.st, 100000), 1);
	UNTIL(s, stream_input(b.st).n >= 100000);
	OK(stream_input(b.st).n <= 100000 + 4096);
	OK(memcmp(stream_input(b.st).p, data, 100000) == 0);
	free(data);
	close_pair();
}

BOTH(half_close)
{
	connect_pair(s, "127.0.0.1:0");
	EQ(stream_write(a.st, SLICE("question")), 0);
	EQ(stream_shutdown(a.st), 0);
	EQ(stream_shutdown(a.st), 0);
	(void)stream_want(b.st, 100);
	UNTIL(s, stream_eof(b.st));
	OK(slice_eq(stream_input(b.st), SLICE("question")));
	EQ(stream_want(b.st, 100), -1);
	EQ(stream_write(b.st, SLICE("answer")), 0);
	stream_close(b.st);
	b.st = NULL;
	(void)stream_want(a.st, 100);
	UNTIL(s, stream_eof(a.st));
	OK(slice_eq(stream_input(a.st), SLICE("answer")));
	EQ(stream_error(a.st), 0);
	close_pair();
}

static void
reset(struct stream *st)
{
	struct linger now = { .l_onoff = 1 };

	EQ(setsockopt(stream_fd(st), SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	stream_close(st);
}

BOTH(reset_by_the_peer)
{
	connect_pair(s, "127.0.0.1:0");
	EQ(stream_want(a.st, 100), 0);
	reset(b.st);
	b.st = NULL;
	UNTIL(s, stream_error(a.st) != 0);
	EQ(stream_error(a.st), ECONNRESET);
	EQ(a.changes, 1);
	EQ(stream_want(a.st, 100), -1);
	EQ(stream_write(a.st, SLICE("x")), -1);
	EQ(errno, ECONNRESET);
	both_turn(s);
	EQ(a.changes, 1);
	close_pair();
}

/* One that only writes hears of it too, when it is waiting for room. */
BOTH(reset_while_writing)
{
	char *data = pattern(8000000);

	connect_pair(s, "127.0.0.1:0");
	EQ(stream_write(a.st, slice_make(data, 8000000)), 0);
	OK(stream_pending(a.st) > 0);
	reset(b.st);
	b.st = NULL;
	UNTIL(s, stream_error(a.st) != 0);
	OK(stream_error(a.st) == ECONNRESET || stream_error(a.st) == EPIPE);
	EQ(stream_pending(a.st), 0);
	OK(a.changes > 0);
	free(data);
	close_pair();
}

/* SIGPIPE would end this test. */
BOTH(writing_to_one_who_has_gone_leaves_what_he_said)
{
	int failed = 0;

	signal(SIGPIPE, SIG_DFL);
	connect_pair(s, "unix:@coop-stream-test");
	EQ(stream_write(b.st, SLICE("goodbye")), 0);
	stream_close(b.st);
	b.st = NULL;
	failed = stream_write(a.st, SLICE("x"));
	EQ(failed, -1);
	EQ(errno, EPIPE);
	EQ(stream_error(a.st), EPIPE);
	EQ(stream_want(a.st, 100), 1);
	OK(slice_eq(stream_input(a.st), SLICE("goodbye")));
	UNTIL(s, stream_eof(a.st));
	close_pair();
}

BOTH(closed_in_its_callback)
{
	connect_pair(s, "127.0.0.1:0");
	b.close = true;
	(void)stream_want(b.st, 10);
	EQ(stream_write(a.st, SLICE("x")), 0);
	UNTIL(s, b.st == NULL);
	EQ(b.changes, 1);
	both_turn(s);
	close_pair();
}

static void
changed_another(struct stream *st)
{
	*(int *)stream_user(st) += 1;
}

BOTH(a_new_owner)
{
	int n = 0;

	connect_pair(s, "127.0.0.1:0");
	stream_set_user(b.st, changed_another, &n);
	(void)stream_want(b.st, 10);
	EQ(stream_write(a.st, SLICE("x")), 0);
	UNTIL(s, n == 1);
	EQ(b.changes, 0);
	close_pair();
}

BOTH(no_allocation_once_warm)
{
	connect_pair(s, "127.0.0.1:0");
	b.echo = true;
	(void)stream_want(b.st, 4096);
	for (int i = 0; i < 1010; i++) {
		if (i == 10)
			alloc_reset();
		EQ(stream_write(a.st, SLICE("a line of a usual length, as they come and go\r\n")), 0);
		(void)stream_want(a.st, 4096);
		UNTIL(s, stream_input(a.st).n == 47);
		stream_take(a.st, 47);
	}
	EQ(alloc_count(), 0);
	close_pair();
}

BOTH(failing_allocations)
{
	struct addr at;
	struct listen *l = open_door(s, "127.0.0.1:0", &at);
	char *data = pattern(8000000);
	int fd = dup(0);

	close(fd);
	alloc_fail_at(1);
	OK(stream_connect(s, &at, changed, &a) == NULL);
	EQ(errno, ENOMEM);
	EQ(dup(0), fd);
	alloc_fail_at(1);
	OK(stream_open(s, fd, -1, changed, &a) == NULL);
	EQ(close(fd), 0);
	listen_close(l);
	/* what came cannot be kept */
	connect_pair(s, "127.0.0.1:0");
	EQ(stream_write(a.st, SLICE("x")), 0);
	struct pollfd pfd = { .fd = stream_fd(b.st), .events = POLLIN };
	EQ(poll(&pfd, 1, 5000), 1);
	alloc_fail_at(1);
	(void)stream_want(b.st, 10);
	EQ(stream_error(b.st), ENOMEM);
	EQ(stream_want(b.st, 10), -1);
	/* what is to be sent cannot be kept */
	alloc_fail_at(1);
	EQ(stream_write(a.st, slice_make(data, 8000000)), -1);
	EQ(errno, ENOMEM);
	EQ(stream_error(a.st), ENOMEM);
	free(data);
	close_pair();
}

/* --- pipes and files --- */

BOTH(pipes)
{
	int there[2], back[2];

	EQ(pipe2(there, O_CLOEXEC) | pipe2(back, O_CLOEXEC), 0);
	a = b = (struct end){ .st = NULL };
	a.st = stream_open(s, back[0], there[1], changed, &a);
	b.st = stream_open(s, there[0], back[1], changed, &b);
	OK(a.st != NULL && b.st != NULL);
	EQ(fcntl(back[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	EQ(stream_fd(a.st), back[0]);
	b.echo = true;
	EQ(stream_want(b.st, 100), 0);
	EQ(stream_want(a.st, 100), 0);
	EQ(stream_write(a.st, SLICE("through")), 0);
	UNTIL(s, stream_input(a.st).n == 7);
	EQ(stream_shutdown(a.st), 0);
	EQ(stream_write(a.st, SLICE("x")), -1);
	EQ(errno, EPIPE);
	UNTIL(s, stream_eof(b.st));
	EQ(stream_shutdown(b.st), 0);
	UNTIL(s, stream_eof(a.st));
	EQ(stream_error(a.st) | stream_error(b.st), 0);
	close_pair();
}

/* What was kept goes out before the end. */
BOTH(a_pipe_to_write_to)
{
	enum { SIZE = 300000 };
	int fd[2];
	char *data = pattern(SIZE);

	signal(SIGPIPE, SIG_IGN);
	EQ(pipe2(fd, O_CLOEXEC), 0);
	a = b = (struct end){ .st = NULL };
	a.st = stream_open(s, fd[1], -1, changed, &a);
	b.st = stream_open(s, fd[0], -1, changed, &b);
	EQ(stream_write(a.st, slice_make(data, SIZE)), 0);
	OK(stream_pending(a.st) > 0);
	EQ(stream_shutdown(a.st), 0);
	(void)stream_want(b.st, SIZE + 1);
	UNTIL(s, stream_eof(b.st));
	EQ(stream_input(b.st).n, SIZE);
	OK(memcmp(stream_input(b.st).p, data, SIZE) == 0);
	EQ(stream_pending(a.st), 0);
	EQ(stream_want(a.st, 1), -1);
	close_pair();
	/* nobody reads */
	EQ(pipe2(fd, O_CLOEXEC), 0);
	a.st = stream_open(s, fd[1], -1, changed, &a);
	close(fd[0]);
	EQ(stream_write(a.st, SLICE("x")), -1);
	EQ(errno, EPIPE);
	close_pair();
	signal(SIGPIPE, SIG_DFL);
	free(data);
}

BOTH(plain_files)
{
	enum { SIZE = 300000 };
	char name[] = "/tmp/coop-stream.XXXXXX", *data = pattern(SIZE);
	int fd = mkstemp(name), again = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	a = b = (struct end){ .st = NULL };
	a.st = stream_open(s, -1, fd, changed, &a);
	OK(stream_eof(a.st));
	EQ(stream_want(a.st, 1), -1);
	EQ(stream_write(a.st, slice_make(data, SIZE)), 0);
	EQ(stream_pending(a.st), 0);
	EQ(stream_shutdown(a.st), 0);
	EQ(stat(name, &st), 0);
	EQ(st.st_size, SIZE);
	b.st = stream_open(s, again, -1, changed, &b);
	OK(stream_want(b.st, 10) >= 0);
	UNTIL(s, stream_input(b.st).n >= 10);
	OK(stream_input(b.st).n <= 10 + 4096);
	(void)stream_want(b.st, 2 * SIZE);
	UNTIL(s, stream_eof(b.st));
	EQ(stream_input(b.st).n, SIZE);
	OK(memcmp(stream_input(b.st).p, data, SIZE) == 0);
	EQ(stream_error(b.st), 0);
	close_pair();
	unlink(name);
	free(data);
}

BOTH(devices)
{
	a = b = (struct end){ .st = NULL };
	a.st = stream_open(s, open("/dev/null", O_RDONLY | O_CLOEXEC), open("/dev/full", O_WRONLY | O_CLOEXEC),
	    changed, &a);
	(void)stream_want(a.st, 10);
	UNTIL(s, stream_eof(a.st));
	EQ(stream_input(a.st).n, 0);
	EQ(stream_write(a.st, SLICE("x")), -1);
	EQ(errno, ENOSPC);
	b.st = stream_open(s, open("/dev/zero", O_RDONLY | O_CLOEXEC), -1, changed, &b);
	(void)stream_want(b.st, 10000);
	UNTIL(s, stream_input(b.st).n >= 10000);
	close_pair();
	/* a directory opens, and cannot be read */
	b.st = stream_open(s, open("/", O_RDONLY | O_CLOEXEC), -1, changed, &b);
	EQ(stream_want(b.st, 10), -1);
	EQ(stream_error(b.st), EISDIR);
	close_pair();
}

/* Standard input may be somebody else's too: it must not become non-blocking, and must not block us either. */
BOTH(shared_descriptors)
{
	int fd[2], out[2], saved0 = dup(0), saved1 = dup(1);
	char *data = pattern(200000);

	fflush(stdout);
	EQ(pipe2(fd, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	dup2(fd[0], 0);
	dup2(out[1], 1);
	a = b = (struct end){ .st = NULL };
	a.st = stream_open(s, 0, 1, changed, &a);
	b.st = stream_open(s, out[0], -1, changed, &b);
	bool blocking = !(fcntl(0, F_GETFL) & O_NONBLOCK) && !(fcntl(1, F_GETFL) & O_NONBLOCK);
	int want = stream_want(a.st, 10);
	ssize_t put = write(fd[1], "line\n", 5);
	UNTIL(s, stream_input(a.st).n == 5);
	/* all of it, though the pipe holds less */
	int written = stream_write(a.st, slice_make(data, 200000));
	size_t pending = stream_pending(a.st);
	(void)stream_want(b.st, 200000);
	UNTIL(s, stream_input(b.st).n == 200000);
	bool same = memcmp(stream_input(b.st).p, data, 200000) == 0;
	close_pair();
	dup2(saved0, 0);
	dup2(saved1, 1);
	close(saved0);
	close(saved1);
	close(fd[0]);
	close(fd[1]);
	close(out[1]);
	OK(blocking);
	EQ(want, 0);
	EQ(put, 5);
	EQ(written, 0);
	OK(pending > 0);
	OK(same);
	free(data);
}

MAIN(RUN(echo), RUN(nobody_listens), RUN(done_before_it_was_connected), RUN(closed_before_it_was_connected),
    RUN(large_transfer), RUN(input_is_bounded), RUN(half_close), RUN(reset_by_the_peer),
    RUN(reset_while_writing), RUN(writing_to_one_who_has_gone_leaves_what_he_said), RUN(closed_in_its_callback),
    RUN(a_new_owner), RUN(no_allocation_once_warm), RUN(failing_allocations), RUN(pipes),
    RUN(a_pipe_to_write_to), RUN(plain_files), RUN(devices), RUN(shared_descriptors))
