/*
 * net.connect: a name or an address to a connection. A name's addresses come from the hosts file or our resolver,
 * both families (dns.addresses), and are tried in turn.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns/idn.h"
#include "dns/name.h"
#include "lua/ldns.h"
#include "lua/lnet.h"

enum { HOST_MAX = 256 };
enum { ADDRS_MAX = 16, DIAL = 3 /* its place on the stack: behind the address and the timeout */ };

struct dial {
	struct addr addrs[ADDRS_MAX];
	int n, at;
	struct stream *stream;  /* the attempt under way; closed with the userdata */
	struct task *task;
	int64_t deadline;
	uint16_t port;
	struct tls *tls;        /* NULL: none; held by the second user value */
	char name[HOST_MAX];    /* for it */
	const char *why;        /* the last failure */
	char said[TLS_WHYLEN];  /* why, when the stream said it */
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

static void
note_why(struct dial *d, const char *why)
{
	(void)snprintf(d->said, sizeof(d->said), "%s", why);
	d->why = d->said;
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
	bool refused;

	(void)ctx;
	for (;;) {
		if (d->stream != NULL && stream_connected(d->stream)) {
			c = lconn_new(L);
			lconn_set(c, d->stream);
			lconn_from_network(c);
			d->stream = NULL;
			return 1;
		}
		if (d->stream != NULL && stream_error(d->stream) == 0) {
			if (status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
				break;
			return wait_for_it(L, d);
		}
		if (d->stream != NULL)
			note_why(d, stream_why(d->stream));
		/* who was found, but not to be trusted, is the end of it: another address would only hide why */
		refused = d->stream != NULL && stream_error(d->stream) == EPROTO;
		stream_close(d->stream);
		d->stream = NULL;
		if (d->at == d->n || refused)
			return lua_fail(L, d->why);
		d->stream = stream_connect(runtime_sched(runtime_of(L)), &d->addrs[d->at++], changed, d);
		if (d->stream == NULL)
			d->why = strerror(errno);
		else if (d->tls != NULL &&
		    stream_starttls(d->stream, d->tls, *d->name != '\0' ? d->name : NULL, CLOCK_FOREVER) == -1)
			return lua_fail(L, ltls_refusal(errno));
		status = LUA_OK;
	}
	stream_close(d->stream);
	d->stream = NULL;
	return lua_fail(L, "timeout");
}

/* --- names --- */

/* dns.addresses' list of them, or nil and why, is on top. */
static void
add_addresses(lua_State *L, struct dial *d)
{
	lua_Integer n = lua_istable(L, -2) ? luaL_len(L, -2) : 0;

	if (n == 0)
		note_why(d, lua_tostring(L, -1));
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, -2, i);
		add(d, slice_of(lua_tostring(L, -1)));
		lua_pop(L, 1);
	}
}

static int
resolve_on(lua_State *L, int status, lua_KContext ctx)
{
	struct dial *d = lua_touserdata(L, DIAL);

	(void)status;
	(void)ctx;
	add_addresses(L, d);
	lua_settop(L, DIAL);
	return connect_on(L, LUA_OK, 0);
}

/* Within the time that is left. */
static int
resolve(lua_State *L, struct dial *d, struct slice host)
{
	int64_t left = d->deadline - runtime_sched(runtime_of(L))->clock.now;

	if (left <= 0)
		return lua_fail(L, "timeout");
	lua_settop(L, DIAL);
	lua_pushcfunction(L, ldns_addresses);
	lua_pushlstring(L, host.p, host.n);
	lua_createtable(L, 0, 1);
	if (d->deadline < CLOCK_FOREVER) {
		lua_pushnumber(L, (lua_Number)left / (lua_Number)SEC);
		lua_setfield(L, -2, "timeout");
	}
	lua_callk(L, 2, 2, 0, resolve_on);
	return resolve_on(L, LUA_OK, 0);
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

/* `tcp:` or `tls:` is cut off the address. */
static bool
cut_transport(lua_State *L)
{
	const char *text = luaL_checkstring(L, 1);
	bool secure = strncmp(text, "tls:", 4) == 0;

	if (secure || strncmp(text, "tcp:", 4) == 0) {
		lua_pushstring(L, text + 4);
		lua_replace(L, 1);
	}
	return secure;
}

/* The second argument: seconds, or a table of options. */
static void
read_options(lua_State *L, bool secure, struct ltls *o)
{
	bool table = lua_istable(L, 2);

	/* behind the top there is none: all as it is by default */
	ltls_options(L, table ? 2 : lua_gettop(L) + 1, false, false, o);
	if (!table && !lua_isnil(L, 2))
		o->timeout = luaL_checknumber(L, 2);
	luaL_argcheck(L, secure || (o->tls.ca == NULL && o->tls.cert == NULL && o->tls.key == NULL && o->name == NULL &&
	    o->tls.verify == TLS_VERIFY_DEFAULT && o->tls.alpn.n == 0), 2,
	    "options for TLS are for addresses with tls: in front");
}

static struct dial *
new_dial(lua_State *L, const struct ltls *o)
{
	struct dial *d = lua_newuserdatauv(L, sizeof(*d), 2);

	*d = (struct dial){ .deadline = CLOCK_FOREVER };
	if (!lua_isnil(L, 2))
		d->deadline = o->timeout < 0 ? CLOCK_FOREVER : co_from_now(L, clock_ns(o->timeout));
	if (luaL_newmetatable(L, TYPE)) {
		lua_pushcfunction(L, dial_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, DIAL);
	return d;
}

/* As certificates have it: without a final dot, and international ones as A-labels. */
static void
host_name(struct dial *d, struct slice host)
{
	char text[NAME_TEXTLEN];
	uint8_t wire[NAME_MAX_WIRE];
	const char *why;

	if (idn_parse(host, wire, &why) > 0)
		host = slice_make(text, (size_t)(name_text(text, wire, 0) - text - 1));
	/* too long a name is none that there could be */
	(void)slice_cstr(host, d->name, sizeof(d->name));
}

/* Whom the certificate must be of: whom the address names, unless the options say it. */
static void
set_name(lua_State *L, struct dial *d, const char *given)
{
	struct slice host = slice_of(given != NULL ? given : lua_tostring(L, 1)), port;

	if (given == NULL && d->n == 0)
		(void)slice_cut(host, ':', &host, &port);
	if (given == NULL && d->n > 0) {
		if (d->addrs[0].u.sa.sa_family != AF_UNIX)
			(void)addr_format_host(&d->addrs[0], d->name, sizeof(d->name));
		return;
	}
	host_name(d, host);
}

int
lconnect(lua_State *L)
{
	bool secure = cut_transport(L);
	enum transport transport = TRANSPORT_NONE;
	struct dial *d;
	const char *why;
	struct ltls o;

	lua_settop(L, 2);
	read_options(L, secure, &o);
	d = new_dial(L, &o);
	(void)co_current(L);
	if (addr_parse(slice_of(lua_tostring(L, 1)), -1, &d->addrs[0], &transport, &why) == 0)
		d->n = 1;
	if (transport != TRANSPORT_NONE && transport != TRANSPORT_UNIX)
		return luaL_argerror(L, 1, lua_pushfstring(L, "not a tcp address: '%s'", lua_tostring(L, 1)));
	if (secure) {
		set_name(L, d, o.name);
		if ((d->tls = ltls_push(L, &o)) == NULL)
			return lua_fail(L, lua_tostring(L, -1));
		lua_setiuservalue(L, DIAL, 2);
	}
	return d->n == 0 ? connect_name(L, d) : connect_on(L, LUA_OK, 0);
}
