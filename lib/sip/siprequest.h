/* siprequest.h: requests that are made of others: ACK and CANCEL, which go the way of their INVITE. */
#ifndef SIP_SIPREQUEST_H
#define SIP_SIPREQUEST_H

#include "base/buf.h"
#include "sip/sipmsg.h"

/* Appends the ACK for a response of 300 to 699 to that INVITE (RFC 3261 section 17.1.1.3). */
void sip_print_ack(struct buf *, const struct sipmsg *invite, const struct sipmsg *response);

/* Appends the CANCEL of that INVITE (9.1). */
void sip_print_cancel(struct buf *, const struct sipmsg *invite);

#endif
