/*
 * lex.h: the small pieces of SIP's grammar (RFC 3261 section 25.1): characters, white space, quoted strings, parameters. All work on
 * a struct slice that they move forward over what they took.
 */
#ifndef SIP_LEX_H
#define SIP_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* token, word-like runs that end at a separator. */
bool sip_is_token_char(unsigned char);

/* Skips LWS: spaces, tabs, and line ends, which inside of a header field can only be folds. */
void sip_skip_lws(struct slice *);

/* Takes a token; empty when there is none. */
struct slice sip_take_token(struct slice *);

/*
 * Takes a quoted string with its quotes, or a comment with its brackets, escapes and nesting respected. False, and *s untouched, when it does not
 * begin with one or it does not end.
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
 * Takes the next of a field's comma-separated values: up to a comma outside of quotes, <> and comments, LWS trimmed. False at the end.
 */
bool sip_take_value(struct slice *s, struct slice *value);

#endif
