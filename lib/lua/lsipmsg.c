/* Messages as tables, both ways: sip.parse and sip.build; and how URIs and addresses look to scripts. */
#include <string.h>

#include "lua/lsip.h"
#include "sip/lex.h"
#include "sip/sipprint.h"
#include "sip/sipsame.h"
#include "sip/sipuri.h"

#define ADDRESS "sip.address"

void
lsip_push_slice(lua_State *L, struct slice s)
{
	lua_pushlstring(L, s.n > 0 ? s.p : "", s.n);
}

static void
set_slice(lua_State *L, const char *name, struct slice s)
{
	if (s.n == 0)
		return;
	lsip_push_slice(L, s);
	lua_setfield(L, -2, name);
}

/* As sip_unquote and sip_unescape, which never make a text longer. */
static void
push_converted(lua_State *L, struct slice s, size_t (*convert)(struct slice, char *))
{
	luaL_Buffer b;
	char *to = luaL_buffinitsize(L, &b, s.n + 1);

	luaL_pushresultsize(&b, s.n > 0 ? convert(s, to) : 0);
}

static void
set_converted(lua_State *L, const char *name, struct slice s, size_t (*convert)(struct slice, char *))
{
	if (s.n == 0)
		return;
	push_converted(L, s, convert);
	lua_setfield(L, -2, name);
}

/* For what is the same in any case. */
static size_t
lower(struct slice s, char *dst)
{
	for (size_t i = 0; i < s.n; i++)
		dst[i] = ascii_lower(s.p[i]);
	return s.n;
}

/* 7.3.1: a fold, with the white space around it, is one space. */
static size_t
unfold(struct slice s, char *dst)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n') {
			dst[n++] = s.p[i];
			continue;
		}
		while (n > 0 && (dst[n - 1] == ' ' || dst[n - 1] == '\t'))
			n--;
		while (i + 1 < s.n && memchr("\r\n\t ", s.p[i + 1], 4) != NULL)
			i++;
		dst[n++] = ' ';
	}
	return n;
}

/* display-name: folds made spaces, then without quotes. */
static size_t
display(struct slice s, char *dst)
{
	size_t n = unfold(s, dst);

	return n > 0 && *dst == '"' ? sip_unquote(slice_make(dst, n), dst) : n;
}

void
lsip_push_value(lua_State *L, struct slice value)
{
	push_converted(L, value, unfold);
}

/* --- URIs and addresses --- */

static void
set_params(lua_State *L, struct slice params)
{
	struct sip_param p;

	lua_newtable(L);
	while (sip_take_param(&params, &p) == 1) {
		push_converted(L, p.name, lower);
		if (p.value.n > 0)
			push_converted(L, p.value, *p.value.p == '"' ? sip_unquote : sip_unescape);
		else
			lua_pushliteral(L, "");
		lua_rawset(L, -3);
	}
	lua_setfield(L, -2, "params");
}

static void
set_uri_headers(lua_State *L, struct slice headers)
{
	struct slice name, value;

	lua_newtable(L);
	while (sipuri_next_header(&headers, &name, &value)) {
		push_converted(L, name, sip_unescape);
		push_converted(L, value, sip_unescape);
		lua_rawset(L, -3);
	}
	lua_setfield(L, -2, "headers");
}

/* The parts of a URI, into the table on top. */
static void
set_uri(lua_State *L, struct slice text)
{
	struct sipuri u;
	struct fault f;

	lsip_push_slice(L, text);
	lua_setfield(L, -2, "text");
	if (sipuri_parse(&u, text, &f) == -1)
		return;
	set_converted(L, "scheme", u.scheme_text, lower);
	set_converted(L, "user", u.user, sip_unescape);
	set_converted(L, "password", u.password, sip_unescape);
	set_converted(L, "host", u.host, lower);
	if (u.port >= 0) {
		lua_pushinteger(L, u.port);
		lua_setfield(L, -2, "port");
	}
	set_params(L, u.params);
	set_uri_headers(L, u.headers);
}

void
lsip_push_uri(lua_State *L, struct slice text)
{
	lua_createtable(L, 0, 8);
	set_uri(L, text);
	luaL_setmetatable(L, ADDRESS);
}

void
lsip_push_nameaddr(lua_State *L, const struct sip_nameaddr *a)
{
	lua_createtable(L, 0, 8);
	set_uri(L, a->uri);
	set_slice(L, "uri", a->uri);
	set_converted(L, "display", a->display, display);
	set_slice(L, "tag", a->tag);
	luaL_setmetatable(L, ADDRESS);
}

static int
address_tostring(lua_State *L)
{
	lua_getfield(L, 1, "text");
	return 1;
}

void
lsipmsg_register(lua_State *L)
{
	luaL_newmetatable(L, ADDRESS);
	lua_pushcfunction(L, address_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pop(L, 1);
}

/* --- sip.parse --- */

static void
push_headers(lua_State *L, const struct sipmsg *m)
{
	lua_createtable(L, m->nheaders, 0);
	for (int i = 0; i < m->nheaders; i++) {
		lua_createtable(L, 0, 2);
		lsip_push_slice(L, sip_header_name(m, &m->headers[i]));
		lua_setfield(L, -2, "name");
		lsip_push_value(L, sip_header_value(m, &m->headers[i]));
		lua_setfield(L, -2, "value");
		lua_rawseti(L, -2, i + 1);
	}
}

static void
set_start_line(lua_State *L, const struct sipmsg *m)
{
	if (m->request) {
		set_slice(L, "method", m->method);
		lsip_push_uri(L, m->uri);
		lua_setfield(L, -2, "uri");
		return;
	}
	lua_pushinteger(L, m->status);
	lua_setfield(L, -2, "status");
	lsip_push_slice(L, m->reason);
	lua_setfield(L, -2, "reason");
}

int
lsipmsg_parse(lua_State *L)
{
	struct slice text;
	struct sipmsg *m;
	struct fault f;

	text.p = luaL_checklstring(L, 1, &text.n);
	m = lua_newuserdatauv(L, sizeof(*m), 0);
	if (sip_parse(m, text.p, text.n, &f) == -1) {
		lua_pushnil(L);
		lua_pushstring(L, f.why);
		lua_pushinteger(L, f.status != 0 ? f.status : 400);
		return 3;
	}
	lua_createtable(L, 0, 8);
	set_start_line(L, m);
	lsip_push_nameaddr(L, &m->from);
	lua_setfield(L, -2, "from");
	lsip_push_nameaddr(L, &m->to);
	lua_setfield(L, -2, "to");
	set_slice(L, "call_id", m->call_id);
	lua_pushinteger(L, (lua_Integer)m->cseq.number);
	lua_setfield(L, -2, "cseq");
	push_headers(L, m);
	lua_setfield(L, -2, "headers");
	lsip_push_slice(L, m->body);
	lua_setfield(L, -2, "body");
	return 1;
}

/* --- sip.build --- */

/* Whether s is a whole token. */
static bool
is_token(struct slice s)
{
	return sip_take_token(&s).n > 0 && s.n == 0;
}

bool
lsip_is_value(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || (s.p[i] == '\0' && (i == 0 || s.p[i - 1] != '\\')))
			return false;
	return true;
}

bool
lsip_is_reason(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

/* table.name as text, which is left on the stack; p NULL when there is none. */
static struct slice
text_field(lua_State *L, int table, const char *name)
{
	int type = lua_getfield(L, table, name);
	struct slice s = { NULL, 0 };

	if (type == LUA_TNIL)
		return s;
	/* a URI is a table that knows its text */
	if (type != LUA_TSTRING && type != LUA_TNUMBER && luaL_getmetafield(L, -1, "__tostring") == LUA_TNIL)
		luaL_error(L, "%s is a %s, no text", name, luaL_typename(L, -1));
	if (type != LUA_TSTRING && type != LUA_TNUMBER)
		lua_pop(L, 1);
	s.p = luaL_tolstring(L, -1, &s.n);
	return s;
}

/* The message is at 1, the list of the parts of its text at 2, to which what is on top goes. */
static void
add_part(lua_State *L)
{
	lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
}

static void
add_request_line(lua_State *L, struct slice method)
{
	struct slice uri = text_field(L, 1, "uri");
	struct sipuri parsed;
	struct fault f;

	if (!is_token(method))
		luaL_error(L, "bad method '%s'", method.p);
	if (uri.p == NULL || sipuri_parse(&parsed, uri, &f) == -1)
		luaL_error(L, "bad uri '%s'", uri.p != NULL ? uri.p : "nil");
	lua_pushfstring(L, "%s %s SIP/2.0\r\n", method.p, uri.p);
	add_part(L);
}

static void
add_status_line(lua_State *L)
{
	struct slice reason;
	lua_Integer status;

	lua_getfield(L, 1, "status");
	status = lua_tointeger(L, -1);
	if (status < 100 || status > 699)
		luaL_error(L, "neither a method nor a status of 100 to 699");
	reason = text_field(L, 1, "reason");
	if (reason.p == NULL)
		reason = slice_of(sip_reason((int)status));
	/* what came from others may have control characters, and is passed on */
	if (!lsip_is_value(reason) || memchr(reason.p, '\0', reason.n) != NULL)
		luaL_error(L, "a reason is one line");
	lua_pushfstring(L, "SIP/2.0 %I %s\r\n", status, reason.p);
	add_part(L);
}

/* One that has names as its keys would lose them all. */
static void
check_list(lua_State *L, int at)
{
	for (lua_pushnil(L); lua_next(L, at) != 0; lua_pop(L, 1))
		if (!lua_isinteger(L, -2))
			luaL_error(L, "headers is a list of tables, each with name and value");
}

static void
add_headers(lua_State *L)
{
	if (lua_getfield(L, 1, "headers") != LUA_TTABLE)
		luaL_error(L, "headers is no table");
	check_list(L, 3);
	for (lua_Integer n = 1; lua_settop(L, 3), lua_geti(L, 3, n) != LUA_TNIL; n++) {
		struct slice name, value;

		if (!lua_istable(L, 4))
			luaL_error(L, "headers[%I] is no table of a name and a value", n);
		name = text_field(L, 4, "name");
		value = text_field(L, 4, "value");
		if (name.p == NULL || !is_token(name) || value.p == NULL || !lsip_is_value(value))
			luaL_error(L, "headers[%I]: bad name or value", n);
		/* it is counted anew */
		if (sip_field_of(name) == SIP_CONTENT_LENGTH)
			continue;
		lua_pushfstring(L, "%s: ", name.p);
		lsip_push_slice(L, value);
		lua_pushliteral(L, "\r\n");
		lua_concat(L, 3);
		add_part(L);
	}
}

static void
push_parts(lua_State *L)
{
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, 2); i <= n; i++) {
		lua_rawgeti(L, 2, i);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
}

int
lsipmsg_build(lua_State *L)
{
	struct slice method, body;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_newtable(L);
	method = text_field(L, 1, "method");
	if (method.p != NULL)
		add_request_line(L, method);
	else
		add_status_line(L);
	lua_settop(L, 2);
	add_headers(L);
	body = text_field(L, 1, "body");
	lua_pushfstring(L, "Content-Length: %I\r\n\r\n", (lua_Integer)body.n);
	add_part(L);
	if (body.p != NULL) {
		lua_pushlstring(L, body.p, body.n);
		add_part(L);
	}
	push_parts(L);
	return 1;
}

/* --- sip.same --- */

/* A URI at `arg`: a string, or a table that has it as text. */
static bool
read_uri(lua_State *L, int arg, struct sipuri *u)
{
	struct slice text;
	struct fault f;

	text.p = luaL_tolstring(L, arg, &text.n);
	lua_replace(L, arg);
	return sipuri_parse(u, text, &f) == 0;
}

int
lsipmsg_same(lua_State *L)
{
	struct sipuri a, b;

	luaL_checkany(L, 2);
	lua_pushboolean(L, read_uri(L, 1, &a) && read_uri(L, 2, &b) && sipuri_same(&a, &b));
	return 1;
}
