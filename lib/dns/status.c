#include "dns/status.h"

#include "dns/chain.h"

enum dns_status
dns_status_of(const struct dnsmsg *m, uint16_t type)
{
	struct dns_chain c;
	struct dnsrr rr;

	if (m->rcode == RCODE_NXDOMAIN)
		return DNS_NXDOMAIN;
	if (m->rcode != RCODE_NOERROR)
		return DNS_RCODE;
	for (dns_chain(&c, m); dns_chain_next(&c, &rr);)
		if (rr.number == type || type == RRTYPE_ANY)
			return DNS_ANSWER_OK;
	return DNS_NODATA;
}

const char *
dns_status_text(enum dns_status status, uint16_t rcode, char *to)
{
	static const char *const texts[] = {
		[DNS_ANSWER_OK] = "NOERROR",
		[DNS_NODATA] = "NODATA",
		[DNS_NXDOMAIN] = "NXDOMAIN",
		[DNS_TIMEOUT] = "TIMEOUT",
		[DNS_MALFORMED] = "MALFORMED",
		[DNS_TRUNCATED] = "TRUNCATED",
		[DNS_UNREACHABLE] = "UNREACHABLE",
	};

	if (status < DNS_STATUSES && texts[status] != NULL)
		return texts[status];
	return dnsmsg_rcode(rcode, to);
}
