/* dns.encode and dns.decode: messages as tables, driven by the rows of dns/rrtype.h. */
#include <string.h>
#include <strings.h>

#include "dns/dnswrite.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "lua/ldns.h"

static const char *const section_names[DNS_SECTIONS] = { "question", "answers", "nameservers", "additional" };

static const struct {
	const char *name;
	uint16_t bit;
} flag_names[] = { { "aa", DNS_AA }, { "tc", DNS_TC }, { "rd", DNS_RD }, { "ra", DNS_RA }, { "ad", DNS_AD }, { "cd", DNS_CD } };

enum { NFLAGS = sizeof(flag_names) / sizeof(flag_names[0]) };

/* --- to Lua --- */

void
ldns_push_name(lua_State *L, const uint8_t *msg, size_t off)
{
	char text[NAME_TEXTLEN];

	lua_pushlstring(L, text, (size_t)(name_text(text, msg, off) - text));
}

static void
push_type(lua_State *L, uint16_t number)
{
	char text[RRTYPE_TEXTLEN];

	lua_pushlstring(L, text, (size_t)(rrtype_text(text, number) - text));
}

static void
push_class(lua_State *L, uint16_t number)
{
	char text[RRTYPE_TEXTLEN];

	lua_pushlstring(L, text, (size_t)(rrclass_text(text, number) - text));
}

static lua_Integer
number_at(const uint8_t *p, size_t n)
{
	lua_Integer v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
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

static void
push_options(lua_State *L, const uint8_t *p, size_t n)
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

static void
push_address(lua_State *L, const uint8_t *p, size_t n)
{
	struct buf *b = ldns_scratch(L);

	rr_put_address(b, p, n);
	lua_pushlstring(L, b->p, b->n);
}

static void
push_value(lua_State *L, const uint8_t *msg, const struct rrvalue *v)
{
	const uint8_t *p = msg + v->off;

	switch ((enum rrkind)v->field->kind) {
	case RR_U8:
	case RR_U16:
	case RR_U32:
		lua_pushinteger(L, number_at(p, v->n));
		break;
	case RR_A:
	case RR_AAAA:
		push_address(L, p, v->n);
		break;
	case RR_NAME:
	case RR_NAME_PLAIN:
		ldns_push_name(L, msg, v->off);
		break;
	case RR_STRING:
	case RR_TAG:
		lua_pushlstring(L, (const char *)p + 1, v->n - 1);
		break;
	case RR_STRINGS:
		push_strings(L, p, v->n);
		break;
	case RR_OPTIONS:
		push_options(L, p, v->n);
		break;
	case RR_REST_TEXT:
	case RR_REST:
	case RR_END:
		lua_pushlstring(L, (const char *)p, v->n);
		break;
	}
}

static void
push_rr(lua_State *L, const struct dnsmsg *m, const struct dnsrr *rr)
{
	size_t end = (size_t)rr->rdata + rr->rdlen;
	struct rrvalue v;

	lua_createtable(L, 0, 8);
	ldns_push_name(L, m->p, rr->name);
	lua_setfield(L, -2, "name");
	push_type(L, rr->number);
	lua_setfield(L, -2, "type");
	push_class(L, rr->class);
	lua_setfield(L, -2, "class");
	lua_pushinteger(L, rr->ttl);
	lua_setfield(L, -2, "ttl");
	for (bool more = rr_first(rr->type, m->p, rr->rdata, end, &v); more; more = rr_next(m->p, end, &v)) {
		push_value(L, m->p, &v);
		lua_setfield(L, -2, v.field->name);
	}
}

/* The list of records of a section; of one type, RRTYPE_ANY: all but OPT, which is no record of its own. */
static void
push_section(lua_State *L, const struct dnsmsg *m, enum dnssection section, uint16_t type)
{
	struct dnswalk w = dnsmsg_walk(m, section);
	struct dnsrr rr;
	lua_Integer i = 0;

	lua_createtable(L, m->count[section], 0);
	while (dnsmsg_next(&w, &rr)) {
		if (rr.number == RRTYPE_OPT || (type != RRTYPE_ANY && rr.number != type))
			continue;
		push_rr(L, m, &rr);
		lua_rawseti(L, -2, ++i);
	}
}

void
ldns_push_answers(lua_State *L, const struct dnsmsg *m, uint16_t type)
{
	push_section(L, m, DNS_ANSWER, type);
}

static void
push_question(lua_State *L, const struct dnsmsg *m)
{
	lua_createtable(L, 0, 3);
	ldns_push_name(L, m->p, m->qname);
	lua_setfield(L, -2, "name");
	push_type(L, m->qtype);
	lua_setfield(L, -2, "type");
	push_class(L, m->qclass);
	lua_setfield(L, -2, "class");
}

static void
push_edns(lua_State *L, const struct dnsmsg *m)
{
	lua_createtable(L, 0, 4);
	lua_pushinteger(L, m->edns_size);
	lua_setfield(L, -2, "size");
	lua_pushinteger(L, m->edns_version);
	lua_setfield(L, -2, "version");
	lua_pushboolean(L, (m->edns_flags & EDNS_DO) != 0);
	lua_setfield(L, -2, "dnssec");
	push_options(L, m->p + m->edns_options, m->edns_options_len);
	lua_setfield(L, -2, "options");
}

static void
push_lower(lua_State *L, const char *text)
{
	char lower[RRTYPE_TEXTLEN];
	size_t n = 0;

	for (; text[n] != '\0'; n++)
		lower[n] = ascii_lower(text[n]);
	lua_pushlstring(L, lower, n);
}

void
ldns_push_message(lua_State *L, const struct dnsmsg *m)
{
	char text[RRTYPE_TEXTLEN];

	luaL_checkstack(L, 8, NULL);
	lua_createtable(L, 0, 16);
	lua_pushinteger(L, m->id);
	lua_setfield(L, -2, "id");
	lua_pushboolean(L, !(m->flags & DNS_QR));
	lua_setfield(L, -2, "query");
	push_lower(L, dnsmsg_opcode(m->flags >> DNS_OPCODE_SHIFT & DNS_OPCODE_MASK, text));
	lua_setfield(L, -2, "opcode");
	for (int i = 0; i < NFLAGS; i++) {
		lua_pushboolean(L, (m->flags & flag_names[i].bit) != 0);
		lua_setfield(L, -2, flag_names[i].name);
	}
	lua_pushstring(L, dnsmsg_rcode(m->rcode, text));
	lua_setfield(L, -2, "rcode");
	if (m->qname > 0) {
		push_question(L, m);
		lua_setfield(L, -2, section_names[DNS_QUESTION]);
	}
	if (m->edns) {
		push_edns(L, m);
		lua_setfield(L, -2, "edns");
	}
	for (int s = DNS_ANSWER; s < DNS_SECTIONS; s++) {
		push_section(L, m, (enum dnssection)s, RRTYPE_ANY);
		lua_setfield(L, -2, section_names[s]);
	}
}

int
ldns_decode(lua_State *L)
{
	size_t n;
	const char *p = luaL_checklstring(L, 1, &n);
	struct dnsmsg m;
	struct fault fault;

	if (dnsmsg_parse(&m, p, n, &fault) != 0) {
		lua_pushnil(L);
		lua_pushfstring(L, "%s at byte %d", fault.why, (int)fault.off);
		return 2;
	}
	ldns_push_message(L, &m);
	return 1;
}

/* --- from Lua --- */

/*
 * What is being encoded, for the message of an error: `answers[2].address: ...`. Tables are read raw: no metamethod
 * runs while the scratch buffer is in use.
 */
struct encoder {
	lua_State *L;
	struct dnswriter w;
	const char *section;
	lua_Integer index;
	const char *field;
};

static int
field(lua_State *L, int table, const char *name)
{
	table = lua_absindex(L, table);
	lua_pushstring(L, name);
	return lua_rawget(L, table);
}

/* Pushes nil and a message; -1. */
static int
complain(struct encoder *e, const char *why)
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

/* A number on top of the stack, popped. */
static int
pop_number(struct encoder *e, lua_Integer max, lua_Integer *out)
{
	int ok;
	lua_Integer v = lua_tointegerx(e->L, -1, &ok);

	lua_pop(e->L, 1);
	if (!ok || v < 0 || v > max)
		return complain(e, ok ? "out of range" : "a whole number is wanted");
	*out = v;
	return 0;
}

/* The name under table[name], as wire. */
static int
get_name(struct encoder *e, int table, const char *name, uint8_t *wire)
{
	const char *why = "a name is wanted";
	size_t n;
	const char *text;
	int r = -1;

	e->field = name;
	if (field(e->L, table, name) == LUA_TSTRING) {
		text = lua_tolstring(e->L, -1, &n);
		r = name_parse((struct slice){ text, n }, wire, &why);
	}
	lua_pop(e->L, 1);
	return r < 0 ? complain(e, why) : 0;
}

/* A mnemonic or a number under table[name]. */
static int
get_code(struct encoder *e, int table, const char *name, int (*parse)(struct slice, uint16_t *), uint16_t otherwise, uint16_t *out)
{
	lua_Integer v;
	int type = field(e->L, table, name), r;

	e->field = name;
	if (type == LUA_TNUMBER) {
		r = pop_number(e, UINT16_MAX, &v);
		*out = r == 0 ? (uint16_t)v : 0;
		return r;
	}
	*out = otherwise;
	r = type == LUA_TNIL ? 0 : type == LUA_TSTRING ? parse(slice_of(lua_tostring(e->L, -1)), out) : -1;
	lua_pop(e->L, 1);
	return r == 0 ? 0 : complain(e, "unknown");
}

static int
put_string(struct encoder *e, struct buf *to, bool counted, bool tag)
{
	size_t n;
	const char *p = lua_type(e->L, -1) == LUA_TSTRING ? lua_tolstring(e->L, -1, &n) : NULL;

	if (p == NULL)
		return complain(e, "a string is wanted");
	if (counted && n > 255)
		return complain(e, "more than 255 bytes");
	for (size_t i = 0; tag && i < n; i++)
		if (!((ascii_lower(p[i]) >= 'a' && ascii_lower(p[i]) <= 'z') || (p[i] >= '0' && p[i] <= '9')))
			return complain(e, "letters and digits are wanted");
	if (tag && n == 0)
		return complain(e, "letters and digits are wanted");
	if (counted)
		buf_putc(to, (char)(uint8_t)n);
	buf_put(to, p, n);
	return 0;
}

/* A list of strings, or one. */
static int
put_strings(struct encoder *e, struct buf *to)
{
	lua_Integer n;

	if (!lua_istable(e->L, -1))
		return put_string(e, to, true, false);
	n = (lua_Integer)lua_rawlen(e->L, -1);
	if (n == 0)
		return complain(e, "at least one string is wanted");
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(e->L, -1, i);
		if (put_string(e, to, true, false) != 0)
			return -1;
		lua_pop(e->L, 1);
	}
	return 0;
}

static int
put_options(struct encoder *e, struct buf *to)
{
	lua_State *L = e->L;

	for (lua_Integer i = 1; lua_istable(L, -1) && lua_rawgeti(L, -1, i) == LUA_TTABLE; i++) {
		lua_Integer code;
		size_t n;
		const char *p;

		(void)field(L, -1, "code");
		if (pop_number(e, UINT16_MAX, &code) != 0)
			return -1;
		(void)field(L, -1, "data");
		if ((p = lua_tolstring(L, -1, &n)) == NULL || n > UINT16_MAX)
			return complain(e, "the data of an option is wanted");
		buf_put16(to, (uint16_t)code);
		buf_put16(to, (uint16_t)n);
		buf_put(to, p, n);
		lua_pop(L, 2);
	}
	if (lua_isnil(L, -1) && lua_istable(L, -2))
		lua_pop(L, 1);
	return 0;
}

/* The value on top of the stack as rdata. It stays there. */
static int
put_value(struct encoder *e, enum rrkind kind, struct buf *to)
{
	const char *why;
	size_t n;
	const char *text;
	lua_Integer v;

	switch (kind) {
	case RR_U8:
	case RR_U16:
	case RR_U32:
		lua_pushvalue(e->L, -1);
		if (pop_number(e, kind == RR_U8 ? UINT8_MAX : kind == RR_U16 ? UINT16_MAX : UINT32_MAX, &v) != 0)
			return -1;
		for (int shift = kind == RR_U8 ? 0 : kind == RR_U16 ? 8 : 24; shift >= 0; shift -= 8)
			buf_putc(to, (char)(uint8_t)(v >> shift));
		return 0;
	case RR_A:
	case RR_AAAA:
	case RR_NAME:
	case RR_NAME_PLAIN:
		if (lua_type(e->L, -1) != LUA_TSTRING)
			return complain(e, "a string is wanted");
		text = lua_tolstring(e->L, -1, &n);
		return rr_parse_value(kind, (struct slice){ text, n }, to, &why) == 0 ? 0 : complain(e, why);
	case RR_STRING:
	case RR_TAG:
		return put_string(e, to, true, kind == RR_TAG);
	case RR_STRINGS:
		return put_strings(e, to);
	case RR_REST_TEXT:
	case RR_REST:
		return put_string(e, to, false, false);
	case RR_OPTIONS:
		return put_options(e, to);
	case RR_END:
		break;
	}
	return 0;
}

/* Rdata as presentation form, under `text`. */
static int
put_text(struct encoder *e, const struct rrtype *type, struct buf *to)
{
	const char *why;
	size_t n;
	const char *p = lua_tolstring(e->L, -1, &n);

	e->field = "text";
	if (p == NULL)
		return complain(e, "a string is wanted");
	return rr_parse(type, (struct slice){ p, n }, to, &why) == 0 ? 0 : complain(e, why);
}

static int
put_rdata(struct encoder *e, int table, const struct rrtype *type, struct buf *to)
{
	if (field(e->L, table, "text") != LUA_TNIL)
		return put_text(e, type, to);
	lua_pop(e->L, 1);
	for (const struct rrfield *f = type->fields; f->kind != RR_END; f++) {
		e->field = f->name;
		if (field(e->L, table, f->name) == LUA_TNIL)
			return complain(e, "missing");
		if (put_value(e, (enum rrkind)f->kind, to) != 0)
			return -1;
		lua_pop(e->L, 1);
	}
	return 0;
}

/*
 * A record: the table on top of the stack. Its rdata is built behind the message in the same buffer, and moved into
 * place by the writer from a copy that Lua holds.
 */
static int
put_rr(struct encoder *e, enum dnssection section)
{
	lua_State *L = e->L;
	struct buf *b = e->w.buf;
	size_t start = b->n, n;
	uint8_t name[NAME_MAX_WIRE];
	uint16_t type, class;
	lua_Integer ttl = 0;
	const char *rdata;
	int table = lua_gettop(L);

	e->field = "record";
	if (!lua_istable(L, table))
		return complain(e, "a table is wanted");
	if (get_name(e, table, "name", name) != 0 || get_code(e, table, "class", rrclass_parse, RRCLASS_IN, &class) != 0 ||
	    get_code(e, table, "type", rrtype_parse, 0, &type) != 0)
		return -1;
	if (type == 0)
		return complain(e, "missing");
	e->field = "ttl";
	if (field(L, table, "ttl") == LUA_TNIL)
		lua_pop(L, 1);
	else if (pop_number(e, UINT32_MAX, &ttl) != 0)
		return -1;
	if (put_rdata(e, table, rrtype_row(type), b) != 0)
		return -1;
	rdata = lua_pushlstring(L, b->p + start, b->n - start);
	n = b->n - start;
	b->n = start;
	dnswrite_rr(&e->w, section, name, type, class, (uint32_t)ttl, (struct slice){ rdata, n });
	lua_settop(L, table);
	return 0;
}

static int
put_section(struct encoder *e, enum dnssection section)
{
	lua_State *L = e->L;
	int top = lua_gettop(L);

	e->section = section_names[section];
	e->index = 0;
	if (field(L, 1, e->section) == LUA_TTABLE)
		for (e->index = 1; lua_rawgeti(L, top + 1, e->index) != LUA_TNIL; e->index++) {
			if (put_rr(e, section) != 0)
				return -1;
			lua_settop(L, top + 1);
		}
	lua_settop(L, top);
	return 0;
}

static int
put_question(struct encoder *e)
{
	uint8_t name[NAME_MAX_WIRE];
	uint16_t type, class;
	int top = lua_gettop(e->L);

	e->section = section_names[DNS_QUESTION];
	e->index = 0;
	if (field(e->L, 1, e->section) == LUA_TTABLE) {
		if (get_name(e, top + 1, "name", name) != 0 || get_code(e, top + 1, "type", rrtype_parse, RRTYPE_A, &type) != 0 ||
		    get_code(e, top + 1, "class", rrclass_parse, RRCLASS_IN, &class) != 0)
			return -1;
		dnswrite_question(&e->w, name, type, class);
	}
	lua_settop(e->L, top);
	return 0;
}

static int
put_edns(struct encoder *e, unsigned rcode)
{
	static const uint8_t root[1] = { 0 };
	lua_State *L = e->L;
	struct buf *b = e->w.buf;
	int top = lua_gettop(L);
	lua_Integer size = EXCHANGE_EDNS_SIZE, version = 0;
	size_t start = b->n;
	uint32_t flags;

	e->section = "edns";
	e->index = 0;
	if (field(L, 1, "edns") != LUA_TTABLE) {
		lua_settop(L, top);
		return 0;
	}
	e->field = "size";
	if (field(L, top + 1, "size") != LUA_TNIL && pop_number(e, UINT16_MAX, &size) != 0)
		return -1;
	e->field = "version";
	if (field(L, top + 1, "version") != LUA_TNIL && pop_number(e, UINT8_MAX, &version) != 0)
		return -1;
	(void)field(L, top + 1, "dnssec");
	flags = lua_toboolean(L, -1) ? EDNS_DO : 0;
	e->field = "options";
	if (field(L, top + 1, "options") != LUA_TNIL && put_options(e, b) != 0)
		return -1;
	lua_pushlstring(L, b->p + start, b->n - start);
	b->n = start;
	dnswrite_rr(&e->w, DNS_ADDITIONAL, root, RRTYPE_OPT, (uint16_t)size,
	    (uint32_t)(rcode >> 4) << 24 | (uint32_t)version << 16 | flags, (struct slice){ lua_tostring(L, -1), lua_rawlen(L, -1) });
	lua_settop(L, top);
	return 0;
}

static int
parse_rcode(struct slice s, uint16_t *out)
{
	char text[RRTYPE_TEXTLEN];

	for (uint16_t i = 0; i < 4096; i++)
		if (slice_caseeq(s, slice_of(dnsmsg_rcode(i, text)))) {
			*out = i;
			return 0;
		}
	return -1;
}

static int
parse_opcode(struct slice s, uint16_t *out)
{
	char text[RRTYPE_TEXTLEN];

	for (uint16_t i = 0; i <= DNS_OPCODE_MASK; i++)
		if (slice_caseeq(s, slice_of(dnsmsg_opcode(i, text)))) {
			*out = i;
			return 0;
		}
	return -1;
}

static int
get_header(struct encoder *e, uint16_t *id, uint16_t *flags, uint16_t *rcode)
{
	lua_State *L = e->L;
	lua_Integer v = 0;
	uint16_t opcode;

	e->field = "id";
	if (field(L, 1, "id") == LUA_TNIL)
		lua_pop(L, 1);
	else if (pop_number(e, UINT16_MAX, &v) != 0)
		return -1;
	*id = (uint16_t)v;
	if (get_code(e, 1, "opcode", parse_opcode, 0, &opcode) != 0 || get_code(e, 1, "rcode", parse_rcode, 0, rcode) != 0)
		return -1;
	if (opcode > DNS_OPCODE_MASK || *rcode > 4095)
		return complain(e, "out of range");
	*flags = (uint16_t)(opcode << DNS_OPCODE_SHIFT | (*rcode & 15));
	/* a question, unless it says that it is none */
	if (field(L, 1, "query") == LUA_TBOOLEAN && !lua_toboolean(L, -1))
		*flags |= DNS_QR;
	lua_pop(L, 1);
	for (int i = 0; i < NFLAGS; i++) {
		(void)field(L, 1, flag_names[i].name);
		if (lua_toboolean(L, -1))
			*flags |= flag_names[i].bit;
		lua_pop(L, 1);
	}
	return 0;
}

int
ldns_encode(lua_State *L)
{
	struct encoder e = { .L = L };
	uint16_t id = 0, flags = 0, rcode = 0;
	struct buf *b;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	b = ldns_scratch(L);
	if (get_header(&e, &id, &flags, &rcode) != 0)
		return 2;
	dnswrite_begin(&e.w, b, id, flags);
	if (put_question(&e) != 0)
		return 2;
	for (int s = DNS_ANSWER; s < DNS_SECTIONS; s++)
		if (put_section(&e, (enum dnssection)s) != 0)
			return 2;
	if (put_edns(&e, rcode) != 0)
		return 2;
	if (dnswrite_end(&e.w) != 0)
		return lua_fail(L, "message too long");
	lua_pushlstring(L, b->p, b->n);
	return 1;
}
