/*
 * A transaction is found by a keyed hash of what identifies it: 128 bits under secret keys, so that the text need not
 * be kept and nobody can make two requests collide. One timer serves it, since it waits for one thing at a time:
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

#include "sip/lex.h"
#include "sip/sipkey.h"
#include "sip/sipuri.h"

enum stxn_state { TRYING, PROCEEDING, COMPLETED, ACCEPTED, CONFIRMED };

/*
 * How long a request may be worked on before 100 Trying is due: an INVITE (17.2.1), and any other, whose client's timer E
 * has come to T2 then (RFC 4320, section 4.1); and how long answers are kept, and others than INVITEs waited for, which
 * is timer F of their clients.
 */
#define TRYING_AFTER (200 * MSEC)
#define OTHER_TRYING_AFTER (7 * SIP_T1)
#define KEEP (64 * SIP_T1)

/* What an IPv4 datagram can carry: more would be lost without a word. */
enum { DATAGRAM_MAX = 65507 };

/* Seconds for Retry-After when there is too much to do. */
#define RETRY_AFTER "Retry-After: 5\r\n"

struct stxn {
	struct hash_node node;
	struct hash_node call;   /* of layer->calls, while in_calls */
	uint64_t h2;
	struct stxn_layer *layer;
	TAILQ_ENTRY(stxn) entry; /* of layer->kept when answered, of layer->free when free */
	struct timer timer;
	struct sipflow *flow;    /* held; NULL: a stream on which nothing more is to be said */
	struct stxn_owner *owner;
	char *response;          /* the last one sent; NULL: none yet */
	uint16_t response_len;
	uint8_t state;
	bool invite, reliable;
	bool in_calls;
	bool first;              /* no tag in To: its copies on other ways are merged ones */
	bool waits_for_ack;      /* a final response to an INVITE is sent again until then */
	uint32_t copy_h;         /* of Request-URI and maker */
	uint32_t to_tag_h;       /* of the 2xx that waits for its ACK */
	int64_t interval;        /* of timer G */
	int64_t ends;            /* when timer F, H, I, J or L fires */
	struct sockaddr_in6 to;  /* where responses go: enough for both families */
};

static void fire(struct timer *);

void
stxn_init(struct stxn_layer *l)
{
	hash_init(&l->table);
	hash_init(&l->calls);
	arc4random_buf(l->key2, sizeof(l->key2));
	TAILQ_INIT(&l->kept[0]);
	TAILQ_INIT(&l->kept[1]);
	l->kept_bytes[0] = l->kept_bytes[1] = 0;
	TAILQ_INIT(&l->free);
	buf_init(&l->out, 0);
	l->stats = (struct stxn_stats){ .requests = 0 };
}

/* --- keys --- */

struct key {
	uint64_t h, h2;
};

/* Uses layer->out. */
static struct key
key_of(struct stxn_layer *l, const struct sipmsg *m, struct slice method)
{
	struct key k;

	buf_clear(&l->out);
	sip_put_server_key(&l->out, m, method);
	k.h = siphash(l->table.key, l->out.p, l->out.n);
	k.h2 = siphash(l->key2, l->out.p, l->out.n);
	return k;
}

static struct stxn *
find(const struct stxn_layer *l, struct key k)
{
	struct hash_node *node;

	for (node = hash_find(&l->table, k.h); node != NULL; node = hash_next(node)) {
		struct stxn *t = (struct stxn *)node;

		if (t->h2 == k.h2)
			return t;
	}
	return NULL;
}

static uint64_t
call_of(struct stxn_layer *l, const struct sipmsg *m)
{
	buf_clear(&l->out);
	sip_put_call_key(&l->out, m);
	return siphash(l->calls.key, l->out.p, l->out.n);
}

static uint32_t
short_hash(const struct stxn_layer *l, struct slice s)
{
	return (uint32_t)siphash(l->key2, s.p, s.n);
}

static struct stxn *
from_call(struct hash_node *node)
{
	return (struct stxn *)((char *)node - offsetof(struct stxn, call));
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
	return short_hash(l, m->uri) * 3 + short_hash(l, maker_of(m));
}

/* 8.2.2.2: the same request in another transaction: it came here on more than one way. */
static bool
is_merged(const struct stxn_layer *l, uint64_t call, uint32_t copy_h)
{
	struct hash_node *node;

	for (node = hash_find(&l->calls, call); node != NULL; node = hash_next(node))
		if (from_call(node)->first && from_call(node)->copy_h == copy_h)
			return true;
	return false;
}

/*
 * The ACK to a 2xx is a transaction of its own, with a branch of its own (13.2.2.4): it has the call, and the tag in
 * To, in common with what it is for.
 */
static struct stxn *
find_accepted(struct stxn_layer *l, const struct sipmsg *ack)
{
	uint32_t to_tag_h = short_hash(l, ack->to.tag);
	struct hash_node *node;

	for (node = hash_find(&l->calls, call_of(l, ack)); node != NULL; node = hash_next(node)) {
		struct stxn *t = from_call(node);

		if (t->state == ACCEPTED && t->waits_for_ack && t->to_tag_h == to_tag_h)
			return t;
	}
	return NULL;
}

static void
add_call(struct stxn *t, uint64_t h)
{
	hash_add(&t->layer->calls, &t->call, h);
	t->in_calls = true;
}

/* --- the life of a transaction --- */

static struct stxn *
new(struct stxn_layer *l, struct key k, struct sipflow *flow)
{
	struct stxn *t = TAILQ_FIRST(&l->free);

	if (t != NULL)
		TAILQ_REMOVE(&l->free, t, entry);
	else if ((t = malloc(sizeof(*t))) == NULL)
		return NULL;
	*t = (struct stxn){ .h2 = k.h2, .layer = l, .flow = sipflow_hold(flow), .reliable = flow->reliable, .state = TRYING };
	timer_init(&t->timer, fire, false);
	hash_add(&l->table, &t->node, k.h);
	l->stats.pending++;
	return t;
}

static bool
answered(const struct stxn *t)
{
	return t->state >= COMPLETED;
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
end(struct stxn *t)
{
	struct stxn_layer *l = t->layer;
	struct stxn_owner *owner = t->owner;

	timer_stop(&l->sched->wheel, &t->timer);
	hash_remove(&l->table, &t->node);
	if (t->in_calls)
		hash_remove(&l->calls, &t->call);
	if (answered(t))
		unkeep(t);
	else
		l->stats.pending--;
	free(t->response);
	t->response = NULL;
	TAILQ_INSERT_HEAD(&l->free, t, entry);
	sipflow_release(t->flow);
	if (owner != NULL)
		owner->gone(owner);
}

static void
arm(struct stxn *t, int64_t at)
{
	timer_arm(&t->layer->sched->wheel, &t->timer, at);
}

static void
send_response(struct stxn *t)
{
	struct addr to = { .len = t->to.sin6_family == AF_INET6 ? sizeof(to.u.in6) : sizeof(to.u.in) };

	if (t->response == NULL || t->flow == NULL)
		return;
	memcpy(&to.u, &t->to, to.len);
	(void)sipflow_send(t->flow, slice_make(t->response, t->response_len), &to);
}

/* Timer G: the final response to an INVITE goes out until the ACK comes, ever more seldom, for 64*T1 (17.2.1). */
static void
send_again(struct stxn *t)
{
	int64_t now = t->layer->sched->clock.now;

	send_response(t);
	t->interval = 2 * t->interval < SIP_T2 ? 2 * t->interval : SIP_T2;
	arm(t, now + t->interval < t->ends ? now + t->interval : t->ends);
}

/* The owner has taken long; nobody waits for the answer to what is no INVITE for ever. */
static void
take_long(struct stxn *t)
{
	bool trying = t->state == TRYING;

	t->state = PROCEEDING;
	if (!trying) {
		end(t);
		return;
	}
	if (!t->invite)
		arm(t, t->ends);
	if (t->owner != NULL)
		t->owner->trying(t->owner);
}

static void
fire(struct timer *timer)
{
	struct stxn *t = (struct stxn *)((char *)timer - offsetof(struct stxn, timer));

	if (!answered(t))
		take_long(t);
	else if (t->waits_for_ack && t->layer->sched->clock.now < t->ends)
		send_again(t);
	else
		end(t);
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
	char *copy = malloc(out->n);

	if (copy == NULL)
		return -1;
	memcpy(copy, out->p, out->n);
	free(t->response);
	t->response = copy;
	t->response_len = (uint16_t)out->n;
	return 0;
}

static void
forget_oldest(struct stxn_layer *l, bool invites)
{
	while (l->kept_bytes[invites] > l->max_kept)
		end(TAILQ_FIRST(&l->kept[invites]));
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
	arm(t, t->waits_for_ack ? now + t->interval : t->ends);
}

/* A tag that a retransmission would get again: it needs no state (8.2.6.2, 8.2.7). */
static struct slice
make_tag(const struct stxn_layer *l, const struct sipmsg *m, char text[16])
{
	uint64_t h = siphash_nocase(l->key2, m->call_id.p, m->call_id.n) ^ siphash_nocase(l->table.key, m->from.tag.p, m->from.tag.n) ^
	    siphash_nocase(l->key2, m->via.branch.p, m->via.branch.n) * 3;

	for (int i = 0; i < 16; i++, h >>= 4)
		text[i] = "0123456789abcdef"[h & 15];
	return slice_make(text, 16);
}

/* Nothing is said, and nothing more will be. */
static void
say_nothing(struct stxn *t, int status)
{
	free(t->response);
	t->response = NULL;
	t->response_len = 0;
	complete(t, status, false);
}

/* A connection need not stay open for what will not be said again. */
static void
let_go(struct stxn *t)
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
		arm(t, t->ends);
	send_response(t);
}

static void
final(struct stxn *t, const struct sipmsg *m, const struct sip_answer *a)
{
	struct stxn_layer *l = t->layer;
	bool invite = t->invite;

	complete(t, a->status, a->until_ack);
	if (t->state == ACCEPTED && t->waits_for_ack) {
		if (!t->in_calls)
			add_call(t, call_of(l, m));
		t->to_tag_h = short_hash(l, m->to.tag.n > 0 ? m->to.tag : a->to_tag);
	}
	send_response(t);
	if (!invite && t->reliable) {
		end(t);
		return;
	}
	if (!t->waits_for_ack)
		let_go(t);
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

	if (answered(t)) {
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
		a.to_tag = make_tag(l, m, tag);
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

/* Without a transaction: the same request gets the same answer each time it comes (8.2.7). */
static void
answer_stateless(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct addr *source, struct sip_answer a)
{
	struct addr to;
	char tag[16];

	a.to_tag = make_tag(l, m, tag);
	if (print(l, m, source, &a) == -1)
		return;
	count_response(l, a.status);
	sip_response_target(m, source, &to);
	(void)sipflow_send(flow, buf_slice(&l->out), &to);
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
	answer_stateless(l, flow, m, source,
	    (struct sip_answer){ .status = f->status, .reason = f->status == 400 ? slice_of(f->why) : (struct slice){ NULL, 0 } });
}

/* `t`: whose branch the ACK has, if any: then it is for a 3xx to 6xx. */
static void
acknowledged(struct stxn_layer *l, struct stxn *t, struct sipflow *flow, const struct sipmsg *m, const struct addr *source)
{
	if (t != NULL && t->state == COMPLETED) {
		t->waits_for_ack = false;
		t->state = CONFIRMED;
		if (t->reliable)
			end(t);
		else
			arm(t, l->sched->clock.now + SIP_T4);
	} else if (t == NULL && (t = find_accepted(l, m)) != NULL) {
		t->waits_for_ack = false;
		let_go(t);
		arm(t, t->ends);
	} else if (t == NULL && l->ack != NULL)
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
		send_response(t);
	else if (t->response != NULL)
		(void)sipflow_send(flow, slice_make(t->response, t->response_len), source);
}

static void
refuse(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct addr *source, struct sip_answer a)
{
	l->stats.refused++;
	answer_stateless(l, flow, m, source, a);
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
	t->invite = slice_eq(m->method, SLICE("INVITE"));
	t->ends = now + KEEP;
	arm(t, now + (t->invite ? TRYING_AFTER : OTHER_TRYING_AFTER));
}

static void
begin(struct stxn_layer *l, struct key k, struct sipflow *flow, const struct sipmsg *m, const struct addr *source)
{
	bool first = m->to.tag.n == 0;
	uint64_t call = first ? call_of(l, m) : 0;
	uint32_t copy_h = first ? copy_hash(l, m) : 0;
	struct stxn *t;

	if (m->scheme == SIP_SCHEME_OTHER) {
		refuse(l, flow, m, source, (struct sip_answer){ .status = 416 });
		return;
	}
	if (first && is_merged(l, call, copy_h)) {
		l->stats.merged++;
		refuse(l, flow, m, source, (struct sip_answer){ .status = 482, .reason = SLICE("Merged Request") });
		return;
	}
	t = l->stats.pending < l->max_pending ? new(l, k, flow) : NULL;
	if (t == NULL) {
		refuse(l, flow, m, source, (struct sip_answer){ .status = 503, .headers = SLICE(RETRY_AFTER) });
		return;
	}
	l->stats.requests++;
	t->first = first;
	t->copy_h = copy_h;
	if (first)
		add_call(t, call);
	start(t, m, source);
	l->request(l->arg, t, m, source);
}

/* 9.2: a CANCEL is answered by itself; what it cancels, if that is an INVITE still in work, is answered with 487. */
static void
cancel(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct addr *source)
{
	struct stxn *t = find(l, key_of(l, m, SLICE("INVITE")));

	l->stats.requests++;
	answer_stateless(l, flow, m, source, (struct sip_answer){ .status = t != NULL ? 200 : 481 });
	if (t != NULL && !answered(t) && t->owner != NULL)
		t->owner->cancelled(t->owner);
}

static void
take_request(struct stxn_layer *l, struct sipflow *flow, const struct sipmsg *m, const struct addr *source)
{
	struct key k = key_of(l, m, m->method);
	struct stxn *t = find(l, k);

	if (l->out.failed)
		l->stats.dropped++; /* no memory to tell which it is */
	else if (slice_eq(m->method, SLICE("ACK")))
		acknowledged(l, t, flow, m, source);
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

void
stxn_fini(struct stxn_layer *l)
{
	size_t at = 0;
	struct hash_node *node = hash_each(&l->table, &at, NULL), *next;
	struct stxn *t;

	for (; node != NULL; node = next) {
		next = hash_each(&l->table, &at, node);
		end((struct stxn *)node);
	}
	while ((t = TAILQ_FIRST(&l->free)) != NULL) {
		TAILQ_REMOVE(&l->free, t, entry);
		free(t);
	}
	hash_fini(&l->table);
	hash_fini(&l->calls);
	buf_fini(&l->out);
}
