/*
 * TLS for scripts: tables of options, the objects made from them, conn:starttls. Reading certificates takes time, so
 * what was made is kept in the registry, by what it was made from, and made anew when a file has changed.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lua/lnet.h"
#include "net/tlsconn.h"

#define TYPE  "net.tls"
#define CACHE "net.tls cache"

enum { CACHED = 32, SUBJECT_MAX = 1024 };

/* --- options --- */

static void
check_names(lua_State *L, int arg)
{
	static const char *const names[] = { "alpn", "ca", "cert", "key", "name", "server", "timeout", "verify", NULL };

	for (lua_pushnil(L); lua_next(L, arg) != 0; lua_pop(L, 1)) {
		int i = 0;

		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_argerror(L, arg, "an option without a name");
		while (names[i] != NULL && strcmp(names[i], lua_tostring(L, -2)) != 0)
			i++;
		/* one that was misspelt must not go unseen */
		if (names[i] == NULL)
			luaL_argerror(L, arg, lua_pushfstring(L, "no such option: '%s'", lua_tostring(L, -2)));
	}
}

static void
wrong(lua_State *L, int arg, const char *name, const char *what)
{
	luaL_argerror(L, arg, lua_pushfstring(L, "option '%s' must be %s", name, what));
}

/* No number: its text would not be the table's. */
static const char *
string_option(lua_State *L, int arg, const char *name)
{
	int type = lua_getfield(L, arg, name);
	const char *s = type == LUA_TSTRING ? lua_tostring(L, -1) : NULL;

	if (type != LUA_TNIL && (s == NULL || *s == '\0' || strlen(s) != lua_rawlen(L, -1)))
		wrong(L, arg, name, "a text");
	lua_pop(L, 1);
	return s;
}

static bool
flag_option(lua_State *L, int arg, const char *name)
{
	int type = lua_getfield(L, arg, name);
	bool set = lua_toboolean(L, -1);

	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		wrong(L, arg, name, "true or false");
	lua_pop(L, 1);
	return set;
}

static enum tls_verify
verify_option(lua_State *L, int arg)
{
	int type = lua_getfield(L, arg, "verify");
	enum tls_verify verify = TLS_VERIFY_DEFAULT;

	if (type == LUA_TBOOLEAN)
		verify = lua_toboolean(L, -1) ? TLS_VERIFY_ALWAYS : TLS_VERIFY_NEVER;
	else if (type == LUA_TSTRING && strcmp(lua_tostring(L, -1), "optional") == 0)
		verify = TLS_VERIFY_OPTIONAL;
	else if (type != LUA_TNIL)
		wrong(L, arg, "verify", "true, false or \"optional\"");
	lua_pop(L, 1);
	return verify;
}

static double
timeout_option(lua_State *L, int arg)
{
	int type = lua_getfield(L, arg, "timeout");
	double seconds = type == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;

	if (type != LUA_TNIL && !(seconds >= 0))
		wrong(L, arg, "timeout", "a number of seconds");
	lua_pop(L, 1);
	return seconds;
}

static void
alpn_option(lua_State *L, int arg, struct ltls *o)
{
	static const char what[] = "a list of texts, 255 bytes in all";
	int type = lua_getfield(L, arg, "alpn");
	size_t n, at = 0;

	if (type != LUA_TNIL && type != LUA_TTABLE)
		wrong(L, arg, "alpn", what);
	for (lua_Integer i = 1; type == LUA_TTABLE && lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
		const char *s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;

		if (s == NULL || n == 0 || n > sizeof(o->alpn) - 1 - at)
			wrong(L, arg, "alpn", what);
		o->alpn[at] = (char)n;
		memcpy(o->alpn + at + 1, s, n);
		at += n + 1;
		lua_pop(L, 1);
	}
	lua_settop(L, type == LUA_TTABLE ? -3 : -2);
	o->tls.alpn = slice_make(o->alpn, at);
}

void
ltls_options(lua_State *L, int arg, bool server, bool either, struct ltls *o)
{
	*o = (struct ltls){ .tls.server = server, .timeout = -1 };
	if (lua_isnoneornil(L, arg))
		return;
	luaL_checktype(L, arg, LUA_TTABLE);
	check_names(L, arg);
	if (either)
		o->tls.server = flag_option(L, arg, "server");
	else
		luaL_argcheck(L, server || !flag_option(L, arg, "server"), arg, "option 'server' is for starttls");
	o->tls.verify = verify_option(L, arg);
	o->tls.ca = string_option(L, arg, "ca");
	o->tls.cert = string_option(L, arg, "cert");
	o->tls.key = string_option(L, arg, "key");
	o->name = string_option(L, arg, "name");
	o->timeout = timeout_option(L, arg);
	alpn_option(L, arg, o);
}

/* --- objects --- */

struct holder {
	struct tls *tls;
};

static int
holder_gc(lua_State *L)
{
	struct holder *h = luaL_checkudata(L, 1, TYPE);

	tls_free(h->tls);
	h->tls = NULL;
	return 0;
}

/* What the file is and when it changed; the name alone when there is none. */
static void
add_file(luaL_Buffer *b, const char *path)
{
	struct { struct timespec changed; off_t size; ino_t inode; } what;
	struct stat st;

	luaL_addstring(b, path != NULL ? path : "");
	luaL_addchar(b, '\0');
	if (path == NULL || stat(path, &st) == -1)
		return;
	memset(&what, 0, sizeof(what));
	what.changed = st.st_mtim;
	what.size = st.st_size;
	what.inode = st.st_ino;
	luaL_addlstring(b, (const char *)&what, sizeof(what));
}

static void
push_key(lua_State *L, const struct tls_options *o)
{
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	luaL_addchar(&b, o->server ? 's' : 'c');
	luaL_addchar(&b, (char)('0' + (int)o->verify));
	add_file(&b, o->ca);
	add_file(&b, o->cert);
	add_file(&b, o->key);
	luaL_addlstring(&b, o->alpn.p, o->alpn.n);
	luaL_pushresult(&b);
}

/* Pushes the table of what was made; one that has become large begins anew. */
static void
push_cache(lua_State *L)
{
	lua_Integer n = 0;

	if (luaL_getsubtable(L, LUA_REGISTRYINDEX, CACHE))
		for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
			n++;
	if (n < CACHED)
		return;
	lua_pop(L, 1);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, CACHE);
}

struct tls *
ltls_push(lua_State *L, const struct ltls *o)
{
	char why[TLS_WHYLEN];
	struct holder *h;

	push_cache(L);
	push_key(L, &o->tls);
	lua_pushvalue(L, -1);
	if (lua_rawget(L, -3) == LUA_TUSERDATA) {
		lua_replace(L, -3);
		lua_pop(L, 1);
		return ((struct holder *)lua_touserdata(L, -1))->tls;
	}
	lua_pop(L, 1);
	h = lua_newuserdatauv(L, sizeof(*h), 0);
	h->tls = NULL;
	if (luaL_newmetatable(L, TYPE)) {
		lua_pushcfunction(L, holder_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	if ((h->tls = tls_new(&o->tls, why)) == NULL) {
		lua_pop(L, 3);
		lua_pushstring(L, why);
		return NULL;
	}
	lua_insert(L, -3);           /* object, cache, key */
	lua_pushvalue(L, -3);
	lua_rawset(L, -3);
	lua_pop(L, 1);
	return h->tls;
}

/* --- connections --- */

const char *
ltls_refusal(int error)
{
	switch (error) {
	case EBADMSG:
		return "plain text came in before TLS and was not read: it may have been injected";
	case EBUSY:
		return "what was written before TLS is not all sent yet";
	case EALREADY:
		return "TLS has begun on this connection already";
	case ENOTSOCK:
		return "TLS needs a socket";
	case EINVAL:
		return "no name, or a bad one, to verify the certificate by (options name and verify)";
	default:
		return strerror(error);
	}
}

static int
ended(lua_State *L, const struct stream *s)
{
	return lua_fail(L, stream_error(s) == ETIMEDOUT ? "timeout" : stream_why(s));
}

static int
started(lua_State *L, int status, lua_KContext ctx)
{
	struct lconn *c = lua_touserdata(L, 1);
	struct stream *s = lconn_stream(c);

	(void)status;
	(void)ctx;
	if (s == NULL)
		return lua_fail(L, "closed");
	if (stream_error(s) != 0)
		return ended(L, s);
	if (!stream_connected(s))
		return lconn_wait_change(L, c, started, 0);
	lua_pushboolean(L, 1);
	return 1;
}

int
ltls_start(lua_State *L)
{
	struct lconn *c = lconn_check(L);
	struct stream *s = lconn_stream(c);
	char host[ADDR_STRLEN];
	struct addr peer;
	struct ltls o;
	struct tls *tls;

	lua_settop(L, 2);
	ltls_options(L, 2, false, true, &o);
	(void)co_current(L);
	if (s == NULL)
		return lua_fail(L, "closed");
	if (lconn_is_read(c))
		return lua_fail(L, "another coroutine reads from this connection");
	if ((tls = ltls_push(L, &o)) == NULL)
		return lua_fail(L, lua_tostring(L, -1));
	if (o.name == NULL && stream_peeraddr(s, &peer) == 0 && peer.u.sa.sa_family != AF_UNIX) {
		(void)addr_format_host(&peer, host, sizeof(host));
		o.name = host;
	}
	if (stream_starttls(s, tls, o.name, lconn_deadline(L, c, o.timeout)) == -1)
		return lua_fail(L, ltls_refusal(errno));
	return started(L, LUA_OK, 0);
}

static void
set_text(lua_State *L, const char *name, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, name);
}

static int
describe(lua_State *L, const struct tlsconn *t)
{
	struct slice alpn = tlsconn_alpn(t);
	char subject[SUBJECT_MAX];

	lua_createtable(L, 0, 5);
	set_text(L, "version", tlsconn_version(t));
	set_text(L, "cipher", tlsconn_cipher(t));
	if (tlsconn_peer(t, subject, sizeof(subject)))
		set_text(L, "peer", subject);
	if (alpn.n > 0) {
		lua_pushlstring(L, alpn.p, alpn.n);
		lua_setfield(L, -2, "alpn");
	}
	lua_pushboolean(L, tlsconn_resumed(t));
	lua_setfield(L, -2, "resumed");
	return 1;
}

static int
info_on(lua_State *L, int status, lua_KContext ctx)
{
	struct lconn *c = lua_touserdata(L, 1);
	struct stream *s = lconn_stream(c);

	(void)ctx;
	if (s == NULL)
		return lua_fail(L, "closed");
	if (stream_tls(s) == NULL)
		return lua_fail(L, "not a TLS connection");
	if (tlsconn_ready(stream_tls(s)))
		return describe(L, stream_tls(s));
	if (stream_error(s) != 0)
		return ended(L, s);
	if (status == LUA_OK && lconn_is_read(c))
		return lua_fail(L, "another coroutine reads from this connection");
	return lconn_wait_change(L, c, info_on, 0);
}

int
ltls_info(lua_State *L)
{
	(void)lconn_check(L);
	lua_settop(L, 1);
	return info_on(L, LUA_OK, 0);
}
