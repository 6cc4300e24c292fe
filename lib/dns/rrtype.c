#include "dns/rrtype.h"

#include <string.h>

/* In the order of their numbers. Types that only stand in questions have no fields. */
static const struct rrtype rows[] = {
	{ 1, "A", { { RR_A, "address" } } },
	{ 2, "NS", { { RR_NAME, "nsdname" } } },
	{ 5, "CNAME", { { RR_NAME, "cname" } } },
	{ 6, "SOA", { { RR_NAME, "mname" }, { RR_NAME, "rname" }, { RR_U32, "serial" }, { RR_U32, "refresh" }, { RR_U32, "retry" },
	    { RR_U32, "expire" }, { RR_U32, "minimum" } } },
	{ 12, "PTR", { { RR_NAME, "ptrdname" } } },
	{ 15, "MX", { { RR_U16, "preference" }, { RR_NAME, "exchange" } } },
	{ 16, "TXT", { { RR_STRINGS, "txt" } } },
	{ 28, "AAAA", { { RR_AAAA, "address" } } },
	{ 33, "SRV", { { RR_U16, "priority" }, { RR_U16, "weight" }, { RR_U16, "port" }, { RR_NAME_PLAIN, "target" } } },
	{ 35, "NAPTR", { { RR_U16, "order" }, { RR_U16, "preference" }, { RR_STRING, "flags" }, { RR_STRING, "services" },
	    { RR_STRING, "regexp" }, { RR_NAME_PLAIN, "replacement" } } },
	{ 41, "OPT", { { RR_OPTIONS, "options" } } },
	{ 255, "ANY", { { RR_END, NULL } } },
	{ 257, "CAA", { { RR_U8, "flags" }, { RR_TAG, "tag" }, { RR_REST_TEXT, "value" } } },
};

static const struct rrtype unknown = { 0, NULL, { { RR_REST, "rdata" } } };

static const struct {
	uint16_t number;
	const char *name;
} classes[] = { { RRCLASS_IN, "IN" }, { RRCLASS_CH, "CH" }, { RRCLASS_HS, "HS" }, { RRCLASS_NONE, "NONE" }, { RRCLASS_ANY, "ANY" } };

static const struct rrtype *
find(uint16_t number)
{
	size_t from = 0, to = sizeof(rows) / sizeof(rows[0]);

	while (from < to) {
		size_t mid = (from + to) / 2;

		if (rows[mid].number == number)
			return &rows[mid];
		if (rows[mid].number < number)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

const struct rrtype *
rrtype_row(uint16_t number)
{
	const struct rrtype *row = find(number);

	return row != NULL && row->fields[0].kind != RR_END ? row : &unknown;
}

static bool
is_text(struct slice s, const char *name)
{
	return slice_caseeq(s, slice_of(name));
}

/* TYPE123 or CLASS123 (RFC 3597 5). */
static int
parse_number(struct slice s, struct slice prefix, uint16_t *number)
{
	uint64_t v;

	if (s.n <= prefix.n || !slice_caseeq((struct slice){ s.p, prefix.n }, prefix) ||
	    slice_u64((struct slice){ s.p + prefix.n, s.n - prefix.n }, UINT16_MAX, &v) != 0)
		return -1;
	*number = (uint16_t)v;
	return 0;
}

static char *
put_text(char *to, const char *s)
{
	size_t n = strlen(s);

	memcpy(to, s, n);
	return to + n;
}

static char *
put_number(char *to, const char *prefix, unsigned v)
{
	char digits[5];
	size_t n = sizeof(digits);

	to = put_text(to, prefix);
	do
		digits[--n] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	memcpy(to, digits + n, sizeof(digits) - n);
	return to + sizeof(digits) - n;
}

int
rrtype_parse(struct slice s, uint16_t *number)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_text(s, rows[i].name)) {
			*number = rows[i].number;
			return 0;
		}
	return parse_number(s, SLICE("TYPE"), number);
}

char *
rrtype_text(char *to, uint16_t number)
{
	const struct rrtype *row = find(number);

	return row != NULL ? put_text(to, row->name) : put_number(to, "TYPE", number);
}

int
rrclass_parse(struct slice s, uint16_t *number)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (is_text(s, classes[i].name)) {
			*number = classes[i].number;
			return 0;
		}
	return parse_number(s, SLICE("CLASS"), number);
}

char *
rrclass_text(char *to, uint16_t number)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].number == number)
			return put_text(to, classes[i].name);
	return put_number(to, "CLASS", number);
}
