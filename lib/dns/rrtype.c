#include "dns/rrtype.h"

#include <string.h>

/* In the order of their numbers. Types that stand in questions alone, and those of undefined rdata, have no fields. */
static const struct rrtype rows[] = {
	{ 1, 0, "A", { { RR_A, "address" } } },
	{ 2, 0, "NS", { { RR_NAME, "nsdname" } } },
	{ 3, 0, "MD", { { RR_NAME, "madname" } } },
	{ 4, 0, "MF", { { RR_NAME, "madname" } } },
	{ 5, 0, "CNAME", { { RR_NAME, "cname" } } },
	{ 6, 0, "SOA", { { RR_NAME, "mname" }, { RR_NAME, "rname" }, { RR_U32, "serial" }, { RR_U32, "refresh" },
	    { RR_U32, "retry" }, { RR_U32, "expire" }, { RR_U32, "minimum" } } },
	{ 7, 0, "MB", { { RR_NAME, "madname" } } },
	{ 8, 0, "MG", { { RR_NAME, "mgmname" } } },
	{ 9, 0, "MR", { { RR_NAME, "newname" } } },
	{ 10, 0, "NULL", { { RR_END, NULL } } },
	{ 11, RRFORM_SOME, "WKS", { { RR_A, "address" }, { RR_PROTOCOL, "protocol" }, { RR_PORTS, "ports" } } },
	{ 12, 0, "PTR", { { RR_NAME, "ptrdname" } } },
	{ 13, 0, "HINFO", { { RR_STRING, "cpu" }, { RR_STRING, "os" } } },
	{ 14, 0, "MINFO", { { RR_NAME, "rmailbx" }, { RR_NAME, "emailbx" } } },
	{ 15, 0, "MX", { { RR_U16, "preference" }, { RR_NAME, "exchange" } } },
	{ 16, 0, "TXT", { { RR_STRINGS, "txt" } } },
	{ 17, 0, "RP", { { RR_NAME_PLAIN, "mbox_dname" }, { RR_NAME_PLAIN, "txt_dname" } } },
	{ 18, 0, "AFSDB", { { RR_U16, "subtype" }, { RR_NAME_PLAIN, "hostname" } } },
	{ 19, 0, "X25", { { RR_STRING, "psdn_address" } } },
	{ 20, 0, "ISDN", { { RR_STRING, "isdn_address" }, { RR_STRING_OPT, "sa" } } },
	{ 21, 0, "RT", { { RR_U16, "preference" }, { RR_NAME_PLAIN, "intermediate_host" } } },
	{ 22, 0, "NSAP", { { RR_NSAP, "nsap" } } },
	{ 23, 0, "NSAP-PTR", { { RR_NAME_PLAIN, "ptrdname" } } },
	{ 24, 0, "SIG", { { RR_TYPE, "type_covered" }, { RR_ALGORITHM, "algorithm" }, { RR_U8, "labels" },
	    { RR_U32, "original_ttl" }, { RR_TIME, "signature_expiration" }, { RR_TIME, "signature_inception" },
	    { RR_U16, "key_tag" }, { RR_NAME_PLAIN, "signers_name" }, { RR_BASE64, "signature" } } },
	{ 25, 0, "KEY", { { RR_U16, "flags" }, { RR_U8, "protocol" }, { RR_ALGORITHM, "algorithm" },
	    { RR_BASE64_OPT, "public_key" } } },
	{ 26, 0, "PX", { { RR_U16, "preference" }, { RR_NAME_PLAIN, "map822" }, { RR_NAME_PLAIN, "mapx400" } } },
	{ 27, 0, "GPOS", { { RR_STRING, "longitude" }, { RR_STRING, "latitude" }, { RR_STRING, "altitude" } } },
	{ 28, 0, "AAAA", { { RR_AAAA, "address" } } },
	{ 29, RRFORM_LOC, "LOC", { { RR_U8, "version" }, { RR_U8, "size" }, { RR_U8, "horiz_pre" },
	    { RR_U8, "vert_pre" }, { RR_U32, "latitude" }, { RR_U32, "longitude" }, { RR_U32, "altitude" } } },
	{ 30, 0, "NXT", { { RR_NAME_PLAIN, "next_domain_name" }, { RR_NXT, "type_bit_map" } } },
	{ 31, 0, "EID", { { RR_HEX, "eid" } } },
	{ 32, 0, "NIMLOC", { { RR_HEX, "nimloc" } } },
	{ 33, 0, "SRV", { { RR_U16, "priority" }, { RR_U16, "weight" }, { RR_U16, "port" },
	    { RR_NAME_PLAIN, "target" } } },
	{ 34, RRFORM_SOME, "ATMA", { { RR_ATMA, "address" } } },
	{ 35, 0, "NAPTR", { { RR_U16, "order" }, { RR_U16, "preference" }, { RR_STRING, "flags" },
	    { RR_STRING, "services" }, { RR_STRING, "regexp" }, { RR_NAME_PLAIN, "replacement" } } },
	{ 36, 0, "KX", { { RR_U16, "preference" }, { RR_NAME_PLAIN, "exchanger" } } },
	{ 37, 0, "CERT", { { RR_CERT, "cert_type" }, { RR_U16, "key_tag" }, { RR_ALGORITHM, "algorithm" },
	    { RR_BASE64, "certificate" } } },
	{ 38, RRFORM_SOME, "A6", { { RR_U8, "prefix_length" }, { RR_SUFFIX, "address_suffix" },
	    { RR_PREFIX_NAME, "prefix_name" } } },
	{ 39, 0, "DNAME", { { RR_NAME_PLAIN, "target" } } },
	{ 40, 0, "SINK", { { RR_U8, "meaning" }, { RR_U8, "coding" }, { RR_U8, "subcoding" },
	    { RR_BASE64_OPT, "data" } } },
	{ 41, 0, "OPT", { { RR_OPTIONS, "options" } } },
	{ 42, RRFORM_SOME, "APL", { { RR_APL, "apitems" } } },
	{ 43, 0, "DS", { { RR_U16, "key_tag" }, { RR_ALGORITHM, "algorithm" }, { RR_U8, "digest_type" },
	    { RR_HEX, "digest" } } },
	{ 44, 0, "SSHFP", { { RR_U8, "algorithm" }, { RR_U8, "fp_type" }, { RR_HEX, "fingerprint" } } },
	{ 45, RRFORM_SOME, "IPSECKEY", { { RR_U8, "precedence" }, { RR_U8, "gateway_type" }, { RR_U8, "algorithm" },
	    { RR_GATEWAY, "gateway" }, { RR_BASE64_OPT, "public_key" } } },
	{ 46, 0, "RRSIG", { { RR_TYPE, "type_covered" }, { RR_ALGORITHM, "algorithm" }, { RR_U8, "labels" },
	    { RR_U32, "original_ttl" }, { RR_TIME, "signature_expiration" }, { RR_TIME, "signature_inception" },
	    { RR_U16, "key_tag" }, { RR_NAME_WHOLE, "signers_name" }, { RR_BASE64, "signature" } } },
	{ 47, 0, "NSEC", { { RR_NAME_WHOLE, "next_domain_name" }, { RR_BITMAP, "type_bit_maps" } } },
	{ 48, 0, "DNSKEY", { { RR_U16, "flags" }, { RR_U8, "protocol" }, { RR_ALGORITHM, "algorithm" },
	    { RR_BASE64_OPT, "public_key" } } },
	{ 49, 0, "DHCID", { { RR_BASE64, "data" } } },
	{ 50, 0, "NSEC3", { { RR_U8, "hash_algorithm" }, { RR_U8, "flags" }, { RR_U16, "iterations" },
	    { RR_SALT, "salt" }, { RR_HASH, "next_hashed_owner_name" }, { RR_BITMAP, "type_bit_maps" } } },
	{ 51, 0, "NSEC3PARAM", { { RR_U8, "hash_algorithm" }, { RR_U8, "flags" }, { RR_U16, "iterations" },
	    { RR_SALT, "salt" } } },
	{ 52, 0, "TLSA", { { RR_U8, "certificate_usage" }, { RR_U8, "selector" }, { RR_U8, "matching_type" },
	    { RR_HEX, "certificate_association_data" } } },
	{ 53, 0, "SMIMEA", { { RR_U8, "certificate_usage" }, { RR_U8, "selector" }, { RR_U8, "matching_type" },
	    { RR_HEX, "certificate_association_data" } } },
	{ 55, 0, "HIP", { { RR_HIT_LEN, NULL }, { RR_U8, "pk_algorithm" }, { RR_KEY_LEN, NULL }, { RR_HIT, "hit" },
	    { RR_KEY, "public_key" }, { RR_NAMES, "rendezvous_servers" } } },
	{ 56, 0, "NINFO", { { RR_STRINGS, "zs_data" } } },
	{ 57, 0, "RKEY", { { RR_U16, "flags" }, { RR_U8, "protocol" }, { RR_ALGORITHM, "algorithm" },
	    { RR_BASE64, "public_key" } } },
	{ 58, 0, "TALINK", { { RR_NAME_WHOLE, "previous_name" }, { RR_NAME_WHOLE, "next_name" } } },
	{ 59, 0, "CDS", { { RR_U16, "key_tag" }, { RR_ALGORITHM, "algorithm" }, { RR_U8, "digest_type" },
	    { RR_HEX, "digest" } } },
	{ 60, 0, "CDNSKEY", { { RR_U16, "flags" }, { RR_U8, "protocol" }, { RR_ALGORITHM, "algorithm" },
	    { RR_BASE64_OPT, "public_key" } } },
	{ 61, 0, "OPENPGPKEY", { { RR_BASE64, "public_key" } } },
	{ 62, 0, "CSYNC", { { RR_U32, "soa_serial" }, { RR_U16, "flags" }, { RR_BITMAP, "type_bit_map" } } },
	{ 63, 0, "ZONEMD", { { RR_U32, "serial" }, { RR_U8, "scheme" }, { RR_U8, "hash_algorithm" },
	    { RR_HEX, "digest" } } },
	{ 64, RRFORM_SOME, "SVCB", { { RR_U16, "svcpriority" }, { RR_NAME_WHOLE, "targetname" },
	    { RR_SVCPARAMS, "svcparams" } } },
	{ 65, RRFORM_SOME, "HTTPS", { { RR_U16, "svcpriority" }, { RR_NAME_WHOLE, "targetname" },
	    { RR_SVCPARAMS, "svcparams" } } },
	{ 66, 0, "DSYNC", { { RR_TYPE, "rrtype" }, { RR_SCHEME, "scheme" }, { RR_U16, "port" },
	    { RR_NAME_WHOLE, "target" } } },
	{ 67, 0, "HHIT", { { RR_BASE64, "data" } } },
	{ 68, 0, "BRID", { { RR_BASE64, "data" } } },
	{ 99, 0, "SPF", { { RR_STRINGS, "txt" } } },
	{ 100, 0, "UINFO", { { RR_END, NULL } } },
	{ 101, 0, "UID", { { RR_END, NULL } } },
	{ 102, 0, "GID", { { RR_END, NULL } } },
	{ 103, 0, "UNSPEC", { { RR_END, NULL } } },
	{ 104, 0, "NID", { { RR_U16, "preference" }, { RR_L64, "node_id" } } },
	{ 105, 0, "L32", { { RR_U16, "preference" }, { RR_A, "locator32" } } },
	{ 106, 0, "L64", { { RR_U16, "preference" }, { RR_L64, "locator64" } } },
	{ 107, 0, "LP", { { RR_U16, "preference" }, { RR_NAME_WHOLE, "fqdn" } } },
	{ 108, 0, "EUI48", { { RR_EUI48, "address" } } },
	{ 109, 0, "EUI64", { { RR_EUI64, "address" } } },
	{ 128, 0, "NXNAME", { { RR_END, NULL } } },
	{ 249, 0, "TKEY", { { RR_NAME_WHOLE, "algorithm" }, { RR_U32, "inception" }, { RR_U32, "expiration" },
	    { RR_U16, "mode" }, { RR_RCODE, "error" }, { RR_DATA16, "key" }, { RR_DATA16, "other" } } },
	{ 250, 0, "TSIG", { { RR_NAME_WHOLE, "algorithm" }, { RR_U48, "time_signed" }, { RR_U16, "fudge" },
	    { RR_DATA16, "mac" }, { RR_U16, "original_id" }, { RR_RCODE, "error" }, { RR_OTHER16, "other" } } },
	{ 251, 0, "IXFR", { { RR_END, NULL } } },
	{ 252, 0, "AXFR", { { RR_END, NULL } } },
	{ 253, 0, "MAILB", { { RR_END, NULL } } },
	{ 254, 0, "MAILA", { { RR_END, NULL } } },
	{ 255, 0, "ANY", { { RR_END, NULL } } },
	{ 256, 0, "URI", { { RR_U16, "priority" }, { RR_U16, "weight" }, { RR_REST_TEXT, "target" } } },
	{ 257, RRFORM_SOME, "CAA", { { RR_U8, "flags" }, { RR_TAG, "tag" }, { RR_REST_TEXT, "value" } } },
	{ 258, 0, "AVC", { { RR_STRINGS, "txt" } } },
	{ 259, 0, "DOA", { { RR_U32, "doa_enterprise" }, { RR_U32, "doa_type" }, { RR_U8, "doa_location" },
	    { RR_STRING, "doa_media_type" }, { RR_BASE64_DASH, "doa_data" } } },
	{ 260, RRFORM_SOME, "AMTRELAY", { { RR_U8, "precedence" }, { RR_D, "discovery_optional" }, { RR_U7,
	"relay_type" },
	    { RR_RELAY, "relay" } } },
	{ 261, 0, "RESINFO", { { RR_STRINGS, "txt" } } },
	{ 262, 0, "WALLET", { { RR_STRINGS, "txt" } } },
	{ 263, 0, "CLA", { { RR_STRINGS, "txt" } } },
	{ 264, 0, "IPN", { { RR_U64, "ipn" } } },
	{ 32768, 0, "TA", { { RR_U16, "key_tag" }, { RR_ALGORITHM, "algorithm" }, { RR_U8, "digest_type" },
	    { RR_HEX, "digest" } } },
	{ 32769, 0, "DLV", { { RR_U16, "key_tag" }, { RR_ALGORITHM, "algorithm" }, { RR_U8, "digest_type" },
	    { RR_HEX, "digest" } } },
};

static const struct rrtype unknown = { 0, 0, NULL, { { RR_REST, "rdata" } } };

static const struct {
	uint16_t number;
	const char *name;
} classes[] = { { RRCLASS_IN, "IN" }, { RRCLASS_CH, "CH" }, { RRCLASS_HS, "HS" }, { RRCLASS_NONE, "NONE" },
	{ RRCLASS_ANY, "ANY" } };

static const struct rrtype *
find(uint16_t number)
{
	size_t from = 0, to = sizeof(rows) / sizeof(rows[0]);

	/* there is no gap among the first, which are asked for most */
	if (number > 0 && number <= to && rows[number - 1].number == number)
		return &rows[number - 1];
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

const struct rrtype *
rrtype_of(uint16_t number, uint16_t class, size_t rdlen)
{
	if (rdlen == 0 && (class == RRCLASS_NONE || class == RRCLASS_ANY))
		return &unknown;
	/* the Chaos net has addresses of its own */
	return class == RRCLASS_CH && number == RRTYPE_A ? &unknown : rrtype_row(number);
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
