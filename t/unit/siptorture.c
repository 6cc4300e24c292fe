/*
 * What RFC 4475 (torture tests) and RFC 5118 (IPv6) are about, each as a message of our own: what must be taken, what must be refused, and how.
 */
#include "sip/sipmsg.h"

#include "guard.h"
#include "sip/lex.h"
#include "sip/sipprint.h"
#include "sip/sipuri.h"
#include "tap.h"

static struct sipmsg m;
static struct fault f;

static int
parse_n(const char *text, size_t n)
{
	f = (struct fault){ 0, "none", 0 };
	return sip_parse(&m, guarded(text, n), n, &f);
}

static int
parse(const char *text)
{
	return parse_n(text, strlen(text));
}

#define IS(slice, text) OK(slice_eq(slice, slice_of(text)))

#define LINE "INVITE sip:bob@biloxi.example SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bK776asdhds\r\n"
#define TO "To: Bob <sip:bob@biloxi.example>\r\n"
#define FROM "From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n"
#define ID "Call-ID: a84b4c76e66710@pc33.atlanta.example\r\n"
#define CSEQ "CSeq: 314159 INVITE\r\n"
#define REST VIA TO FROM ID CSEQ
#define OPTIONS(uri) "OPTIONS " uri " SIP/2.0\r\n" VIA TO FROM ID "CSeq: 1 OPTIONS\r\n\r\n"

static void
taken(const char *text)
{
	if (parse(text) == 0)
		return;
	printf("# %s (byte %zu) in:\n# %s\n", f.why, f.off, text);
	OK(!"taken");
}

/* RFC 4475, section 3.1.1 */
TEST(valid)
{
	static const char controls[] = "!x0123456789_*+`.%indeed'~ sip:h SIP/2.0\r\n" VIA
	    "To: \"BEL:\\\a NUL:\\\0 DEL:\\\x7f\" <sip:1@example.com>\r\n" FROM ID "CSeq: 1 !x0123456789_*+`.%indeed'~\r\n\r\n";

	EQ(parse_n(controls, sizeof(controls) - 1), 0);
	taken(OPTIONS("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com"));
	taken(OPTIONS("sip:sips%3Auser%40example.com@example.net"));
	taken(OPTIONS("sip:null-%00-null@example.com"));
	taken(OPTIONS("sip:user;par=u%40example.net@example.com"));
	taken(OPTIONS("sip:example.com;unknownparam"));
	taken(OPTIONS("nobodyKnowsThisScheme:totallyopaquecontent"));
	taken(OPTIONS("soap.beep://192.0.2.103:3002"));
	taken(OPTIONS("tel:+1-201-555-0123;phone-context=example.com"));
	taken("RE%47IST%45R sip:h SIP/2.0\r\n" VIA "t: \"%Z%45\" <sip:resource@example.com>\r\n" FROM ID "CSeq: 1 RE%47IST%45R\r\n"
	      "m: <sip:alias1@host1.example.com>;n%61me=x\r\n\r\n");
	taken(LINE VIA TO "From: caller<sip:caller@example.com>;tag=323\r\n" ID CSEQ "\r\n");
	taken(LINE VIA TO "f: token1~` token2'+_ token3*%!.- <sip:m@e>;fromParam''~+*_!.-%=\"\xd1\x80\";tag=_token~1'+`*%!-.\r\n" ID CSEQ "\r\n");
	taken(LINE REST "Via: SIP/2.0/SCTP t1\r\nv: SIP/2.0/UNKNOWN t3.example.com;branch=z9hG4bK-.!%66*_+`'~, SIP/2.0/TLS t4\r\n\r\n");
	taken(LINE REST "Subject:\r\nUnknown: ;;,,;;,;\r\nX: \"unbalanced\r\n\r\n");
	taken(LINE REST "m: \"Quoted \\\"\\\"\" <sip:j@e> ; newparam =\r\n newvalue ;\r\n  second ; q = 0.33\r\n\r\n");
	taken(LINE REST "Contact: *\r\n\r\n");
	taken(LINE REST "m: <sip:u@e?Route=%3Csip:sip.example.com%3E>, tel:+1;x=y\r\n\r\n");
	taken(LINE REST "Expires: 1000000000000000000000000000\r\nDate: Sat, 13 Nov 2010 23:29:00 GMT\r\n\r\n");
	/* what a datagram holds beyond the body is not looked at */
	taken(LINE REST "l: 0\r\n\r\n" LINE REST "\r\n");
	EQ(m.body.n, 0);
	/* a space after the empty line is the body's, no fold */
	taken(LINE REST "\r\n  x\r\n");
	IS(m.body, "  x\r\n");
	/* as RFC 2543 has it: no branch, no tag, no Max-Forwards (4475, 3.4.1) */
	taken("INVITE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP iftgw.example.com\r\nFrom: <sip:+1@h;user=phone>\r\nTo: sip:+2@h\r\nCall-ID: 7\r\n"
	      "CSeq: 1 INVITE\r\n\r\n");
	EQ(m.max_forwards, -1);
}

/* RFC 5118 */
TEST(ipv6)
{
	struct sipuri u;

	taken("REGISTER sip:[2001:db8::10] SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::9:1] ; received = 2001:db8::9:255\r\n" TO FROM ID
	      "CSeq: 1 REGISTER\r\nm: \"Caller\" <sip:caller@[2001:db8::1]>\r\n\r\n");
	IS(m.via.received, "2001:db8::9:255");
	taken("BYE sip:u@[2001:db8::10] SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::9:1]:5070;received=[2001:db8::9:255]\r\n" TO FROM ID
	      "CSeq: 1 BYE\r\n\r\n");
	EQ(m.via.port, 5070);
	EQ(sipuri_parse(&u, SLICE("sip:[2001:db8::10:5070]"), &f), 0);
	EQ(u.port, -1);
	EQ(sipuri_parse(&u, SLICE("sip:[2001:db8::10]:5070"), &f), 0);
	EQ(u.port, 5070);
	taken(OPTIONS("sip:user@[::ffff:192.0.2.10]"));
	taken(OPTIONS("sip:user@[2001:db8:::192.0.2.1]"));
	EQ(parse(OPTIONS("sip:2001:db8::10")), -1);
	EQ(f.status, 400);
	EQ(parse(OPTIONS("sip:[192.0.2.1]")), -1);
}

/* RFC 4475, sections 3.1.2, 3.3.1, 3.3.8 and 3.3.9: refused, with an answer */
TEST(refused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "INVITE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n" TO FROM ID CSEQ "\r\n", "bad Via parameter" },
		{ LINE REST "m: \"Joe\" <sip:joe@example.org>;;;;\r\n\r\n", "bad Contact" },
		{ LINE REST "l: 9999\r\n\r\nabc", "the body is shorter than Content-Length says" },
		{ LINE REST "Content-Length: -999\r\n\r\n", "bad Content-Length" },
		{ LINE REST "l: 0\r\nContent-Length: 0\r\n\r\n", "Content-Length is there twice" },
		{ LINE REST "i: other\r\n\r\n", "Call-ID is there twice" },
		{ LINE VIA TO FROM ID "CSeq: 36893488147419103232 INVITE\r\n\r\n", "bad CSeq number" },
		{ LINE VIA TO FROM ID "CSeq: 8 NEWMETHOD\r\n\r\n", "the method of CSeq is not that of the request" },
		{ LINE VIA "t: \"Mr. J. User <sip:j@e>\r\n" FROM ID CSEQ "\r\n", "bad To" },
		{ LINE VIA "t: \"Watson, Thomas\" < sip:t.watson@example.org >\r\n" FROM ID CSEQ "\r\n", "bad To" },
		{ LINE VIA "t: sip:a@b, sip:c@d\r\n" FROM ID CSEQ "\r\n", "bad To" },
		{ LINE VIA TO "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43\r\n" ID CSEQ "\r\n", "bad From" },
		{ LINE VIA TO FROM "i: a b\r\n" CSEQ "\r\n", "bad Call-ID" },
		{ LINE VIA CSEQ "\r\n", "no From" },
		{ "INVITE <sip:user@example.com> SIP/2.0\r\n" REST "\r\n", "URI without a scheme" },
		{ "INVITE sip:user@example.com; lr SIP/2.0\r\n" REST "\r\n", "bad white space in the request line" },
		{ "INVITE  sip:user@example.com  SIP/2.0\r\n" REST "\r\n", "bad white space in the request line" },
		{ "INVITE sip:user@example.com SIP/2.0  \r\n" REST "\r\n", "bad white space in the request line" },
		{ "INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0\r\n" REST "\r\n", "headers in the Request-URI" },
		{ LINE REST "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n\r\n", "bad Date" },
		{ LINE REST "Expires: soon\r\n\r\n", "bad Expires" },
		{ LINE REST "m: sip:user@example.com?Route=%3Csip:sip.example.com%3E\r\n\r\n", "bad Contact" },
		{ LINE REST "m:\r\n\r\n", "bad Contact" },
		{ LINE REST "Route: x\r\n\r\n", "bad Route" },
		{ LINE REST "Record-Route: <sip:a>,,<sip:b>\r\n\r\n", "bad Record-Route" },
		{ LINE REST "Via: SIP/2.0/UDP\r\n\r\n", "bad sent-by in Via" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EQ(parse(cases[i].text), -1);
		STR(f.why, cases[i].why);
		EQ(f.status, 400);
		OK(m.answerable && f.off <= strlen(cases[i].text));
		if (tap_failed) {
			printf("# case %zu\n", i);
			return;
		}
	}
	EQ(parse("OPTIONS sip:h SIP/7.0\r\nVia: SIP/7.0/UDP c.example.com;branch=z9\r\n" TO FROM ID "CSeq: 1 OPTIONS\r\n\r\n"), -1);
	OK(m.answerable);
	EQ(f.status, 505);
}

/* Nothing can be said to these. */
TEST(dropped)
{
	EQ(parse("SIP/2.0 4294967301 better not break the receiver\r\n" REST "\r\n"), -1);
	OK(!m.answerable);
	EQ(parse("SIP/2.0 503 x\r\n" VIA TO FROM ID "CSeq: 9292394834772304023312 OPTIONS\r\n\r\n"), -1);
	OK(!m.answerable);
	EQ(parse(LINE TO FROM ID CSEQ "\r\n"), -1);
	STR(f.why, "no Via");
	OK(!m.answerable);
	/* a CR that ends no line would end one for somebody else, if it were copied */
	EQ(parse(LINE VIA TO "From: \"a\rX: y\" <sip:a@b>;tag=1\r\n" ID CSEQ "\r\n"), -1);
	STR(f.why, "CR without LF");
	OK(!m.answerable);
	EQ(parse(LINE REST "X: a\r b\r\n\r\n"), -1);
	OK(!m.answerable);
}

/* What is missing or makes no sense is left out of the answer, or copied as it is; the answer goes back to where the request came from. */
TEST(answers_to_the_malformed)
{
	const struct sip_answer refusal = { .status = 400, .to_tag = SLICE("x") };
	struct addr source, to;
	struct buf b = { 0 };
	char text[ADDR_STRLEN];

	EQ(addr_parse(SLICE("192.0.2.9:1234"), -1, &source, NULL, NULL), 0);
	EQ(parse(LINE "Via: SIP/7.0/UDP c.example.com;;\r\n" ID CSEQ "\r\n"), -1);
	sip_print_response(&b, &m, &source, &refusal);
	buf_putc(&b, '\0');
	STR(b.p, "SIP/2.0 400 Bad Request\r\nVia: SIP/7.0/UDP c.example.com;;\r\n" ID CSEQ "Content-Length: 0\r\n\r\n");
	sip_response_target(&m, &source, &to);
	(void)addr_format(&to, text, sizeof(text));
	STR(text, "192.0.2.9:1234");
	buf_fini(&b);
}

TEST(uris)
{
	static const char *const good[] = { "sip:h?a=", "sip:user:@h", "sip:example.com.;maddr=[::1];x=%20", "sip:h:65535", "urn:service:sos",
		"SIP:a_b.example", "tel:7042;phone-context=+1", "http://x/y?z=1#f", "tel:*#1" };
	static const char *const bad[] = { "1sip:x", "+:x", "sip:a@b@h", "sip:a\"b@h", "sip:-h", "sip:.h", "sip:h..i", "sip:a@[::1", "sip:h;",
		"sip:h;;lr", "sip:h;=1", "sip:h;x=", "sip:h; lr", "sip:h?", "sip:h?x", "sip:h?=x", "sip:h?x=1&", "sip:h>", "sip:h ", "tel:+",
		"tel:12;", "tel:12;x=", "x:", "x:a b", "x:a\x01" };
	struct sipuri u;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		EQ(sipuri_parse(&u, slice_of(good[i]), &f), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int got = sipuri_parse(&u, slice_make(guarded(bad[i], strlen(bad[i])), strlen(bad[i])), &f);

		EQ(got, -1);
		if (got == 0)
			printf("# taken: %s\n", bad[i]);
		else
			OK(f.status == 400 && f.off <= strlen(bad[i]));
	}
}

/* Whatever one byte becomes, nothing reads too far. */
TEST(every_byte)
{
	static const char text[] = LINE VIA "t: \"a\\\"\" <sip:b@[::1]:5060;x>;y=\"z\"\r\n" FROM ID CSEQ "m: <tel:+1>,\r\n sip:h\r\n\r\n";
	char copy[sizeof(text)];

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		for (int c = 0; c < 256; c++) {
			memcpy(copy, text, sizeof(text));
			copy[i] = (char)c;
			if (parse_n(copy, sizeof(text) - 1) == -1)
				OK(f.why != NULL && f.off <= sizeof(text) - 1);
		}
}

MAIN(RUN(valid), RUN(ipv6), RUN(refused), RUN(dropped), RUN(answers_to_the_malformed), RUN(uris), RUN(every_byte))
