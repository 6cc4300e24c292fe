/* sipkey.h: what messages of one transaction, or of one call, have in common, as bytes to hash. */
#ifndef SIP_SIPKEY_H
#define SIP_SIPKEY_H

#include "base/buf.h"
#include "sip/sipmsg.h"

/*
 * Each appends to b. Of a request, 17.2.3: branch, sent-by and `method`, ACK counting as INVITE; or, from a client of
 * RFC 2543, whose branch lacks the magic cookie, the fields that it goes by.
 */
void sip_put_server_key(struct buf *b, const struct sipmsg *m, struct slice method);

/* Of a response, 17.1.3: branch, and method of CSeq. A client uses it for the requests that it makes, too. */
void sip_put_client_key(struct buf *b, struct slice branch, struct slice method);

/* Call-ID, tag of From, number of CSeq: a request with its copies on other ways (8.2.2.2), an INVITE with the ACK to its 2xx. */
void sip_put_call_key(struct buf *b, const struct sipmsg *m);

#endif
