/*
 * dnsmsg.h: the door of DNS: bytes to a checked message (RFC 1035 4.1, RFC 6891 6.1), in place. A struct dnsmsg
 * points into the packet, and every name, record and rdata in it has been checked when dnsmsg_parse returns 0:
 * nothing behind it looks at lengths again.
 */
#ifndef DNS_DNSMSG_H
#define DNS_DNSMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fault.h"
#include "dns/rrtype.h"

enum dnssection { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

enum dnsrcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16,
};

/* The flags word of the header. */
enum {
	DNS_QR = 0x8000,
	DNS_AA = 0x0400,
	DNS_TC = 0x0200,
	DNS_RD = 0x0100,
	DNS_RA = 0x0080,
	DNS_Z = 0x0040, /* must be 0 */
	DNS_AD = 0x0020,
	DNS_CD = 0x0010,
	DNS_OPCODE_SHIFT = 11,
	DNS_OPCODE_MASK = 15,
};

enum { DNS_HEADER = 12, DNS_MAX = 65535, EDNS_DO = 0x8000, EDNS_CO = 0x4000 /* RFC 9824 */ };

struct dnsmsg {
	const uint8_t *p; /* the packet: borrowed */
	size_t n;
	uint16_t id, flags;
	uint16_t rcode;               /* with the upper bits from OPT */
	uint16_t count[DNS_SECTIONS];
	uint16_t at[DNS_SECTIONS];    /* where each section begins */
	/* the first question; of what else there is, only the count is known */
	uint16_t qname, qtype, qclass; /* qname: its offset; 0: no question */
	/* OPT: one at most, in the additional section */
	bool edns;
	uint8_t edns_version;
	uint16_t edns_size, edns_flags, edns_options, edns_options_len; /* options: offset and length */
};

/* A record. Offsets are into the packet. */
struct dnsrr {
	const struct rrtype *type; /* its row; see rrtype_row */
	uint32_t ttl;
	uint16_t number, class;    /* of the type; class */
	uint16_t name, rdata, rdlen;
};

/* Where a walk through a section is. */
struct dnswalk {
	const struct dnsmsg *msg;
	uint16_t left, at;
};

/*
 * 0; or -1 with what is wrong (status: an RCODE) and *m untouched but for id and flags when there was a whole header.
 * Bytes behind the message are ignored.
 */
int dnsmsg_parse(struct dnsmsg *m, const void *, size_t, struct fault *);

/* Starts a walk through a section of records (not DNS_QUESTION). `m` must stay as long. */
struct dnswalk dnsmsg_walk(const struct dnsmsg *m, enum dnssection);

/* The next record; false at the end. */
bool dnsmsg_next(struct dnswalk *, struct dnsrr *);

/* "NXDOMAIN", "RCODE23"; at most RRTYPE_TEXTLEN bytes with a NUL. Returns to. */
const char *dnsmsg_rcode(uint16_t rcode, char *to);

/* "QUERY", "OPCODE7"; as above. */
const char *dnsmsg_opcode(uint16_t opcode, char *to);

/* Appends `name TAB ttl TAB class TAB type TAB rdata`, no newline. */
void dnsmsg_put_rr(struct buf *, const struct dnsmsg *, const struct dnsrr *);

/* Appends the whole message as dig(1) prints one. */
void dnsmsg_put(struct buf *, const struct dnsmsg *);

#endif
