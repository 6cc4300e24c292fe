/*
 * sipuri.h: sip:, sips: and tel: URIs (RFC 3261 section 19.1, RFC 3966), in place.
 */
#ifndef SIP_SIPURI_H
#define SIP_SIPURI_H

#include <stdbool.h>

#include "base/fault.h"
#include "base/slice.h"

enum sip_scheme { SIP_SCHEME_OTHER, SIP_SCHEME_SIP, SIP_SCHEME_SIPS, SIP_SCHEME_TEL };

struct sipuri {
	enum sip_scheme scheme;
	struct slice scheme_text;
	struct slice user;     /* escaped as it stands; of tel: the number; n == 0: none */
	struct slice password;
	struct slice host;     /* an IPv6 reference with its brackets; of other schemes: all that follows the colon */
	int port;              /* -1: none */
	struct slice params;   /* from the first `;` on, for sip_find_param; may be empty */
	struct slice headers;  /* behind the `?` */
};

/*
 * All of `text` is one URI. 0; -1 with *f (status 400; off from the start of text), *u untouched. An unknown scheme
 * is no fault.
 */
int sipuri_parse(struct sipuri *, struct slice text, struct fault *);

/* Takes `name=value` off headers; false at the end. */
bool sipuri_next_header(struct slice *headers, struct slice *name, struct slice *value);

/*
 * host and optional port, as in a URI and in Via's sent-by: takes them off *s. 0, or -1 with *why. *port is -1
 * without one.
 */
int sip_take_hostport(struct slice *s, struct slice *host, int *port, const char **why);

#endif
