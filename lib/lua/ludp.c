/*
 * net.udp: a datagram socket for scripts. Datagrams come in batches; those nobody waits for yet are kept, packed one
 * behind the other, up to QUEUED; then the rest is left to the system's buffer.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "lua/lnet.h"
#include "net/udp.h"

enum { QUEUED = 256, QUEUE_MAX = 4 * 1024 * 1024, LAST = 1 /* user value: the text of ludp.last */ };

struct ludp {
	struct udp *udp;          /* NULL: not opened yet, or closed */
	struct sched *sched;
	struct task_list readers;
	struct buf queue;         /* records: struct record, then its bytes */
	size_t at;                /* where the first one is that was not taken */
	size_t nqueued;
	struct addr last;         /* the address seen or used last, and its text: most sockets talk to few */
	const char *last_text;
	bool shares;              /* its port, with the other workers */
	bool closed;
};

struct record {
	size_t n;
	struct addr from;
};

#define TYPE "net.udp"

static struct ludp *
check(lua_State *L)
{
	return lua_self(L, TYPE);
}

static void
came(struct udp *udp, struct slice data, const struct addr *from)
{
	struct ludp *u = udp_user(udp);
	struct record r = { .n = data.n, .from = *from };

	if (buf_reserve(&u->queue, sizeof(r) + data.n) == NULL) {
		/* a datagram may always be lost, a record must be whole */
		u->queue.failed = false;
		return;
	}
	buf_put(&u->queue, &r, sizeof(r));
	buf_put(&u->queue, data.p, data.n);
	u->nqueued++;
	if (!TAILQ_EMPTY(&u->readers))
		task_ready_soon(TAILQ_FIRST(&u->readers));
	else if (u->nqueued >= QUEUED)
		(void)udp_read(udp, false);
}

/* An ICMP error on a connected socket: whoever waits for an answer hears of it at once. */
static void
broken(struct udp *udp)
{
	lnet_wake(&((struct ludp *)udp_user(udp))->readers);
}

static int
open_for(struct ludp *u, const struct addr *bind, int family)
{
	struct udp_options options = { .reuseport = bind != NULL && u->shares };

	if (u->udp != NULL)
		return 0;
	if ((u->udp = udp_open(u->sched, bind, family, &options, came, u)) == NULL)
		return -1;
	udp_on_error(u->udp, broken);
	return 0;
}

int
ludp_open_socket(lua_State *L)
{
	struct addr bind;
	bool bound = !lua_isnoneornil(L, 1);
	struct ludp *u;

	if (bound)
		lnet_checkaddr(L, 1, TRANSPORT_UDP, &bind);
	u = lua_newuserdatauv(L, sizeof(*u), LAST);
	*u = (struct ludp){ .sched = runtime_sched(runtime_of(L)), .shares = runtime_shares_ports(runtime_of(L)) };
	TAILQ_INIT(&u->readers);
	buf_init(&u->queue, QUEUE_MAX);
	luaL_setmetatable(L, TYPE);
	/* an unbound one is opened when its first peer tells the family */
	if (bound && open_for(u, &bind, bind.u.sa.sa_family) == -1)
		return lua_failno(L, errno);
	return 1;
}

/* --- receiving --- */

static void
push_from(lua_State *L, struct ludp *u, const struct addr *from)
{
	if (u->last_text != NULL && addr_eq(from, &u->last)) {
		lua_getiuservalue(L, 1, LAST);
		return;
	}
	u->last_text = NULL;
	lnet_pushaddr(L, from);
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, 1, LAST);
	u->last = *from;
	u->last_text = lua_tostring(L, -1);
}

static int
take(lua_State *L, struct ludp *u)
{
	struct record r;

	memcpy(&r, u->queue.p + u->at, sizeof(r));
	lua_pushlstring(L, u->queue.p + u->at + sizeof(r), r.n);
	push_from(L, u, &r.from);
	u->at += sizeof(r) + r.n;
	u->nqueued--;
	if (u->at >= u->queue.n / 2) {
		buf_consume(&u->queue, u->at);
		u->at = 0;
	}
	return 2;
}

static void
leave(struct task *t)
{
	struct ludp *u = t->on;

	TAILQ_REMOVE(&u->readers, t, link);
}

static void
lost(struct task *t)
{
	struct ludp *u = t->on;

	if (u->nqueued > 0 && !TAILQ_EMPTY(&u->readers))
		task_ready_soon(TAILQ_FIRST(&u->readers));
}

static int receive(lua_State *, int64_t deadline);

static int
received(lua_State *L, int status, lua_KContext deadline)
{
	struct ludp *u = lua_touserdata(L, 1);

	(void)status;
	if (u->nqueued > 0 || u->closed || task_wake(&co_current(L)->task) == TASK_WOKEN)
		return receive(L, deadline);
	return lua_fail(L, "timeout");
}

static int
receive(lua_State *L, int64_t deadline)
{
	static const struct wait wait = { .name = "udp recvfrom", .leave = leave, .external = true, .lost = lost };
	struct ludp *u = lua_touserdata(L, 1);
	struct co *co;
	int error;

	if (u->nqueued > 0)
		return take(L, u);
	if (u->closed)
		return lua_fail(L, "closed");
	if (open_for(u, NULL, AF_INET) == -1 || udp_read(u->udp, true) == -1)
		return lua_failno(L, errno);
	if ((error = udp_error(u->udp)) != 0)
		return lua_failno(L, error);
	co = co_current(L);
	TAILQ_INSERT_TAIL(&u->readers, &co->task, link);
	return co_wait(L, &wait, u, deadline, received, (lua_KContext)deadline);
}

static int
recvfrom_(lua_State *L)
{
	(void)check(L);
	return receive(L, co_optdeadline(L, 2));
}

/* --- sending --- */

static const struct addr *
peer(lua_State *L, struct ludp *u, int arg)
{
	const char *text = luaL_checkstring(L, arg);

	if (text == u->last_text)
		return &u->last;
	u->last_text = NULL;
	lnet_checkaddr(L, arg, TRANSPORT_UDP, &u->last);
	lua_pushvalue(L, arg);
	lua_setiuservalue(L, 1, LAST);
	u->last_text = text;
	return &u->last;
}

static int send_to(lua_State *, int data, int addr);

static int
send_again(lua_State *L, int status, lua_KContext args)
{
	(void)status;
	return send_to(L, (int)args >> 8, (int)args & 0xff);
}

/* `addr` 0: to the peer that the socket is connected with. */
static int
send_to(lua_State *L, int data, int addr)
{
	struct ludp *u = check(L);
	const struct addr *to = addr > 0 ? peer(L, u, addr) : NULL;
	struct slice s;

	s.p = luaL_checklstring(L, data, &s.n);
	if (u->closed)
		return lua_fail(L, "closed");
	if (open_for(u, NULL, to != NULL ? to->u.sa.sa_family : AF_INET) == -1)
		return lua_failno(L, errno);
	if (udp_send(u->udp, s, to) == 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	/* the network takes less than the script gives: others go on meanwhile */
	if (errno == ENOBUFS) {
		task_yield(&co_current(L)->task);
		return co_suspend(L, send_again, data << 8 | addr);
	}
	return lua_failno(L, errno);
}

static int
sendto_(lua_State *L)
{
	return send_to(L, 2, 3);
}

static int
send_(lua_State *L)
{
	return lua_gettop(L) > 2 ? send_to(L, 3, 2) : send_to(L, 2, 0);
}

/* --- the rest --- */

static int
connect_(lua_State *L)
{
	struct ludp *u = check(L);
	const struct addr *to = peer(L, u, 2);

	if (u->closed)
		return lua_fail(L, "closed");
	if (open_for(u, NULL, to->u.sa.sa_family) == -1 || udp_connect(u->udp, to) == -1)
		return lua_failno(L, errno);
	lua_pushboolean(L, 1);
	return 1;
}

static int
localaddr(lua_State *L)
{
	struct ludp *u = check(L);
	struct addr a;

	if (u->udp == NULL)
		return lua_fail(L, u->closed ? "closed" : "not bound");
	if (udp_localaddr(u->udp, &a) == -1)
		return lua_failno(L, errno);
	lnet_pushaddr(L, &a);
	return 1;
}

static int
close_(lua_State *L)
{
	struct ludp *u = check(L);

	u->closed = true;
	udp_close(u->udp);
	u->udp = NULL;
	buf_fini(&u->queue);
	u->nqueued = u->at = 0;
	lnet_wake(&u->readers);
	return 0;
}

static int
tostring(lua_State *L)
{
	lua_pushfstring(L, TYPE ": %p", (void *)check(L));
	return 1;
}

void
ludp_register(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "close", close_ },
		{ "connect", connect_ },
		{ "localaddr", localaddr },
		{ "recvfrom", recvfrom_ },
		{ "send", send_ },
		{ "sendto", sendto_ },
		{ "__close", close_ },
		{ "__gc", close_ },
		{ "__tostring", tostring },
		{ NULL, NULL },
	};

	lua_newtype(L, TYPE, methods);
}
