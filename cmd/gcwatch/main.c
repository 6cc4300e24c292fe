/* gcwatch: watches memory and coroutines, and draws them. See gcwatch(1). */
#include <err.h>
#include <fnmatch.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gcwatch.h"
#include "out.h"
#include "stat/series.h"

enum { PORT = 8125, CARBON_PORT = 2003, NAMES = 50000 };
enum { OPT_TITLE = CLI_LONG_ONLY, OPT_NAMES, OPT_IDLE, OPT_REPEAT, OPT_HTTP, OPT_ABSOLUTE };

static const struct cli_option options[] = {
	{ 'l', "listen", "ADDR", "take statsd datagrams at HOST:PORT or unix:/path (default 127.0.0.1:8125); repeatable" },
	{ 'i', "interval", "SECONDS", "a line for each metric every so often (default 60; 1 with a command, -p or -g)" },
	{ 'n', "flushes", "N", "end after N intervals" },
	{ 'j', "json", NULL, "print a JSON object a line" },
	{ 'g', "graph", NULL, "draw on the terminal while it goes on" },
	{ 'p', "pid", "PID", "watch memory and CPU of this process and its children" },
	{ 'o', "output", "FILE", "draw x.svg or x.png at the end, or record into x.tsv or x.json; - is stdout" },
	{ 'P', "prometheus", NULL, "serve the metrics at http://ADDR/metrics too, ADDR being that of -l" },
	{ OPT_HTTP, "http", "ADDR", "the same, at ADDR" },
	{ 'C', "carbon", "ADDR", "send the figures to the Graphite server at ADDR too, HOST:PORT (default port 2003)" },
	{ 'r', "read", "LOG", "read a recording (- is stdin) instead of watching" },
	{ 'S', "summary", NULL, "at the end a table: min, avg, max and when, and whether it has levelled" },
	{ 'm', "match", "PATTERN", "only metrics whose name holds PATTERN, or matches it when it has * ? or [" },
	{ OPT_TITLE, "title", "TEXT", "what stands over a picture" },
	{ OPT_ABSOLUTE, "absolute", NULL, "a gauge with a sign is set to that value, not changed by it" },
	{ OPT_NAMES, "names", "N", "keep at most N names (default 50000)" },
	{ OPT_IDLE, "idle", "N", "forget a name that was silent for N intervals (default 1440; 0: never)" },
	{ OPT_REPEAT, "repeat", NULL, "print the last value of a silent gauge, too" },
	{ 'v', "verbose", NULL, "say what was wrong with bad lines, and a summary at the end" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli cli = {
	.prog = "gcwatch",
	.synopsis = "[-ghjPSVv] [-C addr] [-i seconds] [-l addr] [-m pattern] "
	    "[-n flushes] [-o file] [-p pid] [-r log] "
	    "[command [arg ...]]",
	.about = "watches memory, coroutines and any other metric that comes as statsd datagrams, and draws them",
	.options = options,
	.in_order = true,
};

bool
wanted(const struct settings *set, struct slice name)
{
	char text[256];

	if (set->npatterns == 0)
		return true;
	if (slice_cstr(name, text, sizeof(text)) != 0)
		return false;
	for (size_t i = 0; i < set->npatterns; i++) {
		const char *p = set->patterns[i];

		if (strpbrk(p, "*?[") != NULL ? fnmatch(p, text, 0) == 0 : strstr(text, p) != NULL)
			return true;
	}
	return false;
}

static void
add(const char *list[FILES_MAX], size_t *n, char option, const char *arg)
{
	if (*n == FILES_MAX)
		cli_usage_error(&cli, "-%c: at most %d of them", option, FILES_MAX);
	list[(*n)++] = arg;
}

static void
set_listen(struct settings *set, const char *arg)
{
	enum transport transport;

	if (set->nlisten == LISTEN_MAX)
		cli_usage_error(&cli, "-l: at most %d of them", LISTEN_MAX);
	cli_addr(&cli, "-l", arg, PORT, &set->listen[set->nlisten], &transport);
	if (transport == TRANSPORT_TCP || transport == TRANSPORT_TLS)
		cli_usage_error(&cli, "-l %s: statsd comes in datagrams, over udp: or unix:", arg);
	set->nlisten++;
}

static void
read_options(int argc, char **argv, struct settings *set)
{
	int c;

	while ((c = cli_next(&cli, argc, argv)) != -1)
		switch (c) {
		case 'l':
			set_listen(set, optarg);
			break;
		case 'i':
			set->interval = cli_duration(&cli, "-i", optarg, 100 * MSEC, 7 * 86400 * SEC);
			break;
		case 'n':
			set->flushes = cli_number(&cli, "-n", optarg, 1, INT32_MAX);
			break;
		case 'j':
			set->json = true;
			break;
		case 'g':
			set->graph = true;
			break;
		case 'p':
			set->pid = (pid_t)cli_number(&cli, "-p", optarg, 1, INT32_MAX);
			break;
		case 'o':
			if (!out_takes(optarg))
				cli_usage_error(&cli, "-o %s: the name must end in .svg, .png, .tsv or .json, or be -", optarg);
			add(set->outputs, &set->noutputs, 'o', optarg);
			break;
		case 'C':
			cli_addr(&cli, "-C", optarg, CARBON_PORT, &set->carbon, NULL);
			set->sends = true;
			break;
		case 'P':
			set->serves = true;
			break;
		case 'S':
			set->summary = true;
			break;
		case OPT_HTTP:
			cli_addr(&cli, "--http", optarg, PORT, &set->http, NULL);
			set->serves = true;
			break;
		case 'r':
			add(set->recordings, &set->nrecordings, 'r', optarg);
			break;
		case 'm':
			add(set->patterns, &set->npatterns, 'm', optarg);
			break;
		case OPT_NAMES:
			set->names = (size_t)cli_number(&cli, "--names", optarg, 1, 10000000);
			break;
		case OPT_IDLE:
			set->idle = (unsigned)cli_number(&cli, "--idle", optarg, 0, 1000000000);
			break;
		case OPT_ABSOLUTE:
			set->absolute = true;
			break;
		case OPT_REPEAT:
			set->repeat = true;
			break;
		case OPT_TITLE:
			set->title = optarg;
			break;
		case 'v':
			set->verbose = true;
			break;
		}
	if (optind < argc)
		set->command = argv + optind;
}

static void
check(struct settings *set)
{
	bool watches = set->command != NULL || set->nlisten > 0 || set->pid != 0 || set->graph || set->serves ||
	    set->sends;

	if (set->nrecordings > 0 && (watches || set->flushes > 0 || set->interval > 0))
		cli_usage_error(&cli, "-r reads a recording and watches nothing: it goes with -j, -m and -o only");
	if (set->command != NULL && set->pid != 0)
		cli_usage_error(&cli, "-p %d: either a process or a command", (int)set->pid);
	if (set->graph && !isatty(STDOUT_FILENO))
		cli_usage_error(&cli, "-g draws on a terminal, and stdout is none: use -o x.svg");
	if (set->interval == 0)
		set->interval = set->command != NULL || set->pid != 0 || set->graph ? SEC : 60 * SEC;
}

int
main(int argc, char **argv)
{
	struct settings set = { .cli = &cli, .names = NAMES, .idle = SERIES_IDLE };

	cli_descriptors();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setlocale(LC_CTYPE, "");
	read_options(argc, argv, &set);
	check(&set);
	log_init(cli.prog, set.verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN);
	return set.nrecordings > 0 ? recall(&set) : watch(&set);
}
