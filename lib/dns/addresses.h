/*
 * addresses.h: the name of a host to its addresses, as getaddrinfo(3) does it with `files dns`: a literal address,
 * localhost, the hosts file, then DNS with the search list, both families at a time.
 */
#ifndef DNS_ADDRESSES_H
#define DNS_ADDRESSES_H

#include <stdint.h>

#include "base/addr.h"
#include "dns/hosts.h"
#include "dns/resolver.h"
#include "dns/search.h"

enum { ADDRESSES_MAX = 16 };

/* A look-up. Embedded in who asks. Zeroed, with `done` set, it is fit. */
struct addresses {
	/* Called once, from the loop, unless addresses_ask had the answer. It may free this, or ask again with it. */
	void (*done)(struct addresses *);
	/* the outcome; port 0 */
	struct addr list[ADDRESSES_MAX]; /* IPv4 first */
	unsigned n;
	uint8_t status;                  /* enum dns_status; of what failed when n is 0 */
	uint16_t rcode;
	/* private */
	struct resolver *resolver;
	struct search search;
	struct dns_query a, aaaa;
	unsigned pending;
};

/*
 * `family`: AF_INET, AF_INET6, or AF_UNSPEC. 1: the outcome is there already; 0: `done` will be called; -1 with *why a
 * static text: it is no name. `hosts` may be NULL.
 */
int addresses_ask(struct resolver *, struct hosts *, struct addresses *, struct slice name, int family, const char **why);

/* Forgets it. Always safe if it was zeroed once. */
void addresses_cancel(struct addresses *);

/* With n 0, in one word, as dns_status_text. */
const char *addresses_status(const struct addresses *, char *to);

#endif
