/* sipprint.h: responses to requests (RFC 3261 section 8.2.6). */
#ifndef SIP_SIPPRINT_H
#define SIP_SIPPRINT_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/buf.h"
#include "sip/sipmsg.h"

/* The reason phrase of a status (section 21), "Unknown" for one that has none. */
const char *sip_reason(int status);

/* What a response adds to what it copies from the request. */
struct sip_answer {
	int status;
	struct slice reason;   /* n == 0: sip_reason(status) */
	struct slice to_tag;   /* put behind To unless that has a tag; not in a 100 */
	struct slice headers;  /* whole lines with their CRLF; n == 0: none */
	struct slice body;
	bool until_ack;        /* a 2xx to an INVITE: sent again until its ACK comes (13.3.1.4). A proxy leaves that to the callee */
};

/*
 * Appends the response to request m, which came from `source`. Via, From, To, Call-ID, CSeq and, where dialogs need
 * it, Record-Route are copied; the topmost Via gets received and rport (18.2.1, RFC 3581 section 4); Content-Length
 * is added. m must be answerable.
 */
void sip_print_response(struct buf *, const struct sipmsg *m, const struct addr *source, const struct sip_answer *);

/* Whether that response to m may begin a dialog, and so repeats the way the request came (12.1.1; RFC 6665, RFC 3515). */
bool sip_makes_dialog(const struct sipmsg *m, int status);

/*
 * Where the response goes (18.2.2, RFC 3581 section 4): maddr, else the address the request came from, with its port
 * if rport was asked for, else with that of sent-by.
 */
void sip_response_target(const struct sipmsg *m, const struct addr *source, struct addr *target);

/*
 * Where it goes when the connection has ended on which the request came: where its sender listens (18.2.2). The port
 * of the connection is no such place.
 */
void sip_response_listener(const struct sipmsg *m, const struct addr *source, struct addr *target);

#endif
