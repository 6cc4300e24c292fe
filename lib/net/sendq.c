#include "net/sendq.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* Before each datagram; the control message, the address and the bytes follow, each padded to ALIGN. */
struct record {
	uint32_t n;       /* bytes of data */
	uint16_t control; /* bytes of control message; 0: none */
	uint8_t addr;     /* bytes of address; 0: none */
	bool taken : 1;   /* it is forgotten, but not the oldest */
	bool loose : 1;
};

enum { ALIGN = sizeof(struct record), FIRST = 2048, KEEP = 256 * 1024 };

static size_t
padded(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t
size_of(const struct record *r)
{
	return sizeof(*r) + padded(r->control) + padded(r->addr) + padded(r->n);
}

void
sendq_fini(struct sendq *q)
{
	free(q->p);
	*q = (struct sendq){ .count = 0 };
}

/*
 * Moving to the front is worth it when it frees at least as much as it moves: so each byte is moved once, on average.
 */
static int
make_room(struct sendq *q, size_t need)
{
	size_t held = q->tail - q->head, cap = q->cap > 0 ? q->cap : FIRST;
	char *p;

	if (need > SENDQ_MAX - held) {
		errno = ENOBUFS;
		return -1;
	}
	if (q->cap - q->tail >= need)
		return 0;
	if (q->head >= held && q->cap - held >= need) {
		if (held > 0)
			memmove(q->p, q->p + q->head, held);
		q->head = 0;
		q->tail = held;
		return 0;
	}
	while (cap - q->tail < need)
		cap *= 2;
	if ((p = realloc(q->p, cap)) == NULL)
		return -1;
	q->p = p;
	q->cap = cap;
	return 0;
}

/* Copies it, and returns where the next one goes. */
static char *
put(char *at, const void *p, size_t n)
{
	if (n > 0)
		memcpy(at, p, n);
	return at + padded(n);
}

int
sendq_add_how(struct sendq *q, struct slice data, const struct addr *to, struct slice control, bool loose)
{
	struct record r = { .n = (uint32_t)data.n, .addr = to != NULL ? (uint8_t)to->len : 0, .control = (uint16_t)control.n,
		.loose = loose };
	char *at;

	if (data.n > SENDQ_MAX) {
		errno = ENOBUFS;
		return -1;
	}
	if (make_room(q, size_of(&r)) == -1)
		return -1;
	at = q->p + q->tail;
	at = put(at, &r, sizeof(r));
	at = put(at, control.p, r.control);
	at = put(at, to != NULL ? &to->u : NULL, r.addr);
	(void)put(at, data.p, r.n);
	q->tail += size_of(&r);
	q->count++;
	return 0;
}

int
sendq_add(struct sendq *q, struct slice data, const struct addr *to)
{
	return sendq_add_how(q, data, to, (struct slice){ NULL, 0 }, false);
}

size_t
sendq_batch(const struct sendq *q, struct mmsghdr *msgs, struct iovec *iov, bool *loose, size_t most)
{
	char *at = q->p + q->head;
	size_t n = q->count < most ? q->count : most;

	for (size_t i = 0; i < n; i++) {
		struct record r;
		char *name;

		for (memcpy(&r, at, sizeof(r)); r.taken; memcpy(&r, at, sizeof(r)))
			at += size_of(&r);
		name = at + sizeof(r) + padded(r.control);
		iov[i].iov_base = name + padded(r.addr);
		iov[i].iov_len = r.n;
		loose[i] = r.loose;
		msgs[i].msg_hdr = (struct msghdr){
			.msg_name = r.addr > 0 ? name : NULL,
			.msg_namelen = r.addr,
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = r.control > 0 ? at + sizeof(r) : NULL,
			.msg_controllen = r.control,
		};
		at += size_of(&r);
	}
	return n;
}

static void
emptied(struct sendq *q)
{
	q->head = q->tail = 0;
	/* after a jam: a socket that sends a turn's worth at a time never gets here */
	if (q->cap > KEEP) {
		free(q->p);
		q->p = NULL;
		q->cap = 0;
	}
}

void
sendq_drop(struct sendq *q, size_t n)
{
	while (n > 0 && q->count > 0) {
		struct record r;

		memcpy(&r, q->p + q->head, sizeof(r));
		q->head += size_of(&r);
		n -= !r.taken;
		q->count -= !r.taken;
	}
	if (q->count == 0)
		emptied(q);
}

void
sendq_take(struct sendq *q, const struct mmsghdr *m)
{
	char *at = (char *)m->msg_hdr.msg_iov->iov_base - padded(m->msg_hdr.msg_namelen) - padded(m->msg_hdr.msg_controllen) -
	    sizeof(struct record);
	struct record r;

	memcpy(&r, at, sizeof(r));
	r.taken = true;
	memcpy(at, &r, sizeof(r));
	if (--q->count == 0)
		emptied(q);
}
