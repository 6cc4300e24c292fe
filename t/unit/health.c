/* Whom to ask: by order, by speed, by turns; and who is left alone, for how long. */
#include "dns/health.h"

#include "base/clock.h"
#include "tap.h"

static struct health h[3];
static const int64_t start = 1000 * SEC;

static void
fresh(void)
{
	static const char *const servers[] = { "192.0.2.1", "192.0.2.2", "2001:db8::1" };
	struct addr a;

	for (int i = 0; i < 3; i++) {
		EQ(addr_literal(slice_of(servers[i]), 53, &a), 0);
		health_init(&h[i], &a);
	}
}

static unsigned
chosen(void)
{
	return health_choose(h, 3, 0, false);
}

TEST(in_order)
{
	fresh();
	EQ(chosen(), 0);
	for (int i = 2; i >= 0; i--)
		health_answer(&h[i], start, 10 * MSEC);
	EQ(chosen(), 0);
	/* a little slower is as good */
	for (int i = 0; i < 100; i++)
		health_answer(&h[0], start, 15 * MSEC);
	EQ(chosen(), 0);
}

TEST(the_fastest)
{
	fresh();
	health_answer(&h[0], start, 100 * MSEC);
	EQ(chosen(), 0);
	health_answer(&h[2], start, 10 * MSEC);
	EQ(chosen(), 2);
	health_answer(&h[1], start, 12 * MSEC);
	EQ(chosen(), 1);
	/* smoothed: one that is late changes nothing */
	health_answer(&h[1], start, 50 * MSEC);
	EQ(chosen(), 1);
	for (int i = 0; i < 20; i++)
		health_answer(&h[1], start, 50 * MSEC);
	EQ(chosen(), 2);
	/* the first is as fast as them later: what was is forgotten */
	health_answer(&h[0], start + 60 * SEC, 10 * MSEC);
	EQ(chosen(), 0);
}

TEST(by_turns)
{
	fresh();
	health_answer(&h[2], start, 1);
	for (unsigned i = 0; i < 7; i++)
		EQ(health_choose(h, 3, i, true), i % 3);
	for (int i = 0; i < 3; i++)
		health_silence(&h[1], start);
	EQ(health_choose(h, 3, 1, true), 2);
	EQ(health_choose(h, 3, 3, true), 0);
}

TEST(down)
{
	fresh();
	health_answer(&h[0], start, MSEC);
	health_silence(&h[0], start);
	EQ(chosen(), 0);
	health_answer(&h[0], start, MSEC);
	for (int i = 0; i < 2; i++)
		health_silence(&h[0], start);
	OK(!health_is_down(&h[0]));
	health_silence(&h[0], start);
	OK(health_is_down(&h[0]));
	EQ(chosen(), 1);
	EQ(health_next(h, 3, 2), 1);
	EQ(health_next(h, 3, 1), 2);
	for (int i = 0; i < 3; i++)
		health_silence(&h[2], start);
	EQ(health_next(h, 3, 1), 1);
	for (int i = 0; i < 3; i++)
		health_silence(&h[1], start);
	EQ(chosen(), 0);
	EQ(health_next(h, 3, 1), 2);
	health_answer(&h[2], start, 500 * MSEC);
	EQ(chosen(), 2);
}

TEST(silent_for_ever)
{
	fresh();
	health_answer(&h[0], start, MSEC);
	for (int64_t i = 0; i < 10000; i++)
		health_silence(&h[0], start + i * SEC);
	OK(h[0].srtt > 0 && h[0].srtt < 60 * SEC);
	OK(h[0].down_until - (start + 9999 * SEC) <= 60 * SEC);
}

/* One that is down is tried out after 1, 2, 4... seconds, and once a minute in the end. */
TEST(tried_out)
{
	int64_t at = start, pause = SEC;

	fresh();
	for (int i = 0; i < 3; i++)
		health_silence(&h[0], at);
	for (int i = 0; i < 10; i++) {
		OK(!health_try_out(&h[0], at + pause - 1, false));
		OK(!health_try_out(&h[0], at + pause - 1, true));
		at += pause;
		OK(health_try_out(&h[0], at, true));
		health_silence(&h[0], at);
		/* more that was lost in the same time counts once */
		health_silence(&h[0], at);
		pause = pause * 2 < 60 * SEC ? pause * 2 : 60 * SEC;
	}
	health_answer(&h[0], at, MSEC);
	OK(!health_is_down(&h[0]));
	for (int i = 0; i < 3; i++)
		health_silence(&h[0], at);
	OK(health_try_out(&h[0], at + SEC, false));
	/* one of which nothing was heard for long, but only if it is not asked anyway */
	OK(!health_try_out(&h[1], start, true));
	OK(health_try_out(&h[1], start, false));
	OK(!health_try_out(&h[1], start + 59 * SEC, false));
	OK(health_try_out(&h[1], start + 60 * SEC, false));
	health_answer(&h[1], start + 70 * SEC, MSEC);
	OK(!health_try_out(&h[1], start + 129 * SEC, false));
	OK(health_try_out(&h[1], start + 130 * SEC, false));
}

TEST(cookies)
{
	uint8_t first[8];

	fresh();
	memcpy(first, h[0].cookie.client, 8);
	OK(memcmp(first, h[1].cookie.client, 8) != 0);
	fresh();
	OK(memcmp(first, h[0].cookie.client, 8) == 0);
	h[0].cookie.nserver = 8;
	health_silence(&h[0], start);
	EQ(h[0].cookie.nserver, 0);
}

MAIN(RUN(in_order), RUN(the_fastest), RUN(by_turns), RUN(down), RUN(silent_for_ever), RUN(tried_out), RUN(cookies))
