/*
 * What comes from the transport, and whose it is: a new request, one that comes again or on another way, an ACK, a
 * CANCEL, or none of them.
 */
#include "sip/stxnstate.h"

#include <stddef.h>

#include "sip/lex.h"
#include "sip/sipkey.h"
#include "sip/sipuri.h"

/* Seconds for Retry-After when there is too much to do. */
#define RETRY_AFTER "Retry-After: 5\r\n"

/*
 * A call has one transaction with a CSeq number, or a few that came here on different ways. More of them are made by somebody
 * who wants us to search long chains.
 */
enum { COPIES_MAX = 64 };

/* --- whose it is --- */

static struct stxn *
find(const struct stxn_layer *l, struct stxn_key k)
{
	struct hash_node *node;

	for (node = hash_find(&l->table, k.call); node != NULL; node = hash_next(node)) {
		struct stxn *t = (struct stxn *)node;

		if (t->branch_h == k.branch)
			return t;
	}
	return NULL;
}

/* Who made the request: sent-by of the last Via. */
static struct slice
maker_of(const struct sipmsg *m)
{
	const struct sip_header *h, *last = NULL;
	struct slice rest, value = { NULL, 0 };
	struct sip_via via;
	const char *why;

	for (h = sip_find(m, SIP_VIA, 0); h != NULL; h = sip_find(m, SIP_VIA, (int)(h - m->headers) + 1))
		last = h;
	rest = sip_header_value(m, last);
	if (rest.p == m->via.text.p && rest.n == m->via.text.n)
		return m->via.sent_by;
	while (sip_take_value(&rest, &value))
		continue;
	return sip_parse_via(value, &via, &why) == 0 ? via.sent_by : m->via.sent_by;
}

/* What tells copies from requests that only look like it: those that came round by a proxy, and those of other clients. */
static uint32_t
copy_hash(const struct stxn_layer *l, const struct sipmsg *m)
{
	return stxn_short_hash(l, m->uri) * 3 + stxn_short_hash(l, maker_of(m));
}

/* 8.2.2.2: the same request in another transaction: it came here on more than one way. */
static bool
is_merged(const struct stxn_layer *l, uint64_t call, bool first, uint32_t copy_h)
{
	struct hash_node *node;
	int copies = 0;

	for (node = hash_find(&l->table, call); node != NULL; node = hash_next(node)) {
		struct stxn *t = (struct stxn *)node;

		if (first && t->first && t->copy_h == copy_h)
			return true;
		copies++;
	}
	return copies >= COPIES_MAX;
}

/*
 * The ACK to a 2xx is a transaction of its own, with a branch of its own (13.2.2.4): it has the call, and the tag in
 * To, in common with what it is for.
 */
static struct stxn *
find_accepted(const struct stxn_layer *l, uint64_t call, const struct sipmsg *ack)
{
	uint32_t to_tag_h = stxn_short_hash(l, ack->to.tag);
	struct hash_node *node;

	for (node = hash_find(&l->table, call); node != NULL; node = hash_next(node)) {
		struct stxn *t = (struct stxn *)node;

		if (t->state == ACCEPTED && t->waits_for_ack && t->to_tag_h == to_tag_h)
			return t;
	}
	return NULL;
}

/* --- requests --- */

void
stxn_malformed(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct fault *f, const struct addr *source)
{
	bool refuse = m->answerable && f->status >= 400 && !slice_eq(m->method, SLICE("ACK"));

	l->stats.malformed++;
	if (l->bad != NULL)
		l->bad(l->arg, m, f, source);
	if (!refuse) {
		l->stats.dropped++;
		return;
	}
	stxn_answer_stateless(l, flow, m, source,
	    (struct sip_answer){ .status = f->status, .reason = f->status == 400 ? slice_of(f->why) : (struct slice){ NULL, 0 } });
}

/*
 * `t`: whose branch the ACK has, if any: then it is for a 3xx to 6xx; or for a 2xx, of a client that gives it no branch
 * of its own (RFC 6026, section 7.1).
 */
static void
acknowledged(struct stxn_layer *l, struct stxn_key k, struct stxn *t, struct sipflow *flow, const struct sipmsg *m,
    const struct addr *source)
{
	bool of_2xx = t == NULL || t->state == ACCEPTED;

	if (t != NULL && t->state == COMPLETED) {
		t->waits_for_ack = false;
		t->state = CONFIRMED;
		if (t->reliable)
			stxn_end(t);
		else
			stxn_arm(t, l->sched->clock.now + SIP_T4);
	} else if (of_2xx && (t = find_accepted(l, k.call, m)) != NULL) {
		t->waits_for_ack = false;
		stxn_let_go(t);
		stxn_arm(t, t->ends);
	} else if (of_2xx && l->ack != NULL)
		l->ack(l->arg, flow, m, source);
}

/* On a stream it means that the connection of the first one was lost: then it is the new one that counts. */
static void
retransmitted(struct stxn *t, struct sipflow *flow, const struct addr *source)
{
	t->layer->stats.retransmissions++;
	/* one that was confirmed is only late; before the 100 Trying is due there is nothing to say */
	if (t->state == CONFIRMED || t->state == TRYING)
		return;
	if (!t->reliable)
		stxn_send(t);
	else if (t->response != NULL)
		(void)sipflow_send(flow, slice_make(t->response, t->response_len), source);
}

static void
refuse(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct addr *source, struct sip_answer a)
{
	l->stats.refused++;
	stxn_answer_stateless(l, flow, m, source, a);
}

static void
start(struct stxn *t, const struct sipmsg *m, const struct addr *source)
{
	int64_t now = t->layer->sched->clock.now;
	struct addr to;

	if (t->reliable)
		sip_response_listener(m, source, &to);
	else
		sip_response_target(m, source, &to);
	memcpy(&t->to, &to.u, to.len < sizeof(t->to) ? to.len : sizeof(t->to));
	t->ends = now + KEEP;
	stxn_arm(t, now + (t->invite ? TRYING_AFTER : OTHER_TRYING_AFTER));
}

static void
begin(struct stxn_layer *l, struct stxn_key k, struct sipflow *flow, const struct sipmsg *m, const struct addr *source)
{
	bool first = m->to.tag.n == 0;
	uint32_t copy_h = first ? copy_hash(l, m) : 0;
	struct stxn *t;

	if (m->scheme == SIP_SCHEME_OTHER) {
		refuse(l, flow, m, source, (struct sip_answer){ .status = 416 });
		return;
	}
	if (is_merged(l, k.call, first, copy_h)) {
		l->stats.merged++;
		refuse(l, flow, m, source, (struct sip_answer){ .status = 482, .reason = SLICE("Merged Request") });
		return;
	}
	t = l->stats.pending < l->max_pending ? stxn_new(l, k, slice_eq(m->method, SLICE("INVITE")), flow) : NULL;
	if (t == NULL) {
		if (l->full != NULL)
			l->full(l->arg, m, source);
		refuse(l, flow, m, source, (struct sip_answer){ .status = 503, .headers = SLICE(RETRY_AFTER) });
		return;
	}
	l->stats.requests++;
	t->first = first;
	t->copy_h = copy_h;
	start(t, m, source);
	l->request(l->arg, t, m, source);
}

/* 9.2: a CANCEL is answered by itself; what it cancels, if that is an INVITE still in work, is answered with 487. */
static void
cancel(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct addr *source)
{
	struct stxn *t = find(l, stxn_key(l, m, SLICE("INVITE")));

	l->stats.requests++;
	stxn_answer_stateless(l, flow, m, source, (struct sip_answer){ .status = t != NULL ? 200 : 481 });
	if (t != NULL && !stxn_answered(t) && t->owner != NULL)
		t->owner->cancelled(t->owner);
}

static void
take_request(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct addr *source)
{
	struct stxn_key k = stxn_key(l, m, m->method);
	struct stxn *t = find(l, k);

	if (l->out.failed)
		l->stats.dropped++; /* no memory to tell which it is */
	else if (slice_eq(m->method, SLICE("ACK")))
		acknowledged(l, k, t, flow, m, source);
	else if (t != NULL)
		retransmitted(t, flow, source);
	else if (slice_eq(m->method, SLICE("CANCEL")))
		cancel(l, flow, m, source);
	else
		begin(l, k, flow, m, source);
}

void
stxn_receive(struct stxn_layer *l, struct sipflow *flow, struct slice packet, const struct addr *source)
{
	struct sipmsg *m = &l->msg;
	struct fault f;

	if (sip_is_keepalive(packet.p, packet.n))
		return;
	if (sip_parse(m, packet.p, packet.n, &f) == -1)
		stxn_malformed(l, flow, m, &f, source);
	else if (m->request)
		take_request(l, flow, m, source);
	else if (l->response == NULL || !l->response(l->arg, flow, m, source))
		l->stats.dropped++;
}
