/* What an answer says: aliases in any order, in loops, and records that nobody asked for. */
#include "dns/status.h"

#include <string.h>

#include "dns/chain.h"
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

static char owners[1000]; /* "a. b. ": of the records that belong to the question */

static void
note_owners(const struct dnsmsg *m)
{
	char text[NAME_TEXTLEN + 1];
	struct dns_chain c;
	struct dnsrr rr;

	owners[0] = '\0';
	for (dns_chain(&c, m); dns_chain_next(&c, &rr);) {
		*name_text(text, m->p, rr.name) = '\0';
		strlcat(owners, text, sizeof(owners));
		strlcat(owners, " ", sizeof(owners));
	}
}

/* "a>b c= d~e" : a is an alias of b, c has an address, all below d is below e too. */
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
		if (slice_cut(word, '>', &owner, &target) || slice_cut(word, '~', &owner, &target)) {
			uint16_t kind = owner.p[owner.n] == '~' ? 39 : RRTYPE_CNAME;

			EQ(slice_cstr(owner, text, sizeof(text)), 0);
			wire(text, a);
			EQ(slice_cstr(target, text, sizeof(text)), 0);
			wire(text, b);
			dnswrite_rr(&w, DNS_ANSWER, a, kind, RRCLASS_IN, 60, slice_make(b, name_len(b)));
		} else {
			slice_cut(word, '=', &owner, &target);
			EQ(slice_cstr(owner, text, sizeof(text)), 0);
			dnswrite_rr(&w, DNS_ANSWER, wire(text, a), RRTYPE_A, RRCLASS_IN, 60, SLICE("\300\0\2\1"));
		}
	}
	EQ(dnswrite_end(&w), 0);
	EQ(dnsmsg_parse(&m, buf.p, buf.n, &fault), 0);
	s = dns_status_of(&m, type);
	note_owners(&m);
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
	STR(owners, "a.x. b.x. c.y. ");
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "c.y= b.x>c.y a.x>b.x"), DNS_ANSWER_OK);
	STR(owners, "c.y. b.x. a.x. ");
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "a.x>b.x b.x>c.y"), DNS_NODATA);
	EQ(status("a.x", RRTYPE_CNAME, RCODE_NOERROR, "a.x>b.x"), DNS_ANSWER_OK);
}

TEST(nothing_to_do_with_it)
{
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "b.x="), DNS_NODATA);
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "a.x>b.x c.x="), DNS_NODATA);
	STR(owners, "a.x. ");
	EQ(status("a.x", RRTYPE_A, RCODE_NOERROR, "evil.y= b.x= c.x>a.x a.x= A.X="), DNS_ANSWER_OK);
	STR(owners, "a.x. A.X. ");
	EQ(status("a.x", RRTYPE_ANY, RCODE_NOERROR, "b.x="), DNS_NODATA);
}

/* A DNAME stands above the name that it is for. */
TEST(whole_trees)
{
	EQ(status("a.old.x", RRTYPE_A, RCODE_NOERROR, "old.x~new.y a.old.x>a.new.y a.new.y="), DNS_ANSWER_OK);
	STR(owners, "old.x. a.old.x. a.new.y. ");
	EQ(status("a.old.x", RRTYPE_A, RCODE_NOERROR, "other.x~new.y a.old.x= .~new.y"), DNS_ANSWER_OK);
	STR(owners, "a.old.x. . ");
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
	OK(strstr(owners, "n31.x. ") != NULL && strstr(owners, "n32.x. ") == NULL);
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

MAIN(RUN(of_a_name_itself), RUN(aliases), RUN(nothing_to_do_with_it), RUN(whole_trees), RUN(loops), RUN(text))
