/*
 * stxnstate.h: a server transaction from the inside: what stxn.c, its life and its answers, and stxnrecv.c, which gives
 * it what comes, share. Nobody else's business.
 */
#ifndef SIP_STXNSTATE_H
#define SIP_STXNSTATE_H

#include "sip/stxn.h"

enum stxn_state { TRYING, PROCEEDING, COMPLETED, ACCEPTED, CONFIRMED };

/*
 * How long a request may be worked on before 100 Trying is due: an INVITE (17.2.1), and any other, whose client's timer E
 * has come to T2 then (RFC 4320, section 4.1); and how long answers are kept, and others than INVITEs waited for, which
 * is timer F of their clients.
 */
#define TRYING_AFTER (200 * MSEC)
#define OTHER_TRYING_AFTER (7 * SIP_T1)
#define KEEP (64 * SIP_T1)

struct stxn {
	struct hash_node node;   /* by its call */
	uint64_t branch_h;
	struct stxn_layer *layer;
	TAILQ_ENTRY(stxn) entry; /* of layer->kept when answered, of layer->free when free */
	struct timer timer;
	struct sipflow *flow;    /* held; NULL: a stream on which nothing more is to be said */
	struct stxn_owner *owner;
	char *response;          /* the last one sent; NULL: none yet */
	uint16_t response_len;
	uint8_t state;
	bool invite, reliable;
	bool first;              /* no tag in To: its copies on other ways are merged ones */
	bool said;               /* something was sent */
	bool waits_for_ack;      /* a final response to an INVITE is sent again until then */
	uint32_t copy_h;         /* of Request-URI and maker */
	uint32_t to_tag_h;       /* of the 2xx that waits for its ACK */
	int64_t interval;        /* of timer G */
	int64_t ends;            /* when timer F, H, I, J or L fires */
	struct sockaddr_in6 to;  /* where responses go: enough for both families */
};

/* Two hashes of what identifies it: of its call and CSeq number, and of its branch; under secret keys. */
struct stxn_key {
	uint64_t call, branch;
};

/* Of sip_put_call_key and sip_put_server_key; uses layer->out, which has failed when there is no memory to tell. */
struct stxn_key stxn_key(struct stxn_layer *, const struct sipmsg *, struct slice method);

/* NULL: no memory. */
struct stxn *stxn_new(struct stxn_layer *, struct stxn_key, bool invite, struct sipflow *);
void stxn_end(struct stxn *);
void stxn_arm(struct stxn *, int64_t at);

static inline bool
stxn_answered(const struct stxn *t)
{
	return t->state >= COMPLETED;
}

/* The last response again. */
void stxn_send(struct stxn *);

/* Nothing more will be said: a connection need not stay open for it. */
void stxn_let_go(struct stxn *);

uint32_t stxn_short_hash(const struct stxn_layer *, struct slice);

/* Without a transaction: the same request gets the same answer each time it comes (8.2.7). */
void stxn_answer_stateless(struct stxn_layer *, struct sipflow *, const struct sipmsg *, const struct addr *source, struct sip_answer);

#endif
