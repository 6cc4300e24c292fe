/*
 * lex.h: the small pieces of SIP's grammar (RFC 3261 section 25.1): characters, white space, quoted strings,
 * parameters. All work on a struct slice that they move forward over what they took.
 */
#ifndef SIP_LEX_H
#define SIP_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	CHAR_TOKEN = 1,
	CHAR_DIGIT = 2,
	CHAR_HEX = 4,
	CHAR_SCHEME = 8,
	CHAR_USER = 16,     /* of a URI, unescaped: user, password, parameter, header; and any in one that is not SIP's */
	CHAR_PASSWORD = 32,
	CHAR_PARAM = 64,
	CHAR_HEADER = 128,
	CHAR_URIC = 256,
	CHAR_HOST = 512,    /* of a name; with _, which some names have */
	CHAR_VALUE = 1024,  /* of a field's parameter: token, host, and what base64 and URIs bring along */
	CHAR_ALPHA = 2048,
	CHAR_PHONE = 4096,  /* digits, hexadecimal ones of local numbers, what makes them readable (RFC 3966 section 3) */
};

extern const uint16_t sip_chars[256];

static inline bool
sip_is(char c, int class)
{
	return (sip_chars[(unsigned char)c] & class) != 0;
}

/* Nothing but those, and %HH escapes. */
bool sip_all(struct slice, int class);

/* Skips LWS: spaces, tabs, and line ends, which inside of a header field can only be folds. */
void sip_skip_lws(struct slice *);

/* Takes a token; empty when there is none. */
struct slice sip_take_token(struct slice *);

/*
 * Takes a quoted string with its quotes, or a comment with its brackets, escapes and nesting respected. False, and *s
 * untouched, when it does not begin with one or it does not end.
 */
bool sip_take_quoted(struct slice *s, struct slice *quoted);
bool sip_take_comment(struct slice *s, struct slice *comment);

/* After LWS, c is next: takes it and the LWS behind it. */
bool sip_take_sep(struct slice *s, char c);

/* generic-param, behind a `;`. */
struct sip_param {
	struct slice name, value; /* value: as it stands, quotes included; n == 0 when there is none */
	bool has_value;
};

/* Takes `;name[=value]`, LWS around. 1; 0 when no `;` is next; -1: malformed. */
int sip_take_param(struct slice *s, struct sip_param *);

/* The value of the parameter `name` in a list `;a=1;b`; false when it has none of that name. */
bool sip_find_param(struct slice params, const char *name, struct slice *value);

/* Copies without quotes and escapes: into dst of at least s.n bytes; returns the length. */
size_t sip_unquote(struct slice s, char *dst);

/* Copies with %XX decoded; what is no good escape stays. As above. */
size_t sip_unescape(struct slice s, char *dst);

/*
 * Takes the next of a field's comma-separated values: up to a comma outside of quotes, <> and comments, LWS trimmed.
 * False at the end.
 */
bool sip_take_value(struct slice *s, struct slice *value);

#endif
