/*
 * net.connect: a name or an address to a connection. A name's addresses come from our resolver, both families, and
 * are tried in turn; localhost is the loopback without asking anybody (RFC 6761 section 6.3).
 */
#include <errno.h>
#include <string.h>

#include "lua/lnet.h"

enum { ADDRS_MAX = 16, DIAL = 3 /* its place on the stack: behind the address and the timeout */ };

struct dial {
	struct addr addrs[ADDRS_MAX];
	int n, at;
	struct stream *stream;  /* the attempt under way; closed with the userdata */
	struct task *task;
	int64_t deadline;
	uint16_t port;
	const char *why;        /* the last failure */
};

#define TYPE "net.connect"

static int
dial_gc(lua_State *L)
{
	struct dial *d = luaL_checkudata(L, 1, TYPE);

	stream_close(d->stream);
	d->stream = NULL;
	return 0;
}

static void
changed(struct stream *s)
{
	struct dial *d = stream_user(s);

	if (d->task != NULL)
		task_ready_soon(d->task);
}

static void
leave(struct task *t)
{
	struct dial *d = t->on;

	d->task = NULL;
}

static void
add(struct dial *d, struct slice host)
{
	if (d->n < ADDRS_MAX && addr_literal(host, d->port, &d->addrs[d->n]) == 0)
		d->n++;
}

/* --- connecting --- */

static int connect_on(lua_State *, int, lua_KContext);

static int
wait_for_it(lua_State *L, struct dial *d)
{
	static const struct wait wait = { .name = "net.connect", .leave = leave, .external = true };

	d->task = &co_current(L)->task;
	return co_wait(L, &wait, d, d->deadline, connect_on, 0);
}

static int
connect_on(lua_State *L, int status, lua_KContext ctx)
{
	struct dial *d = lua_touserdata(L, DIAL);
	struct lconn *c;

	(void)ctx;
	for (;;) {
		if (d->stream != NULL && stream_connected(d->stream)) {
			c = lconn_new(L);
			lconn_set(c, d->stream);
			d->stream = NULL;
			return 1;
		}
		if (d->stream != NULL && stream_error(d->stream) == 0) {
			if (status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
				break;
			return wait_for_it(L, d);
		}
		if (d->stream != NULL)
			d->why = strerror(stream_error(d->stream));
		stream_close(d->stream);
		d->stream = NULL;
		if (d->at == d->n)
			return lua_fail(L, d->why);
		d->stream = stream_connect(runtime_sched(runtime_of(L)), &d->addrs[d->at++], changed, d);
		if (d->stream == NULL)
			d->why = strerror(errno);
		status = LUA_OK;
	}
	stream_close(d->stream);
	d->stream = NULL;
	return lua_fail(L, "timeout");
}

/* --- names --- */

/* dns.query's list of records, or nil and why, is on top: its addresses are added. */
static void
add_answers(lua_State *L, struct dial *d)
{
	lua_Integer n = lua_istable(L, -2) ? luaL_len(L, -2) : 0;

	if (n == 0 && lua_type(L, -1) == LUA_TSTRING && d->why == NULL) {
		lua_pushvalue(L, -1);
		lua_setiuservalue(L, DIAL, 1);
		d->why = lua_tostring(L, -1);
	}
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, -2, i);
		if (lua_istable(L, -1) && lua_getfield(L, -1, "address") == LUA_TSTRING)
			add(d, slice_of(lua_tostring(L, -1)));
		lua_settop(L, DIAL + 2);
	}
}

static int resolve_on(lua_State *, int, lua_KContext);

/* Calls dns.query for the addresses of one family, within the time that is left. */
static int
ask(lua_State *L, struct dial *d, lua_KContext which)
{
	static const char *const types[] = { "A", "AAAA" };
	int64_t left = d->deadline - runtime_sched(runtime_of(L))->clock.now;
	struct slice host, port;
	int nargs = 2;

	lua_settop(L, DIAL);
	if (left <= 0) {
		if (d->why == NULL)
			d->why = "timeout";
		return connect_on(L, LUA_OK, 0);
	}
	host = slice_of(lua_tostring(L, 1));
	(void)slice_cut(host, ':', &host, &port);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	if (lua_getfield(L, -1, "dns") != LUA_TTABLE)
		return lua_fail(L, "no resolver");
	lua_getfield(L, -1, "query");
	lua_replace(L, DIAL + 1);
	lua_settop(L, DIAL + 1);
	lua_pushlstring(L, host.p, host.n);
	lua_pushstring(L, types[which]);
	if (d->deadline < CLOCK_FOREVER) {
		lua_createtable(L, 0, 1);
		lua_pushnumber(L, (lua_Number)left / (lua_Number)SEC);
		lua_setfield(L, -2, "timeout");
		nargs = 3;
	}
	lua_callk(L, nargs, 2, which, resolve_on);
	return resolve_on(L, LUA_OK, which);
}

static int
resolve_on(lua_State *L, int status, lua_KContext which)
{
	struct dial *d = lua_touserdata(L, DIAL);

	(void)status;
	add_answers(L, d);
	/* a name that does not exist has no address of the other family either */
	if (which == 0 && (d->why == NULL || strcmp(d->why, "NXDOMAIN") != 0))
		return ask(L, d, 1);
	lua_settop(L, DIAL);
	return connect_on(L, LUA_OK, 0);
}

static int
resolve(lua_State *L, struct dial *d, struct slice host)
{
	if (!slice_caseeq(host, SLICE("localhost")))
		return ask(L, d, 0);
	add(d, SLICE("127.0.0.1"));
	add(d, SLICE("::1"));
	return connect_on(L, LUA_OK, 0);
}

/* HOST:PORT whose HOST is no literal address; `tcp:` has been cut off. */
static int
connect_name(lua_State *L, struct dial *d)
{
	struct slice host = slice_of(lua_tostring(L, 1)), port;
	uint64_t n;

	if (!slice_cut(host, ':', &host, &port) || host.n == 0 || memchr(host.p, ' ', host.n) != NULL)
		return luaL_argerror(L, 1, lua_pushfstring(L, "not HOST:PORT: '%s'", lua_tostring(L, 1)));
	if (slice_u64(port, UINT16_MAX, &n) == -1)
		return luaL_argerror(L, 1, lua_pushfstring(L, "bad port: '%s'", lua_tostring(L, 1)));
	d->port = (uint16_t)n;
	return resolve(L, d, host);
}

int
lconnect(lua_State *L)
{
	struct slice text = slice_of(luaL_checkstring(L, 1));
	enum transport transport = TRANSPORT_NONE;
	struct dial *d;
	const char *why;

	if (text.n > 4 && memcmp(text.p, "tcp:", 4) == 0) {
		lua_pushstring(L, text.p + 4);
		lua_replace(L, 1);
		text = slice_of(lua_tostring(L, 1));
	}
	lua_settop(L, 2);
	d = lua_newuserdatauv(L, sizeof(*d), 1);
	*d = (struct dial){ .deadline = co_optdeadline(L, 2) };
	if (luaL_newmetatable(L, TYPE)) {
		lua_pushcfunction(L, dial_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, DIAL);
	(void)co_current(L);
	if (addr_parse(text, -1, &d->addrs[0], &transport, &why) == -1)
		return connect_name(L, d);
	if (transport != TRANSPORT_NONE && transport != TRANSPORT_UNIX)
		return luaL_argerror(L, 1, lua_pushfstring(L, "not a tcp address: '%s'", lua_tostring(L, 1)));
	d->n = 1;
	return connect_on(L, LUA_OK, 0);
}
