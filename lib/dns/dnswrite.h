/*
 * dnswrite.h: writes DNS messages. A query, the common case, in one go; any message piece by piece into a buffer,
 * names compressed (RFC 1035 4.1.4).
 */
#ifndef DNS_DNSWRITE_H
#define DNS_DNSWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/dnsmsg.h"
#include "dns/name.h"

/* The longest query that dnswrite_query makes: header, name, type and class, OPT. */
enum { DNSWRITE_QUERY_MAX = DNS_HEADER + NAME_MAX_WIRE + 4 + 11 };

/*
 * One question. `to` has DNSWRITE_QUERY_MAX bytes. edns_size 0: no OPT; edns_flags: EDNS_DO or 0. Returns the length.
 */
size_t dnswrite_query(uint8_t *to, uint16_t id, uint16_t flags, const uint8_t *name, size_t namelen, uint16_t type, uint16_t class,
    uint16_t edns_size, uint16_t edns_flags);

/* A message being written. */
struct dnswriter {
	struct buf *buf;
	size_t start;        /* of the message in buf */
	uint16_t counts[DNS_SECTIONS];
	uint16_t names[64];  /* where names begin that others can point at */
	unsigned nnames;
};

/* Begins a message at the end of `b`. Its failures are sticky there. */
void dnswrite_begin(struct dnswriter *, struct buf *b, uint16_t id, uint16_t flags);

void dnswrite_question(struct dnswriter *, const uint8_t *name, uint16_t type, uint16_t class);

/* A record; `rdata` is uncompressed and was checked (rr_check, rr_parse) for its type. Sections in their order. */
void dnswrite_rr(struct dnswriter *, enum dnssection, const uint8_t *name, uint16_t type, uint16_t class, uint32_t ttl,
    struct slice rdata);

/*
 * Fills in the counts. 0; -1: no memory, or longer than 65535 bytes; the buffer is then as it was before
 * dnswrite_begin.
 */
int dnswrite_end(struct dnswriter *);

#endif
