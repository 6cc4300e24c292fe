/* The command line. */
#include <err.h>
#include <getopt.h>
#include <string.h>

#include "cli.h"
#include "dns/idn.h"
#include "dnsq.h"
#include "workers.h"

enum {
	CONCURRENCY = 1000,
	CONCURRENCY_MAX = 1000000,
};

enum { OPT_LOCATE = CLI_LONG_ONLY };

static const struct cli_option option_rows[] = {
	{ '@', "server", "HOST[#PORT]", "ask this server, port 53 by default; may repeat" },
	{ 't', "type", "TYPE[,TYPE]", "record types to ask for (A)" },
	{ 'c', "concurrency", "N", "questions in flight at most (1000)" },
	{ 'r', "rate", "N", "questions a second at most" },
	{ 'T', "timeout", "SECONDS", "of an attempt, on average (2)" },
	{ 'a', "attempts", "N", "at each server before giving up (4)" },
	{ 'j', "json", NULL, "one JSON object for each question" },
	{ 's', "short", NULL, "rdata only" },
	{ 'R', "message", NULL, "the whole message" },
	{ 'x', "reverse", NULL, "input is addresses: ask for their names" },
	{ 'e', "enum", NULL, "input is telephone numbers: print their URIs" },
	{ 'E', "suffix", "DOMAIN", "of telephone numbers (e164.arpa)" },
	{ OPT_LOCATE, "locate", NULL, "input is SIP URIs or domains: print where their requests go" },
	{ 'o', "ordered", NULL, "keep the order of the input" },
	{ 'D', "dnssec", NULL, "ask for DNSSEC records" },
	{ 'n', "tcp", NULL, "TCP only" },
	{ 'k', "tls", NULL, "DNS over TLS, port 853 by default" },
	{ 'v', "verbose", NULL, "a summary on stderr at the end" },
	{ 'w', "workers", "N", "N processes share the work" },
	{ 0, NULL, NULL, NULL },
};

const struct cli dnsq_cli = {
	.prog = "dnsq",
	.synopsis = "[-hVv] [-@ server] [-t TYPE[,TYPE]] [-c concurrency] [-r rate] [-T timeout] [-a attempts] [-j|-s|-R] [-x] "
	    "[-e [-E suffix]] [--locate] [-o] [-D] [-n] [-k] [-w workers] [name ...]",
	.about = "Asks name servers many questions at once. Names come from the arguments, else from stdin, one a line.",
	.version = "poller " POLLER_DEFAULT,
	.options = option_rows,
};

static void
add_server(struct dns_conf *conf, const char *text)
{
	const char *why;

	if (conf->nservers == CONF_SERVERS)
		cli_usage_error(&dnsq_cli, "-@ %s: at most %d servers", text, CONF_SERVERS);
	if (dns_conf_add(conf, slice_of(text), &why) != 0)
		cli_usage_error(&dnsq_cli, "-@ %s: %s (a server is written ADDRESS, ADDRESS#PORT or ADDRESS:PORT)", text, why);
}

static void
set_types(struct options *o, const char *list)
{
	struct slice rest = slice_of(list), word;

	do {
		slice_cut(rest, ',', &word, &rest);
		if (o->ntypes == TYPES_MAX)
			cli_usage_error(&dnsq_cli, "-t %s: at most %d types", list, TYPES_MAX);
		if (rrtype_parse(word, &o->types[o->ntypes++]) != 0)
			cli_usage_error(&dnsq_cli, "-t %s: unknown type (known ones are A, MX, TXT and so on; any is TYPEnnn)", list);
	} while (rest.n > 0);
}

static void
set_suffix(struct options *o, const char *text)
{
	const char *why;

	if (idn_parse(slice_of(text), o->suffix, &why) < 0)
		cli_usage_error(&dnsq_cli, "-E %s: %s", text, why);
}

static void
set_format(struct options *o, enum format format, bool *chosen)
{
	if (*chosen && o->format != format)
		cli_usage_error(&dnsq_cli, "only one of -j, -s and -R can be had");
	*chosen = true;
	o->format = format;
}

/* What the command line says of all servers is kept apart: resolv.conf must not undo it. */
struct limits {
	int64_t timeout, attempts;
	bool tls;
};

static void
set_option(struct options *o, struct limits *limits, int c, const char *arg, bool *format_chosen)
{
	switch (c) {
	case '@':
		add_server(&o->resolver.conf, arg);
		break;
	case 't':
		set_types(o, arg);
		break;
	case 'c':
		o->resolver.concurrency = (unsigned)cli_number(&dnsq_cli, "-c", arg, 1, CONCURRENCY_MAX);
		break;
	case 'r':
		o->rate = (double)cli_number(&dnsq_cli, "-r", arg, 1, 100000000);
		break;
	case 'T':
		limits->timeout = cli_duration(&dnsq_cli, "-T", arg, MSEC, CONF_TIMEOUT_MAX);
		break;
	case 'a':
		limits->attempts = cli_number(&dnsq_cli, "-a", arg, 1, CONF_ATTEMPTS_MAX);
		break;
	case 'j':
		set_format(o, FORMAT_JSON, format_chosen);
		break;
	case 's':
		set_format(o, FORMAT_SHORT, format_chosen);
		break;
	case 'R':
		set_format(o, FORMAT_MESSAGE, format_chosen);
		break;
	case 'x':
		o->reverse = true;
		break;
	case 'e':
		o->by_number = true;
		break;
	case OPT_LOCATE:
		o->locate = true;
		break;
	case 'E':
		set_suffix(o, arg);
		break;
	case 'o':
		o->in_order = true;
		break;
	case 'D':
		o->dnssec = true;
		break;
	case 'n':
		o->resolver.stream = true;
		break;
	case 'k':
		limits->tls = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case 'w':
		o->workers = (int)cli_number(&dnsq_cli, "-w", arg, 1, WORKERS_MAX);
		break;
	}
}

/* @server among the names, as dig(1) takes it. */
static void
take_servers(struct dns_conf *conf, char **names)
{
	char **to = names;

	for (; *names != NULL; names++) {
		if ((*names)[0] == '@')
			add_server(conf, *names + 1);
		else
			*to++ = *names;
	}
	*to = NULL;
}

static void
check_options(struct options *o, const char *suffix)
{
	if (o->reverse && o->by_number)
		cli_usage_error(&dnsq_cli, "only one of -x and -e can be had");
	if (o->locate && (o->reverse || o->by_number))
		cli_usage_error(&dnsq_cli, "only one of %s and --locate can be had", o->reverse ? "-x" : "-e");
	if (o->locate && (o->ntypes > 0 || o->format == FORMAT_MESSAGE))
		cli_usage_error(&dnsq_cli, "%s does not go with --locate", o->ntypes > 0 ? "-t" : "-R");
	if (suffix != NULL && !o->by_number)
		cli_usage_error(&dnsq_cli, "-E %s goes only with -e", suffix);
	if (o->by_number && o->ntypes > 0)
		cli_usage_error(&dnsq_cli, "-t does not go with -e");
	if (o->by_number && o->format == FORMAT_MESSAGE)
		cli_usage_error(&dnsq_cli, "-R does not go with -e");
	if (o->workers > 0 && (o->in_order || o->format == FORMAT_MESSAGE))
		cli_usage_error(&dnsq_cli, "%s does not go with -w", o->in_order ? "-o" : "-R");
	if (o->ntypes == 0)
		o->types[o->ntypes++] = o->reverse ? RRTYPE_PTR : RRTYPE_A;
}

char **
options_read(struct options *o, int argc, char **argv)
{
	struct limits limits = { 0 };
	const char *suffix = NULL;
	bool format_chosen = false;
	int c;

	dns_conf_init(&o->resolver.conf);
	o->resolver.concurrency = CONCURRENCY;
	set_suffix(o, "e164.arpa");
	while ((c = cli_next(&dnsq_cli, argc, argv)) != -1) {
		if (c == 'E')
			suffix = optarg;
		set_option(o, &limits, c, optarg, &format_chosen);
	}
	argv += optind;
	take_servers(&o->resolver.conf, argv);
	check_options(o, suffix);
	/* several servers that the user named are equals; those of resolv.conf are in order */
	if (o->resolver.conf.nservers > 0)
		o->resolver.conf.rotate = true;
	else if (dns_conf_load(&o->resolver.conf, NULL) != 0)
		err(1, "resolv.conf");
	if (limits.tls)
		dns_conf_use_tls(&o->resolver.conf);
	if (limits.timeout > 0)
		o->resolver.conf.timeout = limits.timeout;
	if (limits.attempts > 0)
		o->resolver.conf.attempts = (unsigned)limits.attempts;
	return argv;
}
