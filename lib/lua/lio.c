/*
 * io.* where it could block: standard input that is a pipe, a socket or a terminal, and what io.popen gives, are read
 * and written by a connection, so that only the calling coroutine waits. They are still files for whoever asks: an
 * io.popen file is Lua's own kind of userdata, with its connection and its child in user values 1 and 2. Plain files
 * stay with the C library. Standard output and error are lout.c's, what has a name is lfifo.c's.
 */
#include "lua/lio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua/lnet.h"
#include "lua/lread.h"
#include "lua/lsync.h"
#include "lua/modules.h"
#include "lua/state.h"

/* Registry keys: the connection of standard input, or false; and Lua's own functions that ours stand before. */
static const char stdin_key, read_key, lines_key, flush_key, setvbuf_key, io_read_key, io_lines_key, io_input_key,
    io_output_key, output_key, execute_key;

/* --- which files wait --- */

static bool
may_block(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
}

/* Pushes the connection of standard input, or false if that is a plain file. */
static void
push_stdin(lua_State *L)
{
	struct lconn *c;
	struct stream *s;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &stdin_key) != LUA_TNIL)
		return;
	lua_pop(L, 1);
	if (!may_block(STDIN_FILENO)) {
		lua_pushboolean(L, 0);
	} else {
		c = lconn_new(L);
		if ((s = stream_open(runtime_sched(runtime_of(L)), STDIN_FILENO, -1, lconn_changed, c)) != NULL) {
			lconn_set(c, s);
		} else {
			lua_pop(L, 1);
			lua_pushboolean(L, 0);
		}
	}
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &stdin_key);
}

/* Puts its connection in the place of the open file at `index`: true, if it has one. */
static bool
to_connection(lua_State *L, int index)
{
	luaL_Stream *file = luaL_checkudata(L, index, LUA_FILEHANDLE);

	if (file->closef == NULL)
		return false;
	if (lua_getiuservalue(L, index, LIO_CONN) != LUA_TUSERDATA) {
		lua_pop(L, 1);
		if (file->f != stdin)
			return false;
		push_stdin(L);
	}
	if (!lua_isuserdata(L, -1)) {
		lua_pop(L, 1);
		return false;
	}
	lua_replace(L, index);
	return true;
}

luaL_Stream *
lio_newfile(lua_State *L)
{
	luaL_Stream *file = lua_newuserdatauv(L, sizeof(*file), 2);

	file->closef = NULL;
	luaL_setmetatable(L, LUA_FILEHANDLE);
	return file;
}

/* --- the methods of files --- */

static int
done(lua_State *L, int status, lua_KContext base)
{
	(void)status;
	return lua_gettop(L) - (int)base;
}

int
lio_call_own(lua_State *L, const char *key)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, key);
	lua_insert(L, 1);
	lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, done);
	return done(L, LUA_OK, 0);
}

int
lio_read(lua_State *L)
{
	if (to_connection(L, 1))
		return lconn_read(L);
	lread_check(L, 2, lua_gettop(L));
	return lio_call_own(L, &read_key);
}

static int
file_lines(lua_State *L)
{
	return to_connection(L, 1) ? lconn_lines(L) : lio_call_own(L, &lines_key);
}

static int
file_written(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	/* the file, as files do, in place of the connection */
	if (!lua_isnil(L, 2))
		lua_settop(L, 1);
	else
		lua_remove(L, 1);
	return lua_gettop(L);
}

/* The file of standard output or error at 1, where we write that; NULL: another one. */
static const FILE *
is_output(lua_State *L)
{
	const luaL_Stream *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);

	return file->closef != NULL && lout_has(L, file->f) ? file->f : NULL;
}

static int
file_write(lua_State *L)
{
	const luaL_Stream *file = lua_self(L, LUA_FILEHANDLE);
	int n = lua_gettop(L);

	if (file->closef == NULL)
		return luaL_error(L, "attempt to use a closed file");
	lout_check(L, 2);
	if (lua_getiuservalue(L, 1, LIO_CONN) != LUA_TUSERDATA) {
		lua_settop(L, n);
		return lout_write(L, file->f);
	}
	lua_pushvalue(L, 1);
	lua_replace(L, n + 1);
	(void)to_connection(L, 1);
	for (int arg = 2; arg <= n; arg++)
		lout_totext(L, arg);
	/* the stack: connection, texts, file */
	lua_insert(L, 1);
	lua_pushcfunction(L, lconn_write);
	lua_insert(L, 2);
	lua_callk(L, n, LUA_MULTRET, 0, file_written);
	return file_written(L, LUA_OK, 0);
}

static int
file_flush(lua_State *L)
{
	const FILE *output = is_output(L);

	return output != NULL ? lout_flush(L, output) : lio_call_own(L, &flush_key);
}

static int
file_setvbuf(lua_State *L)
{
	static const char *const modes[] = { "no", "full", "line", NULL };
	const FILE *output = is_output(L);

	if (output != NULL)
		lout_setvbuf(L, output, modes[luaL_checkoption(L, 2, NULL, modes)]);
	return lio_call_own(L, &setvbuf_key);
}

/* --- io --- */

/* Puts the connection of the default input, which io.input may have changed, before the formats: true if it has one. */
static bool
insert_input(lua_State *L)
{
	int n = lua_gettop(L);

	lua_rawgetp(L, LUA_REGISTRYINDEX, &io_input_key);
	lua_call(L, 0, 1);
	lread_check(L, 1, n);
	if (!to_connection(L, n + 1)) {
		lua_settop(L, n);
		return false;
	}
	lua_insert(L, 1);
	return true;
}

/* As Lua's own, and keeps at hand what the default output is. */
static int
io_output(lua_State *L)
{
	bool sets = !lua_isnoneornil(L, 1);

	lua_rawgetp(L, LUA_REGISTRYINDEX, &io_output_key);
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	if (sets || lua_rawgetp(L, LUA_REGISTRYINDEX, &output_key) == LUA_TNIL) {
		lua_pushvalue(L, 1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &output_key);
	}
	lua_settop(L, 1);
	return 1;
}

/* Puts the default output before the arguments. */
static void
insert_output(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &output_key);
	lua_insert(L, 1);
}

static int
io_write(lua_State *L)
{
	/* while they have the numbers by which an error calls them */
	lout_check(L, 1);
	insert_output(L);
	if (((const luaL_Stream *)lua_touserdata(L, 1))->closef == NULL)
		return luaL_error(L, "default output file is closed");
	return file_write(L);
}

static int
io_flush(lua_State *L)
{
	lua_settop(L, 0);
	insert_output(L);
	return file_flush(L);
}

static int
io_read(lua_State *L)
{
	return insert_input(L) ? lconn_read(L) : lio_call_own(L, &io_read_key);
}

static int
io_lines(lua_State *L)
{
	if (!lua_isnoneornil(L, 1))
		return lio_call_own(L, &io_lines_key);
	lua_settop(L, lua_gettop(L) > 0 ? lua_gettop(L) : 1);
	lua_remove(L, 1);
	if (insert_input(L))
		return lconn_lines(L);
	lua_pushnil(L);
	lua_insert(L, 1);
	return lio_call_own(L, &io_lines_key);
}

/* --- commands --- */

/* Pushes what coop.run gives for the shell command at `arg`; `stream`: the one that is ours, NULL: none. */
static int
run_shell(lua_State *L, int arg, const char *stream)
{
	static const char *const streams[] = { "stdin", "stdout", "stderr" };
	static const char *const words[] = { "/bin/sh", "-c" };
	int base = lua_gettop(L);

	runtime_push_output(runtime_of(L));
	(void)fflush(NULL);
	lua_pushcfunction(L, lsync_run);
	lua_createtable(L, 3, 3);
	for (int i = 0; i < 2; i++) {
		lua_pushstring(L, words[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_pushvalue(L, arg);
	lua_rawseti(L, -2, 3);
	for (int i = 0; i < 3; i++) {
		lua_pushboolean(L, stream != NULL && strcmp(stream, streams[i]) == 0);
		lua_setfield(L, -2, streams[i]);
	}
	lua_call(L, 1, LUA_MULTRET);
	return lua_gettop(L) - base;
}

/* The stack: the file or a shell command, the child, and what its wait gives. */
static int
told_status(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	errno = 0; /* or it would be told in place of the status */
	return luaL_execresult(L, lsync_raw_status(L, 2));
}

static int
wait_for_child(lua_State *L)
{
	lua_pushcfunction(L, lsync_wait);
	lua_pushvalue(L, 2);
	lua_callk(L, 1, 0, 0, told_status);
	return told_status(L, LUA_OK, 0);
}

/* What file:close calls, and the collector, for which nobody waits. */
static int
popen_close(lua_State *L)
{
	luaL_Stream *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);

	(void)fclose(file->f);
	lua_settop(L, 1);
	lua_getiuservalue(L, 1, LIO_CHILD);
	lua_getiuservalue(L, 1, LIO_CONN);
	lua_getfield(L, 3, "close");
	lua_insert(L, 3);
	lua_call(L, 1, 0);
	if (!co_can_wait(L))
		return 0;
	return wait_for_child(L);
}

static int
io_popen(lua_State *L)
{
	const char *mode = luaL_optstring(L, 2, "r");
	const char *stream = *mode == 'r' ? "stdout" : "stdin";
	luaL_Stream *file;
	struct stream *s;
	int n, fd;

	(void)luaL_checkstring(L, 1);
	luaL_argcheck(L, (*mode == 'r' || *mode == 'w') && mode[1] == '\0', 2, "invalid mode");
	lua_settop(L, 1);
	file = lio_newfile(L);
	if ((n = run_shell(L, 1, stream)) > 1)
		return n;
	lua_getfield(L, 3, stream);
	/* for who asks the C library about the file; nothing goes through it */
	s = lconn_stream(lua_touserdata(L, 4));
	if ((fd = dup(*mode == 'r' ? stream_fd(s) : stream_fd_out(s))) == -1 || (file->f = fdopen(fd, mode)) == NULL) {
		int saved = errno;

		if (fd != -1)
			(void)close(fd);
		return luaL_fileresult(L, (errno = saved, 0), lua_tostring(L, 1));
	}
	file->closef = popen_close;
	/* one that is read from must not be collected and closed meanwhile */
	lua_pushvalue(L, 2);
	lua_setiuservalue(L, 4, 1);
	lua_setiuservalue(L, 2, LIO_CONN);
	lua_setiuservalue(L, 2, LIO_CHILD);
	return 1;
}

static int
os_execute(lua_State *L)
{
	int n;

	if (lua_isnoneornil(L, 1) || !co_can_wait(L)) {
		runtime_push_output(runtime_of(L));
		return lio_call_own(L, &execute_key);
	}
	(void)luaL_checkstring(L, 1);
	lua_settop(L, 1);
	if ((n = run_shell(L, 1, NULL)) > 1)
		return n;
	return wait_for_child(L);
}

void
lio_stand_before(lua_State *L, const char *name, lua_CFunction ours, const char *key)
{
	lua_getfield(L, -1, name);
	lua_rawsetp(L, LUA_REGISTRYINDEX, key);
	lua_pushcfunction(L, ours);
	lua_setfield(L, -2, name);
}

void
lio_open(lua_State *L)
{
	luaL_getmetatable(L, LUA_FILEHANDLE);
	lua_getfield(L, -1, "__index");
	lio_stand_before(L, "read", lio_read, &read_key);
	lio_stand_before(L, "lines", file_lines, &lines_key);
	luaL_getmetatable(L, LUA_FILEHANDLE);
	lua_pushcclosure(L, file_write, 1);
	lua_setfield(L, -2, "write");
	lio_stand_before(L, "flush", file_flush, &flush_key);
	lio_stand_before(L, "setvbuf", file_setvbuf, &setvbuf_key);
	lua_pop(L, 2);
	lua_getglobal(L, "io");
	lio_stand_before(L, "read", io_read, &io_read_key);
	lio_stand_before(L, "lines", io_lines, &io_lines_key);
	lua_getfield(L, -1, "input");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &io_input_key);
	lua_pushcfunction(L, io_popen);
	lua_setfield(L, -2, "popen");
	lio_stand_before(L, "output", io_output, &io_output_key);
	lua_pushcfunction(L, io_output);
	lua_call(L, 0, 0);
	luaL_getmetatable(L, LUA_FILEHANDLE);
	lua_pushcclosure(L, io_write, 1);
	lua_setfield(L, -2, "write");
	lua_pushcfunction(L, io_flush);
	lua_setfield(L, -2, "flush");
	lfifo_register(L);
	lua_pop(L, 1);
	lua_getglobal(L, "os");
	lio_stand_before(L, "execute", os_execute, &execute_key);
	lua_pop(L, 1);
	lout_register(L);
}
