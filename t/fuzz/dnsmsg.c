/* Any bytes at the door of DNS: refused, or printed, walked and written again without harm. */
#include <stdlib.h>

#include "dns/dnsmsg.h"
#include "dns/dnswrite.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrparse.h"
#include "dns/rrprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
walk(const struct dnsmsg *m, enum dnssection section, struct buf *text, struct buf *wire)
{
	struct dnswalk w = dnsmsg_walk(m, section);
	struct dnsrr rr;
	const char *why;

	while (dnsmsg_next(&w, &rr)) {
		uint8_t name[NAME_MAX_WIRE];
		size_t n = name_expand(m->p, rr.name, name);

		if (n != name_len(name) || !name_is(m->p, rr.name, name))
			abort();
		buf_clear(text);
		rr_put_text(text, rr.type, m->p, rr.rdata, rr.rdlen);
		/* what was printed can be read, and what was read is whole */
		buf_clear(wire);
		if (text->failed || rr_parse(rr.type, buf_slice(text), wire, &why) != 0 ||
		    !rr_check(rr.type, (const uint8_t *)wire->p, 0, wire->n))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf text = { 0 }, wire = { 0 };
	struct dnsmsg m;
	struct fault fault;

	if (dnsmsg_parse(&m, p, n, &fault) != 0) {
		if (fault.why == NULL || fault.off > n)
			abort();
		return 0;
	}
	dnsmsg_put(&text, &m);
	for (int s = DNS_ANSWER; s < DNS_SECTIONS; s++)
		walk(&m, (enum dnssection)s, &text, &wire);
	buf_fini(&text);
	buf_fini(&wire);
	return 0;
}
