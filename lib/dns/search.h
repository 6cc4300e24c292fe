/*
 * search.h: the names that a short name may stand for, by the search list of resolv.conf(5): one that has as many dots
 * as `ndots` says is tried as it is first, another last; one that ends in a dot is tried as it is alone.
 */
#ifndef DNS_SEARCH_H
#define DNS_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/conf.h"
#include "dns/name.h"
#include "dns/status.h"

struct search {
	uint8_t name[NAME_MAX_WIRE]; /* to be tried now, in wire form */
	uint8_t namelen;
	/* private */
	const struct dns_conf *conf;
	size_t at;                   /* in the list */
	uint8_t stem[NAME_MAX_WIRE];
	uint8_t stemlen;
	bool as_it_is;               /* was not yet */
	bool absolute;
	bool nodata, servfail;       /* seen on the way */
};

/* Begins, with the first name. `conf` must stay. 0, or -1 with *why a static text when it is no name (idn.h). */
int search_begin(struct search *, const struct dns_conf *conf, struct slice text, const char **why);

/*
 * What became of the name. True: the next one is to be tried. False: the search is over, and *status (and *rcode) are
 * what is to be said of it as a whole.
 */
bool search_on(struct search *, uint8_t *status, uint16_t *rcode);

#endif
