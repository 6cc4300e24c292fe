#include "stat/number.h"

#include <locale.h>
#include <math.h>

#include "guard.h"
#include "tap.h"

static int
parse(const char *text, double *out)
{
	size_t n = strlen(text);

	return number_parse(slice_make(guarded(text, n), n), out);
}

TEST(numbers_are_read)
{
	static const struct {
		const char *text;
		double want;
	} rows[] = {
		{ "0", 0 }, { "-0", 0 }, { "1", 1 }, { "+1", 1 }, { "-1", -1 }, { "320", 320 }, { "0.1", 0.1 }, { ".5", 0.5 }, { "5.", 5 },
		{ "-2.25", -2.25 }, { "1e3", 1000 }, { "1E3", 1000 }, { "1e+3", 1000 }, { "25e-1", 2.5 }, { "007", 7 },
		{ "9007199254740993", 9007199254740992.0 }, { "18446744073709551616", 18446744073709551616.0 },
		{ "123456789012345678901234567890", 123456789012345678901234567890.0 }, { "1e100", 1e100 }, { "-1e100", -1e100 },
		{ "1e-400", 0 }, { "0e99999", 0 }, { "0.000000000000000000000000000000001", 1e-33 },
		{ "0.00000000000000000000000000000000000000000001e50", 1e6 }, { "3.14159265358979323846", 3.14159265358979323846 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double got = -7;

		EQ(parse(rows[i].text, &got), 0);
		OK(got == rows[i].want || fabs(got - rows[i].want) <= 4e-16 * fabs(rows[i].want));
	}
}

TEST(what_is_no_number_is_refused)
{
	static const char *const rows[] = { "", "+", "-", ".", "-.", "e5", "1e", "1e+", "1e-", "1.2.3", "1,5", " 1", "1 ", "1x", "0x10", "inf",
		"-inf", "nan", "NAN", "infinity", "--1", "+-1", "1e101", "-2e100", "1e99999", "1e999999999999999999999", "1e5.0", "1_0", "\xd9\xa1" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double got = 42;

		EQ(parse(rows[i], &got), -1);
		OK(got == 42);
	}
}

/* Ten to the 300 written out is too much, and 300 zeros behind the point are nothing to speak of. */
TEST(long_numbers)
{
	char text[400];
	double got = 42;

	memset(text, '0', sizeof(text));
	text[0] = '1';
	EQ(number_parse(slice_make(text, 301), &got), -1);
	EQ(number_parse(slice_make(text, 90), &got), 0);
	OK(fabs(got - 1e89) < 1e74);
	text[0] = '0', text[1] = '.';
	text[301] = '1';
	EQ(number_parse(slice_make(text, 302), &got), 0);
	OK(got > 0 && got < 1e-299);
}

TEST(numbers_are_written)
{
	static const struct {
		double v;
		const char *want;
	} rows[] = {
		{ 0, "0" }, { -0.0, "0" }, { 1, "1" }, { -17, "-17" }, { 0.5, "0.5" }, { 2.0 / 3, "0.666667" }, { 123.456, "123.456" },
		{ 1234.5678, "1234.568" }, { 1000.5, "1000.5" }, { 48129638.25, "48129638.25" }, { 48129638, "48129638" }, { 1e12 + 0.0001, "1000000000000" },
		{ 999999999999999.0, "999999999999999" }, { 1e20, "1e+20" }, { -1e100, "-1e+100" }, { 1.5e-7, "1.5e-07" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[NUMBER_STRLEN];

		EQ(number_format(rows[i].v, text, sizeof(text)), strlen(rows[i].want));
		STR(text, rows[i].want);
	}
}

TEST(what_is_written_can_be_read)
{
	for (double v = 1e-30; v < 1e99; v *= 7.3) {
		char text[NUMBER_STRLEN];
		double got = 0;

		number_format(-v, text, sizeof(text));
		EQ(parse(text, &got), 0);
		OK(fabs(got + v) <= 1e-5 * v);
	}
}

/* A locale that writes a comma for the point, if the machine has one: C.UTF-8 alone would prove nothing. */
TEST(the_locale_changes_nothing)
{
	static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE" };
	char text[NUMBER_STRLEN];
	double got = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && setlocale(LC_ALL, names[i]) == NULL; i++)
		continue;
	number_format(1234.25, text, sizeof(text));
	STR(text, "1234.25");
	EQ(parse("1.5", &got), 0);
	OK(got == 1.5);
	setlocale(LC_ALL, "C");
}

MAIN(RUN(numbers_are_read), RUN(what_is_no_number_is_refused), RUN(long_numbers), RUN(numbers_are_written), RUN(what_is_written_can_be_read),
    RUN(the_locale_changes_nothing))
