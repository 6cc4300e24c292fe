#include "sip/sipmsg.h"

#include "guard.h"
#include "sip/lex.h"
#include "sip/sipuri.h"
#include "tap.h"

#define START "INVITE sip:+15551234@example.com SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKabc;rport\r\n"
#define FROM "From: \"A. \\\"B\\\" <x>\" <sip:a@example.com>;tag=88\r\n"
#define TO "To: <sip:b@example.com>\r\n"
#define ID "Call-ID: 1@192.0.2.1\r\n"
#define CSEQ "CSeq: 1 INVITE\r\n"
#define GOOD START VIA FROM TO ID CSEQ

static struct sipmsg m;
static struct fault f;

static int
parse(const char *text)
{
	return sip_parse(&m, text, strlen(text), &f);
}

#define IS(slice, text) OK(slice_eq(slice, SLICE(text)))

TEST(a_plain_request)
{
	EQ(parse(GOOD "Max-Forwards: 70\r\nContent-Length: 4\r\n\r\nbodyjunk"), 0);
	OK(m.request && m.answerable);
	IS(m.method, "INVITE");
	IS(m.uri, "sip:+15551234@example.com");
	IS(m.via.transport, "UDP");
	IS(m.via.host, "192.0.2.1");
	EQ(m.via.port, 5062);
	IS(m.via.sent_by, "192.0.2.1:5062");
	IS(m.via.branch, "z9hG4bKabc");
	OK(m.via.rport && m.via.rport_end != NULL);
	IS(m.from.display, "\"A. \\\"B\\\" <x>\"");
	IS(m.from.uri, "sip:a@example.com");
	IS(m.from.tag, "88");
	EQ(m.to.tag.n, 0);
	IS(m.call_id, "1@192.0.2.1");
	EQ(m.cseq.number, 1);
	EQ(m.max_forwards, 70);
	IS(m.body, "body");
}

TEST(compact_folded_and_in_any_case)
{
	EQ(parse("\r\n\r\nOPTIONS sip:h;transport=udp SIP/2.0\n"
		 "v  :  SIP  / 2.0\r\n  / UDP [2001:db8::1] : 5070\t; BRANCH = z9hG4bKx, SIP/2.0/UDP second\r\n"
		 "f: sip:a@example.com;tag=1\r\n"
		 "T: Mr. Watson\r\n \r\n\t<sip:b@example.com;x=y>\r\n  ;TAG=2\r\n"
		 "i: id\r\ncSEQ: 9\r\n  OPTIONS\r\nl: 0\r\n"
		 "m: <sip:1@a>, \"x, y\" <sip:2@b?h=1,2>;q=\"0,1\" , sip:3@c\r\n\r\n"),
	    0);
	IS(m.via.host, "[2001:db8::1]");
	EQ(m.via.port, 5070);
	IS(m.via.branch, "z9hG4bKx");
	IS(m.from.uri, "sip:a@example.com");
	IS(m.from.tag, "1");
	IS(m.to.uri, "sip:b@example.com;x=y");
	IS(m.to.tag, "2");
	EQ(m.cseq.number, 9);

	struct slice contacts = sip_header_value(&m, sip_find(&m, SIP_CONTACT, 0)), one;
	OK(sip_take_value(&contacts, &one));
	IS(one, "<sip:1@a>");
	OK(sip_take_value(&contacts, &one));
	IS(one, "\"x, y\" <sip:2@b?h=1,2>;q=\"0,1\"");
	OK(sip_take_value(&contacts, &one));
	IS(one, "sip:3@c");
	OK(!sip_take_value(&contacts, &one));
	OK(sip_find_name(&m, SLICE("contact"), 0) == sip_find_name(&m, SLICE("M"), 0));
	OK(sip_find_name(&m, SLICE("Route"), 0) == NULL);
}

TEST(responses)
{
	EQ(parse("SIP/2.0 180 \r\n" VIA FROM TO ID CSEQ "\r\n"), 0);
	OK(!m.request && !m.answerable);
	EQ(m.status, 180);
	EQ(m.reason.n, 0);
	EQ(parse("SIP/2.0 99 x\r\n" VIA FROM TO ID CSEQ "\r\n"), -1);
	EQ(parse("SIP/2.0 700 x\r\n" VIA FROM TO ID CSEQ "\r\n"), -1);
}

TEST(faults_are_named)
{
	static const struct {
		const char *text, *why;
		int status;
		bool answerable;
	} cases[] = {
		{ "", "not a SIP message", 0, false },
		{ "hello\r\n\r\n", "not a SIP message", 0, false },
		{ "GET / HTTP/1.1\r\n\r\n", "not a SIP message", 0, false },
		{ "INVITE sip:a@b SIP/7.0\r\n" VIA FROM TO ID CSEQ "\r\n", "version not supported", 505, true },
		{ "INVITE  sip:a@b SIP/2.0\r\n" VIA FROM TO ID CSEQ "\r\n", "bad white space in the request line", 400, true },
		{ "INVITE sip:a@b SIP/2.0 \r\n" VIA FROM TO ID CSEQ "\r\n", "bad white space in the request line", 400, true },
		{ "INVITE sip:a@b; x SIP/2.0\r\n" VIA FROM TO ID CSEQ "\r\n", "bad white space in the request line", 400, true },
		{ "INVITE <sip:a@b> SIP/2.0\r\n" VIA FROM TO ID CSEQ "\r\n", "URI without a scheme", 400, true },
		{ "INVITE sip:a@ SIP/2.0\r\n" VIA FROM TO ID CSEQ "\r\n", "bad host", 400, true },
		{ "INVITE sip:a%4@b SIP/2.0\r\n" VIA FROM TO ID CSEQ "\r\n", "bad user in URI", 400, true },
		{ START FROM TO ID CSEQ "\r\n", "no Via", 400, false },
		{ START VIA TO ID CSEQ "\r\n", "no From", 400, true },
		{ START VIA FROM ID CSEQ "\r\n", "no To", 400, true },
		{ START VIA FROM TO CSEQ "\r\n", "no Call-ID", 400, true },
		{ START VIA FROM TO ID "\r\n", "no CSeq", 400, true },
		{ START "Via: SIP/2.0\r\n" FROM TO ID CSEQ "\r\n", "bad protocol in Via", 400, true },
		{ START "Via: SIP/2.0/UDP ;x\r\n" FROM TO ID CSEQ "\r\n", "bad sent-by in Via", 400, true },
		{ START "Via: SIP/2.0/UDP h;;\r\n" FROM TO ID CSEQ "\r\n", "bad Via parameter", 400, true },
		{ START VIA "From: \"x <sip:a@b>;tag=1\r\n" TO ID CSEQ "\r\n", "bad From", 400, true },
		{ START VIA FROM "To: <sip:a@b\r\n" ID CSEQ "\r\n", "bad To", 400, true },
		{ START VIA FROM TO ID "CSeq: 2147483648 INVITE\r\n\r\n", "bad CSeq number", 400, true },
		{ START VIA FROM TO ID "CSeq: 1 OPTIONS\r\n\r\n", "the method of CSeq is not that of the request", 400, true },
		{ START VIA FROM TO ID "CSeq: INVITE\r\n\r\n", "bad CSeq number", 400, true },
		{ GOOD CSEQ "\r\n", "CSeq is there twice", 400, true },
		{ GOOD "Max-Forwards: 300\r\n\r\n", "bad Max-Forwards", 400, true },
		{ GOOD "Content-Length: -1\r\n\r\n", "bad Content-Length", 400, true },
		{ GOOD "Content-Length: 5\r\n\r\nfour", "the body is shorter than Content-Length says", 400, true },
		{ GOOD "no colon\r\n\r\n", "bad header field", 400, true },
		{ GOOD ": x\r\n\r\n", "bad header field", 400, true },
		{ GOOD, "the message ends within its header", 400, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EQ(parse(cases[i].text), -1);
		STR(f.why, cases[i].why);
		EQ(f.status, cases[i].status);
		EQ(m.answerable, cases[i].answerable);
		if (strcmp(f.why, cases[i].why) != 0)
			printf("# case %zu\n", i);
	}
}

/* Only behind a backslash, as in RFC 4475, section 3.1.1.2. */
TEST(nuls)
{
	static const char good[] = START VIA FROM "To: \"\\\0\" <sip:a@b>\r\n" ID CSEQ "\r\n\0";
	static const char bad[] = GOOD "X: a\0b\r\n\r\n", second[] = GOOD "X: \"\\\0\0\"\r\n\r\n", name[] = GOOD "X\0Y: a\r\n\r\n";

	EQ(sip_parse(&m, good, sizeof(good) - 1, &f), 0);
	IS(m.body, "\0");
	EQ(sip_parse(&m, bad, sizeof(bad) - 1, &f), -1);
	STR(f.why, "NUL in a header field");
	EQ(f.off, sizeof(GOOD) - 1 + 4);
	EQ(sip_parse(&m, second, sizeof(second) - 1, &f), -1);
	EQ(f.off, sizeof(GOOD) - 1 + 6);
	EQ(sip_parse(&m, name, sizeof(name) - 1, &f), -1);
	EQ(f.status, 400);
}

TEST(too_many_fields)
{
	static char text[8192];
	size_t n = strlcpy(text, GOOD, sizeof(text));

	for (int i = 0; i < SIP_HEADERS_MAX - 5; i++)
		n = strlcat(text, "X-Y: z\r\n", sizeof(text));
	OK(n < sizeof(text) - 20);
	(void)strlcat(text, "\r\n", sizeof(text));
	EQ(parse(text), 0);
	text[n] = '\0';
	(void)strlcat(text, "X-Y: z\r\n\r\n", sizeof(text));
	EQ(parse(text), -1);
	STR(f.why, "too many header fields");
}

TEST(a_copy_stands_alone)
{
	static const char text[] = GOOD "\r\nbody";
	char packet[sizeof(text)], *to = malloc(sizeof(text));
	struct sipmsg *copy;

	memcpy(packet, text, sizeof(text));
	EQ(sip_parse(&m, packet, sizeof(text) - 1, &f), 0);
	copy = malloc(SIPMSG_SIZE(m.nheaders));
	OK(copy != NULL && to != NULL);
	if (copy == NULL || to == NULL)
		exit(1);
	sip_copy(copy, &m, to);
	memset(packet, 0, sizeof(packet));
	IS(copy->via.branch, "z9hG4bKabc");
	IS(copy->from.tag, "88");
	IS(copy->body, "body");
	IS(copy->cseq.method, "INVITE");
	IS(sip_header_value(copy, sip_find(copy, SIP_CALL_ID, 0)), "1@192.0.2.1");
	free(copy);
	free(to);
}

TEST(names)
{
	static const char *const both[][2] = { { "Via", "v" }, { "From", "f" }, { "To", "t" }, { "Call-ID", "i" }, { "Contact", "m" },
		{ "Content-Length", "l" }, { "Content-Type", "c" }, { "Content-Encoding", "e" }, { "Subject", "s" }, { "Supported", "k" },
		{ "Event", "o" }, { "Allow-Events", "u" }, { "Refer-To", "r" }, { "Referred-By", "b" }, { "Session-Expires", "x" } };
	static const char *const names[] = { "CSeq", "Max-Forwards", "Record-Route", "Route", "Require", "Timestamp", "EXPIRES", "date" };
	static const char *const others[] = { "", "z", "X-Y", "Viaa", "Content-Lengthy", "a-name-that-is-longer-than-all-others" };
	unsigned seen = 0;

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		OK(sip_field_of(slice_of(both[i][0])) == sip_field_of(slice_of(both[i][1])));
		seen |= 1u << sip_field_of(slice_of(both[i][0]));
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		seen |= 1u << sip_field_of(slice_of(names[i]));
	EQ(seen, (1u << SIP_FIELDS) - 2);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		EQ(sip_field_of(slice_of(others[i])), SIP_OTHER);
}

TEST(keepalives)
{
	OK(sip_is_keepalive("\r\n\r\n", 4));
	OK(sip_is_keepalive("", 0));
	OK(!sip_is_keepalive("\r\nA", 3));
}

/* Every beginning of a good message, up against a page that must not be touched: refused, or read, but never read beyond. */
TEST(every_prefix)
{
	static const char text[] = GOOD "Contact: \"a\\\"b\" <sip:[::1]:5060;lr?x=y>;q=0.1, (c) sip:z@y\r\n"
					"Subject: folded\r\n here\r\nContent-Length: 3\r\n\r\nabc";
	struct slice value, one;

	for (size_t n = 0; n < sizeof(text); n++) {
		char *p = guarded(text, n);

		if (sip_parse(&m, p, n, &f) == 0)
			EQ(n, sizeof(text) - 1);
		for (int i = 0; i < m.nheaders; i++)
			for (value = sip_header_value(&m, &m.headers[i]); sip_take_value(&value, &one);)
				;
	}
}

TEST(uris)
{
	struct sipuri u;
	struct slice name, value;
	static const char *const bad[] = { "", "sip", "sip:", "sip:@h", "sip:a@b:99999", "sip:a@b:x", "sip:a b@c", "sip:[::1", "sip:[]",
		"sip:h;a b", "sip:h?%zz", "tel:", "tel:12x4", "sip:h\"" };

	EQ(sipuri_parse(&u, SLICE("sips:al%69ce:p%77@[2001:db8::1]:5061;transport=tls;lr?Subject=a%20b&x=y"), &f), 0);
	EQ(u.scheme, SIP_SCHEME_SIPS);
	IS(u.user, "al%69ce");
	IS(u.password, "p%77");
	IS(u.host, "[2001:db8::1]");
	EQ(u.port, 5061);
	OK(sip_find_param(u.params, "TRANSPORT", &value));
	IS(value, "tls");
	OK(sip_find_param(u.params, "lr", &value));
	EQ(value.n, 0);
	OK(!sip_find_param(u.params, "maddr", &value));
	OK(sipuri_next_header(&u.headers, &name, &value));
	IS(name, "Subject");
	IS(value, "a%20b");
	OK(sipuri_next_header(&u.headers, &name, &value));
	OK(!sipuri_next_header(&u.headers, &name, &value));

	EQ(sipuri_parse(&u, SLICE("tel:+1-555-1234;phone-context=x"), &f), 0);
	EQ(u.scheme, SIP_SCHEME_TEL);
	IS(u.user, "+1-555-1234");
	EQ(sipuri_parse(&u, SLICE("soap.beep://192.0.2.103:3002"), &f), 0);
	EQ(u.scheme, SIP_SCHEME_OTHER);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EQ(sipuri_parse(&u, slice_of(bad[i]), &f), -1);
		EQ(f.status, 400);
	}
}

TEST(quotes_and_escapes)
{
	char out[32];

	EQ(sip_unquote(SLICE("\"a\\\"b\\\\\""), out), 4);
	OK(memcmp(out, "a\"b\\", 4) == 0);
	EQ(sip_unescape(SLICE("a%20b%zz%4"), out), 8);
	OK(memcmp(out, "a b%zz%4", 8) == 0);
}

MAIN(RUN(a_plain_request), RUN(compact_folded_and_in_any_case), RUN(responses), RUN(faults_are_named), RUN(nuls), RUN(too_many_fields),
    RUN(a_copy_stands_alone), RUN(names), RUN(keepalives), RUN(every_prefix), RUN(uris), RUN(quotes_and_escapes))
