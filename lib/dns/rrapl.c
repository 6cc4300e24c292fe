#include "dns/rrapl.h"

#include <arpa/inet.h>
#include <string.h>

#include "dns/rrlex.h"

/* An item: 16 bits of family, 8 of prefix, one of negation, 7 of length, the address without its zeros at the end. */
enum { HEAD = 4, IPV4 = 1, IPV6 = 2 };

static size_t
item_len(const uint8_t *p)
{
	return HEAD + (p[3] & 0x7fu);
}

/* Bytes of an address of the family; 0: unknown. */
static size_t
address_len(unsigned family)
{
	return family == IPV4 ? 4 : family == IPV6 ? 16 : 0;
}

static unsigned
family_of(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

bool
rrapl_check(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		if (n - at < HEAD)
			return false;
		at += item_len(p + at);
	}
	return at == n;
}

bool
rrapl_has_text(const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n; at += item_len(p + at)) {
		size_t len = item_len(p + at) - HEAD, most = address_len(family_of(p + at));

		if (len > most || most == 0 || p[at + 2] > 8 * most || (len > 0 && p[at + HEAD + len - 1] == 0))
			return false;
	}
	return true;
}

void
rrapl_put(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t at = 0; at < n; at += item_len(p + at)) {
		const uint8_t *item = p + at;
		unsigned family = family_of(item);
		uint8_t address[16] = { 0 };
		char text[INET6_ADDRSTRLEN];

		memcpy(address, item + HEAD, item_len(item) - HEAD);
		if (inet_ntop(family == IPV4 ? AF_INET : AF_INET6, address, text, sizeof(text)) == NULL)
			continue;
		buf_puts(b, at > 0 ? " " : "");
		buf_puts(b, item[3] & 0x80 ? "!" : "");
		buf_putu(b, family);
		buf_putc(b, ':');
		buf_puts(b, text);
		buf_putc(b, '/');
		buf_putu(b, item[2]);
	}
}

int
rrapl_parse(struct slice item, struct buf *wire, const char **why)
{
	bool negated = item.n > 0 && item.p[0] == '!';
	struct slice family, address, prefix;
	uint64_t number, bits;
	uint8_t bytes[16];
	char text[INET6_ADDRSTRLEN];
	size_t n;

	if (negated)
		item.p++, item.n--;
	if (!slice_cut(item, ':', &family, &address) || !slice_cut(address, '/', &address, &prefix))
		return rrlex_bad(why, "an address prefix is [!]FAMILY:ADDRESS/BITS");
	if (slice_u64(family, UINT16_MAX, &number) != 0 || (n = address_len((unsigned)number)) == 0)
		return rrlex_bad(why, "the family of an address prefix is 1 or 2");
	if (slice_cstr(address, text, sizeof(text)) != 0 || inet_pton(number == IPV4 ? AF_INET : AF_INET6, text,
	    bytes) != 1)
		return rrlex_bad(why, "bad address in an address prefix");
	if (slice_u64(prefix, 8 * n, &bits) != 0)
		return rrlex_bad(why, "bad length of an address prefix");
	while (n > 0 && bytes[n - 1] == 0)
		n--;
	buf_put16(wire, (uint16_t)number);
	buf_putc(wire, (char)(uint8_t)bits);
	buf_putc(wire, (char)(uint8_t)((negated ? 0x80 : 0) | n));
	buf_put(wire, bytes, n);
	return 0;
}
