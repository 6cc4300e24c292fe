/*
 * One timer serves a transaction: it fires when the request is to be sent again, or when its time is up, whichever is
 * first.
 *
 *	INVITE   CALLING -(A: send again; B: timeout)-> CALLING -(1xx)-> PROCEEDING -(2xx)-> ACCEPTED -(M)-> end
 *	                                                PROCEEDING -(3xx-6xx: ACK)-> COMPLETED -(again: ACK again; D)-> end
 *	others   CALLING -(E: send again; F: timeout)-> CALLING -(1xx)-> PROCEEDING -(E, every T2; F)-> PROCEEDING
 *	                                                PROCEEDING -(final)-> COMPLETED -(K)-> end
 *
 * On a stream A and E are not used, D and K are 0.
 */
#include "sip/ctxn.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "sip/sipkey.h"
#include "sip/siprequest.h"
#include "sip/stxn.h"

enum ctxn_state { CALLING, PROCEEDING, COMPLETED, ACCEPTED };

#define LIMIT (64 * SIP_T1)

struct ctxn {
	struct hash_node node;
	uint64_t h2;
	struct ctxn_layer *layer;
	struct timer timer;
	struct sipflow_user user;
	struct sipflow *flow;      /* held */
	struct ctxn_owner *owner;
	struct addr to;
	struct sipflow *ack_flow;  /* of the ACK for a 2xx, held; NULL: none */
	struct addr ack_to;
	char *ack;                 /* for the 2xx or for the refusal; NULL: none yet */
	size_t ack_len;
	uint32_t to_tag_h;         /* of the 2xx that it is for */
	int64_t interval, again;   /* of timers A and E; again: when, CLOCK_FOREVER for never */
	int64_t ends;              /* when B, D, F, K or M fires */
	uint8_t state;
	bool invite;
	bool cancelling, cancelled; /* a CANCEL is to be sent; has been */
	size_t len;
	char text[];               /* the request */
};

static void fire(struct timer *);

void
ctxn_init(struct ctxn_layer *l)
{
	hash_init(&l->table);
	arc4random_buf(l->key2, sizeof(l->key2));
	buf_init(&l->out, 0);
	l->stats = (struct ctxn_stats){ .requests = 0 };
}

/* --- finding --- */

struct key {
	uint64_t h, h2;
};

static struct key
key_of(struct ctxn_layer *l, struct slice branch, struct slice method)
{
	struct key k;

	buf_clear(&l->out);
	sip_put_client_key(&l->out, branch, method);
	k.h = siphash(l->table.key, l->out.p, l->out.n);
	k.h2 = siphash(l->key2, l->out.p, l->out.n);
	return k;
}

static struct ctxn *
find(const struct ctxn_layer *l, struct key k)
{
	struct hash_node *node;

	for (node = hash_find(&l->table, k.h); node != NULL; node = hash_next(node))
		if (((struct ctxn *)node)->h2 == k.h2)
			return (struct ctxn *)node;
	return NULL;
}

/* --- the end --- */

static bool
is_final(const struct ctxn *t)
{
	return t->state >= COMPLETED;
}

static void
remove_txn(struct ctxn *t)
{
	struct ctxn_layer *l = t->layer;

	timer_stop(&l->sched->wheel, &t->timer);
	hash_remove(&l->table, &t->node);
	if (is_final(t))
		l->stats.kept--;
	else
		l->stats.pending--;
	if (t->user.lost != NULL)
		sipflow_leave(&t->user);
	sipflow_release(t->flow);
	sipflow_release(t->ack_flow);
	free(t->ack);
	free(t);
}

static void
end(struct ctxn *t, enum ctxn_end how, const char *why)
{
	struct ctxn_owner *owner = t->owner;

	remove_txn(t);
	if (owner != NULL)
		owner->ended(owner, how, why);
}

/* --- sending, and time --- */

static void
arm(struct ctxn *t)
{
	timer_arm(&t->layer->sched->wheel, &t->timer, t->again < t->ends ? t->again : t->ends);
}

static struct slice
text_of(const struct ctxn *t)
{
	return slice_make(t->text, t->len);
}

/* Timers A and E. */
static void
send_again(struct ctxn *t, int64_t now)
{
	int64_t interval = 2 * t->interval;

	if (!t->invite && (t->state == PROCEEDING || interval > SIP_T2))
		interval = SIP_T2;
	t->interval = interval;
	t->again = now + interval;
	t->layer->stats.retransmissions++;
	arm(t);
	if (sipflow_send(t->flow, text_of(t), &t->to) == -1)
		end(t, CTXN_TRANSPORT, strerror(errno));
}

static void
fire(struct timer *timer)
{
	struct ctxn *t = (struct ctxn *)((char *)timer - offsetof(struct ctxn, timer));
	int64_t now = t->layer->sched->clock.now;

	if (now < t->ends && now >= t->again)
		send_again(t, now);
	else if (now < t->ends)
		arm(t);
	else if (t->state == ACCEPTED)
		end(t, CTXN_OVER, NULL);
	else if (t->state == COMPLETED)
		remove_txn(t);
	else
		end(t, CTXN_TIMEOUT, NULL);
}

/* Nothing will come on that connection any more, or from where the request went. */
static void
lost(struct sipflow_user *u, int error, const char *why)
{
	struct ctxn *t = (struct ctxn *)((char *)u - offsetof(struct ctxn, user));

	(void)error;
	t->user.lost = NULL;
	if (!is_final(t))
		end(t, CTXN_TRANSPORT, why);
}

static void
begin(struct ctxn *t)
{
	struct ctxn_layer *l = t->layer;
	int64_t now = l->sched->clock.now;

	t->interval = SIP_T1;
	t->again = t->flow->reliable ? CLOCK_FOREVER : now + t->interval;
	t->ends = now + LIMIT;
	t->user.lost = lost;
	t->user.peer = &t->to;
	sipflow_use(t->flow, &t->user);
	l->stats.requests++;
	arm(t);
}

static struct ctxn *
new(struct ctxn_layer *l, struct sipflow *flow, const struct addr *to, struct slice text)
{
	struct ctxn *t = calloc(1, sizeof(*t) + text.n);

	if (t == NULL)
		return NULL;
	t->layer = l;
	t->flow = sipflow_hold(flow);
	t->to = *to;
	t->len = text.n;
	memcpy(t->text, text.p, text.n);
	timer_init(&t->timer, fire, false);
	return t;
}

struct ctxn *
ctxn_start(struct ctxn_layer *l, struct sipflow *flow, const struct addr *to, struct slice text, struct ctxn_owner *owner)
{
	struct sipmsg *m = &l->msg;
	struct fault f;
	struct ctxn *t;
	struct key k;
	int saved;

	if (sip_parse(m, text.p, text.n, &f) == -1 || !m->request || m->via.branch.n == 0) {
		errno = EINVAL;
		return NULL;
	}
	k = key_of(l, m->via.branch, m->method);
	if (l->out.failed) {
		errno = ENOMEM;
		return NULL;
	}
	if (find(l, k) != NULL) {
		errno = EEXIST;
		return NULL;
	}
	if ((t = new(l, flow, to, text)) == NULL)
		return NULL;
	t->invite = slice_eq(m->method, SLICE("INVITE"));
	t->h2 = k.h2;
	hash_add(&l->table, &t->node, k.h);
	l->stats.pending++;
	if (sipflow_send(flow, text, to) == -1) {
		saved = errno;
		remove_txn(t);
		errno = saved;
		return NULL;
	}
	begin(t);
	t->owner = owner;
	return t;
}

void
ctxn_set_owner(struct ctxn *t, struct ctxn_owner *owner)
{
	t->owner = owner;
}

/* --- ACK and CANCEL --- */

static bool
read_request(struct ctxn *t)
{
	struct fault f;

	return sip_parse(&t->layer->msg, t->text, t->len, &f) == 0;
}

static void
send_cancel(struct ctxn *t)
{
	struct ctxn_layer *l = t->layer;
	int64_t now = l->sched->clock.now;
	struct buf text = { 0 };

	t->cancelling = false;
	t->cancelled = true;
	t->ends = now + LIMIT;
	arm(t);
	if (!read_request(t))
		return;
	sip_print_cancel(&text, &l->msg);
	if (!text.failed)
		(void)ctxn_start(l, t->flow, &t->to, buf_slice(&text), NULL);
	buf_fini(&text);
}

void
ctxn_cancel(struct ctxn *t)
{
	if (!t->invite || t->cancelled || is_final(t))
		return;
	if (t->state == CALLING)
		t->cancelling = true;
	else
		send_cancel(t);
}

/* Takes the text. 0, or -1 with errno. */
static int
keep_ack(struct ctxn *t, struct slice text)
{
	char *copy = malloc(text.n);

	if (copy == NULL)
		return -1;
	memcpy(copy, text.p, text.n);
	free(t->ack);
	t->ack = copy;
	t->ack_len = text.n;
	return 0;
}

static void
send_ack(struct ctxn *t)
{
	if (t->ack == NULL)
		return;
	if (t->ack_flow != NULL)
		(void)sipflow_send(t->ack_flow, slice_make(t->ack, t->ack_len), &t->ack_to);
	else
		(void)sipflow_send(t->flow, slice_make(t->ack, t->ack_len), &t->to);
}

int
ctxn_ack(struct ctxn *t, struct sipflow *flow, const struct addr *to, struct slice text)
{
	if (keep_ack(t, text) == -1)
		return -1;
	sipflow_hold(flow);
	sipflow_release(t->ack_flow);
	t->ack_flow = flow;
	t->ack_to = *to;
	return sipflow_send(flow, text, to);
}

/* 17.1.1.3: the ACK of a refusal belongs to the INVITE's transaction. */
static void
acknowledge_refusal(struct ctxn *t, const struct sipmsg *response)
{
	struct ctxn_layer *l = t->layer;

	if (!read_request(t))
		return;
	buf_clear(&l->out);
	sip_print_ack(&l->out, &l->msg, response);
	if (!l->out.failed && keep_ack(t, buf_slice(&l->out)) == 0)
		send_ack(t);
}

/* --- responses --- */

static uint32_t
tag_hash(const struct ctxn_layer *l, const struct sipmsg *m)
{
	return (uint32_t)siphash(l->key2, m->to.tag.p, m->to.tag.n);
}

static void
tell(struct ctxn *t, const struct sipmsg *m, const struct addr *source)
{
	if (t->owner != NULL)
		t->owner->response(t->owner, t, m, source);
}

static void
provisional(struct ctxn *t, const struct sipmsg *m, const struct addr *source)
{
	bool first = t->state == CALLING;

	t->state = PROCEEDING;
	if (first && t->invite) {
		t->again = CLOCK_FOREVER;
		t->ends = t->cancelled ? t->ends : CLOCK_FOREVER;
		timer_stop(&t->layer->sched->wheel, &t->timer);
	}
	if (t->cancelling)
		send_cancel(t);
	tell(t, m, source);
}

/* How long it stays for copies of its final response: M, D or K. */
static void
keep_for(struct ctxn *t, int64_t ns)
{
	t->again = CLOCK_FOREVER;
	t->ends = t->layer->sched->clock.now + ns;
	arm(t);
}

static void
final(struct ctxn *t, const struct sipmsg *m, const struct addr *source)
{
	struct ctxn_layer *l = t->layer;
	struct ctxn_owner *owner = t->owner;

	l->stats.pending--;
	l->stats.kept++;
	if (t->invite && m->status < 300) {
		t->state = ACCEPTED;
		t->to_tag_h = tag_hash(l, m);
		keep_for(t, LIMIT);
		tell(t, m, source);
		return;
	}
	t->state = COMPLETED;
	t->owner = NULL;
	keep_for(t, t->flow->reliable ? 0 : t->invite ? LIMIT : SIP_T4);
	if (t->invite)
		acknowledge_refusal(t, m);
	if (owner != NULL)
		owner->response(owner, t, m, source);
}

/* A final response came before. */
static void
again(struct ctxn *t, const struct sipmsg *m, const struct addr *source)
{
	bool good = m->status >= 200 && m->status < 300;

	if (t->state == COMPLETED && t->invite && m->status >= 300)
		send_ack(t);
	else if (t->state == ACCEPTED && good && t->ack != NULL && tag_hash(t->layer, m) == t->to_tag_h)
		send_ack(t);
	else if (t->state == ACCEPTED && good)
		tell(t, m, source);
}

bool
ctxn_receive(struct ctxn_layer *l, const struct sipmsg *m, const struct addr *source)
{
	struct ctxn *t = find(l, key_of(l, m->via.branch, m->cseq.method));

	if (t == NULL) {
		l->stats.stray++;
		return false;
	}
	l->stats.responses[m->status / 100]++;
	if (is_final(t))
		again(t, m, source);
	else if (m->status < 200)
		provisional(t, m, source);
	else
		final(t, m, source);
	return true;
}

void
ctxn_fini(struct ctxn_layer *l)
{
	struct hash_node *next;

	for (struct hash_node *node = hash_take(&l->table); node != NULL; node = next) {
		next = node->next;
		remove_txn((struct ctxn *)node);
	}
	hash_fini(&l->table);
	buf_fini(&l->out);
}
