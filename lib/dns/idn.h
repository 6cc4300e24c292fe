/*
 * idn.h: names as people write them, in any script, to the names of DNS: A-labels (RFC 5890, 5891; mapped as UTS #46
 * has it). A name of ASCII alone is what name_parse makes of it.
 */
#ifndef DNS_IDN_H
#define DNS_IDN_H

#include <stdint.h>

#include "base/slice.h"

/* As name_parse; the text is UTF-8. */
int idn_parse(struct slice text, uint8_t *wire, const char **why);

#endif
