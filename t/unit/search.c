/* What a short name may stand for, in which order, and what is said when it stands for nothing. */
#include "dns/search.h"

#include "tap.h"

static struct dns_conf conf;

/* "a.x. a. ": all that is tried when each is answered with `status`; then the status of the whole. */
static const char *
tried(const char *text, const char *search, unsigned ndots, const char *answers)
{
	static char out[4 * NAME_TEXTLEN];
	char word[RRTYPE_TEXTLEN], *to = out;
	struct search s;
	const char *why;
	uint8_t status;
	uint16_t rcode;

	dns_conf_init(&conf);
	conf.ndots = ndots;
	dns_conf_search(&conf, slice_of(search));
	if (search_begin(&s, &conf, slice_of(text), &why) != 0)
		return why;
	do {
		to = name_text(to, s.name, 0);
		*to++ = ' ';
		status = *answers == 'x' ? DNS_NXDOMAIN : *answers == '0' ? DNS_NODATA : *answers == 't' ? DNS_TIMEOUT : *answers == '+' ?
		    DNS_ANSWER_OK : DNS_RCODE;
		rcode = *answers == 's' ? RCODE_SERVFAIL : *answers == 'x' ? RCODE_NXDOMAIN : *answers == 'r' ? RCODE_REFUSED : RCODE_NOERROR;
		answers += answers[1] != '\0';
	} while (search_on(&s, &status, &rcode));
	strlcpy(to, dns_status_text((enum dns_status)status, rcode, word), sizeof(out) - (size_t)(to - out));
	return out;
}

TEST(order)
{
	STR(tried("a", "x y.z", 1, "x"), "a.x. a.y.z. a. NXDOMAIN");
	STR(tried("a.b", "x y.z", 1, "x"), "a.b. a.b.x. a.b.y.z. NXDOMAIN");
	STR(tried("a.b", "x", 2, "x"), "a.b.x. a.b. NXDOMAIN");
	STR(tried("a", "x", 0, "x"), "a. a.x. NXDOMAIN");
	STR(tried("a.", "x", 1, "x"), "a. NXDOMAIN");
	STR(tried("a", "", 1, "x"), "a. NXDOMAIN");
	STR(tried("ä", "ö", 1, "x"), "xn--4ca.xn--nda. xn--4ca. NXDOMAIN");
	STR(tried("", "x", 1, "x"), "empty name");
	STR(tried("a..b", "x", 1, "x"), "empty label");
}

TEST(answers)
{
	STR(tried("a", "x y", 1, "x+"), "a.x. a.y. NOERROR");
	STR(tried("a", "x y", 1, "0x"), "a.x. a.y. a. NODATA");
	STR(tried("a", "x y", 1, "sx"), "a.x. a.y. a. SERVFAIL");
	STR(tried("a", "x y", 1, "t"), "a.x. TIMEOUT");
	STR(tried("a", "x y", 1, "xt"), "a.x. a.y. TIMEOUT");
	STR(tried("a", "x y", 1, "r"), "a.x. REFUSED");
	STR(tried("a.b", "x y", 1, "xx0"), "a.b. a.b.x. a.b.y. NODATA");
}

TEST(too_long)
{
	char text[300] = "";

	while (strlen(text) < 230)
		strlcat(text, "abcdefghijklmnopqrstuvwxyz.", sizeof(text));
	text[strlen(text) - 1] = '\0';
	OK(strstr(tried(text, "also.also.also x", 1, "x"), "also") == NULL);
	OK(strstr(tried(text, "also.also.also x", 1, "x"), ".x. NXDOMAIN") != NULL);
}

MAIN(RUN(order), RUN(answers), RUN(too_long))
