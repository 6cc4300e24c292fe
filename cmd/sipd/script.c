/* The script: its top level runs in the first coroutine; when it has returned, sipd listens. */
#include "sipd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

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

	if (d->ntransports == LISTEN_MAX) {
		log_error("more than %d addresses to listen on", LISTEN_MAX);
		return -1;
	}
	if (transport == TRANSPORT_NONE)
		transport = TRANSPORT_UDP;
	if ((t = lsip_server_listen(&d->server, transport, at)) == NULL) {
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
listen_as_told(struct sipd *d)
{
	for (int i = 0; i < d->set->nlisten; i++)
		if (listen_on(d, &d->set->listen[i].addr, d->set->listen[i].transport) == -1)
			return -1;
	return 0;
}

/* The text on top of the stack is an address of the script's. */
static int
listen_text(lua_State *L, struct sipd *d)
{
	struct slice text = { NULL, 0 };
	const char *why = "no text";
	struct place p;

	if (lua_type(L, -1) == LUA_TSTRING)
		text.p = lua_tolstring(L, -1, &text.n);
	if (text.p == NULL || addr_parse(text, SIP_DEFAULT_PORT, &p.addr, &p.transport, &why) == -1) {
		log_error("the script's listen: %s: '%.*s'", why, SLICE_FMT(text));
		return -1;
	}
	if (!place_ok(&p)) {
		log_error("the script's listen: %s: sipd listens on udp and tcp only", text.p);
		return -1;
	}
	return d->set->check ? 0 : listen_on(d, &p.addr, p.transport);
}

/* The script's global `listen`: an address or a list of them. */
static int
listen_as_scripted(lua_State *L, struct sipd *d)
{
	if (!lua_istable(L, -1))
		return listen_text(L, d);
	for (lua_Integer i = 1, n = luaL_len(L, -1); i <= n; i++) {
		lua_geti(L, -1, i);
		if (listen_text(L, d) == -1)
			return -1;
		lua_pop(L, 1);
	}
	return 0;
}

/* --- the script --- */

static int
started(lua_State *L, int status, lua_KContext ctx)
{
	struct sipd *d = lua_touserdata(L, 1);
	int good;

	(void)ctx;
	if (status != LUA_OK && status != LUA_YIELD) {
		lsip_log_error("", lua_tostring(L, -1));
		return fail(d);
	}
	if (lua_getglobal(L, "request") != LUA_TFUNCTION) {
		log_error("%s has no function request(req)", d->set->script != NULL ? d->set->script : "the script");
		return fail(d);
	}
	if (lua_getglobal(L, "listen") != LUA_TNIL && (d->set->nlisten == 0 || d->set->check))
		good = listen_as_scripted(L, d);
	else if (d->set->check)
		good = 0;
	else
		good = d->set->nlisten > 0 ? listen_as_told(d) : listen_everywhere(d);
	if (good == -1)
		return fail(d);
	if (d->set->check)
		sched_stop(&d->sched);
	return 0;
}

int
script_start(lua_State *L)
{
	struct sipd *d = lua_touserdata(L, 1);
	int status;

	lua_pushcfunction(L, add_traceback);
	if (d->set->script != NULL)
		status = luaL_loadfile(L, strcmp(d->set->script, "-") == 0 ? NULL : d->set->script);
	else
		status = luaL_loadbuffer(L, (const char *)default_lua, default_lua_len, "=default.lua");
	if (status != LUA_OK) {
		lsip_log_error("", lua_tostring(L, -1));
		return fail(d);
	}
	return started(L, lua_pcallk(L, 0, 0, 2, 0, started), 0);
}
