/* Options of EDNS: whatever they hold, nothing is read past them. The texts themselves: t/dnsq-message.bats. */
#include "dns/edns.h"

#include "dns/dnswrite.h"
#include "guard.h"
#include "tap.h"

/* What a message shows that ends with this option. */
static void
show(struct buf *text, unsigned code, const uint8_t *data, size_t n)
{
	struct buf b = { 0 };
	struct dnswriter w;
	struct dnsmsg m;
	struct fault fault;
	uint8_t rdata[64] = { (uint8_t)(code >> 8), (uint8_t)code, 0, (uint8_t)n };

	memcpy(rdata + 4, data, n);
	dnswrite_begin(&w, &b, 1, DNS_QR);
	dnswrite_question(&w, (const uint8_t *)"\1a\1b", 1, 1);
	dnswrite_rr(&w, DNS_ADDITIONAL, (const uint8_t *)"", RRTYPE_OPT, 1232, 0, slice_make(rdata, n + 4));
	EQ(dnswrite_end(&w), 0);
	EQ(dnsmsg_parse(&m, guarded(b.p, b.n), b.n, &fault), 0);
	buf_clear(text);
	edns_put(text, &m);
	buf_fini(&b);
}

/* Every option of every length, of bytes that are lengths, pointers, or far too big. */
TEST(every_length)
{
	static const uint8_t bytes[] = { 0, 1, 2, 3, 0x20, 0x3f, 0x40, 0xc0, 0xff };
	struct buf text = { 0 };
	uint8_t data[40];

	for (unsigned code = 0; code < 24; code++)
		for (size_t n = 0; n <= sizeof(data); n++)
			for (size_t i = 0; i < sizeof(bytes); i++) {
				memset(data, bytes[i], sizeof(data));
				show(&text, code, data, n);
				OK(text.n > 0 && text.p[text.n - 1] == '\n');
				/* a terminal gets nothing but text */
				for (size_t k = 0; k < text.n; k++)
					OK(text.p[k] == '\n' || (text.p[k] >= ' ' && text.p[k] < 0x7f));
			}
	buf_fini(&text);
}

/* Bytes of all kinds, behind a beginning that looks right. */
TEST(any_bytes)
{
	static const struct {
		unsigned code;
		const char *front;
		size_t n;
	} fronts[] = { { 8, "\0\1\30\0", 4 }, { 8, "\0\2\200\0", 4 }, { 13, "\1a", 2 }, { 13, "\14aaaaaaaaaaaa", 13 },
		{ 18, "\1a\0", 3 },
		{ 15, "\0\1", 2 }, { 19, "\2\0", 2 }, { 19, "\0\0\0\0\0", 5 } };
	struct buf text = { 0 };

	for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++)
		for (unsigned v = 0; v < 65536; v += 251) {
			uint8_t data[32];

			memcpy(data, fronts[i].front, fronts[i].n);
			data[fronts[i].n] = (uint8_t)(v >> 8);
			data[fronts[i].n + 1] = (uint8_t)v;
			for (size_t n = fronts[i].n; n <= fronts[i].n + 2; n++) {
				show(&text, fronts[i].code, data, n);
				OK(text.n > 0 && text.p[text.n - 1] == '\n');
			}
		}
	buf_fini(&text);
}

TEST(durations)
{
	static const struct {
		const char *seconds, *want;
	} times[] = { { "\0\0\0\0", "; EXPIRE: 0 (0 seconds)\n" }, { "\0\0\0\1", "; EXPIRE: 1 (1 second)\n" },
		{ "\0\0\16\17", "; EXPIRE: 3599 (59 minutes 59 seconds)\n" }, { "\0\12\115\255",
		"; EXPIRE: 675245 (1 week 19 hours 34 minutes 5 seconds)\n" },
		{ "\377\377\377\377", "; EXPIRE: 4294967295 (7101 weeks 3 days 6 hours 28 minutes 15 seconds)\n" } };
	struct buf text = { 0 };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		show(&text, 9, (const uint8_t *)times[i].seconds, 4);
		buf_putc(&text, '\0');
		STR(strstr(text.p, "; EXPIRE"), times[i].want);
	}
	buf_fini(&text);
}

MAIN(RUN(every_length), RUN(any_bytes), RUN(durations))
