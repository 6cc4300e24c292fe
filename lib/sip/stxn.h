/*
 * stxn.h: server transactions (RFC 3261 section 17.2, with RFC 4320 and RFC 6026). The layer takes messages from a
 * transport and gives each new request to its owner once. Retransmissions are answered from here: with what was
 * answered, or, while the owner works on the request, with the last provisional response or not at all.
 */
#ifndef SIP_STXN_H
#define SIP_STXN_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/slab.h"
#include "loop/sched.h"
#include "sip/sipflow.h"
#include "sip/sipmsg.h"
#include "sip/sipprint.h"

/* Section 17, table 4, ns. */
#define SIP_T1 (500 * MSEC)
#define SIP_T2 (4 * SEC)
#define SIP_T4 (5 * SEC)

struct stxn;

enum { STXN_LATENCIES = 40 };

struct stxn_stats {
	uint64_t requests, responses[7], retransmissions, malformed, dropped, refused, merged; /* responses by class */
	uint64_t latency[STXN_LATENCIES]; /* how many final answers of the owners' took 2^(n-1) to 2^n ns */
	size_t pending, kept; /* transactions without and with a final response */
	size_t kept_bytes;
};

struct stxn_layer {
	struct sched *sched;
	/*
	 * A new request: m, with its packet, is borrowed for the call (sip_copy keeps it). Its owner answers with
	 * stxn_reply, at once or later, and may keep `t` until it has given a final response or is told that the
	 * transaction has gone.
	 */
	void (*request)(void *arg, struct stxn *t, const struct sipmsg *m, const struct addr *source);
	/* An ACK that is for no transaction: for a 2xx that somebody else gave. NULL: dropped. */
	void (*ack)(void *arg, struct sipflow *, const struct sipmsg *m, const struct addr *source);
	/* A response. NULL: dropped. False: it is nobody's. */
	bool (*response)(void *arg, struct sipflow *, const struct sipmsg *m, const struct addr *source);
	/* A message that is no good, and why; m NULL: a connection that is refused. May be NULL. */
	void (*bad)(void *arg, const struct sipmsg *m, const struct fault *, const struct addr *source);
	/* A request that is refused: max_pending are in work. May be NULL. */
	void (*full)(void *arg, const struct sipmsg *m, const struct addr *source);
	void *arg;
	size_t max_pending; /* more requests in work than that are refused with 503 */
	/*
	 * Bytes that answered transactions may take, those of INVITEs, [1], and others, [0]: the oldest beyond it are
	 * forgotten before their time. One that comes again afterwards is a new request.
	 */
	size_t max_kept[2];
	struct stxn_stats stats;
	/* private */
	struct hash table; /* by what a request has in common with its copies, and an INVITE with its ACK and CANCEL */
	uint8_t key2[16];
	TAILQ_HEAD(stxn_list, stxn) kept[2]; /* [1]: INVITEs */
	/* transactions outlive what is allocated around them, INVITEs otherwise than others: they share no pages */
	struct slab_heap slabs[2];
	size_t kept_bytes[2];
	struct buf out;     /* where responses are printed */
	struct sipmsg msg;  /* the message being read */
};

/* Set sched, request, ack, response, bad, arg and the bounds before. The layer must not move afterwards. */
void stxn_init(struct stxn_layer *);

/* Forgets all transactions; their owners hear of it by `gone`. */
void stxn_fini(struct stxn_layer *);

/* A message that came from `source`. The flow is where its responses go. */
void stxn_receive(struct stxn_layer *, struct sipflow *, struct slice packet, const struct addr *source);

/*
 * What could not be taken apart, such as a message that is longer than may be: *m holds what could be read. It is
 * answered with f->status if that can be done.
 */
void stxn_malformed(struct stxn_layer *, struct sipflow *, const struct sipmsg *m, const struct fault *f, const struct addr *source);

/*
 * What the owner of a request embeds. `gone`: the transaction has ended without a final response: the layer ended, or
 * nobody waits for the answer any more; forget it. `cancelled`: a CANCEL came for the INVITE; the owner answers 487
 * (9.2), at once if it can. `trying`: the owner has taken so long that 100 Trying is due: it answers that (17.2.1; RFC
 * 4320, section 4.1).
 */
struct stxn_owner {
	void (*gone)(struct stxn_owner *);
	void (*cancelled)(struct stxn_owner *);
	void (*trying)(struct stxn_owner *);
};

/* The flow on which the request came, until a final response is given; it lives longer if it is held. */
struct sipflow *stxn_flow(const struct stxn *);

/* Until a final response is given; NULL: nobody. */
void stxn_set_owner(struct stxn *, struct stxn_owner *);

/*
 * Answers: provisional (may be repeated) or final (once; the owner is then forgotten, and must forget t). `m` and
 * `source` are those of the request. 0; -1 with errno: EALREADY when a final response was given before, EMSGSIZE,
 * ENOMEM; EINVAL: a request other than an INVITE gets no other provisional answer than 100 (RFC 4320).
 *
 * What RFC 4320 wants not to be said is not sent: a 408 to such a request, or a 100 before 3.5 seconds have passed over
 * UDP.
 */
int stxn_reply(struct stxn *, const struct sipmsg *m, const struct addr *source, const struct sip_answer *);

#endif
