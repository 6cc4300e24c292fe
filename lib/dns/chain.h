/*
 * chain.h: the records of an answer that belong to its question: those at the name that was asked for, and at those to
 * which its aliases lead, in whatever order they stand; and the DNAMEs and signatures above them. What else a server
 * puts there was not asked for.
 */
#ifndef DNS_CHAIN_H
#define DNS_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/dnsmsg.h"

enum { CHAIN_MAX = 32 }; /* names; a longer chain ends there, as a loop does */

struct dns_chain {
	struct dnswalk walk;
	/* private */
	uint16_t names[CHAIN_MAX]; /* where they stand in the message: the question's, the aliases' */
	unsigned n;
};

/* Starts a walk. `m` must stay as long. */
void dns_chain(struct dns_chain *, const struct dnsmsg *m);

/* The next record that belongs; false at the end. */
bool dns_chain_next(struct dns_chain *, struct dnsrr *);

#endif
