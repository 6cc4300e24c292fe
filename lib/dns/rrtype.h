/*
 * rrtype.h: the table of RR types. One row says all about a type: number, mnemonic, and the fields of its rdata, each
 * with its kind and the name its RFC gives it. Wire to text, text to wire, and both ways to Lua tables are driven by
 * it: a new type is a new row.
 */
#ifndef DNS_RRTYPE_H
#define DNS_RRTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/*
 * What a field is on the wire and in text. Those that say "to the end" are the last of their row; the others that look
 * at earlier fields say so.
 */
enum rrkind {
	RR_END,         /* no more fields */
	RR_U8,          /* numbers */
	RR_U16,
	RR_U32,
	RR_U48,
	RR_U64,
	RR_TIME,        /* 32 bits: seconds since 1970, those nearest to now; YYYYMMDDHHmmSS in text (RFC 4034 3.1.5, 3.2) */
	RR_TYPE,        /* 16 bits: the mnemonic of a type */
	RR_ALGORITHM,   /* 8 bits: of DNSSEC; a number in text, a mnemonic is read as well (RFC 4034 A.1) */
	RR_CERT,        /* 16 bits: kind of a certificate; likewise (RFC 4398 2.1) */
	RR_PROTOCOL,    /* 8 bits: of IP; TCP and UDP are read as well (RFC 1035 3.4.2) */
	RR_SCHEME,      /* 8 bits: NOTIFY or a number (RFC 9859 2.1) */
	RR_RCODE,       /* 16 bits: an RCODE of TSIG and TKEY (RFC 8945 3) */
	RR_D,           /* the upper bit of the byte that RR_U7 has the rest of (RFC 8777 4.2.2) */
	RR_U7,
	RR_A,           /* an IPv4 address */
	RR_AAAA,        /* an IPv6 address */
	RR_EUI48,       /* 00-00-5e-00-53-2a (RFC 7043) */
	RR_EUI64,
	RR_L64,         /* 2001:0DB8:1140:1000 (RFC 6742 2.1.2) */
	RR_NAME,        /* a name that may be compressed when it is written: the types of RFC 1035 alone (RFC 3597 4) */
	RR_NAME_PLAIN,  /* a name that is never compressed when it is written */
	RR_NAME_WHOLE,  /* a name that is never compressed, nor when it is read */
	RR_NAMES,       /* any number of them, to the end */
	RR_STRING,      /* a character-string: a length byte and as many bytes; quoted in text */
	RR_STRINGS,     /* one or more of them, to the end */
	RR_STRING_OPT,  /* one or none, to the end */
	RR_TAG,         /* as RR_STRING, but letters and digits only, not quoted in text (RFC 8659 4.1) */
	RR_REST_TEXT,   /* the remaining bytes, as one quoted text */
	RR_HEX,         /* the remaining bytes, one or more, in hexadecimal */
	RR_BASE64,      /* the remaining bytes, one or more, in base 64 */
	RR_BASE64_OPT,  /* as before, or none at all */
	RR_BASE64_DASH, /* as before, "-" in text for none at all */
	RR_SALT,        /* a length byte and as many bytes in hexadecimal, "-" for none (RFC 5155 3.3) */
	RR_HASH,        /* a length byte, not 0, and as many bytes in base 32 (RFC 5155 3.3) */
	RR_DATA16,      /* 16 bits of length and as many bytes; in text the length, then base 64 (RFC 8945 4.2) */
	RR_OTHER16,     /* as before, but six bytes are a number in text (RFC 8945 5.2.3) */
	RR_BITMAP,      /* a set of types, in windows, to the end (RFC 4034 4.1.2) */
	RR_NXT,         /* a set of types below 128, to the end (RFC 2535 5.2) */
	RR_PORTS,       /* a set of ports, to the end (RFC 1035 3.4.2) */
	RR_APL,         /* address prefixes, to the end (RFC 3123) */
	RR_NSAP,        /* the remaining bytes, one or more: 0x and hexadecimal (RFC 1706) */
	RR_ATMA,        /* an ATM address, to the end: hexadecimal or +digits */
	RR_SVCPARAMS,   /* to the end: key, length, bytes (RFC 9460 2.1, 2.2) */
	RR_GATEWAY,     /* by the second byte of the rdata: none, RR_A, RR_AAAA or a name (RFC 4025 2.5) */
	RR_RELAY,       /* the same, by its lower seven bits (RFC 8777 4.2.4) */
	RR_SUFFIX,      /* the end of an IPv6 address, as long as the first byte, the prefix, leaves (RFC 2874 3.1) */
	RR_PREFIX_NAME, /* a name unless that byte is 0 */
	RR_HIT_LEN,     /* not in text: one byte, the length of RR_HIT (RFC 8005 5) */
	RR_KEY_LEN,     /* not in text: two bytes, the length of RR_KEY */
	RR_HIT,         /* in hexadecimal; its length is the first byte of the rdata */
	RR_KEY,         /* in base 64; its length are bytes three and four */
	RR_OPTIONS,     /* the options of EDNS: number, length, bytes (RFC 6891 6.1.2) */
	RR_REST,        /* the remaining bytes: \# N HEX (RFC 3597 5) */
};

struct rrfield {
	uint8_t kind;     /* enum rrkind */
	const char *name; /* of the field in a Lua table */
};

enum { RR_FIELDS = 12 };

/* Text is one field after the other; the same, but some rdata has none and takes the generic form; that of LOC. */
enum rrform { RRFORM_FIELDS, RRFORM_SOME, RRFORM_LOC };

struct rrtype {
	uint16_t number;
	uint8_t form;     /* enum rrform */
	const char *name; /* the mnemonic; NULL: none is known, it is TYPEnnn */
	struct rrfield fields[RR_FIELDS];
};

enum {
	RRTYPE_A = 1,
	RRTYPE_NS = 2,
	RRTYPE_CNAME = 5,
	RRTYPE_SOA = 6,
	RRTYPE_PTR = 12,
	RRTYPE_TXT = 16,
	RRTYPE_AAAA = 28,
	RRTYPE_SRV = 33,
	RRTYPE_NAPTR = 35,
	RRTYPE_OPT = 41,
	RRTYPE_ANY = 255,
};

enum { RRCLASS_IN = 1, RRCLASS_CH = 3, RRCLASS_HS = 4, RRCLASS_NONE = 254, RRCLASS_ANY = 255 };

/* Enough for any type or class as text. */
enum { RRTYPE_TEXTLEN = 16 };

/*
 * The row of a type; for one that is not known the row of unknown types, whose whole rdata is one RR_REST. Never
 * NULL.
 */
const struct rrtype *rrtype_row(uint16_t number);

/*
 * The row for rdata of that many bytes in a record of a class: that of unknown types as well where the class leaves the
 * rdata out (NONE and ANY: RFC 2136 2.4, 2.5), or gives the type another form.
 */
const struct rrtype *rrtype_of(uint16_t number, uint16_t class, size_t rdlen);

/* "MX" or "TYPE65280", in any case. 0, or -1. */
int rrtype_parse(struct slice, uint16_t *number);

/* Writes at most RRTYPE_TEXTLEN bytes, no NUL; returns where they end. */
char *rrtype_text(char *to, uint16_t number);

/* "IN" or "CLASS4096", in any case. 0, or -1. */
int rrclass_parse(struct slice, uint16_t *number);
char *rrclass_text(char *to, uint16_t number);

#endif
