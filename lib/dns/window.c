/*
 * Rounds last twice the round-trip time, so that what a size brings can be seen. A round that was limited by the
 * window is followed by one with twice its size; if that brings a tenth more answers a second, it stays, and the next
 * one is doubled again; else the old size comes back, and stays for CALM rounds.
 */
#include "dns/window.h"

#include "base/clock.h"

enum {
	CALM = 50,
	QUIET_STEP = 200,  /* what a silent server gets more, each time: more at once would overflow a small buffer */
};

#define ROUND_LEAST (5 * MSEC)
#define QUIET       (MSEC)
#define LONG_QUIET  (250 * MSEC)

/* Answers that are later than twice the least round-trip time, and this much, were waiting in a queue. */
#define QUEUED (3 * MSEC)

/* But not in one of our making, if it is by so much, and no larger window was tried lately: the server has become slower. */
#define SLOWER (50 * MSEC)

/*
 * How long a silence must be to mean that more may be asked: little from one that has never been heard and may be far
 * away, longer from one that has.
 */
static int64_t
quiet(const struct window *w)
{
	if (w->rtt == 0)
		return QUIET;
	return 4 * w->rtt > LONG_QUIET ? 4 * w->rtt : LONG_QUIET;
}

static void
set_size(struct window *w, uint64_t size)
{
	if (size < WINDOW_LEAST)
		size = WINDOW_LEAST;
	w->size = size < w->most ? (unsigned)size : w->most;
}

void
window_init(struct window *w, unsigned most, int64_t now)
{
	*w = (struct window){ .most = most, .growing = true, .began = now, .heard = now };
	set_size(w, WINDOW_START);
	w->before = w->size;
}

static void
grow(struct window *w, double rate)
{
	w->rate = rate;
	w->before = w->size;
	w->growing = true;
	set_size(w, (uint64_t)w->size * 2);
}

static bool
is_queued(const struct window *w)
{
	return w->rtt > 2 * w->least + QUEUED;
}

static void
end_round(struct window *w, double rate)
{
	if (w->losses > w->answers / 4) {
		set_size(w, w->size / 2);
		w->growing = false;
		w->calm = CALM;
	} else if (!w->limited) {
		return;
	} else if (!w->growing) {
		if (w->rtt > 2 * w->least + SLOWER && w->calm < CALM - 1) {
			w->least = w->rtt;
			grow(w, rate);
		} else if (w->calm > 0)
			w->calm--;
		else if (!is_queued(w))
			grow(w, rate);
	} else if (rate > w->rate * 1.1 && !is_queued(w)) {
		grow(w, rate);
	} else {
		set_size(w, w->before);
		w->growing = false;
		w->calm = CALM;
	}
}

static void
look(struct window *w, int64_t now)
{
	int64_t lasted = now - w->began;

	if (lasted < ROUND_LEAST || lasted < 2 * w->rtt)
		return;
	/* a round without anything says nothing of the server */
	if (w->answers + w->losses > 0)
		end_round(w, (double)w->answers * (double)SEC / (double)lasted);
	w->began = now;
	w->answers = w->losses = 0;
	w->limited = false;
}

void
window_answer(struct window *w, int64_t now, int64_t rtt)
{
	w->answers++;
	w->heard = now;
	w->rtt = w->rtt == 0 ? rtt + 1 : w->rtt + (rtt - w->rtt) / 8;
	/* it rises slowly, since the way may have become longer */
	if (w->least == 0 || rtt < w->least)
		w->least = rtt + 1;
	else
		w->least += (rtt - w->least) >> 16;
	look(w, now);
}

void
window_loss(struct window *w, int64_t now)
{
	w->losses++;
	look(w, now);
}

void
window_limited(struct window *w, int64_t now)
{
	w->limited = true;
	if (now - w->heard < quiet(w))
		return;
	w->heard = now;
	set_size(w, (uint64_t)w->size + QUIET_STEP);
}

int64_t
window_next(const struct window *w)
{
	return w->heard + quiet(w);
}
