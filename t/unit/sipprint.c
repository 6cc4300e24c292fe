/* Responses: what they copy, what they add, where they go. */
#include "sip/sipprint.h"

#include "tap.h"

#define HEAD "INVITE sip:bob@biloxi.com SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP 10.1.1.1:5070;branch=z9hG4bKx;rport\r\n"
#define FROM "From: Alice <sip:alice@atlanta.com>;tag=1928\r\n"
#define TO "To: Bob <sip:bob@biloxi.com>\r\n"
#define CALL "Call-ID: a84b4c76e66710@pc33\r\n"
#define CSEQ "CSeq: 314159 INVITE\r\n"

static struct sipmsg msg;

/* The response to that text, which came from `source`. */
static const char *
answer(const char *text, const char *source, const struct sip_answer *a)
{
	static char out[2048];
	struct buf b = { 0 };
	struct fault f;
	struct addr from;

	(void)sip_parse(&msg, text, strlen(text), &f);
	if (!msg.answerable || addr_parse(slice_of(source), -1, &from, NULL, NULL) == -1)
		return "cannot be answered";
	sip_print_response(&b, &msg, &from, a);
	(void)snprintf(out, sizeof(out), "%.*s", b.failed ? 0 : (int)b.n, b.failed ? "" : b.p);
	buf_fini(&b);
	return out;
}

TEST(all_of_it)
{
	const struct sip_answer ok = { .status = 200, .to_tag = SLICE("t1"), .headers = SLICE("Contact: <sip:me>\r\n"), .body = SLICE("hi") };

	STR(answer(HEAD VIA "v: SIP/2.0/TCP other\r\n" FROM TO CALL CSEQ "Record-Route: <sip:p;lr>\r\n\r\n", "192.0.2.9:1234", &ok),
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.1.1.1:5070;branch=z9hG4bKx;rport=1234;received=192.0.2.9\r\nVia: SIP/2.0/TCP other\r\n"
	    FROM "To: Bob <sip:bob@biloxi.com>;tag=t1\r\n" CALL CSEQ
	    "Record-Route: <sip:p;lr>\r\nContact: <sip:me>\r\nContent-Length: 2\r\n\r\nhi");
}

/* The address is known already: nothing is added; other values of the line stay; a To with a tag stays as it is. */
TEST(nothing_to_add)
{
	const struct sip_answer trying = { .status = 100, .to_tag = SLICE("t1") };

	STR(answer(HEAD "Via: SIP/2.0/UDP [2001:DB8::1];branch=z9hG4bKx, SIP/2.0/UDP b\r\n" FROM "t: <sip:b>;tag=old\r\n" CALL CSEQ
	    "Timestamp: 54\r\n\r\n", "[2001:db8::1]:5060", &trying),
	    "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP [2001:DB8::1];branch=z9hG4bKx, SIP/2.0/UDP b\r\n" FROM "To: <sip:b>;tag=old\r\n" CALL CSEQ
	    "Timestamp: 54\r\nContent-Length: 0\r\n\r\n");
}

/* A refusal makes no dialog: no Record-Route; the first of two values in a line gets what we know. */
TEST(two_values_in_a_line)
{
	const struct sip_answer busy = { .status = 486, .to_tag = SLICE("t1"), .reason = SLICE("Not now") };

	STR(answer(HEAD "v: SIP/2.0/UDP h ;rport;x=y , SIP/2.0/UDP b;rport\r\n" FROM TO CALL CSEQ "Record-Route: <sip:p;lr>\r\nTimestamp: 54\r\n\r\n",
	    "192.0.2.9:1", &busy),
	    "SIP/2.0 486 Not now\r\nVia: SIP/2.0/UDP h ;rport=1;x=y;received=192.0.2.9 , SIP/2.0/UDP b;rport\r\n"
	    FROM "To: Bob <sip:bob@biloxi.com>;tag=t1\r\n" CALL CSEQ "Content-Length: 0\r\n\r\n");
}

/* Where it came from is not the sender's to say. */
TEST(received_and_rport)
{
	static const struct {
		const char *via, *want;
	} cases[] = {
		{ "SIP/2.0/UDP h;received=6.6.6.6;rport;x", "SIP/2.0/UDP h;received=192.0.2.9;rport=1;x" },
		{ "SIP/2.0/UDP h;rport;received=6.6.6.6;x", "SIP/2.0/UDP h;rport=1;received=192.0.2.9;x" },
		{ "SIP/2.0/UDP h;received=\"[::1]\" , SIP/2.0/UDP b", "SIP/2.0/UDP h;received=192.0.2.9 , SIP/2.0/UDP b" },
		{ "SIP/2.0/UDP 192.0.2.9 ;received = 192.0.2.9", "SIP/2.0/UDP 192.0.2.9 ;received = 192.0.2.9" },
		{ "SIP/2.0/UDP ;received=6.6.6.6", "SIP/2.0/UDP ;received=6.6.6.6" },
	};
	const struct sip_answer ok = { .status = 200, .to_tag = SLICE("t1") };
	char text[512], want[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), HEAD "Via: %s\r\n" FROM TO CALL CSEQ "\r\n", cases[i].via);
		(void)snprintf(want, sizeof(want), "SIP/2.0 200 OK\r\nVia: %s\r\n" FROM "To: Bob <sip:bob@biloxi.com>;tag=t1\r\n" CALL CSEQ
		    "Content-Length: 0\r\n\r\n", cases[i].want);
		STR(answer(text, "192.0.2.9:1", &ok), want);
	}
}

static const char *
target(const char *via)
{
	static char out[ADDR_STRLEN];
	char text[1024];
	struct addr from, to;
	struct fault f;

	(void)snprintf(text, sizeof(text), HEAD "Via: %s\r\n" FROM TO CALL CSEQ "\r\n", via);
	if (sip_parse(&msg, text, strlen(text), &f) == -1 || addr_parse(SLICE("10.0.0.1:777"), -1, &from, NULL, NULL) == -1)
		return "not parsed";
	sip_response_target(&msg, &from, &to);
	(void)addr_format(&to, out, sizeof(out));
	return out;
}

/* RFC 3261 18.2.2, RFC 3581 4 */
TEST(where_it_goes)
{
	STR(target("SIP/2.0/UDP h;rport;branch=z9hG4bK1"), "10.0.0.1:777");
	STR(target("SIP/2.0/UDP h:6000;branch=z9hG4bK1"), "10.0.0.1:6000");
	STR(target("SIP/2.0/UDP h"), "10.0.0.1:5060");
	STR(target("SIP/2.0/UDP h:6000;maddr=192.0.2.1"), "192.0.2.1:6000");
	STR(target("SIP/2.0/UDP h:6000;maddr=no.address"), "10.0.0.1:6000");
}

TEST(no_memory)
{
	const struct sip_answer a = { .status = 200, .to_tag = SLICE("t1") };

	/* one allocation fails, the next try does not */
	alloc_fail_at(1);
	STR(answer(HEAD VIA FROM TO CALL CSEQ "\r\n", "192.0.2.9:1", &a), "");
	OK(strncmp(answer(HEAD VIA FROM TO CALL CSEQ "\r\n", "192.0.2.9:1", &a), "SIP/2.0 200 OK\r\n", 16) == 0);
}

TEST(reasons)
{
	STR(sip_reason(302), "Moved Temporarily");
	STR(sip_reason(699), "Unknown");
}

MAIN(RUN(all_of_it), RUN(nothing_to_add), RUN(two_values_in_a_line), RUN(received_and_rport), RUN(where_it_goes), RUN(no_memory), RUN(reasons))
