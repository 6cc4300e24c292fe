/*
 * What sip.agent is made of: sockets, both kinds of transactions, and requests that wait to be taken. How a request is
 * made, whom it is sent to and what becomes of its answers is in sipagent.lua, which gets the functions of this room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/lnet.h"
#include "lua/lsip.h"
#include "sip/ctxn.h"
#include "sip/digest.h"

#define AGENT "sip.agent.core"
#define TRANSACTION "sip.transaction"

enum { OWNER = 1 /* user value of a transaction: its agent */, TLS = 1 /* of an agent: its options for TLS */ };

enum {
	WAITING_MAX = 1000,             /* requests that nobody has taken yet */
	KEPT = 1024 * 1024,
	QUEUED_MAX = 32,                /* responses that nobody has looked at yet */
};

struct lagent {
	struct stxn_layer server;
	struct ctxn_layer client;
	struct sipstreams *streams;
	struct siptransport *udp[2];    /* [1]: IPv6; made when needed, unless bound */
	struct siptransport *listener;  /* of TCP */
	struct tls *tls;                /* a client's; NULL: not needed yet */
	STAILQ_HEAD(, lsip_request) requests;
	size_t nrequests;
	struct task_list takers;
	LIST_HEAD(, ltxn) transactions;
	bool serving;                   /* somebody takes requests */
	bool closed;
};

struct response {
	STAILQ_ENTRY(response) entry;
	size_t n;
	char text[];
};

struct ltxn {
	struct ctxn_owner owner;
	LIST_ENTRY(ltxn) entry;         /* of its agent, while t */
	struct ctxn *t;                 /* NULL: it has ended */
	struct task *task;              /* that waits */
	STAILQ_HEAD(, response) responses;
	size_t nresponses;
	enum ctxn_end how;
	char *why;                      /* of CTXN_TRANSPORT; NULL: no memory for it */
	bool final;                     /* has come */
	bool ended;                     /* without a final response: how tells */
};

/* --- a transaction --- */

static void
wake(struct task *t)
{
	if (t != NULL)
		task_ready_soon(t);
}

static void
leave_transaction(struct ltxn *x)
{
	if (x->t != NULL)
		LIST_REMOVE(x, entry);
	x->t = NULL;
}

static void
keep_response(struct ltxn *x, const struct sipmsg *m)
{
	struct response *r;

	if (x->nresponses >= QUEUED_MAX && m->status < 200)
		return;
	if ((r = malloc(sizeof(*r) + m->packet.n)) == NULL) {
		x->ended = m->status >= 200;
		x->how = CTXN_TRANSPORT;
		return;
	}
	r->n = m->packet.n;
	memcpy(r->text, m->packet.p, r->n);
	STAILQ_INSERT_TAIL(&x->responses, r, entry);
	x->nresponses++;
}

static void
got_response(struct ctxn_owner *o, struct ctxn *t, const struct sipmsg *m, const struct addr *source)
{
	struct ltxn *x = (struct ltxn *)o;

	(void)t, (void)source;
	if (x->final)
		return;
	keep_response(x, m);
	if (m->status >= 200) {
		x->final = true;
		if (m->status >= 300 || !slice_eq(m->cseq.method, SLICE("INVITE")))
			leave_transaction(x);
	}
	wake(x->task);
}

static void
got_end(struct ctxn_owner *o, enum ctxn_end how, const char *why)
{
	struct ltxn *x = (struct ltxn *)o;

	leave_transaction(x);
	if (how == CTXN_OVER)
		return;
	x->ended = true;
	x->how = how;
	x->why = why != NULL ? strdup(why) : NULL;
	wake(x->task);
}

static struct ltxn *
check_txn(lua_State *L)
{
	return luaL_checkudata(L, 1, TRANSACTION);
}

/* What is given up is cancelled, if it can be. */
static int
txn_close(lua_State *L)
{
	struct ltxn *x = check_txn(L);
	struct response *r;

	if (x->t != NULL) {
		if (!x->final)
			ctxn_cancel(x->t);
		ctxn_set_owner(x->t, NULL);
	}
	leave_transaction(x);
	free(x->why);
	x->why = NULL;
	while ((r = STAILQ_FIRST(&x->responses)) != NULL) {
		STAILQ_REMOVE_HEAD(&x->responses, entry);
		free(r);
	}
	return 0;
}

static int
txn_cancel(lua_State *L)
{
	struct ltxn *x = check_txn(L);

	if (x->t != NULL && !x->final)
		ctxn_cancel(x->t);
	return 0;
}

static int
push_end(lua_State *L, const struct ltxn *x)
{
	return lua_fail(L, x->how == CTXN_TIMEOUT ? "timeout" : x->why != NULL ? x->why : strerror(ENOMEM));
}

/* The next response as a table; nil and why there is none. */
static int
next_result(lua_State *L, struct ltxn *x)
{
	struct response *r = STAILQ_FIRST(&x->responses);

	if (r == NULL)
		return x->ended ? push_end(L, x) : lua_fail(L, x->final ? "over" : "closed");
	lua_pushcfunction(L, lsipmsg_parse);
	lua_pushlstring(L, r->text, r->n);
	STAILQ_REMOVE_HEAD(&x->responses, entry);
	x->nresponses--;
	free(r);
	lua_call(L, 1, 1);
	return 1;
}

static void
leave_txn_wait(struct task *t)
{
	((struct ltxn *)t->on)->task = NULL;
}

static int
txn_woken(lua_State *L, int status, lua_KContext ctx)
{
	struct ltxn *x = lua_touserdata(L, 1);

	(void)status, (void)ctx;
	if (STAILQ_EMPTY(&x->responses) && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "late");
	return next_result(L, x);
}

/* txn:next([seconds]): nil, "late" when nothing has come by then */
static int
txn_next(lua_State *L)
{
	static const struct wait wait = { .name = "sip response", .leave = leave_txn_wait, .external = true };
	struct ltxn *x = check_txn(L);

	if (!STAILQ_EMPTY(&x->responses) || x->ended || x->final || x->t == NULL)
		return next_result(L, x);
	if (x->task != NULL)
		return luaL_error(L, "another coroutine waits for this response");
	x->task = &co_current(L)->task;
	return co_wait(L, &wait, x, co_optdeadline(L, 2), txn_woken, 0);
}

/* --- where messages go --- */

static struct lagent *
check(lua_State *L)
{
	struct lagent *a = luaL_checkudata(L, 1, AGENT);

	luaL_argcheck(L, !a->closed, 1, "the agent is closed");
	return a;
}

/* Opens a UDP socket of a family, if there is none. NULL with errno. */
static struct siptransport *
udp_of(struct lagent *a, int family)
{
	struct siptransport_options options = { .transport = TRANSPORT_UDP, .client = true };
	struct siptransport **t = &a->udp[family == AF_INET6];
	struct addr any;

	if (*t == NULL) {
		(void)addr_literal(family == AF_INET6 ? SLICE("::") : SLICE("0.0.0.0"), 0, &any);
		*t = siptransport_listen(&a->server, &any, &options);
	}
	return *t;
}

/* What an agent, at 1, speaks TLS with. */
static struct tls *
tls_of(lua_State *L, struct lagent *a)
{
	struct ltls options;
	struct tls *tls;

	if (a->tls != NULL)
		return a->tls;
	(void)lua_getiuservalue(L, 1, TLS);
	ltls_options(L, lua_gettop(L), false, false, &options);
	if ((tls = ltls_push(L, &options)) == NULL)
		(void)lua_error(L);
	a->tls = tls_ref(tls);
	lua_pop(L, 2);
	return a->tls;
}

/* Arguments from `arg` on: "udp", "tcp" or "tls", an address, and the name of a TLS server. NULL with errno. */
static struct sipflow *
check_flow(lua_State *L, struct lagent *a, int arg, struct addr *to)
{
	static const char *const names[] = { "udp", "tcp", "tls", NULL };
	int transport = luaL_checkoption(L, arg, NULL, names);
	struct siptransport *t;

	lnet_checkaddr(L, arg + 1, transport == 0 ? TRANSPORT_UDP : TRANSPORT_TCP, to);
	if (transport == 2)
		return sipstreams_connect_tls(a->streams, to, tls_of(L, a), luaL_checkstring(L, arg + 2));
	if (transport == 1)
		return sipstreams_connect(a->streams, to);
	t = udp_of(a, to->u.sa.sa_family);
	return t != NULL ? siptransport_flow(t) : NULL;
}

/* Which of our addresses the system would send from to `to`; the port stays. 0; -1 with errno: there is no way there. */
static int
choose_local(const struct addr *to, struct addr *local)
{
	int fd = socket(to->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;
	struct addr got = { .len = sizeof(got.u) };

	if (fd == -1)
		return -1;
	if (connect(fd, &to->u.sa, to->len) == -1 || getsockname(fd, &got.u.sa, &got.len) == -1)
		error = errno;
	(void)close(fd);
	if (error != 0) {
		errno = error;
		return -1;
	}
	addr_set_port(&got, addr_port(local));
	*local = got;
	return 0;
}

/* agent:via(transport, address [, name]): the address that we are found at from there; nil, error */
static int
agent_via(lua_State *L)
{
	struct lagent *a = check(L);
	struct addr to, local;
	struct sipflow *flow = check_flow(L, a, 2, &to);
	uint16_t port;

	if (flow == NULL)
		return lua_failno(L, errno);
	local = flow->local;
	if (flow->transport == TRANSPORT_TCP && a->listener != NULL) {
		port = addr_port(siptransport_addr(a->listener));
		addr_set_port(&local, port);
	}
	if (addr_is_any(&local) && choose_local(&to, &local) == -1)
		return lua_failno(L, errno);
	lnet_pushaddr(L, &local);
	return 1;
}

/* agent:start(text, transport, address [, name]): a transaction; nil, error */
static int
agent_start(lua_State *L)
{
	struct lagent *a = check(L);
	struct slice text;
	struct addr to;
	struct sipflow *flow;
	struct ltxn *x;

	text.p = luaL_checklstring(L, 2, &text.n);
	if ((flow = check_flow(L, a, 3, &to)) == NULL)
		return lua_failno(L, errno);
	x = lua_newuserdatauv(L, sizeof(*x), 1);
	*x = (struct ltxn){ .owner = { got_response, got_end } };
	STAILQ_INIT(&x->responses);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, OWNER);
	luaL_setmetatable(L, TRANSACTION);
	if ((x->t = ctxn_start(&a->client, flow, &to, text, &x->owner)) == NULL)
		return lua_failno(L, errno);
	LIST_INSERT_HEAD(&a->transactions, x, entry);
	return 1;
}

/* agent:ack(transaction, text, transport, address [, name]) */
static int
agent_ack(lua_State *L)
{
	struct lagent *a = check(L);
	struct ltxn *x = luaL_checkudata(L, 2, TRANSACTION);
	struct slice text;
	struct sipflow *flow;
	struct addr to;

	text.p = luaL_checklstring(L, 3, &text.n);
	flow = check_flow(L, a, 4, &to);
	if (flow == NULL)
		return lua_failno(L, errno);
	if (x->t == NULL)
		return lua_fail(L, "the transaction has ended");
	if (ctxn_ack(x->t, flow, &to, text) == -1)
		return lua_failno(L, errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* --- requests that come --- */

static void
refuse(struct lagent *a, struct stxn *t, const struct sipmsg *m, const struct addr *source)
{
	struct sip_answer answer = { .status = a->serving ? 503 : 405, .headers = SLICE("Allow: ACK, CANCEL\r\n") };

	if (a->serving)
		answer.headers = SLICE("Retry-After: 5\r\n");
	(void)stxn_reply(t, m, source, &answer);
}

static void
request(void *arg, struct stxn *t, const struct sipmsg *m, const struct addr *source)
{
	struct lagent *a = arg;
	struct lsip_request *r = a->serving && a->nrequests < WAITING_MAX ? lsip_keep(t, m, source) : NULL;

	if (r == NULL) {
		refuse(a, t, m, source);
		return;
	}
	STAILQ_INSERT_TAIL(&a->requests, r, entry);
	a->nrequests++;
	if (!TAILQ_EMPTY(&a->takers))
		task_ready_soon(TAILQ_FIRST(&a->takers));
}

static bool
response(void *arg, struct sipflow *flow, const struct sipmsg *m, const struct addr *source)
{
	struct lagent *a = arg;

	(void)flow;
	return ctxn_receive(&a->client, m, source);
}

static int take_request(lua_State *, struct lagent *);

static void
leave_takers(struct task *t)
{
	TAILQ_REMOVE(&((struct lagent *)t->on)->takers, t, link);
}

static int
taker_woken(lua_State *L, int status, lua_KContext ctx)
{
	(void)status, (void)ctx;
	return take_request(L, lua_touserdata(L, 1));
}

static int
take_request(lua_State *L, struct lagent *a)
{
	static const struct wait wait = { .name = "sip request", .leave = leave_takers, .external = true };
	struct lsip_request *r = STAILQ_FIRST(&a->requests);
	struct co *co;

	if (r != NULL) {
		STAILQ_REMOVE_HEAD(&a->requests, entry);
		a->nrequests--;
		lsip_push_request(L, r);
		return 1;
	}
	if (a->closed)
		return 0;
	co = co_current(L);
	TAILQ_INSERT_TAIL(&a->takers, &co->task, link);
	return co_wait(L, &wait, a, CLOCK_FOREVER, taker_woken, 0);
}

/* agent:take(): the next request; nil when the agent is closed */
static int
agent_take(lua_State *L)
{
	struct lagent *a = luaL_checkudata(L, 1, AGENT);

	lua_settop(L, 1);
	a->serving = !a->closed;
	return take_request(L, a);
}

/* --- the agent --- */

/* Opens what is bound. 0, or -1 with errno. */
static int
bind_agent(struct lagent *a, const struct addr *at, enum transport transport)
{
	struct siptransport_options options = { .transport = transport, .streams = a->streams, .client = true };
	struct siptransport *t = siptransport_listen(&a->server, at, &options);

	if (t == NULL)
		return -1;
	if (transport == TRANSPORT_UDP)
		a->udp[at->u.sa.sa_family == AF_INET6] = t;
	else
		a->listener = t;
	return 0;
}

/* open("udp" or "tcp", [address [, tls]]): an agent; nil, error */
static int
agent_open(lua_State *L)
{
	bool bound = !lua_isnoneornil(L, 2), tcp = bound && strcmp(luaL_checkstring(L, 1), "tcp") == 0;
	struct sched *s = runtime_sched(runtime_of(L));
	struct ltls tls;
	struct lagent *a;
	struct addr at;

	ltls_options(L, 3, false, false, &tls); /* what is wrong with them is said now */
	if (bound)
		lnet_checkaddr(L, 2, tcp ? TRANSPORT_TCP : TRANSPORT_UDP, &at);
	lua_settop(L, 3);
	a = lua_newuserdatauv(L, sizeof(*a), TLS);
	lua_pushvalue(L, 3);
	lua_setiuservalue(L, -2, TLS);
	memset(a, 0, sizeof(*a));
	a->server = (struct stxn_layer){ .sched = s, .request = request, .response = response, .arg = a, .max_pending = 10 * WAITING_MAX,
		.max_kept = { KEPT, KEPT } };
	a->client = (struct ctxn_layer){ .sched = s };
	STAILQ_INIT(&a->requests);
	TAILQ_INIT(&a->takers);
	LIST_INIT(&a->transactions);
	stxn_init(&a->server);
	ctxn_init(&a->client);
	luaL_setmetatable(L, AGENT);
	if ((a->streams = sipstreams_new(&a->server, NULL)) == NULL)
		return lua_failno(L, errno);
	if (bound && bind_agent(a, &at, tcp ? TRANSPORT_TCP : TRANSPORT_UDP) == -1)
		return lua_failno(L, errno);
	return 1;
}

static void
close_agent(struct lagent *a)
{
	struct lsip_request *r;
	struct ltxn *x;

	a->closed = true;
	a->serving = false;
	while ((r = STAILQ_FIRST(&a->requests)) != NULL) {
		STAILQ_REMOVE_HEAD(&a->requests, entry);
		lsip_drop(r);
	}
	while ((x = LIST_FIRST(&a->transactions)) != NULL) {
		ctxn_set_owner(x->t, NULL);
		leave_transaction(x);
		wake(x->task);
	}
	stxn_fini(&a->server);
	ctxn_fini(&a->client);
	sipstreams_free(a->streams);
	siptransport_close(a->udp[0]);
	siptransport_close(a->udp[1]);
	siptransport_close(a->listener);
	tls_free(a->tls);
	a->tls = NULL;
	lnet_wake(&a->takers);
}

static int
agent_close(lua_State *L)
{
	struct lagent *a = luaL_checkudata(L, 1, AGENT);

	if (!a->closed)
		close_agent(a);
	return 0;
}

/* agent:localaddr(): of what it is bound to; nil before it has sent anything if it is not */
static int
agent_localaddr(lua_State *L)
{
	struct lagent *a = check(L);
	struct siptransport *t = a->listener != NULL ? a->listener : a->udp[0] != NULL ? a->udp[0] : a->udp[1];

	if (t == NULL)
		lua_pushnil(L);
	else
		lnet_pushaddr(L, siptransport_addr(t));
	return 1;
}

/* agent:stats(): how many requests it has sent, and sent again, and how many wait for their final responses */
static int
agent_stats(lua_State *L)
{
	const struct ctxn_stats *st = &check(L)->client.stats;

	lua_createtable(L, 0, 3);
	lua_pushinteger(L, (lua_Integer)st->requests);
	lua_setfield(L, -2, "requests");
	lua_pushinteger(L, (lua_Integer)st->retransmissions);
	lua_setfield(L, -2, "retransmissions");
	lua_pushinteger(L, (lua_Integer)st->pending);
	lua_setfield(L, -2, "pending");
	return 1;
}

/* --- what has no state --- */

/* random(): 96 bits in hexadecimal: no two branches, tags or Call-IDs are the same */
static int
random_text(lua_State *L)
{
	uint8_t bytes[12];
	char text[2 * sizeof(bytes)];

	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	lua_pushlstring(L, text, sizeof(text));
	return 1;
}

static struct slice
check_slice(lua_State *L, int arg)
{
	struct slice s;

	s.p = luaL_checklstring(L, arg, &s.n);
	return s;
}

/* digest(challenge, user, password, method, uri, count, cnonce): the value that answers it; nil, why not */
static int
digest(lua_State *L)
{
	struct digest_answer a = { .user = check_slice(L, 2), .password = check_slice(L, 3), .method = check_slice(L, 4), .uri = check_slice(L, 5),
		.count = (uint32_t)luaL_checkinteger(L, 6), .cnonce = check_slice(L, 7) };
	struct slice challenge = check_slice(L, 1);
	struct digest_challenge c;
	char text[4096];
	struct buf b = { .max = sizeof(text) };
	const char *why;
	size_t n;

	if (digest_parse_challenge(challenge, &c, &why) == -1)
		return lua_fail(L, why);
	if (digest_put_answer(&b, &c, &a) == -1 || b.failed) {
		buf_fini(&b);
		return lua_fail(L, "the digest cannot be made");
	}
	n = b.n;
	memcpy(text, b.p, n);
	buf_fini(&b);
	lua_pushlstring(L, text, n);
	lua_pushboolean(L, c.stale);
	return 2;
}

/* --- the module --- */

extern const unsigned char sipagent_lua[];
extern const unsigned long sipagent_lua_len;

void
lsipagent_push(lua_State *L)
{
	static const luaL_Reg agent[] = { { "ack", agent_ack }, { "close", agent_close }, { "localaddr", agent_localaddr }, { "start", agent_start }, { "stats", agent_stats },
		{ "take", agent_take }, { "via", agent_via }, { "__gc", agent_close }, { NULL, NULL } };
	static const luaL_Reg transaction[] = { { "cancel", txn_cancel }, { "next", txn_next }, { "__close", txn_close }, { "__gc", txn_close },
		{ NULL, NULL } };
	static const luaL_Reg core[] = { { "digest", digest }, { "open", agent_open }, { "random", random_text }, { NULL, NULL } };

	lua_newtype(L, AGENT, agent);
	lua_newtype(L, TRANSACTION, transaction);
	if (luaL_loadbuffer(L, (const char *)sipagent_lua, sipagent_lua_len, "=sip.agent") != LUA_OK)
		(void)lua_error(L);
	luaL_newlib(L, core);
	lua_pushvalue(L, -3); /* the module sip: the table below the chunk */
	lua_call(L, 2, 1);
}
