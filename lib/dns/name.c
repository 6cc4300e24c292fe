#include "dns/name.h"

#include <string.h>

/* More pointers than this in one name can only be malice: it has at most 127 labels. */
enum { MOST_POINTERS = 127, HEADER_LEN = 12 };

/* How kdig(1) writes a byte of a label. */
enum { PLAIN, BACKSLASH, DECIMAL };

static int
style_of(uint8_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return PLAIN;
	if (c == '-' || c == '_' || c == '*' || c == '/')
		return PLAIN;
	return c > ' ' && c < 0x7f && c != '#' ? BACKSLASH : DECIMAL;
}

/* One byte of a label from text: itself, \X or \DDD. Returns how many characters it took, 0 when it is bad. */
static size_t
read_char(const char *p, size_t n, uint8_t *c)
{
	unsigned v = 0;

	*c = (uint8_t)p[0];
	if (p[0] != '\\')
		return 1;
	if (n < 2)
		return 0;
	*c = (uint8_t)p[1];
	if (p[1] < '0' || p[1] > '9')
		return 2;
	if (n < 4)
		return 0;
	for (int i = 1; i < 4; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	*c = (uint8_t)v;
	return v <= 255 ? 4 : 0;
}

static int
bad(const char **why, const char *text)
{
	*why = text;
	return -1;
}

int
name_parse(struct slice text, uint8_t *wire, const char **why)
{
	size_t at = 0, label = 0, n = 1; /* of text; where this label's length goes; of wire */

	if (text.n == 0)
		return bad(why, "empty name");
	if (text.n == 1 && text.p[0] == '.') {
		wire[0] = 0;
		return 1;
	}
	while (at < text.n) {
		uint8_t c;
		size_t took;

		if (text.p[at] == '.') {
			if (n == label + 1)
				return bad(why, "empty label");
			wire[label] = (uint8_t)(n - label - 1);
			label = n++;
			at++;
		} else {
			if ((took = read_char(text.p + at, text.n - at, &c)) == 0)
				return bad(why, "bad escape");
			if (n - label > NAME_MAX_LABEL)
				return bad(why, "label of more than 63 bytes");
			/* the root's 0 has to fit as well */
			if (n + 2 > NAME_MAX_WIRE)
				return bad(why, "name of more than 255 bytes");
			wire[n++] = c;
			at += took;
		}
	}
	if (n > label + 1) {
		wire[label] = (uint8_t)(n - label - 1);
		label = n++;
	}
	wire[label] = 0;
	return (int)n;
}

size_t
name_check(const uint8_t *msg, size_t n, size_t off)
{
	size_t at = off, start = off, total = 0, took = 0;
	int pointers = 0;

	for (;;) {
		uint8_t c;

		if (at >= n)
			return 0;
		c = msg[at];
		if (c <= NAME_MAX_LABEL) {
			at += c + 1u;
			total += c + 1u;
			if (total > NAME_MAX_WIRE || at > n)
				return 0;
			if (c == 0)
				return took > 0 ? took : at - off;
			continue;
		}
		if (c < 0xc0 || at + 1 >= n || ++pointers > MOST_POINTERS)
			return 0;
		if (took == 0)
			took = at + 2 - off;
		at = (c & 0x3fu) << 8 | msg[at + 1];
		if (at >= start || at < HEADER_LEN)
			return 0;
		start = at;
	}
}

size_t
name_skip(const uint8_t *msg, size_t off)
{
	size_t at = off;

	while (msg[at] > 0 && msg[at] <= NAME_MAX_LABEL)
		at += msg[at] + 1u;
	return at + (msg[at] == 0 ? 1 : 2) - off;
}

/* Follows pointers from `at` to where a label or the root is. */
static size_t
resolve(const uint8_t *msg, size_t at)
{
	while (msg[at] > NAME_MAX_LABEL)
		at = (msg[at] & 0x3fu) << 8 | msg[at + 1];
	return at;
}

size_t
name_expand(const uint8_t *msg, size_t off, uint8_t *wire)
{
	size_t n = 0;

	for (size_t at = resolve(msg, off);; at = resolve(msg, at)) {
		size_t len = msg[at] + 1u;

		memcpy(wire + n, msg + at, len);
		n += len;
		if (len == 1)
			return n;
		at += len;
	}
}

static char *
label_text(char *to, const uint8_t *p, size_t n)
{
	for (const uint8_t *end = p + n; p < end; p++) {
		switch (style_of(*p)) {
		case BACKSLASH:
			*to++ = '\\';
			/* FALLTHROUGH */
		case PLAIN:
			*to++ = (char)*p;
			break;
		default:
			*to++ = '\\';
			*to++ = (char)('0' + *p / 100);
			*to++ = (char)('0' + *p / 10 % 10);
			*to++ = (char)('0' + *p % 10);
		}
	}
	return to;
}

char *
name_text(char *to, const uint8_t *msg, size_t off)
{
	size_t at = resolve(msg, off);

	if (msg[at] == 0)
		*to++ = '.';
	for (; msg[at] != 0; at = resolve(msg, at)) {
		to = label_text(to, msg + at + 1, msg[at]);
		*to++ = '.';
		at += msg[at] + 1u;
	}
	return to;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool
is_label(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static bool
compare(const uint8_t *msg, size_t off, const uint8_t *wire, bool exact)
{
	for (size_t at = resolve(msg, off);; at = resolve(msg, at)) {
		size_t len = wire[0];

		if (msg[at] != len)
			return false;
		if (len == 0)
			return true;
		if (exact ? memcmp(msg + at + 1, wire + 1, len) != 0 : !is_label(msg + at + 1, wire + 1, len))
			return false;
		at += len + 1;
		wire += len + 1;
	}
}

bool
name_is(const uint8_t *msg, size_t off, const uint8_t *wire)
{
	return compare(msg, off, wire, false);
}

bool
name_same(const uint8_t *msg, size_t off, const uint8_t *wire)
{
	return compare(msg, off, wire, true);
}

size_t
name_len(const uint8_t *wire)
{
	return name_skip(wire, 0);
}

size_t
name_reverse(const uint8_t *address, size_t n, uint8_t *wire)
{
	static const char hex[] = "0123456789abcdef";
	static const char in_addr[] = "\7in-addr\4arpa", ip6[] = "\3ip6\4arpa"; /* their NUL is the root */
	uint8_t *to = wire;

	if (n == 4) {
		for (size_t i = n; i-- > 0;) {
			uint8_t *len = to++;

			if (address[i] >= 100)
				*to++ = (uint8_t)('0' + address[i] / 100);
			if (address[i] >= 10)
				*to++ = (uint8_t)('0' + address[i] / 10 % 10);
			*to++ = (uint8_t)('0' + address[i] % 10);
			*len = (uint8_t)(to - len - 1);
		}
		memcpy(to, in_addr, sizeof(in_addr));
		return (size_t)(to - wire) + sizeof(in_addr);
	}
	for (size_t i = n; i-- > 0;) {
		*to++ = 1;
		*to++ = (uint8_t)hex[address[i] & 15];
		*to++ = 1;
		*to++ = (uint8_t)hex[address[i] >> 4];
	}
	memcpy(to, ip6, sizeof(ip6));
	return (size_t)(to - wire) + sizeof(ip6);
}
