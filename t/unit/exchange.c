/* One question, one server: what counts as its answer, and when it is asked again. */
#include "dns/exchange.h"

#include "base/clock.h"
#include "dns/name.h"
#include "tap.h"

static uint8_t qname[NAME_MAX_WIRE];

static struct exchange
question(const char *text)
{
	const char *why;
	int n = name_parse(slice_of(text), qname, &why);

	return (struct exchange){ .name = qname, .namelen = (uint8_t)n, .type = RRTYPE_A, .class = RRCLASS_IN, .id = 0x1234 };
}

/* A reply to x, whose bytes can then be changed. */
static struct buf
reply(const struct exchange *x, uint16_t flags)
{
	struct buf b = { 0 };
	struct dnswriter w;

	dnswrite_begin(&w, &b, x->id, flags);
	dnswrite_question(&w, x->name, x->type, x->class);
	dnswrite_rr(&w, DNS_ANSWER, x->name, RRTYPE_A, RRCLASS_IN, 60, SLICE("\300\0\2\1"));
	EQ(dnswrite_end(&w), 0);
	return b;
}

static enum exchange_verdict
judge(struct exchange *x, struct buf *b)
{
	struct dnsmsg m;
	struct fault fault;
	enum exchange_verdict v = exchange_reply(x, buf_slice(b), &m, &fault);

	if (v == EXCHANGE_ANSWERED)
		EQ(m.id, x->id);
	buf_fini(b);
	return v;
}

/* The verdict on a good reply with one byte xor-ed. */
static enum exchange_verdict
changed(uint16_t flags, size_t at, int bits)
{
	struct exchange x = question("www.example.com");
	struct buf b = reply(&x, flags);

	b.p[at] = (char)(b.p[at] ^ bits);
	return judge(&x, &b);
}

TEST(verdicts)
{
	EQ(changed(DNS_QR, 0, 0), EXCHANGE_ANSWERED);
	EQ(changed(DNS_QR | RCODE_NXDOMAIN, 0, 0), EXCHANGE_ANSWERED);
	EQ(changed(DNS_QR | RCODE_SERVFAIL, 0, 0), EXCHANGE_ANSWERED);
	EQ(changed(DNS_QR | DNS_TC, 0, 0), EXCHANGE_TRUNCATED);
	EQ(changed(0, 0, 0), EXCHANGE_NOT_MINE);                     /* a question */
	EQ(changed(DNS_QR, 0, 1), EXCHANGE_NOT_MINE);                /* id */
	EQ(changed(DNS_QR, 1, 0x80), EXCHANGE_NOT_MINE);
	EQ(changed(DNS_QR | 1 << DNS_OPCODE_SHIFT, 0, 0), EXCHANGE_NOT_MINE);
	EQ(changed(DNS_QR, 13, 'w' ^ 'x'), EXCHANGE_NOT_MINE);       /* another name */
	EQ(changed(DNS_QR, 13, 0x20), EXCHANGE_ANSWERED);            /* the same in other letters */
	EQ(changed(DNS_QR, 12, 1), EXCHANGE_NOT_MINE);               /* another label length */
	EQ(changed(DNS_QR, 12 + 17 + 1, 2), EXCHANGE_NOT_MINE);      /* type */
	EQ(changed(DNS_QR, 12 + 17 + 3, 2), EXCHANGE_NOT_MINE);      /* class */
	EQ(changed(DNS_QR, 5, 3), EXCHANGE_NOT_MINE);                /* two questions */
	EQ(changed(DNS_QR, 5, 1), EXCHANGE_NOT_MINE);                /* none */
	EQ(changed(DNS_QR, 7, 3), EXCHANGE_MALFORMED);               /* an answer more than there is */
}

TEST(edns_fallback)
{
	static const uint16_t rcodes[] = { RCODE_FORMERR, RCODE_NOTIMP };

	for (size_t i = 0; i < 2; i++) {
		struct exchange x = question("a.b");
		struct buf b = reply(&x, DNS_QR | rcodes[i]);
		uint8_t q[DNSWRITE_QUERY_MAX];
		size_t with = exchange_query(&x, q);

		EQ(judge(&x, &b), EXCHANGE_PLAIN);
		EQ(x.plain, true);
		EQ(exchange_query(&x, q), with - 11);
		/* and then it is the answer */
		b = reply(&x, DNS_QR | rcodes[i]);
		EQ(judge(&x, &b), EXCHANGE_ANSWERED);
	}
}

TEST(no_question_in_the_reply)
{
	struct exchange x = question("a.b");
	struct buf b = { 0 };

	buf_put(&b, "\x12\x34\x80\x01\0\0\0\0\0\0\0\0", 12);
	EQ(judge(&x, &b), EXCHANGE_PLAIN);
	buf_put(&b, "\x12\x34\x80\x03\0\0\0\0\0\0\0\0", 12);
	EQ(judge(&x, &b), EXCHANGE_NOT_MINE);
}

TEST(short_ones)
{
	struct exchange x = question("www.example.com");
	struct buf b = reply(&x, DNS_QR);
	struct dnsmsg m;
	struct fault fault;

	for (size_t n = 0; n < b.n; n++) {
		enum exchange_verdict v = exchange_reply(&x, (struct slice){ b.p, n }, &m, &fault);

		EQ(v, n < 12 + 17 + 4 ? EXCHANGE_NOT_MINE : EXCHANGE_MALFORMED);
	}
	buf_fini(&b);
}

TEST(over_a_stream)
{
	struct exchange x = question("a.b");
	struct buf b;

	x.stream = true;
	b = reply(&x, DNS_QR | DNS_TC);
	EQ(judge(&x, &b), EXCHANGE_ANSWERED);
}

TEST(flags)
{
	struct exchange x = question("a.b");
	uint8_t q[DNSWRITE_QUERY_MAX];
	struct dnsmsg m;
	struct fault fault;

	EQ(dnsmsg_parse(&m, q, exchange_query(&x, q), &fault), 0);
	EQ(m.flags, DNS_RD);
	EQ(m.edns_size, EXCHANGE_EDNS_SIZE);
	EQ(m.edns_flags, 0);
	x.no_recursion = x.checking_disabled = x.dnssec = true;
	EQ(dnsmsg_parse(&m, q, exchange_query(&x, q), &fault), 0);
	EQ(m.flags, DNS_CD);
	EQ(m.edns_flags, EDNS_DO);
}

/* Whatever is asked, it is a block long or two; the padding is zeros, and a parser finds it where it should be. */
TEST(padding)
{
	static const char *const names[] = { ".", "a", "www.example.com", "a-name-of-sixty-three-bytes-at-the-most-xxxxxxxxxxxx.example",
		"a-name-of-sixty-three-bytes-at-the-most-xxxxxxxxxxxx.example.a-name-of-sixty-three-bytes-at-the-most.example" };
	struct dns_cookie cookie = { .nserver = 32 };
	uint8_t to[EXCHANGE_QUERY_MAX];
	struct fault fault;
	struct dnsmsg m;

	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
		struct exchange x = question(names[i / 2]);
		size_t plain = exchange_query(&x, to), n;

		x.cookie = i % 2 ? &cookie : NULL;
		x.pad = true;
		n = exchange_query(&x, to);
		EQ(n % EXCHANGE_BLOCK, 0);
		OK(n >= plain + 4 && n < plain + 4 + 44 + EXCHANGE_BLOCK);
		EQ(to[n - 1], 0);
		EQ(dnsmsg_parse(&m, to, n, &fault), 0);
		x.plain = true;
		EQ(exchange_query(&x, to), plain - 11);
	}
}

TEST(waits)
{
	for (unsigned n = 1; n <= 20; n++) {
		struct exchange x = question("a.b");
		int64_t total = 0, last = 0;

		for (unsigned i = 0; i < n; i++) {
			int64_t wait;

			exchange_begin(&x, SEC);
			wait = exchange_wait(&x, 2 * SEC, n);
			OK(wait > last);
			last = wait;
			total += wait;
		}
		/* together as long as was asked for, to a rounding */
		OK(total <= 2 * SEC * n && total > 2 * SEC * n - MSEC);
		EQ(x.tries, n);
	}
}

MAIN(RUN(verdicts), RUN(edns_fallback), RUN(no_question_in_the_reply), RUN(short_ones), RUN(over_a_stream), RUN(flags), RUN(padding), RUN(waits))
