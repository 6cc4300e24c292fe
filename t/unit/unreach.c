/* A socket that sends to many hears where nobody is. */
#include "net/unreach.h"

#include <errno.h>

#include "net/udp.h"

#include "tap.h"
#include "both.h"

/* Who is there, who was, and who sends to both. */
static struct udp *there, *gone, *sender;
static struct addr at_there, at_gone, at_sender;
static int came, came_back, in_vain, last_error;
static struct addr last;
static bool close_it;

static void
got(struct udp *u, struct slice data, const struct addr *from)
{
	if (u == sender)
		came_back++;
	else
		EQ(data.n, ++came);
	OK(addr_eq(from, u == sender ? &at_there : &at_sender));
}

static void
unreached(struct udp *u, const struct addr *to, int error)
{
	OK(u == sender);
	in_vain++;
	last_error = error;
	last = *to;
	if (close_it)
		udp_close(u);
}

static struct udp *
open_one(struct sched *s, const char *text, struct addr *at)
{
	struct udp *u;

	EQ(addr_parse(slice_of(text), -1, at, NULL, NULL), 0);
	if ((u = udp_open(s, at, AF_UNSPEC, NULL, got, NULL)) == NULL) {
		perror("# udp_open");
		exit(99);
	}
	EQ(udp_read(u, true), 0);
	EQ(udp_localaddr(u, at), 0);
	return u;
}

static void
open_all(struct sched *s, const char *text)
{
	there = open_one(s, text, &at_there);
	gone = open_one(s, text, &at_gone);
	sender = open_one(s, text, &at_sender);
	udp_close(gone);
	EQ(udp_on_unreached(sender, unreached), 0);
	came = came_back = in_vain = 0;
	close_it = false;
}

/* The n-th datagram is of n bytes. */
static void
send_to(const struct addr *to, size_t n)
{
	EQ(udp_send(sender, slice_make("123456789", n), to), 0);
}

static void
try_it(struct sched *s, const char *text)
{
	open_all(s, text);
	for (size_t i = 1; i <= 3; i++) {
		send_to(&at_gone, i);
		send_to(&at_there, i);
	}
	UNTIL(s, in_vain == 3 && came == 3);
	OK(addr_eq(&last, &at_gone));
	EQ(last_error, ECONNREFUSED);
	/* it goes on receiving */
	EQ(udp_send(there, SLICE("hello"), &at_sender), 0);
	UNTIL(s, came_back == 1);
	/* closed by who is told */
	close_it = true;
	send_to(&at_gone, 1);
	send_to(&at_gone, 2);
	UNTIL(s, in_vain == 4);
	udp_close(there);
}

BOTH(nobody_listens)
{
	try_it(s, "127.0.0.1:0");
	try_it(s, "[::1]:0");
}

/* Who has sent is told later, at the end of a turn, and not in the middle of what he does. */
BOTH(the_system_refuses)
{
	struct addr all;

	open_all(s, "127.0.0.1:0");
	EQ(addr_literal(SLICE("255.255.255.255"), 9, &all), 0);
	send_to(&at_there, 1);
	send_to(&all, 1);
	send_to(&at_there, 2);
	udp_flush(sender);
	EQ(in_vain, 0);
	UNTIL(s, in_vain == 1 && came == 2);
	OK(addr_eq(&last, &all));
	EQ(last_error, EACCES);
	/* more of them than it remembers */
	for (size_t i = 0; i < 100; i++)
		send_to(&all, 1);
	send_to(&at_there, 3);
	UNTIL(s, came == 3);
	OK(in_vain > 2 && in_vain <= 101);
	udp_close(there);
	udp_close(sender);
}

/* Without asking nothing is told. */
TEST(nothing_kept)
{
	struct addr to;
	struct sched s;
	int error;

	EQ(sched_init(&s, NULL, false), 0);
	open_all(&s, "127.0.0.1:0");
	EQ(unreach_take(udp_fd(sender), &to, &error), -1);
	EQ(unreach_take(udp_fd(there), &to, &error), -1);
	udp_close(there);
	udp_close(sender);
	sched_fini(&s);
}

MAIN(RUN(nobody_listens), RUN(the_system_refuses), RUN(nothing_kept))
