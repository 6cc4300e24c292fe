/* SIP, SIPS and telephone URIs, one by one, and every prefix of them. */
#include "sip/sipuri.h"

#include "guard.h"
#include "sip/lex.h"
#include "tap.h"

/* What was understood, in one line: scheme|user|password|host|port|params|headers; or "refused". */
static const char *
read_uri(const char *text, size_t n)
{
	static char out[512];
	struct fault f = { n + 1, NULL, 0 };
	struct sipuri u = { .port = 9 };

	if (sipuri_parse(&u, slice_make(guarded(text, n), n), &f) == -1)
		return f.off <= n && f.why != NULL && f.status == 400 && u.port == 9 ? "refused" : "refused without sense";
	(void)snprintf(out, sizeof(out), "%d|%.*s|%.*s|%.*s|%d|%.*s|%.*s", (int)u.scheme, SLICE_FMT(u.user), SLICE_FMT(u.password),
	    SLICE_FMT(u.host), u.port, SLICE_FMT(u.params), SLICE_FMT(u.headers));
	return out;
}

static const struct {
	const char *text, *want;
} good[] = {
	{ "sip:alice@atlanta.com", "1|alice||atlanta.com|-1||" },
	{ "SIP:alice:secretword@atlanta.com;transport=tcp", "1|alice|secretword|atlanta.com|-1|;transport=tcp|" },
	{ "sips:alice@atlanta.com?subject=project%20x&priority=urgent", "2|alice||atlanta.com|-1||subject=project%20x&priority=urgent" },
	{ "sip:+1-212-555-1212:1234@gateway.com;user=phone", "1|+1-212-555-1212|1234|gateway.com|-1|;user=phone|" },
	{ "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", "1|||atlanta.com|-1|;method=REGISTER|to=alice%40atlanta.com" },
	{ "sip:alice;day=tuesday@atlanta.com", "1|alice;day=tuesday||atlanta.com|-1||" },
	{ "sip:192.0.2.1:65535", "1|||192.0.2.1|65535||" },
	{ "sip:x@[2001:db8::10]:5070;lr", "1|x||[2001:db8::10]|5070|;lr|" },
	{ "sip:[::1]", "1|||[::1]|-1||" },
	{ "sip:[2001:db8:::192.0.2.1]", "1|||[2001:db8:::192.0.2.1]|-1||" },
	{ "sip:null-%00-null@example.com", "1|null-%00-null||example.com|-1||" },
	{ "sip:user;par=u%40example.net@example.com", "1|user;par=u%40example.net||example.com|-1||" },
	{ "sip:a/b?c,d(e)'*!$&=+;f@x", "1|a/b?c,d(e)'*!$&=+;f||x|-1||" },
	{ "tel:+49-89-1234567", "3|+49-89-1234567|||-1||" },
	{ "tel:7042;phone-context=example.com", "3|7042|||-1|;phone-context=example.com|" },
	{ "tel:*21#;phone-context=+49", "3|*21#|||-1|;phone-context=+49|" },
	{ "mailto:x@example.com", "0|||x@example.com|-1||" },
	{ "soap.beep://192.0.2.103:3002", "0|||//192.0.2.103:3002|-1||" },
};

static const char *const refusals[] = {
	"", "alice", ":alice", "<sip:alice@atlanta.com>", "sip:", "sip:@x", "sip:a b@x", "sip:a%4@x", "sip:a%zz@x", "sip:a@", "sip:a@b@c",
	"sip:a@x:", "sip:a@x:65536", "sip:a@x:5060x", "sip:a@[::1", "sip:a@[::g]", "sip:a@[]", "sip:a@[1.2.3.4]", "sip:a@x;a=\"b\"",
	"sip:a@x;a=b|c", "sip:a@x ", "sip:a@x :5060", "sip:a@x\x7f", "sip:\xc3\xa4@x", "tel:", "tel:+", "tel:hello", "http://a b", "1sip:x",
	"sip:a\r\nVia: x", "sip:a@x>", "sip:a@[1::2::3]", "sip:a@[12345::1]", "sip:a@[::::]", "sip:a@[1:::2:::3]", "sip:a@[1:2:3:4:5:6:7:8:9]",
	"sip:a@[fe80::1%25eth0]", "tel:+1abc", "tel:+1*2", "tel:+1+2", "tel:1+2", "tel:+-",
};

TEST(understood)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		STR(read_uri(good[i].text, strlen(good[i].text)), good[i].want);
}

TEST(refused)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const char *got = read_uri(refusals[i], strlen(refusals[i]));

		STR(got, "refused");
		if (strcmp(got, "refused") != 0)
			printf("# %s\n", refusals[i]);
	}
	/* a NUL ends no URI */
	STR(read_uri("sip:a@x\0y", 9), "refused");
}

TEST(params_and_headers)
{
	struct sipuri u;
	struct fault f;
	struct slice value, rest, name;

	EQ(sipuri_parse(&u, SLICE("sip:a@x;lr;Transport=TCP;maddr=1.2.3.4?a=b&c="), &f), 0);
	OK(sip_find_param(u.params, "transport", &value) && slice_eq(value, SLICE("TCP")));
	OK(sip_find_param(u.params, "LR", &value) && value.n == 0);
	OK(sip_find_param(u.params, "maddr", &value) && slice_eq(value, SLICE("1.2.3.4")));
	OK(!sip_find_param(u.params, "madd", &value));
	rest = u.headers;
	OK(sipuri_next_header(&rest, &name, &value) && slice_eq(name, SLICE("a")) && slice_eq(value, SLICE("b")));
	OK(sipuri_next_header(&rest, &name, &value) && slice_eq(name, SLICE("c")) && value.n == 0);
	OK(!sipuri_next_header(&rest, &name, &value));
}

TEST(no_prefix_is_read_beyond_its_end)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size_t n = 0; n < strlen(good[i].text); n++)
			OK(strcmp(read_uri(good[i].text, n), "refused without sense") != 0);
}

MAIN(RUN(understood), RUN(refused), RUN(params_and_headers), RUN(no_prefix_is_read_beyond_its_end))
