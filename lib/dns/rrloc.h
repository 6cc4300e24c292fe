/* rrloc.h: the text of LOC (RFC 1876 3), whose order and units are not those of the wire. */
#ifndef DNS_RRLOC_H
#define DNS_RRLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/rrlex.h"

enum { RRLOC_LEN = 16 };

/* Whether these RRLOC_LEN bytes are of version 0, on Earth, and their sizes what sizes can be. */
bool rrloc_has_text(const uint8_t *);

/* Appends one that has a text: `51 30 12.748 N 0 7 39.611 W 0m 1m 10000m 10m`, spaced as kdig(1) does. */
void rrloc_put(struct buf *, const uint8_t *);

/* Reads all words. 0, or -1 with *why. */
int rrloc_parse(struct rrlex *, struct buf *wire, const char **why);

#endif
