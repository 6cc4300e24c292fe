#include "dns/rrprint.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "dns/dnsmsg.h"
#include "dns/name.h"
#include "dns/rrapl.h"
#include "dns/rrbits.h"
#include "dns/rrcode.h"
#include "dns/rrlex.h"
#include "dns/rrloc.h"
#include "dns/svcparam.h"

static uint64_t
number_at(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

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

static void
put_quoted(struct buf *b, const uint8_t *p, size_t n)
{
	char *to = buf_reserve(b, 4 * n + 2), *end;

	if (to == NULL)
		return;
	*to = '"';
	end = rrlex_escape(to + 1, p, n);
	*end++ = '"';
	buf_added(b, (size_t)(end - to));
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
	buf_puts(b, "\\# ");
	buf_putu(b, n);
	if (n == 0)
		return;
	buf_putc(b, ' ');
	rrcode_put_hex(b, p, n, true);
}

static void
put_name(struct buf *b, const uint8_t *msg, size_t off)
{
	char *to = buf_reserve(b, NAME_TEXTLEN);

	if (to != NULL)
		buf_added(b, (size_t)(name_text(to, msg, off) - to));
}

static void
put_names(struct buf *b, const uint8_t *msg, size_t off, size_t n)
{
	for (size_t at = off; at < off + n; at += name_skip(msg, at)) {
		if (at > off)
			buf_putc(b, ' ');
		put_name(b, msg, at);
	}
}

/* The 32 bits of a time mean the one that is nearest to now (RFC 4034 3.1.5). */
static void
put_time(struct buf *b, uint32_t v)
{
	time_t now = time(NULL), seconds = now + (int32_t)(v - (uint32_t)now);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		buf_printf(b, "%04d%02d%02d%02d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min, tm.tm_sec);
}

static void
put_type(struct buf *b, uint16_t type)
{
	char *to = buf_reserve(b, RRTYPE_TEXTLEN);

	if (to != NULL)
		buf_added(b, (size_t)(rrtype_text(to, type) - to));
}

/* What is 16 among the codes of EDNS is BADSIG in TSIG (RFC 8945 3). */
static void
put_rcode(struct buf *b, uint16_t rcode)
{
	char text[RRTYPE_TEXTLEN];

	if (rcode > 4095)
		buf_putu(b, rcode);
	else
		buf_puts(b, rcode == 16 ? "BADSIG" : dnsmsg_rcode(rcode, text));
}

/* `width` bytes at a time in hexadecimal, with `between` between them. */
static void
put_groups(struct buf *b, const uint8_t *p, size_t n, size_t width, char between)
{
	for (size_t i = 0; i < n; i += width) {
		if (i > 0)
			buf_putc(b, between);
		rrcode_put_hex(b, p + i, width, true);
	}
}

/* The length, and the data if there is any. */
static void
put_data16(struct buf *b, const uint8_t *p, size_t n, bool number)
{
	buf_putu(b, n);
	if (n == 0)
		return;
	buf_putc(b, ' ');
	if (number && n == 6)
		buf_putu(b, number_at(p, n));
	else
		rrcode_put_base64(b, p, n);
}

static void
put_suffix(struct buf *b, const uint8_t *p, size_t n)
{
	uint8_t address[16] = { 0 };

	if (n == 0)
		return;
	memcpy(address + 16 - n, p, n);
	rr_put_address(b, address, 16);
}

static void
put_atma(struct buf *b, const uint8_t *p, size_t n)
{
	if (p[0] == 0) {
		rrcode_put_hex(b, p + 1, n - 1, false);
		return;
	}
	buf_putc(b, '+');
	buf_put(b, p + 1, n - 1);
}

static void
put_gateway(struct buf *b, const uint8_t *msg, const struct rrvalue *v)
{
	switch (rr_gateway(v->field, msg + v->start)) {
	case RR_END:
		buf_putc(b, '.');
		break;
	case RR_NAME_WHOLE:
		put_name(b, msg, v->off);
		break;
	default:
		rr_put_address(b, msg + v->off, v->n);
	}
}

/* Those fields that come from more than thirty years of later RFCs. */
static void
put_odd(struct buf *b, const uint8_t *msg, const struct rrvalue *v)
{
	const uint8_t *p = msg + v->off;

	switch ((enum rrkind)v->field->kind) {
	case RR_TIME:
		put_time(b, (uint32_t)number_at(p, 4));
		break;
	case RR_TYPE:
		put_type(b, (uint16_t)number_at(p, 2));
		break;
	case RR_SCHEME:
		if (p[0] == 1)
			buf_puts(b, "NOTIFY");
		else
			buf_putu(b, p[0]);
		break;
	case RR_RCODE:
		put_rcode(b, (uint16_t)number_at(p, 2));
		break;
	case RR_D:
		buf_putu(b, p[0] >> 7);
		break;
	case RR_U7:
		buf_putu(b, p[0] & 0x7f);
		break;
	case RR_EUI48:
	case RR_EUI64:
		put_groups(b, p, v->n, 1, '-');
		break;
	case RR_L64:
		put_groups(b, p, v->n, 2, ':');
		break;
	case RR_HASH:
		rrcode_put_base32(b, p + 1, v->n - 1);
		break;
	case RR_DATA16:
	case RR_OTHER16:
		put_data16(b, p + 2, v->n - 2, v->field->kind == RR_OTHER16);
		break;
	case RR_NXT:
	case RR_PORTS:
		rrbits_put_flat(b, p, v->n, v->field->kind == RR_NXT);
		break;
	case RR_APL:
		rrapl_put(b, p, v->n);
		break;
	case RR_NSAP:
		buf_puts(b, "0x");
		rrcode_put_hex(b, p, v->n, false);
		break;
	case RR_ATMA:
		put_atma(b, p, v->n);
		break;
	case RR_GATEWAY:
	case RR_RELAY:
		put_gateway(b, msg, v);
		break;
	case RR_SUFFIX:
		put_suffix(b, p, v->n);
		break;
	default:
		break;
	}
}

void
rr_put_value(struct buf *b, const uint8_t *msg, const struct rrvalue *v)
{
	const uint8_t *p = msg + v->off;

	switch ((enum rrkind)v->field->kind) {
	case RR_U8:
		buf_putu(b, p[0]);
		break;
	case RR_U16:
		buf_putu(b, (unsigned)p[0] << 8 | p[1]);
		break;
	case RR_U32:
	case RR_U48:
	case RR_U64:
	case RR_ALGORITHM:
	case RR_CERT:
	case RR_PROTOCOL:
		buf_putu(b, number_at(p, v->n));
		break;
	case RR_A:
	case RR_AAAA:
		rr_put_address(b, p, v->n);
		break;
	case RR_NAME:
	case RR_NAME_PLAIN:
	case RR_NAME_WHOLE:
		put_name(b, msg, v->off);
		break;
	case RR_PREFIX_NAME:
	case RR_NAMES:
		put_names(b, msg, v->off, v->n);
		break;
	case RR_STRING:
		put_quoted(b, p + 1, v->n - 1);
		break;
	case RR_STRINGS:
	case RR_STRING_OPT:
		put_strings(b, p, v->n);
		break;
	case RR_TAG:
		buf_put(b, p + 1, v->n - 1);
		break;
	case RR_REST_TEXT:
		put_quoted(b, p, v->n);
		break;
	case RR_HEX:
	case RR_HIT:
		rrcode_put_hex(b, p, v->n, true);
		break;
	case RR_BASE64_DASH:
		if (v->n == 0)
			buf_putc(b, '-');
		/* FALLTHROUGH */
	case RR_BASE64:
	case RR_BASE64_OPT:
	case RR_KEY:
		rrcode_put_base64(b, p, v->n);
		break;
	case RR_SALT:
		if (v->n == 1)
			buf_putc(b, '-');
		rrcode_put_hex(b, p + 1, v->n - 1, true);
		break;
	case RR_BITMAP:
		rrbits_put_windows(b, p, v->n);
		break;
	case RR_SVCPARAMS:
		svcparam_put(b, p, v->n);
		break;
	case RR_OPTIONS:
	case RR_REST:
		rr_put_generic(b, p, v->n);
		break;
	default:
		put_odd(b, msg, v);
	}
}

void
rr_put_text(struct buf *b, const struct rrtype *type, const uint8_t *msg, size_t off, size_t n)
{
	struct rrvalue v;
	size_t end = off + n, start = b->n;

	if (type->form != RRFORM_FIELDS)
		type = rr_form(type, msg, off, n);
	if (type->form == RRFORM_LOC) {
		rrloc_put(b, msg + off);
		return;
	}
	for (bool more = rr_first(type, msg, off, end, &v); more; more = rr_next(msg, end, &v)) {
		size_t before = b->n;

		if (before == start) {
			rr_put_value(b, msg, &v);
			continue;
		}
		buf_putc(b, ' ');
		rr_put_value(b, msg, &v);
		/* a field without text leaves no space either */
		if (b->n == before + 1)
			b->n = before;
	}
}
