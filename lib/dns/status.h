/* status.h: what became of a question, in one word. */
#ifndef DNS_STATUS_H
#define DNS_STATUS_H

#include <stdint.h>

#include "dns/dnsmsg.h"

enum dns_status {
	DNS_ANSWER_OK,   /* NOERROR, with records of the type that was asked for */
	DNS_NODATA,      /* NOERROR, without any */
	DNS_NXDOMAIN,
	DNS_RCODE,       /* another RCODE */
	/* from here on there is no answer */
	DNS_TIMEOUT,     /* nobody answered */
	DNS_MALFORMED,   /* what was answered could not be read */
	DNS_TRUNCATED,   /* it was cut short, and could not be had whole over TCP */
	DNS_UNREACHABLE, /* the system could not even send it, or nobody listens there */
	DNS_STATUSES,
};

/*
 * What an answer says to a question (`name` in wire form): there are records when there are some at the name, or at
 * where CNAMEs lead from it, in whatever order they stand. Other records in the answer are not what was asked for.
 */
enum dns_status dns_status_of(const struct dnsmsg *, const uint8_t *name, uint16_t type);

/*
 * The same, and where the records are: `owner` (NAME_MAX_WIRE bytes) gets the name at the end of the aliases, if there
 * are any there.
 */
enum dns_status dns_status_at(const struct dnsmsg *, const uint8_t *name, uint16_t type, uint8_t *owner);

/* "NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL", "TIMEOUT"...; `to` has RRTYPE_TEXTLEN bytes, and may be returned. */
const char *dns_status_text(enum dns_status, uint16_t rcode, char *to);

#endif
