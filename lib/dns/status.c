#include "dns/status.h"

#include <string.h>

#include "dns/name.h"

enum { CHAIN = 32 }; /* aliases that are followed: a loop ends here too */

/* Whether there are records of the type at `name`; else *alias is where its CNAME leads, in `next`, if it has one. */
static bool
has_records(const struct dnsmsg *m, const uint8_t *name, uint16_t type, uint8_t *next, bool *alias)
{
	struct dnswalk w = dnsmsg_walk(m, DNS_ANSWER);
	struct dnsrr rr;
	uint16_t target = 0;

	while (dnsmsg_next(&w, &rr)) {
		if (rr.number != type && type != RRTYPE_ANY && rr.number != RRTYPE_CNAME)
			continue;
		if (!name_is(m->p, rr.name, name))
			continue;
		if (rr.number == type || type == RRTYPE_ANY)
			return true;
		target = rr.rdata;
	}
	if ((*alias = target != 0))
		name_expand(m->p, target, next);
	return false;
}

/* *end: the name at which the records are, in one of the two. */
static enum dns_status
follow(const struct dnsmsg *m, const uint8_t *name, uint16_t type, uint8_t names[2][NAME_MAX_WIRE], const uint8_t **end)
{
	bool alias = true;

	if (m->rcode == RCODE_NXDOMAIN)
		return DNS_NXDOMAIN;
	if (m->rcode != RCODE_NOERROR)
		return DNS_RCODE;
	for (int i = 0; alias && i < CHAIN; i++) {
		*end = name;
		if (has_records(m, name, type, names[i & 1], &alias))
			return DNS_ANSWER_OK;
		name = names[i & 1];
	}
	return DNS_NODATA;
}

enum dns_status
dns_status_of(const struct dnsmsg *m, const uint8_t *name, uint16_t type)
{
	uint8_t names[2][NAME_MAX_WIRE];
	const uint8_t *end;

	return follow(m, name, type, names, &end);
}

enum dns_status
dns_status_at(const struct dnsmsg *m, const uint8_t *name, uint16_t type, uint8_t *owner)
{
	uint8_t names[2][NAME_MAX_WIRE];
	const uint8_t *end;
	enum dns_status status = follow(m, name, type, names, &end);

	if (status == DNS_ANSWER_OK)
		memcpy(owner, end, name_len(end));
	return status;
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
