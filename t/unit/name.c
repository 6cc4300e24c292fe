/* Domain names: text and wire, and hostile ones. */
#include "dns/name.h"

#include "guard.h"
#include "tap.h"

static int
parse(const char *text, uint8_t *wire)
{
	const char *why = NULL;
	int n = name_parse(slice_of(text), wire, &why);

	return n < 0 && why == NULL ? -2 : n;
}

static const char *
round_trip(const char *text)
{
	static char out[NAME_TEXTLEN + 1];
	uint8_t wire[NAME_MAX_WIRE];

	if (parse(text, wire) < 0)
		return "refused";
	*name_text(out, wire, 0) = '\0';
	return out;
}

TEST(text)
{
	static const char *const same[] = { ".", "a.", "example.com.", "we\\.ird.x.", "sp\\032ace.", "\\000\\255x.", "a\\\\b.", "*.x.",
		"_sip._udp.x.", "a/b-c.", "a\\035b.", "\\@\\(\\)\\!\\\".", "MiXed.Case." };

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		STR(round_trip(same[i]), same[i]);
	STR(round_trip("example.com"), "example.com.");
	STR(round_trip("a b"), "a\\032b.");
	STR(round_trip("\\097b"), "ab.");
	STR(round_trip("+1"), "\\+1.");
}

TEST(refused)
{
	static const char *const bad[] = { "", "..", ".a", "a..b", "a..", "a\\", "a\\25", "a\\256", "a\\2x5", "\\" };
	uint8_t wire[NAME_MAX_WIRE];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EQ(parse(bad[i], wire), -1);
		if (parse(bad[i], wire) != -1)
			printf("# %s\n", bad[i]);
	}
}

/* `n` labels of `len` bytes and a last one of `last`. */
static char *
long_name(char *to, int n, int len, int last, bool dot)
{
	char *p = to;

	for (int i = 0; i < n; i++) {
		memset(p, 'a', (size_t)len);
		p += len;
		*p++ = '.';
	}
	memset(p, 'b', (size_t)last);
	p += last;
	if (dot)
		*p++ = '.';
	*p = '\0';
	return to;
}

TEST(lengths)
{
	char text[512];
	uint8_t wire[NAME_MAX_WIRE];

	EQ(parse(long_name(text, 0, 0, 63, false), wire), 65);
	EQ(parse(long_name(text, 0, 0, 64, false), wire), -1);
	for (int dot = 0; dot < 2; dot++) {
		EQ(parse(long_name(text, 3, 63, 61, dot), wire), 255);
		EQ(parse(long_name(text, 3, 63, 62, dot), wire), -1);
		EQ(parse(long_name(text, 126, 1, 1, dot), wire), 255);
		EQ(parse(long_name(text, 127, 1, 1, dot), wire), -1);
	}
}

/* A message: 12 bytes of header, then `n` bytes. */
static size_t
check(const void *bytes, size_t n, size_t off)
{
	uint8_t msg[600] = { 0 };

	memcpy(msg + 12, bytes, n);
	return name_check((const uint8_t *)guarded(msg, 12 + n), 12 + n, 12 + off);
}

TEST(hostile)
{
	EQ(check("\1a\0", 3, 0), 3);
	EQ(check("\1a\0", 2, 0), 0);                     /* the root is missing */
	EQ(check("\2a", 2, 0), 0);                       /* cut in a label */
	EQ(check("", 0, 0), 0);
	EQ(check("\1a\0\1b\300\14", 7, 3), 4);           /* backwards */
	EQ(check("\1a\0\1b\300", 6, 3), 0);              /* half a pointer */
	EQ(check("\300\14", 2, 0), 0);                   /* to itself */
	EQ(check("\1a\300\14", 4, 0), 0);                /* to its own start */
	EQ(check("\300\16\1a\0", 5, 0), 0);              /* forwards */
	EQ(check("\300\16\300\14", 4, 2), 0);            /* two that point at each other */
	EQ(check("\1a\0\300\0", 5, 3), 0);               /* into the header */
	EQ(check("\100a\0", 3, 0), 0);                   /* reserved kinds of label */
	EQ(check("\200a\0", 3, 0), 0);
}

TEST(too_long_by_pointers)
{
	uint8_t msg[12 + 64 * 4 + 16] = { 0 };
	size_t at = 12;

	/* four labels of 63 bytes, with the root 257 */
	for (int i = 0; i < 4; i++, at += 64)
		msg[at] = 63;
	msg[at] = 0;
	EQ(name_check(msg, sizeof(msg), 12), 0);
	EQ(name_check(msg, sizeof(msg), 12 + 64), 193);
	/* 192 and 62 are 254, 255 with the root */
	msg[at + 1] = 0xc0;
	msg[at + 2] = 12 + 64;
	EQ(name_check(msg, sizeof(msg), at + 1), 2);
}

TEST(pointer_chain)
{
	static uint8_t msg[12 + 3 + 2 * 200];
	size_t at = 12;

	memcpy(msg + at, "\1a", 3);
	at += 3;
	/* each points at the one before */
	for (size_t to = 12; at < sizeof(msg); to = at, at += 2) {
		msg[at] = (uint8_t)(0xc0 | to >> 8);
		msg[at + 1] = (uint8_t)to;
	}
	EQ(name_check(msg, sizeof(msg), 15), 2);
	EQ(name_check(msg, sizeof(msg), 15 + 2 * 126), 2);
	EQ(name_check(msg, sizeof(msg), 15 + 2 * 127), 0);
}

TEST(in_a_message)
{
	static const uint8_t msg[] = "............\7example\3com\0\3www\300\14\1X\300\31";
	uint8_t wire[NAME_MAX_WIRE], want[NAME_MAX_WIRE];
	char out[NAME_TEXTLEN + 1];

	EQ(name_check(msg, sizeof(msg), 12), 13);
	EQ(name_check(msg, sizeof(msg), 25), 6);
	EQ(name_check(msg, sizeof(msg), 31), 4);
	EQ(name_skip(msg, 31), 4);
	*name_text(out, msg, 31) = '\0';
	STR(out, "X.www.example.com.");
	EQ(name_expand(msg, 31, wire), 19);
	EQ(parse("x.www.EXAMPLE.com", want), 19);
	OK(name_is(msg, 31, want));
	OK(!name_is(msg, 25, want));
	EQ(parse("x.www.example.co", want), 18);
	OK(!name_is(msg, 31, want));
	EQ(parse("x.www.example.com.au", want), 22);
	OK(!name_is(msg, 31, want));
	EQ(name_len(wire), 19);
}

TEST(reverse)
{
	static const uint8_t v4[4] = { 192, 0, 2, 17 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0xf1 };
	uint8_t wire[NAME_MAX_WIRE];
	char out[NAME_TEXTLEN + 1];

	EQ(name_reverse(v4, 4, wire), name_len(wire));
	*name_text(out, wire, 0) = '\0';
	STR(out, "17.2.0.192.in-addr.arpa.");
	EQ(name_reverse(v6, 16, wire), 74);
	*name_text(out, wire, 0) = '\0';
	STR(out, "1.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
}

MAIN(RUN(text), RUN(refused), RUN(lengths), RUN(hostile), RUN(too_long_by_pointers), RUN(pointer_chain), RUN(in_a_message), RUN(reverse))
