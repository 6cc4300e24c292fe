/* Types and rdata: text to wire and back, wire checked, for each row of the table. */
#include "dns/rr.h"

#include "dns/rrparse.h"
#include "dns/rrprint.h"

#include <sys/types.h>
#include <time.h>

#include "guard.h"
#include "rrgoods.h"
#include "tap.h"

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
	static const char *const bad[][2] = { { "A", "" }, { "A", "1.2.3" }, { "A", "1.2.3.4 5" }, { "A",
		"1.2.3.456" }, { "AAAA", "1::2::3" },
		{ "AAAA", "1.2.3.4" }, { "MX", "10" }, { "MX", "65536 m." }, { "MX", "-1 m." }, { "MX", "10 a..b." },
		{ "TXT", "" },
		{ "TXT", "\"open" }, { "TXT", "\\" }, { "TXT", "\\256" }, { "TXT", "\\12" }, { "SOA", "m. r. 1 2 3 4" },
		{ "SOA", "m. r. 1 2 3 4 5 6" }, { "SOA", "m. r. 4294967296 2 3 4 5" }, { "CAA", "256 a b" }, { "CAA",
		"0 a-b c" },
		{ "CAA", "0 \"\" c" }, { "A", "\\# 3 010203" }, { "A", "\\# 0" }, { "A", "\\# 4 0102030" }, { "A",
		"\\# 4 010203" },
		{ "A", "\\# 4 0102030405" }, { "A", "\\# 4 0102030g" }, { "A", "\\# x 01" }, { "A", "\\#" },
		{ "TYPE9999", "abc" },
		{ "OPT", "abc" }, { "OPT", "\\# 5 0003000241" },
		{ "TXT", "(a" }, { "TXT", "a)" }, { "TXT", "a\nb" }, { "TXT", "; comment" },
		{ "WKS", "192.0.2.1 sctp" }, { "WKS", "192.0.2.1 6 65536" }, { "WKS", "192.0.2.1 6 http" }, { "ISDN",
		"a b c" },
		{ "NSAP", "47" }, { "NSAP", "0x" }, { "NSAP", "0x4" }, { "NSAP", "0x4g" }, { "NSAP", "" },
		{ "SIG", "NOPE 1 3 3600 20380119031407 1 2143 a. AQID" }, { "RRSIG",
		"A 5 3 1 20240230000000 1 1 a. AQID" },
		{ "RRSIG", "A 5 3 1 20240101240000 1 1 a. AQID" }, { "RRSIG", "A 5 3 1 19001231235959 1 1 a. AQID" },
		{ "RRSIG", "A 5 3 1 29060207062816 1 1 a. AQID" }, { "RRSIG", "A 5 3 1 2024010100000x 1 1 a. AQID" },
		{ "RRSIG", "A 5 3 1 1 1 1 a." }, { "RRSIG", "A 5 3 1 1 1 1 a. AQI" }, { "RRSIG",
		"A 5 3 1 1 1 1 a. AR==" },
		{ "RRSIG", "A 5 3 1 1 1 1 a. AQ== AQ==" }, { "RRSIG", "A 5 3 1 1 1 1 a. AQ===" }, { "RRSIG",
		"A 5 3 1 1 1 1 a. A" },
		{ "RRSIG", "A 5 3 1 1 1 1 a. A*==" }, { "RRSIG", "A RSA 3 1 1 1 1 a. AQ==" },
		{ "LOC", "" }, { "LOC", "N" }, { "LOC", "91 N 0 E 0" }, { "LOC", "90 0 0.001 N 0 E 0" }, { "LOC",
		"0 60 N 0 E 0" },
		{ "LOC", "0 0 60 N 0 E 0" }, { "LOC", "0 0 0.0001 N 0 E 0" }, { "LOC", "0 0 0 0 N 0 E 0" }, { "LOC",
		"0 E 0 E 0" },
		{ "LOC", "0 N 180 0 0.001 W 0" }, { "LOC", "0 N 0 E" }, { "LOC", "0 N 0 E -100000.01" }, { "LOC",
		"0 N 0 E 42849672.96" },
		{ "LOC", "0 N 0 E 0 99999999.999m" }, { "LOC", "0 N 0 E 0 1m 1m 1m 1m" }, { "LOC", "0 N 0 E 0 -1" },
		{ "NXT", "a. TYPE128" }, { "NXT", "a. TYPE0" }, { "NSEC", "a. NOPE" }, { "EID", "abc" }, { "EID",
		"xy" }, { "EID", "" },
		{ "ATMA", "+" }, { "ATMA", "+12a" }, { "ATMA", "1" }, { "ATMA", "." }, { "CERT", "PGPX 1 1 AQ==" },
		{ "CERT", "1 1 1" },
		{ "A6", "129 ::1 a." }, { "A6", "0 ::1 a." }, { "A6", "64 ::1" }, { "A6", "128 ::1 a." }, { "APL",
		"3:1/2" },
		{ "APL", "1:192.0.2.0" }, { "APL", "192.0.2.0/24" }, { "APL", "1:192.0.2.0/33" }, { "APL",
		"2:192.0.2.0/24" },
		{ "APL", "!" }, { "DS", "1 1 1" }, { "DS", "1 1 1 a" }, { "DNSKEY", "1 3 5 =" }, { "IPSECKEY",
		"1 0 2 a. AQ==" },
		{ "IPSECKEY", "1 4 2 a. AQ==" }, { "IPSECKEY", "1 1 2 ::1 AQ==" }, { "IPSECKEY", "1 1 2" }, { "NSEC3",
		"1 0 0 - - A" },
		{ "NSEC3", "1 0 0 abc 00 A" }, { "NSEC3", "1 0 0 - 1 A" }, { "NSEC3", "1 0 0 - w0 A" }, { "NSEC3",
		"1 0 0 - 01 A" },
		{ "HIP", "2 ABC AQID" }, { "HIP", "2 AB AQI" }, { "HIP", "2 AB" }, { "HIP", "2 AB AQID a..b" },
		{ "HIP", "2 AB =" },
		{ "DSYNC", "A SCAN 1 a." }, { "NID", "1 1:2:3" }, { "NID", "1 1:2:3:4:5" }, { "NID",
		"1 1:2:3:12345" }, { "NID", "1 1:2::4" },
		{ "NID", "1 1:2:3:g" }, { "EUI48", "00-00-5e-00-53" }, { "EUI48", "00-00-5e-00-53-2a-00" }, { "EUI48",
		"0-00-5e-00-53-2a" },
		{ "EUI48", "00:00:5e:00:53:2a" }, { "EUI64", "00-00-5e-00-53-2a" }, { "TSIG", "a. 1 300 2 AQ== 1 0 0" },
		{ "TSIG", "a. 1 300 x AQ== 1 0 0" }, { "TSIG", "a. 1 300 0 1 0" }, { "TSIG", "a. 1 300 0 1 NOPE 0" },
		{ "TSIG", "a. 1 300 1 A* 1 0 0" },
		{ "TSIG", "a. 281474976710656 300 0 1 0 0" }, { "TSIG", "a. 1 300 0 1 0 6" }, { "TSIG",
		"a. 1 300 0 1 0 6 281474976710656" },
		{ "DOA", "0 1 2 \"\"" }, { "AMTRELAY", "10 2 0 ." }, { "AMTRELAY", "10 0 128 ." }, { "AMTRELAY",
		"10 0 4 ." },
		{ "AMTRELAY", "10 0 0 a." }, { "IPN", "18446744073709551616" }, { "SVCB", "1 . alpn" }, { "SVCB",
		"1 . alpn=" },
		{ "SVCB", "1 . alpn=a,,b" }, { "SVCB", "1 . alpn=a\\" }, { "SVCB", "1 . port=65536" }, { "SVCB",
		"1 . port" },
		{ "SVCB", "1 . port=1 port=2" }, { "SVCB", "1 . nope=1" }, { "SVCB", "1 . key65536=1" }, { "SVCB",
		"1 . key01=1" },
		{ "SVCB", "1 . key" }, { "SVCB", "1 . ipv4hint=1.2.3" }, { "SVCB", "1 . ipv4hint=1.2.3.4," },
		{ "SVCB", "1 . ipv4hint=,1.2.3.4" },
		{ "SVCB", "1 . ipv6hint=1.2.3.4" }, { "SVCB", "1 . no-default-alpn" }, { "SVCB",
		"1 . alpn=a no-default-alpn=b" },
		{ "SVCB", "1 . mandatory=port" }, { "SVCB", "1 . mandatory=mandatory" }, { "SVCB",
		"1 . mandatory=port,port port=1" },
		{ "SVCB", "1 . mandatory=port, port=1" }, { "SVCB", "1 . mandatory port=1" }, { "SVCB", "1 . ech=A" },
		{ "SVCB", "1 . ohttp=1" },
		{ "SVCB", "1 . dohpath" }, { "SVCB", "1 . key65535=\"a" }, { "SVCB", "1 . key65535=\"a\"b" },
		{ "SVCB", "1 . key65535=\\300" },
		/*
		 * parameters out of their order, one twice, one cut short; windows likewise, an empty one, one that
		 * ends in nothing
		 */
		{ "SVCB", "\\# 11 000100 00040000 00030000" }, { "SVCB", "\\# 11 000100 00040000 00040000" },
		{ "SVCB", "\\# 6 000100 000400" },
		{ "CSYNC", "\\# 12 000000000000 010140 000140" }, { "CSYNC", "\\# 12 000000000000 000140 000140" },
		{ "CSYNC", "\\# 8 000000000000 0000" }, { "CSYNC", "\\# 9 000000000000 000100" }, { "CSYNC",
		"\\# 8 000000000000 0001" },
		{ "CSYNC",
		"\\# 41 000000000000 0021 000000000000000000000000000000000000000000000000000000000000000001" },
		/* a name that may not be compressed, with a pointer in it to itself */
		{ "NSEC", "\\# 17 0C616161616161616161616161 C000 0001" }, { "HIP", "\\# 10 01020003AB010203 C000" },
		/* a pointer, and one far enough behind the front to look right */
		{ "NS", "\\# 2 C00C" }, { "SOA",
		"\\# 36 0B 6161616161616161616161 00 C00C 0000000100000001000000010000000100000001" } };
	struct buf wire = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = NULL;

		buf_putc(&wire, 'x');
		if (rr_parse(row(bad[i][0]), slice_of(bad[i][1]), &wire, &why) != -1 || why == NULL ||
		    wire.n != i + 1) {
			printf("# %s %s\n", bad[i][0], bad[i][1]);
			OK(false);
		}
	}
	buf_fini(&wire);
}

/* Whether the last field of a row says itself where it ends. */
static bool
is_closed(const struct rrtype *type)
{
	const struct rrfield *f = type->fields;

	while (f[1].kind != RR_END)
		f++;
	switch ((enum rrkind)f->kind) {
	case RR_NAMES:
	case RR_STRINGS:
	case RR_STRING_OPT:
	case RR_REST_TEXT:
	case RR_HEX:
	case RR_BASE64:
	case RR_BASE64_OPT:
	case RR_BASE64_DASH:
	case RR_BITMAP:
	case RR_NXT:
	case RR_PORTS:
	case RR_APL:
	case RR_NSAP:
	case RR_ATMA:
	case RR_SVCPARAMS:
	case RR_OPTIONS:
	case RR_REST:
		return false;
	default:
		return true;
	}
}

/* The text of rdata that passed the door, and what it becomes when it is read. */
static void
same_again(const struct rrtype *type, const uint8_t *wire, size_t n)
{
	struct buf text = { 0 }, again = { 0 };
	const char *why = "";

	rr_put_text(&text, type, wire, 0, n);
	if (rr_parse(type, buf_slice(&text), &again, &why) != 0 || !slice_eq(buf_slice(&again), slice_make(wire, n))) {
		printf("# %s: %.*s: %s\n", type->name, SLICE_FMT(buf_slice(&text)), why);
		OK(false);
	}
	buf_fini(&text);
	buf_fini(&again);
}

/* Every beginning of good rdata is refused, or is itself good where the type's last field is open. */
TEST(prefixes)
{
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		for (size_t n = 0; n < goods[i].n; n++) {
			const struct rrtype *type = row(goods[i].type);
			const uint8_t *wire = (const uint8_t *)guarded(goods[i].wire, n);

			if (!rr_check(type, wire, 0, n))
				continue;
			/* a gateway that nobody knows has what is left; after one that is known a key may follow */
			if (is_closed(type) && strcmp(goods[i].type, "AMTRELAY") != 0) {
				printf("# %s cut to %zu\n", goods[i].type, n);
				OK(false);
			}
			same_again(type, wire, n);
		}
}

/* Each byte of good rdata takes each value: it is refused, or has a text that means the same. */
TEST(every_byte)
{
	size_t accepted = 0;

	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		for (size_t at = 0; at < goods[i].n; at++)
			for (int v = 0; v < 256; v += at < 4 ? 1 : 7) {
				const struct rrtype *type = row(goods[i].type);
				uint8_t *wire = (uint8_t *)guarded(goods[i].wire, goods[i].n);

				wire[at] = (uint8_t)v;
				/* no message, no pointers */
				if (!rr_check_whole(type, wire, goods[i].n))
					continue;
				same_again(type, wire, goods[i].n);
				accepted++;
			}
	OK(accepted > 10000);
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

/* Text as a zone file may have it. */
TEST(layout)
{
	static const char *const texts[] = { "m. r. (1 ; serial\n\t2\r\n3 4) 5", "m.(\n)r. 1(2)3;x\n(;)\n)",
		"\tm. r.\t1 2 3 4 5 ; the end",
		"( m. r. 1 2 3 4 5 )" };
	struct buf wire = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *why = "";

		buf_clear(&wire);
		/* the second has no fields behind 3 */
		EQ(rr_parse(row("SOA"), slice_of(texts[i]), &wire, &why), i == 1 ? -1 : 0);
		if (i != 1)
			OK(slice_eq(buf_slice(&wire), SLICE("\1m\0\1r\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5")));
	}
	buf_fini(&wire);
}

/* A field alone, as a table in Lua has it. */
TEST(field)
{
	struct buf wire = { 0 };
	const char *why = "";
	const struct rrtype *nsec = row("NSEC");

	EQ(rr_parse_field(&nsec->fields[0], SLICE("a b."), &wire, 0, &why), 0);
	EQ(rr_parse_field(&nsec->fields[1], SLICE("MX A"), &wire, 0, &why), 0);
	OK(slice_eq(buf_slice(&wire), SLICE("\3a b\0\0\2\x40\1")));
	EQ(rr_parse_field(&nsec->fields[1], SLICE("MX ("), &wire, 0, &why), -1);
	STR(why, "no closing parenthesis");
	EQ(rr_parse_field(&nsec->fields[0], SLICE("a..b"), &wire, 0, &why), -1);
	EQ(wire.n, 9);
	buf_fini(&wire);
}

/* No type has been forgotten above. */
TEST(every_row)
{
	for (unsigned i = 0; i <= UINT16_MAX; i++) {
		const struct rrtype *type = rrtype_row((uint16_t)i);
		bool found = type->name == NULL;

		for (size_t k = 0; k < sizeof(goods) / sizeof(goods[0]) && !found; k++)
			for (const struct rrfield *f = type->fields,
			    *g = row(goods[k].type)->fields; f->kind == g->kind; f++, g++)
				if (f->kind == RR_END) {
					found = true;
					break;
				}
		if (!found) {
			printf("# nothing like %s\n", type->name);
			OK(false);
		}
	}
}

/* Times are those nearest to now: 68 years ahead is the future, a little more the past. */
TEST(times)
{
	struct buf wire = { 0 }, text = { 0 };
	const char *why = "";
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	for (int i = 0; i < 2; i++) {
		char year[5] = "";

		buf_clear(&wire);
		buf_clear(&text);
		buf_puts(&text, "A 5 3 1 ");
		buf_putu(&text, (uint32_t)now + (UINT32_C(1) << 31) + (i == 0 ? -100000 : 100000));
		buf_puts(&text, " 1 1 a. AQ==");
		EQ(rr_parse(row("RRSIG"), buf_slice(&text), &wire, &why), 0);
		buf_clear(&text);
		rr_put_text(&text, row("RRSIG"), (const uint8_t *)wire.p, 0, wire.n);
		memcpy(year, text.p + 8, 4);
		OK(abs(atoi(year) - (tm.tm_year + 1900 + (i == 0 ? 68 : -68))) <= 1);
		same_again(row("RRSIG"), (const uint8_t *)wire.p, wire.n);
	}
	buf_fini(&wire);
	buf_fini(&text);
}

/* Each allocation of the printer fails once: that is told, and nothing is written where nothing is. */
TEST(no_memory_to_print)
{
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		for (long n = 1;; n++) {
			const char *want = goods[i].want != NULL ? goods[i].want : goods[i].text;
			struct buf text = { 0 };
			bool failed;

			alloc_fail_at(n);
			rr_put_text(&text, row(goods[i].type), (const uint8_t *)goods[i].wire, 0, goods[i].n);
			alloc_reset();
			failed = text.failed;
			if (!failed)
				OK(slice_eq(buf_slice(&text), slice_of(want)));
			buf_fini(&text);
			if (!failed)
				break;
		}
}

/* Likewise the parser. */
TEST(no_memory_to_parse)
{
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++)
		for (long n = 1;; n++) {
			struct buf wire = { 0 };
			const char *why = "";
			int r;

			alloc_fail_at(n);
			r = rr_parse(row(goods[i].type), slice_of(goods[i].text), &wire, &why);
			alloc_reset();
			if (r == 0)
				OK(slice_eq(buf_slice(&wire), slice_make(goods[i].wire, goods[i].n)));
			else
				STR(why, "out of memory");
			buf_fini(&wire);
			if (r == 0)
				break;
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

MAIN(RUN(good), RUN(bad_text), RUN(prefixes), RUN(every_byte), RUN(long_string), RUN(layout), RUN(field), RUN(times),
    RUN(every_row), RUN(no_memory_to_print), RUN(no_memory_to_parse), RUN(types))
