#include "sip/lex.h"

#define MARK (CHAR_USER | CHAR_PASSWORD | CHAR_PARAM | CHAR_HEADER | CHAR_URIC) /* unreserved in a URI */
#define ALNUM (MARK | CHAR_TOKEN | CHAR_SCHEME | CHAR_HOST | CHAR_VALUE)
#define DIGIT (ALNUM | CHAR_DIGIT | CHAR_HEX | CHAR_PHONE)
#define HEX (ALNUM | CHAR_ALPHA | CHAR_HEX | CHAR_PHONE)
#define ALPHA (ALNUM | CHAR_ALPHA)
#define TOKEN (CHAR_TOKEN | CHAR_VALUE)

const uint16_t sip_chars[256] = {
	['0'] = DIGIT, ['1'] = DIGIT, ['2'] = DIGIT, ['3'] = DIGIT, ['4'] = DIGIT,
	['5'] = DIGIT, ['6'] = DIGIT, ['7'] = DIGIT, ['8'] = DIGIT, ['9'] = DIGIT,
	['a'] = HEX, ['b'] = HEX, ['c'] = HEX, ['d'] = HEX, ['e'] = HEX, ['f'] = HEX,
	['A'] = HEX, ['B'] = HEX, ['C'] = HEX, ['D'] = HEX, ['E'] = HEX, ['F'] = HEX,
	['g'] = ALPHA, ['h'] = ALPHA, ['i'] = ALPHA, ['j'] = ALPHA, ['k'] = ALPHA, ['l'] = ALPHA, ['m'] = ALPHA,
	['n'] = ALPHA, ['o'] = ALPHA, ['p'] = ALPHA, ['q'] = ALPHA, ['r'] = ALPHA, ['s'] = ALPHA, ['t'] = ALPHA,
	['u'] = ALPHA, ['v'] = ALPHA, ['w'] = ALPHA, ['x'] = ALPHA, ['y'] = ALPHA, ['z'] = ALPHA,
	['G'] = ALPHA, ['H'] = ALPHA, ['I'] = ALPHA, ['J'] = ALPHA, ['K'] = ALPHA, ['L'] = ALPHA, ['M'] = ALPHA,
	['N'] = ALPHA, ['O'] = ALPHA, ['P'] = ALPHA, ['Q'] = ALPHA, ['R'] = ALPHA, ['S'] = ALPHA, ['T'] = ALPHA,
	['U'] = ALPHA, ['V'] = ALPHA, ['W'] = ALPHA, ['X'] = ALPHA, ['Y'] = ALPHA, ['Z'] = ALPHA,
	['-'] = MARK | TOKEN | CHAR_SCHEME | CHAR_HOST | CHAR_PHONE,
	['.'] = MARK | TOKEN | CHAR_SCHEME | CHAR_HOST | CHAR_PHONE,
	['_'] = MARK | TOKEN | CHAR_HOST,
	['!'] = MARK | TOKEN,
	['~'] = MARK | TOKEN,
	['*'] = MARK | TOKEN | CHAR_PHONE,
	['\''] = MARK | TOKEN,
	['('] = MARK | CHAR_PHONE,
	[')'] = MARK | CHAR_PHONE,
	['%'] = TOKEN,
	['`'] = TOKEN,
	['+'] = TOKEN | CHAR_SCHEME | CHAR_USER | CHAR_PASSWORD | CHAR_PARAM | CHAR_HEADER | CHAR_URIC | CHAR_PHONE,
	['&'] = CHAR_USER | CHAR_PASSWORD | CHAR_PARAM | CHAR_URIC | CHAR_VALUE,
	['='] = CHAR_USER | CHAR_PASSWORD | CHAR_URIC | CHAR_VALUE,
	['$'] = CHAR_USER | CHAR_PASSWORD | CHAR_PARAM | CHAR_HEADER | CHAR_URIC | CHAR_VALUE,
	[','] = CHAR_USER | CHAR_PASSWORD | CHAR_HEADER | CHAR_URIC,
	[';'] = CHAR_USER | CHAR_URIC,
	['?'] = CHAR_USER | CHAR_HEADER | CHAR_URIC | CHAR_VALUE,
	['/'] = CHAR_USER | CHAR_PARAM | CHAR_HEADER | CHAR_URIC | CHAR_VALUE,
	['['] = CHAR_PARAM | CHAR_HEADER | CHAR_URIC | CHAR_VALUE,
	[']'] = CHAR_PARAM | CHAR_HEADER | CHAR_URIC | CHAR_VALUE,
	[':'] = CHAR_PARAM | CHAR_HEADER | CHAR_URIC | CHAR_VALUE,
	['@'] = CHAR_URIC | CHAR_VALUE,
	['#'] = CHAR_PHONE | CHAR_URIC,
};

static void
skip(struct slice *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

void
sip_skip_lws(struct slice *s)
{
	while (s->n > 0 && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		skip(s, 1);
}

struct slice
sip_take_token(struct slice *s)
{
	struct slice token = { s->p, 0 };

	while (token.n < s->n && sip_is(s->p[token.n], CHAR_TOKEN))
		token.n++;
	skip(s, token.n);
	return token;
}

bool
sip_all(struct slice s, int class)
{
	for (size_t i = 0; i < s.n; i++) {
		if (sip_is(s.p[i], class))
			continue;
		if (s.p[i] != '%' || i + 2 >= s.n || !sip_is(s.p[i + 1], CHAR_HEX) || !sip_is(s.p[i + 2], CHAR_HEX))
			return false;
		i += 2;
	}
	return true;
}

bool
sip_take_quoted(struct slice *s, struct slice *quoted)
{
	size_t i;

	if (s->n == 0 || s->p[0] != '"')
		return false;
	for (i = 1; i < s->n && s->p[i] != '"'; i++)
		if (s->p[i] == '\\')
			i++;
	if (i >= s->n)
		return false;
	*quoted = (struct slice){ s->p, i + 1 };
	skip(s, i + 1);
	return true;
}

bool
sip_take_comment(struct slice *s, struct slice *comment)
{
	size_t i, depth = 0;

	if (s->n == 0 || s->p[0] != '(')
		return false;
	for (i = 0; i < s->n; i++) {
		if (s->p[i] == '\\')
			i++;
		else if (s->p[i] == '(')
			depth++;
		else if (s->p[i] == ')' && --depth == 0)
			break;
	}
	if (i >= s->n)
		return false;
	*comment = (struct slice){ s->p, i + 1 };
	skip(s, i + 1);
	return true;
}

bool
sip_take_sep(struct slice *s, char c)
{
	struct slice rest = *s;

	sip_skip_lws(&rest);
	if (rest.n == 0 || *rest.p != c)
		return false;
	skip(&rest, 1);
	sip_skip_lws(&rest);
	*s = rest;
	return true;
}

/* gen-value: token, host (an IPv6 reference has colons and brackets), or quoted string. */
static bool
take_gen_value(struct slice *s, struct slice *value)
{
	if (sip_take_quoted(s, value))
		return true;
	*value = (struct slice){ s->p, 0 };
	while (value->n < s->n && sip_is(s->p[value->n], CHAR_VALUE))
		value->n++;
	skip(s, value->n);
	return value->n > 0;
}

int
sip_take_param(struct slice *s, struct sip_param *param)
{
	struct slice rest = *s;

	if (!sip_take_sep(&rest, ';'))
		return 0;
	*param = (struct sip_param){ .name = sip_take_token(&rest) };
	if (param->name.n == 0)
		return -1;
	if (sip_take_sep(&rest, '=')) {
		param->has_value = true;
		if (!take_gen_value(&rest, &param->value))
			return -1;
	}
	*s = rest;
	return 1;
}

bool
sip_find_param(struct slice params, const char *name, struct slice *value)
{
	struct slice want = slice_of(name);
	struct sip_param param;

	while (sip_take_param(&params, &param) == 1)
		if (slice_caseeq(param.name, want)) {
			*value = param.value;
			return true;
		}
	return false;
}

size_t
sip_unquote(struct slice s, char *dst)
{
	size_t n = 0;

	if (s.n < 2 || s.p[0] != '"') {
		memcpy(dst, s.p, s.n);
		return s.n;
	}
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '\\' && i + 2 < s.n)
			i++;
		dst[n++] = s.p[i];
	}
	return n;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t
sip_unescape(struct slice s, char *dst)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			dst[n++] = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
			i += 2;
		} else
			dst[n++] = s.p[i];
	}
	return n;
}

bool
sip_take_value(struct slice *s, struct slice *value)
{
	struct slice rest = *s, part;
	bool angle = false;

	sip_skip_lws(&rest);
	if (rest.n == 0)
		return false;
	*value = (struct slice){ rest.p, 0 };
	while (rest.n > 0 && (angle || *rest.p != ',')) {
		if (!angle && ((*rest.p == '"' && sip_take_quoted(&rest, &part)) || (*rest.p == '(' && sip_take_comment(&rest, &part))))
			continue;
		if (*rest.p == '<')
			angle = true;
		else if (*rest.p == '>')
			angle = false;
		skip(&rest, 1);
	}
	value->n = (size_t)(rest.p - value->p);
	*value = slice_trim(*value);
	if (rest.n > 0)
		skip(&rest, 1);
	*s = rest;
	return true;
}
