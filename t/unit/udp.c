#include "net/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"

/* What a socket has received. */
struct inbox {
	struct udp *u;
	int n, errors, last_error;
	size_t bytes;
	char last[65536];
	size_t len;
	struct addr from;
	int expect;   /* the datagrams hold ascending numbers from here */
	bool in_order;
	int close_at, stop_at; /* the n-th closes the socket, or turns reading off */
	bool echo;
};

static void
got(struct udp *u, struct slice data, const struct addr *from)
{
	struct inbox *in = udp_user(u);
	int number;

	in->n++;
	in->bytes += data.n;
	in->len = data.n;
	memcpy(in->last, data.p, data.n);
	in->from = *from;
	if (data.n >= sizeof(number)) {
		memcpy(&number, data.p, sizeof(number));
		in->in_order = in->in_order && number == in->expect++;
	}
	if (in->echo)
		EQ(udp_send(u, data, from), 0);
	if (in->n == in->stop_at)
		EQ(udp_read(u, false), 0);
	if (in->n == in->close_at) {
		udp_close(u);
		in->u = NULL;
	}
}

static void
failed(struct udp *u)
{
	struct inbox *in = udp_user(u);

	in->errors++;
	in->last_error = udp_error(u);
	if (in->close_at == -1) {
		udp_close(u);
		in->u = NULL;
	}
}

static struct addr
address(const char *text)
{
	struct addr a = { .len = 0 };

	EQ(addr_parse(slice_of(text), -1, &a, NULL, NULL), 0);
	return a;
}

static void
forget(struct inbox *in)
{
	*in = (struct inbox){ .u = in->u, .in_order = true };
}

/* Opens a socket that reads, and tells its address. NULL text: bound to nothing. */
static struct addr
open_inbox(struct sched *s, struct inbox *in, const char *text, const struct udp_options *o)
{
	struct addr at = { .len = 0 };

	forget(in);
	if (text != NULL)
		at = address(text);
	in->u = udp_open(s, text != NULL ? &at : NULL, AF_INET, o, got, in);
	if (in->u == NULL) {
		perror("# udp_open");
		exit(99);
	}
	EQ(udp_read(in->u, true), 0);
	EQ(udp_localaddr(in->u, &at), 0);
	return at;
}

static void
send_number(struct udp *u, int number, const struct addr *to)
{
	EQ(udp_send(u, slice_make(&number, sizeof(number)), to), 0);
}

static struct inbox a, b, c;

static void
try_echo(struct sched *s, const char *at)
{
	struct addr to = open_inbox(s, &a, at, NULL), from = open_inbox(s, &b, at, NULL);

	a.echo = true;
	OK(addr_port(&to) != 0);
	EQ(udp_send(b.u, SLICE("hello"), &to), 0);
	EQ(a.n, 0);
	UNTIL(s, b.n == 1);
	EQ(a.n, 1);
	OK(addr_eq(&a.from, &from));
	OK(addr_eq(&b.from, &to));
	OK(slice_eq(slice_make(b.last, b.len), SLICE("hello")));
	/* a datagram may be empty */
	EQ(udp_send(b.u, SLICE(""), &to), 0);
	UNTIL(s, b.n == 2);
	EQ(b.len, 0);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(echo)
{
	try_echo(s, "127.0.0.1:0");
	try_echo(s, "[::1]:0");
}

BOTH(sent_at_the_end_of_the_turn)
{
	struct addr to = open_inbox(s, &a, "127.0.0.1:0", NULL);

	open_inbox(s, &b, NULL, NULL);
	send_number(b.u, 0, &to);
	EQ(udp_pending(b.u), 1);
	both_turn(s);
	EQ(udp_pending(b.u), 0);
	/* a full batch at once, the rest at the end */
	for (int i = 1; i <= 70; i++)
		send_number(b.u, i, &to);
	EQ(udp_pending(b.u), 6);
	udp_flush(b.u);
	EQ(udp_pending(b.u), 0);
	UNTIL(s, a.n == 71);
	OK(a.in_order);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(close_sends_what_is_queued)
{
	struct addr to = open_inbox(s, &a, "127.0.0.1:0", NULL);

	open_inbox(s, &b, NULL, NULL);
	send_number(b.u, 0, &to);
	udp_close(b.u);
	udp_close(NULL);
	UNTIL(s, a.n == 1);
	udp_close(a.u);
}

BOTH(largest_datagrams)
{
	static char big[65536];
	struct addr to4 = open_inbox(s, &a, "127.0.0.1:0", NULL), to6 = open_inbox(s, &b, "[::1]:0", NULL);

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7);
	EQ(udp_send(a.u, slice_make(big, 65507), &to4), 0);
	EQ(udp_send(b.u, slice_make(big, 65527), &to6), 0);
	UNTIL(s, a.n == 1 && b.n == 1);
	EQ(a.len, 65507);
	OK(memcmp(a.last, big, a.len) == 0);
	EQ(b.len, 65527);
	OK(memcmp(b.last, big, b.len) == 0);
	EQ(udp_send(a.u, slice_make(big, 65508), &to4), -1);
	EQ(errno, EMSGSIZE);
	EQ(udp_send(b.u, slice_make(big, 65528), &to6), -1);
	EQ(errno, EMSGSIZE);
	EQ(udp_pending(a.u), 0);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(refused_at_once)
{
	struct addr to6 = address("[::1]:9"), none = { .len = 0 };

	open_inbox(s, &a, NULL, NULL);
	EQ(udp_send(a.u, SLICE("x"), NULL), -1);
	EQ(errno, EDESTADDRREQ);
	EQ(udp_send(a.u, SLICE("x"), &to6), -1);
	EQ(errno, EAFNOSUPPORT);
	EQ(udp_send(a.u, SLICE("x"), &none), -1);
	EQ(errno, EAFNOSUPPORT);
	udp_close(a.u);
}

/* The broadcast address is refused by the system for want of SO_BROADCAST. */
BOTH(an_error_costs_only_its_datagram)
{
	struct addr to = open_inbox(s, &a, "127.0.0.1:0", NULL), bad = address("255.255.255.255:9");

	open_inbox(s, &b, NULL, NULL);
	udp_on_error(b.u, failed);
	for (int i = 0, n = 0; i < 300; i++) {
		if (i % 3 != 1)
			send_number(b.u, n++, &to);
		else
			send_number(b.u, i, &bad);
	}
	UNTIL(s, a.n == 200);
	EQ(a.n, 200);
	OK(a.in_order);
	UNTIL(s, b.errors > 0);
	EQ(b.last_error, EACCES);
	EQ(udp_error(b.u), 0);
	EQ(udp_pending(b.u), 0);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(nobody_listens)
{
	struct addr to = open_inbox(s, &a, "127.0.0.1:0", NULL);

	udp_close(a.u);
	open_inbox(s, &b, NULL, NULL);
	EQ(udp_connect(b.u, &to), 0);
	send_number(b.u, 0, NULL);
	for (int i = 0; i < 3; i++)
		both_turn(s);
	EQ(udp_error(b.u), ECONNREFUSED);
	EQ(udp_error(b.u), 0);
	udp_on_error(b.u, failed);
	send_number(b.u, 0, NULL);
	UNTIL(s, b.errors == 1);
	EQ(b.last_error, ECONNREFUSED);
	/* the socket lives on; that error is not taken for the next datagram's */
	EQ(udp_read(b.u, false), 0);
	send_number(b.u, 0, NULL);
	both_turn(s);
	a.u = udp_open(s, &to, 0, NULL, got, &a);
	forget(&a);
	EQ(udp_read(a.u, true), 0);
	send_number(b.u, 0, NULL);
	UNTIL(s, a.n == 1);
	OK(a.in_order);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(closed_when_it_hears_of_an_error)
{
	struct addr to = open_inbox(s, &a, "127.0.0.1:0", NULL);

	udp_close(a.u);
	open_inbox(s, &b, NULL, NULL);
	udp_on_error(b.u, failed);
	b.close_at = -1;
	EQ(udp_connect(b.u, &to), 0);
	send_number(b.u, 0, NULL);
	UNTIL(s, b.u == NULL);
	EQ(b.errors, 1);
	both_turn(s);
}

BOTH(no_allocation_once_warm)
{
	struct addr to = open_inbox(s, &a, "127.0.0.1:0", NULL);

	a.echo = true;
	open_inbox(s, &b, NULL, NULL);
	for (int round = 0; round < 60; round++) {
		if (round == 10) {
			alloc_reset();
			b.n = 0;
		}
		for (int i = 0; i < 20; i++)
			EQ(udp_send(b.u, SLICE("0123456789012345678901234567890123456789"), &to), 0);
		UNTIL(s, b.n == (round < 10 ? round + 1 : round - 9) * 20);
	}
	EQ(b.n, 1000);
	EQ(alloc_count(), 0);
	udp_close(a.u);
	udp_close(b.u);
}

/* Fills a's receive buffer with `n` numbers while nothing reads. */
static struct addr
fill(struct sched *s, int n)
{
	static const struct udp_options large = { .rcvbuf = 212992 };
	struct addr to = open_inbox(s, &a, "127.0.0.1:0", &large);

	open_inbox(s, &b, NULL, NULL);
	for (int i = 0; i < n; i++)
		send_number(b.u, i, &to);
	udp_flush(b.u);
	return to;
}

BOTH(closed_in_the_middle_of_a_batch)
{
	fill(s, 100);
	a.close_at = 10;
	UNTIL(s, a.u == NULL);
	both_turn(s);
	EQ(a.n, 10);
	udp_close(b.u);
}

BOTH(reading_turned_off_and_on)
{
	struct addr to = fill(s, 200);

	a.stop_at = 10;
	UNTIL(s, a.n > 0);
	/* the rest of the batch is handed out, the rest of the buffer is not */
	EQ(a.n, 64);
	for (int i = 0; i < 5; i++)
		both_turn(s);
	EQ(a.n, 64);
	EQ(udp_read(a.u, true), 0);
	UNTIL(s, a.n == 200);
	OK(a.in_order);
	/* off and on again in between */
	EQ(udp_read(a.u, false), 0);
	EQ(udp_read(a.u, true), 0);
	send_number(b.u, 200, &to);
	UNTIL(s, a.n == 201);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(a_flood_is_taken_in_parts)
{
	fill(s, 270);
	UNTIL(s, a.n > 0);
	EQ(a.n, 256);
	UNTIL(s, a.n == 270);
	OK(a.in_order);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(connected_hears_only_its_peer)
{
	struct addr at_a = open_inbox(s, &a, "127.0.0.1:0", NULL), at_b = open_inbox(s, &b, "127.0.0.1:0", NULL), peer;

	open_inbox(s, &c, "127.0.0.1:0", NULL);
	/* one that is already there when it connects, one that comes later */
	send_number(c.u, 77, &at_a);
	udp_flush(c.u);
	EQ(udp_connect(a.u, &at_b), 0);
	send_number(c.u, 78, &at_a);
	send_number(b.u, 0, &at_a);
	UNTIL(s, a.n == 1);
	for (int i = 0; i < 5; i++)
		both_turn(s);
	EQ(a.n, 1);
	OK(a.in_order);
	OK(addr_eq(&a.from, &at_b));
	send_number(a.u, 0, NULL);
	UNTIL(s, b.n == 1);
	EQ(udp_localaddr(a.u, &peer), 0);
	OK(addr_eq(&peer, &at_a));
	udp_close(a.u);
	udp_close(b.u);
	udp_close(c.u);
}

BOTH(ports_are_shared_only_on_request)
{
	static const struct udp_options share = { .reuseport = true };
	struct addr at = open_inbox(s, &a, "127.0.0.1:0", &share);

	b.u = udp_open(s, &at, 0, NULL, got, &b);
	OK(b.u == NULL);
	EQ(errno, EADDRINUSE);
	b.u = udp_open(s, &at, 0, &share, got, &b);
	OK(b.u != NULL);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(v6only)
{
	static const struct udp_options only = { .v6only = true };
	struct addr at = open_inbox(s, &a, "[::]:0", NULL), to = address("127.0.0.1:0");

	open_inbox(s, &b, NULL, NULL);
	addr_set_port(&to, addr_port(&at));
	send_number(b.u, 0, &to);
	UNTIL(s, a.n == 1);
	EQ(a.from.u.sa.sa_family, AF_INET6);
	udp_close(a.u);
	at = open_inbox(s, &a, "[::]:0", &only);
	addr_set_port(&to, addr_port(&at));
	send_number(b.u, 0, &to);
	addr_set_port(&at, addr_port(&at));
	for (int i = 0; i < 5; i++)
		both_turn(s);
	EQ(a.n, 0);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(drops_are_counted)
{
	static const struct udp_options small = { .rcvbuf = 4096 };
	static char data[1000];
	struct addr to = open_inbox(s, &a, "127.0.0.1:0", &small);

	open_inbox(s, &b, NULL, NULL);
	EQ(udp_dropped(a.u), 0);
	for (int i = 0; i < 64; i++)
		EQ(udp_send(b.u, slice_make(data, sizeof(data)), &to), 0);
	both_turn(s);
	for (int i = 0; i < 5; i++)
		both_turn(s);
	OK(a.n > 0 && a.n < 64);
	EQ(udp_dropped(a.u), 64 - a.n);
	udp_close(a.u);
	udp_close(b.u);
}

BOTH(failing_allocations)
{
	struct addr at = address("127.0.0.1:0"), to = open_inbox(s, &b, "127.0.0.1:0", NULL);
	int fd = dup(0), n;

	close(fd);
	for (n = 1; n < 10; n++) {
		alloc_fail_at(n);
		a.u = udp_open(s, &at, 0, NULL, got, &a);
		if (a.u != NULL)
			break;
		EQ(errno, ENOMEM);
		EQ(dup(0), fd);
		close(fd);
	}
	EQ(n, 2);
	alloc_fail_at(1);
	EQ(udp_send(a.u, SLICE("x"), &to), -1);
	EQ(errno, ENOMEM);
	EQ(udp_pending(a.u), 0);
	send_number(a.u, 0, &to);
	UNTIL(s, b.n == 1);
	udp_close(a.u);
	at = address("192.0.2.1:1");
	OK(udp_open(s, &at, 0, NULL, got, &a) == NULL);
	EQ(errno, EADDRNOTAVAIL);
	EQ(dup(0), fd);
	close(fd);
	udp_close(b.u);
}

/* --- unix datagrams --- */

static char dir[64], path_a[96], path_b[96];

static void
make_paths(void)
{
	(void)strlcpy(dir, "/tmp/coop-udp.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL)
		exit(99);
	(void)snprintf(path_a, sizeof(path_a), "unix:%s/a", dir);
	(void)snprintf(path_b, sizeof(path_b), "unix:%s/b", dir);
}

static void
remove_paths(void)
{
	EQ(rmdir(dir), 0);
}

BOTH(unix_echo)
{
	struct addr at;

	make_paths();
	at = open_inbox(s, &a, path_a, NULL);
	a.echo = true;
	/* one with a path, and one that gets a name by itself */
	open_inbox(s, &b, path_b, NULL);
	send_number(b.u, 0, &at);
	UNTIL(s, b.n == 1);
	OK(addr_eq(&b.from, &at));
	forget(&c);
	c.u = udp_open(s, NULL, AF_UNIX, NULL, got, &c);
	OK(c.u != NULL);
	EQ(udp_read(c.u, true), 0);
	send_number(c.u, 0, &at);
	UNTIL(s, c.n == 1);
	udp_close(a.u);
	udp_close(b.u);
	udp_close(c.u);
	remove_paths();
}

BOTH(unix_files)
{
	struct addr at;
	struct stat st;
	int fd;

	make_paths();
	at = open_inbox(s, &a, path_a, NULL);
	OK(udp_open(s, &at, 0, NULL, got, &b) == NULL);
	EQ(errno, EADDRINUSE);
	/* one that its owner did not remove */
	fd = dup(udp_fd(a.u));
	EQ(rename(path_a + 5, path_b + 5), 0);
	udp_close(a.u);
	close(fd);
	at = open_inbox(s, &b, path_b, NULL);
	udp_close(b.u);
	EQ(stat(path_b + 5, &st), -1);
	/* a plain file stays */
	fd = open(path_a + 5, O_CREAT | O_WRONLY, 0600);
	close(fd);
	at = address(path_a);
	OK(udp_open(s, &at, 0, NULL, got, &b) == NULL);
	EQ(errno, EADDRINUSE);
	EQ(stat(path_a + 5, &st), 0);
	unlink(path_a + 5);
	remove_paths();
}

BOTH(queue_waits_for_a_slow_reader)
{
	static char data[1000];
	struct addr at;
	int sent = 0;

	make_paths();
	at = open_inbox(s, &a, path_a, NULL);
	EQ(udp_read(a.u, false), 0);
	open_inbox(s, &b, path_b, NULL);
	EQ(udp_connect(b.u, &at), 0);
	for (;; sent++) {
		memcpy(data, &sent, sizeof(sent));
		if (udp_send(b.u, slice_make(data, sizeof(data)), NULL) == -1)
			break;
		if (sent % 16 == 0)
			both_turn(s);
	}
	EQ(errno, ENOBUFS);
	OK(sent > 900 && sent < 1500);
	OK(udp_pending(b.u) > 900);
	EQ(udp_read(a.u, true), 0);
	UNTIL(s, a.n == sent);
	OK(a.in_order);
	EQ(udp_pending(b.u), 0);
	/* nothing is wanted any more: the loop does not spin */
	both_turn(s);
	send_number(b.u, sent, NULL);
	UNTIL(s, a.n == sent + 1);
	udp_close(a.u);
	udp_close(b.u);
	remove_paths();
}

/* Without a fixed peer: those of the one that does not read are given up, in time, the other's arrive. */
BOTH(a_peer_that_does_not_read_blocks_nobody_for_long)
{
	struct addr at_a, at_b;
	int limit = 0, extra;

	make_paths();
	at_a = open_inbox(s, &a, path_a, NULL);
	EQ(udp_read(a.u, false), 0);
	at_b = open_inbox(s, &b, path_b, NULL);
	forget(&c);
	c.u = udp_open(s, NULL, AF_UNIX, NULL, got, &c);
	udp_on_error(c.u, failed);
	/* as many as the system takes, and two more */
	for (; udp_pending(c.u) == 0 && limit < 10000; limit++) {
		send_number(c.u, limit, &at_a);
		udp_flush(c.u);
	}
	extra = 1;
	send_number(c.u, limit, &at_a);
	send_number(c.u, 0, &at_b);
	EQ(udp_pending(c.u), 2 + extra);
	UNTIL(s, b.n == 1);
	OK(b.in_order);
	EQ(c.last_error, ENOBUFS);
	EQ(udp_read(a.u, true), 0);
	UNTIL(s, a.n == limit - extra);
	OK(a.in_order);
	/* a reader that is only slow loses nothing */
	forget(&a);
	for (int i = 0; i < 3 * limit; i++)
		send_number(c.u, i, &at_a);
	UNTIL(s, a.n == 3 * limit);
	OK(a.in_order);
	udp_close(a.u);
	udp_close(b.u);
	udp_close(c.u);
	remove_paths();
}

BOTH(too_long_for_a_slot)
{
	static char big[100000];
	struct addr at;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	make_paths();
	at = open_inbox(s, &a, path_a, NULL);
	udp_on_error(a.u, failed);
	EQ(sendto(fd, big, sizeof(big), 0, &at.u.sa, at.len), sizeof(big));
	UNTIL(s, a.errors == 1);
	EQ(a.last_error, EMSGSIZE);
	EQ(a.n, 0);
	/* a socket without a name */
	EQ(sendto(fd, big, 3, 0, &at.u.sa, at.len), 3);
	UNTIL(s, a.n == 1);
	EQ(a.from.len, 0);
	close(fd);
	udp_close(a.u);
	remove_paths();
}

MAIN(RUN(echo), RUN(sent_at_the_end_of_the_turn), RUN(close_sends_what_is_queued), RUN(largest_datagrams),
    RUN(refused_at_once), RUN(an_error_costs_only_its_datagram), RUN(nobody_listens),
    RUN(closed_when_it_hears_of_an_error), RUN(no_allocation_once_warm), RUN(closed_in_the_middle_of_a_batch),
    RUN(reading_turned_off_and_on), RUN(a_flood_is_taken_in_parts), RUN(connected_hears_only_its_peer),
    RUN(ports_are_shared_only_on_request), RUN(v6only), RUN(drops_are_counted), RUN(failing_allocations),
    RUN(unix_echo), RUN(unix_files), RUN(queue_waits_for_a_slow_reader),
    RUN(a_peer_that_does_not_read_blocks_nobody_for_long), RUN(too_long_for_a_slot))
