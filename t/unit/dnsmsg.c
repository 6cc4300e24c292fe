/* Messages: what is written is read back; cut short or changed anywhere they are refused or harmless. */
#include "dns/dnsmsg.h"
#include "dns/dnswrite.h"

#include "dns/name.h"
#include "dns/rrparse.h"
#include "guard.h"
#include "tap.h"

static const uint8_t *
name(const char *text)
{
	static uint8_t wire[NAME_MAX_WIRE];
	const char *why;

	return name_parse(slice_of(text), wire, &why) > 0 ? wire : NULL;
}

static void
add(struct dnswriter *w, enum dnssection section, const char *owner, const char *type, const char *text)
{
	struct buf rdata = { 0 };
	const char *why = "";
	uint16_t number = 0;

	EQ(rrtype_parse(slice_of(type), &number), 0);
	EQ(rr_parse(rrtype_row(number), slice_of(text), &rdata, &why), 0);
	STR(why, "");
	dnswrite_rr(w, section, name(owner), number, RRCLASS_IN, 300, buf_slice(&rdata));
	buf_fini(&rdata);
}

static const char *const lines[] = {
	"www.example.com.\t300\tIN\tCNAME\tweb.example.com.",
	"web.example.com.\t300\tIN\tA\t192.0.2.1",
	"web.example.com.\t300\tIN\tAAAA\t2001:db8::1",
	"example.com.\t300\tIN\tMX\t10 mail.example.com.",
	"example.com.\t300\tIN\tTXT\t\"one\" \"two\"",
	"_sip._udp.example.com.\t300\tIN\tSRV\t1 2 5060 web.example.com.",
	"4.3.2.1.e164.arpa.\t300\tIN\tNAPTR\t1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
	"example.com.\t300\tIN\tCAA\t0 issue \"ca.net\"",
	"x.\t300\tIN\tTYPE65280\t\\# 2 ABCD",
	"example.com.\t300\tIN\tSOA\tns.example.com. host.example.com. 1 2 3 4 5",
	"1.2.0.192.in-addr.arpa.\t300\tIN\tPTR\tweb.example.com.",
	"example.com.\t300\tIN\tNS\tns.example.com.",
};

enum { NLINES = sizeof(lines) / sizeof(lines[0]) };

/* A reply with a record of each type, the last two in the authority section. */
static void
write_all(struct buf *b)
{
	struct dnswriter w;

	dnswrite_begin(&w, b, 0x1234, DNS_QR | DNS_AA | DNS_RD | RCODE_NXDOMAIN);
	dnswrite_question(&w, name("www.Example.com"), RRTYPE_A, RRCLASS_IN);
	for (int i = 0; i < NLINES; i++) {
		struct slice rest = slice_of(lines[i]), owner, ttl, class, type;
		char o[128], t[32], d[128];

		slice_cut(rest, '\t', &owner, &rest);
		slice_cut(rest, '\t', &ttl, &rest);
		slice_cut(rest, '\t', &class, &rest);
		slice_cut(rest, '\t', &type, &rest);
		slice_cstr(owner, o, sizeof(o));
		slice_cstr(type, t, sizeof(t));
		slice_cstr(rest, d, sizeof(d));
		add(&w, i < NLINES - 2 ? DNS_ANSWER : DNS_AUTHORITY, o, t, d);
	}
	/* version 0, DO, upper bits of the RCODE 1; one option */
	dnswrite_rr(&w, DNS_ADDITIONAL, name("."), RRTYPE_OPT, 1232, 0x01008000, SLICE("\0\3\0\2AB"));
	EQ(dnswrite_end(&w), 0);
}

TEST(round_trip)
{
	struct buf b = { 0 }, text = { 0 };
	struct dnsmsg m = { 0 };
	struct fault fault;
	struct dnsrr rr;
	int i = 0;

	write_all(&b);
	EQ(dnsmsg_parse(&m, guarded(b.p, b.n), b.n, &fault), 0);
	EQ(m.id, 0x1234);
	EQ(m.flags, DNS_QR | DNS_AA | DNS_RD | RCODE_NXDOMAIN);
	EQ(m.rcode, 16 + RCODE_NXDOMAIN);
	EQ(m.qtype, RRTYPE_A);
	EQ(m.qclass, RRCLASS_IN);
	OK(name_is(m.p, m.qname, name("www.example.com")));
	EQ(m.edns, true);
	EQ(m.edns_size, 1232);
	EQ(m.edns_flags, EDNS_DO);
	EQ(m.edns_version, 0);
	EQ(m.edns_options_len, 6);
	for (int s = DNS_ANSWER; s <= DNS_AUTHORITY; s++)
		for (struct dnswalk w = dnsmsg_walk(&m, (enum dnssection)s); dnsmsg_next(&w, &rr); i++) {
			buf_clear(&text);
			dnsmsg_put_rr(&text, &m, &rr);
			buf_putc(&text, '\0');
			/* each name has its own letters, whatever the question's are */
			STR(text.p, lines[i]);
		}
	EQ(i, NLINES);
	buf_fini(&b);
	buf_fini(&text);
}

TEST(compression)
{
	struct buf b = { 0 };
	struct dnswriter w;

	dnswrite_begin(&w, &b, 1, DNS_QR);
	dnswrite_question(&w, name("a.a.example.com"), RRTYPE_NS, RRCLASS_IN);
	EQ(b.n, 12 + 17 + 4);
	dnswrite_rr(&w, DNS_ANSWER, name("a.a.example.com"), RRTYPE_NS, RRCLASS_IN, 1, SLICE("\2ns\7example\3com"));
	EQ(b.n, 12 + 17 + 4 + 2 + 10 + 5 - 0);
	/* a type newer than RFC 1035 keeps its names whole */
	dnswrite_rr(&w, DNS_ANSWER, name("a.example.com"), RRTYPE_SRV, RRCLASS_IN, 1,
	    (struct slice){ "\0\0\0\0\0\0\7example\3com", 19 });
	EQ(b.n, 12 + 17 + 4 + 17 + 2 + 10 + 19);
	EQ(dnswrite_end(&w), 0);
	buf_fini(&b);
}

/* A name of another case is written out: a pointer would not give its letters. */
TEST(letters)
{
	struct buf b = { 0 };
	struct dnswriter w;

	dnswrite_begin(&w, &b, 1, DNS_QR);
	dnswrite_question(&w, name("a.a.example.com"), RRTYPE_A, RRCLASS_IN);
	dnswrite_rr(&w, DNS_ANSWER, name("a.A.example.com"), RRTYPE_A, RRCLASS_IN, 1, SLICE("\1\2\3\4"));
	EQ(b.n, 12 + 17 + 4 + 4 + 2 + 10 + 4);
	dnswrite_rr(&w, DNS_ANSWER, name("a.A.example.com"), RRTYPE_A, RRCLASS_IN, 1, SLICE("\1\2\3\4"));
	EQ(b.n, 12 + 17 + 4 + 4 + 2 + 10 + 4 + 2 + 10 + 4);
	dnswrite_rr(&w, DNS_ANSWER, name("A.example.com"), RRTYPE_A, RRCLASS_IN, 1, SLICE("\1\2\3\4"));
	EQ(b.n, 12 + 17 + 4 + 4 + 2 + 10 + 4 + 2 * (2 + 10 + 4));
	EQ(dnswrite_end(&w), 0);
	buf_fini(&b);
}

TEST(every_prefix)
{
	struct buf b = { 0 };
	struct dnsmsg m;
	struct fault fault = { 0 };

	write_all(&b);
	for (size_t n = 0; n < b.n; n++) {
		EQ(dnsmsg_parse(&m, guarded(b.p, n), n, &fault), -1);
		OK(fault.off <= n && fault.why != NULL);
		EQ(fault.status, RCODE_FORMERR);
	}
	/* what is behind a message is not part of it */
	buf_puts(&b, "junk");
	EQ(dnsmsg_parse(&m, b.p, b.n, &fault), 0);
	EQ(m.n, b.n - 4);
	buf_fini(&b);
}

/* Each byte takes each value: the message is refused, or can be printed whole. */
TEST(every_byte)
{
	struct buf b = { 0 }, text = { 0 };
	struct dnsmsg m;
	struct fault fault;
	size_t accepted = 0;

	write_all(&b);
	for (size_t at = 0; at < b.n; at++)
		for (int v = 0; v < 256; v += at < 12 ? 1 : 5) {
			char *copy = guarded(b.p, b.n);

			copy[at] = (char)v;
			if (dnsmsg_parse(&m, copy, b.n, &fault) != 0)
				continue;
			accepted++;
			buf_clear(&text);
			dnsmsg_put(&text, &m);
			OK(text.n > 0);
		}
	OK(accepted > b.n);
	buf_fini(&b);
	buf_fini(&text);
}

/* Printed as dig prints it. */
TEST(whole)
{
	struct buf b = { 0 }, text = { 0 };
	struct dnswriter w;
	struct dnsmsg m;
	struct fault fault;

	dnswrite_begin(&w, &b, 7, DNS_QR | DNS_RD | DNS_RA | DNS_Z);
	dnswrite_question(&w, name("a.b"), RRTYPE_A, RRCLASS_IN);
	dnswrite_question(&w, name("."), RRTYPE_NS, RRCLASS_CH);
	add(&w, DNS_ANSWER, "a.b", "A", "192.0.2.1");
	dnswrite_rr(&w, DNS_ADDITIONAL, name("."), RRTYPE_OPT, 4096, EDNS_DO, SLICE(""));
	EQ(dnswrite_end(&w), 0);
	EQ(dnsmsg_parse(&m, b.p, b.n, &fault), 0);
	dnsmsg_put(&text, &m);
	buf_putc(&text, '\0');
	STR(text.p,
	    ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 7\n"
	    ";; flags: qr rd ra; MBZ: 0x4; QUERY: 2, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1\n"
	    "\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags: do; udp: 4096\n"
	    "\n;; QUESTION SECTION:\n;a.b.\tIN\tA\n;.\tCH\tNS\n"
	    "\n;; ANSWER SECTION:\na.b.\t300\tIN\tA\t192.0.2.1\n");
	buf_fini(&b);
	buf_fini(&text);
}

TEST(opt_misplaced)
{
	/* in the answer section; twice; not at the root */
	for (int i = 0; i < 4; i++) {
		struct buf b = { 0 };
		struct dnswriter w;
		struct dnsmsg m;
		struct fault fault = { 0 };

		dnswrite_begin(&w, &b, 7, DNS_QR);
		dnswrite_rr(&w, i == 0 ? DNS_ANSWER : DNS_ADDITIONAL, name(i == 1 ? "x" : "."), RRTYPE_OPT, 4096, 0, SLICE(""));
		if (i == 2)
			dnswrite_rr(&w, DNS_ADDITIONAL, name("."), RRTYPE_OPT, 4096, 0, SLICE(""));
		EQ(dnswrite_end(&w), 0);
		EQ(dnsmsg_parse(&m, b.p, b.n, &fault), i == 3 ? 0 : -1);
		if (i < 3)
			STR(fault.why, "misplaced OPT");
		buf_fini(&b);
	}
}

TEST(query)
{
	uint8_t q[DNSWRITE_QUERY_MAX];
	struct dnsmsg m;
	struct fault fault;
	const uint8_t *n = name("example.com");
	size_t len = dnswrite_query(q, 0xfffe, DNS_RD, n, name_len(n), RRTYPE_NAPTR, RRCLASS_IN, 0, 0);

	EQ(len, 12 + 13 + 4);
	EQ(dnsmsg_parse(&m, q, len, &fault), 0);
	EQ(m.id, 0xfffe);
	EQ(m.flags, DNS_RD);
	EQ(m.qtype, RRTYPE_NAPTR);
	EQ(m.edns, false);
	len = dnswrite_query(q, 1, 0, n, name_len(n), RRTYPE_A, RRCLASS_IN, 1232, EDNS_DO);
	EQ(len, 12 + 13 + 4 + 11);
	EQ(dnsmsg_parse(&m, q, len, &fault), 0);
	EQ(m.edns_size, 1232);
	EQ(m.edns_flags, EDNS_DO);
}

TEST(no_memory)
{
	struct buf b = { .max = 100 };
	struct dnswriter w;

	dnswrite_begin(&w, &b, 7, DNS_QR);
	for (int i = 0; i < 20; i++)
		dnswrite_rr(&w, DNS_ANSWER, name("a.b"), RRTYPE_A, RRCLASS_IN, 1, SLICE("\1\2\3\4"));
	EQ(dnswrite_end(&w), -1);
	EQ(b.n, 0);
	buf_fini(&b);
}

MAIN(RUN(round_trip), RUN(compression), RUN(letters), RUN(every_prefix), RUN(every_byte), RUN(whole), RUN(opt_misplaced), RUN(query), RUN(no_memory))
