/* Hosts to addresses: what needs no server, what goes there, and in which order. */
#include "dns/addresses.h"

#include "tap.h"

#include "nameserver.h"

static struct addresses look;
static unsigned ndone;

static void
done(struct addresses *l)
{
	(void)l;
	ndone++;
}

/* "192.0.2.1 ::1", or why there are none. */
static const char *
found(const char *name, int family)
{
	static char out[1024];
	char text[ADDR_STRLEN];
	const char *why;
	int r;

	ndone = 0;
	memset(&look, 0, sizeof(look));
	look.done = done;
	r = addresses_ask(resolver, NULL, &look, slice_of(name), family, &why);
	EQ(sched_run(&sched), SCHED_DONE);
	if (r == -1)
		return why;
	EQ(ndone, r == 0);
	out[0] = '\0';
	for (unsigned i = 0; i < look.n; i++) {
		addr_format_host(&look.list[i], text, sizeof(text));
		strlcat(out, i > 0 ? " " : "", sizeof(out));
		strlcat(out, text, sizeof(out));
	}
	return look.n > 0 ? out : addresses_status(&look, out);
}

TEST(no_question)
{
	set_up(1, 1);
	STR(found("192.0.2.7", AF_UNSPEC), "192.0.2.7");
	STR(found("2001:db8::7", AF_UNSPEC), "2001:db8::7");
	STR(found("192.0.2.7", AF_INET6), "NODATA");
	EQ(servers[0].got, 0);
	STR(found("a..b", AF_UNSPEC), "empty label");
	STR(found("", AF_UNSPEC), "empty name");
	tear_down(1);
}

TEST(both_families)
{
	set_up(1, 1);
	servers[0].minimum = 60;
	STR(found("www.example.com", AF_INET), "192.0.2.1");
	EQ(servers[0].got, 1);
	STR(found("www.example.com", AF_INET6), "NODATA");
	EQ(servers[0].got, 2);
	servers[0].ipv6 = true;
	OK(strstr(found("www.example.com", AF_UNSPEC), " 2001:db8::") != NULL);
	EQ(servers[0].got, 4);
	EQ(look.list[0].u.sa.sa_family, AF_INET);
	tear_down(1);
}

TEST(one_family_is_enough)
{
	set_up(1, 2);
	servers[0].ignore = 1;
	OK(strncmp(found("www.example.com", AF_UNSPEC), "192.0.2.", 8) == 0);
	servers[0].got = 0;
	servers[0].ignore = 100;
	STR(found("www.example.com", AF_UNSPEC), "TIMEOUT");
	servers[0].ignore = 0;
	servers[0].rcode = RCODE_NXDOMAIN;
	STR(found("www.example.com", AF_UNSPEC), "NXDOMAIN");
	servers[0].rcode = RCODE_REFUSED;
	STR(found("www.example.com", AF_UNSPEC), "REFUSED");
	tear_down(1);
}

TEST(cancelled)
{
	const char *why;

	set_up(1, 1);
	memset(&look, 0, sizeof(look));
	addresses_cancel(&look);
	look.done = done;
	ndone = 0;
	EQ(addresses_ask(resolver, NULL, &look, SLICE("a.example.com"), AF_UNSPEC, &why), 0);
	addresses_cancel(&look);
	addresses_cancel(&look);
	EQ(resolver_inflight(resolver), 0);
	EQ(sched_run(&sched), SCHED_DONE);
	EQ(ndone, 0);
	tear_down(1);
}

TEST(search)
{
	set_up(1, 1);
	servers[0].minimum = 60;
	servers[0].only = "host.example.com.";
	STR(found("host", AF_INET), "NXDOMAIN");
	dns_conf_search(&conf, SLICE("example.org example.com"));
	resolver_free(resolver);
	new_resolver();
	servers[0].got = 0;
	STR(found("host", AF_INET), "192.0.2.2");
	STR(found("host.", AF_INET), "NXDOMAIN");
	STR(found("host.example.com", AF_INET), "192.0.2.4");
	STR(found("none", AF_INET), "NXDOMAIN");
	EQ(servers[0].got, 7);
	tear_down(1);
}

MAIN(RUN(no_question), RUN(both_families), RUN(one_family_is_enough), RUN(cancelled), RUN(search))
