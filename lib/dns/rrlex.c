#include "dns/rrlex.h"

/* Past blanks, comments and parentheses; line breaks only inside of these. */
static int
skip(struct rrlex *l, const char **why)
{
	struct slice *s = &l->rest;

	for (; s->n > 0; s->p++, s->n--) {
		switch (s->p[0]) {
		case ' ':
		case '\t':
		case '\r':
			break;
		case '\n':
			if (l->depth == 0)
				return rrlex_bad(why, "line break outside of parentheses");
			break;
		case '(':
			l->depth++;
			break;
		case ')':
			if (l->depth-- == 0)
				return rrlex_bad(why, "no opening parenthesis");
			break;
		case ';':
			while (s->n > 1 && s->p[1] != '\n')
				s->p++, s->n--;
			break;
		default:
			return 0;
		}
	}
	return l->depth == 0 ? 0 : rrlex_bad(why, "no closing parenthesis");
}

static bool
ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(' || c == ')' || c == ';';
}

/* The length up to the closing quote that is not escaped; s.n: there is none. */
static size_t
quoted_len(struct slice s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] != '"')
		i += s.p[i] == '\\' && i + 1 < s.n ? 2 : 1;
	return i;
}

static size_t
bare_len(const struct rrlex *l)
{
	struct slice s = l->rest;
	size_t i = 0;

	while (i < s.n && !ends_word(s.p[i])) {
		if (l->pairs && i > 0 && s.p[i - 1] == '=' && s.p[i] == '"')
			return i + quoted_len((struct slice){ s.p + i + 1, s.n - i - 1 }) + 2;
		i += s.p[i] == '\\' && i + 1 < s.n ? 2 : 1;
	}
	return i;
}

int
rrlex_next(struct rrlex *l, struct slice *word, const char **why)
{
	bool quoted;
	size_t n;

	if (skip(l, why) != 0)
		return -1;
	if (l->rest.n == 0)
		return 0;
	quoted = l->rest.p[0] == '"';
	if (quoted)
		l->rest.p++, l->rest.n--;
	n = quoted ? quoted_len(l->rest) : bare_len(l);
	/* a closing quote that is not there was counted as well */
	if (n > l->rest.n || (quoted && n == l->rest.n))
		return rrlex_bad(why, "no closing quote");
	*word = (struct slice){ l->rest.p, n };
	l->rest.p += n + quoted;
	l->rest.n -= n + quoted;
	return 1;
}

ssize_t
rrlex_unescape(struct slice s, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned v = 0;

		if (s.p[i] != '\\') {
			to[n++] = s.p[i];
			continue;
		}
		if (++i == s.n)
			return -1;
		if (s.p[i] < '0' || s.p[i] > '9') {
			to[n++] = s.p[i];
			continue;
		}
		for (size_t end = i + 3; i < end; i++) {
			if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
				return -1;
			v = v * 10 + (unsigned)(s.p[i] - '0');
		}
		i--;
		if (v > 255)
			return -1;
		to[n++] = (char)(uint8_t)v;
	}
	return (ssize_t)n;
}

bool
rrlex_is_tag(const void *bytes, size_t n)
{
	const char *p = bytes;

	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (ascii_lower(p[i]) >= 'a' && ascii_lower(p[i]) <= 'z')))
			return false;
	return n > 0;
}

char *
rrlex_escape(char *to, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] >= ' ' && p[i] < 0x7f) {
			if (p[i] == '"' || p[i] == '\\')
				*to++ = '\\';
			*to++ = (char)p[i];
			continue;
		}
		*to++ = '\\';
		*to++ = (char)('0' + p[i] / 100);
		*to++ = (char)('0' + p[i] / 10 % 10);
		*to++ = (char)('0' + p[i] % 10);
	}
	return to;
}

void
rrlex_put_escaped(struct buf *b, const uint8_t *p, size_t n)
{
	char *to = buf_reserve(b, 4 * n);

	if (to != NULL)
		buf_added(b, (size_t)(rrlex_escape(to, p, n) - to));
}
