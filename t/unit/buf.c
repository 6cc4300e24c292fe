#include "base/buf.h"

#include "tap.h"

static void
put_everything(struct buf *b)
{
	buf_puts(b, "text ");
	buf_putc(b, 'c');
	buf_putslice(b, SLICE(" slice "));
	buf_printf(b, "%d-%s", 42, "printf ");
	buf_putu(b, 0);
	buf_putc(b, ' ');
	buf_putu(b, UINT64_MAX);
	buf_put16(b, 0x4142);
	buf_put32(b, 0x43444546);
	buf_put(b, "", 0);
}

#define EVERYTHING SLICE("text c slice 42-printf 0 18446744073709551615ABCDEF")

TEST(puts)
{
	struct buf b;

	buf_init(&b, 0);
	EQ(b.n, 0);
	EQ(alloc_count(), 0);
	put_everything(&b);
	OK(!b.failed);
	OK(slice_eq(buf_slice(&b), EVERYTHING));
	buf_fini(&b);
	EQ(b.n, 0);
}

TEST(quoted)
{
	struct buf b;

	buf_init(&b, 0);
	buf_putquoted(&b, SLICE("a\"b\\c"));
	buf_putquoted(&b, SLICE(""));
	OK(slice_eq(buf_slice(&b), SLICE("\"a\\\"b\\\\c\"\"\"")));
	buf_fini(&b);
}

TEST(zeroed_is_as_good_as_init)
{
	struct buf b = { .n = 0 };

	buf_puts(&b, "x");
	EQ(b.n, 1);
	buf_fini(&b);
}

TEST(grows)
{
	struct buf b = { .n = 0 };

	for (int i = 0; i < 100000; i++)
		buf_putc(&b, (char)i);
	OK(!b.failed);
	EQ(b.n, 100000);
	for (int i = 0; i < 100000; i++)
		if (b.p[i] != (char)i)
			OK(!"kept");
	OK(alloc_count() < 20);
	buf_fini(&b);
}

TEST(max)
{
	struct buf b;

	buf_init(&b, 5);
	buf_printf(&b, "%s", "12345");
	OK(!b.failed);
	EQ(b.n, 5);
	buf_putc(&b, '6');
	OK(b.failed);
	EQ(b.n, 5);
	OK(buf_reserve(&b, 0) == NULL);
	buf_clear(&b);
	OK(!b.failed);
	buf_puts(&b, "123456");
	OK(b.failed);
	buf_puts(&b, "1");
	EQ(b.n, 0);
	buf_fini(&b);
}

TEST(failed_allocations_stick)
{
	long n = 1;
	bool failed;

	do {
		struct buf b = { .n = 0 };

		alloc_fail_at(n++);
		put_everything(&b);
		for (int i = 0; i < 1000; i++)
			buf_puts(&b, "more");
		failed = b.failed;
		OK(failed ? b.n < EVERYTHING.n + 4000 : b.n == EVERYTHING.n + 4000);
		buf_fini(&b);
	} while (failed && n < 100);
	OK(n > 3 && n < 100);
}

TEST(reserve)
{
	struct buf b = { .n = 0 };
	char *p = buf_reserve(&b, 0);

	OK(p != NULL);
	p = buf_reserve(&b, 1000);
	memset(p, 'x', 1000);
	buf_added(&b, 10);
	EQ(b.n, 10);
	OK(buf_reserve(&b, SIZE_MAX) == NULL);
	OK(b.failed);
	buf_clear(&b);
	OK(buf_reserve(&b, SIZE_MAX - 1) == NULL);
	OK(b.failed);
	buf_fini(&b);
}

TEST(consume)
{
	struct buf b = { .n = 0 };

	buf_puts(&b, "abcdef");
	buf_consume(&b, 2);
	OK(slice_eq(buf_slice(&b), SLICE("cdef")));
	buf_consume(&b, 0);
	EQ(b.n, 4);
	buf_consume(&b, 4);
	EQ(b.n, 0);
	buf_puts(&b, "x");
	buf_consume(&b, 100);
	EQ(b.n, 0);
	buf_fini(&b);
}

TEST(trim)
{
	struct buf b = { .n = 0 };

	buf_printf(&b, "%5000d", 1);
	buf_trim(&b, 0);
	EQ(b.n, 5000);
	buf_clear(&b);
	buf_trim(&b, 10000);
	OK(b.cap >= 5000);
	buf_trim(&b, 4000);
	EQ(b.cap, 0);
	buf_puts(&b, "again");
	OK(slice_eq(buf_slice(&b), SLICE("again")));
	buf_fini(&b);
}

TEST(warm_buffers_need_no_memory)
{
	struct buf b = { .n = 0 };

	put_everything(&b);
	alloc_reset();
	for (int i = 0; i < 1000; i++) {
		buf_clear(&b);
		put_everything(&b);
	}
	EQ(alloc_count(), 0);
	buf_fini(&b);
}

MAIN(RUN(puts), RUN(quoted), RUN(zeroed_is_as_good_as_init), RUN(grows), RUN(max), RUN(failed_allocations_stick),
    RUN(reserve), RUN(consume), RUN(trim), RUN(warm_buffers_need_no_memory))
