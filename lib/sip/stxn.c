/*
 * A transaction is found by a keyed hash of what identifies it: 128 bits under secret keys, so that the text need not
 * be kept and nobody can make two requests collide. One timer serves it, since it waits for one thing at a time:
 *
 *	INVITE      TRYING -(200 ms: 100 Trying)-> PROCEEDING -(2xx)-> ACCEPTED -(L)-> end
 *	                                                                  ACCEPTED -(G, until the ACK: send again)-> ACCEPTED
 *	                                           PROCEEDING -(3xx-6xx)-> COMPLETED -(ACK)-> CONFIRMED -(I)-> end
 *	                                                                  COMPLETED -(G: send again; H)-> end
 *	others      TRYING -(1xx)-> PROCEEDING -(final)-> COMPLETED -(J)-> end
 */
#include "sip/stxn.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

enum stxn_state { TRYING, PROCEEDING, COMPLETED, ACCEPTED, CONFIRMED };

/*
 * How long a request may be worked on before an INVITE gets 100 Trying (17.2.1), and how long answers are kept
 * (64*T1).
 */
#define TRYING_AFTER (200 * MSEC)
#define KEEP (64 * SIP_T1)

/* What an IPv4 datagram can carry: more would be lost without a word. */
enum { DATAGRAM_MAX = 65507 };

/* Seconds for Retry-After when there is too much to do. */
#define RETRY_AFTER "Retry-After: 5\r\n"

struct stxn {
	struct hash_node node;
	struct hash_node dialog; /* of layer->accepted, while waits_for_ack */
	uint64_t h2;
	struct stxn_layer *layer;
	TAILQ_ENTRY(stxn) entry; /* of layer->kept when answered, of layer->free when free */
	struct timer timer;
	void *via;
	struct stxn_owner *owner;
	char *response;          /* the last one sent; NULL: none yet */
	uint16_t response_len;
	uint8_t state;
	bool invite;
	bool waits_for_ack;      /* a final response to an INVITE is sent again until then */
	int64_t interval;        /* of timer G */
	int64_t ends;            /* when timer H, I, J or L fires */
	struct sockaddr_in6 to;  /* where responses go: enough for both families */
};

static void fire(struct timer *);

void
stxn_init(struct stxn_layer *l)
{
	hash_init(&l->table);
	hash_init(&l->accepted);
	arc4random_buf(l->key2, sizeof(l->key2));
	TAILQ_INIT(&l->kept);
	TAILQ_INIT(&l->free);
	buf_init(&l->out, 0);
	l->stats = (struct stxn_stats){ .requests = 0 };
}

/* --- keys --- */

static void
put_lower(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_putc(b, ascii_lower(s.p[i]));
	buf_putc(b, '\n');
}

/*
 * 17.2.3: branch, sent-by and method, ACK counting as INVITE. A branch without the magic cookie is a client of RFC
 * 2543.
 */
static void
put_key(struct buf *b, const struct sipmsg *m, struct slice method)
{
	static const struct slice cookie = { "z9hG4bK", 7 };
	struct slice branch = m->via.branch;

	if (branch.n > cookie.n && slice_caseeq((struct slice){ branch.p, cookie.n }, cookie)) {
		put_lower(b, branch);
	} else {
		buf_putslice(b, m->uri);
		buf_putc(b, '\n');
		buf_putslice(b, m->from.tag);
		buf_putc(b, '\n');
		buf_putslice(b, m->call_id);
		buf_putc(b, '\n');
		buf_putu(b, m->cseq.number);
		put_lower(b, branch);
	}
	put_lower(b, m->via.sent_by);
	buf_putslice(b, slice_eq(method, SLICE("ACK")) ? SLICE("INVITE") : method);
}

struct key {
	uint64_t h, h2;
};

/* Uses layer->out. */
static struct key
key_of(struct stxn_layer *l, const struct sipmsg *m, struct slice method)
{
	struct key k;

	buf_clear(&l->out);
	put_key(&l->out, m, method);
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

/*
 * The ACK to a 2xx is a transaction of its own, with a branch of its own (13.2.2.4): it has the Call-ID, both tags,
 * and the number of the INVITE in common with what it is for. Uses layer->out.
 */
static uint64_t
dialog_of(struct stxn_layer *l, const struct sipmsg *m, struct slice to_tag)
{
	buf_clear(&l->out);
	buf_putslice(&l->out, m->call_id);
	buf_putc(&l->out, '\n');
	buf_putslice(&l->out, m->from.tag);
	buf_putc(&l->out, '\n');
	buf_putslice(&l->out, m->to.tag.n > 0 ? m->to.tag : to_tag);
	buf_putc(&l->out, '\n');
	buf_putu(&l->out, m->cseq.number);
	return siphash(l->accepted.key, l->out.p, l->out.n);
}

/* --- the life of a transaction --- */

static void
stop_repeating(struct stxn *t)
{
	if (t->waits_for_ack && t->state == ACCEPTED)
		hash_remove(&t->layer->accepted, &t->dialog);
	t->waits_for_ack = false;
}

static struct stxn *
new(struct stxn_layer *l, struct key k, void *via)
{
	struct stxn *t = TAILQ_FIRST(&l->free);

	if (t != NULL)
		TAILQ_REMOVE(&l->free, t, entry);
	else if ((t = malloc(sizeof(*t))) == NULL)
		return NULL;
	*t = (struct stxn){ .h2 = k.h2, .layer = l, .via = via, .state = TRYING };
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

static void
end(struct stxn *t)
{
	struct stxn_layer *l = t->layer;

	timer_stop(&l->sched->wheel, &t->timer);
	hash_remove(&l->table, &t->node);
	stop_repeating(t);
	if (answered(t)) {
		TAILQ_REMOVE(&l->kept, t, entry);
		l->stats.kept--;
	} else
		l->stats.pending--;
	free(t->response);
	t->response = NULL;
	TAILQ_INSERT_HEAD(&l->free, t, entry);
	if (t->owner != NULL)
		t->owner->gone(t->owner);
}

static void
arm(struct stxn *t, int64_t at)
{
	timer_arm(&t->layer->sched->wheel, &t->timer, at);
}

static void
send_response(struct stxn *t)
{
	struct stxn_layer *l = t->layer;
	struct addr to = { .len = t->to.sin6_family == AF_INET6 ? sizeof(to.u.in6) : sizeof(to.u.in) };

	if (t->response == NULL)
		return;
	memcpy(&to.u, &t->to, to.len);
	l->send(l->arg, t->via, slice_make(t->response, t->response_len), &to);
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

/* In TRYING only an INVITE has a timer. */
static void
fire(struct timer *timer)
{
	struct stxn *t = (struct stxn *)((char *)timer - offsetof(struct stxn, timer));

	if (t->state == TRYING) {
		t->state = PROCEEDING;
		send_response(t);
	} else if (t->waits_for_ack && t->layer->sched->clock.now < t->ends)
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
forget_oldest(struct stxn_layer *l)
{
	while (l->stats.kept > l->max_kept)
		end(TAILQ_FIRST(&l->kept));
}

static void
complete(struct stxn *t, int status, bool until_ack)
{
	struct stxn_layer *l = t->layer;
	int64_t now = l->sched->clock.now;

	l->stats.pending--;
	l->stats.kept++;
	TAILQ_INSERT_TAIL(&l->kept, t, entry);
	t->state = t->invite && status < 300 ? ACCEPTED : COMPLETED;
	t->owner = NULL;
	t->ends = now + KEEP;
	t->interval = SIP_T1;
	t->waits_for_ack = t->invite && (status >= 300 || until_ack);
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

static int
answer(struct stxn *t, const struct sipmsg *m, const struct addr *source, struct sip_answer a)
{
	struct stxn_layer *l = t->layer;
	char tag[16];

	if (answered(t)) {
		errno = EALREADY;
		return -1;
	}
	if (a.to_tag.n == 0)
		a.to_tag = make_tag(l, m, tag);
	if (print(l, m, source, &a) == -1 || keep_response(t) == -1)
		return -1;
	count_response(l, a.status);
	if (a.status >= 200) {
		complete(t, a.status, a.until_ack);
		if (t->waits_for_ack && t->state == ACCEPTED)
			hash_add(&l->accepted, &t->dialog, dialog_of(l, m, a.to_tag));
		send_response(t);
		forget_oldest(l);
		return 0;
	}
	t->state = PROCEEDING;
	timer_stop(&l->sched->wheel, &t->timer);
	send_response(t);
	return 0;
}

void *
stxn_via(const struct stxn *t)
{
	return t->via;
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
answer_stateless(struct stxn_layer *l, void *via, const struct sipmsg *m, const struct addr *source, struct sip_answer a)
{
	struct addr to;
	char tag[16];

	a.to_tag = make_tag(l, m, tag);
	if (print(l, m, source, &a) == -1)
		return;
	count_response(l, a.status);
	sip_response_target(m, source, &to);
	l->send(l->arg, via, buf_slice(&l->out), &to);
}

/* --- requests --- */

static void
malformed(struct stxn_layer *l, void *via, const struct sipmsg *m, const struct fault *f, const struct addr *source)
{
	bool refuse = m->answerable && f->status >= 400 && !slice_eq(m->method, SLICE("ACK"));

	l->stats.malformed++;
	if (l->bad != NULL)
		l->bad(l->arg, m, f, source);
	if (!refuse) {
		l->stats.dropped++;
		return;
	}
	answer_stateless(l, via, m, source,
	    (struct sip_answer){ .status = f->status, .reason = f->status == 400 ? slice_of(f->why) : (struct slice){ NULL, 0 } });
}

/* `t`: whose branch the ACK has, if any: then it is for a 3xx to 6xx. */
static void
acknowledged(struct stxn_layer *l, struct stxn *t, const struct sipmsg *m)
{
	struct hash_node *node;

	if (t != NULL && t->state == COMPLETED) {
		stop_repeating(t);
		t->state = CONFIRMED;
		arm(t, l->sched->clock.now + SIP_T4);
	} else if ((node = hash_find(&l->accepted, dialog_of(l, m, (struct slice){ NULL, 0 }))) != NULL) {
		t = (struct stxn *)((char *)node - offsetof(struct stxn, dialog));
		stop_repeating(t);
		arm(t, t->ends);
	}
}

static void
retransmitted(struct stxn *t)
{
	t->layer->stats.retransmissions++;
	/* one that was confirmed is only late; before the 100 Trying is due there is nothing to say */
	if (t->state != CONFIRMED && t->state != TRYING)
		send_response(t);
}

/* The 100 Trying is printed now, while the request is here, and sent if the owner has not answered in time. */
static void
prepare_trying(struct stxn *t, const struct sipmsg *m, const struct addr *source)
{
	struct sip_answer a = { .status = 100 };

	if (print(t->layer, m, source, &a) == -1 || keep_response(t) == -1)
		return;
	arm(t, t->layer->sched->clock.now + TRYING_AFTER);
}

static void
begin(struct stxn_layer *l, struct key k, void *via, const struct sipmsg *m, const struct addr *source)
{
	struct stxn *t = l->stats.pending < l->max_pending ? new(l, k, via) : NULL;
	struct addr to;

	if (t == NULL) {
		l->stats.refused++;
		answer_stateless(l, via, m, source, (struct sip_answer){ .status = 503, .headers = SLICE(RETRY_AFTER) });
		return;
	}
	l->stats.requests++;
	sip_response_target(m, source, &to);
	memcpy(&t->to, &to.u, to.len < sizeof(t->to) ? to.len : sizeof(t->to));
	t->invite = slice_eq(m->method, SLICE("INVITE"));
	if (t->invite)
		prepare_trying(t, m, source);
	l->request(l->arg, t, m, source);
}

/* 9.2: a CANCEL is answered by itself; what it cancels, if that is an INVITE still in work, is answered with 487. */
static void
cancel(struct stxn_layer *l, void *via, const struct sipmsg *m, const struct addr *source)
{
	struct stxn *t = find(l, key_of(l, m, SLICE("INVITE")));

	l->stats.requests++;
	answer_stateless(l, via, m, source, (struct sip_answer){ .status = t != NULL ? 200 : 481 });
	if (t != NULL && !answered(t) && t->owner != NULL)
		t->owner->cancelled(t->owner);
}

void
stxn_receive(struct stxn_layer *l, void *via, struct slice packet, const struct addr *source)
{
	struct sipmsg *m = &l->msg;
	struct fault f;
	struct stxn *t;
	struct key k;

	if (sip_is_keepalive(packet.p, packet.n))
		return;
	if (sip_parse(m, packet.p, packet.n, &f) == -1) {
		malformed(l, via, m, &f, source);
		return;
	}
	if (!m->request) {
		l->stats.dropped++; /* we asked nothing */
		return;
	}
	k = key_of(l, m, m->method);
	t = find(l, k);
	if (slice_eq(m->method, SLICE("ACK")))
		acknowledged(l, t, m);
	else if (t != NULL)
		retransmitted(t);
	else if (slice_eq(m->method, SLICE("CANCEL")))
		cancel(l, via, m, source);
	else
		begin(l, k, via, m, source);
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
	hash_fini(&l->accepted);
	buf_fini(&l->out);
}
