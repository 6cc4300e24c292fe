#include "dns/search.h"

#include <string.h>

#include "dns/idn.h"

/* Labels but for the first, as resolv.conf(5) counts dots. */
static unsigned
dots(const uint8_t *wire)
{
	unsigned n = 0;

	for (; *wire != 0; wire += *wire + 1u)
		n++;
	return n > 0 ? n - 1 : 0;
}

static void
take_stem(struct search *s)
{
	memcpy(s->name, s->stem, s->stemlen);
	s->namelen = s->stemlen;
	s->as_it_is = false;
}

/* The stem, without its root, and the next domain of the list with which it is not too long. */
static bool
take_domain(struct search *s)
{
	while (!s->absolute && s->at < s->conf->nsearch) {
		const uint8_t *domain = s->conf->search + s->at;
		size_t n = name_len(domain);

		s->at += n;
		if (s->stemlen - 1 + n > NAME_MAX_WIRE)
			continue;
		memcpy(s->name, s->stem, s->stemlen - 1u);
		memcpy(s->name + s->stemlen - 1, domain, n);
		s->namelen = (uint8_t)(s->stemlen - 1 + n);
		return true;
	}
	return false;
}

static bool
take_next(struct search *s)
{
	if (take_domain(s))
		return true;
	if (!s->as_it_is)
		return false;
	take_stem(s);
	return true;
}

int
search_begin(struct search *s, const struct dns_conf *conf, struct slice text, const char **why)
{
	int n;

	*s = (struct search){ .conf = conf, .as_it_is = true };
	if ((n = idn_parse(text, s->stem, why)) < 0)
		return -1;
	s->stemlen = (uint8_t)n;
	/* an escaped dot at the end is none, but what ends so is no host either */
	s->absolute = text.n > 0 && text.p[text.n - 1] == '.';
	if (s->absolute || dots(s->stem) >= conf->ndots)
		take_stem(s);
	else
		(void)take_next(s);
	return 0;
}

bool
search_on(struct search *s, uint8_t *status, uint16_t *rcode)
{
	bool servfail = *status == DNS_RCODE && *rcode == RCODE_SERVFAIL;

	/* nothing is known of a name whose servers cannot be reached: another must not be taken for it */
	if (*status != DNS_NXDOMAIN && *status != DNS_NODATA && !servfail)
		return false;
	s->nodata |= *status == DNS_NODATA;
	s->servfail |= servfail;
	if (take_next(s))
		return true;
	if (s->servfail) {
		*status = DNS_RCODE;
		*rcode = RCODE_SERVFAIL;
	} else if (s->nodata) {
		*status = DNS_NODATA;
		*rcode = RCODE_NOERROR;
	}
	return false;
}
