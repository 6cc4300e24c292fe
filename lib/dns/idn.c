#include "dns/idn.h"

#include <idn2.h>
#include <stdbool.h>

#include "dns/name.h"

static bool
is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static const char *
reason(int code)
{
	switch (code) {
	case IDN2_MALLOC:
		return "not enough memory";
	case IDN2_ENCODING_ERROR:
		return "not UTF-8";
	case IDN2_TOO_BIG_DOMAIN:
		return "name too long";
	case IDN2_TOO_BIG_LABEL:
	case IDN2_PUNYCODE_BIG_OUTPUT:
		return "label too long";
	default:
		return "not allowed in an international name";
	}
}

int
idn_parse(struct slice text, uint8_t *wire, const char **why)
{
	char utf8[NAME_TEXTLEN], *ascii;
	int code, n;

	if (is_ascii(text))
		return name_parse(text, wire, why);
	if (slice_cstr(text, utf8, sizeof(utf8)) != 0) {
		*why = "name too long";
		return -1;
	}
	if ((code = idn2_to_ascii_8z(utf8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)) != IDN2_OK) {
		*why = reason(code);
		return -1;
	}
	n = name_parse(slice_of(ascii), wire, why);
	idn2_free(ascii);
	return n;
}
