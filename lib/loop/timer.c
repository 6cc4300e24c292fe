/*
 * The wheel. Invariants:
 *  - a timer in the slots is later than w->now;
 *  - it is on the level of the highest base-64 digit in which its step and w->now differ, in the slot of its own digit
 *    there. So all of a level come before all of the next, and within a level the lowest used slot comes first;
 *  - lists are in order of arming, and moving down keeps that order: what is armed later for the same step can only be
 *    put behind.
 */
#include "loop/timer.h"

#include "base/clock.h"

enum { DIGIT = 6 };

static uint64_t
to_step(int64_t ns)
{
	return ns > 0 ? ((uint64_t)ns + USEC - 1) / USEC : 0;
}

void
wheel_init(struct wheel *w, int64_t now)
{
	*w = (struct wheel){ .now = (uint64_t)now / USEC };
	TAILQ_INIT(&w->due);
	for (int i = 0; i < TIMER_LEVELS * TIMER_SLOTS; i++)
		TAILQ_INIT(&w->slots[i]);
}

void
timer_init(struct timer *t, void (*fire)(struct timer *), bool background)
{
	*t = (struct timer){ .fire = fire, .background = background };
}

static void
place(struct wheel *w, struct timer *t)
{
	int level = (63 - __builtin_clzll((t->step ^ w->now) | 1)) / DIGIT;
	int slot = (int)(t->step >> (level * DIGIT)) & (TIMER_SLOTS - 1);

	w->used[level] |= UINT64_C(1) << slot;
	slot += level * TIMER_SLOTS;
	t->slot = (int16_t)(slot + 1);
	TAILQ_INSERT_TAIL(&w->slots[slot], t, entry);
}

static void
unplace(struct wheel *w, struct timer *t)
{
	int slot = t->slot - 1;

	if (t->slot < 0) {
		TAILQ_REMOVE(&w->due, t, entry);
		return;
	}
	TAILQ_REMOVE(&w->slots[slot], t, entry);
	if (TAILQ_EMPTY(&w->slots[slot]))
		w->used[slot / TIMER_SLOTS] &= ~(UINT64_C(1) << slot % TIMER_SLOTS);
}

void
timer_arm(struct wheel *w, struct timer *t, int64_t at)
{
	uint64_t step = to_step(at);

	timer_stop(w, t);
	t->step = step > w->now ? step : w->now + 1;
	place(w, t);
	w->pending++;
	w->background += t->background;
}

void
timer_stop(struct wheel *w, struct timer *t)
{
	if (t->slot == 0)
		return;
	unplace(w, t);
	t->slot = 0;
	w->pending--;
	w->background -= t->background;
}

/* The first slot that holds timers, and the step at which it begins; -1 when there is none. */
static int
first_slot(const struct wheel *w, uint64_t *begins)
{
	for (int level = 0; level < TIMER_LEVELS; level++) {
		int slot, shift = level * DIGIT;

		if (w->used[level] == 0)
			continue;
		slot = __builtin_ctzll(w->used[level]);
		/* the digits above are those of now; two shifts, since one of 66 bits is undefined */
		*begins = ((w->now >> shift >> DIGIT) << DIGIT | (uint64_t)slot) << shift;
		return level * TIMER_SLOTS + slot;
	}
	return -1;
}

/* Moves now to the step at which a slot begins: its timers are due, or go down to the levels below. */
static void
open_slot(struct wheel *w, int slot, uint64_t begins)
{
	struct timer_list list = TAILQ_HEAD_INITIALIZER(list);
	struct timer *t;

	w->now = begins;
	w->used[slot / TIMER_SLOTS] &= ~(UINT64_C(1) << slot % TIMER_SLOTS);
	TAILQ_CONCAT(&list, &w->slots[slot], entry);
	while ((t = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, t, entry);
		if (t->step > begins) {
			place(w, t);
			continue;
		}
		t->slot = -1;
		TAILQ_INSERT_TAIL(&w->due, t, entry);
	}
}

size_t
wheel_run(struct wheel *w, int64_t now, size_t most)
{
	uint64_t until = (uint64_t)now / USEC, begins;
	struct timer *t;
	size_t fired = 0;
	int slot;

	while ((slot = first_slot(w, &begins)) != -1 && begins <= until)
		open_slot(w, slot, begins);
	if (until > w->now)
		w->now = until;
	for (; fired < most && (t = TAILQ_FIRST(&w->due)) != NULL; fired++) {
		timer_stop(w, t);
		t->fire(t);
	}
	return fired;
}

int64_t
wheel_next(const struct wheel *w)
{
	uint64_t begins;

	if (!TAILQ_EMPTY(&w->due))
		return (int64_t)w->now * USEC;
	return first_slot(w, &begins) == -1 ? CLOCK_FOREVER : (int64_t)begins * USEC;
}

int64_t
wheel_first(const struct wheel *w)
{
	uint64_t first = UINT64_MAX, begins;
	const struct timer *t;
	int slot;

	if (!TAILQ_EMPTY(&w->due))
		return (int64_t)w->now * USEC;
	if ((slot = first_slot(w, &begins)) == -1)
		return CLOCK_FOREVER;
	TAILQ_FOREACH(t, &w->slots[slot], entry)
		if (t->step < first)
			first = t->step;
	return (int64_t)first * USEC;
}
