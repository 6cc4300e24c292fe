#include "net/outlet.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"

static int calls;

static void
drained(struct outlet *o)
{
	(void)o;
	calls++;
}

/* Takes what is there; fd does not wait. */
static size_t
take(int fd)
{
	static char bytes[1 << 16];
	size_t sum = 0;
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		sum += (size_t)n;
	return sum;
}

static bool
waits(int fd)
{
	return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/* More than any buffer of the system holds: from `in` to `out`, where the reader is slow. */
static void
through(struct sched *s, int in, int out)
{
	struct outlet *o = outlet_open(s, in, drained, &calls);
	size_t most = 3 << 20, got = 0;
	char *data = calloc(1, most);

	if (o == NULL || data == NULL) {
		OK(!"no outlet");
		return;
	}
	calls = 0;
	OK(outlet_user(o) == &calls && !outlet_is_terminal(o) && outlet_is(o, in) && !outlet_is(o, 0));
	outlet_put(o, slice_of("abc"));
	EQ(outlet_pending(o), 3);
	EQ(take(out), 0);
	outlet_push(o);
	EQ(outlet_pending(o), 0);
	OK(!outlet_is_full(o));
	EQ(take(out), 3);
	EQ(calls, 0);
	outlet_put(o, slice_make(data, most - 1));
	outlet_push(o);
	OK(outlet_is_full(o) && outlet_pending(o) > 0);
	outlet_put(o, slice_of("x"));
	outlet_push(o);
	both_turn(s);
	EQ(calls, 0);
	UNTIL(s, (got += take(out)) == most);
	EQ(outlet_pending(o), 0);
	OK(!outlet_is_full(o));
	EQ(calls, 1);
	EQ(outlet_error(o), 0);
	OK(waits(in));
	outlet_close(o);
	free(data);
}

BOTH(a_pipe)
{
	int fd[2];

	EQ(pipe2(fd, O_CLOEXEC), 0);
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	through(s, fd[1], fd[0]);
	close(fd[0]);
	close(fd[1]);
}

BOTH(a_socket)
{
	int fd[2];

	EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	through(s, fd[1], fd[0]);
	close(fd[0]);
	close(fd[1]);
}

/* While nobody reads, a fifo cannot be opened once more: it has to do with the file that others use. */
BOTH(what_cannot_be_opened_again)
{
	char path[] = "/tmp/coop-outlet-XXXXXX";
	int guard = mkstemp(path), out, in;

	unlink(path);
	EQ(mkfifo(path, 0600), 0);
	out = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	in = open(path, O_WRONLY | O_CLOEXEC);
	close(out);
	struct outlet *o = outlet_open(s, in, drained, NULL);
	out = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char *data = calloc(1, 1 << 20);
	size_t got = 0;
	outlet_put(o, slice_make(data, 1 << 20));
	outlet_push(o);
	OK(outlet_is_full(o));
	UNTIL(s, (got += take(out)) == 1 << 20);
	UNTIL(s, outlet_pending(o) == 0);
	OK(waits(in));
	outlet_close(o);
	free(data);
	close(out);
	close(in);
	close(guard);
	unlink(path);
}

BOTH(a_reader_who_goes)
{
	int fd[2];
	char *data = calloc(1, 1 << 20);

	(void)signal(SIGPIPE, SIG_IGN);
	EQ(pipe2(fd, O_CLOEXEC), 0);
	struct outlet *o = outlet_open(s, fd[1], drained, NULL);
	calls = 0;
	outlet_put(o, slice_make(data, 1 << 20));
	outlet_push(o);
	OK(outlet_is_full(o));
	close(fd[0]);
	UNTIL(s, calls == 1);
	EQ(outlet_error(o), EPIPE);
	EQ(outlet_pending(o), 0);
	outlet_put(o, slice_of("more"));
	EQ(outlet_pending(o), 0);
	outlet_push(o);
	outlet_drain(o, SEC);
	EQ(calls, 1);
	outlet_close(o);
	free(data);
	close(fd[1]);
}

BOTH(a_reader_who_takes_nothing)
{
	int fd[2];
	char *data = calloc(1, 1 << 20);

	EQ(pipe2(fd, O_CLOEXEC), 0);
	struct outlet *o = outlet_open(s, fd[1], drained, NULL);
	calls = 0;
	outlet_put(o, slice_make(data, 1 << 20));
	outlet_drain(o, MSEC);
	EQ(outlet_error(o), ETIMEDOUT);
	EQ(outlet_pending(o), 0);
	EQ(calls, 1);
	outlet_close(o);
	close(fd[0]);
	close(fd[1]);
	free(data);
}

BOTH(drained_in_one_go)
{
	int fd[2];

	EQ(pipe2(fd, O_CLOEXEC), 0);
	struct outlet *o = outlet_open(s, fd[1], drained, NULL);
	calls = 0;
	outlet_put(o, slice_of("all"));
	outlet_drain(o, CLOCK_FOREVER);
	EQ(outlet_pending(o), 0);
	EQ(calls, 1);
	outlet_close(o);
	close(fd[1]);
	char bytes[10];
	EQ(read(fd[0], bytes, sizeof(bytes)), 3);
	/* it held no end of the pipe any more */
	EQ(read(fd[0], bytes, sizeof(bytes)), 0);
	close(fd[0]);
}

BOTH(plain_files_have_none)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	OK(outlet_open(s, fd, drained, NULL) == NULL);
	EQ(errno, EINVAL);
	close(fd);
	OK(outlet_open(s, fd, drained, NULL) == NULL);
	EQ(errno, EBADF);
	outlet_close(NULL);
}

BOTH(no_memory)
{
	int fd[2];
	struct outlet *o;

	EQ(pipe2(fd, O_CLOEXEC), 0);
	alloc_fail_at(1);
	OK(outlet_open(s, fd[1], drained, NULL) == NULL);
	EQ(errno, ENOMEM);
	o = outlet_open(s, fd[1], drained, NULL);
	calls = 0;
	alloc_fail_at(1);
	outlet_put(o, slice_of("lost"));
	EQ(outlet_error(o), ENOMEM);
	EQ(calls, 1);
	outlet_close(o);
	close(fd[0]);
	close(fd[1]);
}

MAIN(RUN(a_pipe), RUN(a_socket), RUN(what_cannot_be_opened_again), RUN(a_reader_who_goes),
    RUN(a_reader_who_takes_nothing), RUN(drained_in_one_go), RUN(plain_files_have_none), RUN(no_memory))
