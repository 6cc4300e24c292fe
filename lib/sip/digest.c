#include "sip/digest.h"

#include <openssl/evp.h>

#include "sip/lex.h"

/* --- the challenge --- */

static int
refuse(const char **why, const char *what)
{
	*why = what;
	return -1;
}

static struct slice
unquoted(struct slice s)
{
	return s.n > 1 && *s.p == '"' ? (struct slice){ s.p + 1, s.n - 2 } : s;
}

/* Whether the list in a quoted value has that. */
static bool
has(struct slice list, struct slice what)
{
	struct slice rest = unquoted(list), one;

	while (sip_take_value(&rest, &one))
		if (slice_caseeq(one, what))
			return true;
	return false;
}

static int
take_algorithm(struct digest_challenge *c, const char **why)
{
	struct slice name = unquoted(c->algorithm_text), tail = { name.p + (name.n > 5 ? name.n - 5 : 0), name.n > 5 ? 5 : 0 };

	if (slice_caseeq(tail, SLICE("-sess"))) {
		c->session = true;
		name.n -= 5;
	}
	if (name.n == 0 || slice_caseeq(name, SLICE("MD5")))
		c->algorithm = DIGEST_MD5;
	else if (slice_caseeq(name, SLICE("SHA-256")))
		c->algorithm = DIGEST_SHA256;
	else
		return refuse(why, "unknown algorithm");
	return 0;
}

/* name=value, with white space around the `=`. */
static bool
take_pair(struct slice *s, struct slice *name, struct slice *value)
{
	*name = sip_take_token(s);
	if (name->n == 0 || !sip_take_sep(s, '='))
		return false;
	if (sip_take_quoted(s, value))
		return true;
	*value = sip_take_token(s);
	return value->n > 0;
}

int
digest_parse_challenge(struct slice value, struct digest_challenge *out, const char **why)
{
	struct digest_challenge c = { .algorithm = DIGEST_MD5 };
	struct slice s = slice_trim(value), name, v, qop = { NULL, 0 };

	if (!slice_caseeq(sip_take_token(&s), SLICE("Digest")))
		return refuse(why, "no Digest");
	sip_skip_lws(&s);
	do {
		if (!take_pair(&s, &name, &v))
			return refuse(why, "bad parameter of a challenge");
		if (slice_caseeq(name, SLICE("realm")))
			c.realm = v;
		else if (slice_caseeq(name, SLICE("nonce")))
			c.nonce = v;
		else if (slice_caseeq(name, SLICE("opaque")))
			c.opaque = v;
		else if (slice_caseeq(name, SLICE("algorithm")))
			c.algorithm_text = v;
		else if (slice_caseeq(name, SLICE("qop")))
			qop = v;
		else if (slice_caseeq(name, SLICE("stale")))
			c.stale = slice_caseeq(unquoted(v), SLICE("true"));
	} while (sip_take_sep(&s, ','));
	sip_skip_lws(&s);
	if (s.n > 0)
		return refuse(why, "bad parameter of a challenge");
	if (c.realm.n == 0 || c.nonce.n == 0)
		return refuse(why, "a challenge without realm or nonce");
	c.auth = qop.n > 0 && has(qop, SLICE("auth"));
	if (qop.n > 0 && !c.auth)
		return refuse(why, "unknown qop");
	if (take_algorithm(&c, why) == -1)
		return -1;
	*out = c;
	return 0;
}

/* --- the answer --- */

static const EVP_MD *
hash_of(enum digest_algorithm a)
{
	return a == DIGEST_MD5 ? EVP_md5() : EVP_sha256();
}

/* The parts with colons between them, hashed, in hexadecimal. */
static int
hash(const EVP_MD *md, const struct slice *parts, size_t n, char hex[DIGEST_HEX_MAX])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1;

	for (size_t i = 0; ok && i < n; i++)
		ok = (i == 0 || EVP_DigestUpdate(ctx, ":", 1) == 1) && EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, bytes, &len) == 1 && len * 2 < DIGEST_HEX_MAX;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return -1;
	for (unsigned i = 0; i < len; i++) {
		hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	hex[2 * len] = '\0';
	return 0;
}

static void
format_count(uint32_t count, char text[9])
{
	for (int i = 0; i < 8; i++)
		text[i] = "0123456789abcdef"[count >> (28 - 4 * i) & 15];
	text[8] = '\0';
}

/* RFC 7616, sections 3.4.1 to 3.4.3. What was quoted is hashed without quotes, but as it stands (RFC 3261 22.4). */
int
digest_response(const struct digest_challenge *c, const struct digest_answer *a, char hex[DIGEST_HEX_MAX])
{
	char ha1[DIGEST_HEX_MAX], ha2[DIGEST_HEX_MAX], count[9];
	const EVP_MD *md = hash_of(c->algorithm);
	struct slice nonce = unquoted(c->nonce);
	struct slice who[] = { a->user, unquoted(c->realm), a->password }, what[] = { a->method, a->uri };

	if (hash(md, who, 3, ha1) == -1 || hash(md, what, 2, ha2) == -1)
		return -1;
	if (c->session) {
		struct slice session[] = { slice_of(ha1), nonce, a->cnonce };
		char again[DIGEST_HEX_MAX];

		if (hash(md, session, 3, again) == -1)
			return -1;
		memcpy(ha1, again, sizeof(ha1));
	}
	if (!c->auth) {
		struct slice plain[] = { slice_of(ha1), nonce, slice_of(ha2) };

		return hash(md, plain, 3, hex);
	}
	format_count(a->count, count);
	struct slice all[] = { slice_of(ha1), nonce, slice_of(count), a->cnonce, SLICE("auth"), slice_of(ha2) };

	return hash(md, all, 6, hex);
}

/* What stood in the challenge, quoted as it was. */
static void
put_copy(struct buf *b, const char *name, struct slice s)
{
	buf_puts(b, name);
	if (*s.p == '"')
		buf_putslice(b, s);
	else
		buf_putquoted(b, s);
}

int
digest_put_answer(struct buf *b, const struct digest_challenge *c, const struct digest_answer *a)
{
	char hex[DIGEST_HEX_MAX], count[9];

	if (digest_response(c, a, hex) == -1)
		return -1;
	buf_puts(b, "Digest username=");
	buf_putquoted(b, a->user);
	put_copy(b, ", realm=", c->realm);
	put_copy(b, ", nonce=", c->nonce);
	buf_puts(b, ", uri=");
	buf_putquoted(b, a->uri);
	buf_puts(b, ", response=\"");
	buf_puts(b, hex);
	buf_putc(b, '"');
	if (c->algorithm_text.n > 0) {
		buf_puts(b, ", algorithm=");
		buf_putslice(b, unquoted(c->algorithm_text));
	}
	if (c->opaque.n > 0)
		put_copy(b, ", opaque=", c->opaque);
	if (c->auth) {
		format_count(a->count, count);
		buf_puts(b, ", qop=auth, nc=");
		buf_puts(b, count);
	}
	if (c->auth || c->session) {
		buf_puts(b, ", cnonce=");
		buf_putquoted(b, a->cnonce);
	}
	return 0;
}
