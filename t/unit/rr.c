/* Types and rdata: text to wire and back, wire checked, for each row of the table. */
#include "dns/rr.h"

#include "dns/rrparse.h"
#include "dns/rrprint.h"

#include <sys/types.h>

#include "guard.h"
#include "tap.h"

struct good {
	const char *type, *text, *want; /* want NULL: the same */
	const char *wire;
	size_t n;
};

#define WIRE(s) (s), sizeof(s) - 1

static const struct good goods[] = {
	{ "A", "192.0.2.255", NULL, WIRE("\300\0\2\377") },
	{ "A", "0.10.100.9", NULL, WIRE("\0\12\144\11") },
	{ "A", "\\# 4 c0000201", "192.0.2.1", WIRE("\300\0\2\1") },
	{ "AAAA", "2001:db8::1:0:0:3", NULL, WIRE("\x20\1\x0d\xb8\0\0\0\0\0\1\0\0\0\0\0\3") },
	{ "AAAA", "::ffff:192.0.2.1", NULL, WIRE("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1") },
	{ "AAAA", "::", NULL, WIRE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "NS", "a.b.", NULL, WIRE("\1a\1b\0") },
	{ "CNAME", "x\\.y.b", "x\\.y.b.", WIRE("\3x.y\1b\0") },
	{ "PTR", ".", NULL, WIRE("\0") },
	{ "SOA", "m. r. 4294967295 1 2 3 4", NULL, WIRE("\1m\0\1r\0\377\377\377\377\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4") },
	{ "MX", "10 m.", NULL, WIRE("\0\12\1m\0") },
	{ "TXT", "\"one\" \"t w\"", NULL, WIRE("\3one\3t w") },
	{ "TXT", " bare \t\"\" ", "\"bare\" \"\"", WIRE("\4bare\0") },
	{ "TXT", "\"q\\\"b\\\\\\001\\127\\255;\"", NULL, WIRE("\10q\"b\\\1\177\377;") },
	{ "SRV", "1 2 65535 t.", NULL, WIRE("\0\1\0\2\377\377\1t\0") },
	{ "NAPTR", "1 2 \"u\" \"E2U+sip\" \"!^(.*)$!sip:\\\\1@x!\" .", NULL, WIRE("\0\1\0\2\1u\7E2U+sip\21!^(.*)$!sip:\\1@x!\0") },
	{ "CAA", "128 issue \"ca.example; x=y\"", NULL, WIRE("\200\5issueca.example; x=y") },
	{ "CAA", "0 iodef \"\"", NULL, WIRE("\0\5iodef") },
	{ "TYPE65280", "\\# 3 AbC dEf", "\\# 3 ABCDEF", WIRE("\xab\xcd\xef") },
	{ "TYPE65280", "\\# 0", NULL, WIRE("") },
	{ "OPT", "\\# 6 000300024142", NULL, WIRE("\0\3\0\2AB") },
};

static const struct rrtype *
row(const char *type)
{
	uint16_t number;

	return rrtype_parse(slice_of(type), &number) == 0 ? rrtype_row(number) : NULL;
}

TEST(good)
{
	struct buf wire = { 0 }, text = { 0 };

	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		const struct good *g = &goods[i];
		const char *why = "";
		const uint8_t *at;

		buf_clear(&wire);
		buf_clear(&text);
		EQ(rr_parse(row(g->type), slice_of(g->text), &wire, &why), 0);
		STR(why, "");
		OK(slice_eq(buf_slice(&wire), (struct slice){ g->wire, g->n }));
		at = (const uint8_t *)guarded(g->wire, g->n);
		OK(rr_check(row(g->type), at, 0, g->n));
		rr_put_text(&text, row(g->type), at, 0, g->n);
		buf_putc(&text, '\0');
		STR(text.p, g->want != NULL ? g->want : g->text);
	}
	buf_fini(&wire);
	buf_fini(&text);
}

TEST(bad_text)
{
	static const char *const bad[][2] = { { "A", "" }, { "A", "1.2.3" }, { "A", "1.2.3.4 5" }, { "A", "1.2.3.456" }, { "AAAA", "1::2::3" },
		{ "AAAA", "1.2.3.4" }, { "MX", "10" }, { "MX", "65536 m." }, { "MX", "-1 m." }, { "MX", "10 a..b." }, { "TXT", "" },
		{ "TXT", "\"open" }, { "TXT", "\\" }, { "TXT", "\\256" }, { "TXT", "\\12" }, { "SOA", "m. r. 1 2 3 4" },
		{ "SOA", "m. r. 1 2 3 4 5 6" }, { "SOA", "m. r. 4294967296 2 3 4 5" }, { "CAA", "256 a b" }, { "CAA", "0 a-b c" },
		{ "CAA", "0 \"\" c" }, { "A", "\\# 3 010203" }, { "A", "\\# 0" }, { "A", "\\# 4 0102030" }, { "A", "\\# 4 010203" },
		{ "A", "\\# 4 0102030405" }, { "A", "\\# 4 0102030g" }, { "A", "\\# x 01" }, { "A", "\\#" }, { "TYPE9999", "abc" },
		{ "OPT", "abc" }, { "OPT", "\\# 5 0003000241" },
		/* a pointer, and one far enough behind the front to look right */
		{ "NS", "\\# 2 C00C" }, { "SOA", "\\# 36 0B 6161616161616161616161 00 C00C 0000000100000001000000010000000100000001" } };
	struct buf wire = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = NULL;

		buf_putc(&wire, 'x');
		if (rr_parse(row(bad[i][0]), slice_of(bad[i][1]), &wire, &why) != -1 || why == NULL || wire.n != i + 1) {
			printf("# %s %s\n", bad[i][0], bad[i][1]);
			OK(false);
		}
	}
	buf_fini(&wire);
}

/* No good rdata is good when a byte is missing, but for those that end in a text or are empty. */
TEST(prefixes)
{
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		for (size_t n = 0; n < goods[i].n; n++) {
			bool ok = rr_check(row(goods[i].type), (const uint8_t *)guarded(goods[i].wire, n), 0, n);

			if (strcmp(goods[i].type, "CAA") == 0 || strcmp(goods[i].type, "TYPE65280") == 0)
				continue;
			/* one character-string fewer is a TXT as well, and no options are options */
			if (ok && strcmp(goods[i].type, "TXT") != 0 && strcmp(goods[i].type, "OPT") != 0) {
				printf("# %s cut to %zu\n", goods[i].type, n);
				OK(false);
			}
		}
}

TEST(long_string)
{
	struct buf wire = { 0 };
	char text[300];
	const char *why = "";

	memset(text, 'a', sizeof(text));
	EQ(rr_parse(row("TXT"), (struct slice){ text, 255 }, &wire, &why), 0);
	EQ(wire.n, 256);
	EQ(rr_parse(row("TXT"), (struct slice){ text, 256 }, &wire, &why), -1);
	STR(why, "string of more than 255 bytes");
	EQ(wire.n, 256);
	buf_fini(&wire);
}

TEST(no_memory)
{
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		struct buf wire = { 0 };
		const char *why = "";

		alloc_fail_at(1);
		if (goods[i].n > 0) {
			EQ(rr_parse(row(goods[i].type), slice_of(goods[i].text), &wire, &why), -1);
			STR(why, "out of memory");
		}
		alloc_reset();
		buf_fini(&wire);
	}
}

static const char *
type_text(uint16_t number)
{
	static char out[RRTYPE_TEXTLEN + 1];

	*rrtype_text(out, number) = '\0';
	return out;
}

static const char *
class_text(uint16_t number)
{
	static char out[RRTYPE_TEXTLEN + 1];

	*rrclass_text(out, number) = '\0';
	return out;
}

TEST(types)
{
	uint16_t n = 0;

	STR(type_text(1), "A");
	STR(type_text(257), "CAA");
	STR(type_text(65535), "TYPE65535");
	STR(class_text(1), "IN");
	STR(class_text(4096), "CLASS4096");
	for (unsigned i = 0; i <= UINT16_MAX; i++) {
		EQ(rrtype_parse(slice_of(type_text((uint16_t)i)), &n), 0);
		EQ(n, i);
		EQ(rrclass_parse(slice_of(class_text((uint16_t)i)), &n), 0);
		EQ(n, i);
		/* every row ends */
		EQ(rrtype_row((uint16_t)i)->fields[RR_FIELDS - 1].kind, RR_END);
	}
	EQ(rrtype_parse(SLICE("aAaA"), &n), 0);
	EQ(n, 28);
	EQ(rrtype_parse(SLICE("type1"), &n), 0);
	EQ(n, 1);
	EQ(rrtype_parse(SLICE("TYPE"), &n), -1);
	EQ(rrtype_parse(SLICE("TYPE65536"), &n), -1);
	EQ(rrtype_parse(SLICE("TYPE1x"), &n), -1);
	EQ(rrtype_parse(SLICE(""), &n), -1);
	EQ(rrtype_parse(SLICE("NOPE"), &n), -1);
	EQ(n, 1);
}

MAIN(RUN(good), RUN(bad_text), RUN(prefixes), RUN(long_string), RUN(no_memory), RUN(types))
