/*
 * From a transaction to a coroutine. The request is copied once in C, when it comes, and once into a userdata, when
 * its coroutine runs: only there may Lua fail for want of memory, and there it costs this request alone.
 */
#include "lua/lsip.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "lua/modules.h"

/* Bytes of answered transactions. Those that are not INVITEs would be kept for 32 seconds, but most come again soon or never. */
enum { KEPT_INVITES = 48 << 20, KEPT_OTHERS = 4 << 20 };

enum { LINES = 20 /* in a second, of one kind that others can cause */ };

/* --- the script's globals --- */

static const char globals_key;

void
lsip_set_globals(lua_State *L)
{
	lua_rawsetp(L, LUA_REGISTRYINDEX, &globals_key);
}

int
lsip_get_global(lua_State *L, const char *name)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &globals_key) != LUA_TTABLE) {
		lua_pop(L, 1);
		return lua_getglobal(L, name);
	}
	(void)lua_getfield(L, -1, name);
	lua_remove(L, -2);
	return lua_type(L, -1);
}

/* --- requests in work --- */

static size_t
request_size(const struct sipmsg *m)
{
	return offsetof(struct lsip_request, msg) + SIPMSG_SIZE(m->nheaders) + m->packet.n;
}

static void
copy_request(struct lsip_request *to, const struct sipmsg *m)
{
	sip_copy(&to->msg, m, (char *)&to->msg + SIPMSG_SIZE(m->nheaders));
}

static struct lsip_request *
from_owner(struct stxn_owner *o)
{
	return (struct lsip_request *)o;
}

/* Scripts keep requests for as long as they like: what they came on is no longer theirs then. */
static void
leave(struct lsip_request *r)
{
	r->txn = NULL;
	sipflow_release(r->flow);
	r->flow = NULL;
}

static void
gone(struct stxn_owner *o)
{
	leave(from_owner(o));
}

static void
cancelled(struct stxn_owner *o)
{
	struct lsip_request *r = from_owner(o);
	struct sip_answer a = { .status = 487 };

	r->cancelled = true;
	(void)lsip_answer(r, &a);
}

static void
trying(struct stxn_owner *o)
{
	struct sip_answer a = { .status = 100 };

	(void)lsip_answer(from_owner(o), &a);
}

int
lsip_answer(struct lsip_request *r, const struct sip_answer *a)
{
	struct stxn *t = r->txn;

	if (t == NULL || r->answered) {
		errno = EALREADY;
		return -1;
	}
	if (stxn_reply(t, &r->msg, &r->source, a) == -1)
		return -1;
	if (a->status >= 200) {
		r->answered = true;
		leave(r);
	}
	return 0;
}

void
lsip_refuse(struct lsip_request *r)
{
	struct sip_answer a = { .status = 500 };

	if (r->answered || r->txn == NULL)
		return;
	if (lsip_answer(r, &a) == -1 && r->txn != NULL) {
		stxn_set_owner(r->txn, NULL);
		leave(r);
	}
}

/* --- in the coroutine --- */

/* The C copy goes when nothing can fail any more. */
void
lsip_push_request(lua_State *L, struct lsip_request *c)
{
	struct lsip_request *r = lua_newuserdatauv(L, request_size(&c->msg), 1);

	memcpy(r, c, offsetof(struct lsip_request, msg));
	copy_request(r, &c->msg);
	luaL_setmetatable(L, LSIP_REQUEST);
	if (r->txn != NULL)
		stxn_set_owner(r->txn, &r->owner);
	free(c);
}

/* The request as a userdata, and the function that is to answer it. */
static int
make_request(lua_State *L)
{
	struct lsip_request *c = lua_touserdata(L, 1);

	if (lsip_get_global(L, "request") != LUA_TFUNCTION)
		return luaL_error(L, "the script has no function request");
	lsip_push_request(L, c);
	lua_insert(L, -2);
	return 2;
}

static int
add_traceback(lua_State *L)
{
	luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
	return 1;
}

static const char *
error_text(lua_State *L)
{
	const char *text = lua_tostring(L, -1);

	return text != NULL ? text : "(an error that is no text)";
}

void
lsip_log_error(const char *who, const char *text)
{
	char line[4096];
	size_t n = 0;

	for (; *text != '\0' && n < sizeof(line) - 3; text++) {
		if (*text == '\t')
			continue;
		if (*text != '\n') {
			line[n++] = *text;
			continue;
		}
		if (n > 0 && line[n - 1] != ':')
			line[n++] = ';';
		line[n++] = ' ';
	}
	line[n] = '\0';
	log_error("%s%s%s", who, *who != '\0' ? ": " : "", line);
}

/* --- the log --- */

/* A second is over in which there was something to say. */
static void
say_how_many(struct timer *t)
{
	struct lsip_quiet *q = (struct lsip_quiet *)t;

	if (q->unsaid > 0)
		log_warn("%u more %s in a second", q->unsaid, q->what);
	q->said = q->unsaid = 0;
}

static void
quiet_init(struct lsip_quiet *q, const char *what)
{
	*q = (struct lsip_quiet){ .what = what };
	timer_init(&q->timer, say_how_many, true);
}

/* Whoever sends rubbish does not fill the disk. */
static bool
may_say(struct lsip_server *server, struct lsip_quiet *q)
{
	struct sched *s = server->layer.sched;

	if (q->said == 0)
		timer_arm(&s->wheel, &q->timer, s->clock.now + SEC);
	if (q->said == LINES) {
		q->unsaid++;
		return false;
	}
	q->said++;
	return true;
}

/* "OPTIONS from 127.0.0.1:5062, Call-ID x" */
static void
log_failure(const struct lsip_request *r, const char *what)
{
	char from[ADDR_STRLEN], who[256];

	if (r->server != NULL && !may_say(r->server, &r->server->failed))
		return;
	(void)addr_format(&r->source, from, sizeof(from));
	(void)snprintf(who, sizeof(who), "%.*s from %s, Call-ID %.*s", SLICE_FMT(r->msg.method), from, SLICE_FMT(r->msg.call_id));
	lsip_log_error(who, what);
}

static int
served(lua_State *L, int status, lua_KContext ctx)
{
	struct lsip_request *r = lua_touserdata(L, 2);

	(void)ctx;
	if (status != LUA_OK && status != LUA_YIELD)
		log_failure(r, error_text(L));
	else if (!r->answered && r->txn != NULL)
		log_failure(r, "request returned without an answer");
	lsip_refuse(r);
	return 0;
}

/*
 * The body of the coroutine. The stack: the C copy, then the userdata, the message handler, the function, the
 * userdata.
 */
static int
serve(lua_State *L)
{
	struct lsip_request *c = lua_touserdata(L, 1);

	lua_pushcfunction(L, make_request);
	lua_pushvalue(L, 1);
	if (lua_pcall(L, 1, 2, 0) != LUA_OK) {
		log_failure(c, error_text(L));
		lsip_drop(c);
		return 0;
	}
	lua_pushcfunction(L, add_traceback);
	lua_insert(L, 3);
	lua_pushvalue(L, 2);
	return served(L, lua_pcallk(L, 1, 0, 3, 0, served), 0);
}

/* --- from the layer --- */

static void
log_request(const struct sipmsg *m, const struct addr *source)
{
	char from[ADDR_STRLEN];

	(void)addr_format(source, from, sizeof(from));
	log_debug("%.*s %.*s from %s, Call-ID %.*s", SLICE_FMT(m->method), SLICE_FMT(m->uri), from, SLICE_FMT(m->call_id));
}

struct lsip_request *
lsip_keep(struct stxn *t, const struct sipmsg *m, const struct addr *source)
{
	struct lsip_request *r = malloc(request_size(m));

	if (r == NULL)
		return NULL;
	*(struct stxn_owner *)r = (struct stxn_owner){ gone, cancelled, trying };
	r->server = NULL;
	r->txn = t;
	r->flow = sipflow_hold(stxn_flow(t));
	r->transport = (uint8_t)r->flow->transport;
	r->source = *source;
	r->answered = r->cancelled = false;
	copy_request(r, m);
	stxn_set_owner(t, &r->owner);
	return r;
}

void
lsip_drop(struct lsip_request *r)
{
	lsip_refuse(r);
	free(r);
}

static void
request(void *arg, struct stxn *t, const struct sipmsg *m, const struct addr *source)
{
	struct lsip_server *server = arg;
	struct lsip_request *r = lsip_keep(t, m, source);
	struct sip_answer a = { .status = 503 };

	if (server->verbose)
		log_request(m, source);
	if (r == NULL) {
		(void)stxn_reply(t, m, source, &a);
		return;
	}
	r->server = server;
	if (runtime_start(server->rt, serve, r) == NULL)
		lsip_drop(r);
}

static void
bad(void *arg, const struct sipmsg *m, const struct fault *f, const struct addr *source)
{
	struct lsip_server *server = arg;
	char from[ADDR_STRLEN];

	if (!may_say(server, &server->bad))
		return;
	(void)addr_format(source, from, sizeof(from));
	if (m == NULL)
		log_warn("bad connection from %s: %s", from, f->why);
	else if (m->request && m->call_id.n > 0)
		log_warn("bad %.*s from %s: %s (byte %zu), Call-ID %.*s", SLICE_FMT(m->method), from, f->why, f->off, SLICE_FMT(m->call_id));
	else
		log_warn("bad message from %s: %s (byte %zu)", from, f->why, f->off);
}

static void
full(void *arg, const struct sipmsg *m, const struct addr *source)
{
	struct lsip_server *server = arg;
	char from[ADDR_STRLEN];

	if (!may_say(server, &server->refused))
		return;
	(void)addr_format(source, from, sizeof(from));
	log_warn("%.*s from %s refused: %zu requests are in work, Call-ID %.*s", SLICE_FMT(m->method), from, server->layer.stats.pending,
	    SLICE_FMT(m->call_id));
}

void
lsip_server_init(struct lsip_server *server, struct runtime *rt, size_t max_pending)
{
	server->rt = rt;
	server->verbose = false;
	server->layer = (struct stxn_layer){ .sched = runtime_sched(rt), .request = request, .bad = bad, .full = full, .arg = server,
		.max_pending = max_pending, .max_kept = { KEPT_OTHERS, KEPT_INVITES } };
	stxn_init(&server->layer);
	server->streams = NULL;
	quiet_init(&server->bad, "bad messages");
	quiet_init(&server->failed, "requests that failed");
	quiet_init(&server->refused, "requests refused");
}

void
lsip_server_bound(struct lsip_server *server, int64_t ns)
{
	runtime_bound(server->rt, serve, ns);
}

struct siptransport *
lsip_server_listen(struct lsip_server *server, enum transport transport, const struct addr *at, struct tls *tls)
{
	struct siptransport_options options = { .transport = transport, .tls = tls,
	    .reuseport = runtime_shares_ports(server->rt) };

	if (transport != TRANSPORT_UDP && server->streams == NULL &&
	    (server->streams = sipstreams_new(&server->layer, NULL)) == NULL)
		return NULL;
	options.streams = server->streams;
	return siptransport_listen(&server->layer, at, &options);
}

void
lsip_server_pause(struct lsip_server *server)
{
	if (server->streams != NULL)
		sipstreams_pause(server->streams);
}

void
lsip_server_fini(struct lsip_server *server)
{
	stxn_fini(&server->layer);
	sipstreams_free(server->streams);
	timer_stop(&server->layer.sched->wheel, &server->bad.timer);
	timer_stop(&server->layer.sched->wheel, &server->failed.timer);
	timer_stop(&server->layer.sched->wheel, &server->refused.timer);
}

/* --- the module --- */

int
lsip_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "build", lsipmsg_build },
		{ "parse", lsipmsg_parse },
		{ "same", lsipmsg_same },
		{ NULL, NULL },
	};

	lsipmsg_register(L);
	lsipreq_register(L);
	luaL_requiref(L, "dns", ldns_open, 0);
	llocate_add(L);
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	lsipagent_push(L);
	lua_setfield(L, -2, "agent");
	return 1;
}
