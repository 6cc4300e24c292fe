#include "sip/digest.h"

#include "guard.h"
#include "tap.h"

static struct digest_challenge c;
static const char *why;

static int
parse(const char *text)
{
	size_t n = strlen(text);

	why = "none";
	return digest_parse_challenge(slice_make(guarded(text, n), n), &c, &why);
}

static const struct digest_answer mufasa = { .user = { "Mufasa", 6 }, .password = { "Circle Of Life", 14 }, .method = { "GET", 3 },
	.uri = { "/dir/index.html", 15 }, .cnonce = { "0a4f113b", 8 }, .count = 1 };

static char hex[DIGEST_HEX_MAX];

/* The examples of RFC 2617 section 3.5 and RFC 7616 section 3.9.1 */
TEST(examples)
{
	struct digest_answer a = mufasa;

	EQ(parse("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
		 "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""), 0);
	OK(c.auth && !c.stale && !c.session && c.algorithm == DIGEST_MD5);
	EQ(digest_response(&c, &a, hex), 0);
	STR(hex, "6629fae49393a05397450978507c4ef1");
	a.password = SLICE("Circle of Life");
	a.cnonce = SLICE("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
	EQ(parse("Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, "
		 "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""), 0);
	EQ(c.algorithm, DIGEST_SHA256);
	EQ(digest_response(&c, &a, hex), 0);
	STR(hex, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
	c.algorithm = DIGEST_MD5;
	EQ(digest_response(&c, &a, hex), 0);
	STR(hex, "8ca523f5e9506fed4657c9700eebdbec");
}

TEST(the_whole_answer)
{
	struct digest_answer a = mufasa;
	struct buf b = { 0 };

	a.user = SLICE("a\"b\\");
	a.count = 0x1f;
	EQ(parse("  digest NONCE = \"x\\\"y\" ,realm=\"r\",stale=TRUE, algorithm=MD5-sess,qop=auth , opaque=\"\", other=1"), 0);
	OK(c.stale && c.session && c.auth);
	EQ(digest_response(&c, &a, hex), 0);
	EQ(digest_put_answer(&b, &c, &a), 0);
	buf_putc(&b, '\0');
	OK(!b.failed);
	OK(strncmp(b.p, "Digest username=\"a\\\"b\\\\\", realm=\"r\", nonce=\"x\\\"y\", uri=\"/dir/index.html\", response=\"", 84) == 0);
	OK(strstr(b.p, hex) != NULL);
	OK(strstr(b.p, "\", algorithm=MD5-sess, opaque=\"\", qop=auth, nc=0000001f, cnonce=\"0a4f113b\"") != NULL);
	buf_clear(&b);
	EQ(parse("Digest realm=r, nonce=n"), 0);
	EQ(digest_put_answer(&b, &c, &mufasa), 0);
	buf_putc(&b, '\0');
	OK(strncmp(b.p, "Digest username=\"Mufasa\", realm=\"r\", nonce=\"n\", uri=\"/dir/index.html\", response=\"", 80) == 0);
	OK(strstr(b.p, "qop") == NULL && strstr(b.p, "cnonce") == NULL && strstr(b.p, "algorithm") == NULL);
	buf_fini(&b);
}

TEST(what_is_no_good)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "no Digest" }, { "Basic realm=\"x\"", "no Digest" }, { "Digest", "bad parameter of a challenge" },
		{ "Digest realm=\"x\"", "a challenge without realm or nonce" }, { "Digest realm=\"x\", nonce=", "bad parameter of a challenge" },
		{ "Digest realm=\"x\", nonce=\"y", "bad parameter of a challenge" }, { "Digest realm=x, nonce=y z", "bad parameter of a challenge" },
		{ "Digest realm=x, nonce=y,", "bad parameter of a challenge" }, { "Digest realm=x, nonce=y, algorithm=SHA-512", "unknown algorithm" },
		{ "Digest realm=x, nonce=y, qop=\"auth-int\"", "unknown qop" }, { "Digest realm=x, nonce=y, algorithm=AKAv1-MD5", "unknown algorithm" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EQ(parse(cases[i].text), -1);
		STR(why, cases[i].why);
	}
}

MAIN(RUN(examples), RUN(the_whole_answer), RUN(what_is_no_good))
