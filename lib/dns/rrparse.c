#include "dns/rrparse.h"

#include <string.h>

#include "dns/rr.h"
#include "dns/rrapl.h"
#include "dns/rrbits.h"
#include "dns/rrcode.h"
#include "dns/rrlex.h"
#include "dns/rrloc.h"
#include "dns/rrword.h"
#include "dns/svcparam.h"

static int
bad(const struct rrin *in, const char *why)
{
	return rrlex_bad(in->why, why);
}

/* --- fields of several words, or of none --- */

/* Every word that is left, at least `least` of them. */
static int
parse_words(struct rrin *in, const struct rrfield *f, int least)
{
	struct slice word;
	int more;

	while ((more = rrlex_next(&in->lex, &word, in->why)) > 0) {
		if ((f->kind == RR_APL ? rrapl_parse(word, in->wire, in->why) : rrword_parse(in, f, word)) != 0)
			return -1;
		least--;
	}
	return more < 0 ? -1 : least <= 0 ? 0 : bad(in, "a field is missing");
}

/* Hexadecimal or base 64 digits in as many words as are left. */
static int
parse_digits(struct rrin *in, bool hex, bool optional)
{
	struct rrcode code = { 0 };
	struct slice word;
	int more;

	while ((more = rrlex_next(&in->lex, &word, in->why)) > 0)
		if ((hex ? rrcode_take_hex(&code, word, in->wire) : rrcode_take_base64(&code, word, in->wire)) != 0)
			return bad(in, hex ? "bad hexadecimal digit" : "bad base 64");
	if (more < 0)
		return -1;
	if (code.chars == 0 && code.padding == 0)
		return optional ? 0 : bad(in, "a field is missing");
	if ((hex ? rrcode_end_hex(&code) : rrcode_end_base64(&code)) != 0)
		return bad(in, hex ? "odd number of hexadecimal digits" : "bad base 64");
	return 0;
}

/* "-" alone is nothing. */
static int
parse_dash(struct rrin *in)
{
	struct rrlex ahead = in->lex;
	struct slice word;

	if (rrlex_next(&ahead, &word, in->why) > 0 && word.n == 1 && word.p[0] == '-') {
		in->lex = ahead;
		return 0;
	}
	return parse_digits(in, false, false);
}

/* A length, and the data when it is not 0. */
static int
parse_data16(struct rrin *in, bool number)
{
	struct rrcode code = { 0 };
	struct slice word;
	uint64_t len, v;
	size_t start;
	int more = rrlex_next(&in->lex, &word, in->why);

	if (more <= 0)
		return more < 0 ? -1 : bad(in, "a field is missing");
	if (slice_u64(word, UINT16_MAX, &len) != 0)
		return bad(in, "bad length");
	buf_put16(in->wire, (uint16_t)len);
	if (len == 0)
		return 0;
	if ((more = rrlex_next(&in->lex, &word, in->why)) <= 0)
		return more < 0 ? -1 : bad(in, "a field is missing");
	start = in->wire->n;
	if (number && len == 6 && slice_u64(word, (UINT64_C(1) << 48) - 1, &v) == 0) {
		buf_put16(in->wire, (uint16_t)(v >> 32));
		buf_put32(in->wire, (uint32_t)v);
		return 0;
	}
	if (rrcode_take_base64(&code, word, in->wire) != 0 || rrcode_end_base64(&code) != 0)
		return bad(in, "bad base 64");
	return in->wire->failed || in->wire->n - start == len ? 0 : bad(in, "length that does not fit the data");
}

/* A set, in any order. */
static int
parse_set(struct rrin *in, enum rrkind kind)
{
	struct rrbits set = { 0 };
	struct slice word;
	uint64_t port;
	uint16_t number;
	int more;

	while ((more = rrlex_next(&in->lex, &word, in->why)) > 0) {
		if (kind == RR_PORTS) {
			if (slice_u64(word, UINT16_MAX, &port) != 0)
				return bad(in, "bad port");
			number = (uint16_t)port;
		} else if (rrtype_parse(word, &number) != 0) {
			return bad(in, "unknown type");
		} else if (kind == RR_NXT && (number == 0 || number > 127)) {
			return bad(in, "only types from 1 to 127 are possible here");
		}
		rrbits_add(&set, number);
	}
	if (more < 0)
		return -1;
	if (kind == RR_BITMAP)
		rrbits_write_windows(&set, in->wire);
	else
		rrbits_write_flat(&set, in->wire);
	return 0;
}

static int
parse_word(struct rrin *in, const struct rrfield *f)
{
	struct slice word;
	int more = rrlex_next(&in->lex, &word, in->why);

	if (more > 0)
		return rrword_parse(in, f, word);
	if (more == 0 && f->kind == RR_STRING_OPT)
		return 0;
	return more < 0 ? -1 : bad(in, "a field is missing");
}

/* The fields of A6 that the length of the prefix, its first byte, can leave out. */
static int
parse_a6(struct rrin *in, const struct rrfield *f)
{
	unsigned prefix = in->wire->failed ? 0 : (uint8_t)in->wire->p[in->start];

	if (prefix > 128)
		return bad(in, "prefix of more than 128 bits");
	return prefix == (f->kind == RR_SUFFIX ? 128 : 0) ? 0 : parse_word(in, f);
}

static int
parse_field(struct rrin *in, const struct rrfield *f)
{
	switch ((enum rrkind)f->kind) {
	case RR_STRINGS:
		return parse_words(in, f, 1);
	case RR_NAMES:
	case RR_APL:
		return parse_words(in, f, 0);
	case RR_HEX:
		return parse_digits(in, true, false);
	case RR_BASE64:
		return parse_digits(in, false, false);
	case RR_BASE64_OPT:
		return parse_digits(in, false, true);
	case RR_BASE64_DASH:
		return parse_dash(in);
	case RR_DATA16:
	case RR_OTHER16:
		return parse_data16(in, f->kind == RR_OTHER16);
	case RR_BITMAP:
	case RR_NXT:
	case RR_PORTS:
		return parse_set(in, (enum rrkind)f->kind);
	case RR_SVCPARAMS:
		return svcparam_parse(&in->lex, in->wire, in->why);
	case RR_SUFFIX:
	case RR_PREFIX_NAME:
		return parse_a6(in, f);
	case RR_HIT_LEN:
		buf_putc(in->wire, 0);
		return 0;
	case RR_KEY_LEN:
		buf_put16(in->wire, 0);
		return 0;
	default:
		return parse_word(in, f);
	}
}

static int
at_end(struct rrin *in)
{
	struct slice word;
	int more = rrlex_next(&in->lex, &word, in->why);

	return more > 0 ? bad(in, "too many fields") : more;
}

/* --- whole rdata --- */

static int
parse_fields(struct rrin *in, const struct rrtype *type)
{
	if (type->form == RRFORM_LOC)
		return rrloc_parse(&in->lex, in->wire, in->why) == 0 ? at_end(in) : -1;
	for (const struct rrfield *f = type->fields; f->kind != RR_END; f++)
		if (parse_field(in, f) != 0)
			return -1;
	return at_end(in);
}

/* What follows \#: a length, and hexadecimal digits in any number of words. */
static int
parse_generic(struct rrin *in, const struct rrtype *type)
{
	struct slice word;
	uint64_t want;
	size_t n;
	int more = rrlex_next(&in->lex, &word, in->why);

	if (more <= 0 || slice_u64(word, UINT16_MAX, &want) != 0)
		return more < 0 ? -1 : bad(in, "bad length after \\#");
	if (parse_digits(in, true, true) != 0)
		return -1;
	if (in->wire->failed)
		return 0;
	n = in->wire->n - in->start;
	if (n != want)
		return bad(in, "length after \\# does not fit the data");
	return rr_check_whole(type, (const uint8_t *)in->wire->p + in->start, n) ? 0 : bad(in,
	    "the data does not fit the type");
}

/* After the parsing: what failed on the way, and the bound. */
static int
finish(struct rrin *in, int r)
{
	/* what else is wrong then may only be the lack of it */
	if (in->wire->failed)
		r = bad(in, "out of memory");
	if (r == 0 && in->wire->n - in->start > UINT16_MAX)
		r = bad(in, "more than 65535 bytes");
	return r;
}

int
rr_parse(const struct rrtype *type, struct slice text, struct buf *wire, const char **why)
{
	struct rrin in = { { text, 0, false }, wire, wire->n, why };
	struct rrlex ahead = in.lex;
	struct slice word;
	int r;

	/* no data at all still has to be somewhere */
	(void)buf_reserve(wire, 1);
	/* quoted, it would be a string */
	if (rrlex_next(&ahead, &word, why) > 0 && word.n == 2 && memcmp(word.p, "\\#", 2) == 0 &&
	    (word.p == text.p || word.p[-1] != '"')) {
		in.lex = ahead;
		r = parse_generic(&in, type);
	} else {
		r = parse_fields(&in, type);
	}
	if ((r = finish(&in, r)) != 0)
		wire->n = in.start;
	return r;
}

int
rr_parse_field(const struct rrfield *f, struct slice text, struct buf *wire, size_t start, const char **why)
{
	struct rrin in = { { text, 0, false }, wire, start, why };
	size_t before = wire->n;
	int r;

	switch ((enum rrkind)f->kind) {
	case RR_NAMES:
	case RR_APL:
	case RR_BITMAP:
	case RR_NXT:
	case RR_PORTS:
	case RR_SVCPARAMS:
		if ((r = parse_field(&in, f)) == 0)
			r = at_end(&in);
		break;
	default:
		r = rrword_parse(&in, f, text);
	}
	if ((r = finish(&in, r)) != 0)
		wire->n = before;
	return r;
}
