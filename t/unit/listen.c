#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"

struct door {
	struct listen *l;
	int calls, accepted, last_error;
	int fd[64];
	struct addr peer;
	bool close, leave;
};

static void
ready(struct listen *l)
{
	struct door *d = listen_user(l);

	d->calls++;
	if (d->leave)
		return;
	for (;;) {
		int fd = listen_accept(l, &d->peer);

		if (fd == -1)
			break;
		d->fd[d->accepted++] = fd;
	}
	d->last_error = errno;
	if (d->close) {
		listen_close(l);
		d->l = NULL;
	}
}

static void
close_all(struct door *d)
{
	for (int i = 0; i < d->accepted; i++)
		close(d->fd[i]);
	d->accepted = 0;
	listen_close(d->l);
}

static struct addr
address(const char *text)
{
	struct addr a = { .len = 0 };

	EQ(addr_parse(slice_of(text), -1, &a, NULL, NULL), 0);
	return a;
}

static struct addr
open_door(struct sched *s, struct door *d, const char *text)
{
	struct addr at = address(text);

	*d = (struct door){ .l = listen_open(s, &at, false, ready, d) };
	if (d->l == NULL) {
		perror("# listen_open");
		exit(99);
	}
	EQ(listen_want(d->l, true), 0);
	EQ(listen_localaddr(d->l, &at), 0);
	return at;
}

static int
knock(const struct addr *a)
{
	int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, &a->u.sa, a->len) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
try_accept(struct sched *s, const char *text)
{
	struct door d;
	struct addr at = open_door(s, &d, text), from = { .len = sizeof(from.u) };
	int a = knock(&at), b = knock(&at);

	OK(a != -1 && b != -1);
	UNTIL(s, d.accepted == 2);
	EQ(d.last_error, EAGAIN);
	EQ(getsockname(b, &from.u.sa, &from.len), 0);
	OK(addr_eq(&from, &d.peer));
	EQ(fcntl(d.fd[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	EQ(fcntl(d.fd[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	EQ(listen_accept(d.l, NULL), -1);
	EQ(errno, EAGAIN);
	close(a);
	close(b);
	close_all(&d);
}

BOTH(accepts)
{
	try_accept(s, "127.0.0.1:0");
	try_accept(s, "[::1]:0");
	try_accept(s, "unix:@coop-listen-test");
}

BOTH(turned_off_and_on)
{
	struct door d;
	struct addr at = open_door(s, &d, "127.0.0.1:0");
	int fd;

	EQ(listen_want(d.l, false), 0);
	fd = knock(&at);
	for (int i = 0; i < 5; i++)
		both_turn(s);
	EQ(d.calls, 0);
	EQ(listen_want(d.l, true), 0);
	UNTIL(s, d.accepted == 1);
	/* what is not accepted is told again */
	d.leave = true;
	close(fd);
	fd = knock(&at);
	d.calls = 0;
	UNTIL(s, d.calls == 3);
	close(fd);
	close_all(&d);
}

BOTH(closed_in_its_callback)
{
	struct door d;
	struct addr at = open_door(s, &d, "127.0.0.1:0");
	int fd;

	d.close = true;
	fd = knock(&at);
	UNTIL(s, d.l == NULL);
	EQ(d.accepted, 1);
	both_turn(s);
	close(fd);
	close_all(&d);
	EQ(knock(&at), -1);
}

BOTH(address_in_use)
{
	struct door d;
	struct addr at = open_door(s, &d, "127.0.0.1:0"), far = address("192.0.2.1:1");
	struct listen *a, *b;
	int fd = dup(0);

	close(fd);
	OK(listen_open(s, &at, false, ready, NULL) == NULL);
	EQ(errno, EADDRINUSE);
	OK(listen_open(s, &far, false, ready, NULL) == NULL);
	EQ(errno, EADDRNOTAVAIL);
	alloc_fail_at(1);
	OK(listen_open(s, &at, false, ready, NULL) == NULL);
	EQ(errno, ENOMEM);
	EQ(dup(0), fd);
	close(fd);
	close_all(&d);
	a = listen_open(s, &at, true, ready, NULL);
	b = listen_open(s, &at, true, ready, NULL);
	OK(a != NULL && b != NULL);
	listen_close(a);
	listen_close(b);
	listen_close(NULL);
}

/* The one who closes first keeps the port busy for a minute: not for a program that is started again. */
BOTH(port_of_closed_connections)
{
	struct door d;
	struct addr at = open_door(s, &d, "127.0.0.1:0");
	char text[ADDR_STRLEN];
	int fd = knock(&at);

	UNTIL(s, d.accepted == 1);
	close_all(&d);
	close(fd);
	addr_format(&at, text, sizeof(text));
	open_door(s, &d, text);
	close_all(&d);
}

/* A connection that its peer has reset before it was accepted is handed out or skipped, and hurts nobody. */
BOTH(reset_before_it_was_accepted)
{
	struct door d;
	struct addr at = open_door(s, &d, "127.0.0.1:0");
	struct linger now = { .l_onoff = 1 };
	int fd = knock(&at), good;

	EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(fd);
	good = knock(&at);
	UNTIL(s, d.accepted >= 1 && d.last_error == EAGAIN);
	close(good);
	close_all(&d);
}

BOTH(out_of_descriptors)
{
	struct door d;
	struct addr at = open_door(s, &d, "127.0.0.1:0");
	struct rlimit old, tight;
	int fd = knock(&at), again;

	EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)fd + 1;
	EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
	UNTIL(s, d.calls > 0);
	EQ(d.accepted, 0);
	EQ(d.last_error, EMFILE);
	EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	/* valgrind closes what is above the limit: so there is another one */
	again = knock(&at);
	UNTIL(s, d.accepted >= 1);
	close(fd);
	close(again);
	close_all(&d);
}

BOTH(unix_files)
{
	char dir[] = "/tmp/coop-listen.XXXXXX", text[64], other[64];
	struct addr at;
	struct door d;
	struct stat st;
	int fd, status;
	pid_t pid;

	OK(mkdtemp(dir) != NULL);
	(void)snprintf(text, sizeof(text), "unix:%s/a", dir);
	(void)snprintf(other, sizeof(other), "unix:%s/b", dir);
	at = open_door(s, &d, text);
	/* somebody listens */
	OK(listen_open(s, &at, false, ready, NULL) == NULL);
	EQ(errno, EADDRINUSE);
	fd = knock(&at);
	OK(fd != -1);
	close(fd);
	/* a forked process that closes its copy takes nothing away */
	fflush(stdout);
	if ((pid = fork()) == 0) {
		listen_close(d.l);
		_exit(stat(text + 5, &st) == 0 ? 7 : 8);
	}
	EQ(waitpid(pid, &status, 0), pid);
	EQ(WEXITSTATUS(status), 7);
	/* what a killed program leaves is replaced */
	EQ(rename(text + 5, other + 5), 0);
	close_all(&d);
	at = open_door(s, &d, other);
	fd = knock(&at);
	OK(fd != -1);
	close(fd);
	close_all(&d);
	EQ(stat(other + 5, &st), -1);
	/* what is no socket stays, and so does a socket that belongs to datagrams */
	fd = open(text + 5, O_CREAT | O_WRONLY, 0600);
	close(fd);
	at = address(text);
	OK(listen_open(s, &at, false, ready, NULL) == NULL);
	EQ(errno, EADDRINUSE);
	EQ(unlink(text + 5), 0);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	EQ(bind(fd, &at.u.sa, at.len), 0);
	OK(listen_open(s, &at, false, ready, NULL) == NULL);
	EQ(errno, EADDRINUSE);
	close(fd);
	EQ(unlink(text + 5), 0);
	EQ(rmdir(dir), 0);
}

MAIN(RUN(accepts), RUN(turned_off_and_on), RUN(closed_in_its_callback), RUN(address_in_use),
    RUN(port_of_closed_connections), RUN(reset_before_it_was_accepted), RUN(out_of_descriptors),
    RUN(unix_files))
