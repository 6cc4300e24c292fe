#include "cli.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/sched.h"

/* Room for the tables that getopt_long wants: no program has as many options. */
enum { MOST = 64 };

static void
usage_line(const struct cli *cli, FILE *to)
{
	fprintf(to, "usage: %s %s\n", cli->prog, cli->synopsis);
}

_Noreturn void
cli_usage_error(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", cli->prog);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	usage_line(cli, stderr);
	exit(2);
}

static void
help_line(int c, const char *name, const char *arg, const char *help)
{
	char left[64];

	if (c < CLI_LONG_ONLY)
		snprintf(left, sizeof(left), "-%c, --%s%s%s", c, name, arg != NULL ? "=" : "", arg != NULL ? arg : "");
	else
		snprintf(left, sizeof(left), "    --%s%s%s", name, arg != NULL ? "=" : "", arg != NULL ? arg : "");
	printf("  %-28s %s\n", left, help);
}

static _Noreturn void
finish(const struct cli *cli)
{
	exit(cli_flush(cli) == 0 ? 0 : 1);
}

static _Noreturn void
print_help(const struct cli *cli)
{
	usage_line(cli, stdout);
	if (cli->about != NULL)
		printf("%s\n", cli->about);
	for (const struct cli_option *o = cli->options; o->name != NULL; o++)
		help_line(o->c, o->name, o->arg, o->help);
	help_line('h', "help", NULL, "print this");
	help_line('V', "version", NULL, "print the version");
	finish(cli);
}

static _Noreturn void
print_version(const struct cli *cli)
{
	printf("%s %s", cli->prog, COOP_VERSION);
	if (cli->version != NULL)
		printf(" (%s)", cli->version);
	putchar('\n');
	finish(cli);
}

void
cli_descriptors(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	/* the lowest descriptor that is free is given first */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", flags[fd]) != fd)
			_exit(1);
}

static bool
is_known(const struct cli *cli, int c)
{
	for (const struct cli_option *o = cli->options; o->name != NULL; o++)
		if (o->c == c)
			return true;
	return c == 'h' || c == 'V';
}

/*
 * getopt(3) leaves optopt 0 for a long option that it does not know, and its number when the argument was the
 * trouble.
 */
static _Noreturn void
refuse(const struct cli *cli, const char *word, int answer)
{
	if (answer == ':')
		cli_usage_error(cli, "option %s needs an argument", word);
	if (optopt == 0)
		cli_usage_error(cli, "unknown option %s (%s -h lists them)", word, cli->prog);
	if (is_known(cli, optopt))
		cli_usage_error(cli, "option %.*s takes no argument", (int)strcspn(word, "="), word);
	cli_usage_error(cli, "unknown option -%c (%s -h lists them)", optopt, cli->prog);
}

int
cli_next(const struct cli *cli, int argc, char **argv)
{
	struct option longs[MOST + 3];
	char shorts[2 + 2 * MOST + 3], *s = shorts;
	size_t n = 0;
	int c;

	if (cli->in_order)
		*s++ = '+';
	*s++ = ':';
	for (const struct cli_option *o = cli->options; o->name != NULL && n < MOST; o++, n++) {
		longs[n] = (struct option){ o->name, o->arg != NULL ? required_argument : no_argument, NULL, o->c };
		if (o->c >= CLI_LONG_ONLY)
			continue;
		*s++ = (char)o->c;
		if (o->arg != NULL)
			*s++ = ':';
	}
	longs[n++] = (struct option){ "help", no_argument, NULL, 'h' };
	longs[n++] = (struct option){ "version", no_argument, NULL, 'V' };
	longs[n] = (struct option){ NULL, 0, NULL, 0 };
	memcpy(s, "hV", 3);

	opterr = 0;
	optopt = 0;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == 'h')
		print_help(cli);
	if (c == 'V')
		print_version(cli);
	if (c == '?' || c == ':')
		refuse(cli, argv[optind - 1], c);
	return c;
}

int64_t
cli_number(const struct cli *cli, const char *what, const char *arg, int64_t min, int64_t max)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(arg, &end, 10);
	if (end == arg || *end != '\0' || strchr(" \t\n\v\f\r", arg[0]) != NULL || errno != 0 || v < min || v > max)
		cli_usage_error(cli, "%s %s: a whole number from %" PRId64 " to %" PRId64 " is wanted", what, arg, min, max);
	return v;
}

static double
duration_unit(const char *s)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(s, units[i].name) == 0)
			return units[i].seconds;
	return -1;
}

int64_t
cli_duration(const struct cli *cli, const char *what, const char *arg, int64_t min, int64_t max)
{
	char *end;
	double v, unit;

	v = strtod(arg, &end);
	unit = duration_unit(end);
	/* strtod would take 0x10, inf and nan as well */
	if (end == arg || arg + strspn(arg, "0123456789.") != end || unit < 0 || !(v >= 0))
		cli_usage_error(cli, "%s %s: a time in seconds is wanted, such as 5, 0.25, 250ms, 2m", what, arg);
	if (v * unit < (double)min / (double)SEC || v * unit > (double)max / (double)SEC)
		cli_usage_error(cli, "%s %s: a time from %g to %g seconds is wanted", what, arg, (double)min / (double)SEC,
		    (double)max / (double)SEC);
	return clock_ns(v * unit);
}

static int
bytes_shift(const char *s)
{
	static const char units[] = "KMG";
	const char *at;

	if (*s == '\0')
		return 0;
	at = strchr(units, *s & ~0x20);
	if (at == NULL || *at == '\0' || (s[1] != '\0' && strcasecmp(s + 1, "B") != 0 && strcasecmp(s + 1, "iB") != 0))
		return -1;
	return 10 * (int)(at - units + 1);
}

uint64_t
cli_bytes(const struct cli *cli, const char *what, const char *arg, uint64_t min, uint64_t max)
{
	size_t digits = strspn(arg, "0123456789");
	int shift = bytes_shift(arg + digits);
	uint64_t v;

	if (shift < 0 || slice_u64((struct slice){ arg, digits }, UINT64_MAX >> shift, &v) != 0)
		cli_usage_error(cli, "%s %s: a number of bytes is wanted, such as 65536, 64K, 64M, 1G", what, arg);
	v <<= shift;
	if (v < min || v > max)
		cli_usage_error(cli, "%s %s: from %" PRIu64 " to %" PRIu64 " bytes are wanted", what, arg, min, max);
	return v;
}

void
cli_addr(const struct cli *cli, const char *what, const char *arg, int default_port, struct addr *addr, enum transport *transport)
{
	const char *why;

	if (addr_parse(slice_of(arg), default_port, addr, transport, &why) != 0)
		cli_usage_error(cli, "%s %s: %s (an address is written HOST:PORT or [::1]:PORT)", what, arg, why);
}

bool
cli_statsd(const struct cli *cli, const char *arg, struct addr *addr)
{
	const char *what = "-s";

	if (arg == NULL) {
		what = "COOP_STATSD";
		arg = getenv("COOP_STATSD");
	}
	if (arg == NULL || *arg == '\0')
		return false;
	cli_addr(cli, what, arg, 8125, addr, NULL);
	/* what runs inside of us, a script's own metrics and our children's, goes there too; if it cannot be said, only our gauges do */
	(void)setenv("COOP_STATSD", arg, 1);
	return true;
}

void
cli_loop(const struct cli *cli, struct sched *s, bool virtual_clock)
{
	const char *poller = getenv("COOP_POLLER");

	if (sched_init(s, poller, virtual_clock) == 0)
		return;
	if (poller != NULL && errno == EINVAL)
		cli_usage_error(cli, "COOP_POLLER=%s: it is epoll or poll", poller);
	err(1, "cannot wait for events");
}

int
cli_flush(const struct cli *cli)
{
	static bool told;
	bool bad = ferror(stdout) != 0;

	errno = 0;
	if (fflush(stdout) == 0 && !bad)
		return 0;
	if (errno == EPIPE)
		return 0;
	if (!told)
		fprintf(stderr, "%s: stdout: %s\n", cli->prog, errno != 0 ? strerror(errno) : "write error");
	told = true;
	return -1;
}
