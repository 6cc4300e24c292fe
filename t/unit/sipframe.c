#include "sip/sipframe.h"

#include "guard.h"
#include "tap.h"

static struct fault f;

static ssize_t
frame(struct sipframe *fr, const char *text, size_t n, size_t max)
{
	f = (struct fault){ 0, "none", 0 };
	return sip_frame(fr, slice_make(guarded(text, n), n), max, &f);
}

#define REQUEST "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nl : 5\r\nX: l: 9\r\n\r\nhello"

/* Nothing is found early, nothing too late, however it comes. */
TEST(one_byte_a_time)
{
	static const char *const texts[] = { REQUEST, "A\nContent-Length: 0\n\n", "A\r\nB:\r\nCONTENT-LENGTH:\r\n \t3 \r\n\r\n\r\n\r",
		"SIP/2.0 200 OK\r\ncontent-length:1\r\nContent-Lengths: 70\r\n\r\nx" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sipframe fr = { 0 };
		size_t whole = strlen(texts[i]);

		for (size_t n = 0; n < whole; n++)
			EQ(frame(&fr, texts[i], n, 1000), 0);
		EQ(frame(&fr, texts[i], whole, 1000), (ssize_t)whole);
	}
}

TEST(one_after_another)
{
	static const char two[] = REQUEST REQUEST;
	struct sipframe fr = { 0 };
	size_t n = (sizeof(two) - 1) / 2;

	EQ(frame(&fr, two, 2 * n, 1000), (ssize_t)n);
	EQ(frame(&fr, two + n, n, 1000), (ssize_t)n);
}

TEST(what_has_no_end)
{
	static const struct {
		const char *text;
		int status;
		const char *why;
	} cases[] = {
		{ "OPTIONS sip:x SIP/2.0\r\nX: 1\r\n\r\n", 400, "no Content-Length on a stream" },
		{ "l: 4\r\n\r\n", 400, "no Content-Length on a stream" },
		{ "A\r\nX: a\r\n l: 4\r\n\r\n", 400, "no Content-Length on a stream" },
		{ "A\r\nl: -1\r\n\r\n", 400, "bad Content-Length" },
		{ "A\r\nl: 1 2\r\n\r\n", 400, "bad Content-Length" },
		{ "A\r\nl:\r\n\r\n", 400, "bad Content-Length" },
		{ "A\r\nl: 18446744073709551616\r\n\r\n", 400, "bad Content-Length" },
		{ "A\r\nl: 18446744073709551615\r\n\r\n", 513, "the message is too long" },
		{ "A\r\nl: 90\r\n\r\n", 513, "the message is too long" },
		{ "A\r\nl: 1\r\nX: y\r\ncontent-length : 2\r\n\r\nxx", 400, "Content-Length is there twice" },
	};
	char text[100];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sipframe fr = { 0 };

		EQ(frame(&fr, cases[i].text, strlen(cases[i].text), 100), -1);
		STR(f.why, cases[i].why);
		EQ(f.status, cases[i].status);
		OK(f.off <= strlen(cases[i].text));
	}
	/* a header without end */
	memset(text, 'x', sizeof(text));
	EQ(frame(&(struct sipframe){ 0 }, text, 99, 100), 0);
	EQ(frame(&(struct sipframe){ 0 }, text, 100, 100), -1);
	EQ(f.status, 513);
	/* exactly as long as may be */
	memset(text, '\n', sizeof(text));
	memcpy(text, "A\nl: 92\n\n", 9);
	EQ(frame(&(struct sipframe){ 0 }, text, 100, 100), -1);
	memcpy(text, "A\nl: 91\n\n", 9);
	EQ(frame(&(struct sipframe){ 0 }, text, 100, 100), 100);
}

TEST(line_ends_between)
{
	static const struct {
		const char *text;
		size_t taken;
		unsigned pings;
	} cases[] = {
		{ "", 0, 0 }, { "\r\n", 0, 0 }, { "\r\n\r", 0, 0 }, { "\r\n\r\n", 4, 1 }, { "\r\n\r\n\r\n", 4, 1 }, { "\r\n\r\n\r\n\r\nX", 8, 2 },
		{ "\r\nX", 2, 0 }, { "\n\nX", 2, 1 }, { "\rX", 0, 0 }, { "X\r\n\r\n", 0, 0 }, { "\r\n\rX", 2, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].text);
		unsigned pings = 9;

		EQ(sip_frame_blank(slice_make(guarded(cases[i].text, n), n), &pings), cases[i].taken);
		EQ(pings, cases[i].pings);
	}
}

MAIN(RUN(one_byte_a_time), RUN(one_after_another), RUN(what_has_no_end), RUN(line_ends_between))
