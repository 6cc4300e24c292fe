/*
 * sender.h: metrics on their way to a statsd server. Lines are gathered in datagrams that fit into a packet, and
 * leave at the end of the turn. Nothing is heard of a server that is not there, or too slow: a metric is never worth
 * a wait.
 */
#ifndef STAT_SENDER_H
#define STAT_SENDER_H

#include "base/addr.h"
#include "loop/sched.h"
#include "stat/statsd.h"

struct sender;

/* A UDP or unix datagram address. NULL with errno. */
struct sender *sender_open(struct sched *, const struct addr *to);

/* What is gathered leaves first. Before sched_fini. NULL is ignored. */
void sender_close(struct sender *);

/*
 * The name must be ok (statsd_name_ok) and the value within NUMBER_MAX. Not for sets. Without memory the line is
 * lost.
 */
void sender_put(struct sender *, struct slice name, double value, enum statsd_type);

/* Sends what is gathered now. */
void sender_flush(struct sender *);

#endif
