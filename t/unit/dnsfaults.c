/* Messages that lie: pointers, labels, lengths and counts; each ends where memory ends. */
#include "dns/dnsmsg.h"

#include "dns/dnswrite.h"
#include "dns/name.h"
#include "dns/rrparse.h"
#include "guard.h"
#include "rrgoods.h"
#include "tap.h"

/* A message in hexadecimal, blanks wherever they help. */
static size_t
unhex(const char *text, uint8_t *to)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	int high = -1;

	for (; *text != '\0'; text++) {
		const char *d = strchr(digits, *text);

		if (d == NULL)
			continue;
		if (high >= 0)
			to[n++] = (uint8_t)(high << 4 | (int)(d - digits));
		high = high >= 0 ? -1 : (int)(d - digits);
	}
	return n;
}

struct lie {
	const char *what, *message, *why; /* why NULL: it is none */
};

static void
tell(const struct lie *l)
{
	uint8_t bytes[1024];
	struct fault fault = { 0, "", 0 };
	struct dnsmsg m = { .id = 7 };
	size_t n = unhex(l->message, bytes);
	int r = dnsmsg_parse(&m, guarded(bytes, n), n, &fault);

	if (r != (l->why == NULL ? 0 : -1) || (l->why != NULL && strcmp(fault.why, l->why) != 0) || fault.off > n) {
		printf("# %s: %d, %s at %zu\n", l->what, r, fault.why, fault.off);
		OK(false);
	}
}

#define ONE_QUESTION "1234 8000 0001 0000 0000 0000 "
#define ONE_ANSWER   "1234 8000 0000 0001 0000 0000 "
#define FIXED(type)  type " 0001 0000003c "

static const struct lie lies[] = {
	{ "no lie", ONE_QUESTION "0161 0162 00 0001 0001", NULL },
	{ "nothing", "", "shorter than a header" },
	{ "eleven bytes", "1234 8000 0000 0000 0000 00", "shorter than a header" },
	/* pointers, in the question: the name is at 12 */
	{ "to itself", ONE_QUESTION "c00c 0001 0001", "bad name in the question" },
	{ "forward", ONE_QUESTION "c012 0001 0001 0161 00", "bad name in the question" },
	{ "into the header", ONE_QUESTION "c000 0001 0001", "bad name in the question" },
	{ "to the header's last byte", ONE_QUESTION "c00b 0001 0001", "bad name in the question" },
	{ "behind the end", ONE_QUESTION "ffff 0001 0001", "bad name in the question" },
	{ "half of one", ONE_QUESTION "c0", "bad name in the question" },
	{ "a label, then to itself", ONE_QUESTION "0161 c00e 0001 0001", "bad name in the question" },
	{ "a label, then to its front: a loop", ONE_QUESTION "0161 c00c 0001 0001", "bad name in the question" },
	{ "two that point at each other", "1234 8000 0002 0000 0000 0000 c012 0001 0001 c00c 0001 0001",
	"bad name in the question" },
	{ "back to a pointer that loops", ONE_ANSWER "0161 00" FIXED("0002") "0004 0162 c01b",
	"rdata does not fit its type" },
	{ "backwards, good", ONE_ANSWER "0161 00" FIXED("0002") "0004 0162 c00c", NULL },
	{ "into the middle of a label", ONE_ANSWER "0161 00" FIXED("0002") "0002 c00d", "rdata does not fit its type" },
	{ "at the final 0", ONE_ANSWER "0161 00" FIXED("0002") "0002 c00e", NULL },
	/* kinds of labels that nobody has (RFC 6891 5, RFC 2673) */
	{ "label of 64 bytes", ONE_QUESTION "40 00 0001 0001", "bad name in the question" },
	{ "bit label", ONE_QUESTION "4108 ff 00 0001 0001", "bad name in the question" },
	{ "0x80", ONE_QUESTION "8001 00 0001 0001", "bad name in the question" },
	{ "label past the end", ONE_QUESTION "3f 6161", "bad name in the question" },
	{ "name without end", ONE_QUESTION "0161", "bad name in the question" },
	/* counts */
	{ "a question that is not there", ONE_QUESTION, "bad name in the question" },
	{ "a question cut short", ONE_QUESTION "00 0001 00", "question cut short" },
	{ "a second question", "1234 8000 0002 0000 0000 0000 00 0001 0001", "bad name in the question" },
	{ "65535 questions", "1234 8000 ffff 0000 0000 0000 00 0001 0001", "bad name in the question" },
	{ "65535 of everything", "1234 8000 ffff ffff ffff ffff", "bad name in the question" },
	{ "an answer that is not there", ONE_ANSWER, "bad name" },
	{ "65535 answers, and one", "1234 8000 0000 ffff 0000 0000 00" FIXED("0001") "0004 c0000201", "bad name" },
	{ "an additional record that is not there", "1234 8000 0000 0000 0000 0001", "bad name" },
	{ "fewer than there are", "1234 8000 0000 0000 0000 0000 00" FIXED("0001") "0004 c0000201", NULL },
	/* records */
	{ "record cut short", ONE_ANSWER "00 0001 0001 0000003c 00", "record cut short" },
	{ "rdata past the end", ONE_ANSWER "00" FIXED("0001") "0004 c00002", "rdata cut short" },
	{ "64 KiB of rdata that are not there", ONE_ANSWER "00" FIXED("ff00") "ffff 00", "rdata cut short" },
	{ "rdata too short", ONE_ANSWER "00" FIXED("0001") "0003 c0000201", "rdata does not fit its type" },
	{ "rdata too long", ONE_ANSWER "00" FIXED("0001") "0005 c0000201 00", "rdata does not fit its type" },
	{ "a name that leaves its rdata", ONE_ANSWER "00" FIXED("0002") "0002 0161 00", "rdata does not fit its type" },
	{ "a pointer that leaves its rdata", ONE_ANSWER "0161 00" FIXED("0002") "0001 c00c",
	"rdata does not fit its type" },
	{ "a string that leaves its rdata", ONE_ANSWER "00" FIXED("0010") "0002 0261 62",
	"rdata does not fit its type" },
	{ "no rdata", ONE_ANSWER "00" FIXED("0001") "0000", "rdata does not fit its type" },
	{ "no rdata in a class that has none", ONE_ANSWER "00 0001 00ff 00000000 0000", NULL },
	{ "a pointer where none may be", ONE_ANSWER "0161 00" FIXED("002f") "0005 c00c 00 01 40",
	"rdata does not fit its type" },
	{ "an option past its record", ONE_ANSWER "00" FIXED("0029") "0005 0003 0002 61",
	"rdata does not fit its type" },
};

TEST(lies)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		tell(&lies[i]);
}

/* What failed leaves the message as it was, but for what the header says of whom it is for. */
TEST(untouched)
{
	uint8_t bytes[64];
	struct dnsmsg m, before;
	struct fault fault;
	size_t n = unhex(ONE_QUESTION "c00c 0001 0001", bytes);

	memset(&m, 0x55, sizeof(m));
	before = m;
	EQ(dnsmsg_parse(&m, bytes, n, &fault), -1);
	EQ(m.id, 0x1234);
	EQ(m.flags, 0x8000);
	EQ(fault.off, 12);
	EQ(fault.status, RCODE_FORMERR);
	m.id = before.id;
	m.flags = before.flags;
	OK(memcmp(&m, &before, sizeof(m)) == 0);
}

/* A chain of pointers, each to the one before: as deep as a name can be, and deeper. */
TEST(deep)
{
	uint8_t bytes[4096];
	struct dnsmsg m;
	struct fault fault;

	for (unsigned depth = 120; depth <= 140; depth++) {
		size_t n = unhex("1234 8000 0001 0000 0000 0000 00 0001 0001", bytes);

		/* questions behind the first, whose names are pointers */
		bytes[5] = (uint8_t)(depth + 1);
		for (unsigned i = 0, at = 12; i < depth; i++) {
			bytes[n] = (uint8_t)(0xc0 | at >> 8);
			bytes[n + 1] = (uint8_t)at;
			at = (unsigned)n;
			memcpy(bytes + n + 2, "\0\1\0\1", 4);
			n += 6;
		}
		EQ(dnsmsg_parse(&m, guarded(bytes, n), n, &fault), depth <= 127 ? 0 : -1);
	}
}

/* Labels of `len` bytes, then what is at the pointer, if there is one; returns where it ends. */
static size_t
put_labels(uint8_t *to, unsigned labels, unsigned len, unsigned pointer)
{
	size_t n = 0;

	for (; labels > 0; labels--, n += len + 1) {
		to[n] = (uint8_t)len;
		memset(to + n + 1, 'a', len);
	}
	if (pointer > 0)
		to[n++] = (uint8_t)(0xc0 | pointer >> 8);
	to[n++] = (uint8_t)pointer;
	return n;
}

/* 255 bytes are a name, 256 are none: in one piece, and by a pointer. */
TEST(long_names)
{
	static const struct {
		unsigned first, len, second; /* labels of 63 and of `len` in front, and that are pointed at */
		int want;
	} cases[] = { { 3, 61, 0, 0 }, { 3, 62, 0, -1 }, { 3, 63, 0, -1 }, { 0, 61, 3, 0 }, { 0, 62, 3, -1 }, { 1, 63,
		3, -1 },
		{ 0, 63, 2, 0 }, { 3, 61, 3, -1 } };
	uint8_t bytes[2048], name[NAME_MAX_WIRE];
	struct dnsmsg m;
	struct fault fault;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = 12, front;

		memset(bytes, 0, 12);
		bytes[5] = 2;
		/* the one pointed at is a name of its own, and good */
		n += put_labels(bytes + n, cases[i].second, 63, 0);
		memcpy(bytes + n, "\0\1\0\1", 4);
		n += 4;
		front = n;
		n += put_labels(bytes + n, cases[i].first, 63, 0) - 1;
		n += put_labels(bytes + n, 1, cases[i].len, cases[i].second > 0 ? 12 : 0);
		memcpy(bytes + n, "\0\1\0\1", 4);
		n += 4;
		EQ(dnsmsg_parse(&m, guarded(bytes, n), n, &fault), cases[i].want);
		if (cases[i].want == 0)
			EQ(name_expand(bytes, front, name), 64 * (cases[i].first + cases[i].second) + cases[i].len + 2);
	}
}

/* The longest message there can be, and one that is longer. */
TEST(big)
{
	static uint8_t bytes[DNS_MAX + 1];
	struct dnsmsg m;
	struct fault fault;
	struct dnswalk w;
	struct dnsrr rr;
	unsigned records = 0;
	size_t n = unhex("1234 8000 0000 0000 0000 0000", bytes);

	/* records of an owner that is the root, of a type nobody knows: 11 bytes and the rest of the message */
	for (; DNS_MAX - n >= 11; records++) {
		size_t len = DNS_MAX - n - 11 < 300 ? DNS_MAX - n - 11 : 200;

		n += unhex("00 ff00 0001 00000000", bytes + n);
		bytes[n++] = (uint8_t)(len >> 8);
		bytes[n++] = (uint8_t)len;
		n += len;
	}
	EQ(n, DNS_MAX);
	bytes[6] = (uint8_t)(records >> 8);
	bytes[7] = (uint8_t)records;
	EQ(dnsmsg_parse(&m, guarded(bytes, n), n, &fault), 0);
	w = dnsmsg_walk(&m, DNS_ANSWER);
	while (dnsmsg_next(&w, &rr))
		records--;
	EQ(records, 0);
	EQ(rr.rdata + rr.rdlen, DNS_MAX);
	EQ(dnsmsg_parse(&m, bytes, n + 1, &fault), -1);
	STR(fault.why, "longer than 65535 bytes");
}

/* 64 KiB of the same byte: whatever it is, the answer comes at once. */
TEST(monotonous)
{
	static uint8_t bytes[DNS_MAX];
	struct dnsmsg m;
	struct fault fault;
	int good = 0;

	for (int v = 0; v < 256; v++) {
		memset(bytes, v, sizeof(bytes));
		good += dnsmsg_parse(&m, guarded(bytes, sizeof(bytes)), sizeof(bytes), &fault) == 0;
		/* as many records as there can be, of the same byte */
		memset(bytes + 4, 0xff, 8);
		good += dnsmsg_parse(&m, guarded(bytes, sizeof(bytes)), sizeof(bytes), &fault) == 0;
	}
	/* nothing but zeros is a message without anything in it */
	EQ(good, 1);
}

/* What is written is read; one byte more than there may be is not written, and the buffer is as it was. */
TEST(writer)
{
	static const uint8_t rdata[60000];
	const uint8_t *root = (const uint8_t *)"";
	struct buf b = { 0 };
	struct dnswriter w;
	struct dnsmsg m;
	struct fault fault;

	for (size_t extra = 0; extra < 2; extra++) {
		buf_clear(&b);
		buf_puts(&b, "front");
		dnswrite_begin(&w, &b, 1, DNS_QR);
		dnswrite_rr(&w, DNS_ANSWER, root, 65280, RRCLASS_IN, 0, slice_make(rdata, sizeof(rdata)));
		dnswrite_rr(&w, DNS_ANSWER, root, 65280, RRCLASS_IN, 0, slice_make(rdata,
		    DNS_MAX - 12 - 22 - sizeof(rdata) + extra));
		EQ(dnswrite_end(&w), extra == 0 ? 0 : -1);
		EQ(b.n, extra == 0 ? 5 + DNS_MAX : 5);
		if (extra == 0)
			EQ(dnsmsg_parse(&m, guarded(b.p + 5, DNS_MAX), DNS_MAX, &fault), 0);
	}
	/* no pointer reaches a name behind 16 KiB: it is written again */
	buf_clear(&b);
	dnswrite_begin(&w, &b, 1, DNS_QR);
	dnswrite_rr(&w, DNS_ANSWER, root, 65280, RRCLASS_IN, 0, slice_make(rdata, 20000));
	for (int i = 0; i < 100; i++)
		dnswrite_rr(&w, DNS_ANSWER, (const uint8_t *)"\1a\1b", RRTYPE_A, RRCLASS_IN, 0, SLICE("\1\2\3\4"));
	EQ(dnswrite_end(&w), 0);
	EQ(b.n, 12 + 11 + 20000 + 100 * (5 + 10 + 4));
	EQ(dnsmsg_parse(&m, guarded(b.p, b.n), b.n, &fault), 0);
	buf_fini(&b);
}

/* A message with one record of each kind of rdata; each of its beginnings is refused, none is read past its end. */
TEST(every_prefix)
{
	struct buf b = { 0 }, rdata = { 0 };
	const uint8_t *owner = (const uint8_t *)"\3www\7example\3com";
	struct dnswriter w;
	struct dnsmsg m;
	struct fault fault;

	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		uint16_t type = 0;
		const char *why = "";

		EQ(rrtype_parse(slice_of(goods[i].type), &type), 0);
		if (type == RRTYPE_OPT)
			continue;
		buf_clear(&b);
		buf_clear(&rdata);
		EQ(rr_parse(rrtype_row(type), slice_of(goods[i].text), &rdata, &why), 0);
		dnswrite_begin(&w, &b, 1, DNS_QR);
		dnswrite_question(&w, owner, type, RRCLASS_IN);
		dnswrite_rr(&w, DNS_ANSWER, owner, type, RRCLASS_IN, 60, buf_slice(&rdata));
		dnswrite_rr(&w, DNS_ADDITIONAL, (const uint8_t *)"", RRTYPE_OPT, 1232, 0, SLICE("\0\3\0\2ab"));
		EQ(dnswrite_end(&w), 0);
		EQ(dnsmsg_parse(&m, guarded(b.p, b.n), b.n, &fault), 0);
		for (size_t n = 0; n < b.n; n++) {
			if (dnsmsg_parse(&m, guarded(b.p, n), n, &fault) != -1 || fault.off > n) {
				printf("# %s %s cut to %zu\n", goods[i].type, goods[i].text, n);
				OK(false);
			}
		}
	}
	buf_fini(&b);
	buf_fini(&rdata);
}

MAIN(RUN(lies), RUN(untouched), RUN(deep), RUN(long_names), RUN(big), RUN(monotonous), RUN(writer), RUN(every_prefix))
