/*
 * A transaction is found by keyed hashes of what identifies it: 64 bits of its call, by which alone the table goes, and 64
 * of its branch, so that the text need not be kept and nobody can make two requests collide. So one look-up tells a
 * retransmission, a merged request, an INVITE with its ACK, and one with its CANCEL. (Who has the same branch and another call has
 * used the branch twice, 8.1.1.7 or not: that is another request.) One timer serves it, since it waits for one thing at a time:
 *
 *	INVITE      TRYING -(200 ms: 100 Trying)-> PROCEEDING -(2xx)-> ACCEPTED -(L)-> end
 *	                                                                  ACCEPTED -(G, until the ACK: send again)-> ACCEPTED
 *	                                           PROCEEDING -(3xx-6xx)-> COMPLETED -(ACK)-> CONFIRMED -(I)-> end
 *	                                                                  COMPLETED -(G: send again; H)-> end
 *	others      TRYING -(3.5 s: 100 Trying)-> PROCEEDING -(F has passed)-> end
 *	                                          PROCEEDING -(final)-> COMPLETED -(J)-> end
 *
 * On a stream nothing is sent again but a 2xx, whose ACK comes end to end; and I and J are 0.
 */
#include "sip/stxn.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "sip/sipkey.h"
#include "sip/stxnstate.h"

/* What an IPv4 datagram can carry: more would be lost without a word. */
enum { DATAGRAM_MAX = 65507 };

static void fire(struct timer *);

void
stxn_init(struct stxn_layer *l)
{
	hash_init(&l->table);
	arc4random_buf(l->key2, sizeof(l->key2));
	TAILQ_INIT(&l->kept[0]);
	TAILQ_INIT(&l->kept[1]);
	l->kept_bytes[0] = l->kept_bytes[1] = 0;
	memset(l->slabs, 0, sizeof(l->slabs));
	buf_init(&l->out, 0);
	l->stats = (struct stxn_stats){ .requests = 0 };
}

/* --- keys --- */

struct stxn_key
stxn_key(struct stxn_layer *l, const struct sipmsg *m, struct slice method)
{
	struct stxn_key k;
	size_t n;

	buf_clear(&l->out);
	sip_put_call_key(&l->out, m);
	n = l->out.n;
	k.call = siphash(l->table.key, l->out.p, n);
	hash_prefetch_slot(&l->table, k.call);
	sip_put_server_key(&l->out, m, method);
	k.branch = siphash(l->key2, l->out.p + n, l->out.n - n);
	return k;
}

uint32_t
stxn_short_hash(const struct stxn_layer *l, struct slice s)
{
	return (uint32_t)siphash(l->key2, s.p, s.n);
}

/* --- the life of a transaction --- */

struct stxn *
stxn_new(struct stxn_layer *l, struct stxn_key k, bool invite, struct sipflow *flow)
{
	struct stxn *t = slab_alloc(&l->slabs[invite], sizeof(*t));

	if (t == NULL)
		return NULL;
	*t = (struct stxn){
		.branch_h = k.branch, .layer = l, .invite = invite, .flow = sipflow_hold(flow), .reliable = flow->reliable, .state = TRYING
	};
	timer_init(&t->timer, fire, false);
	hash_add(&l->table, &t->node, k.call);
	l->stats.pending++;
	return t;
}

static size_t
size_of(const struct stxn *t)
{
	return sizeof(*t) + t->response_len;
}

/* Takes an answered one off the list of those. */
static void
unkeep(struct stxn *t)
{
	struct stxn_layer *l = t->layer;

	TAILQ_REMOVE(&l->kept[t->invite], t, entry);
	l->kept_bytes[t->invite] -= size_of(t);
	l->stats.kept_bytes -= size_of(t);
	l->stats.kept--;
}

static void
drop_response(struct stxn *t)
{
	slab_free(&t->layer->slabs[t->invite], t->response, t->response_len);
	t->response = NULL;
	t->response_len = 0;
}

void
stxn_end(struct stxn *t)
{
	struct stxn_layer *l = t->layer;
	struct slab_heap *heap = &l->slabs[t->invite];
	struct stxn_owner *owner = t->owner;

	timer_stop(&l->sched->wheel, &t->timer);
	hash_remove(&l->table, &t->node);
	if (stxn_answered(t))
		unkeep(t);
	else
		l->stats.pending--;
	drop_response(t);
	sipflow_release(t->flow);
	slab_free(heap, t, sizeof(*t));
	slab_settle(heap);
	if (owner != NULL)
		owner->gone(owner);
}

void
stxn_arm(struct stxn *t, int64_t at)
{
	timer_arm(&t->layer->sched->wheel, &t->timer, at);
}

void
stxn_send(struct stxn *t)
{
	struct addr to = { .len = t->to.sin6_family == AF_INET6 ? sizeof(to.u.in6) : sizeof(to.u.in) };

	if (t->response == NULL || t->flow == NULL)
		return;
	memcpy(&to.u, &t->to, to.len);
	/* the first response may come before those of other transactions, a later one not before an earlier one */
	if (t->said)
		(void)sipflow_send(t->flow, slice_make(t->response, t->response_len), &to);
	else
		(void)sipflow_send_loose(t->flow, slice_make(t->response, t->response_len), &to);
	t->said = true;
}

/* Timer G: the final response to an INVITE goes out until the ACK comes, ever more seldom, for 64*T1 (17.2.1). */
static void
send_again(struct stxn *t)
{
	int64_t now = t->layer->sched->clock.now;

	stxn_send(t);
	t->interval = 2 * t->interval < SIP_T2 ? 2 * t->interval : SIP_T2;
	stxn_arm(t, now + t->interval < t->ends ? now + t->interval : t->ends);
}

/* The owner has taken long; nobody waits for the answer to what is no INVITE for ever. */
static void
take_long(struct stxn *t)
{
	bool trying = t->state == TRYING;

	t->state = PROCEEDING;
	if (!trying) {
		stxn_end(t);
		return;
	}
	if (!t->invite)
		stxn_arm(t, t->ends);
	if (t->owner != NULL)
		t->owner->trying(t->owner);
}

static void
fire(struct timer *timer)
{
	struct stxn *t = (struct stxn *)((char *)timer - offsetof(struct stxn, timer));

	if (!stxn_answered(t))
		take_long(t);
	else if (t->waits_for_ack && t->layer->sched->clock.now < t->ends)
		send_again(t);
	else
		stxn_end(t);
}

/* --- answering --- */

static void
count_response(struct stxn_layer *l, int status)
{
	l->stats.responses[status / 100]++;
}

/* Prints into layer->out. 0, or -1 with errno. */
static int
print(struct stxn_layer *l, const struct sipmsg *m, const struct addr *source, const struct sip_answer *a)
{
	buf_clear(&l->out);
	sip_print_response(&l->out, m, source, a);
	if (!l->out.failed && l->out.n <= DATAGRAM_MAX)
		return 0;
	errno = l->out.failed ? ENOMEM : EMSGSIZE;
	return -1;
}

/* Keeps what was printed as the response to send. */
static int
keep_response(struct stxn *t)
{
	struct buf *out = &t->layer->out;
	char *copy = slab_alloc(&t->layer->slabs[t->invite], out->n);

	if (copy == NULL)
		return -1;
	memcpy(copy, out->p, out->n);
	drop_response(t);
	t->response = copy;
	t->response_len = (uint16_t)out->n;
	return 0;
}

/* Once there is no more room each new one ends the oldest, which nobody has looked at for seconds: it begins to be fetched. */
static void
fetch_oldest(const struct stxn_layer *l, const struct stxn *t)
{
	const struct stxn *next;

	if (t == NULL || (next = TAILQ_NEXT(t, entry)) == NULL)
		return;
	hash_prefetch_slot(&l->table, t->node.h);
	for (size_t at = 0; at < sizeof(*next); at += 64)
		__builtin_prefetch((const char *)next + at);
}

static void
forget_oldest(struct stxn_layer *l, bool invites)
{
	while (l->kept_bytes[invites] > l->max_kept[invites])
		stxn_end(TAILQ_FIRST(&l->kept[invites]));
	fetch_oldest(l, TAILQ_FIRST(&l->kept[invites]));
}

/* `ends` of one that is not answered tells when it came. */
static void
count_latency(struct stxn *t, int64_t now)
{
	int64_t took = now - (t->ends - KEEP);
	int bucket = took > 0 ? 64 - __builtin_clzll((unsigned long long)took) : 0;

	t->layer->stats.latency[bucket < STXN_LATENCIES ? bucket : STXN_LATENCIES - 1]++;
}

static void
complete(struct stxn *t, int status, bool until_ack)
{
	struct stxn_layer *l = t->layer;
	int64_t now = l->sched->clock.now;

	count_latency(t, now);
	l->stats.pending--;
	l->stats.kept++;
	TAILQ_INSERT_TAIL(&l->kept[t->invite], t, entry);
	l->kept_bytes[t->invite] += size_of(t);
	l->stats.kept_bytes += size_of(t);
	t->state = t->invite && status < 300 ? ACCEPTED : COMPLETED;
	t->owner = NULL;
	t->ends = now + KEEP;
	t->interval = SIP_T1;
	t->waits_for_ack = t->invite && (status < 300 ? until_ack : !t->reliable);
	stxn_arm(t, t->waits_for_ack ? now + t->interval : t->ends);
}

/* A tag that a retransmission would get again: it needs no state (8.2.6.2, 8.2.7). */
static struct slice
make_tag(const struct stxn_layer *l, struct stxn_key k, char text[16])
{
	uint64_t h = siphash(l->key2, &k, sizeof(k));

	for (int i = 0; i < 16; i++, h >>= 4)
		text[i] = "0123456789abcdef"[h & 15];
	return slice_make(text, 16);
}

/* Nothing is said, and nothing more will be. */
static void
say_nothing(struct stxn *t, int status)
{
	drop_response(t);
	complete(t, status, false);
}

void
stxn_let_go(struct stxn *t)
{
	if (!t->reliable)
		return;
	sipflow_release(t->flow);
	t->flow = NULL;
}

static void
provisional(struct stxn *t)
{
	t->state = PROCEEDING;
	if (t->invite)
		timer_stop(&t->layer->sched->wheel, &t->timer);
	else
		stxn_arm(t, t->ends);
	stxn_send(t);
}

static void
final(struct stxn *t, const struct sipmsg *m, const struct sip_answer *a)
{
	struct stxn_layer *l = t->layer;
	bool invite = t->invite;

	complete(t, a->status, a->until_ack);
	if (t->state == ACCEPTED && t->waits_for_ack)
		t->to_tag_h = stxn_short_hash(l, m->to.tag.n > 0 ? m->to.tag : a->to_tag);
	stxn_send(t);
	if (!invite && t->reliable) {
		stxn_end(t);
		return;
	}
	if (!t->waits_for_ack)
		stxn_let_go(t);
	forget_oldest(l, invite);
}

/* RFC 4320: what a request other than an INVITE is not told. 0: it is; 1: it is not; -1 with errno: the owner is wrong. */
static int
unsaid(const struct stxn *t, int status)
{
	if (t->invite || (status >= 200 && status != 408))
		return 0;
	if (status == 408)
		return 1;
	if (status == 100)
		return !t->reliable && t->layer->sched->clock.now < t->ends - KEEP + OTHER_TRYING_AFTER;
	errno = EINVAL;
	return -1;
}

static int
answer(struct stxn *t, const struct sipmsg *m, const struct addr *source, struct sip_answer a)
{
	struct stxn_layer *l = t->layer;
	char tag[16];
	int silent;

	if (stxn_answered(t)) {
		errno = EALREADY;
		return -1;
	}
	if ((silent = unsaid(t, a.status)) == -1)
		return -1;
	if (silent) {
		if (a.status >= 200)
			say_nothing(t, a.status);
		return 0;
	}
	if (a.to_tag.n == 0)
		a.to_tag = make_tag(l, (struct stxn_key){ t->node.h, t->branch_h }, tag);
	if (print(l, m, source, &a) == -1 || keep_response(t) == -1)
		return -1;
	count_response(l, a.status);
	if (a.status < 200)
		provisional(t);
	else
		final(t, m, &a);
	return 0;
}

struct sipflow *
stxn_flow(const struct stxn *t)
{
	return t->flow;
}

void
stxn_set_owner(struct stxn *t, struct stxn_owner *owner)
{
	t->owner = owner;
}

int
stxn_reply(struct stxn *t, const struct sipmsg *m, const struct addr *source, const struct sip_answer *a)
{
	return answer(t, m, source, *a);
}

void
stxn_answer_stateless(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct addr *source, struct sip_answer a)
{
	struct addr to;
	char tag[16];

	/* a CANCEL's is that of its INVITE (9.2) */
	a.to_tag = make_tag(l, stxn_key(l, m, slice_eq(m->method, SLICE("CANCEL")) ? SLICE("INVITE") : m->method), tag);
	if (print(l, m, source, &a) == -1)
		return;
	count_response(l, a.status);
	sip_response_target(m, source, &to);
	(void)sipflow_send(flow, buf_slice(&l->out), &to);
}

void
stxn_fini(struct stxn_layer *l)
{
	struct hash_node *next;

	for (struct hash_node *node = hash_take(&l->table); node != NULL; node = next) {
		next = node->next;
		stxn_end((struct stxn *)node);
	}
	slab_trim(&l->slabs[0]);
	slab_trim(&l->slabs[1]);
	hash_fini(&l->table);
	buf_fini(&l->out);
}
