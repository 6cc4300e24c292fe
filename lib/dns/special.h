/* special.h: questions that no server is asked: those for localhost and the names below it (RFC 6761 section 6.3). */
#ifndef DNS_SPECIAL_H
#define DNS_SPECIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/exchange.h"

/*
 * Puts the answer to such a question into the empty buffer, the loopback address or that there is nothing of its type,
 * and which of them into *status (status.h). False: a server is to be asked, or there is no memory.
 */
bool special_answer(const struct exchange *, struct buf *, uint8_t *status);

#endif
