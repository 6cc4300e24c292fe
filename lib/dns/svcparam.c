#include "dns/svcparam.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrcode.h"

enum svckey { MANDATORY, ALPN, NO_DEFAULT_ALPN, PORT, IPV4HINT, ECH, IPV6HINT, DOHPATH, OHTTP, KNOWN };

static const char *const names[KNOWN] = { "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech",
	"ipv6hint", "dohpath",
	"ohttp" };

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

bool
svcparam_next(const uint8_t *p, size_t n, size_t *at, struct svcparam *s)
{
	if (*at >= n)
		return false;
	*s = (struct svcparam){ (uint16_t)get16(p + *at), p + *at + 4, get16(p + *at + 2) };
	*at += 4 + s->n;
	return true;
}

bool
svcparam_ordered(const uint8_t *p, size_t n)
{
	struct svcparam s;
	long last = -1;

	for (size_t at = 0; svcparam_next(p, n, &at, &s); last = s.key)
		if (s.key <= last)
			return false;
	return true;
}

static bool
has_key(const uint8_t *p, size_t n, unsigned key)
{
	struct svcparam s;

	for (size_t at = 0; svcparam_next(p, n, &at, &s);)
		if (s.key == key)
			return true;
	return false;
}

/* Keys that are there, ascending, not the list itself (RFC 9460 8). Both lists are in order: one walk is enough. */
static bool
is_mandatory(const struct svcparam *list, const uint8_t *p, size_t n)
{
	struct svcparam s = { .key = MANDATORY };
	size_t at = 0;

	for (size_t i = 0; i < list->n; i += 2) {
		unsigned key = list->n - i >= 2 ? get16(list->p + i) : MANDATORY, last = s.key;

		while (s.key < key && svcparam_next(p, n, &at, &s))
			;
		if (s.key != key || key <= (i == 0 ? MANDATORY : last))
			return false;
	}
	return list->n > 0;
}

static bool
is_alpn(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n && p[at] > 0)
		at += 1u + p[at];
	return n > 0 && at == n;
}

bool
svcparam_has_text(const uint8_t *p, size_t n)
{
	struct svcparam s;
	bool ok = true;

	for (size_t at = 0; ok && svcparam_next(p, n, &at, &s);) {
		switch (s.key) {
		case MANDATORY:
			ok = is_mandatory(&s, p, n);
			break;
		case ALPN:
			ok = is_alpn(s.p, s.n);
			break;
		case NO_DEFAULT_ALPN:
			ok = s.n == 0 && has_key(p, n, ALPN);
			break;
		case OHTTP:
			ok = s.n == 0;
			break;
		case PORT:
			ok = s.n == 2;
			break;
		case IPV4HINT:
			ok = s.n > 0 && s.n % 4 == 0;
			break;
		case IPV6HINT:
			ok = s.n > 0 && s.n % 16 == 0;
			break;
		case ECH:
		case DOHPATH:
			ok = s.n > 0;
			break;
		default:
			break;
		}
	}
	return ok;
}

/* --- to text --- */

void
svcparam_put_key(struct buf *b, uint16_t key)
{
	if (key < KNOWN) {
		buf_puts(b, names[key]);
		return;
	}
	buf_puts(b, "key");
	buf_putu(b, key);
}

/* A comma or a backslash of an id is escaped in the list, and that escape in the text (RFC 9460 A.1). */
static void
put_alpn(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n; at += 1u + p[at]) {
		if (at > 0)
			buf_putc(b, ',');
		for (size_t i = at + 1; i <= at + p[at]; i++) {
			if (p[i] == ',' || p[i] == '\\')
				buf_puts(b, "\\\\");
			rrlex_put_escaped(b, p + i, 1);
		}
	}
}

static void
put_list(struct buf *b, const struct svcparam *s, size_t width)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < s->n; i += width) {
		if (i > 0)
			buf_putc(b, ',');
		if (width == 2)
			svcparam_put_key(b, (uint16_t)get16(s->p + i));
		else if (inet_ntop(width == 4 ? AF_INET : AF_INET6, s->p + i, text, sizeof(text)) != NULL)
			buf_puts(b, text);
	}
}

void
svcparam_put_value(struct buf *b, const struct svcparam *s)
{
	switch (s->key) {
	case MANDATORY:
		put_list(b, s, 2);
		break;
	case ALPN:
		put_alpn(b, s->p, s->n);
		break;
	case PORT:
		buf_putu(b, get16(s->p));
		break;
	case IPV4HINT:
		put_list(b, s, 4);
		break;
	case IPV6HINT:
		put_list(b, s, 16);
		break;
	case ECH:
		rrcode_put_base64(b, s->p, s->n);
		break;
	default:
		rrlex_put_escaped(b, s->p, s->n);
	}
}

/* Lists stand without quotes where they can, as in kdig(1). */
static bool
is_quoted(const struct svcparam *s)
{
	if (s->key == DOHPATH || s->key >= KNOWN)
		return true;
	for (size_t i = 0; s->key == ALPN && i < s->n; i++)
		if (s->p[i] == ' ' || s->p[i] == ';' || s->p[i] == '(' || s->p[i] == ')' || s->p[i] == '"')
			return true;
	return false;
}

void
svcparam_put(struct buf *b, const uint8_t *p, size_t n)
{
	struct svcparam s;

	for (size_t at = 0; svcparam_next(p, n, &at, &s);) {
		bool quoted = is_quoted(&s);

		if (s.p > p + 4)
			buf_putc(b, ' ');
		svcparam_put_key(b, s.key);
		if (s.n == 0)
			continue;
		buf_puts(b, quoted ? "=\"" : "=");
		svcparam_put_value(b, &s);
		if (quoted)
			buf_putc(b, '"');
	}
}

/* --- from text --- */

static int
parse_key(struct slice s, uint16_t *key, const char **why)
{
	uint64_t v;

	for (unsigned i = 0; i < KNOWN; i++)
		if (slice_caseeq(s, slice_of(names[i]))) {
			*key = (uint16_t)i;
			return 0;
		}
	if (s.n <= 3 || !slice_caseeq((struct slice){ s.p, 3 }, SLICE("key")) || (s.p[3] == '0' && s.n > 4) ||
	    slice_u64((struct slice){ s.p + 3, s.n - 3 }, UINT16_MAX, &v) != 0)
		return rrlex_bad(why, "unknown key of a service parameter");
	*key = (uint16_t)v;
	return 0;
}

static int
compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, 2);
}

/* Keys in any order, written in ascending order. */
static int
parse_mandatory(struct slice s, struct buf *wire, const char **why)
{
	size_t start = wire->n;

	while (s.n > 0) {
		struct slice item;
		uint16_t key;

		slice_cut(s, ',', &item, &s);
		if (parse_key(item, &key, why) != 0)
			return -1;
		buf_put16(wire, key);
	}
	if (!wire->failed)
		qsort(wire->p + start, (wire->n - start) / 2, 2, compare_keys);
	return 0;
}

/*
 * The text without its first level of escapes is one byte behind its place: each id's length goes where its comma
 * was.
 */
static int
parse_alpn(struct slice s, struct buf *wire, const char **why)
{
	char *p = buf_reserve(wire, s.n + 1);
	ssize_t n;
	size_t len = 0, to = 1; /* where the length of this id goes; where its next byte does */

	if (p == NULL)
		return 0;
	if ((n = rrlex_unescape(s, p + 1)) < 0)
		return rrlex_bad(why, "bad escape");
	for (size_t i = 1; i <= (size_t)n + 1; i++) {
		if (i <= (size_t)n && p[i] != ',') {
			if (p[i] == '\\' && ++i > (size_t)n)
				return rrlex_bad(why, "bad escape");
			p[to++] = p[i];
			continue;
		}
		if (to == len + 1 || to - len - 1 > 255)
			return rrlex_bad(why, "a protocol id has 1 to 255 bytes");
		p[len] = (char)(uint8_t)(to - len - 1);
		len = to++;
	}
	buf_added(wire, len);
	return 0;
}

static int
parse_addresses(struct slice s, int family, size_t width, struct buf *wire, const char **why)
{
	do {
		struct slice item;
		char text[INET6_ADDRSTRLEN];
		uint8_t address[16];

		slice_cut(s, ',', &item, &s);
		if (slice_cstr(item, text, sizeof(text)) != 0 || inet_pton(family, text, address) != 1)
			return rrlex_bad(why, "bad address of a hint");
		buf_put(wire, address, width);
	} while (s.n > 0);
	return 0;
}

static int
parse_text(struct slice s, struct buf *wire, const char **why)
{
	char *to = buf_reserve(wire, s.n);
	ssize_t n;

	if (to == NULL)
		return 0;
	if ((n = rrlex_unescape(s, to)) < 0)
		return rrlex_bad(why, "bad escape");
	buf_added(wire, (size_t)n);
	return 0;
}

static int
parse_value(uint16_t key, struct slice s, struct buf *wire, const char **why)
{
	struct rrcode code = { 0 };
	uint64_t v;

	if ((key == MANDATORY || key == IPV4HINT || key == IPV6HINT) && s.p[s.n - 1] == ',')
		return rrlex_bad(why, "nothing behind the last comma");
	switch (key) {
	case MANDATORY:
		return parse_mandatory(s, wire, why);
	case ALPN:
		return parse_alpn(s, wire, why);
	case PORT:
		if (slice_u64(s, UINT16_MAX, &v) != 0)
			return rrlex_bad(why, "bad port");
		buf_put16(wire, (uint16_t)v);
		return 0;
	case IPV4HINT:
		return parse_addresses(s, AF_INET, 4, wire, why);
	case IPV6HINT:
		return parse_addresses(s, AF_INET6, 16, wire, why);
	case ECH:
		if (rrcode_take_base64(&code, s, wire) != 0 || rrcode_end_base64(&code) != 0)
			return rrlex_bad(why, "bad base 64");
		return 0;
	default:
		return parse_text(s, wire, why);
	}
}

/* Moves the last parameter, at `last`, to where its key belongs among those from `start` on. */
static int
sort_in(struct buf *wire, size_t start, size_t last, const char **why)
{
	const uint8_t *p = (const uint8_t *)wire->p;
	unsigned key = get16(p + last);
	size_t at = start, len = wire->n - last;
	char *spare;

	while (at < last && get16(p + at) < key)
		at += 4 + get16(p + at + 2);
	if (at == last)
		return 0;
	if (get16(p + at) == key)
		return rrlex_bad(why, "a service parameter is there twice");
	if ((spare = buf_reserve(wire, len)) == NULL)
		return 0;
	memcpy(spare, wire->p + last, len);
	memmove(wire->p + at + len, wire->p + at, last - at);
	memcpy(wire->p + at, spare, len);
	return 0;
}

static int
parse_param(struct slice word, size_t start, struct buf *wire, const char **why)
{
	struct slice name, value;
	size_t at = wire->n, len;
	uint16_t key;

	slice_cut(word, '=', &name, &value);
	if (value.n > 0 && value.p[0] == '"')
		value = (struct slice){ value.p + 1, value.n - 2 };
	if (parse_key(name, &key, why) != 0)
		return -1;
	buf_put16(wire, key);
	buf_put16(wire, 0);
	if (value.n > 0 && parse_value(key, value, wire, why) != 0)
		return -1;
	if (wire->failed)
		return 0;
	len = wire->n - at - 4;
	if (wire->n - start > UINT16_MAX)
		return rrlex_bad(why, "more than 65535 bytes");
	wire->p[at + 2] = (char)(uint8_t)(len >> 8);
	wire->p[at + 3] = (char)(uint8_t)len;
	return sort_in(wire, start, at, why);
}

int
svcparam_parse(struct rrlex *l, struct buf *wire, const char **why)
{
	struct slice word;
	size_t start = wire->n;
	int more;

	l->pairs = true;
	while ((more = rrlex_next(l, &word, why)) > 0)
		if (parse_param(word, start, wire, why) != 0)
			return -1;
	if (more < 0)
		return -1;
	if (!wire->failed && wire->n > start && !svcparam_has_text((uint8_t *)wire->p + start, wire->n - start))
		return rrlex_bad(why, "the service parameters do not fit together");
	return 0;
}
