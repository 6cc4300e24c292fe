#include "dns/rr.h"

#include <string.h>

#include "dns/name.h"
#include "dns/rrapl.h"
#include "dns/rrbits.h"
#include "dns/rrlex.h"
#include "dns/rrloc.h"
#include "dns/svcparam.h"

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* How many bytes a field takes; 0: it depends on what is there. */
static const uint8_t widths[RR_REST + 1] = {
	[RR_U8] = 1, [RR_U16] = 2, [RR_U32] = 4, [RR_U48] = 6, [RR_U64] = 8, [RR_TIME] = 4, [RR_TYPE] = 2,
	[RR_ALGORITHM] = 1, [RR_CERT] = 2, [RR_PROTOCOL] = 1, [RR_SCHEME] = 1, [RR_RCODE] = 2, [RR_U7] = 1, [RR_A] = 4,
	[RR_AAAA] = 16, [RR_EUI48] = 6, [RR_EUI64] = 8, [RR_L64] = 8, [RR_HIT_LEN] = 1, [RR_KEY_LEN] = 2,
};

/* What the byte at the front of a relay or gateway says: its kind, or RR_REST for one that nobody knows. */
static enum rrkind
gateway_kind(unsigned type)
{
	static const uint8_t kinds[] = { RR_END, RR_A, RR_AAAA, RR_NAME_WHOLE };

	return type < sizeof(kinds) ? (enum rrkind)kinds[type] : RR_REST;
}

enum rrkind
rr_gateway(const struct rrfield *f, const uint8_t *rdata)
{
	return gateway_kind(f->kind == RR_RELAY ? rdata[1] & 0x7fu : rdata[1]);
}

/* --- walking --- */

/*
 * The length of the field at msg[off] of rdata that begins at `start`, whose own length bytes are within it. It may be
 * too long all the same.
 */
static size_t
field_len(const struct rrfield *f, const uint8_t *msg, size_t start, size_t off, size_t end)
{
	const uint8_t *p = msg + off, *rdata = msg + start;
	enum rrkind kind = (enum rrkind)f->kind;

	if (widths[kind] > 0)
		return widths[kind];
	if (kind == RR_GATEWAY || kind == RR_RELAY) {
		kind = rr_gateway(f, rdata);
		if (widths[kind] > 0)
			return widths[kind];
	}
	switch (kind) {
	case RR_NAME:
	case RR_NAME_PLAIN:
	case RR_NAME_WHOLE:
		return name_skip(msg, off);
	case RR_PREFIX_NAME:
		return rdata[0] > 0 ? name_skip(msg, off) : 0;
	case RR_SUFFIX:
		return rdata[0] <= 128 ? 16 - rdata[0] / 8u : SIZE_MAX;
	case RR_STRING:
	case RR_TAG:
	case RR_SALT:
	case RR_HASH:
		return 1u + p[0];
	case RR_STRING_OPT:
		return off < end ? 1u + p[0] : 0;
	case RR_DATA16:
	case RR_OTHER16:
		return 2 + get16(p);
	case RR_HIT:
		return rdata[0];
	case RR_KEY:
		return get16(rdata + 2);
	case RR_D:
	case RR_END:
		return 0;
	default:
		return end - off;
	}
}

static bool
give(const uint8_t *msg, size_t end, struct rrvalue *v)
{
	if (v->field->kind == RR_END)
		return false;
	v->n = field_len(v->field, msg, v->start, v->off, end);
	return true;
}

bool
rr_first(const struct rrtype *type, const uint8_t *msg, size_t off, size_t end, struct rrvalue *v)
{
	v->field = type->fields;
	v->start = v->off = off;
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

/* --- checking --- */

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

/* Whether the checked name ends in its own 0, not in a pointer. */
static bool
is_whole(const uint8_t *msg, size_t off)
{
	while (msg[off] > 0 && msg[off] <= NAME_MAX_LABEL)
		off += msg[off] + 1u;
	return msg[off] == 0;
}

static bool
is_name(const uint8_t *msg, size_t off, size_t end, bool whole)
{
	return name_check(msg, end, off) > 0 && (!whole || is_whole(msg, off));
}

static bool
are_names(const uint8_t *msg, size_t off, size_t end)
{
	for (; off < end; off += name_skip(msg, off))
		if (!is_name(msg, off, end, true))
			return false;
	return true;
}

/* Whether the length of the field can be looked at, and names at all; the fields before it were checked. */
static bool
begins_well(const struct rrfield *f, const uint8_t *msg, size_t start, size_t off, size_t end)
{
	switch ((enum rrkind)f->kind) {
	case RR_STRING:
	case RR_TAG:
	case RR_SALT:
	case RR_HASH:
		return off < end;
	case RR_DATA16:
	case RR_OTHER16:
		return end - off >= 2;
	case RR_D:
		return off < end;
	case RR_NAME:
	case RR_NAME_PLAIN:
		return is_name(msg, off, end, false);
	case RR_NAME_WHOLE:
		return is_name(msg, off, end, true);
	case RR_PREFIX_NAME:
		return msg[start] == 0 || is_name(msg, off, end, true);
	case RR_GATEWAY:
	case RR_RELAY:
		return rr_gateway(f, msg + start) != RR_NAME_WHOLE || is_name(msg, off, end, true);
	case RR_NAMES:
		return are_names(msg, off, end);
	default:
		return true;
	}
}

/* Whether the bytes of a field that is within the rdata are what it is to hold. */
static bool
is_good(unsigned kind, const uint8_t *p, size_t n)
{
	switch ((enum rrkind)kind) {
	case RR_STRINGS:
		return n > 0 && pieces_fit(p, n, 0, 1);
	case RR_HASH:
		return n > 1;
	case RR_HEX:
	case RR_BASE64:
	case RR_NSAP:
	case RR_ATMA:
	case RR_HIT:
	case RR_KEY:
		return n > 0;
	case RR_BITMAP:
		return rrbits_check(p, n);
	case RR_NXT:
		/* the first bit would mean another form (RFC 2535 5.2) */
		return n == 0 || (n <= 16 && p[0] < 0x80 && p[n - 1] != 0);
	case RR_APL:
		return rrapl_check(p, n);
	case RR_SVCPARAMS:
		return pieces_fit(p, n, 2, 2) && svcparam_ordered(p, n);
	case RR_OPTIONS:
		return pieces_fit(p, n, 2, 2);
	default:
		return true;
	}
}

bool
rr_check(const struct rrtype *type, const uint8_t *msg, size_t off, size_t n)
{
	size_t start = off, end = off + n;

	for (const struct rrfield *f = type->fields; f->kind != RR_END; f++) {
		size_t len = widths[f->kind];

		if (len == 0) {
			if (!begins_well(f, msg, start, off, end))
				return false;
			len = field_len(f, msg, start, off, end);
		}
		if (len > end - off || (widths[f->kind] == 0 && !is_good(f->kind, msg + off, len)))
			return false;
		off += len;
	}
	return off == end;
}

bool
rr_check_whole(const struct rrtype *type, const uint8_t *p, size_t n)
{
	struct rrvalue v;

	if (!rr_check(type, p, 0, n))
		return false;
	for (bool more = rr_first(type, p, 0, n, &v); more; more = rr_next(p, n, &v))
		if ((v.field->kind == RR_NAME || v.field->kind == RR_NAME_PLAIN) && !is_whole(p, v.off))
			return false;
	return true;
}

/* --- whether there is a text for it --- */

/* Format 0: bytes; 1: digits. */
static bool
is_atma(const uint8_t *p, size_t n)
{
	if (n < 2 || p[0] > 1)
		return false;
	for (size_t i = 1; p[0] == 1 && i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

static bool
has_text(const uint8_t *msg, const struct rrvalue *v)
{
	const uint8_t *p = msg + v->off, *rdata = msg + v->start;

	switch ((enum rrkind)v->field->kind) {
	case RR_TAG:
		return rrlex_is_tag(p + 1, v->n - 1);
	case RR_PORTS:
		return v->n == 0 || (v->n <= 8192 && p[v->n - 1] != 0);
	case RR_ATMA:
		return is_atma(p, v->n);
	case RR_APL:
		return rrapl_has_text(p, v->n);
	case RR_SVCPARAMS:
		return svcparam_has_text(p, v->n);
	case RR_GATEWAY:
	case RR_RELAY:
		return rr_gateway(v->field, rdata) != RR_REST;
	case RR_SUFFIX:
		/* what belongs to the prefix is 0 */
		return v->n == 0 || (p[0] & ~(0xff >> rdata[0] % 8)) == 0;
	default:
		return true;
	}
}

const struct rrtype *
rr_form(const struct rrtype *type, const uint8_t *msg, size_t off, size_t n)
{
	struct rrvalue v;

	if (type->form == RRFORM_FIELDS)
		return type;
	if (type->form == RRFORM_LOC)
		return rrloc_has_text(msg + off) ? type : rrtype_row(0);
	for (bool more = rr_first(type, msg, off, off + n, &v); more; more = rr_next(msg, off + n, &v))
		if (!has_text(msg, &v))
			return rrtype_row(0);
	return type;
}
