/* Any bytes at the door of DNS: refused, or printed, walked, and written again from the text so that it reads the same. */
#include <stdlib.h>

#include "dns/dnsmsg.h"
#include "dns/dnswrite.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrparse.h"
#include "dns/rrprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct scratch {
	struct buf text, wire, again;
};

static void
show(struct buf *text, const struct rrtype *type, const uint8_t *p, size_t off, size_t n)
{
	buf_clear(text);
	rr_put_text(text, type, p, off, n);
	if (text->failed)
		abort();
}

static void
write_again(struct dnswriter *w, const struct dnsmsg *m, enum dnssection section, struct scratch *s)
{
	struct dnswalk walk = dnsmsg_walk(m, section);
	struct dnsrr rr;
	const char *why;

	while (dnsmsg_next(&walk, &rr)) {
		uint8_t name[NAME_MAX_WIRE];
		size_t n = name_expand(m->p, rr.name, name);

		if (n != name_len(name) || !name_is(m->p, rr.name, name) || !name_same(m->p, rr.name, name))
			abort();
		/* what was printed can be read, what was read is whole, and is printed the same */
		show(&s->text, rr.type, m->p, rr.rdata, rr.rdlen);
		buf_clear(&s->wire);
		if (rr_parse(rr.type, buf_slice(&s->text), &s->wire, &why) != 0 ||
		    !rr_check_whole(rr.type, (const uint8_t *)s->wire.p, s->wire.n))
			abort();
		show(&s->again, rr.type, (const uint8_t *)s->wire.p, 0, s->wire.n);
		if (!slice_eq(buf_slice(&s->text), buf_slice(&s->again)))
			abort();
		dnswrite_rr(w, section, name, rr.number, rr.class, rr.ttl, buf_slice(&s->wire));
	}
}

static void
again(const struct dnsmsg *m)
{
	struct scratch s = { 0 };
	struct buf out = { 0 }, text = { 0 };
	struct dnswriter w;
	struct dnsmsg copy;
	struct fault fault;
	uint8_t name[NAME_MAX_WIRE];

	dnswrite_begin(&w, &out, m->id, m->flags);
	if (m->qname > 0) {
		(void)name_expand(m->p, m->qname, name);
		dnswrite_question(&w, name, m->qtype, m->qclass);
	}
	for (int section = DNS_ANSWER; section < DNS_SECTIONS; section++)
		write_again(&w, m, (enum dnssection)section, &s);
	/* not too long now that fewer names are compressed; only one question was written */
	if (dnswrite_end(&w) == 0 && m->count[DNS_QUESTION] <= 1) {
		if (dnsmsg_parse(&copy, out.p, out.n, &fault) != 0 || copy.n != out.n)
			abort();
		dnsmsg_put(&text, m);
		buf_clear(&s.text);
		dnsmsg_put(&s.text, &copy);
		if (!slice_eq(buf_slice(&text), buf_slice(&s.text)))
			abort();
	}
	buf_fini(&s.text);
	buf_fini(&s.wire);
	buf_fini(&s.again);
	buf_fini(&out);
	buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dnsmsg m;
	struct fault fault;

	if (dnsmsg_parse(&m, p, n, &fault) == 0)
		again(&m);
	else if (fault.why == NULL || fault.off > n)
		abort();
	return 0;
}
