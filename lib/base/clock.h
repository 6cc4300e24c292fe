/*
 * clock.h: time as one interface. Every point in time and every length of time in coop is an int64_t of nanoseconds;
 * points are monotonic and mean nothing between processes. A virtual clock moves only when it is told to.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define USEC INT64_C(1000)
#define MSEC INT64_C(1000000)
#define SEC  INT64_C(1000000000)

/* No later time can be asked for: about 146 years. */
#define CLOCK_FOREVER (INT64_MAX / 2)

struct clock {
	int64_t now;     /* as of the last clock_read or clock_jump: cheap to look at */
	int64_t epoch;   /* add it to a monotonic time and have wall-clock time */
	bool is_virtual;
};

/* A virtual clock starts one second after zero, so that no valid time is 0. */
void clock_init(struct clock *, bool is_virtual);

/* Looks at the system's clock (a virtual one stays) and returns now. */
int64_t clock_read(struct clock *);

/* Moves a virtual clock forward to `when`; never back. */
void clock_jump(struct clock *, int64_t when);

/* Wall-clock time, ns since 1970-01-01 UTC, now. A virtual clock's wall clock moves with it. */
int64_t clock_wall(const struct clock *);

/* Seconds to ns, clamped to 0 (also for NaN) and CLOCK_FOREVER. */
int64_t clock_ns(double seconds);

/* CPU time that this process has used, user and system, ns. */
int64_t clock_cpu(void);

#endif
