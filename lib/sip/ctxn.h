/*
 * ctxn.h: client transactions (RFC 3261 section 17.1, with RFC 6026): a request is sent, again until it is heard of if
 * the transport may lose it, and its responses find their owner. ACKs of refusals, and of copies of a 2xx, are sent
 * from here.
 */
#ifndef SIP_CTXN_H
#define SIP_CTXN_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/hash.h"
#include "loop/sched.h"
#include "sip/sipflow.h"
#include "sip/sipmsg.h"

struct ctxn;

enum ctxn_end {
	CTXN_TIMEOUT,   /* no response within 64*T1 (timers B and F): as if 408 had come */
	CTXN_TRANSPORT, /* it could not be sent, or the connection was lost: as if 503 had come */
	CTXN_OVER,      /* of an INVITE that got a 2xx: no more copies of it will come (timer M) */
};

/* What the owner of a request embeds. */
struct ctxn_owner {
	/*
	 * Each provisional response, then the final one; m is borrowed for the call. The transaction is not the owner's any
	 * more then, unless it is an INVITE with a 2xx: that is to be acknowledged (ctxn_ack), and further 2xx, of which
	 * several may come from several callees, are told until `ended`.
	 */
	void (*response)(struct ctxn_owner *, struct ctxn *, const struct sipmsg *m, const struct addr *source);
	/* No final response came, or CTXN_OVER; why, in words, borrowed: NULL but for CTXN_TRANSPORT. The transaction has gone. */
	void (*ended)(struct ctxn_owner *, enum ctxn_end, const char *why);
};

struct ctxn_stats {
	uint64_t requests, retransmissions, responses[7], stray; /* responses by class; stray: of no request of ours */
	size_t pending, kept; /* without and with a final response */
};

struct ctxn_layer {
	struct sched *sched;
	struct ctxn_stats stats;
	/* private */
	struct hash table;
	uint8_t key2[16];
	struct buf out;
	struct sipmsg msg; /* the request of which an ACK or a CANCEL is made */
};

/* Set sched before. The layer must not move afterwards. */
void ctxn_init(struct ctxn_layer *);

/* Forgets all transactions; their owners hear nothing of it. */
void ctxn_fini(struct ctxn_layer *);

/*
 * Sends a request, whose text (copied) must be a good one with a branch of its own. NULL with errno: EINVAL: the text is
 * no request; EEXIST: the branch is in use; EMSGSIZE and so on: it cannot be sent. The owner is told nothing before it
 * returns.
 */
struct ctxn *ctxn_start(struct ctxn_layer *, struct sipflow *, const struct addr *to, struct slice text, struct ctxn_owner *);

/* NULL: nobody is told any more; the transaction goes on to its end. */
void ctxn_set_owner(struct ctxn *, struct ctxn_owner *);

/*
 * Cancels an INVITE (9.1): at once, or as soon as a provisional response has come. Its final response, most often 487,
 * comes as ever; if none does, CTXN_TIMEOUT after 64*T1.
 */
void ctxn_cancel(struct ctxn *);

/*
 * The ACK for the 2xx that is being told: sent to `to`, and again when the 2xx comes again. Call it from `response`.
 * 0, or -1 with errno.
 */
int ctxn_ack(struct ctxn *, struct sipflow *, const struct addr *to, struct slice text);

/* A response: true if it is one of a request of ours. */
bool ctxn_receive(struct ctxn_layer *, const struct sipmsg *m, const struct addr *source);

#endif
