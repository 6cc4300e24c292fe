/*
 * sipmsg.h: the door of SIP: a datagram to a checked message (RFC 3261 section 7 and 25), in place. What sip_parse
 * let through has a well-formed start line, every mandatory field once and well-formed, and a body within the
 * datagram; nothing behind it checks that again.
 */
#ifndef SIP_SIPMSG_H
#define SIP_SIPMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/slice.h"
#include "sip/field.h"

/* The fields that we look at, and those that have a compact form (20, table 7.3.3). */
enum sip_field {
	SIP_OTHER,
	SIP_VIA,
	SIP_FROM,
	SIP_TO,
	SIP_CALL_ID,
	SIP_CSEQ,
	SIP_MAX_FORWARDS,
	SIP_CONTACT,
	SIP_CONTENT_LENGTH,
	SIP_CONTENT_TYPE,
	SIP_CONTENT_ENCODING,
	SIP_RECORD_ROUTE,
	SIP_ROUTE,
	SIP_SUBJECT,
	SIP_SUPPORTED,
	SIP_EVENT,
	SIP_ALLOW_EVENTS,
	SIP_REFER_TO,
	SIP_REFERRED_BY,
	SIP_SESSION_EXPIRES,
	SIP_REQUIRE,
	SIP_TIMESTAMP,
	SIP_EXPIRES,
	SIP_DATE,
	SIP_FIELDS
};

enum { SIP_HEADERS_MAX = 128, SIP_DEFAULT_PORT = 5060, SIP_TLS_PORT = 5061 };

/* A header field: where its name and its trimmed value stand in the message. Folds are still in the value. */
struct sip_header {
	uint16_t name, value;
	uint16_t namelen, valuelen;
	uint8_t field; /* enum sip_field */
};

struct sipmsg {
	struct slice packet;      /* borrowed: all slices point into it */
	bool request;
	struct slice method, uri; /* of a request */
	uint8_t scheme;           /* of its uri, enum sip_scheme */
	int status;               /* of a response */
	struct slice reason;
	struct slice call_id, body;
	struct sip_via via;       /* the topmost */
	struct sip_nameaddr from, to;
	struct sip_cseq cseq;
	int max_forwards;         /* -1: none */
	bool answerable;          /* a request with a Via, fit to be copied into a response, whatever else is wrong or missing */
	int nheaders;
	struct sip_header headers[SIP_HEADERS_MAX];
};

/*
 * Reads a datagram. 0; or -1 with *f: what is wrong first, and the status to refuse a request with (0: it is no SIP
 * at all); *m then holds what could be read, and m->answerable tells whether a response can be made. `p` is borrowed
 * by *m.
 */
int sip_parse(struct sipmsg *m, const char *p, size_t n, struct fault *f);

/* Nothing but line ends: a keep-alive (RFC 5626 4.4.1), not a message. */
bool sip_is_keepalive(const char *p, size_t n);

struct slice sip_header_name(const struct sipmsg *, const struct sip_header *);
struct slice sip_header_value(const struct sipmsg *, const struct sip_header *);

/* The first field of that kind at or behind headers[from]; NULL: none. The index for the next search is its own + 1. */
const struct sip_header *sip_find(const struct sipmsg *, enum sip_field, int from);

/* The same by name, long or compact, in any case. */
const struct sip_header *sip_find_name(const struct sipmsg *, struct slice name, int from);

/* Which field a name means; SIP_OTHER when it is none of ours. */
enum sip_field sip_field_of(struct slice name);

/*
 * Makes *copy the message m over a copy of its packet: `to` has m->packet.n bytes and gets them; *copy has room for
 * m->nheaders headers at least (SIPMSG_SIZE).
 */
void sip_copy(struct sipmsg *copy, const struct sipmsg *m, char *to);
#define SIPMSG_SIZE(nheaders) (offsetof(struct sipmsg, headers) + (size_t)(nheaders) * sizeof(struct sip_header))

#endif
