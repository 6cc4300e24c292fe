#include "loop/timer.h"

#include "base/clock.h"
#include "tap.h"

struct probe {
	struct timer timer;
	int64_t at;
	int id;
};

static int64_t now;
static int fired[4096], nfired;
static bool early;

static void
note(struct timer *t)
{
	struct probe *p = (struct probe *)t;

	early |= now < p->at;
	fired[nfired++] = p->id;
}

static void
probe_init(struct probe *p, int id)
{
	*p = (struct probe){ .id = id };
	timer_init(&p->timer, note, false);
}

static void
start(struct wheel *w)
{
	nfired = 0;
	early = false;
	now = SEC;
	wheel_init(w, now);
}

static void
arm(struct wheel *w, struct probe *p, int64_t at)
{
	p->at = at;
	timer_arm(w, &p->timer, at);
}

static struct wheel wheel;

TEST(empty)
{
	start(&wheel);
	EQ(wheel_next(&wheel), CLOCK_FOREVER);
	EQ(wheel_first(&wheel), CLOCK_FOREVER);
	EQ(wheel_run(&wheel, now + 1000 * SEC, 10), 0);
}

TEST(fires_at_its_time_and_once)
{
	static const int64_t in[] = { 1, 999, USEC, 64 * USEC, 4096 * USEC, MSEC, SEC, 100 * SEC, 36000 * SEC, CLOCK_FOREVER / 2 };

	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		struct probe p;
		int64_t due = SEC + (in[i] + USEC - 1) / USEC * USEC;

		start(&wheel);
		probe_init(&p, 1);
		arm(&wheel, &p, SEC + in[i]);
		EQ(timer_at(&p.timer), due);
		EQ(wheel_first(&wheel), due);
		OK(wheel_next(&wheel) <= due);
		EQ(wheel_run(&wheel, due - 1, 10), 0);
		OK(timer_pending(&p.timer));
		EQ(wheel_run(&wheel, due, 10), 1);
		OK(!timer_pending(&p.timer));
		EQ(wheel.pending, 0);
		EQ(wheel_run(&wheel, due + SEC, 10), 0);
	}
}

TEST(stop_is_always_safe)
{
	struct probe p;

	start(&wheel);
	probe_init(&p, 1);
	timer_stop(&wheel, &p.timer);
	arm(&wheel, &p, now + SEC);
	timer_stop(&wheel, &p.timer);
	timer_stop(&wheel, &p.timer);
	EQ(wheel.pending, 0);
	EQ(wheel_next(&wheel), CLOCK_FOREVER);
	EQ(wheel_run(&wheel, now + 2 * SEC, 10), 0);
}

TEST(arming_again_moves)
{
	struct probe p;

	start(&wheel);
	probe_init(&p, 1);
	arm(&wheel, &p, now + SEC);
	arm(&wheel, &p, now + 5 * SEC);
	EQ(wheel.pending, 1);
	EQ(wheel_run(&wheel, now + 2 * SEC, 10), 0);
	EQ(wheel_run(&wheel, now + 5 * SEC, 10), 1);
}

TEST(one_step_in_order_of_arming)
{
	static struct probe p[300];
	int64_t at = SEC + 70000 * USEC;

	/* some armed from afar, some when the time is near: all for the same microsecond */
	start(&wheel);
	for (int i = 0; i < 300; i++) {
		probe_init(&p[i], i);
		arm(&wheel, &p[i], at);
		now += 233 * USEC;
		EQ(wheel_run(&wheel, now, 10), 0);
	}
	now = at;
	EQ(wheel_run(&wheel, now, 1000), 300);
	for (int i = 0; i < 300; i++)
		EQ(fired[i], i);
}

TEST(a_bounded_run_leaves_the_rest_first)
{
	struct probe p[5];

	start(&wheel);
	for (int i = 0; i < 5; i++) {
		probe_init(&p[i], i);
		arm(&wheel, &p[i], now + (i + 1) * MSEC);
	}
	now += SEC;
	EQ(wheel_run(&wheel, now, 2), 2);
	OK(wheel_next(&wheel) <= now);
	timer_stop(&wheel, &p[2].timer);
	EQ(wheel_run(&wheel, now, 9), 2);
	EQ(fired[2], 3);
	EQ(fired[3], 4);
	EQ(wheel.pending, 0);
}

static void
rearm(struct timer *t)
{
	nfired++;
	timer_arm(&wheel, t, 0);
}

TEST(one_that_arms_itself_for_the_past_waits_its_turn)
{
	struct timer t;

	start(&wheel);
	timer_init(&t, rearm, true);
	timer_arm(&wheel, &t, 0);
	EQ(wheel.background, 1);
	now += MSEC;
	EQ(wheel_run(&wheel, now, 1000), 1);
	EQ(wheel_run(&wheel, now, 1000), 0);
	EQ(wheel_run(&wheel, now + MSEC, 1000), 1);
	timer_stop(&wheel, &t);
	EQ(wheel.background, 0);
}

enum { MANY = 2000 };
static struct probe many[MANY];

static int64_t
some_time(void)
{
	/* all magnitudes from a microsecond to a year alike */
	return (int64_t)(((uint64_t)random() << 20 ^ (uint64_t)random()) % (UINT64_C(1) << (10 + random() % 45)));
}

static int
first_due(bool *pending, int64_t upto)
{
	int best = -1;

	for (int i = 0; i < MANY; i++)
		if (pending[i] && timer_at(&many[i].timer) <= upto &&
		    (best == -1 || timer_at(&many[i].timer) < timer_at(&many[best].timer)))
			best = i;
	return best;
}

/* Against a list searched by brute force: the same timers, in the same order of time. */
TEST(random_against_a_model)
{
	static bool pending[MANY];

	srandom(7);
	start(&wheel);
	for (int i = 0; i < MANY; i++)
		probe_init(&many[i], i);
	for (int round = 0; round < 300; round++) {
		for (int k = 0; k < 50; k++) {
			int i = (int)(random() % MANY);

			if (random() % 4 == 0) {
				timer_stop(&wheel, &many[i].timer);
				pending[i] = false;
			} else {
				arm(&wheel, &many[i], now + some_time());
				pending[i] = true;
			}
		}
		now += some_time() / 16;
		nfired = 0;
		(void)wheel_run(&wheel, now, MANY);
		for (int k = 0; k < nfired; k++) {
			int i = first_due(pending, now);

			OK(i >= 0 && timer_at(&many[fired[k]].timer) == timer_at(&many[i].timer));
			OK(pending[fired[k]]);
			pending[fired[k]] = false;
		}
		EQ(first_due(pending, now), -1);
		if (wheel.pending > 0)
			EQ(wheel_first(&wheel), timer_at(&many[first_due(pending, INT64_MAX)].timer));
		OK(wheel_next(&wheel) <= wheel_first(&wheel));
	}
	OK(!early);
}

TEST(a_million_pending)
{
	enum { N = 1000000 };
	struct probe *p = malloc(N * sizeof(*p));
	int64_t last = 0, begun = clock_cpu();

	OK(p != NULL);
	if (p == NULL)
		return;
	start(&wheel);
	alloc_reset();
	for (int i = 0; i < N; i++) {
		probe_init(&p[i], 0);
		arm(&wheel, &p[i], now + 5 * SEC + random() % (10 * SEC));
	}
	EQ(wheel.pending, N);
	for (int i = 0; i < N; i += 2)
		timer_stop(&wheel, &p[i].timer);
	while (wheel.pending > 0) {
		now = wheel_first(&wheel);
		OK(now > last);
		last = now;
		nfired = 0;
		(void)wheel_run(&wheel, now, 4000);
	}
	EQ(alloc_count(), 0);
	OK(!early);
	/* a bound so wide that only a wrong order of growth can break it */
	OK(clock_cpu() - begun < 30 * SEC);
	free(p);
}

MAIN(RUN(empty), RUN(fires_at_its_time_and_once), RUN(stop_is_always_safe), RUN(arming_again_moves),
    RUN(one_step_in_order_of_arming), RUN(a_bounded_run_leaves_the_rest_first),
    RUN(one_that_arms_itself_for_the_past_waits_its_turn), RUN(random_against_a_model), RUN(a_million_pending))
