/* Names from a file in the way of hosts(5), and those that are always the same. */
#include "dns/hosts.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tap.h"

static char path[64];
static struct hosts *hosts;
static int64_t now = SEC;

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	OK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
	now += SEC;
}

static void
set_up(const char *text)
{
	snprintf(path, sizeof(path), "/tmp/coop-hosts-%ld", (long)getpid());
	write_file(text);
	hosts = hosts_new(path);
	OK(hosts != NULL);
}

static void
tear_down(void)
{
	hosts_free(hosts);
	(void)unlink(path);
}

/* "192.0.2.1 ::1", "-" for a name without an address of the family, "" for an unknown one */
static const char *
found(const char *name, int family)
{
	static char out[1024];
	struct addr a[4];
	char text[ADDR_STRLEN];
	int n = hosts_find(hosts, slice_of(name), family, now, a, 4);

	strlcpy(out, n == -1 ? "-" : "", sizeof(out));
	for (int i = 0; i < n; i++) {
		addr_format_host(&a[i], text, sizeof(text));
		EQ(addr_port(&a[i]), 0);
		strlcat(out, i > 0 ? " " : "", sizeof(out));
		strlcat(out, text, sizeof(out));
	}
	return out;
}

static const char *
name(const char *address)
{
	static char out[256];
	struct addr a;

	EQ(addr_literal(slice_of(address), 99, &a), 0);
	EQ(slice_cstr(hosts_name(hosts, &a, now), out, sizeof(out)), 0);
	return out;
}

TEST(lines)
{
	set_up("# comment\n\n192.0.2.1\tone.example one # uno\n  2001:db8::1 one.example\r\nnonsense bad\n192.0.2.2 two\n"
	       "192.0.2.3 two TWO\n192.0.2.4\nfe80::1%lo link\n192.0.2.9 last");
	STR(found("one.example", AF_UNSPEC), "192.0.2.1 2001:db8::1");
	STR(found("ONE.Example.", AF_INET6), "2001:db8::1");
	STR(found("one", AF_UNSPEC), "192.0.2.1");
	STR(found("one", AF_INET6), "-");
	STR(found("two", AF_UNSPEC), "192.0.2.2 192.0.2.3 192.0.2.3");
	STR(found("last", AF_INET), "192.0.2.9");
	STR(found("uno", AF_UNSPEC), "");
	STR(found("bad", AF_UNSPEC), "");
	STR(found("", AF_UNSPEC), "");
	STR(found(".", AF_UNSPEC), "");
	STR(name("192.0.2.1"), "one.example");
	STR(name("2001:db8::1"), "one.example");
	STR(name("192.0.2.3"), "two");
	STR(name("192.0.2.4"), "");
	tear_down();
}

TEST(localhost)
{
	set_up("192.0.2.1 localhost evil.localhost\n");
	STR(found("localhost", AF_UNSPEC), "127.0.0.1 ::1");
	STR(found("LOCALHOST.", AF_INET), "127.0.0.1");
	STR(found("anything.localhost", AF_INET6), "::1");
	STR(found("evil.localhost.", AF_INET), "127.0.0.1");
	STR(found("notlocalhost", AF_UNSPEC), "");
	tear_down();
}

TEST(changes)
{
	set_up("192.0.2.1 a\n");
	STR(found("a", AF_UNSPEC), "192.0.2.1");
	write_file("192.0.2.22 a\n192.0.2.3 b\n");
	STR(found("a", AF_UNSPEC), "192.0.2.22");
	STR(found("b", AF_UNSPEC), "192.0.2.3");
	(void)unlink(path);
	/* it is not looked at each time */
	STR(found("b", AF_UNSPEC), "192.0.2.3");
	now += SEC;
	STR(found("b", AF_UNSPEC), "");
	write_file("192.0.2.4 b\n");
	STR(found("b", AF_UNSPEC), "192.0.2.4");
	tear_down();
}

TEST(many)
{
	char line[64];
	struct buf b = { 0 };

	for (int i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line), "10.0.%d.%d n%d all\n", i / 256, i % 256, i);
		buf_puts(&b, line);
	}
	buf_putc(&b, '\0');
	set_up(b.p);
	STR(found("n0", AF_UNSPEC), "10.0.0.0");
	STR(found("n4999", AF_UNSPEC), "10.0.19.135");
	STR(found("all", AF_UNSPEC), "10.0.0.0 10.0.0.1 10.0.0.2 10.0.0.3");
	tear_down();
	buf_fini(&b);
}

TEST(no_memory)
{
	for (int n = 1; n < 12; n++) {
		set_up("192.0.2.1 a\n");
		alloc_fail_at(n);
		(void)found("a", AF_UNSPEC);
		alloc_reset();
		STR(found("localhost", AF_INET), "127.0.0.1");
		tear_down();
	}
	alloc_fail_at(1);
	OK(hosts_new("x") == NULL);
	alloc_reset();
}

TEST(environment)
{
	set_up("192.0.2.1 a\n");
	hosts_free(hosts);
	setenv("COOP_HOSTS", path, 1);
	hosts = hosts_new(NULL);
	STR(found("a", AF_UNSPEC), "192.0.2.1");
	unsetenv("COOP_HOSTS");
	tear_down();
}

MAIN(RUN(lines), RUN(localhost), RUN(changes), RUN(many), RUN(no_memory), RUN(environment))
