/*
 * stxn.h: server transactions over an unreliable transport (RFC 3261 section 17.2, with RFC 6026). The layer takes
 * datagrams from a transport and gives each new request to its owner once. Retransmissions are answered from here:
 * with what was answered, or, while the owner works on the request, with the last provisional response or not at all.
 */
#ifndef SIP_STXN_H
#define SIP_STXN_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/hash.h"
#include "loop/sched.h"
#include "sip/sipmsg.h"
#include "sip/sipprint.h"

/* Section 17, table 4, ns. */
#define SIP_T1 (500 * MSEC)
#define SIP_T2 (4 * SEC)
#define SIP_T4 (5 * SEC)

struct stxn;

struct stxn_stats {
	uint64_t requests, responses[7], retransmissions, malformed, dropped, refused; /* responses by class */
	size_t pending, kept; /* transactions without and with a final response */
};

struct stxn_layer {
	struct sched *sched;
	/* Sends a datagram by the transport that `via` names (what stxn_receive was given with the request). */
	void (*send)(void *arg, void *via, struct slice, const struct addr *to);
	/*
	 * A new request: m, with its packet, is borrowed for the call (sip_copy keeps it). Its owner answers with
	 * stxn_reply, at once or later, and may keep `t` until it has given a final response or is told that the
	 * transaction has gone.
	 */
	void (*request)(void *arg, struct stxn *t, const struct sipmsg *m, const struct addr *source);
	/* A datagram that is no good, and what became of it. May be NULL. */
	void (*bad)(void *arg, const struct sipmsg *m, const struct fault *, const struct addr *source);
	void *arg;
	size_t max_pending; /* more requests in work than that are refused with 503 */
	size_t max_kept;    /* of answered ones, the oldest beyond it are forgotten early */
	struct stxn_stats stats;
	/* private */
	struct hash table;
	struct hash accepted; /* what was answered with a 2xx that waits for its ACK, by what the two have in common */
	uint8_t key2[16];
	TAILQ_HEAD(, stxn) kept, free;
	struct buf out;     /* where responses are printed */
	struct sipmsg msg;  /* the message being read */
};

/* Set sched, send, request, bad, arg and the bounds before. The layer must not move afterwards. */
void stxn_init(struct stxn_layer *);

/* Forgets all transactions; their owners hear of it by `gone`. */
void stxn_fini(struct stxn_layer *);

/* A datagram. `via`: which transport, kept for the responses. */
void stxn_receive(struct stxn_layer *, void *via, struct slice packet, const struct addr *source);

/*
 * What the owner of a request embeds. `gone`: the transaction has ended without a final response, since the layer
 * ended: forget it. `cancelled`: a CANCEL came for the INVITE; the owner answers 487 (9.2), at once if it can.
 */
struct stxn_owner {
	void (*gone)(struct stxn_owner *);
	void (*cancelled)(struct stxn_owner *);
};

/* What stxn_receive was given as `via` with the request. */
void *stxn_via(const struct stxn *);

/* Until a final response is given; NULL: nobody. */
void stxn_set_owner(struct stxn *, struct stxn_owner *);

/*
 * Answers: provisional (may be repeated) or final (once; the owner is then forgotten, and must forget t). `m` and
 * `source` are those of the request. 0; -1 with errno: EALREADY when a final response was given before, ENOMEM.
 */
int stxn_reply(struct stxn *, const struct sipmsg *m, const struct addr *source, const struct sip_answer *);

#endif
