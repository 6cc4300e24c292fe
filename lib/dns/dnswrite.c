#include "dns/dnswrite.h"

#include <string.h>

#include "dns/rr.h"

static uint8_t *
put16(uint8_t *to, unsigned v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
	return to + 2;
}

size_t
dnswrite_query(uint8_t *to, uint16_t id, uint16_t flags, const uint8_t *name, size_t namelen, uint16_t type, uint16_t class,
    uint16_t edns_size, uint16_t edns_flags)
{
	uint8_t *at = to;

	at = put16(at, id);
	at = put16(at, flags);
	at = put16(at, 1);
	at = put16(at, 0);
	at = put16(at, 0);
	at = put16(at, edns_size > 0);
	memcpy(at, name, namelen);
	at = put16(at + namelen, type);
	at = put16(at, class);
	if (edns_size == 0)
		return (size_t)(at - to);
	*at++ = 0;
	at = put16(at, RRTYPE_OPT);
	at = put16(at, edns_size);
	at = put16(at, 0);
	at = put16(at, edns_flags);
	at = put16(at, 0);
	return (size_t)(at - to);
}

void
dnswrite_begin(struct dnswriter *w, struct buf *b, uint16_t id, uint16_t flags)
{
	*w = (struct dnswriter){ .buf = b, .start = b->n };
	buf_put16(b, id);
	buf_put16(b, flags);
	for (int i = 0; i < DNS_SECTIONS; i++)
		buf_put16(b, 0);
}

/*
 * An earlier place of this name in the message that a pointer can reach; 0: none. Names keep their letters' case: a
 * pointer to an equal one of another case would change it.
 */
static uint16_t
earlier(const struct dnswriter *w, const uint8_t *name)
{
	const uint8_t *msg = (const uint8_t *)w->buf->p + w->start;

	for (unsigned i = 0; i < w->nnames; i++)
		if (name_same(msg, w->names[i], name))
			return w->names[i];
	return 0;
}

/* Remembers the labels from `at` to `end`. Only when their name is complete: name_same follows it to its end. */
static void
remember(struct dnswriter *w, size_t at, size_t end)
{
	const uint8_t *msg = (const uint8_t *)w->buf->p + w->start;

	while (at < end && at <= 0x3fff && w->nnames < sizeof(w->names) / sizeof(w->names[0])) {
		w->names[w->nnames++] = (uint16_t)at;
		at += msg[at] + 1u;
	}
}

static void
put_name(struct dnswriter *w, const uint8_t *name, bool compress)
{
	size_t at = w->buf->n - w->start, end;
	uint16_t to = 0;

	while (!w->buf->failed && name[0] != 0 && (!compress || (to = earlier(w, name)) == 0)) {
		buf_put(w->buf, name, name[0] + 1u);
		name += name[0] + 1u;
	}
	end = w->buf->n - w->start;
	if (to > 0)
		buf_put16(w->buf, 0xc000 | to);
	else
		buf_putc(w->buf, 0);
	if (compress && !w->buf->failed)
		remember(w, at, end);
}

void
dnswrite_question(struct dnswriter *w, const uint8_t *name, uint16_t type, uint16_t class)
{
	w->counts[DNS_QUESTION]++;
	put_name(w, name, true);
	buf_put16(w->buf, type);
	buf_put16(w->buf, class);
}

static void
put_rdata(struct dnswriter *w, const struct rrtype *type, struct slice rdata)
{
	const uint8_t *p = (const uint8_t *)rdata.p;
	struct rrvalue v;

	for (bool more = rr_first(type, p, 0, rdata.n, &v); more; more = rr_next(p, rdata.n, &v)) {
		if (v.field->kind == RR_NAME || v.field->kind == RR_NAME_PLAIN)
			put_name(w, p + v.off, v.field->kind == RR_NAME);
		else
			buf_put(w->buf, p + v.off, v.n);
	}
}

void
dnswrite_rr(struct dnswriter *w, enum dnssection section, const uint8_t *name, uint16_t type, uint16_t class, uint32_t ttl,
    struct slice rdata)
{
	size_t at, len;

	w->counts[section]++;
	put_name(w, name, true);
	buf_put16(w->buf, type);
	buf_put16(w->buf, class);
	buf_put32(w->buf, ttl);
	at = w->buf->n;
	buf_put16(w->buf, 0);
	put_rdata(w, rrtype_of(type, class, rdata.n), rdata);
	if (w->buf->failed)
		return;
	len = w->buf->n - at - 2;
	put16((uint8_t *)w->buf->p + at, (unsigned)len);
}

int
dnswrite_end(struct dnswriter *w)
{
	if (w->buf->failed || w->buf->n - w->start > DNS_MAX) {
		w->buf->n = w->start;
		return -1;
	}
	for (int i = 0; i < DNS_SECTIONS; i++)
		put16((uint8_t *)w->buf->p + w->start + 4 + 2 * i, w->counts[i]);
	return 0;
}
