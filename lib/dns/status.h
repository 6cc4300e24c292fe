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

/* What an answer says to its question, asked for records of `type`: only those that belong to it count (chain.h). */
enum dns_status dns_status_of(const struct dnsmsg *, uint16_t type);

/* "NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL", "TIMEOUT"...; `to` has RRTYPE_TEXTLEN bytes, and may be returned. */
const char *dns_status_text(enum dns_status, uint16_t rcode, char *to);

#endif
