#include "sipd.h"

#include <unistd.h>

enum { OPT_SYSLOG = CLI_LONG_ONLY };

const struct cli_option sipd_options[] = {
	{ 'l', "listen", "ADDRESS", "where to listen, [udp:|tcp:]HOST:PORT; may be given more than once; default: port 5060 of every address" },
	{ '@', "dns", "SERVER", "ask this name server; may be given more than once; default: those of resolv.conf" },
	{ 'd', "directory", "DIR", "change to DIR before the script is read" },
	{ 'n', "check", NULL, "run the script's top level and check the options, then exit: 0, or 2" },
	{ 's', "statsd", "HOST:PORT", "send gauges there once a second; default: COOP_STATSD" },
	{ 'u', "user", "USER", "become USER before the script is read" },
	{ 'v', "verbose", NULL, "log every request" },
	{ OPT_SYSLOG, "syslog", NULL, "log to syslog in place of stderr" },
	{ 0, NULL, NULL, NULL },
};

bool
place_ok(const struct place *p)
{
	return p->transport == TRANSPORT_NONE || p->transport == TRANSPORT_UDP || p->transport == TRANSPORT_TCP;
}

static void
add_listen(struct settings *set, const struct cli *cli, const char *arg)
{
	struct place *p = &set->listen[set->nlisten];

	if (set->nlisten == LISTEN_MAX)
		cli_usage_error(cli, "more than %d addresses to listen on", LISTEN_MAX);
	cli_addr(cli, "-l", arg, SIP_DEFAULT_PORT, &p->addr, &p->transport);
	if (!place_ok(p))
		cli_usage_error(cli, "-l %s: sipd listens on udp and tcp only", arg);
	set->nlisten++;
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

	*set = (struct settings){ .nlisten = 0 };
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
		case OPT_SYSLOG:
			set->syslog = true;
			break;
		}
	if (argc - optind > 1)
		cli_usage_error(cli, "one script only: %s is one too many", argv[optind + 1]);
	set->script = argv[optind];
}
