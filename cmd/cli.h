/*
 * cli.h: the command line in the house form: one table of options gives the parser, the help text and the errors.
 *
 *	static const struct cli_option options[] = {
 *		{ 'c', "concurrency", "N", "ask at most N questions at a time" },
 *		{ OPT_SYSLOG, "syslog", NULL, "log to syslog" },
 *		{ 0, NULL, NULL, NULL },
 *	};
 *	static const struct cli cli = { .prog = "dnsq", .synopsis = "[-hVv] [-c n] [name ...]", .about = "...", .options = options };
 *
 *	while ((c = cli_next(&cli, argc, argv)) != -1)
 *		switch (c) { case 'c': n = cli_number(&cli, "-c", optarg, 1, 1000); break; ... }
 *	argc -= optind, argv += optind;
 *
 * -h/--help, -V/--version, `--`, unknown options and missing arguments are dealt with by cli_next. All functions that
 * find an error print one line that quotes what is wrong, then the usage line, and exit with 2.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct sched;

/* An option without a short form has a number from here on as its `c`. */
enum { CLI_LONG_ONLY = 256 };

/* A table of these ends with an all-zero row. -h and -V need no row. */
struct cli_option {
	int c;             /* what cli_next returns: the short form */
	const char *name;  /* the long form, without "--" */
	const char *arg;   /* the name of its argument in the help text; NULL: it takes none */
	const char *help;  /* one line */
};

struct cli {
	const char *prog;     /* "dnsq" */
	const char *synopsis; /* what follows the name in the usage line */
	const char *about;    /* one line for -h: what the program does */
	const char *version;  /* what stands in parentheses after the version: "epoll, Lua 5.4.4"; NULL: nothing */
	const struct cli_option *options;
	bool in_order;        /* options end at the first argument: the rest belongs to a script or a command */
};

/*
 * The next option, its argument in optarg (getopt(3)); -1 after the last, optind is then the first argument. Unless
 * in_order, arguments and options may be mixed. An option in its long form gives the same as the short one.
 */
int cli_next(const struct cli *, int argc, char **argv);

/*
 * First of all: makes sure that 0, 1 and 2 are open, so that no socket becomes the standard output. One that was
 * closed fails with EBADF when it is used, as it would have.
 */
void cli_descriptors(void);

/* A usage error: `prog: message`, the usage line, exit 2. No final full stop. */
_Noreturn void cli_usage_error(const struct cli *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `what` names the option in the message ("-c", "--ttl"). Decimal. */
int64_t cli_number(const struct cli *, const char *what, const char *arg, int64_t min, int64_t max);

/* Seconds with an optional fraction, also written 250ms, 5s, 2m, 1h; as ns. `min` and `max` in ns. */
int64_t cli_duration(const struct cli *, const char *what, const char *arg, int64_t min, int64_t max);

/* Bytes, with an optional K, M or G (powers of 1024). */
uint64_t cli_bytes(const struct cli *, const char *what, const char *arg, uint64_t min, uint64_t max);

/* As addr_parse; `transport` may be NULL: no prefix allowed. */
void cli_addr(const struct cli *, const char *what, const char *arg, int default_port, struct addr *, enum transport *transport);

/*
 * Where statsd gauges go: `arg` from -s, which COOP_STATSD is then set to, or COOP_STATSD when arg is NULL. False:
 * nowhere. HOST:PORT with 8125 when there is no port, or unix:/path.
 */
bool cli_statsd(const struct cli *, const char *arg, struct addr *);

/*
 * sched_init with the poller that COOP_POLLER names: one that does not exist is a usage error. Ends the program on
 * any failure.
 */
void cli_loop(const struct cli *, struct sched *, bool virtual_clock);

/*
 * Flushes stdout, at the end, and before as often as one likes: a failure is told once. 0, or -1 after a message on
 * stderr; a pipe whose reader has gone is no error. Call signal(SIGPIPE, SIG_IGN) at the start to come here.
 */
int cli_flush(const struct cli *);

#endif
