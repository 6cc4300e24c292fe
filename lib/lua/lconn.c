/*
 * Connections for scripts: a stream, and coroutines that read and write. A read looks at what is there, and if that is not
 * enough for its format asks the stream for more and waits; nothing is taken from the input before the format is
 * complete, so a read that times out can be tried again.
 *
 * Of several readers the first waits for the stream, the others for their turn. Whenever something has come, or one of them has
 * gone, all are woken in their order: each looks if nobody before it waits again, or else waits again, too.
 */
#include <errno.h>

#include "lua/lnet.h"
#include "lua/lread.h"

#define TYPE "net.conn"

enum {
	CHUNK = 65536,
	KEPT = 1 << 20, /* bytes that wait to be sent; beyond it a writer waits before its own are copied */
};

struct lconn {
	struct lread in;           /* its stream is NULL: closed */
	struct task_list readers;  /* the first has its turn */
	bool waking;               /* the readers, all of them */
	struct task_list writers;  /* wait until all is written */
	double timeout;            /* seconds for each operation; < 0: none */
};

struct lconn *
lconn_check(lua_State *L)
{
	return lua_self(L, TYPE);
}

static void
wake_readers(struct lconn *c)
{
	if (c->waking)
		return;
	c->waking = true;
	lnet_wake(&c->readers);
	c->waking = false;
}

static void
leave_readers(struct task *t)
{
	struct lconn *c = t->on;

	TAILQ_REMOVE(&c->readers, t, link);
	wake_readers(c);
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

	wake_readers(c);
	if (stream_pending(s) == 0 || stream_error(s) != 0)
		lnet_wake(&c->writers);
}

struct lconn *
lconn_new(lua_State *L)
{
	struct lconn *c = lua_newuserdatauv(L, sizeof(*c), 1);

	*c = (struct lconn){ .timeout = -1, .in.most = SIZE_MAX };
	TAILQ_INIT(&c->readers);
	TAILQ_INIT(&c->writers);
	luaL_setmetatable(L, TYPE);
	return c;
}

void
lconn_from_network(struct lconn *c)
{
	c->in.most = LREAD_MOST;
}

void
lconn_set(struct lconn *c, struct stream *s)
{
	c->in.stream = s;
	stream_set_user(s, lconn_changed, c);
}

static int64_t
deadline_of(lua_State *L, const struct lconn *c)
{
	return c->timeout < 0 ? CLOCK_FOREVER : co_from_now(L, clock_ns(c->timeout));
}

struct stream *
lconn_stream(const struct lconn *c)
{
	return c->in.stream;
}

bool
lconn_is_read(const struct lconn *c)
{
	return !TAILQ_EMPTY(&c->readers);
}

int64_t
lconn_deadline(lua_State *L, const struct lconn *c, double seconds)
{
	return seconds < 0 ? deadline_of(L, c) : co_from_now(L, clock_ns(seconds));
}

static int
wait_to_read(lua_State *L, struct lconn *c, const struct wait *wait, int64_t deadline, lua_KFunction k, lua_KContext ctx)
{
	struct task *t = &co_current(L)->task;

	TAILQ_INSERT_TAIL(&c->readers, t, link);
	return co_wait(L, wait, c, deadline, k, ctx);
}

int
lconn_wait_change(lua_State *L, struct lconn *c, lua_KFunction k, lua_KContext ctx)
{
	static const struct wait wait = { .name = "conn TLS handshake", .leave = leave_readers, .external = true };

	return wait_to_read(L, c, &wait, CLOCK_FOREVER, k, ctx);
}

static int
failed(lua_State *L, const struct lconn *c)
{
	return lua_fail(L, c->in.stream == NULL ? "closed" : stream_why(c->in.stream));
}

/* --- reading --- */

enum { ENDED = -1, WAIT, GOT, TOO_LONG };

static int
read_one(lua_State *L, struct lconn *c, int arg)
{
	enum lread_result result;
	bool ended = false;
	size_t need;
	int came;

	for (;;) {
		/* what an error cut off is no last line: the script hears of the error */
		result = lread_try(L, &c->in, arg, ended && stream_error(c->in.stream) == 0, &need);
		if (result != LREAD_MORE)
			return result == LREAD_DONE ? GOT : TOO_LONG;
		if (ended)
			return ENDED;
		if ((came = stream_want(c->in.stream, need)) == 0)
			return WAIT;
		ended = came == -1;
	}
}

/* A read in progress, packed into what Lua keeps for it. */
struct reading {
	int formats, results;
};

enum { FORMATS_MAX = INT16_MAX };

static lua_KContext
pack(struct reading r)
{
	return (lua_KContext)r.formats << 16 | r.results;
}

static struct reading
unpack(lua_KContext ctx)
{
	return (struct reading){ (int)(ctx >> 16), (int)(ctx & FORMATS_MAX) };
}

static int read_again(lua_State *, int, lua_KContext);

/* The stack: the connection, the formats, the deadline, the results so far. */
static int
read_on(lua_State *L, struct lconn *c, struct reading r)
{
	static const struct wait wait = { .name = "conn read", .leave = leave_readers, .external = true };
	int most = r.formats > 0 ? r.formats : 1;

	for (; r.results < most; r.results++) {
		bool turn = TAILQ_EMPTY(&c->readers);
		int got = c->in.stream == NULL ? ENDED : turn ? read_one(L, c, r.formats > 0 ? 2 + r.results : 0) : WAIT;

		if (got == WAIT)
			return wait_to_read(L, c, &wait, lua_tointeger(L, r.formats + 2), read_again, pack(r));
		if (got == TOO_LONG) {
			(void)stream_want(c->in.stream, 0);
			r.results += lua_fail(L, "too long");
			break;
		}
		if (got == ENDED && (c->in.stream == NULL || stream_error(c->in.stream) != 0)) {
			r.results += failed(L, c);
			break;
		}
		if (got == ENDED)
			lua_pushnil(L);
		if (lua_isnil(L, -1)) {
			r.results++;
			break;
		}
	}
	return r.results;
}

static int
read_again(lua_State *L, int status, lua_KContext ctx)
{
	struct lconn *c = lua_touserdata(L, 1);

	(void)status;
	if (task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	return read_on(L, c, unpack(ctx));
}

int
lconn_read(lua_State *L)
{
	struct lconn *c = lconn_check(L);
	struct reading r = { .formats = lua_gettop(L) - 1 };

	luaL_argcheck(L, r.formats <= FORMATS_MAX, FORMATS_MAX + 1, "too many formats");
	lread_check(L, 2, 1 + r.formats);
	luaL_checkstack(L, r.formats + 4, "too many formats");
	lua_pushinteger(L, deadline_of(L, c));
	return read_on(L, c, r);
}

static int readsome_again(lua_State *, int, lua_KContext);

/* What is there, at least a byte. The stack: the connection, the deadline. */
static int
readsome_on(lua_State *L, struct lconn *c, size_t most)
{
	static const struct wait wait = { .name = "conn readsome", .leave = leave_readers, .external = true };
	int came = 1;

	if (c->in.stream == NULL)
		return failed(L, c);
	if (!TAILQ_EMPTY(&c->readers))
		came = 0;
	else if (stream_input(c->in.stream).n == 0)
		came = stream_want(c->in.stream, CHUNK);
	if (came == 0)
		return wait_to_read(L, c, &wait, lua_tointeger(L, 2), readsome_again, (lua_KContext)most);
	if (came == -1 && stream_error(c->in.stream) != 0)
		return failed(L, c);
	if (came == -1)
		lua_pushnil(L);
	else
		(void)lread_try_count(L, &c->in, most, true, &(size_t){ 0 });
	return 1;
}

static int
readsome_again(lua_State *L, int status, lua_KContext most)
{
	struct lconn *c = lua_touserdata(L, 1);

	(void)status;
	if (task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	return readsome_on(L, c, (size_t)most);
}

static int
readsome(lua_State *L)
{
	struct lconn *c = lconn_check(L);
	lua_Integer most = luaL_optinteger(L, 2, CHUNK);

	luaL_argcheck(L, most > 0, 2, "at least one byte");
	lua_settop(L, 1);
	lua_pushinteger(L, deadline_of(L, c));
	return readsome_on(L, c, (size_t)most);
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

	(void)lconn_check(L);
	lread_check(L, 2, n + 1);
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
	if (c->in.stream == NULL || stream_error(c->in.stream) != 0)
		return failed(L, c);
	if (status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	lua_settop(L, 1);
	return 1;
}

static int
wait_to_write(lua_State *L, struct lconn *c, int64_t deadline, lua_KFunction k)
{
	static const struct wait wait = { .name = "conn write", .leave = leave_writers, .external = true };
	struct co *co = co_current(L);

	TAILQ_INSERT_TAIL(&c->writers, &co->task, link);
	return co_wait(L, &wait, c, deadline, k, 0);
}

/* The stack: the connection, the texts, the deadline. */
static int
write_on(lua_State *L, int status, lua_KContext ctx)
{
	struct lconn *c = lua_touserdata(L, 1);
	int n = lua_gettop(L) - 1;
	int64_t deadline = lua_tointeger(L, n + 1);

	(void)ctx;
	if (status == LUA_YIELD && task_wake(&co_current(L)->task) == TASK_TIMEOUT)
		return lua_fail(L, "timeout");
	/* what others left there when their time was up does not pile up */
	if (c->in.stream != NULL && stream_pending(c->in.stream) >= KEPT)
		return wait_to_write(L, c, deadline, write_on);
	for (int arg = 2; arg <= n; arg++) {
		struct slice s;

		if (c->in.stream == NULL)
			return lua_fail(L, "closed");
		s.p = lua_tolstring(L, arg, &s.n);
		if (stream_write(c->in.stream, s) == -1)
			return stream_error(c->in.stream) != 0 ? failed(L, c) : lua_failno(L, errno);
	}
	if (c->in.stream == NULL || stream_pending(c->in.stream) == 0)
		return written(L, LUA_OK, 0);
	return wait_to_write(L, c, deadline, written);
}

/* Gives the connection back, so that calls can be chained, once all has gone to the system. */
int
lconn_write(lua_State *L)
{
	struct lconn *c = lconn_check(L);
	int n = lua_gettop(L);

	for (int arg = 2; arg <= n; arg++)
		(void)luaL_checkstring(L, arg);
	lua_pushinteger(L, deadline_of(L, c));
	return write_on(L, LUA_OK, 0);
}

/* --- the rest --- */

static int
setlimit(lua_State *L)
{
	struct lconn *c = lconn_check(L);
	lua_Integer most = luaL_optinteger(L, 2, LUA_MAXINTEGER);

	luaL_argcheck(L, most > 0, 2, "at least one byte");
	c->in.most = (lua_Unsigned)most < SIZE_MAX ? (size_t)most : SIZE_MAX;
	return 0;
}

static int
settimeout(lua_State *L)
{
	struct lconn *c = lconn_check(L);

	c->timeout = lua_isnoneornil(L, 2) ? -1 : luaL_checknumber(L, 2);
	return 0;
}

static int
shutdown_(lua_State *L)
{
	struct lconn *c = lconn_check(L);

	if (c->in.stream == NULL)
		return lua_fail(L, "closed");
	if (stream_shutdown(c->in.stream) == -1)
		return stream_error(c->in.stream) != 0 ? failed(L, c) : lua_failno(L, errno);
	lua_pushboolean(L, 1);
	return 1;
}

static int
push_addr(lua_State *L, int (*get)(const struct stream *, struct addr *))
{
	struct lconn *c = lconn_check(L);
	struct addr a;

	if (c->in.stream == NULL)
		return lua_fail(L, "closed");
	if (get(c->in.stream, &a) == -1)
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
	struct lconn *c = lconn_check(L);

	stream_close(c->in.stream);
	c->in.stream = NULL;
	wake_readers(c);
	lnet_wake(&c->writers);
	return 0;
}

static int
tostring(lua_State *L)
{
	lua_pushfstring(L, TYPE ": %p", (void *)lconn_check(L));
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
		{ "setlimit", setlimit },
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
