/*
 * both.h: for tests that run on a loop, with each poller: BOTH(name) { ... s ... } defines the test of that name. `s`
 * is a loop of its own, held, with a real clock. Include it after tap.h.
 */
#ifndef BOTH_H
#define BOTH_H

#include "loop/sched.h"

static const char *const both_backends[] = { "epoll", "poll" };

#define BOTH(name) \
	static void both_##name(struct sched *); \
	TEST(name) \
	{ \
		for (int i = 0; i < 2; i++) { \
			struct sched sched; \
			if (sched_init(&sched, both_backends[i], false) == -1) { \
				OK(!"sched_init"); \
				return; \
			} \
			sched_hold(&sched); \
			alloc_reset(); \
			both_##name(&sched); \
			sched_fini(&sched); \
			if (tap_failed) { \
				printf("# with %s\n", both_backends[i]); \
				return; \
			} \
		} \
	} \
	static void both_##name(struct sched *s)

struct both_step {
	struct defer defer;
	struct sched *s;
};

static inline void
both_stop(struct defer *d)
{
	sched_stop(((struct both_step *)d)->s);
}

/* One turn that does not wait. */
static inline void
both_turn(struct sched *s)
{
	struct both_step step = { .defer = { .run = both_stop }, .s = s };

	sched_defer(s, &step.defer);
	(void)sched_run(s);
}

/* Turns until `cond`; one that never comes true fails the test after five seconds, it does not hang. */
#define UNTIL(s, cond) \
	do { \
		int64_t until_ = clock_read(&(s)->clock) + 5 * SEC; \
		while (!(cond) && clock_read(&(s)->clock) < until_) \
			both_turn(s); \
		OK(cond); \
	} while (0)

#endif
