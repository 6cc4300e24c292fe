#include "sipd.h"
#include "workers.h"

#include <unistd.h>

enum { OPT_SYSLOG = CLI_LONG_ONLY };

const struct cli_option sipd_options[] = {
	{ 'l', "listen", "ADDRESS", "where to listen, [udp:|tcp:|tls:]HOST:PORT; may be given more than once; default: port 5060 of every address" },
	{ '@', "dns", "SERVER", "ask this name server; may be given more than once; default: those of resolv.conf" },
	{ 'd', "directory", "DIR", "change to DIR before the script is read" },
	{ 'n', "check", NULL, "run the script's top level and check the options, then exit: 0, or 2" },
	{ 's', "statsd", "HOST:PORT", "send gauges there once a second; default: COOP_STATSD" },
	{ 'u', "user", "USER", "become USER before the script is read" },
	{ 'v', "verbose", NULL, "log every request" },
	{ 'w', "workers", "N", "serve in N processes, which share the ports" },
	{ OPT_SYSLOG, "syslog", NULL, "log to syslog in place of stderr" },
	{ 0, NULL, NULL, NULL },
};

int
place_parse(struct slice text, struct place *p, const char **why)
{
	bool tls = text.n > 4 && slice_eq((struct slice){ text.p, 4 }, SLICE("tls:"));

	if (addr_parse(text, tls ? SIP_TLS_PORT : SIP_DEFAULT_PORT, &p->addr, &p->transport, why) == -1)
		return -1;
	if (p->transport != TRANSPORT_UNIX && p->addr.u.sa.sa_family != AF_UNIX)
		return 0;
	*why = "sipd listens on udp, tcp and tls only";
	return -1;
}

static void
add_listen(struct settings *set, const struct cli *cli, const char *arg)
{
	struct places *list = &set->listen;
	const char *why;

	if (list->n == LISTEN_MAX)
		cli_usage_error(cli, "more than %d addresses to listen on", LISTEN_MAX);
	if (place_parse(slice_of(arg), &list->at[list->n], &why) == -1)
		cli_usage_error(cli, "-l %s: %s (an address is written [udp:|tcp:|tls:]HOST:PORT, or [::1]:PORT)", arg, why);
	list->n++;
}

static void
add_server(struct settings *set, const struct cli *cli, const char *arg)
{
	const char *why;

	if (set->dns.nservers == CONF_SERVERS)
		cli_usage_error(cli, "more than %d name servers", CONF_SERVERS);
	if (dns_conf_add(&set->dns, slice_of(arg), &why) == -1)
		cli_usage_error(cli, "-@ %s: %s", arg, why);
}

void
settings_read(struct settings *set, const struct cli *cli, int argc, char **argv)
{
	int c;

	*set = (struct settings){ .listen.n = 0 };
	dns_conf_init(&set->dns);
	while ((c = cli_next(cli, argc, argv)) != -1)
		switch (c) {
		case 'l':
			add_listen(set, cli, optarg);
			break;
		case '@':
			add_server(set, cli, optarg);
			break;
		case 'd':
			set->directory = optarg;
			break;
		case 'n':
			set->check = true;
			break;
		case 's':
			set->statsd = optarg;
			break;
		case 'u':
			set->user = optarg;
			break;
		case 'v':
			set->verbose = true;
			break;
		case 'w':
			set->workers = (int)cli_number(cli, "-w", optarg, 1, WORKERS_MAX);
			break;
		case OPT_SYSLOG:
			set->syslog = true;
			break;
		}
	if (argc - optind > 1)
		cli_usage_error(cli, "one script only: %s is one too many", argv[optind + 1]);
	set->script = argv[optind];
}
