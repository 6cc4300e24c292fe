/* International names: what is sent is A-labels, and what cannot be one is refused with a reason. */
#include "dns/idn.h"

#include "dns/name.h"
#include "tap.h"

static const char *
parsed(const char *text)
{
	static char out[NAME_TEXTLEN + 1];
	uint8_t wire[NAME_MAX_WIRE];
	const char *why = NULL;

	if (idn_parse(slice_of(text), wire, &why) < 0)
		return why;
	*name_text(out, wire, 0) = '\0';
	return out;
}

TEST(ascii_is_left_alone)
{
	STR(parsed("WWW.Example.COM"), "WWW.Example.COM.");
	STR(parsed("_sip._udp.example.com."), "_sip._udp.example.com.");
	STR(parsed("a\\.b\\032c.x"), "a\\.b\\032c.x.");
	STR(parsed("a..b"), "empty label");
	STR(parsed("xn--nonsense-.x"), "xn--nonsense-.x.");
}

TEST(any_script)
{
	STR(parsed("münchen.example"), "xn--mnchen-3ya.example.");
	STR(parsed("MÜNCHEN.Example."), "xn--mnchen-3ya.example.");
	STR(parsed("mu\xcc\x88nchen.example"), "xn--mnchen-3ya.example.");
	STR(parsed("straße.example"), "xn--strae-oqa.example.");
	STR(parsed("παράδειγμα.δοκιμή"), "xn--hxajbheg2az3al.xn--jxalpdlp.");
	STR(parsed("例え。テスト"), "xn--r8jz45g.xn--zckzah.");
	STR(parsed("_sip._tcp.bücher.example"), "_sip._tcp.xn--bcher-kva.example.");
}

TEST(what_cannot_be_one)
{
	char text[2000] = "";

	STR(parsed("\xff.example"), "not UTF-8");
	STR(parsed("a\xc3.example"), "not UTF-8");
	OK(parsed("\xe2\x80\x8b\xe2\x80\x8b") != NULL);
	for (int i = 0; i < 64; i++)
		strlcat(text, "ü", sizeof(text));
	STR(parsed(text), "label too long");
	for (int i = 0; i < 500; i++)
		strlcat(text, ".ü", sizeof(text));
	OK(strstr(parsed(text), "too long") != NULL);
}

TEST(no_memory)
{
	for (int n = 1; n < 10; n++) {
		alloc_fail_at(n);
		OK(parsed("münchen.example") != NULL);
		alloc_reset();
	}
}

MAIN(RUN(ascii_is_left_alone), RUN(any_script), RUN(what_cannot_be_one), RUN(no_memory))
