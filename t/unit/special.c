/* What is answered without a server, and what is not. */
#include "dns/special.h"

#include "dns/name.h"
#include "dns/status.h"
#include "tap.h"

/* The addresses in the answer; "no" when a server is to be asked. */
static const char *
answer(const char *text, uint16_t type, uint16_t class)
{
	static struct buf out;
	struct buf b = { 0 };
	uint8_t name[NAME_MAX_WIRE];
	const char *why;
	struct exchange x = { .name = name, .type = type, .class = class, .id = 7 };
	struct dnsmsg m;
	struct fault fault;
	uint8_t status;

	x.namelen = (uint8_t)name_parse(slice_of(text), name, &why);
	if (!special_answer(&x, &b, &status))
		return "no";
	EQ(dnsmsg_parse(&m, b.p, b.n, &fault), 0);
	EQ(m.id, 7);
	EQ(dns_status_of(&m, type), status);
	buf_clear(&out);
	for (struct dnswalk w = dnsmsg_walk(&m, DNS_ANSWER); w.left > 0;) {
		struct dnsrr rr;

		OK(dnsmsg_next(&w, &rr));
		dnsmsg_put_rr(&out, &m, &rr);
		buf_putc(&out, '\n');
	}
	buf_putc(&out, '\0');
	buf_fini(&b);
	return out.p;
}

TEST(localhost)
{
	STR(answer("localhost", RRTYPE_A, RRCLASS_IN), "localhost.\t86400\tIN\tA\t127.0.0.1\n");
	STR(answer("a.b.LocalHost.", RRTYPE_AAAA, RRCLASS_IN), "a.b.LocalHost.\t86400\tIN\tAAAA\t::1\n");
	STR(answer("localhost", RRTYPE_ANY, RRCLASS_IN), "localhost.\t86400\tIN\tA\t127.0.0.1\nlocalhost.\t86400\tIN\tAAAA\t::1\n");
	STR(answer("localhost", RRTYPE_TXT, RRCLASS_IN), "");
}

TEST(others)
{
	STR(answer("localhost.example", RRTYPE_A, RRCLASS_IN), "no");
	STR(answer("alocalhost", RRTYPE_A, RRCLASS_IN), "no");
	STR(answer(".", RRTYPE_A, RRCLASS_IN), "no");
	STR(answer("localhost", RRTYPE_A, RRCLASS_CH), "no");
	alloc_fail_at(1);
	STR(answer("localhost", RRTYPE_A, RRCLASS_IN), "no");
	alloc_reset();
}

MAIN(RUN(localhost), RUN(others))
