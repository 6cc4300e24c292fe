/*
 * The parser reads on after a fault: the first one is reported, and what follows may still make the request answerable.
 */
#include "sip/sipmsg.h"

#include "sip/lex.h"
#include "sip/sipuri.h"

static const struct {
	const char *name;
	char compact;
	const char *twice; /* what is wrong when there is a second one; NULL: nothing */
	const char *bad;   /* when its value is; NULL: the value says more, or is not looked at */
} fields[SIP_FIELDS] = {
	[SIP_VIA] = { "Via", 'v', NULL, NULL },
	[SIP_FROM] = { "From", 'f', "From is there twice", "bad From" },
	[SIP_TO] = { "To", 't', "To is there twice", "bad To" },
	[SIP_CALL_ID] = { "Call-ID", 'i', "Call-ID is there twice", "bad Call-ID" },
	[SIP_CSEQ] = { "CSeq", 0, "CSeq is there twice", NULL },
	[SIP_MAX_FORWARDS] = { "Max-Forwards", 0, "Max-Forwards is there twice", "bad Max-Forwards" },
	[SIP_CONTACT] = { "Contact", 'm', NULL, "bad Contact" },
	[SIP_CONTENT_LENGTH] = { "Content-Length", 'l', "Content-Length is there twice", "bad Content-Length" },
	[SIP_CONTENT_TYPE] = { "Content-Type", 'c', "Content-Type is there twice", NULL },
	[SIP_CONTENT_ENCODING] = { "Content-Encoding", 'e', NULL, NULL },
	[SIP_RECORD_ROUTE] = { "Record-Route", 0, NULL, "bad Record-Route" },
	[SIP_ROUTE] = { "Route", 0, NULL, "bad Route" },
	[SIP_SUBJECT] = { "Subject", 's', NULL, NULL },
	[SIP_SUPPORTED] = { "Supported", 'k', NULL, NULL },
	[SIP_EVENT] = { "Event", 'o', NULL, NULL },
	[SIP_ALLOW_EVENTS] = { "Allow-Events", 'u', NULL, NULL },
	[SIP_REFER_TO] = { "Refer-To", 'r', NULL, NULL },
	[SIP_REFERRED_BY] = { "Referred-By", 'b', NULL, NULL },
	[SIP_SESSION_EXPIRES] = { "Session-Expires", 'x', NULL, NULL },
	[SIP_REQUIRE] = { "Require", 0, NULL, NULL },
	[SIP_TIMESTAMP] = { "Timestamp", 0, NULL, NULL },
	[SIP_EXPIRES] = { "Expires", 0, "Expires is there twice", "bad Expires" },
	[SIP_DATE] = { "Date", 0, "Date is there twice", "bad Date" },
};

/* Those whose names are that long; SIP_OTHER ends a row. */
static const uint8_t by_length[][6] = {
	[2] = { SIP_TO },
	[3] = { SIP_VIA },
	[4] = { SIP_FROM, SIP_CSEQ, SIP_DATE },
	[5] = { SIP_ROUTE, SIP_EVENT },
	[7] = { SIP_CALL_ID, SIP_CONTACT, SIP_EXPIRES, SIP_SUBJECT, SIP_REQUIRE },
	[8] = { SIP_REFER_TO },
	[9] = { SIP_SUPPORTED, SIP_TIMESTAMP },
	[11] = { SIP_REFERRED_BY },
	[12] = { SIP_MAX_FORWARDS, SIP_CONTENT_TYPE, SIP_RECORD_ROUTE, SIP_ALLOW_EVENTS },
	[14] = { SIP_CONTENT_LENGTH },
	[15] = { SIP_SESSION_EXPIRES },
	[16] = { SIP_CONTENT_ENCODING },
};

enum sip_field
sip_field_of(struct slice name)
{
	if (name.n == 1) {
		for (int i = SIP_OTHER + 1; i < SIP_FIELDS; i++)
			if (ascii_lower(*name.p) == fields[i].compact)
				return (enum sip_field)i;
		return SIP_OTHER;
	}
	if (name.n >= sizeof(by_length) / sizeof(by_length[0]))
		return SIP_OTHER;
	for (const uint8_t *id = by_length[name.n]; *id != SIP_OTHER; id++)
		if (slice_caseeq(name, slice_make(fields[*id].name, name.n)))
			return (enum sip_field)*id;
	return SIP_OTHER;
}

/* The state of a parse. */
struct parse {
	struct sipmsg *m;
	struct fault *f;
	struct slice rest; /* what has not been read */
	bool failed;
	bool stray_cr; /* a CR that ends no line: nothing of this goes into a response */
	const struct sip_header *only[SIP_FIELDS]; /* the first of each field */
};

static void
fail(struct parse *p, const char *at, const char *why, int status)
{
	if (p->failed)
		return;
	p->failed = true;
	*p->f = (struct fault){ .off = (size_t)(at - p->m->packet.p), .why = why, .status = status };
}

/* Takes a line and its end, CRLF or LF; false when it has no end. */
static bool
take_line(struct parse *p, struct slice *line)
{
	const char *cr;

	if (!slice_cut(p->rest, '\n', line, &p->rest))
		return false;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	if (line->n > 0 && (cr = memchr(line->p, '\r', line->n)) != NULL) {
		fail(p, cr, "CR without LF", 400);
		p->stray_cr = true;
	}
	return true;
}

/* --- the start line --- */

static bool
is_version(struct slice s)
{
	return s.n > 4 && slice_caseeq((struct slice){ s.p, 4 }, SLICE("SIP/"));
}

/*
 * Request-Line = Method SP Request-URI SP SIP-Version, single spaces, nothing else (7.1). Only its version tells that
 * it is SIP at all.
 */
static int
request_line(struct parse *p, struct slice line)
{
	struct slice rest = line, trimmed = slice_trim(line), version;
	struct sipmsg *m = p->m;
	const char *last = trimmed.n > 0 ? memrchr(trimmed.p, ' ', trimmed.n) : NULL;
	struct sipuri parsed;
	struct fault f;

	m->request = true;
	m->method = sip_take_token(&rest);
	if (m->method.n == 0 || rest.n == 0 || *rest.p != ' ' || last == NULL || last <= rest.p)
		return -1;
	version = (struct slice){ last + 1, (size_t)(trimmed.p + trimmed.n - last) - 1 };
	if (!is_version(version))
		return -1;
	m->uri = (struct slice){ rest.p + 1, (size_t)(last - rest.p) - 1 };
	if (!slice_caseeq(version, SLICE("SIP/2.0")))
		fail(p, version.p, "version not supported", 505);
	else if (trimmed.n != line.n || m->uri.n == 0 || memchr(m->uri.p, ' ', m->uri.n) != NULL)
		fail(p, line.p, "bad white space in the request line", 400);
	else if (sipuri_parse(&parsed, m->uri, &f) == -1)
		fail(p, m->uri.p + f.off, f.why, f.status);
	else if (parsed.headers.n > 0)
		fail(p, parsed.headers.p, "headers in the Request-URI", 400); /* 19.1.1, table 1 */
	else
		m->scheme = (uint8_t)parsed.scheme;
	return 0;
}

/* Status-Line = SIP-Version SP Status-Code SP Reason-Phrase (7.2) */
static int
status_line(struct parse *p, struct slice line)
{
	struct slice version, code, reason;
	uint64_t status;

	(void)slice_cut(line, ' ', &version, &code);
	(void)slice_cut(code, ' ', &code, &reason);
	if (!slice_caseeq(version, SLICE("SIP/2.0")) || code.n != 3 || slice_u64(code, 699, &status) == -1 || status < 100)
		return -1;
	p->m->status = (int)status;
	p->m->reason = reason;
	return 0;
}

static int
start_line(struct parse *p)
{
	struct slice line;

	if (!take_line(p, &line) || memchr(line.p, '\0', line.n) != NULL)
		return -1;
	return is_version(line) ? status_line(p, line) : request_line(p, line);
}

/* --- header fields --- */

static void
add_header(struct parse *p, struct slice name, struct slice value)
{
	struct sipmsg *m = p->m;
	struct sip_header *h = &m->headers[m->nheaders];
	const char *base = m->packet.p;

	if (m->nheaders == SIP_HEADERS_MAX) {
		fail(p, name.p, "too many header fields", 400);
		return;
	}
	*h = (struct sip_header){ .name = (uint16_t)(name.p - base), .namelen = (uint16_t)name.n,
		.value = (uint16_t)(value.p - base), .valuelen = (uint16_t)value.n, .field = (uint8_t)sip_field_of(name) };
	m->nheaders++;
	if (h->field == SIP_OTHER)
		return;
	if (p->only[h->field] == NULL)
		p->only[h->field] = h;
	else if (fields[h->field].twice != NULL)
		fail(p, name.p, fields[h->field].twice, 400);
}

/* Only a quoted pair can be one (25.1). */
static void
check_nuls(struct parse *p, struct slice line)
{
	const char *end = line.p + line.n;

	for (const char *at = line.p; (at = memchr(at, '\0', (size_t)(end - at))) != NULL; at++)
		if (at == line.p || at[-1] != '\\')
			fail(p, at, "NUL in a header field", 400);
}

/* One field with the lines that continue it. */
static void
take_header(struct parse *p, struct slice line)
{
	struct slice s = line, name = sip_take_token(&s);

	check_nuls(p, line);
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t'))
		s.p++, s.n--;
	if (name.n == 0 || s.n == 0 || *s.p != ':') {
		fail(p, line.p, "bad header field", 400);
		return;
	}
	add_header(p, name, slice_trim((struct slice){ s.p + 1, s.n - 1 }));
}

/* True at the empty line; false when the message ends before it. */
static bool
take_headers(struct parse *p)
{
	struct slice line, next;

	while (take_line(p, &line)) {
		if (line.n == 0)
			return true;
		while (p->rest.n > 0 && (*p->rest.p == ' ' || *p->rest.p == '\t')) {
			if (!take_line(p, &next))
				return false;
			line.n = (size_t)(next.p + next.n - line.p);
		}
		take_header(p, line);
	}
	return false;
}

static struct slice
value_of(const struct parse *p, enum sip_field field)
{
	return sip_header_value(p->m, p->only[field]);
}

/* --- the fields that must be there --- */

static const char *
missing(enum sip_field field)
{
	static const char *const texts[SIP_FIELDS] = { [SIP_VIA] = "no Via", [SIP_FROM] = "no From", [SIP_TO] = "no To",
		[SIP_CALL_ID] = "no Call-ID", [SIP_CSEQ] = "no CSeq" };

	return texts[field];
}

static bool
present(struct parse *p, enum sip_field field)
{
	if (p->only[field] == NULL)
		fail(p, p->m->packet.p, missing(field), 400);
	return p->only[field] != NULL;
}

static void
bad(struct parse *p, enum sip_field field, const char *why)
{
	fail(p, value_of(p, field).p, why != NULL ? why : fields[field].bad, 400);
}

/* One that cannot be understood is copied as it is, and the response goes back where the request came from. */
static void
check_via(struct parse *p)
{
	struct slice value;
	const char *why;

	if (!present(p, SIP_VIA))
		return;
	value = value_of(p, SIP_VIA);
	if (sip_parse_via(value, &p->m->via, &why) == 0)
		return;
	bad(p, SIP_VIA, why);
	p->m->via = (struct sip_via){ .port = -1, .text = value, .received = value, .rport = true };
}

static void
check_call_id(struct parse *p)
{
	struct slice id;

	if (!present(p, SIP_CALL_ID))
		return;
	id = p->m->call_id = value_of(p, SIP_CALL_ID);
	if (id.n == 0)
		bad(p, SIP_CALL_ID, "empty Call-ID");
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] <= ' ' || id.p[i] == 0x7f)
			bad(p, SIP_CALL_ID, NULL);
}

/* A response copies them as they are: none has to be understood to make one (8.2.6.2). */
static void
check_mandatory(struct parse *p)
{
	struct sipmsg *m = p->m;
	const char *why;

	check_via(p);
	if (present(p, SIP_FROM) && sip_parse_nameaddr(value_of(p, SIP_FROM), &m->from, &why) == -1)
		bad(p, SIP_FROM, NULL);
	if (present(p, SIP_TO) && sip_parse_nameaddr(value_of(p, SIP_TO), &m->to, &why) == -1)
		bad(p, SIP_TO, NULL);
	check_call_id(p);
	if (present(p, SIP_CSEQ)) {
		if (sip_parse_cseq(value_of(p, SIP_CSEQ), &m->cseq, &why) == -1)
			bad(p, SIP_CSEQ, why);
		else if (m->request && !slice_eq(m->cseq.method, m->method))
			bad(p, SIP_CSEQ, "the method of CSeq is not that of the request");
	}
	m->answerable = m->request && p->only[SIP_VIA] != NULL && !p->stray_cr;
}

/* --- fields that may be there --- */

/* Each of the values. */
static void
check_list(struct parse *p, const struct sip_header *h)
{
	struct slice rest = sip_header_value(p->m, h), value;
	bool any = false, ok = true;
	struct sip_nameaddr addr;
	struct sip_via via;
	const char *why;

	if (h->field == SIP_CONTACT && slice_eq(rest, SLICE("*")))
		return;
	/* that one has been read */
	if (h->field == SIP_VIA && p->m->via.text.n == rest.n && p->m->via.text.p == rest.p)
		return;
	for (; ok && sip_take_value(&rest, &value); any = true)
		ok = (h->field == SIP_VIA ? sip_parse_via(value, &via, &why) : sip_parse_nameaddr(value, &addr, &why)) == 0;
	if (!ok || !any)
		fail(p, sip_header_value(p->m, h).p, fields[h->field].bad != NULL ? fields[h->field].bad : ok ? "bad Via" : why, 400);
}

static bool
looks_like(struct slice s, const char *form)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (form[i] == '0' ? c < '0' || c > '9' : form[i] == 'a' ? c < 'a' || c > 'z' : s.p[i] != form[i])
			return false;
	}
	return true;
}

/* 20.17: always GMT. */
static bool
is_date(struct slice s)
{
	static const char form[] = "aaa, 00 aaa 0000 00:00:00 GMT";

	return s.n == sizeof(form) - 1 && looks_like(s, form);
}

/* However large: what no number holds is cut to the largest one (20.19, RFC 4475 section 3.1.2.4). */
static bool
is_digits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

static void
check_others(struct parse *p)
{
	for (int i = 0; i < p->m->nheaders; i++) {
		const struct sip_header *h = &p->m->headers[i];

		if (h->field == SIP_VIA || h->field == SIP_CONTACT || h->field == SIP_ROUTE || h->field == SIP_RECORD_ROUTE)
			check_list(p, h);
		else if (h->field == SIP_DATE && !is_date(sip_header_value(p->m, h)))
			bad(p, SIP_DATE, NULL);
		else if (h->field == SIP_EXPIRES && !is_digits(sip_header_value(p->m, h)))
			bad(p, SIP_EXPIRES, NULL);
	}
}

static void
check_max_forwards(struct parse *p)
{
	uint64_t n;

	p->m->max_forwards = -1;
	if (p->only[SIP_MAX_FORWARDS] == NULL)
		return;
	if (slice_u64(value_of(p, SIP_MAX_FORWARDS), 255, &n) == -1)
		bad(p, SIP_MAX_FORWARDS, NULL);
	else
		p->m->max_forwards = (int)n;
}

/* 18.3: over UDP the body ends where Content-Length says, or with the datagram; it cannot go beyond it. */
static void
check_body(struct parse *p)
{
	struct slice value;
	uint64_t n;

	p->m->body = p->rest;
	if (p->only[SIP_CONTENT_LENGTH] == NULL)
		return;
	value = value_of(p, SIP_CONTENT_LENGTH);
	if (slice_u64(value, UINT32_MAX, &n) == -1)
		bad(p, SIP_CONTENT_LENGTH, NULL);
	else if (n > p->rest.n)
		bad(p, SIP_CONTENT_LENGTH, "the body is shorter than Content-Length says");
	else
		p->m->body.n = (size_t)n;
}

int
sip_parse(struct sipmsg *m, const char *packet, size_t n, struct fault *f)
{
	struct parse p = { .m = m, .f = f, .rest = { packet, n } };

	memset(m, 0, offsetof(struct sipmsg, headers));
	m->packet = p.rest;
	m->max_forwards = -1;
	if (n > UINT16_MAX) {
		fail(&p, packet, "message too long", 0);
		return -1;
	}
	/* 7.5: line ends before a message are no part of it */
	while (p.rest.n > 0 && (*p.rest.p == '\r' || *p.rest.p == '\n'))
		p.rest.p++, p.rest.n--;
	if (start_line(&p) == -1) {
		fail(&p, packet, "not a SIP message", 0);
		return -1;
	}
	if (!take_headers(&p))
		fail(&p, packet + n, "the message ends within its header", 400);
	check_mandatory(&p);
	check_others(&p);
	check_max_forwards(&p);
	check_body(&p);
	return p.failed ? -1 : 0;
}

bool
sip_is_keepalive(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r' && p[i] != '\n' && p[i] != '\0')
			return false;
	return true;
}

/* --- looking at a message --- */

struct slice
sip_header_name(const struct sipmsg *m, const struct sip_header *h)
{
	return (struct slice){ m->packet.p + h->name, h->namelen };
}

struct slice
sip_header_value(const struct sipmsg *m, const struct sip_header *h)
{
	return (struct slice){ m->packet.p + h->value, h->valuelen };
}

const struct sip_header *
sip_find(const struct sipmsg *m, enum sip_field field, int from)
{
	for (int i = from; i < m->nheaders; i++)
		if (m->headers[i].field == field)
			return &m->headers[i];
	return NULL;
}

const struct sip_header *
sip_find_name(const struct sipmsg *m, struct slice name, int from)
{
	enum sip_field field = sip_field_of(name);

	if (field != SIP_OTHER)
		return sip_find(m, field, from);
	for (int i = from; i < m->nheaders; i++)
		if (slice_caseeq(sip_header_name(m, &m->headers[i]), name))
			return &m->headers[i];
	return NULL;
}

static void
move(struct slice *s, const char *from, const char *to)
{
	if (s->p != NULL)
		s->p = to + (s->p - from);
}

void
sip_copy(struct sipmsg *copy, const struct sipmsg *m, char *to)
{
	const char *from = m->packet.p;
	struct slice *slices[] = { &copy->packet, &copy->method, &copy->uri, &copy->reason, &copy->call_id, &copy->body,
		&copy->via.transport, &copy->via.host, &copy->via.sent_by, &copy->via.branch, &copy->via.received, &copy->via.maddr,
		&copy->via.text, &copy->from.display, &copy->from.uri, &copy->from.params, &copy->from.tag, &copy->to.display,
		&copy->to.uri, &copy->to.params, &copy->to.tag, &copy->cseq.method };

	memcpy(to, from, m->packet.n);
	memcpy(copy, m, SIPMSG_SIZE(m->nheaders));
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++)
		move(slices[i], from, to);
	if (copy->via.rport_end != NULL)
		copy->via.rport_end = to + (copy->via.rport_end - from);
}
