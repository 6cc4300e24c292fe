/* Sockets that are bound to every address: to which one a datagram came, and that the answer leaves from there. */
#include "net/pktinfo.h"

#include "net/udp.h"
#include "tap.h"
#include "both.h"

static struct addr came_to;

static void
answer_from_there(struct udp *u, struct slice data, const struct addr *from)
{
	EQ(udp_came_to(u, &came_to), 0);
	EQ(addr_port(&came_to), 0);
	EQ(udp_send_how(u, data, from, &came_to, false), 0);
}

/* Where the answers came from: one of two addresses. */
struct client {
	struct udp *u;
	struct addr first, second;
	int from_first, from_second;
};

static void
count_sources(struct udp *u, struct slice data, const struct addr *from)
{
	struct client *c = udp_user(u);

	OK(slice_eq(data, SLICE("same length")));
	EQ(udp_came_to(u, &came_to), -1);
	if (addr_eq(from, &c->first))
		c->from_first++;
	else if (addr_eq(from, &c->second))
		c->from_second++;
}

static struct addr
at(const char *host, uint16_t port)
{
	struct addr a = { .len = 0 };

	EQ(addr_literal(slice_of(host), port, &a), 0);
	return a;
}

/* `n` datagrams, of which seven of ten go to the first address, all in one turn: what is joined leaves from the right one, too. */
static void
try_addresses(struct sched *s, const char *any, const char *first, const char *second)
{
	static const struct udp_options local = { .local = true, .v6only = true };
	struct addr here = at(any, 0), loopback = at(first, 0);
	struct client c = { .from_first = 0 };
	struct udp *u = udp_open(s, &here, AF_UNSPEC, &local, answer_from_there, NULL);
	int n = 30;

	OK(u != NULL);
	EQ(udp_localaddr(u, &here), 0);
	c.first = at(first, addr_port(&here));
	c.second = at(second, addr_port(&here));
	OK((c.u = udp_open(s, &loopback, AF_UNSPEC, NULL, count_sources, &c)) != NULL);
	EQ(udp_read(c.u, true), 0);
	for (int i = 0; i < n; i++)
		EQ(udp_send(c.u, SLICE("same length"), i % 10 < 7 ? &c.first : &c.second), 0);
	udp_flush(c.u);
	EQ(udp_read(u, true), 0);
	UNTIL(s, c.from_first + c.from_second == n);
	EQ(c.from_first, addr_eq(&c.first, &c.second) ? n : n / 10 * 7);
	/* nothing has come just now */
	EQ(udp_came_to(u, &came_to), -1);
	udp_close(u);
	udp_close(c.u);
}

BOTH(one_address)
{
	try_addresses(s, "0.0.0.0", "127.0.0.1", "127.0.0.1");
	try_addresses(s, "::", "::1", "::1");
}

BOTH(two_addresses)
{
	try_addresses(s, "0.0.0.0", "127.0.0.2", "127.0.0.3");
}

MAIN(RUN(one_address), RUN(two_addresses))
