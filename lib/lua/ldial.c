/*
 * net.connect: a name or an address to a connection. A name's addresses come from the hosts file or our resolver,
 * both families (dns.addresses). They are tried in turn (RFC 8305, "happy eyeballs"): the next as soon as one has
 * failed, or when the last has not answered for a while, and the first to answer is taken.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns/idn.h"
#include "dns/name.h"
#include "lua/ldns.h"
#include "lua/lnet.h"

enum { HOST_MAX = 256 };
#define STAGGER (250 * MSEC) /* section 5 */

enum { ADDRS_MAX = 16, DIAL = 3 /* its place on the stack: behind the address and the timeout */ };

struct dial {
	struct addr addrs[ADDRS_MAX];
	struct stream *streams[ADDRS_MAX]; /* the attempts under way; closed with the userdata */
	int n, at;              /* addresses, and the next to be tried */
	int64_t next, until;    /* when that is; what is waited for, with or without an answer */
	struct task *task;
	int64_t deadline;
	uint16_t port;
	struct tls *tls;        /* NULL: none; held by the second user value */
	char name[HOST_MAX];    /* for it */
	const char *why;        /* the last failure */
	char said[TLS_WHYLEN];  /* why, when the stream said it */
};

#define TYPE "net.connect"

static void
close_all(struct dial *d)
{
	for (int i = 0; i < d->at; i++) {
		stream_close(d->streams[i]);
		d->streams[i] = NULL;
	}
}

static int
dial_gc(lua_State *L)
{
	struct dial *d = luaL_checkudata(L, 1, TYPE);

	close_all(d);
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

enum look { NOTHING_NEW, LOST, REFUSED, WON };

/* Looks at each attempt, ends those that have failed. `WON`: the attempt *won is connected. */
static enum look
look(struct dial *d, int *won, int *under_way)
{
	enum look result = NOTHING_NEW;

	*under_way = 0;
	for (int i = 0; i < d->at; i++) {
		struct stream *s = d->streams[i];

		if (s == NULL)
			continue;
		if (stream_connected(s)) {
			*won = i;
			return WON;
		}
		if (stream_error(s) == 0) {
			(*under_way)++;
			continue;
		}
		note_why(d, stream_why(s));
		/* who was found, but not to be trusted, is the end of it: another address would only hide why */
		result = stream_error(s) == EPROTO || result == REFUSED ? REFUSED : LOST;
		stream_close(s);
		d->streams[i] = NULL;
	}
	return result;
}

/* 0, or -1: no address will do better. */
static int
try_next(lua_State *L, struct dial *d)
{
	struct sched *sched = runtime_sched(runtime_of(L));
	int at = d->at++;
	struct stream *s = stream_connect(sched, &d->addrs[at], changed, d);

	d->streams[at] = s;
	d->next = co_from_now(L, s != NULL ? STAGGER : 0);
	if (s == NULL)
		d->why = strerror(errno);
	else if (d->tls != NULL &&
	    stream_starttls(s, d->tls, *d->name != '\0' ? d->name : NULL, CLOCK_FOREVER) == -1) {
		d->why = ltls_refusal(errno);
		return -1;
	}
	return 0;
}

static int
give_up(lua_State *L, struct dial *d, const char *why)
{
	close_all(d);
	return lua_fail(L, why);
}

static int
take(lua_State *L, struct dial *d, int won)
{
	struct lconn *c = lconn_new(L);

	lconn_set(c, d->streams[won]);
	d->streams[won] = NULL;
	lconn_from_network(c);
	close_all(d);
	return 1;
}

static int
connect_on(lua_State *L, int status, lua_KContext ctx)
{
	static const struct wait wait = { .name = "net.connect", .leave = leave, .external = true };
	struct dial *d = lua_touserdata(L, DIAL);
	bool time = status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT;
	int won, under_way;

	(void)ctx;
	for (;;) {
		enum look seen = look(d, &won, &under_way);

		if (seen == WON)
			return take(L, d, won);
		if (seen == REFUSED || (under_way == 0 && d->at == d->n))
			return give_up(L, d, d->why);
		if (time && d->until == d->deadline)
			return give_up(L, d, "timeout");
		if (!time && seen != LOST && under_way > 0)
			break;
		time = false;
		if (d->at < d->n && try_next(L, d) == -1)
			return give_up(L, d, d->why);
	}
	d->until = d->at < d->n && d->next < d->deadline ? d->next : d->deadline;
	d->task = &co_current(L)->task;
	return co_wait(L, &wait, d, d->until, connect_on, 0);
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

/* One of each family by turns (section 4): when one of them leads nowhere, that costs little time. */
static void
interleave(struct dial *d)
{
	for (int i = 1; i < d->n; i++) {
		int other = i;
		struct addr a;

		while (other < d->n && d->addrs[other].u.sa.sa_family == d->addrs[i - 1].u.sa.sa_family)
			other++;
		if (other == d->n)
			return;
		a = d->addrs[other];
		for (; other > i; other--)
			d->addrs[other] = d->addrs[other - 1];
		d->addrs[i] = a;
	}
}

static int
resolve_on(lua_State *L, int status, lua_KContext ctx)
{
	struct dial *d = lua_touserdata(L, DIAL);

	(void)status;
	(void)ctx;
	add_addresses(L, d);
	interleave(d);
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
