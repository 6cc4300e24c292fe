#include "sip/sipprint.h"

#include "sip/lex.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 100, "Trying" }, { 180, "Ringing" }, { 181, "Call Is Being Forwarded" }, { 182, "Queued" }, { 183, "Session Progress" },
	{ 200, "OK" }, { 202, "Accepted" }, { 204, "No Notification" },
	{ 300, "Multiple Choices" }, { 301, "Moved Permanently" }, { 302, "Moved Temporarily" }, { 305, "Use Proxy" },
	{ 380, "Alternative Service" },
	{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 402, "Payment Required" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 407, "Proxy Authentication Required" }, { 408, "Request Timeout" },
	{ 410, "Gone" }, { 412, "Conditional Request Failed" }, { 413, "Request Entity Too Large" }, { 414, "Request-URI Too Long" },
	{ 415, "Unsupported Media Type" }, { 416, "Unsupported URI Scheme" }, { 420, "Bad Extension" }, { 421, "Extension Required" },
	{ 422, "Session Interval Too Small" }, { 423, "Interval Too Brief" }, { 480, "Temporarily Unavailable" },
	{ 481, "Call/Transaction Does Not Exist" }, { 482, "Loop Detected" }, { 483, "Too Many Hops" }, { 484, "Address Incomplete" },
	{ 485, "Ambiguous" }, { 486, "Busy Here" }, { 487, "Request Terminated" }, { 488, "Not Acceptable Here" }, { 489, "Bad Event" },
	{ 491, "Request Pending" }, { 493, "Undecipherable" },
	{ 500, "Server Internal Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	{ 504, "Server Time-out" }, { 505, "Version Not Supported" }, { 513, "Message Too Large" },
	{ 600, "Busy Everywhere" }, { 603, "Decline" }, { 604, "Does Not Exist Anywhere" }, { 606, "Not Acceptable" },
};

const char *
sip_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* "192.0.2.1", or "[2001:db8::1]" as a field has it. */
static bool
same_host(struct slice host, const char *source)
{
	if (host.n > 2 && *host.p == '[')
		host = (struct slice){ host.p + 1, host.n - 2 };
	return slice_caseeq(host, slice_of(source));
}

static void
put_until(struct buf *b, struct slice *rest, const char *end)
{
	buf_put(b, rest->p, (size_t)(end - rest->p));
	*rest = (struct slice){ end, (size_t)(rest->p + rest->n - end) };
}

static void
put_port(struct buf *b, const struct sip_via *via, struct slice *rest, const struct addr *source)
{
	if (via->rport_end == NULL)
		return;
	put_until(b, rest, via->rport_end);
	buf_putc(b, '=');
	buf_putu(b, addr_port(source));
}

/* In place of what the sender itself says of it; but one that was not understood stays as it is. */
static void
put_received(struct buf *b, const struct sip_via *via, struct slice *rest, const char *host)
{
	if (via->received.n == 0 || via->host.n == 0)
		return;
	put_until(b, rest, via->received.p);
	buf_puts(b, host);
	*rest = (struct slice){ rest->p + via->received.n, rest->n - via->received.n };
}

/* The topmost Via as it came, with what tells its sender how we saw it. */
static void
put_via(struct buf *b, const struct sipmsg *m, const struct addr *source)
{
	const struct sip_via *via = &m->via;
	struct slice rest = via->text, value = sip_header_value(m, sip_find(m, SIP_VIA, 0));
	char host[ADDR_STRLEN];

	(void)addr_format_host(source, host, sizeof(host));
	buf_puts(b, "Via: ");
	if (via->received.n > 0 && via->rport_end != NULL && via->rport_end > via->received.p) {
		put_received(b, via, &rest, host);
		put_port(b, via, &rest, source);
	} else {
		put_port(b, via, &rest, source);
		put_received(b, via, &rest, host);
	}
	buf_putslice(b, rest);
	if (via->received.n == 0 && (via->rport || !same_host(via->host, host))) {
		buf_puts(b, ";received=");
		buf_puts(b, host);
	}
	/* further Vias in the same field */
	buf_put(b, via->text.p + via->text.n, (size_t)(value.p + value.n - (via->text.p + via->text.n)));
	buf_puts(b, "\r\n");
}

static void
copy_field(struct buf *b, const struct sipmsg *m, const struct sip_header *h, const char *name)
{
	if (h == NULL)
		return;
	buf_puts(b, name);
	buf_put(b, ": ", 2);
	buf_putslice(b, sip_header_value(m, h));
	buf_put(b, "\r\n", 2);
}

static void
copy_all(struct buf *b, const struct sipmsg *m, enum sip_field field, const char *name, int from)
{
	const struct sip_header *h;

	while ((h = sip_find(m, field, from)) != NULL) {
		copy_field(b, m, h, name);
		from = (int)(h - m->headers) + 1;
	}
}

static void
put_to(struct buf *b, const struct sipmsg *m, const struct sip_answer *a)
{
	const struct sip_header *to = sip_find(m, SIP_TO, 0);

	if (to == NULL)
		return;
	buf_puts(b, "To: ");
	buf_putslice(b, sip_header_value(m, to));
	if (m->to.tag.n == 0 && a->to_tag.n > 0 && a->status != 100) {
		buf_puts(b, ";tag=");
		buf_putslice(b, a->to_tag);
	}
	buf_puts(b, "\r\n");
}

bool
sip_makes_dialog(const struct sipmsg *m, int status)
{
	static const struct slice methods[] = { { "INVITE", 6 }, { "SUBSCRIBE", 9 }, { "NOTIFY", 6 }, { "REFER", 5 } };

	for (size_t i = 0; status > 100 && status < 300 && i < sizeof(methods) / sizeof(methods[0]); i++)
		if (slice_eq(m->method, methods[i]))
			return true;
	return false;
}

void
sip_print_response(struct buf *b, const struct sipmsg *m, const struct addr *source, const struct sip_answer *a)
{
	int vias = (int)(sip_find(m, SIP_VIA, 0) - m->headers) + 1;

	buf_puts(b, "SIP/2.0 ");
	buf_putu(b, (uint64_t)a->status);
	buf_putc(b, ' ');
	buf_putslice(b, a->reason.n > 0 ? a->reason : slice_of(sip_reason(a->status)));
	buf_puts(b, "\r\n");
	put_via(b, m, source);
	copy_all(b, m, SIP_VIA, "Via", vias);
	copy_field(b, m, sip_find(m, SIP_FROM, 0), "From");
	put_to(b, m, a);
	copy_field(b, m, sip_find(m, SIP_CALL_ID, 0), "Call-ID");
	copy_field(b, m, sip_find(m, SIP_CSEQ, 0), "CSeq");
	if (a->status == 100)
		copy_field(b, m, sip_find(m, SIP_TIMESTAMP, 0), "Timestamp");
	if (sip_makes_dialog(m, a->status))
		copy_all(b, m, SIP_RECORD_ROUTE, "Record-Route", 0);
	buf_putslice(b, a->headers);
	buf_puts(b, "Content-Length: ");
	buf_putu(b, a->body.n);
	buf_puts(b, "\r\n\r\n");
	buf_putslice(b, a->body);
}

static void
response_target(const struct sip_via *via, const struct addr *source, bool symmetric, struct addr *target)
{
	uint16_t port = via->port >= 0 ? (uint16_t)via->port : slice_caseeq(via->transport, SLICE("TLS")) ? SIP_TLS_PORT : SIP_DEFAULT_PORT;
	struct slice host = via->maddr;

	if (host.n > 2 && *host.p == '[')
		host = (struct slice){ host.p + 1, host.n - 2 };
	if (host.n > 0 && addr_literal(host, port, target) == 0)
		return;
	*target = *source;
	if (!symmetric)
		addr_set_port(target, port);
}

void
sip_response_target(const struct sipmsg *m, const struct addr *source, struct addr *target)
{
	response_target(&m->via, source, m->via.rport, target);
}

void
sip_response_listener(const struct sipmsg *m, const struct addr *source, struct addr *target)
{
	response_target(&m->via, source, false, target);
}
