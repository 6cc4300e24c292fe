/* The window against models of servers: one that is quick but has a small buffer, one that is far away, one that says nothing. */
#include "dns/window.h"

#include "base/clock.h"
#include "tap.h"

enum { QUESTIONS = 200000, MOST = 100000 };

#define STEP (50 * USEC)

/*
 * A server that answers `rate` questions a second in their order, each `delay` after it has its turn, and holds `buffer` meanwhile. What it
 * has no room for is lost, and counts as under way for a second.
 */
struct model {
	double rate;
	int64_t delay;
	unsigned buffer;
	int64_t slows_at, slow_delay; /* after so long it takes so long instead; 0: it never does */
};

struct outcome {
	unsigned lost, answered, peak;
	int64_t took, full; /* full: when `MOST` were first under way */
};

static struct outcome
simulate(const struct model *m, unsigned questions)
{
	static int64_t sent[QUESTIONS], due[QUESTIONS], missed[QUESTIONS];
	struct outcome out = { .full = -1 };
	struct window w;
	unsigned head = 0, tail = 0, turn = 0, asked = 0; /* answered; asked and kept; had its turn */
	unsigned gone = 0; /* lost, and known to be */
	int64_t now = SEC, turns_at = now;

	window_init(&w, MOST, now);
	while (out.answered + out.lost < questions && now < 20 * SEC) {
		now += STEP;
		for (; turn < tail && m->rate > 0 && turns_at <= now; turn++) {
			turns_at = (turns_at > sent[turn] ? turns_at : sent[turn]) + (int64_t)((double)SEC / m->rate);
			due[turn] = turns_at + (m->slows_at > 0 && now >= SEC + m->slows_at ? m->slow_delay : m->delay);
		}
		for (; head < turn && due[head] <= now; head++) {
			window_answer(&w, now, now - sent[head]);
			out.answered++;
		}
		for (; gone < out.lost && missed[gone] + SEC <= now; gone++)
			window_loss(&w, now);
		for (unsigned batch = 0; asked < questions && tail - head + out.lost - gone < w.size && batch < 64; batch++, asked++) {
			if (tail - turn >= m->buffer)
				missed[out.lost++] = now;
			else
				sent[tail++] = now;
		}
		if (asked < questions && tail - head + out.lost - gone >= w.size)
			window_limited(&w, now);
		if (tail - head > out.peak)
			out.peak = tail - head;
		if (out.full == -1 && tail - head >= MOST)
			out.full = now - SEC;
	}
	out.took = now - SEC;
	return out;
}

TEST(a_small_buffer_does_not_overflow)
{
	struct outcome o = simulate(&(struct model){ .rate = 250000, .buffer = 277 }, QUESTIONS);

	printf("# lost %u, peak %u, %.3f s\n", o.lost, o.peak, (double)o.took / (double)SEC);
	/* now and then a larger window is tried: that may cost a few */
	OK(o.lost < QUESTIONS / 1000 * 5);
	/* and the server was busy all the time: 0.8 s at its best */
	OK(o.took < SEC);
}

TEST(a_usual_buffer_does_not_overflow)
{
	struct outcome o = simulate(&(struct model){ .rate = 250000, .buffer = 1000 }, QUESTIONS);

	EQ(o.lost, 0);
	OK(o.peak <= 1000);
	OK(o.took < SEC);
}

TEST(far_away)
{
	struct outcome o = simulate(&(struct model){ .rate = 1e6, .delay = 300 * MSEC, .buffer = QUESTIONS }, 10000);

	EQ(o.lost, 0);
	EQ(o.answered, 10000);
	printf("# %.3f s\n", (double)o.took / (double)SEC);
	OK(o.took < 400 * MSEC);
}

TEST(far_away_and_long)
{
	struct outcome o = simulate(&(struct model){ .rate = 1e6, .delay = 20 * MSEC, .buffer = QUESTIONS }, QUESTIONS);

	EQ(o.lost, 0);
	printf("# peak %u, %.3f s\n", o.peak, (double)o.took / (double)SEC);
	/* at its start it would be 15 s */
	OK(o.took < 2 * SEC);
}

/* Those that wait longer all of a sudden wait in no queue of ours. */
TEST(a_server_that_becomes_slow_is_asked_more_at_a_time)
{
	struct model m = { .rate = 50000, .buffer = 50000, .slows_at = SEC, .slow_delay = 400 * MSEC };
	struct outcome o = simulate(&m, QUESTIONS);

	printf("# lost %u, answered %u, %.3f s\n", o.lost, o.answered, (double)o.took / (double)SEC);
	EQ(o.answered, QUESTIONS);
	/* 4 s at its best; with what was under way before, hundreds */
	OK(o.took < 12 * SEC);
}

TEST(silent)
{
	struct outcome o = simulate(&(struct model){ .rate = 0, .buffer = UINT32_MAX }, QUESTIONS);

	EQ(o.answered, 0);
	EQ(o.peak, MOST);
	OK(o.full > 100 * MSEC && o.full < 600 * MSEC);
}

TEST(many_losses_make_it_smaller)
{
	struct window w;
	int64_t now = SEC;

	window_init(&w, MOST, now);
	for (int i = 0; i < 1000; i++) {
		now += MSEC;
		window_limited(&w, now);
		if (i % 3 == 0)
			window_answer(&w, now, MSEC);
		else
			window_loss(&w, now);
	}
	EQ(w.size, WINDOW_LEAST);
	window_init(&w, 10, now);
	EQ(w.size, 10);
}

MAIN(RUN(a_small_buffer_does_not_overflow), RUN(a_usual_buffer_does_not_overflow), RUN(far_away), RUN(far_away_and_long),
    RUN(a_server_that_becomes_slow_is_asked_more_at_a_time), RUN(silent), RUN(many_losses_make_it_smaller))
