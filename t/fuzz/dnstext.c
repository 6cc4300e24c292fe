/* Any text as rdata, as a name, as a NAPTR expression: refused, or it means the same when it is printed and read again. */
#include <stdlib.h>

#include "base/buf.h"
#include "dns/enum.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrparse.h"
#include "dns/rrprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
rdata(uint16_t type, struct slice text)
{
	const struct rrtype *row = rrtype_row(type);
	struct buf wire = { 0 }, again = { 0 }, shown = { 0 };
	const char *why = NULL;

	if (rr_parse(row, text, &wire, &why) != 0) {
		if (why == NULL || wire.n != 0)
			abort();
	} else {
		if (!rr_check_whole(row, (const uint8_t *)wire.p, wire.n))
			abort();
		rr_put_text(&shown, row, (const uint8_t *)wire.p, 0, wire.n);
		if (rr_parse(row, buf_slice(&shown), &again, &why) != 0 || !slice_eq(buf_slice(&wire), buf_slice(&again)))
			abort();
	}
	buf_fini(&wire);
	buf_fini(&again);
	buf_fini(&shown);
}

static void
name(struct slice text)
{
	uint8_t wire[NAME_MAX_WIRE], again[NAME_MAX_WIRE];
	char shown[NAME_TEXTLEN];
	const char *why = NULL;
	int n = name_parse(text, wire, &why);

	if (n < 0) {
		if (why == NULL)
			abort();
		return;
	}
	if (name_check(wire, (size_t)n, 0) != (size_t)n)
		abort();
	if (name_parse((struct slice){ shown, (size_t)(name_text(shown, wire, 0) - shown) }, again, &why) != n ||
	    memcmp(wire, again, (size_t)n) != 0)
		abort();
}

static void
expression(struct slice text)
{
	struct patterns known = { .n = 0 };
	struct buf out = { .max = 1024 };
	const char *why = NULL;
	char number[ENUM_DIGITS + 2];

	if (enum_substitute(&known, text, "+442079460148", &out, &why) != 0 && (why == NULL || out.n != 0))
		abort();
	if (enum_number(text, number, &why) != 0 && why == NULL)
		abort();
	patterns_fini(&known);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice text;

	if (n < 2)
		return 0;
	text = slice_make(p + 2, n - 2);
	rdata((uint16_t)(p[0] << 8 | p[1]), text);
	name(text);
	expression(text);
	return 0;
}
