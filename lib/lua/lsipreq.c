/*
 * A request as scripts see it. Its fields are made when they are looked at; uri, from and to, which take a table
 * each, are kept in the user value once made.
 */
#include <errno.h>
#include <string.h>

#include "lua/lnet.h"
#include "lua/lsip.h"
#include "sip/lex.h"
#include "sip/sipuri.h"

enum { CACHE = 1 };

static struct lsip_request *
check(lua_State *L)
{
	return luaL_checkudata(L, 1, LSIP_REQUEST);
}

static void
push_uri(lua_State *L, const struct lsip_request *r)
{
	lsip_push_uri(L, r->msg.uri);
}

static void
push_from(lua_State *L, const struct lsip_request *r)
{
	lsip_push_nameaddr(L, &r->msg.from);
}

static void
push_to(lua_State *L, const struct lsip_request *r)
{
	lsip_push_nameaddr(L, &r->msg.to);
}

/* What `push` makes, the first time; later the same table. The key is at 2. */
static void
push_cached(lua_State *L, const struct lsip_request *r, void (*push)(lua_State *, const struct lsip_request *))
{
	if (lua_getiuservalue(L, 1, CACHE) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_createtable(L, 0, 2);
		lua_pushvalue(L, -1);
		lua_setiuservalue(L, 1, CACHE);
	}
	lua_pushvalue(L, 2);
	if (lua_rawget(L, -2) != LUA_TNIL)
		return;
	lua_pop(L, 1);
	push(L, r);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, -4);
}

/* --- fields --- */

static void
push_method(lua_State *L, const struct lsip_request *r)
{
	lsip_push_slice(L, r->msg.method);
}

static void
push_call_id(lua_State *L, const struct lsip_request *r)
{
	lsip_push_slice(L, r->msg.call_id);
}

static void
push_cseq(lua_State *L, const struct lsip_request *r)
{
	lua_pushinteger(L, (lua_Integer)r->msg.cseq.number);
}

static void
push_source(lua_State *L, const struct lsip_request *r)
{
	lnet_pushaddr(L, &r->source);
}

static void
push_transport(lua_State *L, const struct lsip_request *r)
{
	lua_pushstring(L, transport_name((enum transport)r->transport));
}

static void
push_body(lua_State *L, const struct lsip_request *r)
{
	lsip_push_slice(L, r->msg.body);
}

static void
push_cancelled(lua_State *L, const struct lsip_request *r)
{
	lua_pushboolean(L, r->cancelled);
}

static const struct {
	const char *name;
	void (*push)(lua_State *, const struct lsip_request *);
	bool cached;
} fields[] = {
	{ "method", push_method, false },
	{ "uri", push_uri, true },
	{ "from", push_from, true },
	{ "to", push_to, true },
	{ "source", push_source, false },
	{ "call_id", push_call_id, false },
	{ "cseq", push_cseq, false },
	{ "body", push_body, false },
	{ "transport", push_transport, false },
	{ "cancelled", push_cancelled, false },
};

/* Methods are in upvalue 1: name to function; fields too: name to their number in the table above. */
static int
index_(lua_State *L)
{
	struct lsip_request *r = lua_touserdata(L, 1);
	size_t i;

	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNUMBER)
		return 1;
	i = (size_t)lua_tointeger(L, -1);
	if (fields[i].cached)
		push_cached(L, r, fields[i].push);
	else
		fields[i].push(L, r);
	return 1;
}

static struct slice
check_slice(lua_State *L, int arg)
{
	struct slice s;

	s.p = luaL_checklstring(L, arg, &s.n);
	return s;
}

static int
header(lua_State *L)
{
	struct lsip_request *r = check(L);
	const struct sip_header *h = sip_find_name(&r->msg, check_slice(L, 2), 0);

	if (h == NULL)
		lua_pushnil(L);
	else
		lsip_push_value(L, sip_header_value(&r->msg, h));
	return 1;
}

/* Fields whose value is a list (7.3.1): other values may hold commas of their own. */
static bool
is_list(struct slice name)
{
	static const char *const names[] = { "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow",
		"Call-Info", "Diversion", "Error-Info", "History-Info", "In-Reply-To", "P-Asserted-Identity", "P-Associated-URI",
		"P-Preferred-Identity", "Path", "Proxy-Require", "Reason", "Reject-Contact", "Request-Disposition", "Security-Client",
		"Security-Server", "Security-Verify", "Service-Route", "Unsupported", "Warning" };

	switch (sip_field_of(name)) {
	case SIP_VIA:
	case SIP_CONTACT:
	case SIP_CONTENT_ENCODING:
	case SIP_RECORD_ROUTE:
	case SIP_ROUTE:
	case SIP_SUPPORTED:
	case SIP_ALLOW_EVENTS:
	case SIP_REQUIRE:
		return true;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_caseeq(name, slice_of(names[i])))
			return true;
	return false;
}

static int
headers(lua_State *L)
{
	struct lsip_request *r = check(L);
	struct slice name = check_slice(L, 2), value, one;
	const struct sip_header *h = NULL;
	lua_Integer n = 0;

	lua_newtable(L);
	while ((h = sip_find_name(&r->msg, name, h != NULL ? (int)(h - r->msg.headers) + 1 : 0)) != NULL) {
		value = sip_header_value(&r->msg, h);
		if (!is_list(name)) {
			lsip_push_value(L, value);
			lua_rawseti(L, -2, ++n);
			continue;
		}
		while (sip_take_value(&value, &one)) {
			lsip_push_value(L, one);
			lua_rawseti(L, -2, ++n);
		}
	}
	return 1;
}

/* --- answering --- */

/* What a response copies or counts itself. */
static bool
is_ours(struct slice name)
{
	switch (sip_field_of(name)) {
	case SIP_VIA:
	case SIP_FROM:
	case SIP_TO:
	case SIP_CALL_ID:
	case SIP_CSEQ:
	case SIP_CONTENT_LENGTH:
		return true;
	default:
		return false;
	}
}

/* Adds a line to the text at `acc`; raises an error when it could be read as anything but one field. */
static void
add_line(lua_State *L, int acc, struct slice name, struct slice value)
{
	struct slice s = name, token = sip_take_token(&s);

	if (token.n == 0 || s.n > 0)
		luaL_error(L, "bad name of a header field: '%s'", name.p);
	if (is_ours(token))
		luaL_error(L, "the header field %s is set by itself", name.p);
	if (value.p == NULL || !lsip_is_value(value))
		luaL_error(L, "bad value of the header field %s", name.p);
	lua_pushvalue(L, acc);
	lsip_push_slice(L, name);
	lua_pushliteral(L, ": ");
	lsip_push_slice(L, value);
	lua_pushliteral(L, "\r\n");
	lua_concat(L, 5);
	lua_replace(L, acc);
}

/* The text or number on top; p NULL: it is none. */
static struct slice
text_on_top(lua_State *L)
{
	struct slice s;

	s.p = lua_tolstring(L, -1, &s.n);
	return s;
}

/*
 * Pushes the lines of the table of fields at `arg`: name to value, or to a list of values. `dialog`: the response may
 * begin one, and repeats the Record-Route of the request.
 */
static void
push_fields(lua_State *L, int arg, bool dialog)
{
	int acc;

	lua_pushliteral(L, "");
	acc = lua_gettop(L);
	if (!lua_istable(L, arg))
		return;
	for (lua_pushnil(L); lua_next(L, arg) != 0; lua_pop(L, 1)) {
		struct slice name;

		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "header fields are a table of names and values");
		name.p = lua_tolstring(L, -2, &name.n);
		if (dialog && sip_field_of(name) == SIP_RECORD_ROUTE)
			luaL_error(L, "the header field %s is set by itself", name.p);
		if (!lua_istable(L, -1)) {
			lua_pushvalue(L, -1); /* a number is not made a string in the script's table */
			add_line(L, acc, name, text_on_top(L));
			lua_pop(L, 1);
			continue;
		}
		for (lua_Integer i = 1, n = luaL_len(L, -1); i <= n; i++) {
			lua_geti(L, -1, i);
			add_line(L, acc, name, text_on_top(L));
			lua_pop(L, 1);
		}
	}
}

static bool
has_field(struct slice lines, const char *name)
{
	struct slice line, field, value;

	while (slice_cut(lines, '\n', &line, &lines))
		if (slice_cut(line, ':', &field, &value) && slice_caseeq(field, slice_of(name)))
			return true;
	return false;
}

/*
 * 12.1.1: what begins a dialog says where its next requests go. `acc`: the lines, to which ours is added if the
 * script has none: the address that we listen on, or, if that is every one of this machine, the URI by which the
 * caller reached us.
 */
static void
add_contact(lua_State *L, struct lsip_request *r, int acc)
{
	const struct addr *local;
	char at[ADDR_STRLEN];

	if (r->flow == NULL || has_field(check_slice(L, acc), "Contact") || has_field(check_slice(L, acc), "m"))
		return;
	local = &r->flow->local;
	(void)addr_format(local, at, sizeof(at));
	if (addr_is_any(local)) {
		lua_pushliteral(L, "<");
		lsip_push_slice(L, r->msg.uri);
		lua_pushliteral(L, ">");
		lua_concat(L, 3);
	} else
		lua_pushfstring(L, r->msg.scheme == SIP_SCHEME_SIPS ? "<sips:%s>" : r->flow->reliable ? "<sip:%s;transport=%s>" : "<sip:%s>",
		    at, transport_name(r->flow->transport));
	add_line(L, acc, SLICE("Contact"), text_on_top(L));
	lua_pop(L, 1);
}

static int
answer(lua_State *L, struct lsip_request *r, const struct sip_answer *a)
{
	if (r->answered)
		return lua_fail(L, r->cancelled ? "the request has been cancelled" : "the request has been answered");
	if (lsip_answer(r, a) == -1)
		return lua_fail(L, errno == EALREADY ? "the transaction has ended"
		    : errno == EINVAL ? "of provisional answers only an INVITE gets others than 100 (RFC 4320)" : strerror(errno));
	lua_pushboolean(L, 1);
	return 1;
}

/*
 * 8.2.2.3: what asks for more than we do is not done. This is looked at when the script accepts a request, since one
 * that it passes on may ask the next for anything. The extensions are on top.
 */
static int
refuse_extension(lua_State *L, struct lsip_request *r)
{
	struct sip_answer a = { .status = 420 };

	lua_pushfstring(L, "Unsupported: %s\r\n", lua_tostring(L, -1));
	a.headers = check_slice(L, lua_gettop(L));
	if (lsip_answer(r, &a) == -1)
		return answer(L, r, &a);
	lua_pushfstring(L, "the request requires extensions that the script does not support: %s", lua_tostring(L, -2));
	return lua_fail(L, lua_tostring(L, -1));
}

/* req:reply(code [, reason] [, headers] [, body]) */
static int
reply(lua_State *L)
{
	struct lsip_request *r = check(L);
	struct sip_answer a = { .status = (int)luaL_checkinteger(L, 2), .until_ack = true };
	int arg = 3, fields_at, acc;
	bool accepts;

	luaL_argcheck(L, a.status >= 100 && a.status < 700, 2, "a status is 100 to 699");
	lua_settop(L, 6);
	if (!lua_istable(L, arg)) {
		a.reason = lua_isnil(L, arg) ? (struct slice){ NULL, 0 } : check_slice(L, arg);
		luaL_argcheck(L, lsip_is_reason(a.reason), arg, "a reason is one line, without control characters");
		arg++;
	}
	fields_at = arg;
	if (lua_istable(L, arg) || lua_isnil(L, arg))
		arg++;
	if (!lua_isnil(L, arg))
		a.body = check_slice(L, arg);
	while (++arg <= 6)
		luaL_argcheck(L, lua_isnil(L, arg), arg, "nothing is expected behind the body");
	accepts = a.status > 100 && a.status < 300;
	push_fields(L, fields_at, sip_makes_dialog(&r->msg, a.status));
	acc = lua_gettop(L);
	if (accepts && slice_eq(r->msg.method, SLICE("INVITE")))
		add_contact(L, r, acc);
	if (a.status == 405 && !has_field(check_slice(L, acc), "Allow"))
		add_line(L, acc, SLICE("Allow"), SLICE("ACK, CANCEL")); /* 21.4.6 asks for one: those two are always taken */
	if (accepts && lsip_push_unsupported(L, &r->msg))
		return refuse_extension(L, r);
	a.headers = check_slice(L, acc);
	return answer(L, r, &a);
}

/*
 * Adds a Contact for the URI on top, a string or a table with one in `uri`, as dns.enum gives it. `q`: tenths, 0 for
 * none.
 */
static void
add_target(lua_State *L, int acc, int q)
{
	struct sipuri u;
	struct fault f;
	struct slice s;

	if (lua_istable(L, -1)) {
		lua_getfield(L, -1, "uri");
		lua_replace(L, -2);
	}
	s.p = lua_tolstring(L, -1, &s.n);
	if (s.p == NULL || sipuri_parse(&u, s, &f) == -1 || memchr(s.p, '>', s.n) != NULL)
		luaL_error(L, "not a URI to redirect to: '%s'", s.p != NULL ? s.p : luaL_typename(L, -1));
	if (q > 0)
		lua_pushfstring(L, "<%s>;q=0.%d", s.p, q);
	else
		lua_pushfstring(L, "<%s>", s.p);
	add_line(L, acc, SLICE("Contact"), text_on_top(L));
	lua_pop(L, 1);
}

/* req:redirect(uri | {uris} [, code]): the first of several is the best (20.10). */
static int
redirect(lua_State *L)
{
	struct lsip_request *r = check(L);
	struct sip_answer a = { .status = (int)luaL_optinteger(L, 3, 302) };
	bool one = !lua_istable(L, 2) || lua_getfield(L, 2, "uri") != LUA_TNIL;
	lua_Integer n = one ? 1 : luaL_len(L, 2);

	luaL_argcheck(L, a.status >= 300 && a.status < 400, 3, "a redirection is 300 to 399");
	luaL_argcheck(L, n > 0, 2, "nowhere to redirect to");
	lua_settop(L, 3);
	lua_pushliteral(L, "");
	for (lua_Integer i = 1; i <= n; i++) {
		if (one)
			lua_pushvalue(L, 2);
		else
			lua_geti(L, 2, i);
		add_target(L, 4, n == 1 ? 0 : i < 9 ? (int)(10 - i) : 1);
		lua_pop(L, 1);
	}
	a.headers = check_slice(L, 4);
	return answer(L, r, &a);
}

/* What a script may look for and this server has not: its author learns that it is no mistake of his own. */
static int
lacks(lua_State *L)
{
	return luaL_error(L, "req:%s() is nothing that this version of sipd can do", lua_tostring(L, lua_upvalueindex(1)));
}

/* --- the type --- */

/* A coroutine that was closed before it answered leaves the caller without an answer no longer than this. */
static int
collect(lua_State *L)
{
	struct lsip_request *r = lua_touserdata(L, 1);

	lsip_refuse(r);
	return 0;
}

static int
tostring(lua_State *L)
{
	struct lsip_request *r = check(L);

	lsip_push_slice(L, r->msg.method);
	lua_pushliteral(L, " ");
	lsip_push_slice(L, r->msg.uri);
	lua_concat(L, 3);
	return 1;
}

void
lsipreq_register(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "header", header },
		{ "headers", headers },
		{ "redirect", redirect },
		{ "reply", reply },
		{ NULL, NULL },
	};
	static const char *const lacking[] = { "authenticate", "challenge", "proxy" };
	static const luaL_Reg meta[] = {
		{ "__gc", collect },
		{ "__tostring", tostring },
		{ NULL, NULL },
	};

	luaL_newmetatable(L, LSIP_REQUEST);
	luaL_setfuncs(L, meta, 0);
	luaL_newlib(L, methods);
	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
		lua_pushstring(L, lacking[i]);
		lua_pushcclosure(L, lacks, 1);
		lua_setfield(L, -2, lacking[i]);
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_setfield(L, -2, fields[i].name);
	}
	lua_pushcclosure(L, index_, 1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
