/*
 * lsock.h: what the rooms of socket.core share: LuaSocket's objects, on descriptors that never block.
 */
#ifndef LUA_LSOCK_H
#define LUA_LSOCK_H

#include <lua.h>

#include "base/addr.h"
#include "base/buf.h"
#include "lua/runtime.h"

enum lsock_kind { LSOCK_MASTER, LSOCK_CLIENT, LSOCK_SERVER, LSOCK_UNCONNECTED, LSOCK_CONNECTED };

/* Who waits for a socket; several of them belong to one socket.select. */
struct lsock_wait {
	LIST_ENTRY(lsock_wait) entry;
	struct task *task; /* NULL: nobody */
	int events;
};

struct lsock {
	struct watch watch;          /* fd -1: closed, or not made yet */
	struct sched *sched;
	LIST_HEAD(, lsock_wait) waits;
	struct lsock_wait in, out;   /* of one coroutine that reads and one that writes */
	enum lsock_kind kind;
	int family;                  /* AF_UNSPEC: the first address tells */
	int type;                    /* SOCK_STREAM, SOCK_DGRAM */
	bool closed;
	double block, total;         /* time-outs in seconds: for each wait, for a whole call; < 0: none */
	int64_t begun;               /* the call */
	struct buf input;            /* a stream's; what was taken of it is before `taken` */
	size_t taken, scanned;
	double received, sent;       /* bytes */
	int64_t born;
};

/* Pushes a new one without a descriptor. */
struct lsock *lsock_new(lua_State *, enum lsock_kind, int family, int type);

/* Makes the descriptor if there is none. 0, or -1 with errno. */
int lsock_open(struct lsock *, int family);

/* Takes a descriptor that does not block. */
void lsock_set(struct lsock *, int fd, int family);

/* The words of LuaSocket for an error. */
const char *lsock_strerror(int error);

/* Pushes nil and the words; 2. */
int lsock_fail(lua_State *, int error);

/* A call begins: its total time-out is counted from here. */
void lsock_begin(lua_State *, struct lsock *);

/*
 * Waits for POLLER_IN or POLLER_OUT, as the time-outs say, as co_wait does. False: it must not wait, or somebody else
 * does; *error is ETIMEDOUT or EALREADY. True: return *result.
 */
bool lsock_wait(lua_State *, struct lsock *, int event, lua_KFunction, lua_KContext, int *error, int *result);

/* Whether a continuation comes from a time-out. */
bool lsock_timed_out(lua_State *, int status);

/* For socket.select: hears of events from now on. Stop it before anybody looks away. 0, or -1 with errno. */
int lsock_listen_to(struct lsock *, struct lsock_wait *);
void lsock_stop_listening(struct lsock_wait *);

/*
 * The classes of a group: LSOCK_TCP, LSOCK_UDP or LSOCK_UNIXDGRAM; of AF_UNIX, or AF_UNSPEC for the others. Then: the
 * object at `index` if it is of that group, else NULL; and makes it one of another kind.
 */
void lsock_newgroup(lua_State *, const char *group, int family, const luaL_Reg *methods);
struct lsock *lsock_test(lua_State *, int index, const char *group);
void lsock_become(lua_State *, int index, enum lsock_kind);

/* Methods that all of them have. */
int lsock_close(lua_State *);
int lsock_gc(lua_State *);
int lsock_tostring(lua_State *);
int lsock_settimeout(lua_State *);
int lsock_gettimeout(lua_State *);
int lsock_getfd(lua_State *);
int lsock_setfd(lua_State *);
int lsock_dirty(lua_State *);
int lsock_getsockname(lua_State *);
int lsock_getpeername(lua_State *);
int lsock_getfamily(lua_State *);
int lsock_setoption(lua_State *);
int lsock_getoption(lua_State *);

/* The object at 1, of any kind. */
struct lsock *lsock_any(lua_State *);

/* The object at 1, of a kind whose bit is set in `kinds` (1 << LSOCK_CLIENT ...); `what`: the class that is wanted. */
struct lsock *lsock_check(lua_State *, const char *group, unsigned kinds, const char *what);

/*
 * The addresses of `host` for `port` are pushed as a list of literals, or nil and LuaSocket's message: returns how
 * many values. May wait: `return lsock_resolve(..., k, ctx)` like lua_callk's.
 */
void lsock_resolve(lua_State *, int host, int family, lua_KFunction, lua_KContext);

/* A literal, or "*"; -1: it is a name. */
int lsock_literal(const char *host, int family, uint16_t port, struct addr *);

/* A port at `arg`; a service's name is looked up. -1: there is none: lsock_no_service. */
int lsock_checkport(lua_State *, int arg);
int lsock_no_service(lua_State *);

#define LSOCK_TCP "socket.tcp"
#define LSOCK_UDP "socket.udp"
#define LSOCK_UNIXDGRAM "socket.unixdgram"

void lsock_register_tcp(lua_State *);
void lsock_register_udp(lua_State *);
int lsock_tcp(lua_State *);
int lsock_tcp4(lua_State *);
int lsock_tcp6(lua_State *);
int lsock_connect(lua_State *);
int lsock_udp(lua_State *);
int lsock_udp4(lua_State *);
int lsock_udp6(lua_State *);
int lsock_select(lua_State *);
void lsock_push_dns(lua_State *);

/* The path at `arg` as an address; -1: it is too long. */
int lsock_path(lua_State *, int arg, struct addr *);

/*
 * Receives a datagram, of the size at 2, with its sender if that is wanted; sends the text at 2, `to` NULL: to the
 * peer. The socket is at 1. They may wait: use as co_wait.
 */
int lsock_receive_datagram(lua_State *, struct lsock *, bool sender);
int lsock_send_datagram(lua_State *, struct lsock *, const struct addr *to);

/* The module socket.unix. */
int lsock_open_unix(lua_State *);

/* tcp:receive and tcp:send; lsocktcp.c has the rest of tcp. */
int lsock_receive(lua_State *);
int lsock_send(lua_State *);

#endif
