#include "dns/dnsmsg.h"

#include <stdio.h>
#include <string.h>

#include "dns/edns.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrprint.h"

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

static int
bad(struct fault *fault, size_t off, const char *why)
{
	*fault = (struct fault){ off, why, RCODE_FORMERR };
	return -1;
}

/* --- the door --- */

static int
parse_question(struct dnsmsg *m, size_t *at, struct fault *fault)
{
	size_t len = name_check(m->p, m->n, *at);

	if (len == 0)
		return bad(fault, *at, "bad name in the question");
	if (m->n - *at - len < 4)
		return bad(fault, *at + len, "question cut short");
	if (m->qname == 0) {
		m->qname = (uint16_t)*at;
		m->qtype = (uint16_t)get16(m->p + *at + len);
		m->qclass = (uint16_t)get16(m->p + *at + len + 2);
	}
	*at += len + 4;
	return 0;
}

/* Reads a record whose name takes `len` bytes and whose fixed part is within the message. */
static void
read_rr(const uint8_t *p, size_t at, size_t len, struct dnsrr *rr)
{
	const uint8_t *fixed = p + at + len;

	rr->name = (uint16_t)at;
	rr->number = (uint16_t)get16(fixed);
	rr->class = (uint16_t)get16(fixed + 2);
	rr->ttl = get32(fixed + 4);
	rr->rdlen = (uint16_t)get16(fixed + 8);
	rr->rdata = (uint16_t)(at + len + 10);
	rr->type = rrtype_of(rr->number, rr->class, rr->rdlen);
}

static int
take_opt(struct dnsmsg *m, const struct dnsrr *rr, enum dnssection section, struct fault *fault)
{
	if (m->edns || section != DNS_ADDITIONAL || m->p[rr->name] != 0)
		return bad(fault, rr->name, "misplaced OPT");
	m->edns = true;
	m->edns_size = rr->class;
	m->edns_version = (uint8_t)(rr->ttl >> 16);
	m->edns_flags = (uint16_t)rr->ttl;
	m->edns_options = rr->rdata;
	m->edns_options_len = rr->rdlen;
	m->rcode |= (uint16_t)(rr->ttl >> 24 << 4);
	return 0;
}

static int
parse_rr(struct dnsmsg *m, size_t *at, enum dnssection section, struct fault *fault)
{
	size_t len = name_check(m->p, m->n, *at);
	struct dnsrr rr;

	if (len == 0)
		return bad(fault, *at, "bad name");
	if (m->n - *at - len < 10)
		return bad(fault, *at + len, "record cut short");
	read_rr(m->p, *at, len, &rr);
	if (rr.rdlen > m->n - rr.rdata)
		return bad(fault, rr.rdata, "rdata cut short");
	if (!rr_check(rr.type, m->p, rr.rdata, rr.rdlen))
		return bad(fault, rr.rdata, "rdata does not fit its type");
	if (rr.number == RRTYPE_OPT && take_opt(m, &rr, section, fault) != 0)
		return -1;
	*at = (size_t)rr.rdata + rr.rdlen;
	return 0;
}

int
dnsmsg_parse(struct dnsmsg *out, const void *bytes, size_t n, struct fault *fault)
{
	struct dnsmsg m = { .p = bytes, .n = n };
	size_t at = DNS_HEADER;

	if (n < DNS_HEADER)
		return bad(fault, n, "shorter than a header");
	if (n > DNS_MAX)
		return bad(fault, DNS_MAX, "longer than 65535 bytes");
	m.id = out->id = (uint16_t)get16(m.p);
	m.flags = out->flags = (uint16_t)get16(m.p + 2);
	m.rcode = m.flags & 15;
	for (int s = 0; s < DNS_SECTIONS; s++) {
		m.count[s] = (uint16_t)get16(m.p + 4 + 2 * s);
		m.at[s] = (uint16_t)at;
		for (unsigned i = 0; i < m.count[s]; i++)
			if ((s == DNS_QUESTION ? parse_question(&m, &at, fault) : parse_rr(&m, &at, (enum dnssection)s, fault)) != 0)
				return -1;
	}
	m.n = at;
	*out = m;
	return 0;
}

struct dnswalk
dnsmsg_walk(const struct dnsmsg *m, enum dnssection section)
{
	return (struct dnswalk){ m, m->count[section], m->at[section] };
}

bool
dnsmsg_next(struct dnswalk *w, struct dnsrr *rr)
{
	if (w->left == 0)
		return false;
	w->left--;
	read_rr(w->msg->p, w->at, name_skip(w->msg->p, w->at), rr);
	w->at = (uint16_t)(rr->rdata + rr->rdlen);
	return true;
}

/* --- to text --- */

static const char *
text_of(const char *const names[], size_t n, unsigned v, const char *prefix, char *to)
{
	if (v < n && names[v] != NULL)
		strlcpy(to, names[v], RRTYPE_TEXTLEN);
	else
		snprintf(to, RRTYPE_TEXTLEN, "%s%u", prefix, v & 0xfff);
	return to;
}

const char *
dnsmsg_rcode(uint16_t rcode, char *to)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
		"NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI", [16] = "BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG",
		"BADTRUNC", "BADCOOKIE" };

	return text_of(names, sizeof(names) / sizeof(names[0]), rcode, "RCODE", to);
}

const char *
dnsmsg_opcode(uint16_t opcode, char *to)
{
	static const char *const names[] = { "QUERY", "IQUERY", "STATUS", [4] = "NOTIFY", "UPDATE", "DSO" };

	return text_of(names, sizeof(names) / sizeof(names[0]), opcode, "OPCODE", to);
}

static char *
put_ttl(char *to, uint32_t v)
{
	char digits[10];
	size_t n = sizeof(digits);

	do
		digits[--n] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	memcpy(to, digits + n, sizeof(digits) - n);
	return to + sizeof(digits) - n;
}

void
dnsmsg_put_rr(struct buf *b, const struct dnsmsg *m, const struct dnsrr *rr)
{
	char *start = buf_reserve(b, NAME_TEXTLEN + 2 * RRTYPE_TEXTLEN + 16), *to = start;

	if (to == NULL)
		return;
	to = name_text(to, m->p, rr->name);
	*to++ = '\t';
	to = put_ttl(to, rr->ttl);
	*to++ = '\t';
	to = rrclass_text(to, rr->class);
	*to++ = '\t';
	to = rrtype_text(to, rr->number);
	*to++ = '\t';
	buf_added(b, (size_t)(to - start));
	rr_put_text(b, rr->type, m->p, rr->rdata, rr->rdlen);
}

static void
put_flags(struct buf *b, const struct dnsmsg *m)
{
	static const struct {
		unsigned bit;
		const char *name;
	} flags[] = { { DNS_QR, " qr" }, { DNS_AA, " aa" }, { DNS_TC, " tc" }, { DNS_RD, " rd" }, { DNS_RA, " ra" }, { DNS_AD, " ad" },
		{ DNS_CD, " cd" } };

	buf_puts(b, ";; flags:");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (m->flags & flags[i].bit)
			buf_puts(b, flags[i].name);
	if (m->flags & DNS_Z)
		buf_puts(b, "; MBZ: 0x4");
}

static void
put_section(struct buf *b, const struct dnsmsg *m, enum dnssection section, const char *title)
{
	struct dnswalk w = dnsmsg_walk(m, section);
	struct dnsrr rr;

	if (m->count[section] == 0 || (section == DNS_ADDITIONAL && m->edns && m->count[section] == 1))
		return;
	buf_printf(b, "\n;; %s SECTION:\n", title);
	while (dnsmsg_next(&w, &rr)) {
		if (rr.number == RRTYPE_OPT)
			continue;
		dnsmsg_put_rr(b, m, &rr);
		buf_putc(b, '\n');
	}
}

static void
put_questions(struct buf *b, const struct dnsmsg *m)
{
	size_t at = m->at[DNS_QUESTION];

	if (m->count[DNS_QUESTION] > 0)
		buf_puts(b, "\n;; QUESTION SECTION:\n");
	for (unsigned i = 0; i < m->count[DNS_QUESTION]; i++) {
		const uint8_t *fixed = m->p + at + name_skip(m->p, at);
		char *start = buf_reserve(b, NAME_TEXTLEN + 2 * RRTYPE_TEXTLEN + 4), *to = start;

		if (to == NULL)
			return;
		*to++ = ';';
		to = name_text(to, m->p, at);
		*to++ = '\t';
		to = rrclass_text(to, (uint16_t)get16(fixed + 2));
		*to++ = '\t';
		to = rrtype_text(to, (uint16_t)get16(fixed));
		*to++ = '\n';
		buf_added(b, (size_t)(to - start));
		at = (size_t)(fixed + 4 - m->p);
	}
}

void
dnsmsg_put(struct buf *b, const struct dnsmsg *m)
{
	char opcode[RRTYPE_TEXTLEN], rcode[RRTYPE_TEXTLEN];

	buf_printf(b, ";; ->>HEADER<<- opcode: %s, status: %s, id: %u\n",
	    dnsmsg_opcode(m->flags >> DNS_OPCODE_SHIFT & DNS_OPCODE_MASK, opcode), dnsmsg_rcode(m->rcode, rcode), m->id);
	put_flags(b, m);
	buf_printf(b, "; QUERY: %u, ANSWER: %u, AUTHORITY: %u, ADDITIONAL: %u\n", m->count[DNS_QUESTION], m->count[DNS_ANSWER],
	    m->count[DNS_AUTHORITY], m->count[DNS_ADDITIONAL]);
	edns_put(b, m);
	put_questions(b, m);
	put_section(b, m, DNS_ANSWER, "ANSWER");
	put_section(b, m, DNS_AUTHORITY, "AUTHORITY");
	put_section(b, m, DNS_ADDITIONAL, "ADDITIONAL");
}
