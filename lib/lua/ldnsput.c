#include "lua/ldnsput.h"

#include <string.h>

#include "dns/rr.h"
#include "dns/rrlex.h"
#include "dns/rrparse.h"
#include "lua/ldnsrr.h"

int
ldnsput_field(lua_State *L, int table, const char *name)
{
	table = lua_absindex(L, table);
	lua_pushstring(L, name);
	return lua_rawget(L, table);
}

int
ldnsput_complain(struct encoder *e, const char *why)
{
	lua_State *L = e->L;

	lua_pushnil(L);
	if (e->section == NULL)
		lua_pushfstring(L, "%s: %s", e->field, why);
	else if (e->index == 0)
		lua_pushfstring(L, "%s.%s: %s", e->section, e->field, why);
	else
		lua_pushfstring(L, "%s[%I].%s: %s", e->section, (LUAI_UACINT)e->index, e->field, why);
	return -1;
}

int
ldnsput_number(struct encoder *e, lua_Integer max, lua_Integer *out)
{
	int ok;
	lua_Integer v = lua_tointegerx(e->L, -1, &ok);

	lua_pop(e->L, 1);
	if (!ok || v < 0 || v > max)
		return ldnsput_complain(e, ok ? "out of range" : "a whole number is wanted");
	*out = v;
	return 0;
}

/*
 * What is being put: the field of rdata that begins at to->p[start]; its value is on top of the stack, and stays
 * there.
 */
struct value {
	const struct rrfield *field;
	struct buf *to;
	size_t start;
};

/* The text on top of the stack. */
static int
put_text(struct encoder *e, const struct value *v)
{
	const char *why, *text;
	size_t n;

	if (lua_type(e->L, -1) != LUA_TSTRING)
		return ldnsput_complain(e, "a string is wanted");
	text = lua_tolstring(e->L, -1, &n);
	if (rr_parse_field(v->field, (struct slice){ text, n }, v->to, v->start, &why) != 0)
		return ldnsput_complain(e, why);
	return 0;
}

static int
put_number(struct encoder *e, const struct value *v)
{
	static const uint8_t bytes[RR_REST + 1] = { [RR_U8] = 1, [RR_U16] = 2, [RR_U48] = 6, [RR_U64] = 8,
		[RR_ALGORITHM] = 1, [RR_CERT] = 2, [RR_PROTOCOL] = 1, [RR_SCHEME] = 1, [RR_RCODE] = 2 };
	int n = bytes[v->field->kind] > 0 ? bytes[v->field->kind] : 4, ok;
	lua_Integer i;

	if (lua_type(e->L, -1) == LUA_TSTRING)
		return put_text(e, v);
	if (n == 8) {
		/* all 64 bits: what is above 2^63 is negative in Lua */
		i = lua_tointegerx(e->L, -1, &ok);
		if (!ok)
			return ldnsput_complain(e, "a whole number is wanted");
	} else {
		lua_pushvalue(e->L, -1);
		if (ldnsput_number(e, v->field->kind == RR_U7 ? 127 : ((lua_Integer)1 << 8 * n) - 1, &i) != 0)
			return -1;
	}
	if (v->field->kind == RR_U7) {
		/* in the byte that its upper bit began */
		if (!v->to->failed)
			v->to->p[v->to->n - 1] |= (char)(uint8_t)i;
		return 0;
	}
	for (int shift = 8 * (n - 1); shift >= 0; shift -= 8)
		buf_putc(v->to, (char)(uint8_t)((uint64_t)i >> shift));
	return 0;
}

/* A length of `prefix` bytes, which may be 0, and the string on top of the stack. */
static int
put_string(struct encoder *e, struct buf *to, int prefix)
{
	size_t n;
	const char *p = lua_type(e->L, -1) == LUA_TSTRING ? lua_tolstring(e->L, -1, &n) : NULL;

	if (p == NULL)
		return ldnsput_complain(e, "a string is wanted");
	if (n > (prefix == 1 ? UINT8_MAX : UINT16_MAX))
		return ldnsput_complain(e, prefix == 1 ? "more than 255 bytes" : "more than 65535 bytes");
	if (prefix == 2)
		buf_putc(to, (char)(uint8_t)(n >> 8));
	if (prefix > 0)
		buf_putc(to, (char)(uint8_t)n);
	buf_put(to, p, n);
	return 0;
}

/* The length of HIP's fields is at the front of the rdata. */
static void
set_ahead(const struct value *v, size_t n)
{
	char *rdata = v->to->failed ? NULL : v->to->p + v->start;

	if (rdata != NULL && v->field->kind == RR_HIT)
		rdata[0] = (char)(uint8_t)n;
	if (rdata != NULL && v->field->kind == RR_KEY) {
		rdata[2] = (char)(uint8_t)(n >> 8);
		rdata[3] = (char)(uint8_t)n;
	}
}

static int
put_bytes(struct encoder *e, const struct value *v)
{
	size_t n = lua_rawlen(e->L, -1);

	if (put_string(e, v->to, ldnsrr_prefix(v->field->kind)) != 0)
		return -1;
	if (v->field->kind == RR_TAG && !rrlex_is_tag(lua_tostring(e->L, -1), n))
		return ldnsput_complain(e, "letters and digits are wanted");
	if (v->field->kind == RR_HIT && n > UINT8_MAX)
		return ldnsput_complain(e, "more than 255 bytes");
	set_ahead(v, n);
	return 0;
}

/* A list of strings, or one. */
static int
put_strings(struct encoder *e, struct buf *to)
{
	lua_Integer n;

	if (!lua_istable(e->L, -1))
		return put_string(e, to, 1);
	n = (lua_Integer)lua_rawlen(e->L, -1);
	if (n == 0)
		return ldnsput_complain(e, "at least one string is wanted");
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(e->L, -1, i);
		if (put_string(e, to, 1) != 0)
			return -1;
		lua_pop(e->L, 1);
	}
	return 0;
}

/* A list of words or numbers, or the text of all. */
static int
put_words(struct encoder *e, const struct value *v)
{
	lua_State *L = e->L;
	int list = lua_gettop(L), r;
	lua_Integer n;
	luaL_Buffer text;

	if (!lua_istable(L, list))
		return put_text(e, v);
	n = (lua_Integer)lua_rawlen(L, list);
	luaL_buffinit(L, &text);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, list, i);
		if (!lua_isstring(L, -1))
			return ldnsput_complain(e, "a list of strings is wanted");
		luaL_addvalue(&text);
		luaL_addchar(&text, ' ');
	}
	luaL_pushresult(&text);
	if ((r = put_text(e, v)) == 0)
		lua_settop(L, list);
	return r;
}

/* A table from keys to texts, or the text of all. */
static int
put_params(struct encoder *e, const struct value *v)
{
	lua_State *L = e->L;
	int table = lua_gettop(L), r;

	if (!lua_istable(L, table))
		return put_text(e, v);
	lua_pushliteral(L, "");
	for (lua_pushnil(L); lua_next(L, table) != 0;) {
		/* the text so far, key, value */
		if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
			return ldnsput_complain(e, "a table of strings is wanted");
		if (strpbrk(lua_tostring(L, -2), "=\" \t") != NULL)
			return ldnsput_complain(e, "unknown key of a service parameter");
		lua_pushvalue(L, -3);
		lua_pushfstring(L, lua_rawlen(L, -2) > 0 ? "%s=\"%s\" " : "%s ", lua_tostring(L, -3), lua_tostring(L,
		    -2));
		lua_concat(L, 2);
		lua_replace(L, -4);
		lua_pop(L, 1);
	}
	if ((r = put_text(e, v)) == 0)
		lua_settop(L, table);
	return r;
}

int
ldnsput_options(struct encoder *e, struct buf *to)
{
	lua_State *L = e->L;

	for (lua_Integer i = 1; lua_istable(L, -1) && lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
		lua_Integer code;
		size_t n;
		const char *p;

		(void)ldnsput_field(L, -1, "code");
		if (ldnsput_number(e, UINT16_MAX, &code) != 0)
			return -1;
		(void)ldnsput_field(L, -1, "data");
		if ((p = lua_tolstring(L, -1, &n)) == NULL || n > UINT16_MAX)
			return ldnsput_complain(e, "the data of an option is wanted");
		buf_put16(to, (uint16_t)code);
		buf_put16(to, (uint16_t)n);
		buf_put(to, p, n);
		lua_pop(L, 2);
	}
	if (lua_isnil(L, -1) && lua_istable(L, -2))
		lua_pop(L, 1);
	return 0;
}

static int
put_value(struct encoder *e, const struct value *v)
{
	switch (ldnsrr_shape(v->field->kind)) {
	case SHAPE_NUMBER:
		return put_number(e, v);
	case SHAPE_BOOLEAN:
		buf_putc(v->to, lua_toboolean(e->L, -1) ? (char)(uint8_t)0x80 : 0);
		return 0;
	case SHAPE_TEXT:
		return put_text(e, v);
	case SHAPE_BYTES:
		return put_bytes(e, v);
	case SHAPE_STRINGS:
		return put_strings(e, v->to);
	case SHAPE_WORDS:
	case SHAPE_NUMBERS:
		return put_words(e, v);
	case SHAPE_PARAMS:
		return put_params(e, v);
	case SHAPE_OPTIONS:
		return ldnsput_options(e, v->to);
	case SHAPE_HIDDEN:
		break;
	}
	return 0;
}

/* Whether a field can be left out. */
static bool
is_optional(const struct value *v)
{
	unsigned first = !v->to->failed && v->to->n > v->start ? (uint8_t)v->to->p[v->start] : 0;

	switch ((enum rrkind)v->field->kind) {
	case RR_STRING_OPT:
	case RR_BASE64_OPT:
	case RR_BASE64_DASH:
	case RR_NAMES:
	case RR_BITMAP:
	case RR_NXT:
	case RR_PORTS:
	case RR_APL:
	case RR_SVCPARAMS:
		return true;
	case RR_SUFFIX:
		return first == 128;
	case RR_PREFIX_NAME:
		return first == 0;
	default:
		return false;
	}
}

static int
put_fields(struct encoder *e, int table, const struct rrtype *type, struct buf *to)
{
	struct value v = { .to = to, .start = to->n };
	static const uint8_t zeros[2];

	for (v.field = type->fields; v.field->kind != RR_END; v.field++) {
		if (ldnsrr_shape(v.field->kind) == SHAPE_HIDDEN) {
			buf_put(to, zeros, v.field->kind == RR_HIT_LEN ? 1 : 2);
			continue;
		}
		e->field = v.field->name;
		if (ldnsput_field(e->L, table, e->field) == LUA_TNIL) {
			if (!is_optional(&v))
				return ldnsput_complain(e, "missing");
		} else if (put_value(e, &v) != 0) {
			return -1;
		}
		lua_pop(e->L, 1);
	}
	return 0;
}

/* Rdata as presentation form, on top of the stack. */
static int
put_presentation(struct encoder *e, const struct rrtype *type, struct buf *to)
{
	const char *why;
	size_t n;
	const char *p = lua_tolstring(e->L, -1, &n);

	if (p == NULL)
		return ldnsput_complain(e, "a string is wanted");
	return rr_parse(type, (struct slice){ p, n }, to, &why) == 0 ? 0 : ldnsput_complain(e, why);
}

int
ldnsput_rdata(struct encoder *e, int table, uint16_t number, uint16_t class, struct buf *to)
{
	const struct rrtype *type = rrtype_of(number, class, 1);
	size_t start = to->n;
	const uint8_t *p;
	bool raw;

	e->field = "text";
	if (ldnsput_field(e->L, table, e->field) != LUA_TNIL)
		return put_presentation(e, type, to);
	lua_pop(e->L, 1);
	e->field = "rdata";
	raw = ldnsput_field(e->L, table, e->field) != LUA_TNIL;
	if (raw && put_string(e, to, 0) != 0)
		return -1;
	lua_pop(e->L, 1);
	if (!raw && put_fields(e, table, type, to) != 0)
		return -1;
	if (to->failed)
		return 0;
	p = (const uint8_t *)to->p + start;
	if (raw)
		type = rrtype_of(number, class, to->n - start);
	if (!rr_check_whole(type, p, to->n - start) || (!raw && rr_form(type, p, 0, to->n - start) != type)) {
		e->field = "rdata";
		return ldnsput_complain(e, "does not fit the type");
	}
	return 0;
}
