/* conf.h: whom to ask: resolv.conf(5), and name servers as people write them. */
#ifndef DNS_CONF_H
#define DNS_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"

enum { CONF_SERVERS = 16, CONF_ATTEMPTS_MAX = 20 };

#define CONF_TIMEOUT_MAX (3600 * SEC)

struct dns_conf {
	struct addr servers[CONF_SERVERS];
	unsigned nservers;
	int64_t timeout;   /* of one attempt, ns */
	unsigned attempts; /* at each server */
	bool rotate;       /* begin with each server in turn, not always with the first */
};

/* No servers; 2 seconds, 4 attempts. */
void dns_conf_init(struct dns_conf *);

/*
 * Reads nameserver, and of the options timeout, attempts and rotate; what it does not know or cannot read is skipped,
 * as resolv.conf(5) has it. `path` NULL: COOP_RESOLV_CONF from the environment, else /etc/resolv.conf. Without a file
 * or a server in it: 127.0.0.1 and ::1, port 53. 0, or -1 with errno when there is a file that cannot be read.
 */
int dns_conf_load(struct dns_conf *, const char *path);

/* The same from text. Servers are added to those that are there, up to CONF_SERVERS. */
void dns_conf_parse(struct dns_conf *, struct slice text);

/* HOST, HOST#PORT, HOST:PORT, [::1]:PORT, ::1, ::1#PORT; port 53 by default. 0, or -1 with *why a static text. */
int dns_server_parse(struct slice, struct addr *, const char **why);

#endif
