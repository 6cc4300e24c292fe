#include "sip/sipsame.h"

#include "tap.h"

static bool
same(const char *x, const char *y)
{
	struct sipuri a, b;
	struct fault f;

	EQ(sipuri_parse(&a, slice_of(x), &f), 0);
	EQ(sipuri_parse(&b, slice_of(y), &f), 0);
	OK(sipuri_same(&a, &b) == sipuri_same(&b, &a));
	OK(sipuri_same(&a, &a) && sipuri_same(&b, &b));
	return sipuri_same(&a, &b);
}

/* The examples of RFC 3261 section 19.1.4, and more of their kind */
TEST(the_same)
{
	OK(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
	OK(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
	OK(same("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"));
	OK(same("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
	    "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
	OK(same("sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
	OK(same("SIPS:a@[2001:DB8::1]", "sips:a@[2001:db8::1]"));
	OK(same("sip:a:pw@h;lr", "sip:a:pw@h;LR;x"));
}

TEST(not_the_same)
{
	OK(!same("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
	OK(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
	OK(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
	OK(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
	OK(!same("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
	OK(!same("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
	OK(!same("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
	OK(!same("sip:a@h", "sips:a@h"));
	OK(!same("sip:a@h", "sip:h"));
	OK(!same("sip:a@h", "sip:a:pw@h"));
	OK(!same("sip:h;maddr=192.0.2.1", "sip:h"));
	OK(!same("sip:h;user=phone", "sip:h"));
	/* a reserved character is another one when it is escaped */
	OK(!same("sip:a%3Bb@h", "sip:a;b@h"));
	OK(!same("sip:h?a=1", "sip:h?a=2"));
	OK(!same("sip:h?a=1", "sip:h?a=1&b=2"));
}

/* RFC 3966, section 4 */
TEST(telephone_numbers)
{
	OK(same("tel:+1-201-555-0123", "tel:+1.201.(555)0123"));
	OK(!same("tel:+12015550123", "tel:12015550123;phone-context=+1"));
	OK(same("tel:7042;phone-context=Example.com", "tel:70-42;phone-context=example.com"));
	OK(same("tel:7042;phone-context=+1-914", "tel:7042;phone-context=+1914"));
	OK(!same("tel:7042;phone-context=+1914", "tel:7042"));
	OK(same("tel:+1;ext=1-2", "tel:+1;EXT=12"));
	OK(!same("tel:+1;ext=12", "tel:+1;ext=13"));
	OK(same("tel:+1;a=1;b=2", "tel:+1;b=2;a=1"));
	OK(!same("tel:+1;a=1", "tel:+1"));
	OK(!same("tel:+12", "tel:+123"));
	OK(same("urn:service:sos", "URN:service:sos"));
	OK(!same("urn:service:sos", "urn:service:SOS"));
}

MAIN(RUN(the_same), RUN(not_the_same), RUN(telephone_numbers))
