/* Telephone numbers to names, and NAPTR expressions, hostile ones too. */
#include "dns/enum.h"

#include "base/clock.h"
#include "tap.h"

static const char *
number(const char *text)
{
	static char out[ENUM_DIGITS + 2];
	const char *why = NULL;

	return enum_number(slice_of(text), out, &why) == 0 ? out : why;
}

TEST(numbers)
{
	STR(number("+442079460148"), "+442079460148");
	STR(number("442079460148"), "+442079460148");
	STR(number(" +44 (20) 7946-01.48/9 "), "+442079460148" "9");
	STR(number("1"), "+1");
	STR(number(""), "not a telephone number");
	STR(number("+"), "not a telephone number");
	STR(number("4+4"), "not a telephone number");
	STR(number("+44x"), "not a telephone number");
	STR(number("12345678901234567890123456789012"), "+12345678901234567890123456789012");
	STR(number("123456789012345678901234567890123"), "more digits than a telephone number has");
}

TEST(domains)
{
	uint8_t suffix[NAME_MAX_WIRE], wire[NAME_MAX_WIRE];
	char text[NAME_TEXTLEN + 1], longest[256];
	const char *why;

	EQ(name_parse(SLICE("e164.arpa"), suffix, &why), 11);
	EQ(enum_domain("+4421", suffix, wire), 8 + 11);
	*name_text(text, wire, 0) = '\0';
	STR(text, "1.2.4.4.e164.arpa.");
	memset(longest, 'a', sizeof(longest));
	for (int i = 49; i < 250; i += 50)
		longest[i] = '.';
	EQ(name_parse((struct slice){ longest, 250 }, suffix, &why), 251);
	EQ(enum_domain("+12", suffix, wire), 255);
	EQ(enum_domain("+123", suffix, wire), -1);
}

static const char *
apply(const char *expression, const char *to)
{
	static char out[2048];
	struct patterns known = { .n = 0 };
	struct buf b = { .max = 1024 };
	const char *why = NULL;

	if (enum_substitute(&known, slice_of(expression), to, &b, &why) != 0) {
		EQ(b.n, 0);
		patterns_fini(&known);
		buf_fini(&b);
		return why;
	}
	if (slice_cstr(buf_slice(&b), out, sizeof(out)) != 0)
		out[0] = '\0';
	patterns_fini(&known);
	buf_fini(&b);
	return out;
}

TEST(expressions)
{
	STR(apply("!^.*$!sip:info@example.com!", "+4412"), "sip:info@example.com");
	STR(apply("!^(.*)$!sip:\\1@example.com!", "+4412"), "sip:+4412@example.com");
	STR(apply("!^\\+44(.*)$!sip:\\1@x!", "+4412"), "sip:12@x");
	STR(apply("!^\\+(.)(.)(.*)$!\\3\\2\\1!", "+4512"), "1254");
	STR(apply("/^(.*)$/mailto:\\1\\/x@y/", "+1"), "mailto:+1/x@y");
	STR(apply("!^(.*)$!sip:\\1@x!i", "+1"), "sip:+1@x");
	STR(apply("!^(\\+1)?(2)?.*$!<\\1|\\2>!", "+13"), "<+1|>");
	STR(apply("!^.*$!a\\\\b!", "+1"), "a\\b");
	STR(apply("!^\\+1{2}3$!x!", "+113"), "x");
	/* the delimiter within the pattern is what it would be without its backslash */
	STR(apply("|^\\+(1\\|2).*$|sip:\\1@x|", "+23"), "sip:2@x");
	STR(apply("!^\\+(1|2).*$!sip:\\1@x!", "+23"), "sip:2@x");
}

TEST(bad_expressions)
{
	static const char *const bad[][2] = { { "", "bad expression" }, { "!", "bad expression" }, { "!!", "bad expression" },
		{ "!^.*$!x", "bad expression" }, { "1^.*$1x1", "bad expression" }, { "\\^.*$\\x\\", "bad expression" },
		{ "i^.*$ixi", "bad expression" }, { "+^.\\+\\+$+x+", "bad expression" }, { "!^.*$!x!g", "unknown flag of an expression" },
		{ "!^.*$!x!ii", "unknown flag of an expression" }, { "!^.*$!\\0!", "bad escape in the replacement" },
		{ "!^.*$!\\x!", "bad escape in the replacement" }, { "!^(.*!x!", "bad pattern" }, { "![!x!", "bad pattern" },
		{ "!^(.*)\\1$!x!", "back-reference in the pattern" }, { "!^\\d+$!x!", "unknown escape in the pattern" },
		{ "!^\\+9!x!", "does not match" }, { "!^.+++++++$!x!", "too many repeats in the pattern" }, { "!a{65}!x!", "too many repeats in the pattern" },
		{ "!(a{9}){9}!x!", "too many repeats in the pattern" }, { "!(a{1,9}){1,9}!x!", "too many repeats in the pattern" },
		{ "!a{99999999999999999999}!x!", "too many repeats in the pattern" },
		/* many ways through a copy that take no character */
		{ "!(4****5****6****)+$!x!", "too many repeats in the pattern" }, { "!(4|)**(5|||)**!x!", "too many repeats in the pattern" },
		{ "!((((((((4)*)*)*)*)*)*)*)*!x!", "too many repeats in the pattern" },
		{ "*(4\\*\\*\\*\\*\\*\\*\\*\\*)+*x*", "too many repeats in the pattern" } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		STR(apply(bad[i][0], "+1"), bad[i][1]);
}

/* What makes matchers run for hours must be over at once, whatever the verdict. */
TEST(hostile_expressions)
{
	static const char *const patterns[] = { "(.*)*(.*)*(.*)*(.*)*(.*)*(.*)*(.*)*(.*)*x", "((((((((((.*)*)*)*)*)*)*)*)*)*)*x",
		"(1|1|1|1)*(1|1|1|1)*(1|1|1|1)*(1|1|1|1)*x", "(1*)*(1*)*(1*)*(1*)*(1*)*(1*)*(1*)*(1*)*(1*)*x",
		"((1?){8}){8}x", "((((((1+)+)+)+)+)+)x", "((1|11|111)*)*((1|11)*)*x" };
	char expression[300];
	int64_t began = clock_cpu();

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		snprintf(expression, sizeof(expression), "!%s!x!", patterns[i]);
		(void)apply(expression, "+11111111111111111111111111111111");
	}
	memset(expression, '(', 120);
	memset(expression + 120, ')', 120);
	expression[0] = expression[240] = '!';
	strlcpy(expression + 241, "x!", 10);
	(void)apply(expression, "+1");
	OK(clock_cpu() - began < SEC);
	printf("# %.1f ms\n", (double)(clock_cpu() - began) / (double)MSEC);
}

TEST(long_results)
{
	char expression[300] = "!^(.*)$!";

	for (int i = 0; i < 120; i++)
		strlcat(expression, "\\1", sizeof(expression));
	strlcat(expression, "!", sizeof(expression));
	STR(apply(expression, "+1234567890123"), "result too long");
}

MAIN(RUN(numbers), RUN(domains), RUN(expressions), RUN(bad_expressions), RUN(hostile_expressions), RUN(long_results))
