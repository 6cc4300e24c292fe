/* conf.h: whom to ask: resolv.conf(5), and name servers as people write them. */
#ifndef DNS_CONF_H
#define DNS_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/slice.h"

enum { CONF_SERVERS = 16, CONF_ATTEMPTS_MAX = 20, CONF_SEARCH_BYTES = 2048, CONF_NDOTS_MAX = 15, CONF_NAME = 254 };

#define CONF_TIMEOUT_MAX (3600 * SEC)

/*
 * DNS over TLS (RFC 7858) with a server. Without a name its certificate is not looked at: who only listens hears
 * nothing, but who stands between can answer.
 */
struct dns_tls {
	bool on;
	char name[CONF_NAME];  /* whom the certificate must be of; "": none */
};

struct dns_conf {
	struct addr servers[CONF_SERVERS];
	struct dns_tls tls[CONF_SERVERS];
	unsigned nservers;
	int64_t timeout;   /* of one attempt, ns */
	unsigned attempts; /* at each server */
	bool rotate;       /* begin with each server in turn, not always with the first */
	bool use_vc;       /* TCP only */
	bool no_aaaa;      /* host names have no IPv6 addresses */
	unsigned ndots;    /* a name with fewer dots is looked for in the search list first */
	uint8_t search[CONF_SEARCH_BYTES]; /* wire names, one behind the other */
	size_t nsearch;    /* bytes */
};

/* No servers; 2 seconds, 4 attempts, 1 dot. */
void dns_conf_init(struct dns_conf *);

/*
 * Reads nameserver, search, domain, and of the options attempts, ndots, no-aaaa, rotate, timeout and use-vc; what it
 * does not know or cannot read is skipped, as resolv.conf(5) has it. LOCALDOMAIN and RES_OPTIONS from the environment
 * have the last word. `path` NULL: dns_conf_path. Without a file or a server in it: 127.0.0.1 and ::1, port 53;
 * without a search list: the domain of the host's own name. 0, or -1 with errno when there is a file that cannot be
 * read.
 */
int dns_conf_load(struct dns_conf *, const char *path);

/* COOP_RESOLV_CONF from the environment, else /etc/resolv.conf. */
const char *dns_conf_path(void);

/* The same from text. Servers are added to those that are there, up to CONF_SERVERS. */
void dns_conf_parse(struct dns_conf *, struct slice text);

/* Makes the search list of words between blanks; those that are no names, or too many, are left out. */
void dns_conf_search(struct dns_conf *, struct slice words);

/*
 * Adds a server as people write it: what dns_server_parse reads, or with tls: in front, port 853 by default, and
 * perhaps /NAME behind. 0, or -1 with *why a static text.
 */
int dns_conf_add(struct dns_conf *, struct slice, const char **why);

/* All servers by TLS; those that are at port 53 are asked at port 853. */
void dns_conf_use_tls(struct dns_conf *);

/* HOST, HOST#PORT, HOST:PORT, [::1]:PORT, ::1, ::1#PORT; port 53 by default. 0, or -1 with *why a static text. */
int dns_server_parse(struct slice, struct addr *, const char **why);

#endif
