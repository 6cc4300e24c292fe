/*
 * sipflow.h: a way that messages come and go: a UDP socket, or one connection. Whoever answers later holds the flow
 * meanwhile; a connection that has ended still takes answers, by opening another one (RFC 3261 section 18.2.2).
 */
#ifndef SIP_SIPFLOW_H
#define SIP_SIPFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/queue.h>

#include "base/addr.h"
#include "base/slice.h"

/*
 * Who is told when the connection has ended, or nobody can be reached at `peer`: what it still waits for will not come.
 * Embed it, and zero it first.
 */
struct sipflow_user {
	/* errno, 0: the peer closed it; and that in words, borrowed. It is no user any more */
	void (*lost)(struct sipflow_user *, int error, const char *why);
	const struct addr *peer;                        /* of a datagram socket; NULL: whoever */
	/* private */
	LIST_ENTRY(sipflow_user) entry;
};

LIST_HEAD(sipflow_users, sipflow_user);

struct sipflow {
	/*
	 * Sends a message to `to`. 0; -1 with errno when it is known that it cannot be sent. What a network loses is no
	 * failure. Loose: others may overtake it, by which sending gets cheaper.
	 */
	int (*send)(struct sipflow *, struct slice, const struct addr *to, bool loose);
	void (*unused)(struct sipflow *); /* nobody holds it any more */
	struct addr local;                /* our address: of a socket that is bound to all, the any-address */
	enum transport transport;
	bool reliable;                    /* messages are not sent again: a stream */
	size_t holders;
	struct sipflow_users users;
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
	return f->send(f, message, to, false);
}

static inline int
sipflow_send_loose(struct sipflow *f, struct slice message, const struct addr *to)
{
	return f->send(f, message, to, true);
}

static inline void
sipflow_use(struct sipflow *f, struct sipflow_user *u)
{
	LIST_INSERT_HEAD(&f->users, u, entry);
}

static inline void
sipflow_leave(struct sipflow_user *u)
{
	LIST_REMOVE(u, entry);
}

static inline void
sipflow_tell(struct sipflow_users *users, int error, const char *why)
{
	struct sipflow_user *u;

	while ((u = LIST_FIRST(users)) != NULL) {
		LIST_REMOVE(u, entry);
		u->lost(u, error, why);
	}
}

/* For the transport: tells all users. */
static inline void
sipflow_lost(struct sipflow *f, int error, const char *why)
{
	sipflow_tell(&f->users, error, why);
}

/* For the transport: tells those whose peer it is; who is told may leave, or take others along. */
static inline void
sipflow_unreached(struct sipflow *f, const struct addr *peer, int error)
{
	struct sipflow_users told = LIST_HEAD_INITIALIZER(told);
	struct sipflow_user *u, *next;

	for (u = LIST_FIRST(&f->users); u != NULL; u = next) {
		next = LIST_NEXT(u, entry);
		if (u->peer == NULL || !addr_eq(u->peer, peer))
			continue;
		LIST_REMOVE(u, entry);
		LIST_INSERT_HEAD(&told, u, entry);
	}
	sipflow_tell(&told, error, strerror(error));
}

#endif
