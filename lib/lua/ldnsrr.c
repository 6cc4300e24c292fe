#include "lua/ldnsrr.h"

#include "dns/rr.h"
#include "dns/rrprint.h"
#include "dns/svcparam.h"
#include "lua/ldns.h"

enum ldnsrr_shape
ldnsrr_shape(unsigned kind)
{
	switch ((enum rrkind)kind) {
	case RR_U8:
	case RR_U16:
	case RR_U32:
	case RR_U48:
	case RR_U64:
	case RR_TIME:
	case RR_ALGORITHM:
	case RR_CERT:
	case RR_PROTOCOL:
	case RR_SCHEME:
	case RR_RCODE:
	case RR_U7:
		return SHAPE_NUMBER;
	case RR_D:
		return SHAPE_BOOLEAN;
	case RR_STRING:
	case RR_STRING_OPT:
	case RR_TAG:
	case RR_REST_TEXT:
	case RR_HEX:
	case RR_BASE64:
	case RR_BASE64_OPT:
	case RR_BASE64_DASH:
	case RR_SALT:
	case RR_HASH:
	case RR_DATA16:
	case RR_OTHER16:
	case RR_NSAP:
	case RR_HIT:
	case RR_KEY:
	case RR_REST:
		return SHAPE_BYTES;
	case RR_STRINGS:
		return SHAPE_STRINGS;
	case RR_NAMES:
	case RR_BITMAP:
	case RR_NXT:
	case RR_APL:
		return SHAPE_WORDS;
	case RR_PORTS:
		return SHAPE_NUMBERS;
	case RR_SVCPARAMS:
		return SHAPE_PARAMS;
	case RR_OPTIONS:
		return SHAPE_OPTIONS;
	case RR_END:
	case RR_HIT_LEN:
	case RR_KEY_LEN:
		return SHAPE_HIDDEN;
	default:
		return SHAPE_TEXT;
	}
}

int
ldnsrr_prefix(unsigned kind)
{
	switch ((enum rrkind)kind) {
	case RR_STRING:
	case RR_STRING_OPT:
	case RR_TAG:
	case RR_SALT:
	case RR_HASH:
		return 1;
	case RR_DATA16:
	case RR_OTHER16:
		return 2;
	default:
		return 0;
	}
}

static lua_Integer
number_at(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return (lua_Integer)v;
}

static void
push_strings(lua_State *L, const uint8_t *p, size_t n)
{
	lua_Integer i = 0;

	lua_createtable(L, 1, 0);
	for (size_t at = 0; at < n; at += 1u + p[at]) {
		lua_pushlstring(L, (const char *)p + at + 1, p[at]);
		lua_rawseti(L, -2, ++i);
	}
}

void
ldnsrr_push_options(lua_State *L, const uint8_t *p, size_t n)
{
	lua_Integer i = 0;

	lua_newtable(L);
	for (size_t at = 0; at < n; at += 4 + (size_t)number_at(p + at + 2, 2)) {
		lua_createtable(L, 0, 2);
		lua_pushinteger(L, number_at(p + at, 2));
		lua_setfield(L, -2, "code");
		lua_pushlstring(L, (const char *)p + at + 4, (size_t)number_at(p + at + 2, 2));
		lua_setfield(L, -2, "data");
		lua_rawseti(L, -2, ++i);
	}
}

/* The field as text; nil when it has none. */
static void
push_text(lua_State *L, const uint8_t *msg, const struct rrvalue *v)
{
	struct buf *b = ldns_scratch(L);

	rr_put_value(b, msg, v);
	if (b->n > 0)
		lua_pushlstring(L, b->p, b->n);
	else
		lua_pushnil(L);
}

/* The text in pieces: there are no blanks but between them. */
static void
push_words(lua_State *L, const uint8_t *msg, const struct rrvalue *v, bool numbers)
{
	struct buf *b = ldns_scratch(L);
	struct slice rest, word;
	lua_Integer i = 0;

	rr_put_value(b, msg, v);
	lua_newtable(L);
	for (rest = buf_slice(b); rest.n > 0; lua_rawseti(L, -2, ++i)) {
		slice_cut(rest, ' ', &word, &rest);
		lua_pushlstring(L, word.p, word.n);
		if (numbers)
			lua_pushinteger(L, lua_tointeger(L, -1));
		if (numbers)
			lua_remove(L, -2);
	}
}

static void
push_params(lua_State *L, const uint8_t *p, size_t n)
{
	struct svcparam s;

	lua_newtable(L);
	for (size_t at = 0; svcparam_next(p, n, &at, &s);) {
		struct buf *b = ldns_scratch(L);
		size_t key;

		svcparam_put_key(b, s.key);
		key = b->n;
		if (s.n > 0)
			svcparam_put_value(b, &s);
		lua_pushlstring(L, b->p, key);
		lua_pushlstring(L, b->p + key, b->n - key);
		lua_rawset(L, -3);
	}
}

static void
push_value(lua_State *L, const uint8_t *msg, const struct rrvalue *v)
{
	const uint8_t *p = msg + v->off;
	size_t prefix = (size_t)ldnsrr_prefix(v->field->kind);

	switch (ldnsrr_shape(v->field->kind)) {
	case SHAPE_NUMBER:
		lua_pushinteger(L, v->field->kind == RR_U7 ? p[0] & 0x7f : number_at(p, v->n));
		break;
	case SHAPE_BOOLEAN:
		lua_pushboolean(L, p[0] >> 7);
		break;
	case SHAPE_BYTES:
		if (v->field->kind == RR_STRING_OPT && v->n == 0)
			lua_pushnil(L);
		else
			lua_pushlstring(L, (const char *)p + prefix, v->n - prefix);
		break;
	case SHAPE_STRINGS:
		push_strings(L, p, v->n);
		break;
	case SHAPE_WORDS:
	case SHAPE_NUMBERS:
		push_words(L, msg, v, ldnsrr_shape(v->field->kind) == SHAPE_NUMBERS);
		break;
	case SHAPE_PARAMS:
		push_params(L, p, v->n);
		break;
	case SHAPE_OPTIONS:
		ldnsrr_push_options(L, p, v->n);
		break;
	case SHAPE_TEXT:
	case SHAPE_HIDDEN:
		push_text(L, msg, v);
		break;
	}
}

void
ldnsrr_push(lua_State *L, const struct rrtype *type, const uint8_t *msg, size_t off, size_t n)
{
	struct rrvalue v;
	size_t end = off + n;

	/* what has no text has no fields either: the bytes, as `rdata` */
	type = rr_form(type, msg, off, n);
	for (bool more = rr_first(type, msg, off, end, &v); more; more = rr_next(msg, end, &v)) {
		if (ldnsrr_shape(v.field->kind) == SHAPE_HIDDEN)
			continue;
		push_value(L, msg, &v);
		lua_setfield(L, -2, v.field->name);
	}
}
