#include "dns/edns.h"

#include <arpa/inet.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rrcode.h"

/*
 * An option that does not hold what its RFC says is shown as one that nobody knows: its bytes, and what of them can be
 * printed.
 */

enum {
	OPTION_LLQ = 1,        /* RFC 8764 */
	OPTION_UPDATE_LEASE,   /* RFC 9664 */
	OPTION_NSID,           /* RFC 5001 */
	OPTION_DAU = 5,        /* RFC 6975 */
	OPTION_DHU,
	OPTION_N3U,
	OPTION_CLIENT_SUBNET,  /* RFC 7871 */
	OPTION_EXPIRE,         /* RFC 7314 */
	OPTION_COOKIE,         /* RFC 7873 */
	OPTION_TCP_KEEPALIVE,  /* RFC 7828 */
	OPTION_PADDING,        /* RFC 7830 */
	OPTION_CHAIN,          /* RFC 7901 */
	OPTION_KEY_TAG,        /* RFC 8145 */
	OPTION_EDE,            /* RFC 8914 */
	OPTION_CLIENT_TAG,
	OPTION_SERVER_TAG,
	OPTION_REPORT_CHANNEL, /* RFC 9567 */
	OPTION_ZONEVERSION,    /* RFC 9660 */
	OPTIONS,
};

static const char *const names[OPTIONS] = {
	[OPTION_LLQ] = "LLQ",
	[OPTION_UPDATE_LEASE] = "UPDATE-LEASE",
	[OPTION_NSID] = "NSID",
	[OPTION_DAU] = "DAU",
	[OPTION_DHU] = "DHU",
	[OPTION_N3U] = "N3U",
	[OPTION_CLIENT_SUBNET] = "CLIENT-SUBNET",
	[OPTION_EXPIRE] = "EXPIRE",
	[OPTION_COOKIE] = "COOKIE",
	[OPTION_TCP_KEEPALIVE] = "TCP-KEEPALIVE",
	[OPTION_PADDING] = "PADDING",
	[OPTION_CHAIN] = "CHAIN",
	[OPTION_KEY_TAG] = "KEY-TAG",
	[OPTION_EDE] = "EDE",
	[OPTION_CLIENT_TAG] = "CLIENT-TAG",
	[OPTION_SERVER_TAG] = "SERVER-TAG",
	[OPTION_REPORT_CHANNEL] = "REPORT-CHANNEL",
	[OPTION_ZONEVERSION] = "ZONEVERSION",
};

/* IANA's registry of extended errors. */
static const char *const errors[] = { "Other", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type",
	"Stale Answer",
	"Forged Answer", "DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired", "Signature Not Yet Valid",
	"DNSKEY Missing", "RRSIGs Missing", "No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready",
		"Blocked",
	"Censored", "Filtered", "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported",
	"No Reachable Authority", "Network Error", "Invalid Data", "Signature Expired before Valid", "Too Early",
	"Unsupported NSEC3 Iterations Value", "Unable to conform to policy", "Synthesized", "Invalid Query Type" };

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

/* What a terminal can show of it; a dot for each other byte. */
static void
put_printable(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_putc(b, p[i] >= ' ' && p[i] < 0x7f ? (char)p[i] : '.');
}

static void
put_bytes(struct buf *b, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		buf_putc(b, ' ');
		rrcode_put_hex(b, p + i, 1, false);
	}
	buf_puts(b, " (\"");
	put_printable(b, p, n);
	buf_puts(b, "\")");
}

/* `2 weeks 1 day 3 seconds` */
static void
put_duration(struct buf *b, uint32_t seconds)
{
	static const struct {
		uint32_t length;
		const char *name;
	} units[] = { { 604800, "week" }, { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	const char *between = "";

	if (seconds == 0)
		buf_puts(b, "0 seconds");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint32_t count = seconds / units[i].length;

		seconds %= units[i].length;
		if (count == 0)
			continue;
		buf_printf(b, "%s%u %s%s", between, count, units[i].name, count == 1 ? "" : "s");
		between = " ";
	}
}

static bool
put_subnet(struct buf *b, const uint8_t *p, size_t n)
{
	uint8_t address[16] = { 0 };
	char text[INET6_ADDRSTRLEN];
	unsigned family, most;

	if (n < 4)
		return false;
	family = get16(p);
	most = family == 1 ? 32 : family == 2 ? 128 : 0;
	if (family > 2 || p[2] > most || p[3] > most || n - 4 != (p[2] + 7u) / 8)
		return false;
	memcpy(address, p + 4, n - 4);
	if (inet_ntop(family == 2 ? AF_INET6 : AF_INET, address, text, sizeof(text)) == NULL)
		return false;
	buf_printf(b, " %s/%u/%u", family == 0 ? "0" : text, p[2], p[3]);
	return true;
}

static bool
put_llq(struct buf *b, const uint8_t *p, size_t n)
{
	if (n != 18)
		return false;
	buf_printf(b, " Version: %u, Opcode: %u, Error: %u, Identifier: ", get16(p), get16(p + 2), get16(p + 4));
	buf_putu(b, (uint64_t)get32(p + 6) << 32 | get32(p + 10));
	buf_printf(b, ", Lifetime: %u", get32(p + 14));
	return true;
}

/* One or two times, in seconds and in words. */
static bool
put_times(struct buf *b, const uint8_t *p, size_t n)
{
	buf_printf(b, " %u", get32(p));
	if (n == 8)
		buf_printf(b, "/%u", get32(p + 4));
	buf_puts(b, " (");
	put_duration(b, get32(p));
	if (n == 8) {
		buf_putc(b, '/');
		put_duration(b, get32(p + 4));
	}
	buf_putc(b, ')');
	return true;
}

static bool
put_error(struct buf *b, const uint8_t *p, size_t n)
{
	if (n < 2)
		return false;
	buf_printf(b, " %u", get16(p));
	if (get16(p) < sizeof(errors) / sizeof(errors[0]))
		buf_printf(b, " (%s)", errors[get16(p)]);
	if (n > 2) {
		buf_puts(b, ": (");
		put_printable(b, p + 2, n - 2);
		buf_putc(b, ')');
	}
	return true;
}

/* 16 bits each. */
static bool
put_numbers(struct buf *b, const uint8_t *p, size_t n)
{
	if (n == 0 || n % 2 != 0)
		return false;
	for (size_t i = 0; i < n; i += 2)
		buf_printf(b, "%s %u", i > 0 ? "," : "", get16(p + i));
	return true;
}

/* Labels up to the root's: a pointer would have nothing to point at. */
static bool
is_name(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n && p[at] > 0 && p[at] <= NAME_MAX_LABEL)
		at += p[at] + 1u;
	return n <= NAME_MAX_WIRE && at + 1 == n && p[at] == 0;
}

static bool
put_name(struct buf *b, const uint8_t *p, size_t n)
{
	char *to;

	if (!is_name(p, n) || (to = buf_reserve(b, NAME_TEXTLEN + 1)) == NULL)
		return false;
	*to = ' ';
	buf_added(b, (size_t)(name_text(to + 1, p, 0) - to));
	return true;
}

/* The zone: as many labels of the name that was asked for, from its end. */
static bool
put_zoneversion(struct buf *b, const struct dnsmsg *m, const uint8_t *p, size_t n)
{
	uint8_t name[NAME_MAX_WIRE], *at = name;
	unsigned labels = 0;
	char *to;

	if (n != 6 || p[1] != 0 || m->qname == 0)
		return false;
	(void)name_expand(m->p, m->qname, name);
	for (const uint8_t *label = name; *label != 0; label += *label + 1)
		labels++;
	if (p[0] > labels || (to = buf_reserve(b, NAME_TEXTLEN + 8)) == NULL)
		return false;
	for (; labels > p[0]; labels--)
		at += *at + 1;
	memcpy(to, " ZONE: ", 7);
	buf_added(b, (size_t)(name_text(to + 7, at, 0) - to));
	buf_printf(b, ", SOA-SERIAL: %u", get32(p + 2));
	return true;
}

/* False: it is not what it should be, and nothing was put. */
static bool
put_value(struct buf *b, const struct dnsmsg *m, unsigned code, const uint8_t *p, size_t n)
{
	switch (code) {
	case OPTION_LLQ:
		return put_llq(b, p, n);
	case OPTION_UPDATE_LEASE:
		return (n == 4 || n == 8) && put_times(b, p, n);
	case OPTION_CLIENT_SUBNET:
		return put_subnet(b, p, n);
	case OPTION_EXPIRE:
		return n == 4 && put_times(b, p, n);
	case OPTION_COOKIE:
		buf_putc(b, ' ');
		rrcode_put_hex(b, p, n, false);
		return true;
	case OPTION_TCP_KEEPALIVE:
		if (n == 2)
			buf_printf(b, " %u.%u secs", get16(p) / 10, get16(p) % 10);
		return n == 2;
	case OPTION_PADDING:
		buf_printf(b, " (%zu bytes)", n);
		return true;
	case OPTION_CHAIN:
	case OPTION_REPORT_CHANNEL:
		return put_name(b, p, n);
	case OPTION_KEY_TAG:
		return put_numbers(b, p, n);
	case OPTION_CLIENT_TAG:
	case OPTION_SERVER_TAG:
		return n == 2 && put_numbers(b, p, n);
	case OPTION_EDE:
		return put_error(b, p, n);
	case OPTION_ZONEVERSION:
		return put_zoneversion(b, m, p, n);
	default:
		return false;
	}
}

void
edns_put(struct buf *b, const struct dnsmsg *m)
{
	unsigned others = m->edns_flags & ~(unsigned)(EDNS_DO | EDNS_CO);

	if (!m->edns)
		return;
	buf_printf(b, "\n;; OPT PSEUDOSECTION:\n; EDNS: version: %u, flags:", m->edns_version);
	buf_puts(b, m->edns_flags & EDNS_DO ? " do" : "");
	buf_puts(b, m->edns_flags & EDNS_CO ? " co" : "");
	if (others != 0)
		buf_printf(b, "; MBZ: 0x%04x, udp: %u\n", others, m->edns_size);
	else
		buf_printf(b, "; udp: %u\n", m->edns_size);
	for (const uint8_t *p = m->p + m->edns_options,
	    *end = p + m->edns_options_len; p < end; p += 4 + get16(p + 2)) {
		unsigned code = get16(p), n = get16(p + 2);

		if (code < OPTIONS && names[code] != NULL)
			buf_printf(b, "; %s:", names[code]);
		else
			buf_printf(b, "; OPT=%u:", code);
		if (!put_value(b, m, code, p + 4, n))
			put_bytes(b, p + 4, n);
		buf_putc(b, '\n');
	}
}
