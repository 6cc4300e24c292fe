/* lsip.h: SIP requests answered by coroutines: what sipd is made of, and the module sip. */
#ifndef LUA_LSIP_H
#define LUA_LSIP_H

#include <sys/queue.h>

#include "lua/runtime.h"
#include "sip/siptransport.h"

/* Of a kind of lines in the log that others can cause: after some in a second, the rest is only counted. */
struct lsip_quiet {
	struct timer timer;   /* runs for a second from the first one on */
	const char *what;     /* they are about */
	unsigned said, unsaid;
};

/*
 * A layer of server transactions whose requests each start a coroutine that calls the script's global function
 * request(req). If it raises an error, or returns without an answer, the caller gets 500 and the log a line.
 */
struct lsip_server {
	struct stxn_layer layer;
	struct sipstreams *streams; /* connections, if any are listened for */
	struct runtime *rt;
	bool verbose; /* log each request */
	/* private */
	struct lsip_quiet bad, failed, refused;
};

/* `max_pending`: requests in work at once; beyond it new ones are refused with 503. */
void lsip_server_init(struct lsip_server *, struct runtime *, size_t max_pending);

/* A request fails that has computed for so long, of CPU time, without waiting once. */
void lsip_server_bound(struct lsip_server *, int64_t ns);

/* As siptransport_listen. What it gives is closed after lsip_server_fini, so that what is queued leaves. */
struct siptransport *lsip_server_listen(struct lsip_server *, enum transport, const struct addr *at, struct tls *);

/* Nothing more is read from the connections that there are. */
void lsip_server_pause(struct lsip_server *);

/* After runtime_free, which ends the coroutines that still work on requests. */
void lsip_server_fini(struct lsip_server *);

/*
 * The table on top (popped) is where the script's globals are from now on: `request` is called there. Until it is
 * set they are Lua's own.
 */
void lsip_set_globals(lua_State *);

/* Pushes one of them; its type. */
int lsip_get_global(lua_State *, const char *name);

/* Logs the text of an error with its traceback as one line. `who`: what goes before it; may be "". */
void lsip_log_error(const char *who, const char *text);

/* --- between lsip.c, lsipreq.c and lsipagent.c --- */

/* A request in work: Lua's memory once make_request gave it a userdata. The packet stands behind the headers of msg. */
struct lsip_request {
	struct stxn_owner owner;
	struct lsip_server *server; /* whose log tells of its failure; NULL: an agent's */
	struct stxn *txn;        /* NULL: answered, or the transaction has gone */
	STAILQ_ENTRY(lsip_request) entry; /* before somebody takes it */
	struct sipflow *flow;    /* held while there is txn, and NULL without */
	uint8_t transport;       /* enum transport */
	struct addr source;
	bool answered;           /* a final response was given */
	bool cancelled;
	struct sipmsg msg;       /* last: only as many headers as there are have room */
};

/* A copy of what the layer gives, which then owns the transaction. NULL: no memory. */
struct lsip_request *lsip_keep(struct stxn *, const struct sipmsg *, const struct addr *source);

/* Pushes it as scripts see it, and frees the copy; an error raised leaves that as it was. */
void lsip_push_request(lua_State *, struct lsip_request *);

/* A request that nobody will look at: 500, and it is freed. */
void lsip_drop(struct lsip_request *);

/* Answers r if that is still to be done. 0, or -1 with errno. */
int lsip_answer(struct lsip_request *, const struct sip_answer *);

/* 500, unless it has been answered: nobody will do it any more. */
void lsip_refuse(struct lsip_request *);

/* The metatable of requests, named LSIP_REQUEST. */
#define LSIP_REQUEST "sip.request"
void lsipreq_register(lua_State *);

/* --- lsipext.c --- */

/*
 * Pushes the extensions that the request requires and the script does not support, which its global `supported` would
 * list: "a, b". False, with nothing pushed: there are none.
 */
bool lsip_push_unsupported(lua_State *, const struct sipmsg *);

/* --- lsipmsg.c: how parts of a message look to scripts --- */

/* sip.parse, sip.build, sip.same */
int lsipmsg_parse(lua_State *);
int lsipmsg_build(lua_State *);
int lsipmsg_same(lua_State *);

/* The metatable of URIs and addresses: their tostring is the text. */
void lsipmsg_register(lua_State *);

/* Whether it can be the value of a header field: one line, where a NUL stands only behind a `\` (25.1, quoted-pair). */
bool lsip_is_value(struct slice);

/* Whether it is a Reason-Phrase: no control characters. */
bool lsip_is_reason(struct slice);

void lsip_push_slice(lua_State *, struct slice);

/* A field's value, folds made spaces. */
void lsip_push_value(lua_State *, struct slice);

/* A table of the parts of a URI; of what is none, only `text`. */
void lsip_push_uri(lua_State *, struct slice text);

/* The same, with `uri` as text, `display` and `tag`. */
void lsip_push_nameaddr(lua_State *, const struct sip_nameaddr *);

/* --- llocate.c --- */

/* Adds locate to the module dns, which is on top. */
void llocate_add(lua_State *);

/* --- lsipagent.c --- */

/* Pushes sip.agent. */
void lsipagent_push(lua_State *);

#endif
