/*
 * Files by their names that may make one wait: a fifo, whose opening waits as well, until somebody has opened its
 * other end; and a terminal. They are read and written by a connection, on an open file of our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua/lio.h"
#include "lua/lnet.h"
#include "lua/state.h"
#include "net/fifo.h"

#define TYPE "io.fifo"

/* Registry keys: Lua's own functions. */
static const char open_key, lines_key, input_key, output_key;

struct opening {
	struct fifo fifo; /* first */
	struct task *task;
};

/* --- the file --- */

static int
close_file(lua_State *L)
{
	luaL_Stream *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);

	(void)fclose(file->f);
	lua_getiuservalue(L, 1, LIO_CONN);
	lua_getfield(L, -1, "close");
	lua_insert(L, -2);
	lua_call(L, 1, 0);
	return luaL_fileresult(L, 1, NULL);
}

/* The connection on top takes fd: 0, or -1 with errno. */
static int
connect_file(lua_State *L, int fd, int flags)
{
	struct lconn *c = lua_touserdata(L, -1);
	bool writes_only = (flags & O_ACCMODE) == O_WRONLY;
	struct stream *s = stream_open(runtime_sched(runtime_of(L)), writes_only ? -1 : fd, writes_only ? fd : -1,
	    lconn_changed, c);

	if (s == NULL)
		return -1;
	lconn_set(c, s);
	return 0;
}

/*
 * Pushes a file for fd, which it takes; `f`: one that there is already, or NULL. The stack: the name, the mode. What
 * Lua may have no memory for is made before.
 */
static int
push_file(lua_State *L, luaL_Stream *file, int fd, FILE *f, int flags)
{
	int saved;

	/* for who asks the C library about the file; nothing goes through it */
	int other = f != NULL ? fileno(f) : fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (other != -1 && (f != NULL || (f = fdopen(other, lua_tostring(L, 2))) != NULL) &&
	    connect_file(L, fd, flags) == 0) {
		file->f = f;
		file->closef = close_file;
		lua_setiuservalue(L, -2, LIO_CONN);
		return 1;
	}
	saved = errno;
	if (f != NULL)
		(void)fclose(f);
	else if (other != -1)
		(void)close(other);
	(void)close(fd);
	return luaL_fileresult(L, (errno = saved, 0), lua_tostring(L, 1));
}

/* --- opening --- */

/* As open(2) has it; -1: it is no mode. */
static int
flags_of(const char *mode)
{
	bool plus = *mode != '\0' && mode[1] == '+';
	const char *rest = mode + 1 + plus;

	if (*mode == '\0' || strchr("rwa", *mode) == NULL || strspn(rest, "b") != strlen(rest))
		return -1;
	return plus ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
}

static bool
is_fifo(const char *name)
{
	struct stat st;

	return name != NULL && stat(name, &st) == 0 && S_ISFIFO(st.st_mode);
}

static void
opened(struct fifo *f)
{
	task_ready_soon(((struct opening *)f)->task);
}

static void
leave(struct task *t)
{
	struct opening *o = t->on;

	/* it has been cancelled */
	if (fifo_is_opening(&o->fifo))
		fifo_stop(&o->fifo);
}

static int
gc(lua_State *L)
{
	struct opening *o = luaL_checkudata(L, 1, TYPE);

	fifo_stop(&o->fifo);
	return 0;
}

/* The stack: the name, the mode, the opening, and above it a new file and its connection. */
static int
take_fifo(lua_State *L, int status, lua_KContext flags)
{
	struct opening *o = lua_touserdata(L, 3);
	luaL_Stream *file;
	int fd;

	(void)status;
	file = lio_newfile(L);
	(void)lconn_new(L);
	if ((fd = fifo_take(&o->fifo)) == -1)
		return luaL_fileresult(L, 0, lua_tostring(L, 1));
	return push_file(L, file, fd, NULL, (int)flags);
}

/* With both ends of its own it never waits, and a writer need not when there is a reader. */
static int
open_at_once(const char *name, int flags)
{
	if (flags == O_RDONLY) {
		errno = ENXIO;
		return -1;
	}
	return open(name, flags | O_NONBLOCK | O_CLOEXEC);
}

static int
open_fifo(lua_State *L, int flags)
{
	static const struct wait wait = { .name = "io.open of a fifo", .leave = leave, .external = true };
	const char *name = lua_tostring(L, 1);
	struct opening *o = lua_newuserdatauv(L, sizeof(*o), 0);

	*o = (struct opening){ .fifo = { .fd = -1 } };
	luaL_setmetatable(L, TYPE);
	if ((o->fifo.fd = open_at_once(name, flags)) != -1)
		return take_fifo(L, LUA_OK, flags);
	if (errno != ENXIO || fifo_open(&o->fifo, runtime_sched(runtime_of(L)), name, flags, opened) == -1)
		return luaL_fileresult(L, 0, name);
	o->task = &co_current(L)->task;
	return co_wait(L, &wait, o, CLOCK_FOREVER, take_fifo, flags);
}

/* The stack: the name, the mode, the file as Lua has opened it. */
static int
take_terminal(lua_State *L, int flags)
{
	luaL_Stream *file = lua_touserdata(L, 3), *new;
	FILE *f = file->f;
	int fd;

	new = lio_newfile(L);
	(void)lconn_new(L);
	if ((fd = fcntl(fileno(f), F_DUPFD_CLOEXEC, 3)) == -1)
		return luaL_fileresult(L, 0, lua_tostring(L, 1));
	/* from here the new one has it */
	file->closef = NULL;
	return push_file(L, new, fd, f, flags);
}

static int
io_open(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	int flags = flags_of(luaL_optstring(L, 2, "r"));
	luaL_Stream *file;
	int n;

	if (flags == -1 || !co_can_wait(L))
		return lio_call_own(L, &open_key);
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		lua_pushliteral(L, "r");
		lua_replace(L, 2);
	}
	if (is_fifo(name))
		return open_fifo(L, flags);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &open_key);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_call(L, 2, LUA_MULTRET);
	n = lua_gettop(L) - 2;
	if (n != 1 || (file = luaL_testudata(L, 3, LUA_FILEHANDLE)) == NULL || !isatty(fileno(file->f)))
		return n;
	return take_terminal(L, flags);
}

/* --- what else takes a name --- */

/* Whether the name at 1 is a fifo's and may be waited for. */
static bool
names_fifo(lua_State *L)
{
	return lua_type(L, 1) == LUA_TSTRING && co_can_wait(L) && is_fifo(lua_tostring(L, 1));
}

/* Opens what is named at 1; then k, the file being on top, or nil and the message. */
static int
open_then(lua_State *L, const char *mode, lua_KFunction k)
{
	lua_pushcfunction(L, io_open);
	lua_pushvalue(L, 1);
	lua_pushstring(L, mode);
	lua_callk(L, 2, 2, 0, k);
	return k(L, LUA_OK, 0);
}

/* Raises the error of Lua's own for a file that cannot be opened; on top is what io.open says, the name in front. */
static int
refuse(lua_State *L)
{
	const char *why = lua_tostring(L, -1) + lua_rawlen(L, 1) + strlen(": ");

	return luaL_error(L, "cannot open file '%s' (%s)", lua_tostring(L, 1), why);
}

static int next_done(lua_State *, int, lua_KContext);

/* Upvalues: the file, how many formats, the formats. */
static int
next_(lua_State *L)
{
	int n = (int)lua_tointeger(L, lua_upvalueindex(2));

	lua_settop(L, 0);
	lua_pushcfunction(L, lio_read);
	lua_pushvalue(L, lua_upvalueindex(1));
	for (int i = 0; i < n; i++)
		lua_pushvalue(L, lua_upvalueindex(3 + i));
	lua_callk(L, n + 1, LUA_MULTRET, 0, next_done);
	return next_done(L, LUA_OK, 0);
}

/* The file is closed at its end. */
static int
next_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (!lua_isnil(L, 1))
		return lua_gettop(L);
	if (lua_gettop(L) > 1)
		return luaL_error(L, "%s", lua_tostring(L, 2));
	lua_getfield(L, lua_upvalueindex(1), "close");
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_call(L, 1, 0);
	return 1;
}

/* The stack: the name, the formats, the file and nil, or nil and why. */
static int
lines_opened(lua_State *L, int status, lua_KContext ctx)
{
	int n = lua_gettop(L) - 3;

	(void)status;
	(void)ctx;
	if (lua_isnil(L, -2))
		return refuse(L);
	lua_pop(L, 1);
	lua_replace(L, 1);
	lua_pushvalue(L, 1);
	lua_pushinteger(L, n);
	lua_rotate(L, 2, 2);
	lua_pushcclosure(L, next_, 2 + n);
	lua_pushnil(L);
	lua_pushnil(L);
	lua_rotate(L, 1, -1);
	return 4;
}

static int
io_lines(lua_State *L)
{
	if (!names_fifo(L))
		return lio_call_own(L, &lines_key);
	luaL_argcheck(L, lua_gettop(L) <= 251, 252, "too many arguments");
	return open_then(L, "r", lines_opened);
}

/* The stack: the name, own function, the file and nil, or nil and why. */
static int
set_default(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	if (lua_isnil(L, -2))
		return refuse(L);
	lua_pop(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int
io_default(lua_State *L, const char *mode, const char *key)
{
	if (!names_fifo(L))
		return lio_call_own(L, key);
	lua_settop(L, 1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, key);
	return open_then(L, mode, set_default);
}

static int
io_input(lua_State *L)
{
	return io_default(L, "r", &input_key);
}

static int
io_output(lua_State *L)
{
	return io_default(L, "w", &output_key);
}

void
lfifo_register(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", gc }, { NULL, NULL } };

	lua_newtype(L, TYPE, meta);
	lio_stand_before(L, "open", io_open, &open_key);
	lio_stand_before(L, "lines", io_lines, &lines_key);
	lio_stand_before(L, "input", io_input, &input_key);
	lio_stand_before(L, "output", io_output, &output_key);
}
