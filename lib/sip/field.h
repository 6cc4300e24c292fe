/*
 * field.h: the header fields that a server looks into, typed, in place: Via, the addresses in From, To and Contact,
 * CSeq.
 */
#ifndef SIP_FIELD_H
#define SIP_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* via-parm (RFC 3261 20.42, RFC 3581). */
struct sip_via {
	struct slice transport;
	struct slice host;      /* of sent-by */
	int port;               /* of sent-by; -1: none */
	struct slice sent_by;   /* host and port as they stand */
	struct slice branch;    /* n == 0: none */
	struct slice received, maddr;
	struct slice text;      /* the whole of it, without what follows the comma */
	bool rport;             /* asks for symmetric answers */
	const char *rport_end;  /* where its name ends, to write `=port` behind it; NULL if it has a value already */
};

/* name-addr or addr-spec with what follows it (20.10, 20.20, 20.39). */
struct sip_nameaddr {
	struct slice display;   /* quotes included */
	struct slice uri;       /* without <> */
	struct slice params;    /* of the field, from the first `;` */
	struct slice tag;       /* n == 0: none */
};

struct sip_cseq {
	uint32_t number;
	struct slice method;
};

/* Each reads a whole field value. 0; or -1 with *why, *out untouched. */

/* The topmost of the Vias in the value. */
int sip_parse_via(struct slice value, struct sip_via *out, const char **why);
int sip_parse_nameaddr(struct slice value, struct sip_nameaddr *out, const char **why);
int sip_parse_cseq(struct slice value, struct sip_cseq *out, const char **why);

#endif
