#include "dns/rr.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/types.h>

#include "dns/name.h"

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* --- checking and walking --- */

static bool
is_tag(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z')))
			return false;
	return n > 0;
}

/* Runs of length-prefixed pieces, `prefix` bytes of which come before the length and belong to each. */
static bool
pieces_fit(const uint8_t *p, size_t n, size_t prefix, size_t width)
{
	size_t at = 0;

	while (at < n) {
		if (n - at < prefix + width)
			return false;
		at += prefix + width + (width == 1 ? p[at + prefix] : get16(p + at + prefix));
	}
	return at == n;
}

/* The length of the field at msg[off], SIZE_MAX when it is not one, or does not end by `end`. */
static size_t
field_check(unsigned kind, const uint8_t *msg, size_t off, size_t end)
{
	size_t left = end - off, n = SIZE_MAX;

	switch ((enum rrkind)kind) {
	case RR_END:
		break;
	case RR_U8:
		n = 1;
		break;
	case RR_U16:
		n = 2;
		break;
	case RR_U32:
	case RR_A:
		n = 4;
		break;
	case RR_AAAA:
		n = 16;
		break;
	case RR_NAME:
	case RR_NAME_PLAIN:
		n = name_check(msg, end, off);
		n = n > 0 ? n : SIZE_MAX;
		break;
	case RR_STRING:
	case RR_TAG:
		n = left > 0 ? 1u + msg[off] : SIZE_MAX;
		if (kind == RR_TAG && n <= left && !is_tag(msg + off + 1, n - 1))
			n = SIZE_MAX;
		break;
	case RR_STRINGS:
		n = left > 0 && pieces_fit(msg + off, left, 0, 1) ? left : SIZE_MAX;
		break;
	case RR_OPTIONS:
		n = pieces_fit(msg + off, left, 2, 2) ? left : SIZE_MAX;
		break;
	case RR_REST_TEXT:
	case RR_REST:
		n = left;
		break;
	}
	return n <= left ? n : SIZE_MAX;
}

/* The same for one that was checked. */
static size_t
field_len(unsigned kind, const uint8_t *msg, size_t off, size_t end)
{
	switch ((enum rrkind)kind) {
	case RR_U8:
		return 1;
	case RR_U16:
		return 2;
	case RR_U32:
	case RR_A:
		return 4;
	case RR_AAAA:
		return 16;
	case RR_NAME:
	case RR_NAME_PLAIN:
		return name_skip(msg, off);
	case RR_STRING:
	case RR_TAG:
		return 1u + msg[off];
	default:
		return end - off;
	}
}

bool
rr_check(const struct rrtype *type, const uint8_t *msg, size_t off, size_t n)
{
	size_t end = off + n;

	for (const struct rrfield *f = type->fields; f < type->fields + RR_FIELDS && f->kind != RR_END; f++) {
		size_t len = field_check(f->kind, msg, off, end);

		if (len == SIZE_MAX)
			return false;
		off += len;
	}
	return off == end;
}

static bool
give(const uint8_t *msg, size_t end, struct rrvalue *v)
{
	if (v->field->kind == RR_END)
		return false;
	v->n = field_len(v->field->kind, msg, v->off, end);
	return true;
}

bool
rr_first(const struct rrtype *type, const uint8_t *msg, size_t off, size_t end, struct rrvalue *v)
{
	v->field = type->fields;
	v->off = off;
	return give(msg, end, v);
}

bool
rr_next(const uint8_t *msg, size_t end, struct rrvalue *v)
{
	/* rows have at least one RR_END after their fields: rrtype.c */
	v->field++;
	v->off += v->n;
	return give(msg, end, v);
}

/* --- to text --- */

static char *
put_decimal(char *to, unsigned v)
{
	if (v >= 100)
		*to++ = (char)('0' + v / 100);
	if (v >= 10)
		*to++ = (char)('0' + v / 10 % 10);
	*to++ = (char)('0' + v % 10);
	return to;
}

void
rr_put_address(struct buf *b, const uint8_t *p, size_t n)
{
	char *to = buf_reserve(b, INET6_ADDRSTRLEN), *start = to;

	if (to == NULL)
		return;
	if (n == 4) {
		for (size_t i = 0; i < 4; i++) {
			if (i > 0)
				*to++ = '.';
			to = put_decimal(to, p[i]);
		}
	} else if (inet_ntop(AF_INET6, p, to, INET6_ADDRSTRLEN) != NULL) {
		to += strlen(to);
	}
	buf_added(b, (size_t)(to - start));
}

static char *
put_ddd(char *to, uint8_t c)
{
	*to++ = '\\';
	*to++ = (char)('0' + c / 100);
	*to++ = (char)('0' + c / 10 % 10);
	*to++ = (char)('0' + c % 10);
	return to;
}

static void
put_quoted(struct buf *b, const uint8_t *p, size_t n)
{
	char *to = buf_reserve(b, 4 * n + 2), *start = to;

	if (to == NULL)
		return;
	*to++ = '"';
	for (size_t i = 0; i < n; i++) {
		if (p[i] < ' ' || p[i] >= 0x7f) {
			to = put_ddd(to, p[i]);
			continue;
		}
		if (p[i] == '"' || p[i] == '\\')
			*to++ = '\\';
		*to++ = (char)p[i];
	}
	*to++ = '"';
	buf_added(b, (size_t)(to - start));
}

static void
put_strings(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n; at += 1u + p[at]) {
		if (at > 0)
			buf_putc(b, ' ');
		put_quoted(b, p + at + 1, p[at]);
	}
}

void
rr_put_generic(struct buf *b, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	char *to;

	buf_puts(b, "\\# ");
	buf_putu(b, n);
	if (n == 0 || (to = buf_reserve(b, 2 * n + 1)) == NULL)
		return;
	*to++ = ' ';
	for (size_t i = 0; i < n; i++) {
		*to++ = hex[p[i] >> 4];
		*to++ = hex[p[i] & 15];
	}
	buf_added(b, 2 * n + 1);
}

static void
put_name(struct buf *b, const uint8_t *msg, size_t off)
{
	char *to = buf_reserve(b, NAME_TEXTLEN);

	if (to != NULL)
		buf_added(b, (size_t)(name_text(to, msg, off) - to));
}

void
rr_put_value(struct buf *b, const uint8_t *msg, const struct rrvalue *v)
{
	const uint8_t *p = msg + v->off;

	switch ((enum rrkind)v->field->kind) {
	case RR_END:
		break;
	case RR_U8:
		buf_putu(b, p[0]);
		break;
	case RR_U16:
		buf_putu(b, get16(p));
		break;
	case RR_U32:
		buf_putu(b, get32(p));
		break;
	case RR_A:
	case RR_AAAA:
		rr_put_address(b, p, v->n);
		break;
	case RR_NAME:
	case RR_NAME_PLAIN:
		put_name(b, msg, v->off);
		break;
	case RR_STRING:
		put_quoted(b, p + 1, v->n - 1);
		break;
	case RR_STRINGS:
		put_strings(b, p, v->n);
		break;
	case RR_TAG:
		buf_put(b, p + 1, v->n - 1);
		break;
	case RR_REST_TEXT:
		put_quoted(b, p, v->n);
		break;
	case RR_OPTIONS:
	case RR_REST:
		rr_put_generic(b, p, v->n);
		break;
	}
}

void
rr_put_text(struct buf *b, const struct rrtype *type, const uint8_t *msg, size_t off, size_t n)
{
	struct rrvalue v;
	size_t end = off + n;

	for (bool more = rr_first(type, msg, off, end, &v); more; more = rr_next(msg, end, &v)) {
		if (v.field != type->fields)
			buf_putc(b, ' ');
		rr_put_value(b, msg, &v);
	}
}

/* --- from text --- */

static int
bad(const char **why, const char *text)
{
	*why = text;
	return -1;
}

ssize_t
rr_unescape(struct slice s, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned v = 0;

		if (s.p[i] != '\\') {
			to[n++] = s.p[i];
			continue;
		}
		if (++i == s.n)
			return -1;
		if (s.p[i] < '0' || s.p[i] > '9') {
			to[n++] = s.p[i];
			continue;
		}
		for (size_t end = i + 3; i < end; i++) {
			if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
				return -1;
			v = v * 10 + (unsigned)(s.p[i] - '0');
		}
		i--;
		if (v > 255)
			return -1;
		to[n++] = (char)(uint8_t)v;
	}
	return (ssize_t)n;
}

/*
 * Cuts the next word off: what stands in quotes, or up to a blank; an escaped quote or blank ends nothing. 1; 0: no
 * more; -1: no closing quote.
 */
static int
next_word(struct slice *text, struct slice *word)
{
	bool quoted;
	size_t i;

	*text = slice_trim(*text);
	if (text->n == 0)
		return 0;
	quoted = text->p[0] == '"';
	if (quoted)
		text->p++, text->n--;
	for (i = 0; i < text->n; i++) {
		char c = text->p[i];

		if (c == '\\' && i + 1 < text->n)
			i++;
		else if (quoted ? c == '"' : c == ' ' || c == '\t')
			break;
	}
	if (quoted && i == text->n)
		return -1;
	*word = (struct slice){ text->p, i };
	text->p += i + quoted;
	text->n -= i + quoted;
	return 1;
}

static int
parse_number(struct slice word, uint64_t max, int bytes, struct buf *wire, const char **why)
{
	uint64_t v;

	if (slice_u64(word, max, &v) != 0)
		return bad(why, "bad number");
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		buf_putc(wire, (char)(uint8_t)(v >> shift));
	return 0;
}

static int
parse_address(struct slice word, int family, size_t n, struct buf *wire, const char **why)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (slice_cstr(word, text, sizeof(text)) != 0 || inet_pton(family, text, address) != 1)
		return bad(why, family == AF_INET ? "bad IPv4 address" : "bad IPv6 address");
	buf_put(wire, address, n);
	return 0;
}

static int
parse_name(struct slice word, struct buf *wire, const char **why)
{
	uint8_t name[NAME_MAX_WIRE];
	int n = name_parse(word, name, why);

	if (n < 0)
		return -1;
	buf_put(wire, name, (size_t)n);
	return 0;
}

/* `counted`: with a length byte before it. */
static int
parse_string(enum rrkind kind, struct slice word, bool counted, struct buf *wire, const char **why)
{
	char *to = buf_reserve(wire, word.n + 1);
	ssize_t n;

	if (to == NULL)
		return 0;
	if ((n = rr_unescape(word, to + counted)) < 0)
		return bad(why, "bad escape");
	if (counted && n > 255)
		return bad(why, "string of more than 255 bytes");
	if (kind == RR_TAG && !is_tag((const uint8_t *)to + 1, (size_t)n))
		return bad(why, "a tag is letters and digits");
	if (counted)
		to[0] = (char)(uint8_t)n;
	buf_added(wire, (size_t)n + counted);
	return 0;
}

int
rr_parse_value(enum rrkind kind, struct slice word, struct buf *wire, const char **why)
{
	switch (kind) {
	case RR_U8:
		return parse_number(word, UINT8_MAX, 1, wire, why);
	case RR_U16:
		return parse_number(word, UINT16_MAX, 2, wire, why);
	case RR_U32:
		return parse_number(word, UINT32_MAX, 4, wire, why);
	case RR_A:
		return parse_address(word, AF_INET, 4, wire, why);
	case RR_AAAA:
		return parse_address(word, AF_INET6, 16, wire, why);
	case RR_NAME:
	case RR_NAME_PLAIN:
		return parse_name(word, wire, why);
	case RR_STRING:
	case RR_STRINGS:
	case RR_TAG:
		return parse_string(kind, word, true, wire, why);
	case RR_REST_TEXT:
		return parse_string(kind, word, false, wire, why);
	case RR_END:
	case RR_OPTIONS:
	case RR_REST:
		break;
	}
	return bad(why, "this type has only the generic form \\# LENGTH HEX");
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What follows \#: a length, and hexadecimal digits in any number of words. */
static int
parse_generic(struct slice text, struct buf *wire, const char **why)
{
	struct slice word;
	uint64_t want;
	int high = -1;
	size_t start = wire->n;

	if (next_word(&text, &word) <= 0 || slice_u64(word, UINT16_MAX, &want) != 0)
		return bad(why, "bad length after \\#");
	for (size_t i = 0; i < text.n; i++) {
		int v = hex_value(text.p[i]);

		if (text.p[i] == ' ' || text.p[i] == '\t')
			continue;
		if (v < 0)
			return bad(why, "bad hexadecimal digit");
		if (high < 0) {
			high = v;
			continue;
		}
		buf_putc(wire, (char)(uint8_t)(high << 4 | v));
		high = -1;
	}
	if (!wire->failed && (high >= 0 || wire->n - start != want))
		return bad(why, "length after \\# does not fit the data");
	return 0;
}

/* Rdata of this type with no pointer in it: there is no message that one could point into. */
static bool
is_whole(const struct rrtype *type, const uint8_t *p, size_t n)
{
	struct rrvalue v;
	uint8_t name[NAME_MAX_WIRE];

	if (!rr_check(type, p, 0, n))
		return false;
	for (bool more = rr_first(type, p, 0, n, &v); more; more = rr_next(p, n, &v))
		if ((v.field->kind == RR_NAME || v.field->kind == RR_NAME_PLAIN) && name_expand(p, v.off, name) != v.n)
			return false;
	return true;
}

static int
parse_fields(const struct rrtype *type, struct slice text, struct buf *wire, const char **why)
{
	struct slice word;
	int more;

	for (const struct rrfield *f = type->fields; f->kind != RR_END; f++) {
		if ((more = next_word(&text, &word)) < 0)
			return bad(why, "no closing quote");
		if (more == 0)
			return bad(why, "a field is missing");
		if (rr_parse_value((enum rrkind)f->kind, word, wire, why) != 0)
			return -1;
		while (f->kind == RR_STRINGS && (more = next_word(&text, &word)) > 0)
			if (rr_parse_value(RR_STRING, word, wire, why) != 0)
				return -1;
		if (more < 0)
			return bad(why, "no closing quote");
	}
	return slice_trim(text).n == 0 ? 0 : bad(why, "too many fields");
}

int
rr_parse(const struct rrtype *type, struct slice text, struct buf *wire, const char **why)
{
	size_t start = wire->n;
	struct slice rest = slice_trim(text), word;
	int r;

	if (rest.n >= 2 && memcmp(rest.p, "\\#", 2) == 0 && (rest.n == 2 || rest.p[2] == ' ' || rest.p[2] == '\t')) {
		(void)next_word(&rest, &word);
		/* no data at all still has to be somewhere */
		(void)buf_reserve(wire, 1);
		r = parse_generic(rest, wire, why);
		if (r == 0 && !wire->failed && !is_whole(type, (const uint8_t *)wire->p + start, wire->n - start))
			r = bad(why, "the data does not fit the type");
	} else {
		r = parse_fields(type, rest, wire, why);
	}
	if (r == 0 && wire->failed)
		r = bad(why, "out of memory");
	if (r == 0 && wire->n - start > UINT16_MAX)
		r = bad(why, "more than 65535 bytes");
	if (r != 0)
		wire->n = start;
	return r;
}
