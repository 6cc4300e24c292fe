/*
 * enum.h: telephone numbers to URIs by DNS: ENUM (RFC 6116, 3402, 3403). What a zone says is not trusted: an
 * expression that is too costly, or gives what is no URI, costs only its own rule, and the number of look-ups is
 * bounded.
 */
#ifndef DNS_ENUM_H
#define DNS_ENUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "dns/name.h"
#include "dns/pattern.h"
#include "dns/resolver.h"

enum {
	ENUM_DIGITS = 32,   /* more than any number has: E.164 allows 15 */
	ENUM_RESULTS = 16,
	ENUM_QUERIES = 5,   /* that one number may cost: non-terminal rules ask for more */
	ENUM_PENDING = 8,
};

/*
 * Reads a number as people write it: digits, with an optional + in front and visual separators (blanks - . ( ) /)
 * between. `number` gets "+" and the digits, ENUM_DIGITS + 2 bytes with the NUL. 0, or -1 with *why a static text.
 */
int enum_number(struct slice text, char *number, const char **why);

/*
 * "+4321" and the wire name of a suffix (e164.arpa) to the wire name 1.2.3.4.e164.arpa. NAME_MAX_WIRE bytes. Its
 * length, or -1 when it is too long.
 */
int enum_domain(const char *number, const uint8_t *suffix, uint8_t *wire);

/*
 * Applies a NAPTR expression, `!pattern!replacement!flags` with any delimiter, to the number; appends the result. 0,
 * or -1 with *why a static text (`does not match` too), `out` is then as it was.
 */
int enum_substitute(struct patterns *, struct slice expression, const char *number, struct buf *out, const char **why);

struct enum_result {
	uint16_t order, preference;
	uint32_t rank;             /* where it stands in the whole */
	uint16_t service, nservice; /* in text: offset and length */
	uint16_t uri, nuri;
};

/* A look-up. Embedded in who asks. */
struct enum_lookup {
	/* Called once, from the loop. Results are good until the next enum_ask or enum_fini. */
	void (*done)(struct enum_lookup *);
	void *owner;               /* yours */
	struct patterns *patterns; /* borrowed, of all look-ups */
	struct dns_query q;        /* the outcome of the last query */
	struct enum_result results[ENUM_RESULTS]; /* best first */
	unsigned nresults;
	unsigned skipped;          /* rules that could not be used */
	struct buf text;
	char number[ENUM_DIGITS + 2];
	uint8_t status;            /* enum dns_status of the number's own name: DNS_ANSWER_OK even when no rule could be used */
	uint16_t rcode;
	/* private */
	struct resolver *resolver;
	unsigned nqueries, npending, depth;
	uint32_t rank;
	struct {
		uint32_t rank;
		uint16_t name; /* wire form, in text */
		uint8_t depth;
	} pending[ENUM_PENDING];
	uint8_t name[NAME_MAX_WIRE];
};

/*
 * `number` from enum_number, `suffix` a wire name. A zeroed lookup with `done` and `patterns` set is fit. 0, or -1: the name would
 * be too long.
 */
int enum_ask(struct resolver *, struct enum_lookup *, const char *number, const uint8_t *suffix);
void enum_cancel(struct resolver *, struct enum_lookup *);

/* Frees what it holds. Not while it is asked. */
void enum_fini(struct enum_lookup *);

struct slice enum_service(const struct enum_lookup *, const struct enum_result *);
struct slice enum_uri(const struct enum_lookup *, const struct enum_result *);

#endif
