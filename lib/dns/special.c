#include "dns/special.h"

#include "dns/dnswrite.h"
#include "dns/name.h"
#include "dns/status.h"

enum { TTL = 86400 };

static bool
is_localhost(const uint8_t *name)
{
	static const uint8_t localhost[] = "\11localhost";

	for (; *name != 0; name += *name + 1u)
		if (name_is(name, 0, localhost))
			return true;
	return false;
}

bool
special_answer(const struct exchange *x, struct buf *to, uint8_t *status)
{
	struct dnswriter w;

	if (x->class != RRCLASS_IN || !is_localhost(x->name))
		return false;
	dnswrite_begin(&w, to, x->id, DNS_QR | DNS_AA | DNS_RA | (x->no_recursion ? 0 : DNS_RD));
	dnswrite_question(&w, x->name, x->type, x->class);
	if (x->type == RRTYPE_A || x->type == RRTYPE_ANY)
		dnswrite_rr(&w, DNS_ANSWER, x->name, RRTYPE_A, RRCLASS_IN, TTL, SLICE("\177\0\0\1"));
	if (x->type == RRTYPE_AAAA || x->type == RRTYPE_ANY)
		dnswrite_rr(&w, DNS_ANSWER, x->name, RRTYPE_AAAA, RRCLASS_IN, TTL, SLICE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"));
	*status = w.counts[DNS_ANSWER] > 0 ? DNS_ANSWER_OK : DNS_NODATA;
	return dnswrite_end(&w) == 0;
}
