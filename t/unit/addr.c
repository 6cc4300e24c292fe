#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>

#include "guard.h"
#include "tap.h"

static int
parse(const char *text, int default_port, struct addr *a, enum transport *t, const char **why)
{
	size_t n = strlen(text);

	return addr_parse(slice_make(guarded(text, n), n), default_port, a, t, why);
}

TEST(good_addresses)
{
	static const struct {
		const char *text;
		int default_port;
		const char *want, *host;
		uint16_t port;
		enum transport transport;
	} rows[] = {
		{ "127.0.0.1:5060", -1, "127.0.0.1:5060", "127.0.0.1", 5060, TRANSPORT_NONE },
		{ "127.0.0.1:0", -1, "127.0.0.1:0", "127.0.0.1", 0, TRANSPORT_NONE },
		{ "255.255.255.255:65535", -1, "255.255.255.255:65535", "255.255.255.255", 65535, TRANSPORT_NONE },
		{ "10.20.3.200", 53, "10.20.3.200:53", "10.20.3.200", 53, TRANSPORT_NONE },
		{ "10.20.3.200", 0, "10.20.3.200:0", "10.20.3.200", 0, TRANSPORT_NONE },
		{ "10.20.3.200:54", 53, "10.20.3.200:54", "10.20.3.200", 54, TRANSPORT_NONE },
		{ "127.0.0.1:00053", -1, "127.0.0.1:53", "127.0.0.1", 53, TRANSPORT_NONE },
		{ "udp:127.0.0.1:5060", -1, "127.0.0.1:5060", "127.0.0.1", 5060, TRANSPORT_UDP },
		{ "tcp:127.0.0.1:5060", -1, "127.0.0.1:5060", "127.0.0.1", 5060, TRANSPORT_TCP },
		{ "tls:127.0.0.1", 5061, "127.0.0.1:5061", "127.0.0.1", 5061, TRANSPORT_TLS },
		{ "UDP:127.0.0.1:5060", -1, "127.0.0.1:5060", "127.0.0.1", 5060, TRANSPORT_UDP },
		{ "*:80", -1, "0.0.0.0:80", "0.0.0.0", 80, TRANSPORT_NONE },
		{ ":80", -1, "0.0.0.0:80", "0.0.0.0", 80, TRANSPORT_NONE },
		{ "*", 80, "0.0.0.0:80", "0.0.0.0", 80, TRANSPORT_NONE },
		{ "udp::80", -1, "0.0.0.0:80", "0.0.0.0", 80, TRANSPORT_UDP },
		{ "udp:*:80", -1, "0.0.0.0:80", "0.0.0.0", 80, TRANSPORT_UDP },
		{ "[::1]:5060", -1, "[::1]:5060", "::1", 5060, TRANSPORT_NONE },
		{ "[::]:0", -1, "[::]:0", "::", 0, TRANSPORT_NONE },
		{ "[::1]", 53, "[::1]:53", "::1", 53, TRANSPORT_NONE },
		{ "tcp:[2001:DB8::0:1]:5060", -1, "[2001:db8::1]:5060", "2001:db8::1", 5060, TRANSPORT_TCP },
		{ "[::ffff:192.0.2.1]:7", -1, "[::ffff:192.0.2.1]:7", "::ffff:192.0.2.1", 7, TRANSPORT_NONE },
		{ "[fe80::1%lo]:9", -1, "[fe80::1%lo]:9", "fe80::1%lo", 9, TRANSPORT_NONE },
		{ "[fe80::1%4294967295]:9", -1, "[fe80::1%4294967295]:9", "fe80::1%4294967295", 9, TRANSPORT_NONE },
		{ "127.0.0.1#5300", -1, "127.0.0.1:5300", "127.0.0.1", 5300, TRANSPORT_NONE },
		{ "::1#5300", -1, "[::1]:5300", "::1", 5300, TRANSPORT_NONE },
		{ "[::1]#5300", 53, "[::1]:5300", "::1", 5300, TRANSPORT_NONE },
		{ "unix:/run/x.sock", -1, "unix:/run/x.sock", "/run/x.sock", 0, TRANSPORT_UNIX },
		{ "unix:x:y#z", -1, "unix:x:y#z", "x:y#z", 0, TRANSPORT_UNIX },
		{ "unix:@name", 53, "unix:@name", "@name", 0, TRANSPORT_UNIX },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a, again;
		enum transport t;
		const char *why = "";
		char text[ADDR_STRLEN];

		if (parse(rows[i].text, rows[i].default_port, &a, &t, &why) < 0) {
			printf("# %s: %s\n", rows[i].text, why);
			OK(!"refused");
			continue;
		}
		EQ(addr_format(&a, text, sizeof(text)), strlen(rows[i].want));
		STR(text, rows[i].want);
		EQ(addr_port(&a), rows[i].port);
		EQ(t, rows[i].transport);
		/* what is written can be read again */
		EQ(parse(text, -1, &again, NULL, &why), 0);
		OK(addr_eq(&a, &again));
		EQ(addr_format_host(&a, text, sizeof(text)), strlen(rows[i].host));
		STR(text, rows[i].host);
	}
}

TEST(bad_addresses)
{
	static const struct {
		const char *text;
		int default_port;
		const char *why;
	} rows[] = {
		{ "", 53, "no address" },
		{ "", -1, "no address" },
		{ "udp:", 53, "no address" },
		{ ":", 53, "bad port" },
		{ "#", 53, "bad port" },
		{ "127.0.0.1", -1, "no port" },
		{ "[::1]", -1, "no port" },
		{ "127.0.0.1:", 53, "bad port" },
		{ "127.0.0.1#", 53, "bad port" },
		{ "[::1]:", 53, "bad port" },
		{ "127.0.0.1:65536", -1, "bad port" },
		{ "127.0.0.1:18446744073709551616", -1, "bad port" },
		{ "127.0.0.1:-1", -1, "bad port" },
		{ "127.0.0.1:+1", -1, "bad port" },
		{ "127.0.0.1: 1", -1, "bad port" },
		{ "127.0.0.1:1 ", -1, "bad port" },
		{ "127.0.0.1:0x10", -1, "bad port" },
		{ "127.0.0.1:sip", -1, "bad port" },
		{ "127.0.0.1#53:1", -1, "bad port" },
		{ "[::1]:99999", -1, "bad port" },
		{ "localhost:5060", -1, "bad IP address" },
		{ "256.0.0.1:5060", -1, "bad IP address" },
		{ "1.2.3:5060", -1, "bad IP address" },
		{ "1.2.3.4.5:5060", -1, "bad IP address" },
		{ "01.2.3.4:5060", -1, "bad IP address" },
		{ "1.2.3.4 :5060", -1, "bad IP address" },
		{ " 1.2.3.4:5060", -1, "bad IP address" },
		{ "1.2.3.4%lo:5060", -1, "bad IP address" },
		{ "**:5060", -1, "bad IP address" },
		{ "sctp:127.0.0.1", 5060, "bad port" },
		{ "sctp:127.0.0.1:5060", -1, "an IPv6 address needs brackets" },
		{ "udp:udp:127.0.0.1:5060", -1, "an IPv6 address needs brackets" },
		{ "::1", 53, "an IPv6 address needs brackets" },
		{ "::1:53", -1, "an IPv6 address needs brackets" },
		{ "[::1", 53, "no closing bracket" },
		{ "[", 53, "no closing bracket" },
		{ "[]:53", -1, "bad IPv6 address" },
		{ "[127.0.0.1]:53", -1, "bad IPv6 address" },
		{ "[*]:53", -1, "bad IPv6 address" },
		{ "[::g]:53", -1, "bad IPv6 address" },
		{ "[1:2:3:4:5:6:7]:53", -1, "bad IPv6 address" },
		{ "[1:2:3:4:5:6:7:8:9]:53", -1, "bad IPv6 address" },
		{ "[0001:0002:0003:0004:0005:0006:0007:0000000000000008]:53", -1, "bad IPv6 address" },
		{ "[fe80::1%]:53", -1, "bad IPv6 address" },
		{ "[fe80::1%0]:53", -1, "bad IPv6 address" },
		{ "[fe80::1%no-such-interface]:53", -1, "bad IPv6 address" },
		{ "[fe80::1%4294967296]:53", -1, "bad IPv6 address" },
		{ "[::1]5060", -1, "something other than a port behind the bracket" },
		{ "[::1] :5060", -1, "something other than a port behind the bracket" },
		{ "unix:", -1, "no path" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a, before;
		enum transport t = (enum transport)77;
		const char *why = NULL;

		memset(&a, 0x5a, sizeof(a));
		before = a;
		errno = 0;
		if (parse(rows[i].text, rows[i].default_port, &a, &t, &why) == 0) {
			printf("# %s\n", rows[i].text);
			OK(!"taken");
		}
		STR(why, rows[i].why);
		EQ(errno, EINVAL);
		EQ(t, 77);
		OK(memcmp(&a, &before, sizeof(a)) == 0);
		EQ(parse(rows[i].text, rows[i].default_port, &a, &t, NULL), -1);
	}
}

TEST(transport_not_wanted)
{
	struct addr a;
	const char *why = NULL;

	EQ(parse("udp:127.0.0.1:1", -1, &a, NULL, &why), -1);
	STR(why, "no transport can be chosen here");
	EQ(parse("unix:/x", -1, &a, NULL, &why), 0);
	EQ(parse("127.0.0.1:1", -1, &a, NULL, &why), 0);
}

TEST(nul_bytes)
{
	const struct slice texts[] = {
		SLICE("127.0.0.1\0:1"), SLICE("127.0.0.1:1\0"), SLICE("unix:/a\0b"),
		SLICE("[::1\0]:1"), SLICE("[fe80::1%lo\0]:1"),
	};
	struct addr a;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		EQ(addr_parse(texts[i], -1, &a, NULL, NULL), -1);
}

TEST(unix_lengths)
{
	enum { MOST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };
	char text[256] = "unix:", out[ADDR_STRLEN];
	struct addr a;
	const char *why = NULL;

	memset(text + 5, 'p', MOST);
	text[5] = '/';
	text[5 + MOST] = '\0';
	EQ(parse(text, -1, &a, NULL, &why), 0);
	EQ(a.len, sizeof(a.u.un));
	EQ(addr_format(&a, out, sizeof(out)), 5 + MOST);
	STR(out, text);
	text[5] = '@';
	EQ(parse(text, -1, &a, NULL, &why), 0);
	EQ(a.u.un.sun_path[0], 0);
	EQ(addr_format(&a, out, sizeof(out)), 5 + MOST);
	STR(out, text);
	(void)strlcat(text, "p", sizeof(text));
	EQ(parse(text, -1, &a, NULL, &why), -1);
	STR(why, "path too long");
}

/* The kernel may fill all of sun_path and leave no room for a NUL. */
TEST(unix_as_the_kernel_gives_them)
{
	struct addr a = { .len = offsetof(struct sockaddr_un, sun_path), .u.un.sun_family = AF_UNIX }, b;
	char out[ADDR_STRLEN];

	addr_format(&a, out, sizeof(out));
	STR(out, "unix:");
	a.len = sizeof(a.u.un);
	memset(a.u.un.sun_path, 'x', sizeof(a.u.un.sun_path));
	EQ(addr_format(&a, out, sizeof(out)), 5 + sizeof(a.u.un.sun_path));
	/* a length that counts the NUL, and one that does not */
	EQ(parse("unix:/tmp/x", -1, &a, NULL, NULL), 0);
	b = a;
	b.len--;
	OK(addr_eq(&a, &b));
}

TEST(literals)
{
	struct addr a;

	EQ(addr_literal(SLICE("192.0.2.1"), 53, &a), 0);
	EQ(a.u.in.sin_family, AF_INET);
	EQ(a.len, sizeof(a.u.in));
	EQ(addr_port(&a), 53);
	EQ(addr_literal(SLICE("fe80::1%lo"), 53, &a), 0);
	EQ(a.u.in6.sin6_scope_id, if_nametoindex("lo"));
	EQ(a.len, sizeof(a.u.in6));
	EQ(addr_literal(SLICE("[::1]"), 53, &a), -1);
	EQ(addr_literal(SLICE(""), 53, &a), -1);
	EQ(addr_literal(SLICE("*"), 53, &a), -1);
	EQ(addr_literal(SLICE("localhost"), 53, &a), -1);
}

TEST(comparison)
{
	static const struct {
		const char *a, *b;
		bool eq, same_host;
	} rows[] = {
		{ "127.0.0.1:1", "127.0.0.1:1", true, true },
		{ "127.0.0.1:1", "127.0.0.1:2", false, true },
		{ "127.0.0.1:1", "127.0.0.2:1", false, false },
		{ "[::1]:1", "[0:0::1]:1", true, true },
		{ "[::1]:1", "[::1]:2", false, true },
		{ "[fe80::1%lo]:1", "[fe80::1]:1", false, false },
		{ "[::ffff:127.0.0.1]:1", "127.0.0.1:1", false, false },
		{ "unix:/a", "unix:/a", true, true },
		{ "unix:/a", "unix:/b", false, false },
		{ "unix:/a", "unix:/ab", false, false },
		{ "unix:@a", "unix:a", false, false },
		{ "unix:/a", "127.0.0.1:1", false, false },
	};
	struct addr none = { .len = 0 }, a, b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EQ(parse(rows[i].a, -1, &a, NULL, NULL), 0);
		EQ(parse(rows[i].b, -1, &b, NULL, NULL), 0);
		EQ(addr_eq(&a, &b), rows[i].eq);
		EQ(addr_eq(&b, &a), rows[i].eq);
		EQ(addr_same_host(&a, &b), rows[i].same_host);
	}
	EQ(parse("0.0.0.0:1", -1, &a, NULL, NULL), 0);
	EQ(parse("[::]:0", -1, &b, NULL, NULL), 0);
	OK(addr_is_any(&a) && addr_is_any(&b) && !addr_is_any(&none));
	EQ(parse("unix:/a", -1, &a, NULL, NULL), 0);
	EQ(parse("[::1]:0", -1, &b, NULL, NULL), 0);
	OK(!addr_is_any(&a) && !addr_is_any(&b));
	OK(addr_eq(&none, &none));
	OK(!addr_eq(&none, &a));
	OK(!addr_eq(&a, &none));
}

TEST(ports)
{
	struct addr a, none = { .len = 0 };
	char text[ADDR_STRLEN];

	EQ(parse("[::1]:1", -1, &a, NULL, NULL), 0);
	addr_set_port(&a, 65535);
	addr_format(&a, text, sizeof(text));
	STR(text, "[::1]:65535");
	EQ(parse("127.0.0.1:1", -1, &a, NULL, NULL), 0);
	addr_set_port(&a, 0);
	addr_format(&a, text, sizeof(text));
	STR(text, "127.0.0.1:0");
	EQ(parse("unix:/x", -1, &a, NULL, NULL), 0);
	addr_set_port(&a, 9);
	EQ(addr_port(&a), 0);
	addr_set_port(&none, 9);
	EQ(addr_port(&none), 0);
	addr_format(&none, text, sizeof(text));
	STR(text, "-");
	addr_format_host(&none, text, sizeof(text));
	STR(text, "-");
}

TEST(transport_names)
{
	STR(transport_name(TRANSPORT_NONE), "none");
	STR(transport_name(TRANSPORT_UDP), "udp");
	STR(transport_name(TRANSPORT_UNIX), "unix");
	STR(transport_name((enum transport)99), "none");
}

/* Whatever is taken can be written and read back as the same address. */
TEST(mutated_input)
{
	static const char *const seeds[] = {
		"udp:127.0.0.1:5060", "[fe80::1%lo]:53", "::1#53", "unix:/tmp/x", "tls:*:1",
	};
	static const char alphabet[] = "0123456789abf.:[]%#*@/unixudtcpls\0 ";
	uint32_t random = 1;
	int taken = 0;

	for (int i = 0; i < 200000; i++) {
		char text[64], out[ADDR_STRLEN];
		const char *seed = seeds[i % 5];
		size_t n = strlen(seed);
		struct addr a, b;
		enum transport t;

		memcpy(text, seed, n);
		for (int k = 0; k < 1 + i % 3; k++) {
			random = random * 1664525 + 1013904223;
			text[(random >> 8) % n] = alphabet[(random >> 16) % (sizeof(alphabet) - 1)];
		}
		n -= random % 7 == 0;
		if (addr_parse(slice_make(guarded(text, n), n), i % 2 ? 53 : -1, &a, &t, NULL) < 0)
			continue;
		taken++;
		n = addr_format(&a, out, sizeof(out));
		OK(addr_parse(slice_make(out, n), -1, &b, NULL, NULL) == 0 && addr_eq(&a, &b));
	}
	OK(taken > 1000);
}

MAIN(RUN(good_addresses), RUN(bad_addresses), RUN(transport_not_wanted), RUN(nul_bytes), RUN(unix_lengths),
    RUN(unix_as_the_kernel_gives_them), RUN(literals), RUN(comparison), RUN(ports), RUN(transport_names),
    RUN(mutated_input))
