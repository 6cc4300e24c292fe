/*
 * Two files, standard output and error, and one or two outlets: when both are the same pipe or terminal they share
 * one, so that what is written first comes first. A file has no outlet when the C library writes it.
 *
 * Where a coroutine cannot wait, in a function that C code calls or when none runs, what is written is kept, and
 * only when much is kept does everybody wait.
 */
#include "lua/lout.h"

#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/state.h"
#include "net/outlet.h"

enum {
	BUFFER = 4096,  /* what is kept before it is sent, as the C library has it for pipes */
	KEPT = 1 << 20, /* what is kept for a slow reader by those who cannot wait */
	NUMERAL = 64,   /* room for one */
};

enum mode { BY_BUFFERS, BY_LINES, AT_ONCE };

/* A way out, and who waits for it. */
struct lout {
	struct outlet *outlet; /* NULL: none */
	struct task_list waiting;
};

struct output {
	FILE *f;
	int fd;
	struct lout *to;
	enum mode mode;
};

struct louts {
	struct sched *sched;
	struct lout ways[2];
	struct output files[2];
};

/* --- which file goes where --- */

static void
drained(struct outlet *o)
{
	struct lout *out = outlet_user(o);
	struct task *t;

	while ((t = TAILQ_FIRST(&out->waiting)) != NULL)
		task_ready_soon(t);
}

static void
close_way(struct lout *out)
{
	outlet_close(out->outlet);
	out->outlet = NULL;
}

/* Finds out how this one is to be written: a failure leaves it to the C library. */
static void
find_way(struct louts *outs, struct output *file)
{
	struct lout *own = &outs->ways[file - outs->files], *other = &outs->ways[file == outs->files];

	file->to = own;
	if (other->outlet != NULL && outlet_is(other->outlet, file->fd))
		file->to = other;
	else if (own->outlet == NULL)
		own->outlet = outlet_open(outs->sched, file->fd, drained, own);
}

struct louts *
lout_new(struct runtime *rt)
{
	struct louts *outs = calloc(1, sizeof(*outs));

	if (outs == NULL)
		return NULL;
	outs->sched = rt->sched;
	outs->files[0] = (struct output){ .f = stdout, .fd = STDOUT_FILENO };
	outs->files[1] = (struct output){ .f = stderr, .fd = STDERR_FILENO, .mode = AT_ONCE };
	for (int i = 0; i < 2; i++) {
		TAILQ_INIT(&outs->ways[i].waiting);
		find_way(outs, &outs->files[i]);
	}
	if (isatty(STDOUT_FILENO))
		outs->files[0].mode = BY_LINES;
	return outs;
}

void
lout_free(struct louts *outs)
{
	if (outs == NULL)
		return;
	for (int i = 0; i < 2; i++)
		close_way(&outs->ways[i]);
	free(outs);
}

/* A script, by a C library, has redirected a descriptor: what was written goes to where it was. */
static void
redirected(struct louts *outs)
{
	lout_drain(outs, CLOCK_FOREVER);
	for (int i = 0; i < 2; i++)
		close_way(&outs->ways[i]);
	for (int i = 0; i < 2; i++)
		find_way(outs, &outs->files[i]);
}

/* The outlet of a file; NULL: the C library's it is. */
static struct outlet *
outlet_of(struct louts *outs, struct output *file)
{
	if (file->to->outlet == NULL)
		return NULL;
	/* to look costs a system call: once for each piece that is sent */
	if (outlet_pending(file->to->outlet) == 0 && !outlet_is(file->to->outlet, file->fd))
		redirected(outs);
	/* what a C library has printed by itself comes in between */
	if (file->to->outlet != NULL && __fpending(file->f) > 0) {
		outlet_drain(file->to->outlet, CLOCK_FOREVER);
		(void)fflush(file->f);
	}
	return file->to->outlet;
}

static struct output *
output_of(struct louts *outs, const FILE *f)
{
	return f == stdout ? &outs->files[0] : f == stderr ? &outs->files[1] : NULL;
}

void
lout_push(struct louts *outs)
{
	for (int i = 0; i < 2; i++)
		if (outs->ways[i].outlet != NULL)
			outlet_push(outs->ways[i].outlet);
	if (outs->files[0].to->outlet == NULL)
		(void)fflush(stdout);
}

void
lout_drain(struct louts *outs, int64_t patience)
{
	for (int i = 0; i < 2; i++)
		if (outs->ways[i].outlet != NULL)
			outlet_drain(outs->ways[i].outlet, patience);
}

/* --- what the program says --- */

void
lout_error(struct louts *outs, const char *bytes, size_t n)
{
	struct outlet *o = outlet_of(outs, &outs->files[1]);

	if (o == NULL)
		(void)fwrite(bytes, 1, n, stderr);
	else
		outlet_put(o, slice_make(bytes, n));
}

void
lout_say(struct louts *outs, const char *name, const char *text)
{
	lout_push(outs);
	if (name != NULL) {
		lout_error(outs, name, strlen(name));
		lout_error(outs, ": ", 2);
	}
	lout_error(outs, text, strlen(text));
	lout_error(outs, "\n", 1);
	lout_push(outs);
}

/* --- what scripts write --- */

static void
leave(struct task *t)
{
	struct lout *out = t->on;

	TAILQ_REMOVE(&out->waiting, t, link);
}

/* Waits for a reader who is slow, if there is one and this coroutine can; then k(L, status, ctx). */
static int
finish(lua_State *L, struct lout *out, lua_KFunction k, lua_KContext ctx)
{
	static const struct wait wait = { .name = "write to who is slow to read", .leave = leave, .external = true };

	if (out->outlet == NULL || !outlet_is_full(out->outlet))
		return k(L, LUA_OK, ctx);
	if (co_can_wait(L)) {
		TAILQ_INSERT_TAIL(&out->waiting, &co_current(L)->task, link);
		return co_wait(L, &wait, out, CLOCK_FOREVER, k, ctx);
	}
	if (outlet_pending(out->outlet) > KEPT)
		outlet_drain(out->outlet, CLOCK_FOREVER);
	return k(L, LUA_OK, ctx);
}

/* An argument of print or write that is a string or a number. */
static struct slice
text_of(lua_State *L, int arg, char room[NUMERAL])
{
	struct slice s = { .p = room };

	if (lua_type(L, arg) != LUA_TNUMBER)
		s.p = lua_tolstring(L, arg, &s.n);
	else if (lua_isinteger(L, arg))
		s.n = (size_t)snprintf(room, NUMERAL, LUA_INTEGER_FMT, (LUAI_UACINT)lua_tointeger(L, arg));
	else
		/* no ".0" where tostring puts one */
		s.n = (size_t)snprintf(room, NUMERAL, LUA_NUMBER_FMT, (LUAI_UACNUMBER)lua_tonumber(L, arg));
	return s;
}

static void
put(const struct output *file, struct outlet *o, struct slice s)
{
	if (o != NULL)
		outlet_put(o, s);
	else
		(void)fwrite(s.p, 1, s.n, file->f);
}

static void
push_by_mode(const struct output *file, struct outlet *o, bool line_ended)
{
	if (file->mode == AT_ONCE || outlet_pending(o) >= BUFFER || (file->mode == BY_LINES && line_ended))
		outlet_push(o);
}

static int
printed(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 0;
}

/* All is made text before any of it is written: what raises an error prints nothing. */
static int
print(lua_State *L)
{
	struct louts *outs = runtime_of(L)->outs;
	struct output *file = &outs->files[0];
	int n = lua_gettop(L);
	struct outlet *o;

	for (int i = 1; i <= n; i++) {
		if (lua_type(L, i) == LUA_TSTRING || lua_isinteger(L, i))
			continue;
		(void)luaL_tolstring(L, i, NULL);
		lua_replace(L, i);
	}
	o = outlet_of(outs, file);
	for (int i = 1; i <= n; i++) {
		char room[NUMERAL];

		if (i > 1)
			put(file, o, slice_of("\t"));
		put(file, o, text_of(L, i, room));
	}
	put(file, o, slice_of("\n"));
	if (o == NULL) {
		(void)fflush(file->f);
		return 0;
	}
	outlet_push(o);
	return finish(L, file->to, printed, 0);
}

void
lout_register(lua_State *L)
{
	lua_pushcfunction(L, print);
	lua_setglobal(L, "print");
}

bool
lout_has(lua_State *L, const FILE *f)
{
	struct louts *outs = runtime_of(L)->outs;
	struct output *file = output_of(outs, f);

	return file != NULL && outlet_of(outs, file) != NULL;
}

void
lout_check(lua_State *L, int first)
{
	for (int arg = first; arg <= lua_gettop(L); arg++)
		if (lua_type(L, arg) != LUA_TNUMBER)
			(void)luaL_checkstring(L, arg);
}

void
lout_totext(lua_State *L, int arg)
{
	char room[NUMERAL];
	struct slice s;

	if (lua_type(L, arg) != LUA_TNUMBER)
		return;
	s = text_of(L, arg, room);
	lua_pushlstring(L, s.p, s.n);
	lua_replace(L, arg);
}

/* Pushes what went wrong, as the methods of files do, if anything did. */
static bool
push_failure(lua_State *L, lua_KContext ctx)
{
	const struct lout *out = (const struct lout *)ctx;
	int error = out->outlet != NULL ? outlet_error(out->outlet) : 0;

	errno = error;
	return error != 0 && luaL_fileresult(L, 0, NULL) != 0;
}

static int
written(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	lua_settop(L, 1);
	return push_failure(L, ctx) ? 3 : 1;
}

static int
flushed(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	lua_settop(L, 1);
	if (push_failure(L, ctx))
		return 3;
	lua_pushboolean(L, 1);
	return 1;
}

/* By the C library. */
static int
write_plain(lua_State *L, FILE *f)
{
	int n = lua_gettop(L);
	bool bad = false;

	for (int i = 2; i <= n; i++) {
		char room[NUMERAL];
		struct slice s = text_of(L, i, room);

		bad = fwrite(s.p, 1, s.n, f) != s.n || bad;
	}
	if (bad)
		return luaL_fileresult(L, 0, NULL);
	lua_settop(L, 1);
	return 1;
}

int
lout_write(lua_State *L, FILE *f)
{
	struct output *file = output_of(runtime_of(L)->outs, f);
	struct outlet *o = file != NULL ? outlet_of(runtime_of(L)->outs, file) : NULL;
	int n = lua_gettop(L);
	bool line_ended = false;

	if (o == NULL)
		return write_plain(L, f);
	for (int i = 2; i <= n; i++) {
		char room[NUMERAL];
		struct slice s = text_of(L, i, room);

		line_ended = line_ended || (file->mode == BY_LINES && memchr(s.p, '\n', s.n) != NULL);
		outlet_put(o, s);
	}
	push_by_mode(file, o, line_ended);
	return finish(L, file->to, written, (lua_KContext)file->to);
}

int
lout_flush(lua_State *L, const FILE *f)
{
	struct output *file = output_of(runtime_of(L)->outs, f);

	lua_settop(L, 1);
	outlet_push(file->to->outlet);
	return finish(L, file->to, flushed, (lua_KContext)file->to);
}

void
lout_setvbuf(lua_State *L, const FILE *f, const char *mode)
{
	struct output *file = output_of(runtime_of(L)->outs, f);

	file->mode = *mode == 'n' ? AT_ONCE : *mode == 'l' ? BY_LINES : BY_BUFFERS;
	outlet_push(file->to->outlet);
}
