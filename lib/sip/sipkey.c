#include "sip/sipkey.h"

/* Branches and hosts are the same in any case (7.3.1). */
static void
put_lower(struct buf *b, struct slice s)
{
	char *to = buf_reserve(b, s.n + 1);

	if (to == NULL)
		return;
	for (size_t i = 0; i < s.n; i++)
		to[i] = ascii_lower(s.p[i]);
	to[s.n] = '\n';
	buf_added(b, s.n + 1);
}

static void
put_line(struct buf *b, struct slice s)
{
	buf_putslice(b, s);
	buf_putc(b, '\n');
}

void
sip_put_server_key(struct buf *b, const struct sipmsg *m, struct slice method)
{
	static const struct slice cookie = { "z9hG4bK", 7 };
	struct slice branch = m->via.branch;

	if (branch.n > cookie.n && slice_caseeq((struct slice){ branch.p, cookie.n }, cookie)) {
		put_lower(b, branch);
	} else {
		put_line(b, m->uri);
		sip_put_call_key(b, m);
		put_lower(b, branch);
	}
	put_lower(b, m->via.sent_by);
	buf_putslice(b, slice_eq(method, SLICE("ACK")) ? SLICE("INVITE") : method);
}

void
sip_put_client_key(struct buf *b, struct slice branch, struct slice method)
{
	put_lower(b, branch);
	buf_putslice(b, method);
}

void
sip_put_call_key(struct buf *b, const struct sipmsg *m)
{
	put_line(b, m->call_id);
	put_line(b, m->from.tag);
	buf_putu(b, m->cseq.number);
}
