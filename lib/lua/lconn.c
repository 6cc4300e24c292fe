/*
 * Connections for scripts: a stream, one coroutine that reads, any number that write. A read looks at what is there,
 * and if that is not enough for its format asks the stream for more and waits; nothing is taken from the input before
 * the format is complete, so a read that times out can be tried again.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lua/lnet.h"

#define TYPE "net.conn"

enum { CHUNK = 65536, NUMERAL_MAX = 200 };

struct lconn {
	struct stream *stream;     /* NULL: closed */
	struct task *reader;
	struct task_list writers;  /* wait until all is written */
	size_t scanned;            /* of the input: no line end in it */
	double timeout;            /* seconds for each operation; < 0: none */
	/* the read in progress */
	int nformats, nresults;
	int64_t deadline;
};

static struct lconn *
check(lua_State *L)
{
	return luaL_checkudata(L, 1, TYPE);
}

static void
leave_reader(struct task *t)
{
	struct lconn *c = t->on;

	c->reader = NULL;
}

static void
leave_writers(struct task *t)
{
	struct lconn *c = t->on;

	TAILQ_REMOVE(&c->writers, t, link);
}

void
lconn_changed(struct stream *s)
{
	struct lconn *c = stream_user(s);

	if (c->reader != NULL)
		task_ready_soon(c->reader);
	if (stream_pending(s) == 0 || stream_error(s) != 0)
		lnet_wake(&c->writers);
}

struct lconn *
lconn_new(lua_State *L)
{
	struct lconn *c = lua_newuserdatauv(L, sizeof(*c), 1);

	*c = (struct lconn){ .timeout = -1 };
	TAILQ_INIT(&c->writers);
	luaL_setmetatable(L, TYPE);
	return c;
}

void
lconn_set(struct lconn *c, struct stream *s)
{
	c->stream = s;
	stream_set_user(s, lconn_changed, c);
}

static int64_t
deadline_of(lua_State *L, const struct lconn *c)
{
	return c->timeout < 0 ? CLOCK_FOREVER : co_from_now(L, clock_ns(c->timeout));
}

struct lconn *
lconn_check(lua_State *L)
{
	return check(L);
}

struct stream *
lconn_stream(const struct lconn *c)
{
	return c->stream;
}

bool
lconn_is_read(const struct lconn *c)
{
	return c->reader != NULL;
}

int64_t
lconn_deadline(lua_State *L, const struct lconn *c, double seconds)
{
	return seconds < 0 ? deadline_of(L, c) : co_from_now(L, clock_ns(seconds));
}

int
lconn_wait_change(lua_State *L, struct lconn *c, lua_KFunction k, lua_KContext ctx)
{
	static const struct wait wait = { .name = "conn TLS handshake", .leave = leave_reader, .external = true };

	c->reader = &co_current(L)->task;
	return co_wait(L, &wait, c, CLOCK_FOREVER, k, ctx);
}

static int
failed(lua_State *L, const struct lconn *c)
{
	return lua_fail(L, c->stream == NULL ? "closed" : stream_why(c->stream));
}

/* --- formats: 1: pushed a result; 0: more input is needed, *need bytes in all, if the stream has not ended --- */

static int
take(lua_State *L, struct lconn *c, size_t n, size_t drop)
{
	lua_pushlstring(L, stream_input(c->stream).p, n);
	stream_take(c->stream, n + drop);
	c->scanned = 0;
	return 1;
}

static int
try_line(lua_State *L, struct lconn *c, bool keep_end, bool ended, size_t *need)
{
	struct slice in = stream_input(c->stream);
	const char *end = in.n > c->scanned ? memchr(in.p + c->scanned, '\n', in.n - c->scanned) : NULL;

	if (end != NULL) {
		size_t n = (size_t)(end - in.p);

		return keep_end ? take(L, c, n + 1, 0) : take(L, c, n, 1);
	}
	if (ended && in.n > 0)
		return take(L, c, in.n, 0);
	c->scanned = in.n;
	*need = in.n + CHUNK;
	return 0;
}

static int
try_count(lua_State *L, struct lconn *c, size_t n, bool ended, size_t *need)
{
	struct slice in = stream_input(c->stream);

	if (in.n > 0 && (in.n >= n || ended))
		return take(L, c, in.n < n ? in.n : n, 0);
	*need = n > 0 ? n : 1;
	return 0;
}

static int
try_all(lua_State *L, struct lconn *c, bool ended, size_t *need)
{
	struct slice in = stream_input(c->stream);

	if (ended)
		return take(L, c, in.n, 0);
	*need = in.n + CHUNK;
	return 0;
}

static size_t
digits(struct slice in, size_t at, bool hex)
{
	while (at < in.n && (hex ? isxdigit((unsigned char)in.p[at]) : isdigit((unsigned char)in.p[at])))
		at++;
	return at;
}

static size_t
one_of(struct slice in, size_t at, const char *set)
{
	return at < in.n && in.p[at] != '\0' && strchr(set, in.p[at]) != NULL ? at + 1 : at;
}

/* The end of the longest run from `at` that can begin a numeral. */
static size_t
numeral_end(struct slice in, size_t at)
{
	size_t sign = one_of(in, at, "+-"), zero = one_of(in, sign, "0"), x = zero > sign ? one_of(in, zero, "xX") : zero;
	size_t whole = digits(in, x, x > zero), dot = one_of(in, whole, "."), end = digits(in, dot, x > zero), e;

	/* no exponent without a digit before it */
	if (end - dot + whole == (x > zero ? x : sign))
		return end;
	e = one_of(in, end, x > zero ? "pP" : "eE");
	return e > end ? digits(in, one_of(in, e, "+-"), false) : end;
}

/* As io.read's "n": white space, then the longest run that can be a numeral; nil if it is none. */
static int
try_number(lua_State *L, struct lconn *c, bool ended, size_t *need)
{
	struct slice in = stream_input(c->stream);
	char numeral[NUMERAL_MAX + 1];
	size_t from = 0, n;
	bool too_long;

	while (from < in.n && isspace((unsigned char)in.p[from]))
		from++;
	n = numeral_end(in, from) - from;
	too_long = n > NUMERAL_MAX;
	if (from + n == in.n && !too_long && !ended) {
		*need = in.n + 1;
		return 0;
	}
	if (too_long)
		n = NUMERAL_MAX;
	if (n > 0)
		memcpy(numeral, in.p + from, n);
	numeral[n] = '\0';
	if (too_long || lua_stringtonumber(L, numeral) == 0)
		lua_pushnil(L);
	stream_take(c->stream, from + n);
	c->scanned = 0;
	return 1;
}

/* `arg` has been checked by lconn_check_formats. */
static int
try_format(lua_State *L, struct lconn *c, int arg, bool ended, size_t *need)
{
	const char *format;

	if (arg == 0)
		return try_line(L, c, false, ended, need);
	if (lua_type(L, arg) == LUA_TNUMBER)
		return try_count(L, c, (size_t)lua_tointeger(L, arg), ended, need);
	format = lua_tostring(L, arg);
	format += *format == '*';
	switch (*format) {
	case 'l':
		return try_line(L, c, false, ended, need);
	case 'L':
		return try_line(L, c, true, ended, need);
	case 'n':
		return try_number(L, c, ended, need);
	default:
		return try_all(L, c, ended, need);
	}
}

void
lconn_check_formats(lua_State *L, int first, int last)
{
	for (int arg = first; arg <= last; arg++) {
		const char *format;

		if (lua_type(L, arg) == LUA_TNUMBER) {
			luaL_argcheck(L, luaL_checkinteger(L, arg) >= 0, arg, "a count must not be negative");
			continue;
		}
		format = luaL_checkstring(L, arg);
		format += *format == '*';
		luaL_argcheck(L, *format != '\0' && strchr("lLna", *format) != NULL, arg, "invalid format");
	}
}

/* --- reading --- */

static int
read_one(lua_State *L, struct lconn *c, int arg)
{
	bool ended = false;
	size_t need;
	int came;

	for (;;) {
		/* what an error cut off is no last line: the script hears of the error */
		if (try_format(L, c, arg, ended && stream_error(c->stream) == 0, &need) == 1)
			return 1;
		if (ended)
			return -1;
		if ((came = stream_want(c->stream, need)) == 0)
			return 0;
		ended = came == -1;
	}
}

static int read_on(lua_State *, struct lconn *);

static int
read_again(lua_State *L, int status, lua_KContext ctx)
{
	struct lconn *c = lua_touserdata(L, 1);

	(void)status;
	(void)ctx;
	if (task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	return read_on(L, c);
}

/* The stack: the connection, the formats, the results so far. */
static int
read_on(lua_State *L, struct lconn *c)
{
	static const struct wait wait = { .name = "conn read", .leave = leave_reader, .external = true };
	int most = c->nformats > 0 ? c->nformats : 1;

	for (; c->nresults < most; c->nresults++) {
		int got = c->stream != NULL ? read_one(L, c, c->nformats > 0 ? 2 + c->nresults : 0) : -1;

		if (got == 0) {
			c->reader = &co_current(L)->task;
			return co_wait(L, &wait, c, c->deadline, read_again, 0);
		}
		if (got == -1) {
			if (c->stream == NULL || stream_error(c->stream) != 0)
				return c->nresults + failed(L, c);
			lua_pushnil(L);
			return c->nresults + 1;
		}
		if (lua_isnil(L, -1))
			return c->nresults + 1;
	}
	return c->nresults;
}

static int
start_reading(lua_State *L, struct lconn *c)
{
	if (c->reader != NULL)
		return lua_fail(L, "another coroutine reads from this connection");
	c->nformats = lua_gettop(L) - 1;
	c->nresults = 0;
	c->deadline = deadline_of(L, c);
	lconn_check_formats(L, 2, 1 + c->nformats);
	luaL_checkstack(L, c->nformats + 3, "too many formats");
	return read_on(L, c);
}

int
lconn_read(lua_State *L)
{
	return start_reading(L, check(L));
}

/* What is there, at least a byte. */
static int
readsome_on(lua_State *L, int status, lua_KContext most)
{
	static const struct wait wait = { .name = "conn readsome", .leave = leave_reader, .external = true };
	struct lconn *c = lua_touserdata(L, 1);
	bool resumed = status == LUA_YIELD;
	int came;

	if (resumed && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	if (c->stream == NULL)
		return lua_fail(L, "closed");
	if (stream_input(c->stream).n == 0 && (came = stream_want(c->stream, CHUNK)) <= 0) {
		if (came == -1 && stream_error(c->stream) != 0)
			return failed(L, c);
		if (came == -1) {
			lua_pushnil(L);
			return 1;
		}
		c->reader = &co_current(L)->task;
		return co_wait(L, &wait, c, c->deadline, readsome_on, most);
	}
	return try_count(L, c, (size_t)most, true, &(size_t){ 0 });
}

static int
readsome(lua_State *L)
{
	struct lconn *c = check(L);
	lua_Integer most = luaL_optinteger(L, 2, CHUNK);

	luaL_argcheck(L, most > 0, 2, "at least one byte");
	if (c->reader != NULL)
		return lua_fail(L, "another coroutine reads from this connection");
	c->deadline = deadline_of(L, c);
	return readsome_on(L, LUA_OK, (lua_KContext)most);
}

static int lines_done(lua_State *, int, lua_KContext);

/* The iterator of lines: a failure is raised, since the loop around it could not see it. */
static int
lines_next(lua_State *L)
{
	int n = (int)lua_tointeger(L, lua_upvalueindex(1));

	lua_settop(L, 0);
	lua_pushcfunction(L, lconn_read);
	for (int i = 0; i <= n; i++)
		lua_pushvalue(L, lua_upvalueindex(2 + i));
	lua_callk(L, n + 1, LUA_MULTRET, 0, lines_done);
	return lines_done(L, LUA_OK, 0);
}

static int
lines_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (lua_gettop(L) >= 2 && lua_isnil(L, 1))
		return luaL_error(L, "%s", lua_tostring(L, 2));
	return lua_gettop(L);
}

int
lconn_lines(lua_State *L)
{
	int n = lua_gettop(L) - 1;

	(void)check(L);
	lconn_check_formats(L, 2, n + 1);
	luaL_argcheck(L, n <= 250, 252, "too many formats");
	lua_pushinteger(L, n);
	lua_insert(L, 1);
	lua_pushcclosure(L, lines_next, n + 2);
	return 1;
}

/* --- writing --- */

static int
written(lua_State *L, int status, lua_KContext ctx)
{
	struct lconn *c = lua_touserdata(L, 1);

	(void)ctx;
	if (c->stream == NULL || stream_error(c->stream) != 0)
		return failed(L, c);
	if (status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	lua_settop(L, 1);
	return 1;
}

/* Gives the connection back, so that calls can be chained, once all has gone to the system. */
int
lconn_write(lua_State *L)
{
	static const struct wait wait = { .name = "conn write", .leave = leave_writers, .external = true };
	struct lconn *c = check(L);
	int n = lua_gettop(L);
	struct co *co;

	for (int arg = 2; arg <= n; arg++)
		(void)luaL_checkstring(L, arg);
	for (int arg = 2; arg <= n; arg++) {
		struct slice s;

		if (c->stream == NULL)
			return lua_fail(L, "closed");
		s.p = lua_tolstring(L, arg, &s.n);
		if (stream_write(c->stream, s) == -1)
			return stream_error(c->stream) != 0 ? failed(L, c) : lua_failno(L, errno);
	}
	if (c->stream == NULL || stream_pending(c->stream) == 0)
		return written(L, LUA_OK, 0);
	co = co_current(L);
	TAILQ_INSERT_TAIL(&c->writers, &co->task, link);
	return co_wait(L, &wait, c, deadline_of(L, c), written, 0);
}

/* --- the rest --- */

static int
settimeout(lua_State *L)
{
	struct lconn *c = check(L);

	c->timeout = lua_isnoneornil(L, 2) ? -1 : luaL_checknumber(L, 2);
	return 0;
}

static int
shutdown_(lua_State *L)
{
	struct lconn *c = check(L);

	if (c->stream == NULL)
		return lua_fail(L, "closed");
	if (stream_shutdown(c->stream) == -1)
		return stream_error(c->stream) != 0 ? failed(L, c) : lua_failno(L, errno);
	lua_pushboolean(L, 1);
	return 1;
}

static int
push_addr(lua_State *L, int (*get)(const struct stream *, struct addr *))
{
	struct lconn *c = check(L);
	struct addr a;

	if (c->stream == NULL)
		return lua_fail(L, "closed");
	if (get(c->stream, &a) == -1)
		return lua_failno(L, errno);
	lnet_pushaddr(L, &a);
	return 1;
}

static int
peeraddr(lua_State *L)
{
	return push_addr(L, stream_peeraddr);
}

static int
localaddr(lua_State *L)
{
	return push_addr(L, stream_localaddr);
}

static int
close_(lua_State *L)
{
	struct lconn *c = check(L);

	stream_close(c->stream);
	c->stream = NULL;
	if (c->reader != NULL)
		task_ready_soon(c->reader);
	lnet_wake(&c->writers);
	return 0;
}

static int
tostring(lua_State *L)
{
	lua_pushfstring(L, TYPE ": %p", (void *)check(L));
	return 1;
}

void
lconn_register(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "close", close_ },
		{ "lines", lconn_lines },
		{ "localaddr", localaddr },
		{ "peeraddr", peeraddr },
		{ "read", lconn_read },
		{ "readsome", readsome },
		{ "settimeout", settimeout },
		{ "shutdown", shutdown_ },
		{ "starttls", ltls_start },
		{ "tls", ltls_info },
		{ "write", lconn_write },
		{ "__close", close_ },
		{ "__gc", close_ },
		{ "__tostring", tostring },
		{ NULL, NULL },
	};

	lua_newtype(L, TYPE, methods);
}
