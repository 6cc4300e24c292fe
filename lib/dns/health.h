/*
 * health.h: what is known of a name server, and whom to ask by it: the smoothed round-trip time, whether it has gone
 * silent, and what it does not know how to do. No I/O; the time is told to it. Times are ns.
 */
#ifndef DNS_HEALTH_H
#define DNS_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/exchange.h"

struct health {
	int64_t srtt;           /* 0: never heard of */
	int64_t answered;       /* when it did so last */
	int64_t tried;          /* the same, or when it was tried out */
	unsigned silent;        /* tries in a row without an answer */
	int64_t down_until;     /* not before, once it is down */
	int64_t pause;          /* before it is tried out again: doubles each time */
	int64_t plain_until;    /* it does not understand EDNS */
	bool folds_case;        /* it does not give a name back as it was asked */
	struct dns_cookie cookie;
};

/* The cookie is the client's part for this server: of no use to others, and different after each start. */
void health_init(struct health *, const struct addr *server);

/* rtt < 0: not known. */
void health_answer(struct health *, int64_t now, int64_t rtt);

/* A try had no answer. */
void health_silence(struct health *, int64_t now);

/* It answered FORMERR or so to EDNS. */
void health_plain(struct health *, int64_t now);

bool health_is_down(const struct health *);

/*
 * Whether it is time to try it out with a question that nobody waits for: it is down and its pause is over, or,
 * unless others share the load anyway (`rotating`), nothing was heard of it for long. If so, it counts as tried.
 */
bool health_try_out(struct health *, int64_t now, bool rotating);

/*
 * Whom of n to ask first. Rotating: `from`, or the next that is not down. Else the first in order of those that are
 * not down and not much slower than the fastest. With all down, as if none were.
 */
unsigned health_choose(const struct health *, unsigned n, unsigned from, bool rotating);

/* Whom to ask after `last`: the next that is not down, `last` itself if need be; with all down, the next. */
unsigned health_next(const struct health *, unsigned n, unsigned last);

#endif
