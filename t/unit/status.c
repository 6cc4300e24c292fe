/* What an answer says: aliases in any order, in loops, and records that nobody asked for. */
#include "dns/status.h"

#include <string.h>

#include "dns/dnswrite.h"
#include "dns/name.h"
#include "tap.h"

static uint8_t *
wire(const char *text, uint8_t *to)
{
	const char *why;

	OK(name_parse(slice_of(text), to, &why) > 0);
	return to;
}

static char at_last[NAME_TEXTLEN]; /* of the records; "." without any */

/* "a>b c=" : a is an alias of b, c has an address. */
static enum dns_status
status(const char *name, uint16_t type, uint16_t rcode, const char *records)
{
	struct slice rest = slice_of(records), word, owner, target;
	uint8_t a[NAME_MAX_WIRE], b[NAME_MAX_WIRE];
	char text[NAME_TEXTLEN];
	struct buf buf = { 0 };
	struct dnswriter w;
	struct dnsmsg m;
	struct fault fault;
	enum dns_status s;

	dnswrite_begin(&w, &buf, 1, (uint16_t)(DNS_QR | rcode));
	dnswrite_question(&w, wire(name, a), type, RRCLASS_IN);
	while (rest.n > 0) {
		slice_cut(rest, ' ', &word, &rest);
		if (slice_cut(word, '>', &owner, &target)) {
			EQ(slice_cstr(owner, text, sizeof(text)), 0);
			wire(text, a);
			EQ(slice_cstr(target, text, sizeof(text)), 0);
			wire(text, b);
			dnswrite_rr(&w, DNS_ANSWER, a, RRTYPE_CNAME, RRCLASS_IN, 60, slice_make(b, name_len(b)));
		} else {
			slice_cut(word, '=', &owner, &target);
			EQ(slice_cstr(owner, text, sizeof(text)), 0);
			dnswrite_rr(&w, DNS_ANSWER, wire(text, a), RRTYPE_A, RRCLASS_IN, 60, SLICE("\300\0\2\1"));
		}
	}
	EQ(dnswrite_end(&w), 0);
	EQ(dnsmsg_parse(&m, buf.p, buf.n, &fault), 0);
	s = dns_status_of(&m, wire(name, a), type);
	*b = 0;
	EQ(dns_status_at(&m, a, type, b), s);
	*name_text(at_last, b, 0) = '\0';
	buf_fini(&buf);
	return s;
}

TEST(of_a_name_itself)
{
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "a.x="), DNS_ANSWER_OK);
	EQ(status("A.x", RRTYPE_A, RCODE_NOERROR, "a.X= b.x="), DNS_ANSWER_OK);
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, ""), DNS_NODATA);
	EQ(status("a.x", RRTYPE_AAAA, RCODE_NOERROR, "a.x="), DNS_NODATA);
	EQ(status("a.x", RRTYPE_ANY, RCODE_NOERROR, "a.x="), DNS_ANSWER_OK);
	EQ(status("a.x", RRTYPE_A, RCODE_NXDOMAIN, "a.x>b.x"), DNS_NXDOMAIN);
	EQ(status("a.x", RRTYPE_A, RCODE_SERVFAIL, "a.x="), DNS_RCODE);
}

TEST(aliases)
{
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "a.x>b.x b.x>c.y c.y="), DNS_ANSWER_OK);
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "c.y= b.x>c.y a.x>b.x"), DNS_ANSWER_OK);
	STR(at_last, "c.y.");
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "a.x>b.x b.x>c.y"), DNS_NODATA);
	STR(at_last, ".");
	EQ(status("a.x", RRTYPE_CNAME, RCODE_NOERROR, "a.x>b.x"), DNS_ANSWER_OK);
}

TEST(nothing_to_do_with_it)
{
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "b.x="), DNS_NODATA);
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "a.x>b.x c.x="), DNS_NODATA);
	EQ(status("a.x", RRTYPE_ANY, RCODE_NOERROR, "b.x="), DNS_NODATA);
}

TEST(loops)
{
	char chain[2000] = "", link[40];

	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "a.x>a.x"), DNS_NODATA);
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "a.x>b.x b.x>a.x"), DNS_NODATA);
	for (int i = 0; i < 60; i++) {
		snprintf(link, sizeof(link), "n%d.x>n%d.x ", i, i + 1);
		strlcat(chain, link, sizeof(chain));
	}
	EQ(status("n0.x", RRTYPE_A, RCODE_NOERROR, chain), DNS_NODATA);
	strlcat(chain, "n60.x=", sizeof(chain));
	EQ(status("n50.x", RRTYPE_A, RCODE_NOERROR, chain), DNS_ANSWER_OK);
}

TEST(text)
{
	char to[RRTYPE_TEXTLEN];

	STR(dns_status_text(DNS_ANSWER_OK, 0, to), "NOERROR");
	STR(dns_status_text(DNS_NXDOMAIN, RCODE_NXDOMAIN, to), "NXDOMAIN");
	STR(dns_status_text(DNS_RCODE, RCODE_SERVFAIL, to), "SERVFAIL");
	STR(dns_status_text(DNS_TRUNCATED, 0, to), "TRUNCATED");
	STR(dns_status_text(DNS_RCODE, 77, to), "RCODE77");
}

MAIN(RUN(of_a_name_itself), RUN(aliases), RUN(nothing_to_do_with_it), RUN(loops), RUN(text))
