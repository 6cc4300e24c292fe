#include "base/slice.h"

#include "guard.h"
#include "tap.h"

static struct slice
at_the_edge(const char *s)
{
	size_t n = strlen(s);

	return slice_make(guarded(s, n), n);
}

TEST(eq)
{
	OK(slice_eq(SLICE("abc"), at_the_edge("abc")));
	OK(!slice_eq(SLICE("abc"), at_the_edge("abC")));
	OK(!slice_eq(SLICE("abc"), at_the_edge("ab")));
	OK(slice_eq(SLICE(""), slice_make(NULL, 0)));
	OK(slice_eq(SLICE("a\0b"), SLICE("a\0b")));
	OK(!slice_eq(SLICE("a\0b"), SLICE("a\0c")));
}

TEST(case_is_ascii_only)
{
	OK(slice_caseeq(SLICE("Via"), at_the_edge("vIA")));
	OK(!slice_caseeq(SLICE("["), at_the_edge("{")));
	OK(!slice_caseeq(SLICE("@"), at_the_edge("`")));
	OK(!slice_caseeq(SLICE("\xc4"), at_the_edge("\xe4")));
	OK(!slice_caseeq(SLICE("Via"), at_the_edge("Vi")));
	OK(slice_caseeq(SLICE(""), slice_make(NULL, 0)));
}

TEST(casecmp)
{
	static const struct {
		const char *a, *b;
		int want;
	} rows[] = {
		{ "", "", 0 }, { "a", "", 1 }, { "", "a", -1 }, { "a", "B", -1 }, { "A", "b", -1 }, { "b", "A", 1 },
		{ "ab", "ABC", -1 }, { "abd", "ABC", 1 }, { "\xff", "a", 1 }, { "_", "A", -1 }, { "x", "X", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EQ(slice_casecmp(slice_of(rows[i].a), at_the_edge(rows[i].b)), rows[i].want);
}

TEST(trim)
{
	OK(slice_eq(slice_trim(at_the_edge(" \t a b\r\n ")), SLICE("a b")));
	OK(slice_eq(slice_trim(at_the_edge("x")), SLICE("x")));
	EQ(slice_trim(at_the_edge(" \r\n\t")).n, 0);
	EQ(slice_trim(at_the_edge("")).n, 0);
	EQ(slice_trim(SLICE("\0 ")).n, 1);
}

TEST(cut)
{
	struct slice head, tail, s;

	OK(slice_cut(at_the_edge("a:b:c"), ':', &head, &tail));
	OK(slice_eq(head, SLICE("a")) && slice_eq(tail, SLICE("b:c")));
	OK(slice_cut(at_the_edge(":"), ':', &head, &tail));
	OK(head.n == 0 && tail.n == 0);
	OK(!slice_cut(at_the_edge("abc"), ':', &head, &tail));
	OK(slice_eq(head, SLICE("abc")) && tail.n == 0);
	OK(!slice_cut(slice_make(NULL, 0), ':', &head, &tail));
	EQ(head.n, 0);
	s = at_the_edge("a,b,c");
	OK(slice_cut(s, ',', &head, &s) && slice_eq(head, SLICE("a")));
	OK(slice_cut(s, ',', &head, &s) && slice_eq(head, SLICE("b")));
	OK(!slice_cut(s, ',', &head, &s) && slice_eq(head, SLICE("c")));
	EQ(s.n, 0);
}

TEST(u64)
{
	static const struct {
		const char *text;
		uint64_t max, want;
		int result;
	} rows[] = {
		{ "0", 0, 0, 0 }, { "1", 0, 7, -1 }, { "65535", 65535, 65535, 0 },
		{ "65536", 65535, 7, -1 }, { "007", 9, 7, 0 },
		{ "9", 5, 7, -1 }, { "10", 9, 7, -1 }, { "99", 98, 7, -1 },
		{ "18446744073709551615", UINT64_MAX, UINT64_MAX, 0 }, { "18446744073709551616", UINT64_MAX, 7, -1 },
		{ "99999999999999999999999999", UINT64_MAX, 7, -1 },
		{ "", 9, 7, -1 }, { "-1", 9, 7, -1 }, { "+1", 9, 7, -1 }, { " 1", 9, 7, -1 },
		{ "1 ", 9, 7, -1 }, { "1x", 9, 7, -1 },
		{ "/", 9, 7, -1 }, { ":", 9, 7, -1 }, { "\xb1", UINT64_MAX, 7, -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t out = 7;

		EQ(slice_u64(at_the_edge(rows[i].text), rows[i].max, &out), rows[i].result);
		OK(out == rows[i].want);
	}
}

TEST(cstr)
{
	char dst[4];

	EQ(slice_cstr(at_the_edge("abc"), dst, sizeof(dst)), 0);
	STR(dst, "abc");
	EQ(slice_cstr(at_the_edge("abcd"), dst, sizeof(dst)), -1);
	STR(dst, "");
	EQ(slice_cstr(SLICE("a\0b"), dst, sizeof(dst)), -1);
	EQ(slice_cstr(slice_make(NULL, 0), dst, sizeof(dst)), 0);
	STR(dst, "");
}

MAIN(RUN(eq), RUN(case_is_ascii_only), RUN(casecmp), RUN(trim), RUN(cut), RUN(u64), RUN(cstr))
