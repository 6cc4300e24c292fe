#include "sip/field.h"

#include "sip/lex.h"
#include "sip/sipuri.h"

static int
refuse(const char **why, const char *what)
{
	*why = what;
	return -1;
}

/* --- Via --- */

/* sent-protocol: "SIP" SLASH "2.0" SLASH transport */
static bool
take_protocol(struct slice *s, struct slice *transport)
{
	if (!slice_caseeq(sip_take_token(s), SLICE("SIP")) || !sip_take_sep(s, '/'))
		return false;
	if (!slice_eq(sip_take_token(s), SLICE("2.0")) || !sip_take_sep(s, '/'))
		return false;
	*transport = sip_take_token(s);
	return transport->n > 0;
}

static int
take_via_params(struct slice *s, struct sip_via *via, const char **why)
{
	struct sip_param p;
	int got;

	while ((got = sip_take_param(s, &p)) == 1) {
		if (slice_caseeq(p.name, SLICE("branch")))
			via->branch = p.value;
		else if (slice_caseeq(p.name, SLICE("received")))
			via->received = p.value;
		else if (slice_caseeq(p.name, SLICE("maddr")))
			via->maddr = p.value;
		else if (slice_caseeq(p.name, SLICE("rport"))) {
			via->rport = true;
			via->rport_end = p.has_value ? NULL : p.name.p + p.name.n;
		}
	}
	return got == 0 ? 0 : refuse(why, "bad Via parameter");
}

int
sip_parse_via(struct slice value, struct sip_via *out, const char **why)
{
	struct sip_via via = { .port = -1 };
	struct slice s = value;
	const char *begins;

	sip_skip_lws(&s);
	begins = s.p;
	if (!take_protocol(&s, &via.transport))
		return refuse(why, "bad protocol in Via");
	sip_skip_lws(&s);
	via.sent_by.p = s.p;
	if (sip_take_hostport(&s, &via.host, &via.port, why) == -1)
		return refuse(why, "bad sent-by in Via");
	via.sent_by.n = (size_t)(s.p - via.sent_by.p);
	if (take_via_params(&s, &via, why) == -1)
		return -1;
	via.text = (struct slice){ begins, (size_t)(s.p - begins) };
	sip_skip_lws(&s);
	if (s.n > 0 && *s.p != ',')
		return refuse(why, "bad Via");
	*out = via;
	return 0;
}

/* --- From, To, Contact --- */

static bool
take_angle(struct slice *s, struct slice *uri)
{
	const char *end = memchr(s->p, '>', s->n);

	if (end == NULL)
		return false;
	*uri = (struct slice){ s->p + 1, (size_t)(end - s->p) - 1 };
	s->n -= (size_t)(end + 1 - s->p);
	s->p = end + 1;
	return true;
}

/* display-name: a quoted string, or tokens with LWS between them. */
static bool
take_display(struct slice *s, struct slice *display)
{
	if (sip_take_quoted(s, display)) {
		sip_skip_lws(s);
		return true;
	}
	display->p = s->p;
	while (s->n > 0 && *s->p != '<') {
		if (sip_take_token(s).n == 0)
			return false;
		sip_skip_lws(s);
	}
	*display = slice_trim((struct slice){ display->p, (size_t)(s->p - display->p) });
	return true;
}

/*
 * addr-spec: without <>, what follows a `;` belongs to the field, and the URI can hold no comma or question mark
 * (20.10).
 */
static bool
take_bare(struct slice *s, struct slice *uri)
{
	size_t n = 0;

	while (n < s->n && strchr("; \t\r\n,?<>\"", s->p[n]) == NULL)
		n++;
	*uri = (struct slice){ s->p, n };
	s->p += n, s->n -= n;
	return n > 0 && memchr(uri->p, ':', n) != NULL;
}

int
sip_parse_nameaddr(struct slice value, struct sip_nameaddr *out, const char **why)
{
	struct sip_nameaddr a = { .display = { value.p, 0 } };
	struct slice s = value, params;
	struct sip_param p;
	struct sipuri uri;
	struct fault f;
	int got;

	sip_skip_lws(&s);
	if (memchr(s.p, '<', s.n) != NULL && (s.n == 0 || *s.p == '<' || *s.p == '"' || !take_bare(&(struct slice){ s.p, s.n }, &a.uri))) {
		if (!take_display(&s, &a.display) || s.n == 0 || *s.p != '<' || !take_angle(&s, &a.uri))
			return refuse(why, "bad address");
	} else if (!take_bare(&s, &a.uri))
		return refuse(why, "bad address");
	if (sipuri_parse(&uri, a.uri, &f) == -1)
		return refuse(why, f.why);
	params = s;
	while ((got = sip_take_param(&s, &p)) == 1)
		if (slice_caseeq(p.name, SLICE("tag")))
			a.tag = p.value;
	sip_skip_lws(&s);
	if (got == -1 || s.n > 0)
		return refuse(why, "bad parameter behind the address");
	a.params = slice_trim(params);
	*out = a;
	return 0;
}

/* --- CSeq --- */

int
sip_parse_cseq(struct slice value, struct sip_cseq *out, const char **why)
{
	struct slice s = value, number = { value.p, 0 }, method;
	uint64_t n;

	sip_skip_lws(&s);
	number.p = s.p;
	while (number.n < s.n && s.p[number.n] >= '0' && s.p[number.n] <= '9')
		number.n++;
	s.p += number.n, s.n -= number.n;
	/* 8.1.1.5: less than 2^31 */
	if (slice_u64(number, INT32_MAX, &n) == -1)
		return refuse(why, "bad CSeq number");
	sip_skip_lws(&s);
	method = sip_take_token(&s);
	sip_skip_lws(&s);
	if (method.n == 0 || s.n > 0)
		return refuse(why, "bad CSeq");
	*out = (struct sip_cseq){ .number = (uint32_t)n, .method = method };
	return 0;
}
