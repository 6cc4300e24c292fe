/* resolv.conf(5), and name servers as people write them. */
#include "dns/conf.h"

#include <errno.h>
#include <unistd.h>

#include "dns/name.h"
#include "tap.h"

static const char *
server(const char *text)
{
	static char out[ADDR_STRLEN];
	struct addr a;
	const char *why = NULL;

	if (dns_server_parse(slice_of(text), &a, &why) != 0)
		return why;
	addr_format(&a, out, sizeof(out));
	return out;
}

TEST(servers)
{
	STR(server("192.0.2.1"), "192.0.2.1:53");
	STR(server("192.0.2.1#5300"), "192.0.2.1:5300");
	STR(server("192.0.2.1:5300"), "192.0.2.1:5300");
	STR(server("::1"), "[::1]:53");
	STR(server("::1#5300"), "[::1]:5300");
	STR(server("[::1]"), "[::1]:53");
	STR(server("[::1]#5300"), "[::1]:5300");
	STR(server("[::1]:5300"), "[::1]:5300");
	STR(server("192.0.2.1#"), "bad port");
	STR(server("192.0.2.1#0"), "bad port");
	STR(server("192.0.2.1#65536"), "bad port");
	STR(server("ns.example.com#53"), "not an address");
}

TEST(refused_servers)
{
	static const char *const bad[] = { "", "#53", "ns.example.com", "192.0.2.1:99999", "192.0.2.1.1", "[::1", "unix:" };
	struct addr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = NULL;

		EQ(dns_server_parse(slice_of(bad[i]), &a, &why), -1);
		OK(why != NULL);
	}
}

/* "ADDRESS [tls [NAME]]" of a server that is added. */
static const char *
added(const char *text)
{
	static struct dns_conf c;
	static char out[ADDR_STRLEN + 5 + CONF_NAME];
	const char *why = NULL;
	size_t n;

	dns_conf_init(&c);
	if (dns_conf_add(&c, slice_of(text), &why) != 0) {
		EQ(c.nservers, 0);
		return why;
	}
	EQ(c.nservers, 1);
	n = addr_format(&c.servers[0], out, sizeof(out));
	(void)snprintf(out + n, sizeof(out) - n, "%s%s%s", c.tls[0].on ? " tls" : "", *c.tls[0].name != '\0' ? " " : "",
	    c.tls[0].name);
	return out;
}

TEST(servers_by_tls)
{
	char long_name[300] = "tls:192.0.2.1/";
	struct dns_conf c;
	const char *why;

	STR(added("192.0.2.1"), "192.0.2.1:53");
	STR(added("tls:192.0.2.1"), "192.0.2.1:853 tls");
	STR(added("tls:192.0.2.1:5300"), "192.0.2.1:5300 tls");
	STR(added("tls:192.0.2.1#53"), "192.0.2.1:53 tls");
	STR(added("tls:::1"), "[::1]:853 tls");
	STR(added("tls:[::1]:5300/dns.example"), "[::1]:5300 tls dns.example");
	STR(added("tls:192.0.2.1/dns.example"), "192.0.2.1:853 tls dns.example");
	STR(added("tls:192.0.2.1/"), "bad name of a TLS server");
	STR(added("tls:"), "no address");
	STR(added("tls:192.0.2.1#0"), "bad port");
	OK(strstr(added("192.0.2.1/dns.example"), " tls") == NULL);
	memset(long_name + strlen(long_name), 'x', 253);
	OK(strncmp(added(long_name), "192.0.2.1:853 tls xxx", 21) == 0);
	long_name[strlen(long_name)] = 'x';
	STR(added(long_name), "bad name of a TLS server");

	dns_conf_init(&c);
	dns_conf_parse(&c, SLICE("nameserver 192.0.2.1\n"));
	EQ(dns_conf_add(&c, SLICE("192.0.2.2:5300"), &why), 0);
	EQ(dns_conf_add(&c, SLICE("tls:192.0.2.3:53/a"), &why), 0);
	dns_conf_use_tls(&c);
	OK(c.tls[0].on && c.tls[1].on && c.tls[2].on);
	EQ(addr_port(&c.servers[0]), 853);
	EQ(addr_port(&c.servers[1]), 5300);
	EQ(addr_port(&c.servers[2]), 53);
	while (c.nservers < CONF_SERVERS)
		EQ(dns_conf_add(&c, SLICE("192.0.2.1"), &why), 0);
	EQ(dns_conf_add(&c, SLICE("192.0.2.1"), &why), -1);
	STR(why, "too many servers");
}

/* "a. b.c. " */
static const char *
search_of(const struct dns_conf *c)
{
	static char out[4 * NAME_TEXTLEN];
	char *to = out;

	for (size_t at = 0; at < c->nsearch; at += name_len(c->search + at)) {
		if (at > 0)
			*to++ = ' ';
		to = name_text(to, c->search + at, 0);
	}
	*to = '\0';
	return out;
}

TEST(search)
{
	struct dns_conf c;
	char many[4000] = "search";

	dns_conf_init(&c);
	EQ(c.ndots, 1);
	EQ(c.nsearch, 0);
	dns_conf_parse(&c, SLICE("search a.example b.example.\tc\n"));
	STR(search_of(&c), "a.example. b.example. c.");
	/* the last one counts; what is no name is left out */
	dns_conf_parse(&c, SLICE("domain a.example\nsearch x a..b y"));
	STR(search_of(&c), "x. y.");
	dns_conf_parse(&c, SLICE("domain a.example\noptions ndots:0 use-vc no-aaaa edns0 unheard-of single-request"));
	STR(search_of(&c), "a.example.");
	EQ(c.ndots, 0);
	OK(c.use_vc && c.no_aaaa && !c.rotate);
	dns_conf_parse(&c, SLICE("options ndots:99"));
	EQ(c.ndots, CONF_NDOTS_MAX);
	for (int i = 0; i < 300; i++)
		strlcat(many, " a.example", sizeof(many));
	dns_conf_parse(&c, slice_of(many));
	OK(c.nsearch <= CONF_SEARCH_BYTES && c.nsearch > CONF_SEARCH_BYTES - 11);
}

TEST(environment)
{
	struct dns_conf c;

	setenv("LOCALDOMAIN", "one two", 1);
	setenv("RES_OPTIONS", "ndots:3 rotate", 1);
	dns_conf_init(&c);
	EQ(dns_conf_load(&c, "/nonexistent"), 0);
	STR(search_of(&c), "one. two.");
	EQ(c.ndots, 3);
	OK(c.rotate);
	unsetenv("LOCALDOMAIN");
	unsetenv("RES_OPTIONS");
}

TEST(text)
{
	struct dns_conf c;

	dns_conf_init(&c);
	dns_conf_parse(&c, SLICE("# comment\n;another\nnameserver 192.0.2.1\n nameserver\t192.0.2.2 # here\nnameserver nonsense\n"
	                         "search example.com\noptions ndots:2 timeout:3 attempts:5 rotate\nnameserver ::1\n"));
	EQ(c.nservers, 3);
	EQ(addr_port(&c.servers[0]), 53);
	EQ(c.servers[2].u.sa.sa_family, AF_INET6);
	EQ(c.timeout, 3 * SEC);
	EQ(c.attempts, 5);
	EQ(c.rotate, true);
	EQ(c.ndots, 2);
	STR(search_of(&c), "example.com.");
	dns_conf_parse(&c, SLICE("options timeout:999 attempts:999"));
	EQ(c.timeout, 30 * SEC);
	EQ(c.attempts, CONF_ATTEMPTS_MAX);
	dns_conf_parse(&c, SLICE("options timeout:0 attempts:x timeout: attempts"));
	EQ(c.timeout, 30 * SEC);
	EQ(c.attempts, CONF_ATTEMPTS_MAX);
}

TEST(many)
{
	struct dns_conf c;

	dns_conf_init(&c);
	for (int i = 0; i < CONF_SERVERS + 5; i++)
		dns_conf_parse(&c, SLICE("nameserver 192.0.2.1"));
	EQ(c.nservers, CONF_SERVERS);
}

TEST(files)
{
	char path[] = "/tmp/coop-conf-XXXXXX";
	int fd = mkstemp(path);
	struct dns_conf c;

	OK(fd != -1 && write(fd, "nameserver 192.0.2.9\n", 21) == 21);
	dns_conf_init(&c);
	EQ(dns_conf_load(&c, path), 0);
	EQ(c.nservers, 1);
	setenv("COOP_RESOLV_CONF", path, 1);
	dns_conf_init(&c);
	EQ(dns_conf_load(&c, NULL), 0);
	EQ(c.nservers, 1);
	unsetenv("COOP_RESOLV_CONF");
	OK(ftruncate(fd, 0) == 0);
	dns_conf_init(&c);
	EQ(dns_conf_load(&c, path), 0);
	EQ(c.nservers, 2);
	(void)close(fd);
	(void)unlink(path);
	dns_conf_init(&c);
	EQ(dns_conf_load(&c, path), 0);
	EQ(c.nservers, 2);
	dns_conf_init(&c);
	EQ(dns_conf_load(&c, "/"), -1);
	EQ(errno, EISDIR);
}

MAIN(RUN(servers), RUN(refused_servers), RUN(servers_by_tls), RUN(search), RUN(environment), RUN(text), RUN(many), RUN(files))
