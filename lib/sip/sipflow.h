/*
 * sipflow.h: a way that messages come and go: a UDP socket, or one connection. Whoever answers later holds the flow
 * meanwhile; a connection that has ended still takes answers, by opening another one (RFC 3261 section 18.2.2).
 */
#ifndef SIP_SIPFLOW_H
#define SIP_SIPFLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/slice.h"

struct sipflow {
	/*
	 * Sends a message to `to`. 0; -1 with errno when it is known that it cannot be sent. What a network loses is no
	 * failure.
	 */
	int (*send)(struct sipflow *, struct slice, const struct addr *to);
	void (*unused)(struct sipflow *); /* nobody holds it any more */
	struct addr local;                /* our address: of a socket that is bound to all, the any-address */
	enum transport transport;
	bool reliable;                    /* messages are not sent again: a stream */
	size_t holders;
};

static inline struct sipflow *
sipflow_hold(struct sipflow *f)
{
	f->holders++;
	return f;
}

/* NULL is ignored. */
static inline void
sipflow_release(struct sipflow *f)
{
	if (f != NULL && --f->holders == 0)
		f->unused(f);
}

static inline int
sipflow_send(struct sipflow *f, struct slice message, const struct addr *to)
{
	return f->send(f, message, to);
}

#endif
