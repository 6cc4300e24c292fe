#include "sip/siprequest.h"

static void
put_field(struct buf *b, const char *name, struct slice value)
{
	buf_puts(b, name);
	buf_puts(b, ": ");
	buf_putslice(b, value);
	buf_puts(b, "\r\n");
}

static void
copy_all(struct buf *b, const struct sipmsg *m, enum sip_field field, const char *name)
{
	const struct sip_header *h;

	for (h = sip_find(m, field, 0); h != NULL; h = sip_find(m, field, (int)(h - m->headers) + 1))
		put_field(b, name, sip_header_value(m, h));
}

/* All but Via are the whole fields of the INVITE: only one Via is ours. `to` has the response's tag in an ACK. */
static void
put_request(struct buf *b, const char *method, const struct sipmsg *invite, struct slice to)
{
	buf_puts(b, method);
	buf_putc(b, ' ');
	buf_putslice(b, invite->uri);
	buf_puts(b, " SIP/2.0\r\n");
	put_field(b, "Via", invite->via.text);
	buf_puts(b, "Max-Forwards: 70\r\n");
	copy_all(b, invite, SIP_ROUTE, "Route");
	copy_all(b, invite, SIP_FROM, "From");
	put_field(b, "To", to);
	put_field(b, "Call-ID", invite->call_id);
	buf_puts(b, "CSeq: ");
	buf_putu(b, invite->cseq.number);
	buf_putc(b, ' ');
	buf_puts(b, method);
	buf_puts(b, "\r\nContent-Length: 0\r\n\r\n");
}

void
sip_print_ack(struct buf *b, const struct sipmsg *invite, const struct sipmsg *response)
{
	put_request(b, "ACK", invite, sip_header_value(response, sip_find(response, SIP_TO, 0)));
}

void
sip_print_cancel(struct buf *b, const struct sipmsg *invite)
{
	put_request(b, "CANCEL", invite, sip_header_value(invite, sip_find(invite, SIP_TO, 0)));
}
