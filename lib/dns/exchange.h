/*
 * exchange.h: one question to one server, as a machine with no I/O of its own. It gives the bytes to send and the
 * time until when to wait, is shown what came back, and says what that means. Who sends and waits is the owner's
 * affair.
 */
#ifndef DNS_EXCHANGE_H
#define DNS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "dns/dnsmsg.h"
#include "dns/dnswrite.h"

/* The largest answer over UDP that is asked for (RFC 6891; DNS flag day 2020). */
enum { EXCHANGE_EDNS_SIZE = 1232 };

/* RFC 7873: what only a server that heard us, and we, know. */
struct dns_cookie {
	uint8_t client[8];
	uint8_t nserver;       /* 0: the server has not given its part yet */
	uint8_t server[32];
};

/* The longest query. */
enum {
	EXCHANGE_BLOCK = 128,
	EXCHANGE_QUERY_MAX = DNSWRITE_QUERY_MAX + 4 + 8 + 32 + 4 + EXCHANGE_BLOCK,
};

struct exchange {
	/* the question: set by the owner */
	const uint8_t *name;  /* wire form, borrowed */
	uint8_t namelen;
	uint16_t type, class;
	bool no_recursion;    /* RD is not set */
	bool checking_disabled;
	bool dnssec;          /* DO is set */
	/* state */
	bool plain;           /* without EDNS */
	bool stream;          /* over TCP: TC means nothing there */
	uint8_t tries;        /* begun so far */
	uint16_t id;          /* chosen by who sends it */
	uint32_t mix;         /* bits by which the case of letters is changed in the question; 0: not at all */
	struct dns_cookie *cookie; /* of the server, borrowed; NULL: none is sent. Not without EDNS */
	bool pad;             /* the query to a multiple of EXCHANGE_BLOCK bytes (RFC 7830, 8467). Not without EDNS */
	bool cookie_again;    /* a try ended with BADCOOKIE */
	bool miscased;        /* the answer had the question in another case than asked */
	int64_t sent;         /* when the last try began, ns */
};

/* Whether it is the same question, in whatever letter case, asked in the same way. */
bool exchange_same(const struct exchange *, const struct exchange *);

enum exchange_verdict {
	EXCHANGE_ANSWERED,  /* *m is the answer */
	EXCHANGE_TRUNCATED, /* ask again over TCP */
	EXCHANGE_COOKIE,    /* the server wants the cookie that it has just given: send again */
	EXCHANGE_MISCASED,  /* right but for the case of the question: forged, or the server does not keep it; wait on */
	EXCHANGE_PLAIN,     /* the server does not understand EDNS: `plain` is set now, send again */
	EXCHANGE_NOT_MINE,  /* an answer to something else, or forged: wait on */
	EXCHANGE_MALFORMED, /* it says that it is the answer, but cannot be read; the true one may yet come: wait on */
};

/* A try begins, at `now`. */
void exchange_begin(struct exchange *, int64_t now);

/* The bytes of the question, under x->id; `to` has EXCHANGE_QUERY_MAX bytes. Returns their number. */
size_t exchange_query(const struct exchange *, uint8_t *to);

/*
 * How long to wait for an answer to the last try. `attempts` tries share timeout * attempts between them, the later
 * ones get more: what was lost is soon asked for again, and a slow server has its time.
 */
int64_t exchange_wait(const struct exchange *, int64_t timeout, unsigned attempts);

/*
 * Looks at a datagram, or a message from a stream, that came from the server. Only EXCHANGE_ANSWERED touches *m. The
 * server's part of the cookie is kept; an answer with another client's part, or with none though the server once gave
 * its own, is not ours (RFC 7873 section 5.3).
 */
enum exchange_verdict exchange_reply(struct exchange *, struct slice data, struct dnsmsg *m, struct fault *);

#endif
