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

enum rrkind {
	RR_END,        /* no more fields */
	RR_U8,         /* numbers */
	RR_U16,
	RR_U32,
	RR_A,          /* an IPv4 address */
	RR_AAAA,       /* an IPv6 address */
	RR_NAME,       /* a name that may be compressed when it is written: the types of RFC 1035 alone (RFC 3597 4) */
	RR_NAME_PLAIN, /* a name that is never compressed when it is written */
	RR_STRING,     /* a character-string: a length byte and as many bytes; quoted in text */
	RR_STRINGS,    /* one or more of them, to the end */
	RR_TAG,        /* as RR_STRING, but letters and digits only, not quoted in text (RFC 8659 4.1) */
	RR_REST_TEXT,  /* the remaining bytes, as one quoted text */
	RR_OPTIONS,    /* the options of EDNS: number, length, bytes (RFC 6891 6.1.2) */
	RR_REST,       /* the remaining bytes: \# N HEX (RFC 3597 5) */
};

struct rrfield {
	uint8_t kind;     /* enum rrkind */
	const char *name; /* of the field in a Lua table */
};

enum { RR_FIELDS = 12 };

struct rrtype {
	uint16_t number;
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

/* "MX" or "TYPE65280", in any case. 0, or -1. */
int rrtype_parse(struct slice, uint16_t *number);

/* Writes at most RRTYPE_TEXTLEN bytes, no NUL; returns where they end. */
char *rrtype_text(char *to, uint16_t number);

/* "IN" or "CLASS4096", in any case. 0, or -1. */
int rrclass_parse(struct slice, uint16_t *number);
char *rrclass_text(char *to, uint16_t number);

#endif
