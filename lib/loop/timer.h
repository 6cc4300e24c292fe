/*
 * timer.h: a wheel of timers. Arming and stopping take constant time and no memory, however many are pending; the
 * links are in the timer. Time has steps of a microsecond; a timer never fires early, and timers fire in the order of
 * their times, those of one step in the order in which they were armed.
 *
 * Eleven levels of 64 slots (Varghese and Lauck, 1987, scheme 7): level n's slots are 64^n steps wide. A timer sits
 * on the level of the highest digit, base 64, in which its time differs from now, and moves down as that digit comes
 * round.
 */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct timer {
	void (*fire)(struct timer *); /* it is stopped when it is called, and may be armed again or freed in it */
	/* private */
	TAILQ_ENTRY(timer) entry;
	uint64_t step;     /* when */
	int16_t slot;      /* level * 64 + slot + 1; 0: not pending; -1: on the due list */
	bool background;
	uint32_t note;     /* whoever owns the timer may keep something here: the room is there anyway */
};

TAILQ_HEAD(timer_list, timer);

enum { TIMER_LEVELS = 11, TIMER_SLOTS = 64 };

struct wheel {
	uint64_t now;                /* in steps: what is pending in the slots is later than it */
	size_t pending;              /* all timers */
	size_t background;           /* those of them that keep no loop alive */
	uint64_t used[TIMER_LEVELS]; /* bit n: slot n of that level holds timers */
	struct timer_list due;       /* taken out of the wheel, not fired yet */
	struct timer_list slots[TIMER_LEVELS * TIMER_SLOTS];
};

/* `now`: ns. */
void wheel_init(struct wheel *, int64_t now);

/* A timer at rest. `background`: it does not keep a loop going that has nothing else to do. */
void timer_init(struct timer *, void (*fire)(struct timer *), bool background);

/*
 * To fire at `at` (ns); the past means one step from now, so that a timer armed by one that fires waits its turn.
 * Armed already: moved.
 */
void timer_arm(struct wheel *, struct timer *, int64_t at);

/* Always safe. */
void timer_stop(struct wheel *, struct timer *);

/* When it fires (ns), if it is pending. */
static inline int64_t
timer_at(const struct timer *t)
{
	return (int64_t)t->step * 1000;
}

static inline bool
timer_pending(const struct timer *t)
{
	return t->slot != 0;
}

/* Fires all that are due at `now` (ns), at most `most` of them. Returns how many fired; what is left is next. */
size_t wheel_run(struct wheel *, int64_t now, size_t most);

/*
 * A time (ns) by which wheel_run must be called: when the first timer is due, or earlier, when a far one comes
 * nearer. CLOCK_FOREVER with none pending.
 */
int64_t wheel_next(const struct wheel *);

/* When the first timer fires (ns); CLOCK_FOREVER with none. Costs more: it looks through a slot. */
int64_t wheel_first(const struct wheel *);

#endif
