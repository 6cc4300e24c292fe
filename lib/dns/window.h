/*
 * window.h: how many questions may be under way at a time. Too many at once overflow the receive buffer of a server,
 * or of a queue on the way, and what is lost there costs a time-out; too few leave a server idle that is merely far
 * away. So the window grows only as long as a larger one brings more answers a second and answers do not wait in
 * queues already, or when none come at all, and shrinks when many are lost. No I/O; the time is told to it.
 */
#ifndef DNS_WINDOW_H
#define DNS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window {
	unsigned size;      /* questions under way at most */
	unsigned most;      /* size never grows beyond it */
	/* private */
	unsigned before;    /* the size that is being compared with */
	unsigned answers, losses; /* in this round */
	bool growing;       /* this round tries a larger size than the last */
	bool limited;       /* somebody had to wait for room in this round */
	unsigned calm;      /* rounds until a larger size is tried again */
	double rate;        /* answers a second before it grew */
	int64_t began;      /* this round, ns */
	int64_t heard;      /* the last answer, or the last growth for want of one */
	int64_t rtt;        /* smoothed, ns */
	int64_t least;      /* the least there was lately: what is more was spent in queues */
};

enum { WINDOW_START = 256, WINDOW_LEAST = 64 };

void window_init(struct window *, unsigned most, int64_t now);

/* What happened. `limited`: there are questions that wait for room. */
void window_answer(struct window *, int64_t now, int64_t rtt);
void window_loss(struct window *, int64_t now);
void window_limited(struct window *, int64_t now);

/* When window_limited should be called again if questions still wait then: growth for want of answers needs it. */
int64_t window_next(const struct window *);

#endif
