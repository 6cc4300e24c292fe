/*
 * LuaSocket's tcp:receive and tcp:send. What a call that fails had received so far is its third value, and is taken:
 * LuaSocket's users put it in front of what they receive next.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lua/lsock.h"
#include "lua/state.h"

enum {
	CHUNK = 8192,       /* asked of the system at a time, at least */
	CHUNK_MOST = 65536,
	KEEP = 8192,        /* what an empty buffer may hold on to */
};

static struct lsock *
check_client(lua_State *L)
{
	return lsock_check(L, LSOCK_TCP, 1 << LSOCK_CLIENT, "tcp{client}");
}

/* --- receiving --- */

/* The stack of a receive: the socket, pattern, prefix. How: 'l', 'a', or 'n' and how many bytes. */
struct receive {
	char how;
	size_t n;
};

static struct receive
check_pattern(lua_State *L)
{
	const char *pattern;
	size_t prefix;
	double n;

	(void)luaL_optlstring(L, 3, "", &prefix);
	if (lua_isnumber(L, 2)) {
		n = lua_tonumber(L, 2);
		luaL_argcheck(L, n >= 0, 2, "invalid receive pattern");
		/* the prefix counts */
		return (struct receive){ 'n', (size_t)n > prefix ? (size_t)n - prefix : 0 };
	}
	pattern = luaL_optstring(L, 2, "*l");
	luaL_argcheck(L, *pattern == '*' && (pattern[1] == 'l' || pattern[1] == 'a'), 2, "invalid receive pattern");
	return (struct receive){ pattern[1], 0 };
}

/* Pushes the prefix and n bytes of the input, for a line without its carriage returns, and takes them. */
static void
take(lua_State *L, struct lsock *s, size_t n, bool line)
{
	const char *p = s->input.p + s->taken, *prefix;
	size_t len;
	luaL_Buffer b;

	prefix = luaL_optlstring(L, 3, "", &len);
	luaL_buffinit(L, &b);
	luaL_addlstring(&b, prefix, len);
	while (line && n > 0) {
		const char *cr = memchr(p, '\r', n);
		size_t k = cr != NULL ? (size_t)(cr - p) : n;

		luaL_addlstring(&b, p, k);
		k += cr != NULL;
		s->taken += k;
		p += k;
		n -= k;
	}
	if (n > 0)
		luaL_addlstring(&b, p, n);
	s->taken += n;
	luaL_pushresult(&b);
	s->scanned = 0;
	if (s->taken < s->input.n - s->taken)
		return;
	buf_consume(&s->input, s->taken);
	s->taken = 0;
	buf_trim(&s->input, KEEP);
}

/* LuaSocket gives nil for the error and the part of a call that has done its work. */
static int
well(lua_State *L)
{
	lua_pushnil(L);
	lua_pushnil(L);
	return 3;
}

/* Whether what is there is enough: then it is pushed. */
static bool
complete(lua_State *L, struct lsock *s, struct receive r)
{
	size_t held = s->input.n - s->taken;
	const char *from = s->input.p + s->taken, *end;

	if (r.how == 'n') {
		if (held < r.n)
			return false;
		take(L, s, r.n, false);
		return true;
	}
	if (r.how == 'a' || held == s->scanned)
		return false;
	if ((end = memchr(from + s->scanned, '\n', held - s->scanned)) == NULL) {
		s->scanned = held;
		return false;
	}
	take(L, s, (size_t)(end - from), true);
	s->taken++; /* the line feed: take() has left it */
	return true;
}

/* 0: something came; an errno, EPIPE at the end. */
static int
fill(struct lsock *s, struct receive r)
{
	size_t held = s->input.n - s->taken, want = r.how == 'n' && r.n > held ? r.n - held : CHUNK;
	char *p;
	ssize_t n;

	if (s->watch.fd == -1)
		return EBADF;
	want = want < CHUNK ? CHUNK : want > CHUNK_MOST ? CHUNK_MOST : want;
	if ((p = buf_reserve(&s->input, want)) == NULL) {
		buf_clear(&s->input);
		return ENOMEM;
	}
	do
		n = recv(s->watch.fd, p, want, 0);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? EPIPE : errno;
	buf_added(&s->input, (size_t)n);
	s->received += (double)n;
	return 0;
}

static int
receive_failed(lua_State *L, struct lsock *s, struct receive r, int error)
{
	size_t held = s->input.n - s->taken;

	if (r.how == 'a' && error == EPIPE && held > 0) {
		take(L, s, held, false);
		return well(L);
	}
	(void)lsock_fail(L, error);
	take(L, s, r.how == 'n' && held > r.n ? r.n : held, r.how == 'l');
	return 3;
}

static int
receive_on(lua_State *L, int status, lua_KContext ctx)
{
	struct lsock *s = lua_touserdata(L, 1);
	struct receive r = check_pattern(L);
	int error, result;

	(void)ctx;
	if (lsock_timed_out(L, status))
		return receive_failed(L, s, r, ETIMEDOUT);
	for (;;) {
		if ((r.how != 'n' || r.n > 0 || s->input.n > s->taken) && complete(L, s, r))
			return well(L);
		if ((error = fill(s, r)) == EAGAIN || error == EWOULDBLOCK) {
			if (lsock_wait(L, s, POLLER_IN, receive_on, 0, &error, &result))
				return result;
			return receive_failed(L, s, r, error);
		}
		if (error != 0)
			return receive_failed(L, s, r, error);
	}
}

int
lsock_receive(lua_State *L)
{
	struct lsock *s = check_client(L);
	struct receive r;

	lua_settop(L, 3);
	r = check_pattern(L);
	/* the prefix is all that is wanted */
	if (r.how == 'n' && r.n == 0 && lua_rawlen(L, 3) > 0) {
		take(L, s, 0, false);
		return well(L);
	}
	lsock_begin(L, s);
	return receive_on(L, LUA_OK, 0);
}

/* --- sending --- */

static int
send_failed(lua_State *L, size_t last, int error)
{
	(void)lsock_fail(L, error);
	lua_pushnumber(L, (lua_Number)last);
	return 3;
}

/* The stack: socket, data, the last byte to be sent. `at`: how many bytes of the data are done with. */
static int
send_on(lua_State *L, int status, lua_KContext at)
{
	struct lsock *s = lua_touserdata(L, 1);
	size_t size, end = (size_t)lua_tointeger(L, 3), sent = (size_t)at;
	const char *data = lua_tolstring(L, 2, &size);
	int error, result;

	if (lsock_timed_out(L, status))
		return send_failed(L, sent, ETIMEDOUT);
	while (sent < end) {
		ssize_t n;

		if (s->watch.fd == -1)
			return send_failed(L, sent, EBADF);
		if ((n = send(s->watch.fd, data + sent, end - sent, MSG_NOSIGNAL)) > 0) {
			sent += (size_t)n;
			s->sent += (double)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (lsock_wait(L, s, POLLER_OUT, send_on, (lua_KContext)sent, &error, &result))
				return result;
			return send_failed(L, sent, error);
		} else if (errno != EINTR)
			return send_failed(L, sent, errno);
	}
	lua_pushnumber(L, (lua_Number)end);
	return well(L);
}

int
lsock_send(lua_State *L)
{
	struct lsock *s = check_client(L);
	size_t size;
	lua_Integer first, last;

	(void)luaL_checklstring(L, 2, &size);
	first = (lua_Integer)luaL_optnumber(L, 3, 1);
	last = (lua_Integer)luaL_optnumber(L, 4, -1);
	if (first < 0)
		first = (lua_Integer)size + first + 1 > 0 ? (lua_Integer)size + first + 1 : 1;
	if (last < 0)
		last = (lua_Integer)size + last + 1;
	if (first < 1)
		first = 1;
	if (last > (lua_Integer)size)
		last = (lua_Integer)size;
	lua_settop(L, 2);
	lsock_begin(L, s);
	if (first > last) {
		lua_pushnumber(L, (lua_Number)(first - 1));
		return well(L);
	}
	lua_pushinteger(L, last);
	return send_on(L, LUA_OK, (lua_KContext)(first - 1));
}
