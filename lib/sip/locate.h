/*
 * locate.h: where a SIP URI's requests go (RFC 3263): transport, addresses and ports in the order in which they are to
 * be tried, by NAPTR, SRV with priorities and weights, A and AAAA. What a zone says is not trusted: the number of
 * look-ups and of places is bounded.
 */
#ifndef SIP_LOCATE_H
#define SIP_LOCATE_H

#include "base/addr.h"
#include "dns/hosts.h"
#include "dns/name.h"
#include "dns/resolver.h"
#include "sip/sipuri.h"

enum { LOCATE_PLACES = 32, LOCATE_STEPS = 32, LOCATE_QUERIES = 40 };

/* Transports that the asker knows how to use: 1 << TRANSPORT_UDP and so on. */
#define LOCATE_UDP (1u << TRANSPORT_UDP)
#define LOCATE_TCP (1u << TRANSPORT_TCP)
#define LOCATE_TLS (1u << TRANSPORT_TLS)

struct locate_place {
	struct addr addr;
	uint8_t transport;       /* enum transport */
	uint8_t host;            /* whose address it is: an index of locate_host */
};

/* A look-up that is still to be made. */
struct locate_step {
	uint16_t type;           /* RRTYPE_NAPTR, RRTYPE_SRV, RRTYPE_A, RRTYPE_AAAA */
	uint16_t port;           /* of what is found; 0: the default one */
	uint8_t transport;
	uint8_t name[NAME_MAX_WIRE];
};

/* Embedded in who asks. */
struct locate {
	/* Called once, from the loop, never from locate_ask. */
	void (*done)(struct locate *);
	void *owner;             /* yours */
	struct hosts *hosts;     /* names that need no server; NULL: none */
	struct locate_place places[LOCATE_PLACES];
	unsigned nplaces;
	uint8_t status;          /* enum dns_status: without places, why: of the last look-up that failed */
	uint16_t rcode;
	bool chosen;             /* the URI says by which transport */
	/* private */
	struct dns_query q;
	struct resolver *resolver;
	struct sched *sched;
	struct timer now;        /* what needs no look-up is told by it */
	struct locate_step steps[LOCATE_STEPS]; /* a stack: the last is next */
	struct locate_step step; /* that is being made */
	uint8_t names[LOCATE_PLACES][NAME_MAX_WIRE]; /* of hosts */
	unsigned nsteps, nhosts, nqueries;
	unsigned transports;
	uint8_t transport;       /* by which the host itself is tried */
	bool secure, found_srv, fell_back;
	uint8_t target[NAME_MAX_WIRE];
};

/*
 * `done` set, the rest zero or used before. 0; -1 with *why: no sip or sips URI, or no transport of `transports` will
 * do for it. The resolver may be NULL for a URI whose host is an address: locate_is_numeric.
 */
int locate_ask(struct sched *, struct resolver *, struct locate *, const struct sipuri *, unsigned transports, const char **why);

/* Forgets it: `done` is not called. Safe otherwise, if it was zeroed once. */
void locate_cancel(struct locate *);

/* What locate_ask would say against it, before anything is asked. 0; -1 with *why. */
int locate_check(const struct sipuri *, unsigned transports, const char **why);

/* Whether no name has to be looked up. */
bool locate_is_numeric(const struct sipuri *);

/* The name (wire form) of a place's host; that of a URI with an address is empty. */
const uint8_t *locate_host(const struct locate *, const struct locate_place *);

#endif
