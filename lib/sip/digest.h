/* digest.h: digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760): MD5 and SHA-256, with qop=auth or none. */
#ifndef SIP_DIGEST_H
#define SIP_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA256 };

/* The value of WWW-Authenticate or Proxy-Authenticate, in place; texts as they stand, quotes included. */
struct digest_challenge {
	enum digest_algorithm algorithm;
	bool session;               /* -sess */
	bool auth;                  /* qop=auth is offered; else it is as RFC 2069 had it */
	bool stale;                 /* the nonce was too old, not the password wrong */
	struct slice realm, nonce;
	struct slice opaque;        /* n == 0: none */
	struct slice algorithm_text;
};

/* 0; -1 with *why: no Digest, an algorithm or a qop that we do not know, no realm or nonce. */
int digest_parse_challenge(struct slice value, struct digest_challenge *, const char **why);

/* Who answers, and for what. */
struct digest_answer {
	struct slice user, password; /* as they are, without quotes */
	struct slice method, uri;
	struct slice cnonce;         /* of hexadecimal digits; used with qop and -sess */
	uint32_t count;              /* how often this nonce has been used, from 1 */
};

/* Appends the value of Authorization or Proxy-Authorization. 0; -1: the library has not that hash; look at b->failed, too. */
int digest_put_answer(struct buf *b, const struct digest_challenge *, const struct digest_answer *);

enum { DIGEST_HEX_MAX = 65 };

/* Only the response: hexadecimal digits and a NUL. 0, or -1 as above. */
int digest_response(const struct digest_challenge *, const struct digest_answer *, char hex[DIGEST_HEX_MAX]);

#endif
