/* edns.h: the OPT record of a message as text, in dig(1)'s manner (RFC 6891, and those of its options). */
#ifndef DNS_EDNS_H
#define DNS_EDNS_H

#include "base/buf.h"
#include "dns/dnsmsg.h"

/* Appends the pseudo section of a message that has an OPT record, a line for each option; for another nothing. */
void edns_put(struct buf *, const struct dnsmsg *);

#endif
