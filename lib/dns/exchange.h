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
	int64_t sent;         /* when the last try began, ns */
};

/* Whether it is the same question, in whatever letter case, asked in the same way. */
bool exchange_same(const struct exchange *, const struct exchange *);

enum exchange_verdict {
	EXCHANGE_ANSWERED,  /* *m is the answer */
	EXCHANGE_TRUNCATED, /* ask again over TCP */
	EXCHANGE_PLAIN,     /* the server does not understand EDNS: `plain` is set now, send again */
	EXCHANGE_NOT_MINE,  /* an answer to something else, or forged: wait on */
	EXCHANGE_MALFORMED, /* it says that it is the answer, but cannot be read; the true one may yet come: wait on */
};

/* A try begins, at `now`. */
void exchange_begin(struct exchange *, int64_t now);

/* The bytes of the question, under x->id; `to` has DNSWRITE_QUERY_MAX bytes. Returns their number. */
size_t exchange_query(const struct exchange *, uint8_t *to);

/*
 * How long to wait for an answer to the last try. `attempts` tries share timeout * attempts between them, the later
 * ones get more: what was lost is soon asked for again, and a slow server has its time.
 */
int64_t exchange_wait(const struct exchange *, int64_t timeout, unsigned attempts);

/* Looks at a datagram, or a message from a stream, that came from the server. Only EXCHANGE_ANSWERED touches *m. */
enum exchange_verdict exchange_reply(struct exchange *, struct slice data, struct dnsmsg *m, struct fault *);

#endif
