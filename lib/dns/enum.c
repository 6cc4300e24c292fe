#include "dns/enum.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dns/chain.h"
#include "dns/rr.h"

enum {
	RULES = 64,      /* of one answer that are looked at */
	URI_MAX = 1024,
	TEXT_MAX = ENUM_RESULTS * (URI_MAX + 256) + ENUM_PENDING * NAME_MAX_WIRE,
	GROUPS = 10,
	DEPTH_BITS = 6,  /* of a rank for each level of non-terminal rules: RULES values */
	REPEATS_MAX = 64,
};

static int
bad(const char **why, const char *text)
{
	*why = text;
	return -1;
}

/* --- numbers --- */

int
enum_number(struct slice text, char *number, const char **why)
{
	char digits[ENUM_DIGITS + 2] = "+";
	size_t n = 1;

	text = slice_trim(text);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c >= '0' && c <= '9') {
			if (n > ENUM_DIGITS)
				return bad(why, "more digits than a telephone number has");
			digits[n++] = c;
		} else if (!(c == '+' && i == 0) && (c == '\0' || strchr(" -.()/", c) == NULL)) {
			return bad(why, "not a telephone number");
		}
	}
	if (n == 1)
		return bad(why, "not a telephone number");
	digits[n] = '\0';
	memcpy(number, digits, n + 1);
	return 0;
}

int
enum_domain(const char *number, const uint8_t *suffix, uint8_t *wire)
{
	size_t digits = strlen(number) - 1, n = name_len(suffix);

	if (2 * digits + n > NAME_MAX_WIRE)
		return -1;
	for (size_t i = digits; i > 0; i--) {
		*wire++ = 1;
		*wire++ = (uint8_t)number[i];
	}
	memcpy(wire, suffix, n);
	return (int)(2 * digits + n);
}

/* --- expressions --- */

/* Cuts up to the next delimiter that has no backslash before it (RFC 3402 3.2). */
static int
cut(struct slice *rest, char delimiter, struct slice *part)
{
	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == delimiter) {
			*part = (struct slice){ rest->p, i };
			rest->p += i + 1;
			rest->n -= i + 1;
			return 0;
		}
	}
	return -1;
}

/* How often {} repeats at most, of the pattern from behind the brace on. */
static unsigned
count_of(const char *p, const char *end)
{
	unsigned count = 0, most = 1;

	for (; p < end && *p != '}'; p++) {
		count = *p >= '0' && *p <= '9' && count < 1000 ? count * 10 + (unsigned)(*p - '0') : 0;
		most = count > most ? count : most;
	}
	return most;
}

/* Whether this operator makes another way through a part of the pattern that has none to walk: (a?)?, a**, (a|) */
static bool
is_detour(char last, char c)
{
	if (c == '?' || c == '*')
		return last == ')' || last == '?' || last == '*' || last == '+' || last == '}';
	return (c == '|' && (last == '(' || last == '|')) || (c == ')' && last == '|');
}

/*
 * The pattern for regcomp(3), without the backslashes before delimiters. What POSIX does not know, and what costs the
 * system's matcher exponential time or memory, is refused: back-references, and repeats beyond a few: it copies what
 * is repeated, once for each `+` and as often as {} says, and copies of copies multiply; and it takes each way that
 * leads through such a copy without a character.
 */
static int
read_pattern(struct slice s, char delimiter, char *to, const char **why)
{
	size_t n = 0;
	unsigned repeats = 1;
	char last = '\0';

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool literal = false;

		if (c == '\0')
			return bad(why, "NUL in the pattern");
		if (c == '\\' && i + 1 < s.n) {
			c = s.p[++i];
			if (c >= '0' && c <= '9')
				return bad(why, "back-reference in the pattern");
			/* other letters after a backslash mean things that POSIX does not know */
			if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
				return bad(why, "unknown escape in the pattern");
			literal = c != delimiter;
			if (literal)
				to[n++] = '\\';
		}
		if (!literal && c == '{')
			repeats *= count_of(s.p + i + 1, s.p + s.n);
		else if (!literal && (c == '+' || is_detour(last, c)))
			repeats *= 2;
		if (repeats > REPEATS_MAX)
			return bad(why, "too many repeats in the pattern");
		last = literal ? '\0' : c;
		to[n++] = c;
	}
	to[n] = '\0';
	return 0;
}

static void
put_group(const regmatch_t *m, const char *number, struct buf *out)
{
	if (m->rm_so >= 0)
		buf_put(out, number + m->rm_so, (size_t)(m->rm_eo - m->rm_so));
}

static int
replace(struct slice s, char delimiter, const regmatch_t *groups, const char *number, struct buf *out, const char **why)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c != '\\' || i + 1 == s.n) {
			buf_putc(out, c);
			continue;
		}
		c = s.p[++i];
		if (c >= '1' && c <= '9')
			put_group(&groups[c - '0'], number, out);
		else if (c == '\\' || c == delimiter)
			buf_putc(out, c);
		else
			return bad(why, "bad escape in the replacement");
	}
	return 0;
}

int
enum_substitute(struct patterns *known, struct slice expression, const char *number, struct buf *out, const char **why)
{
	struct slice pattern, replacement;
	char text[PATTERN_MAX], delimiter;
	regmatch_t groups[GROUPS];
	size_t start = out->n;
	bool ignore_case;
	int matched;

	/* a digit, a backslash or the flag as delimiter would be ambiguous (RFC 3402 3.2); repeats must be seen by read_pattern */
	if (expression.n < 3 || expression.n >= sizeof(text) || strchr("0123456789\\i+{", expression.p[0]) != NULL)
		return bad(why, "bad expression");
	delimiter = expression.p[0];
	expression.p++;
	expression.n--;
	if (cut(&expression, delimiter, &pattern) != 0 || cut(&expression, delimiter, &replacement) != 0)
		return bad(why, "bad expression");
	ignore_case = slice_caseeq(expression, SLICE("i"));
	if (expression.n > 0 && !ignore_case)
		return bad(why, "unknown flag of an expression");
	if (read_pattern(pattern, delimiter, text, why) != 0)
		return -1;
	if ((matched = pattern_match(known, text, ignore_case, number, groups, GROUPS)) != 0)
		return bad(why, matched == -1 ? "bad pattern" : "does not match");
	if (replace(replacement, delimiter, groups, number, out, why) != 0 || out->failed) {
		if (out->failed)
			*why = "result too long";
		out->n = start;
		return -1;
	}
	return 0;
}

/* --- rules --- */

struct rule {
	uint16_t order, preference;
	struct slice flags, services, regexp;
	size_t replacement; /* offset of the name */
};

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static struct slice
string_at(const uint8_t *p, size_t *at)
{
	struct slice s = { (const char *)p + *at + 1, p[*at] };

	*at += s.n + 1;
	return s;
}

static void
read_rule(const struct dnsmsg *m, const struct dnsrr *rr, struct rule *rule)
{
	size_t at = rr->rdata + 4u;

	rule->order = (uint16_t)get16(m->p + rr->rdata);
	rule->preference = (uint16_t)get16(m->p + rr->rdata + 2);
	rule->flags = string_at(m->p, &at);
	rule->services = string_at(m->p, &at);
	rule->regexp = string_at(m->p, &at);
	rule->replacement = at;
}

static bool
before(const struct rule *a, const struct rule *b)
{
	return a->order != b->order ? a->order < b->order : a->preference < b->preference;
}

/* The rules of an answer, best first; equals stay in the order in which they came. */
static unsigned
sorted_rules(const struct dnsmsg *m, struct rule *rules)
{
	struct dns_chain c;
	struct dnsrr rr;
	unsigned n = 0;

	dns_chain(&c, m);
	while (n < RULES && dns_chain_next(&c, &rr)) {
		struct rule rule;
		unsigned at;

		if (rr.number != RRTYPE_NAPTR || rr.class != RRCLASS_IN)
			continue;
		read_rule(m, &rr, &rule);
		for (at = n++; at > 0 && before(&rule, &rules[at - 1]); at--)
			rules[at] = rules[at - 1];
		rules[at] = rule;
	}
	return n;
}

/* A scheme and something behind it, with nothing in it that could break out of a header, a log line or a table. */
static bool
is_uri(struct slice s)
{
	const char *colon = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;

	if (colon == NULL || colon == s.p || colon == s.p + s.n - 1 || s.n > URI_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("<>\"", s.p[i]) != NULL)
			return false;
	return true;
}

static bool
is_service(struct slice s)
{
	if (s.n < 5 || !slice_caseeq((struct slice){ s.p, 4 }, SLICE("E2U+")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return true;
}

static bool
add_result(struct enum_lookup *e, const struct rule *rule, uint32_t rank)
{
	struct enum_result *r = &e->results[e->nresults];
	size_t start = e->text.n, uri;
	const char *why;

	if (e->nresults == ENUM_RESULTS || !is_service(rule->services))
		return false;
	buf_putslice(&e->text, rule->services);
	uri = e->text.n;
	if (e->text.failed || enum_substitute(e->patterns, rule->regexp, e->number, &e->text, &why) != 0 ||
	    !is_uri((struct slice){ e->text.p + uri, e->text.n - uri })) {
		e->text.n = start;
		e->text.failed = false;
		return false;
	}
	*r = (struct enum_result){ .order = rule->order, .preference = rule->preference, .rank = rank, .service = (uint16_t)start,
		.nservice = (uint16_t)rule->services.n, .uri = (uint16_t)uri, .nuri = (uint16_t)(e->text.n - uri) };
	e->nresults++;
	return true;
}

/* A rule without flags leads on to another name: what it replaces the number with, or its replacement. */
static bool
add_pending(struct enum_lookup *e, const struct dnsmsg *m, const struct rule *rule, uint32_t rank)
{
	uint8_t name[NAME_MAX_WIRE];
	size_t start = e->text.n;
	const char *why;
	int n = -1;

	if (e->npending == ENUM_PENDING || e->depth + 1 >= ENUM_QUERIES)
		return false;
	if (rule->regexp.n == 0)
		n = (int)name_expand(m->p, rule->replacement, name);
	else if (enum_substitute(e->patterns, rule->regexp, e->number, &e->text, &why) == 0)
		n = name_parse((struct slice){ e->text.p + start, e->text.n - start }, name, &why);
	e->text.n = start;
	if (n <= 1)
		return false;
	buf_put(&e->text, name, (size_t)n);
	if (e->text.failed) {
		e->text.failed = false;
		return false;
	}
	e->pending[e->npending].rank = rank;
	e->pending[e->npending].depth = (uint8_t)(e->depth + 1);
	e->pending[e->npending++].name = (uint16_t)start;
	return true;
}

static void
apply_rules(struct enum_lookup *e, const struct dnsmsg *m)
{
	struct rule rules[RULES];
	unsigned n = sorted_rules(m, rules);

	for (unsigned i = 0; i < n; i++) {
		uint32_t rank = e->rank | i << (DEPTH_BITS * (ENUM_QUERIES - 1 - e->depth));
		bool used = false;

		if (slice_caseeq(rules[i].flags, SLICE("u")))
			used = add_result(e, &rules[i], rank);
		else if (rules[i].flags.n == 0)
			used = add_pending(e, m, &rules[i], rank);
		e->skipped += !used;
	}
}

static int
by_rank(const void *a, const void *b)
{
	const struct enum_result *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void
ask(struct resolver *r, struct enum_lookup *e)
{
	e->nqueries++;
	e->q.x.name = e->name;
	e->q.x.namelen = (uint8_t)name_len(e->name);
	e->q.x.type = RRTYPE_NAPTR;
	e->q.x.class = RRCLASS_IN;
	resolver_ask(r, &e->q);
}

static void
answered(struct dns_query *q)
{
	struct enum_lookup *e = (struct enum_lookup *)(void *)((char *)q - offsetof(struct enum_lookup, q));

	if (e->nqueries == 1) {
		e->status = q->status;
		e->rcode = q->rcode;
	}
	if (q->status == DNS_ANSWER_OK)
		apply_rules(e, q->msg);
	if (e->npending > 0 && e->nqueries < ENUM_QUERIES) {
		e->npending--;
		name_expand((const uint8_t *)e->text.p, e->pending[e->npending].name, e->name);
		e->rank = e->pending[e->npending].rank;
		e->depth = e->pending[e->npending].depth;
		ask(e->resolver, e);
		return;
	}
	qsort(e->results, e->nresults, sizeof(e->results[0]), by_rank);
	e->done(e);
}

int
enum_ask(struct resolver *r, struct enum_lookup *e, const char *number, const uint8_t *suffix)
{
	if (enum_domain(number, suffix, e->name) < 0)
		return -1;
	strlcpy(e->number, number, sizeof(e->number));
	e->resolver = r;
	e->text.max = TEXT_MAX;
	buf_clear(&e->text);
	e->nresults = e->skipped = e->nqueries = e->npending = e->depth = 0;
	e->rank = 0;
	e->q.done = answered;
	ask(r, e);
	return 0;
}

void
enum_cancel(struct resolver *r, struct enum_lookup *e)
{
	resolver_cancel(r, &e->q);
}

void
enum_fini(struct enum_lookup *e)
{
	buf_fini(&e->text);
}

struct slice
enum_service(const struct enum_lookup *e, const struct enum_result *r)
{
	return (struct slice){ e->text.p + r->service, r->nservice };
}

struct slice
enum_uri(const struct enum_lookup *e, const struct enum_result *r)
{
	return (struct slice){ e->text.p + r->uri, r->nuri };
}
