/*
 * The script: its top level runs in the first coroutine; when it has returned, sipd listens. Each time it is read it
 * gets globals of its own: one that fails has changed nothing, and what the old one started goes on with the old ones.
 */
#include "sipd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "lua/lnet.h"

static int
fail(struct sipd *d)
{
	d->failed = true;
	sched_stop(&d->sched);
	return 0;
}

static int
add_traceback(lua_State *L)
{
	luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
	return 1;
}

/* --- listening --- */

/* "udp:127.0.0.1:5060" */
static void
format_place(const struct addr *a, enum transport transport, char *text, size_t size)
{
	int n = snprintf(text, size, "%s:", transport_name(transport));

	(void)addr_format(a, text + n, size - (size_t)n);
}

static int
listen_on(struct sipd *d, const struct addr *at, enum transport transport)
{
	char text[ADDR_STRLEN + 8];
	struct siptransport *t;

	if (transport == TRANSPORT_NONE)
		transport = TRANSPORT_UDP;
	if ((t = lsip_server_listen(&d->server, transport, at, d->tls)) == NULL) {
		int saved = errno;

		format_place(at, transport, text, sizeof(text));
		log_error("cannot listen on %s: %s", text, strerror(saved));
		return -1;
	}
	d->transports[d->ntransports++] = t;
	format_place(siptransport_addr(t), transport, text, sizeof(text));
	log_info("listening on %s", text);
	return 0;
}

/* Every address of both families; a machine may have only one of these. */
static int
listen_everywhere(struct sipd *d)
{
	struct addr any4, any6;

	(void)addr_literal(SLICE("0.0.0.0"), SIP_DEFAULT_PORT, &any4);
	(void)addr_literal(SLICE("::"), SIP_DEFAULT_PORT, &any6);
	if (listen_on(d, &any4, TRANSPORT_UDP) == -1 || listen_on(d, &any4, TRANSPORT_TCP) == -1)
		return -1;
	if (listen_on(d, &any6, TRANSPORT_UDP) == 0)
		(void)listen_on(d, &any6, TRANSPORT_TCP);
	return 0;
}

static int
listen_at(struct sipd *d, const struct places *list)
{
	for (int i = 0; i < list->n; i++)
		if (listen_on(d, &list->at[i].addr, list->at[i].transport) == -1)
			return -1;
	return 0;
}

/* The text on top of the stack is an address of the script's. False: it is not; that is logged. */
static bool
add_place(lua_State *L, struct places *list)
{
	struct slice text;
	const char *why;

	if (lua_type(L, -1) != LUA_TSTRING) {
		log_error("the script's listen: a %s is no address", luaL_typename(L, -1));
		return false;
	}
	text.p = lua_tolstring(L, -1, &text.n);
	if (list->n == LISTEN_MAX) {
		log_error("the script's listen: more than %d addresses", LISTEN_MAX);
		return false;
	}
	if (place_parse(text, &list->at[list->n], &why) == -1) {
		log_error("the script's listen: %s: '%.*s'", why, SLICE_FMT(text));
		return false;
	}
	list->n++;
	return true;
}

/* The script's global `listen`: an address or a list of them; there may be none. */
static bool
read_listen(lua_State *L, int globals, struct places *list)
{
	bool good = true;

	list->n = 0;
	if (lua_getfield(L, globals, "listen") == LUA_TNIL)
		return true;
	if (!lua_istable(L, -1))
		return add_place(L, list);
	for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, -1); i <= n; i++) {
		lua_rawgeti(L, -1, i);
		good = add_place(L, list) && good;
		lua_pop(L, 1);
	}
	if (good && list->n == 0)
		log_error("the script's listen: a table without an address");
	return good && list->n > 0;
}

static bool
has_certificate(const struct sipd *d, const struct places *list)
{
	for (int i = 0; i < list->n; i++)
		if (list->at[i].transport == TRANSPORT_TLS && d->tls == NULL) {
			log_error("a tls address: the script's option tls must say which certificate");
			return false;
		}
	return true;
}

/* --- the script --- */

static const char *
name_of(const struct sipd *d)
{
	return d->set->script != NULL ? d->set->script : "the script";
}

/* Replaces the chunk on top by one that has globals of its own; they are put at `at`. */
static void
give_globals(lua_State *L, int at)
{
	lua_newtable(L);
	lua_pushglobaltable(L);
	for (lua_pushnil(L); lua_next(L, -2) != 0;) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, -5);
	}
	/* what modules add to Lua's own later is seen, too */
	lua_createtable(L, 0, 1);
	lua_insert(L, -2);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "_G");
	lua_pushvalue(L, -1);
	lua_replace(L, at);
	(void)lua_setupvalue(L, -2, 1);
}

/* What a script may look for and this server has not: its author learns that it is no mistake of his own. */
static int
lacks(lua_State *L)
{
	return luaL_error(L, "location: this version of sipd keeps no locations");
}

/* The global `location`, into the table at `globals`. */
static void
add_location(lua_State *L, int globals)
{
	static const luaL_Reg functions[] = { { "lookup", lacks }, { "remove", lacks }, { "save", lacks }, { NULL, NULL } };

	luaL_newlib(L, functions);
	lua_setfield(L, globals, "location");
}

/* The script's `max_requests`, which may be missing; 0: it is no good. */
static size_t
max_requests(lua_State *L, int globals)
{
	lua_Integer n = SIPD_MAX_REQUESTS;
	int is = 1;

	if (lua_getfield(L, globals, "max_requests") != LUA_TNIL)
		n = lua_tointegerx(L, -1, &is);
	lua_pop(L, 1);
	if (is && n > 0)
		return (size_t)n;
	log_error("the script's max_requests: a whole number above 0 is wanted");
	return 0;
}

/* The script's `max_cpu`, which may be missing, in ns; 0: it is no good. */
static int64_t
max_cpu(lua_State *L, int globals)
{
	lua_Number s = SIPD_MAX_CPU;
	int is = 1;

	if (lua_getfield(L, globals, "max_cpu") != LUA_TNIL)
		s = lua_tonumberx(L, -1, &is);
	lua_pop(L, 1);
	if (is && s >= 0.001 && s <= 1e6)
		return (int64_t)(s * SEC);
	log_error("the script's max_cpu: seconds are wanted, 0.001 to 1000000");
	return 0;
}

/* The table of options at 1, as a struct tls that the caller gets a reference of. */
static int
make_tls(lua_State *L)
{
	struct ltls options;
	struct tls **to = lua_touserdata(L, 2), *tls;

	ltls_options(L, 1, true, false, &options);
	if ((tls = ltls_push(L, &options)) == NULL)
		return lua_error(L);
	*to = tls_ref(tls);
	return 0;
}

/* The script's `tls`, which may be missing. False: it is no good. */
static bool
read_tls(lua_State *L, int globals, struct tls **tls)
{
	*tls = NULL;
	lua_pushcfunction(L, make_tls);
	if (lua_getfield(L, globals, "tls") != LUA_TTABLE) {
		bool none = lua_isnil(L, -1);

		if (!none)
			log_error("the script's tls: a table is wanted");
		lua_pop(L, 2);
		return none;
	}
	lua_pushlightuserdata(L, tls);
	if (lua_pcall(L, 2, 0, 0) == LUA_OK)
		return true;
	log_error("the script's tls: %s", lua_tostring(L, -1));
	lua_pop(L, 1);
	return false;
}

/* Whoever connects from now on meets these certificates. */
static void
set_tls(struct sipd *d, struct tls *tls)
{
	if (tls == NULL)
		return;
	tls_free(d->tls);
	d->tls = tls;
	for (int i = 0; i < d->ntransports; i++)
		if (siptransport_kind(d->transports[i]) == TRANSPORT_TLS)
			siptransport_set_tls(d->transports[i], tls);
}

/* The script's `supported`, which may be missing: a list of names. */
static bool
check_supported(lua_State *L, int globals)
{
	bool good = true;

	if (lua_getfield(L, globals, "supported") != LUA_TNIL) {
		good = lua_istable(L, -1);
		for (lua_Integer i = 1, n = good ? (lua_Integer)lua_rawlen(L, -1) : 0; i <= n; i++) {
			good = lua_rawgeti(L, -1, i) == LUA_TSTRING && good;
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
	if (!good)
		log_error("the script's supported: a list of names is wanted");
	return good;
}

static bool
has_request(lua_State *L, struct sipd *d, int globals)
{
	bool has = lua_getfield(L, globals, "request") == LUA_TFUNCTION;

	lua_pop(L, 1);
	if (!has)
		log_error("%s has no function request(req)", name_of(d));
	return has;
}

/* The chunk has run: what it set becomes what counts, if it is good. All that is not is logged. */
static bool
accept_script(lua_State *L, struct sipd *d, int status, int globals)
{
	struct tls *tls;
	int64_t cpu;
	size_t most;
	bool good;

	if (status != LUA_OK && status != LUA_YIELD) {
		lsip_log_error("", lua_tostring(L, -1));
		return false;
	}
	good = has_request(L, d, globals);
	good = (most = max_requests(L, globals)) > 0 && good;
	good = (cpu = max_cpu(L, globals)) > 0 && good;
	good = check_supported(L, globals) && good;
	good = read_tls(L, globals, &tls) && good;
	if (!good) {
		tls_free(tls);
		return false;
	}
	set_tls(d, tls);
	d->server.layer.max_pending = most;
	lsip_server_bound(&d->server, cpu);
	lua_pushvalue(L, globals);
	lsip_set_globals(L);
	return true;
}

/* With a line in the log for each thing that is not. */
static bool
check_places(lua_State *L, struct sipd *d, int globals, bool good, struct places *scripted)
{
	const struct places *told = &d->set->listen;

	/* what is not used is looked at only if that was asked for */
	scripted->n = 0;
	if (told->n == 0 || d->set->check)
		good = read_listen(L, globals, scripted) && good;
	/* without a certificate that was read, there is enough in the log */
	return good && has_certificate(d, told) && has_certificate(d, scripted);
}

static int
started(lua_State *L, int status, lua_KContext ctx)
{
	struct sipd *d = lua_touserdata(L, 1);
	bool good = accept_script(L, d, status, (int)ctx), ran = status == LUA_OK || status == LUA_YIELD;
	struct places scripted;
	int listening;

	if (!ran || !check_places(L, d, (int)ctx, good, &scripted))
		return fail(d);
	if (d->set->check) {
		sched_stop(&d->sched);
		return 0;
	}
	listening = d->set->listen.n > 0 ? listen_at(d, &d->set->listen) : scripted.n > 0 ? listen_at(d, &scripted) : listen_everywhere(d);
	return listening == -1 ? fail(d) : 0;
}

/*
 * The body of the coroutine that runs the script. The stack: d, its globals, the message handler, the chunk. False:
 * what is wrong with it is logged.
 */
static bool
load_script(lua_State *L, struct sipd *d)
{
	int status;

	lua_settop(L, 1);
	lua_pushnil(L);
	lua_pushcfunction(L, add_traceback);
	if (d->set->script != NULL)
		status = luaL_loadfile(L, strcmp(d->set->script, "-") == 0 ? NULL : d->set->script);
	else
		status = luaL_loadbuffer(L, (const char *)default_lua, default_lua_len, "=default.lua");
	if (status != LUA_OK) {
		lsip_log_error("", lua_tostring(L, -1));
		return false;
	}
	give_globals(L, 2);
	add_location(L, 2);
	return true;
}

int
script_start(lua_State *L)
{
	struct sipd *d = lua_touserdata(L, 1);

	if (!load_script(L, d))
		return fail(d);
	return started(L, lua_pcallk(L, 0, 0, 3, 2, started), 2);
}

/* --- again --- */

/* `ctx`: which reading it was. */
static int
reloaded(lua_State *L, int status, lua_KContext ctx)
{
	struct sipd *d = lua_touserdata(L, 1);

	if (ctx != (lua_KContext)d->reading)
		log_info("%s has been read again meanwhile: what took longer does not count", name_of(d));
	else if (accept_script(L, d, status, 2))
		log_info("%s is in force", name_of(d));
	else
		log_warn("%s is no good: the old one goes on", name_of(d));
	return 0;
}

int
script_reload(lua_State *L)
{
	struct sipd *d = lua_touserdata(L, 1);
	unsigned reading = ++d->reading;

	if (!load_script(L, d)) {
		log_warn("%s is no good: the old one goes on", name_of(d));
		return 0;
	}
	return reloaded(L, lua_pcallk(L, 0, 0, 3, (lua_KContext)reading, reloaded), (lua_KContext)reading);
}
