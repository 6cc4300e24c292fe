/* dns.encode and dns.decode: messages as tables. */
#include <string.h>
#include <strings.h>

#include "dns/chain.h"
#include "dns/dnswrite.h"
#include "dns/name.h"
#include "dns/rrprint.h"
#include "lua/ldns.h"
#include "lua/ldnsput.h"
#include "lua/ldnsrr.h"

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

static void
push_rr(lua_State *L, const struct dnsmsg *m, const struct dnsrr *rr)
{
	lua_createtable(L, 0, 8);
	ldns_push_name(L, m->p, rr->name);
	lua_setfield(L, -2, "name");
	push_type(L, rr->number);
	lua_setfield(L, -2, "type");
	push_class(L, rr->class);
	lua_setfield(L, -2, "class");
	lua_pushinteger(L, rr->ttl);
	lua_setfield(L, -2, "ttl");
	ldnsrr_push(L, rr->type, m->p, rr->rdata, rr->rdlen);
}

/* The list of records of a section; of one type, RRTYPE_ANY: all but OPT, which is no record of its own. */
static void
push_section(lua_State *L, const struct dnsmsg *m, enum dnssection section)
{
	struct dnswalk w = dnsmsg_walk(m, section);
	struct dnsrr rr;
	lua_Integer i = 0;

	lua_createtable(L, m->count[section], 0);
	while (dnsmsg_next(&w, &rr)) {
		if (rr.number == RRTYPE_OPT)
			continue;
		push_rr(L, m, &rr);
		lua_rawseti(L, -2, ++i);
	}
}

void
ldns_push_answers(lua_State *L, const struct dnsmsg *m, uint16_t type)
{
	struct dns_chain c;
	struct dnsrr rr;
	lua_Integer i = 0;

	lua_createtable(L, m->count[DNS_ANSWER], 0);
	for (dns_chain(&c, m); dns_chain_next(&c, &rr);) {
		if (type != RRTYPE_ANY && rr.number != type)
			continue;
		push_rr(L, m, &rr);
		lua_rawseti(L, -2, ++i);
	}
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
	ldnsrr_push_options(L, m->p + m->edns_options, m->edns_options_len);
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
		push_section(L, m, (enum dnssection)s);
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

/* The name under table[name], as wire. */
static int
get_name(struct encoder *e, int table, const char *name, uint8_t *wire)
{
	const char *why = "a name is wanted";
	size_t n;
	const char *text;
	int r = -1;

	e->field = name;
	if (ldnsput_field(e->L, table, name) == LUA_TSTRING) {
		text = lua_tolstring(e->L, -1, &n);
		r = name_parse((struct slice){ text, n }, wire, &why);
	}
	lua_pop(e->L, 1);
	return r < 0 ? ldnsput_complain(e, why) : 0;
}

/* A mnemonic or a number under table[name]. */
static int
get_code(struct encoder *e, int table, const char *name, int (*parse)(struct slice, uint16_t *), uint16_t otherwise, uint16_t *out)
{
	lua_Integer v;
	int type = ldnsput_field(e->L, table, name), r;

	e->field = name;
	if (type == LUA_TNUMBER) {
		r = ldnsput_number(e, UINT16_MAX, &v);
		*out = r == 0 ? (uint16_t)v : 0;
		return r;
	}
	*out = otherwise;
	r = type == LUA_TNIL ? 0 : type == LUA_TSTRING ? parse(slice_of(lua_tostring(e->L, -1)), out) : -1;
	lua_pop(e->L, 1);
	return r == 0 ? 0 : ldnsput_complain(e, "unknown");
}

/* The type and the class of a record. */
static int
get_kind(struct encoder *e, int table, uint16_t *type, uint16_t *class)
{
	if (get_code(e, table, "class", rrclass_parse, RRCLASS_IN, class) != 0)
		return -1;
	e->field = "type";
	if (ldnsput_field(e->L, table, "type") == LUA_TNIL)
		return ldnsput_complain(e, "missing");
	lua_pop(e->L, 1);
	return get_code(e, table, "type", rrtype_parse, 0, type);
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
		return ldnsput_complain(e, "a table is wanted");
	if (get_name(e, table, "name", name) != 0 || get_kind(e, table, &type, &class) != 0)
		return -1;
	e->field = "ttl";
	if (ldnsput_field(L, table, "ttl") == LUA_TNIL)
		lua_pop(L, 1);
	else if (ldnsput_number(e, UINT32_MAX, &ttl) != 0)
		return -1;
	if (ldnsput_rdata(e, table, type, class, b) != 0)
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
	if (ldnsput_field(L, 1, e->section) == LUA_TTABLE)
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
	if (ldnsput_field(e->L, 1, e->section) == LUA_TTABLE) {
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
	if (ldnsput_field(L, 1, "edns") != LUA_TTABLE) {
		lua_settop(L, top);
		return 0;
	}
	e->field = "size";
	if (ldnsput_field(L, top + 1, "size") != LUA_TNIL && ldnsput_number(e, UINT16_MAX, &size) != 0)
		return -1;
	e->field = "version";
	if (ldnsput_field(L, top + 1, "version") != LUA_TNIL && ldnsput_number(e, UINT8_MAX, &version) != 0)
		return -1;
	(void)ldnsput_field(L, top + 1, "dnssec");
	flags = lua_toboolean(L, -1) ? EDNS_DO : 0;
	e->field = "options";
	if (ldnsput_field(L, top + 1, "options") != LUA_TNIL && ldnsput_options(e, b) != 0)
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
	if (ldnsput_field(L, 1, "id") == LUA_TNIL)
		lua_pop(L, 1);
	else if (ldnsput_number(e, UINT16_MAX, &v) != 0)
		return -1;
	*id = (uint16_t)v;
	if (get_code(e, 1, "opcode", parse_opcode, 0, &opcode) != 0 || get_code(e, 1, "rcode", parse_rcode, 0, rcode) != 0)
		return -1;
	if (opcode > DNS_OPCODE_MASK || *rcode > 4095)
		return ldnsput_complain(e, "out of range");
	*flags = (uint16_t)(opcode << DNS_OPCODE_SHIFT | (*rcode & 15));
	/* a question, unless it says that it is none */
	if (ldnsput_field(L, 1, "query") == LUA_TBOOLEAN && !lua_toboolean(L, -1))
		*flags |= DNS_QR;
	lua_pop(L, 1);
	for (int i = 0; i < NFLAGS; i++) {
		(void)ldnsput_field(L, 1, flag_names[i].name);
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

int
ldns_text(lua_State *L)
{
	struct encoder e = { .L = L };
	struct buf *b;
	uint16_t type, class;
	size_t n;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	b = ldns_scratch(L);
	/* no rdata at all still has to be somewhere */
	(void)buf_reserve(b, 1);
	if (get_kind(&e, 1, &type, &class) != 0 || ldnsput_rdata(&e, 1, type, class, b) != 0)
		return 2;
	n = b->n;
	if (b->failed)
		return lua_fail(L, "out of memory");
	/* what is read must not move while it is shown behind itself */
	lua_pushlstring(L, b->p, n);
	rr_put_text(b, rrtype_of(type, class, n), (const uint8_t *)lua_tostring(L, -1), 0, n);
	if (b->failed)
		return lua_fail(L, "out of memory");
	lua_pushlstring(L, b->p + n, b->n - n);
	return 1;
}
