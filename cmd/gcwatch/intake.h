/* intake.h: statsd datagrams, from any number of sockets, become series. */
#ifndef INTAKE_H
#define INTAKE_H

#include "gcwatch.h"
#include "net/nap.h"
#include "stat/series.h"

struct intake;

/* One socket of it. */
struct inlet {
	struct intake *in;
	struct udp *udp;
	struct nap nap;
	uint32_t dropped; /* as of the last look; the system's number wraps */
};

/* Set what is above the line, the rest zero; it must stay where it is until intake_close. */
struct intake {
	const struct settings *set;
	struct sched *sched;
	struct series_table *series;
	void (*heard)(struct intake *); /* samples have been added */
	/* private */
	struct inlet inlets[LISTEN_MAX];
	size_t n;
	struct statsd_sample samples[SERIES_MANY]; /* that wait to be added; they point into datagrams */
	char names[SERIES_MANY][STATSD_SERIES_MAX]; /* of those with tags */
	size_t waiting;
	uint64_t datagrams, lines, bad, dropped, refused;
	uint64_t bad_before;
	bool crowded;                   /* it was told that there is no room */
};

/* Listens there too. 0, *bound is where, or -1 with errno. */
int intake_open(struct intake *, const struct addr *, struct addr *bound);

/* Reads now all that has arrived. */
void intake_drain(struct intake *);

/* An interval is over, in which that many samples had no room: what was lost is told. */
void intake_tell(struct intake *, uint64_t refused);

/* How many datagrams the system has dropped, told or not. */
uint64_t intake_dropped(const struct intake *);

void intake_close(struct intake *);

#endif
