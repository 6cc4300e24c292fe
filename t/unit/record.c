#include "stat/record.h"

#include "guard.h"
#include "tap.h"

static int
parse(const char *text, struct record *r, struct fault *f)
{
	size_t n = strlen(text);

	return record_parse(slice_make(guarded(text, n), n), r, f);
}

TEST(a_line_is_read)
{
	struct record r;
	struct fault f;

	EQ(parse("1700000000.25\tsvc.gc\t60\t1\t2.5\t4e3\t-0.5", &r, &f), -1);
	STR(f.why, "last is not between min and max");
	EQ(parse("1700000000.25\tsvc.gc\t60\t-1\t2.5\t4e3\t-0.5", &r, &f), 0);
	EQ(r.at, INT64_C(1700000000250));
	OK(slice_eq(r.name, SLICE("svc.gc")));
	OK(r.f.count == 60 && r.f.min == -1 && r.f.avg == 2.5 && r.f.max == 4000 && r.f.last == -0.5);
}

TEST(bad_lines)
{
	static const struct {
		const char *line, *why;
		size_t off;
	} rows[] = {
		{ "", "bad epoch", 0 }, { "x\ta\t1\t1\t1\t1\t1", "bad epoch", 0 }, { "-1\ta\t1\t1\t1\t1\t1", "bad epoch", 0 },
		{ "1e30\ta\t1\t1\t1\t1\t1", "bad epoch", 0 }, { "1", "bad name", 1 }, { "1\t\t1\t1\t1\t1\t1", "bad name", 2 },
		{ "1\ta b\t1\t1\t1\t1\t1", "bad name", 2 }, { "1\ta", "bad number", 3 }, { "1\ta\t1\t1\t1\t1", "bad number", 11 },
		{ "1\ta\t1\t1\t1\t1\t", "bad number", 12 }, { "1\ta\t1\t1\tnan\t1\t1", "bad number", 8 }, { "1\ta\t1\t1\t1\t1\t1\t", "more than seven fields", 13 },
		{ "1\ta\t1\t1\t1\t1\t1\t1", "more than seven fields", 13 }, { "1\ta\t1\t2\t1\t1\t1", "min is above max", 0 },
		{ "1\ta\t1\t1\t5\t2\t1", "avg is not between min and max", 0 }, { "1\ta\t1\t1\t1\t2\t3", "last is not between min and max", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r = { .at = 42 };
		struct fault f = { .why = "" };

		EQ(parse(rows[i].line, &r, &f), -1);
		STR(f.why, rows[i].why);
		EQ(f.off, rows[i].off);
		EQ(r.at, 42);
	}
}

TEST(what_is_written_is_read)
{
	static const struct {
		int64_t at;
		struct figures f;
		const char *want;
	} rows[] = {
		{ 1700000000000, { 3, 1, 2, 3, 3 }, "1700000000\tx\t3\t1\t2\t3\t3\n" },
		{ 1700000000007, { 3, 1, 2.0 / 3 + 1, 3, 3 }, "1700000000.007\tx\t3\t1\t1.66667\t3\t3\n" },
		{ 0, { 1, -48129638.25, -48129638.25, -48129638.25, -48129638.25 }, "0\tx\t1\t-48129638.25\t-48129638.25\t-48129638.25\t-48129638.25\n" },
		{ 1000, { 7, 0.1234567, 0.1234567, 0.1234567, 0.1234567 }, "1\tx\t7\t0.123457\t0.123457\t0.123457\t0.123457\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r = { .at = rows[i].at, .name = SLICE("x"), .f = rows[i].f }, back;
		struct fault f;
		struct buf b;

		buf_init(&b, 0);
		record_put(&b, &r);
		OK(slice_eq(buf_slice(&b), slice_of(rows[i].want)));
		EQ(record_parse(slice_make(b.p, b.n - 1), &back, &f), 0);
		EQ(back.at, r.at);
		buf_fini(&b);
	}
}

MAIN(RUN(a_line_is_read), RUN(bad_lines), RUN(what_is_written_is_read))
