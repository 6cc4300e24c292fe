/* sipd.h: what the rooms of sipd share. */
#ifndef SIPD_H
#define SIPD_H

#include "cli.h"
#include "dns/conf.h"
#include "lua/lsip.h"
#include "stat/gauge.h"

enum { LISTEN_MAX = 16 };

/* Requests in work at once, unless the script says otherwise; each takes a few kilobytes. */
enum { SIPD_MAX_REQUESTS = 200000 };

/* How long one may compute without waiting once, in seconds, unless the script says otherwise. */
#define SIPD_MAX_CPU 5.0

/* Where to listen. TRANSPORT_NONE: nobody said how, which means UDP. */
struct place {
	struct addr addr;
	enum transport transport;
};

struct places {
	struct place at[LISTEN_MAX];
	int n;
};

/* From the command line. */
struct settings {
	struct places listen;
	struct dns_conf dns;      /* nservers 0: those of resolv.conf */
	const char *statsd, *directory, *user;
	const char *script;       /* NULL: the default service */
	bool check, verbose, syslog;
	int workers, worker;      /* how many, and which of them this is; 0: there are none */
};

struct sipd {
	const struct settings *set;
	struct sched sched;
	struct runtime *rt;
	struct lsip_server server;
	struct siptransport *transports[LISTEN_MAX];
	int ntransports;
	struct tls *tls;          /* of the script's option of that name; NULL: none */
	unsigned reading;         /* which reading of the script is the latest: an earlier one that takes longer is out of date */
	bool failed;              /* the script or a listener is no good */
};

void settings_read(struct settings *, const struct cli *, int argc, char **argv);

/* Reads an address; -1 with *why. */
int place_parse(struct slice text, struct place *, const char **why);

/*
 * The first coroutine's body, with the struct sipd as its argument: runs the script, then listens (or, with -n, stops
 * the loop). What fails is logged, sets d->failed and stops the loop.
 */
int script_start(lua_State *L);

/* The same, for a script that has changed: one that is no good changes nothing. Where to listen is not looked at. */
int script_reload(lua_State *L);

/* For gauge_start: the gauges of the struct sipd. */
void gauges_put(void *d, struct gauge *);

/* The script that is built in: made from default.lua. */
extern const unsigned char default_lua[];
extern const unsigned long default_lua_len;

#endif
