#include "lua/lread.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

enum { CHUNK = 65536, NUMERAL_MAX = 200 };

static enum lread_result
take(lua_State *L, struct lread *r, size_t n, size_t drop)
{
	lua_pushlstring(L, stream_input(r->stream).p, n);
	stream_take(r->stream, n + drop);
	r->scanned = 0;
	return LREAD_DONE;
}

static enum lread_result
more(const struct lread *r, size_t held, size_t *need)
{
	if (held >= r->most)
		return LREAD_TOO_LONG;
	*need = held + CHUNK;
	return LREAD_MORE;
}

static enum lread_result
try_line(lua_State *L, struct lread *r, bool keep_end, bool ended, size_t *need)
{
	struct slice in = stream_input(r->stream);
	const char *end = in.n > r->scanned ? memchr(in.p + r->scanned, '\n', in.n - r->scanned) : NULL;

	if (end != NULL && (size_t)(end - in.p) <= r->most) {
		size_t n = (size_t)(end - in.p);

		return keep_end ? take(L, r, n + 1, 0) : take(L, r, n, 1);
	}
	if (end != NULL)
		return LREAD_TOO_LONG;
	if (ended && in.n > 0)
		return take(L, r, in.n, 0);
	r->scanned = in.n;
	return more(r, in.n, need);
}

enum lread_result
lread_try_count(lua_State *L, struct lread *r, size_t n, bool any, size_t *need)
{
	struct slice in = stream_input(r->stream);

	if (in.n > 0 && (in.n >= n || any))
		return take(L, r, in.n < n ? in.n : n, 0);
	*need = n > 0 ? n : 1;
	return LREAD_MORE;
}

static enum lread_result
try_all(lua_State *L, struct lread *r, bool ended, size_t *need)
{
	struct slice in = stream_input(r->stream);

	return ended ? take(L, r, in.n, 0) : more(r, in.n, need);
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

/* The end of the longest run that can begin a numeral. */
static size_t
numeral_end(struct slice in)
{
	size_t sign = one_of(in, 0, "+-"), zero = one_of(in, sign, "0");
	size_t x = zero > sign ? one_of(in, zero, "xX") : zero;
	size_t whole = digits(in, x, x > zero), dot = one_of(in, whole, "."), end = digits(in, dot, x > zero), e;

	/* no exponent without a digit before it */
	if (end - dot + whole == (x > zero ? x : sign))
		return end;
	e = one_of(in, end, x > zero ? "pP" : "eE");
	return e > end ? digits(in, one_of(in, e, "+-"), false) : end;
}

static void
skip_space(struct lread *r)
{
	struct slice in = stream_input(r->stream);
	size_t n = 0;

	while (n < in.n && isspace((unsigned char)in.p[n]))
		n++;
	if (n == 0)
		return;
	stream_take(r->stream, n);
	r->scanned = 0;
}

/* As io.read's "n": the longest run that can be a numeral; nil if it is none. */
static enum lread_result
try_number(lua_State *L, struct lread *r, bool ended, size_t *need)
{
	char numeral[NUMERAL_MAX + 1];
	struct slice in;
	size_t n;
	bool too_long;

	skip_space(r);
	in = stream_input(r->stream);
	/* one byte more than a numeral may have tells that it is too long, the others are not looked at */
	n = numeral_end(slice_make(in.p, in.n <= NUMERAL_MAX ? in.n : NUMERAL_MAX + 1));
	too_long = n > NUMERAL_MAX;
	if (n == in.n && !too_long && !ended) {
		*need = in.n + 1;
		return LREAD_MORE;
	}
	if (too_long)
		n = NUMERAL_MAX;
	if (n > 0)
		memcpy(numeral, in.p, n);
	numeral[n] = '\0';
	if (too_long || lua_stringtonumber(L, numeral) == 0)
		lua_pushnil(L);
	stream_take(r->stream, n);
	r->scanned = 0;
	return LREAD_DONE;
}

enum lread_result
lread_try(lua_State *L, struct lread *r, int arg, bool ended, size_t *need)
{
	const char *format;

	if (arg == 0)
		return try_line(L, r, false, ended, need);
	if (lua_type(L, arg) == LUA_TNUMBER)
		return lread_try_count(L, r, (size_t)lua_tointeger(L, arg), ended, need);
	format = lua_tostring(L, arg);
	format += *format == '*';
	switch (*format) {
	case 'l':
		return try_line(L, r, false, ended, need);
	case 'L':
		return try_line(L, r, true, ended, need);
	case 'n':
		return try_number(L, r, ended, need);
	default:
		return try_all(L, r, ended, need);
	}
}

void
lread_check(lua_State *L, int first, int last)
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
