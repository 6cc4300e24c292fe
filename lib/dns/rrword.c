#include "dns/rrword.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "dns/dnsmsg.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrcode.h"
#include "dns/rrlex.h"

struct mnemonic {
	uint16_t number;
	const char *name;
};

static const struct mnemonic algorithms[] = {
	{ 1, "RSAMD5" }, { 2, "DH" }, { 3, "DSA" }, { 5, "RSASHA1" }, { 6, "DSA-NSEC3-SHA1" }, { 6, "NSEC3DSA" },
	{ 7, "RSASHA1-NSEC3-SHA1" }, { 7, "NSEC3RSASHA1" }, { 8, "RSASHA256" }, { 10, "RSASHA512" }, { 12, "ECC-GOST" },
	{ 12, "ECCGOST" }, { 13, "ECDSAP256SHA256" }, { 14, "ECDSAP384SHA384" }, { 15, "ED25519" }, { 16, "ED448" },
	{ 17, "SM2SM3" }, { 23, "ECC-GOST12" }, { 252, "INDIRECT" }, { 253, "PRIVATEDNS" }, { 254, "PRIVATEOID" },
	{ 0, NULL },
};

static const struct mnemonic certificates[] = {
	{ 1, "PKIX" }, { 2, "SPKI" }, { 3, "PGP" }, { 4, "IPKIX" }, { 5, "ISPKI" }, { 6, "IPGP" }, { 7, "ACPKIX" },
	{ 8, "IACPKIX" }, { 253, "URI" }, { 254, "OID" }, { 0, NULL },
};

static const struct mnemonic protocols[] = { { 1, "ICMP" }, { 6, "TCP" }, { 17, "UDP" }, { 0, NULL } };

static const struct mnemonic schemes[] = { { 1, "NOTIFY" }, { 0, NULL } };

static int
bad(const struct rrin *in, const char *why)
{
	return rrlex_bad(in->why, why);
}

static void
put_number(struct rrin *in, uint64_t v, int bytes)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		buf_putc(in->wire, (char)(uint8_t)(v >> shift));
}

static int
parse_number(struct rrin *in, struct slice word, int bytes, const struct mnemonic *names)
{
	uint64_t v, max = bytes == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * bytes) - 1;

	for (; names != NULL && names->name != NULL; names++)
		if (slice_caseeq(word, slice_of(names->name))) {
			put_number(in, names->number, bytes);
			return 0;
		}
	if (slice_u64(word, max, &v) != 0)
		return bad(in, "bad number");
	put_number(in, v, bytes);
	return 0;
}

static int
parse_address(struct rrin *in, struct slice word, int family)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (slice_cstr(word, text, sizeof(text)) != 0 || inet_pton(family, text, address) != 1)
		return bad(in, family == AF_INET ? "bad IPv4 address" : "bad IPv6 address");
	buf_put(in->wire, address, family == AF_INET ? 4 : 16);
	return 0;
}

static int
parse_name(struct rrin *in, struct slice word)
{
	uint8_t name[NAME_MAX_WIRE];
	int n = name_parse(word, name, in->why);

	if (n < 0)
		return -1;
	buf_put(in->wire, name, (size_t)n);
	return 0;
}

/* `counted`: with a length byte before it. */
static int
parse_string(struct rrin *in, struct slice word, bool counted, bool tag)
{
	char *to = buf_reserve(in->wire, word.n + 1);
	ssize_t n;

	if (to == NULL)
		return 0;
	if ((n = rrlex_unescape(word, to + counted)) < 0)
		return bad(in, "bad escape");
	if (counted && n > 255)
		return bad(in, "string of more than 255 bytes");
	if (tag && !rrlex_is_tag(to + 1, (size_t)n))
		return bad(in, "a tag is letters and digits");
	if (counted)
		to[0] = (char)(uint8_t)n;
	buf_added(in->wire, (size_t)n + counted);
	return 0;
}

/* YYYYMMDDHHmmSS, of which 32 bits are left, or seconds since 1970. */
static int
parse_time(struct rrin *in, struct slice word)
{
	static const unsigned places[] = { 4, 2, 2, 2, 2, 2 };
	struct tm tm = { 0 }, again;
	int *const parts[] = { &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec };
	time_t seconds;
	uint64_t v;

	if (word.n != 14)
		return parse_number(in, word, 4, NULL);
	for (size_t i = 0, at = 0; i < 6; at += places[i++]) {
		if (slice_u64((struct slice){ word.p + at, places[i] }, 9999, &v) != 0)
			return bad(in, "bad date");
		*parts[i] = (int)v;
	}
	tm.tm_year -= 1900;
	tm.tm_mon--;
	again = tm;
	seconds = timegm(&again);
	/* a day or an hour that does not exist became another one */
	if (again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday || again.tm_hour != tm.tm_hour ||
	    again.tm_min != tm.tm_min ||
	    again.tm_sec != tm.tm_sec || seconds < INT32_MIN || seconds > 2 * (time_t)UINT32_MAX)
		return bad(in, "bad date");
	put_number(in, (uint32_t)seconds, 4);
	return 0;
}

static int
parse_type(struct rrin *in, struct slice word)
{
	uint16_t type;

	if (rrtype_parse(word, &type) != 0)
		return bad(in, "unknown type");
	put_number(in, type, 2);
	return 0;
}

static int
parse_rcode(struct rrin *in, struct slice word)
{
	char text[RRTYPE_TEXTLEN];

	for (unsigned i = 0; i < 4096; i++)
		if (slice_caseeq(word, i == 16 ? SLICE("BADSIG") : slice_of(dnsmsg_rcode((uint16_t)i, text)))) {
			put_number(in, i, 2);
			return 0;
		}
	return parse_number(in, word, 2, NULL);
}

/* The lower seven bits of the byte that was begun by the bit before it. */
static int
parse_u7(struct rrin *in, struct slice word)
{
	uint64_t v;

	if (slice_u64(word, 127, &v) != 0)
		return bad(in, "bad number");
	if (!in->wire->failed)
		in->wire->p[in->wire->n - 1] |= (char)(uint8_t)v;
	return 0;
}

/* Groups of `least` to `most` hexadecimal digits, each `most` / 2 bytes. */
static int
parse_groups(struct rrin *in, struct slice word, size_t groups, size_t least, size_t most, char between)
{
	for (size_t i = 0; i < groups; i++) {
		struct rrcode code = { 0 };
		struct slice group;
		bool more = slice_cut(word, between, &group, &word);

		if (more != (i + 1 < groups) || group.n < least || group.n > most)
			return bad(in, "bad identifier");
		(void)rrcode_take_hex(&code, (struct slice){ "0000", most - group.n }, in->wire);
		if (rrcode_take_hex(&code, group, in->wire) != 0)
			return bad(in, "bad hexadecimal digit");
	}
	return 0;
}

static int
parse_code(struct rrin *in, struct slice word, int (*take)(struct rrcode *, struct slice, struct buf *),
    int (*end)(const struct rrcode *), const char *why)
{
	struct rrcode code = { 0 };

	return take(&code, word, in->wire) == 0 && end(&code) == 0 ? 0 : bad(in, why);
}

static int
parse_hex(struct rrin *in, struct slice word)
{
	return parse_code(in, word, rrcode_take_hex, rrcode_end_hex, "bad hexadecimal digits");
}

static int
parse_base64(struct rrin *in, struct slice word)
{
	return parse_code(in, word, rrcode_take_base64, rrcode_end_base64, "bad base 64");
}

/* Writes the length of n bytes that came last to `where`, in `width` bytes. */
static int
set_length(struct rrin *in, size_t where, size_t n, int width, const char *why)
{
	if (in->wire->failed)
		return 0;
	if (n == 0 || n > (width == 1 ? UINT8_MAX : UINT16_MAX))
		return bad(in, why);
	if (width == 2)
		in->wire->p[where++] = (char)(uint8_t)(n >> 8);
	in->wire->p[where] = (char)(uint8_t)n;
	return 0;
}

static int
parse_salt(struct rrin *in, struct slice word)
{
	size_t at = in->wire->n;

	buf_putc(in->wire, 0);
	if (word.n == 1 && word.p[0] == '-')
		return 0;
	return parse_hex(in, word) == 0 ? set_length(in, at, in->wire->n - at - 1, 1, "a salt has at most 255 bytes")
	    : -1;
}

static int
parse_hash(struct rrin *in, struct slice word)
{
	size_t at = in->wire->n;

	buf_putc(in->wire, 0);
	if (parse_code(in, word, rrcode_take_base32, rrcode_end_base32, "bad base 32") != 0)
		return -1;
	return set_length(in, at, in->wire->n - at - 1, 1, "a hash has 1 to 255 bytes");
}

/* Fields whose lengths stand at the front of the rdata: HIP. */
static int
parse_hit(struct rrin *in, struct slice word)
{
	size_t at = in->wire->n;

	if (parse_hex(in, word) != 0)
		return -1;
	return set_length(in, in->start, in->wire->n - at, 1, "HIT of a wrong length");
}

static int
parse_key(struct rrin *in, struct slice word)
{
	size_t at = in->wire->n;

	if (parse_base64(in, word) != 0)
		return -1;
	return set_length(in, in->start + 2, in->wire->n - at, 2, "key of a wrong length");
}

/* With dots anywhere between the digits. */
static int
parse_dotted_hex(struct rrin *in, struct slice word)
{
	struct rrcode code = { 0 };
	struct slice part;
	size_t n = word.n;

	while (word.n > 0) {
		slice_cut(word, '.', &part, &word);
		if (rrcode_take_hex(&code, part, in->wire) != 0)
			return bad(in, "bad hexadecimal digit");
	}
	return n > 0 && code.chars > 0 && rrcode_end_hex(&code) == 0 ? 0 : bad(in, "bad number of hexadecimal digits");
}

static int
parse_nsap(struct rrin *in, struct slice word)
{
	if (word.n < 2 || word.p[0] != '0' || ascii_lower(word.p[1]) != 'x')
		return bad(in, "an NSAP address begins with 0x");
	return parse_dotted_hex(in, (struct slice){ word.p + 2, word.n - 2 });
}

static int
parse_atma(struct rrin *in, struct slice word)
{
	bool digits = word.n > 0 && word.p[0] == '+';
	size_t start = in->wire->n;

	buf_putc(in->wire, digits);
	if (!digits)
		return parse_dotted_hex(in, word);
	for (size_t i = 1; i < word.n; i++) {
		if (word.p[i] == '.')
			continue;
		if (word.p[i] < '0' || word.p[i] > '9')
			return bad(in, "bad digit");
		buf_putc(in->wire, word.p[i]);
	}
	return in->wire->failed || in->wire->n > start + 1 ? 0 : bad(in, "no digits");
}

/* Only the end of the address: as much as the prefix leaves, without the bits that belong to it. */
static int
parse_suffix(struct rrin *in, struct slice word, unsigned prefix)
{
	size_t start = in->wire->n, skip = prefix / 8;

	if (parse_address(in, word, AF_INET6) != 0)
		return -1;
	if (in->wire->failed)
		return 0;
	memmove(in->wire->p + start, in->wire->p + start + skip, 16 - skip);
	in->wire->p[start] &= (char)(uint8_t)(0xff >> prefix % 8);
	in->wire->n -= skip;
	return 0;
}

static int
parse_gateway(struct rrin *in, enum rrkind kind, struct slice word)
{
	switch (kind) {
	case RR_END:
		return word.n == 1 && word.p[0] == '.' ? 0 : bad(in, "no gateway is written as a dot");
	case RR_A:
		return parse_address(in, word, AF_INET);
	case RR_AAAA:
		return parse_address(in, word, AF_INET6);
	case RR_NAME_WHOLE:
		return parse_name(in, word);
	default:
		return bad(in, "unknown type of a gateway");
	}
}

static int
parse_odd(struct rrin *in, const struct rrfield *f, struct slice word)
{
	switch ((enum rrkind)f->kind) {
	case RR_TIME:
		return parse_time(in, word);
	case RR_TYPE:
		return parse_type(in, word);
	case RR_RCODE:
		return parse_rcode(in, word);
	case RR_D:
		if (word.n != 1 || (word.p[0] != '0' && word.p[0] != '1'))
			return bad(in, "neither 0 nor 1");
		buf_putc(in->wire, word.p[0] == '1' ? (char)(uint8_t)0x80 : 0);
		return 0;
	case RR_U7:
		return parse_u7(in, word);
	case RR_EUI48:
		return parse_groups(in, word, 6, 2, 2, '-');
	case RR_EUI64:
		return parse_groups(in, word, 8, 2, 2, '-');
	case RR_L64:
		return parse_groups(in, word, 4, 1, 4, ':');
	case RR_SALT:
		return parse_salt(in, word);
	case RR_HASH:
		return parse_hash(in, word);
	case RR_HIT:
		return parse_hit(in, word);
	case RR_KEY:
		return parse_key(in, word);
	case RR_NSAP:
		return parse_nsap(in, word);
	case RR_ATMA:
		return parse_atma(in, word);
	case RR_SUFFIX:
		return parse_suffix(in, word, (uint8_t)in->wire->p[in->start]);
	case RR_GATEWAY:
	case RR_RELAY:
		return parse_gateway(in, rr_gateway(f, (const uint8_t *)in->wire->p + in->start), word);
	default:
		return bad(in, "this type has only the generic form \\# LENGTH HEX");
	}
}

int
rrword_parse(struct rrin *in, const struct rrfield *f, struct slice word)
{
	if (in->wire->failed)
		return 0;
	switch ((enum rrkind)f->kind) {
	case RR_U8:
		return parse_number(in, word, 1, NULL);
	case RR_U16:
		return parse_number(in, word, 2, NULL);
	case RR_U32:
		return parse_number(in, word, 4, NULL);
	case RR_U48:
		return parse_number(in, word, 6, NULL);
	case RR_U64:
		return parse_number(in, word, 8, NULL);
	case RR_ALGORITHM:
		return parse_number(in, word, 1, algorithms);
	case RR_CERT:
		return parse_number(in, word, 2, certificates);
	case RR_PROTOCOL:
		return parse_number(in, word, 1, protocols);
	case RR_SCHEME:
		return parse_number(in, word, 1, schemes);
	case RR_A:
		return parse_address(in, word, AF_INET);
	case RR_AAAA:
		return parse_address(in, word, AF_INET6);
	case RR_NAME:
	case RR_NAME_PLAIN:
	case RR_NAME_WHOLE:
	case RR_NAMES:
	case RR_PREFIX_NAME:
		return parse_name(in, word);
	case RR_STRING:
	case RR_STRINGS:
	case RR_STRING_OPT:
	case RR_TAG:
		return parse_string(in, word, true, f->kind == RR_TAG);
	case RR_REST_TEXT:
		return parse_string(in, word, false, false);
	default:
		return parse_odd(in, f, word);
	}
}
