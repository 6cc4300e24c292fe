/*
 * opening.h: what stream.c and opening.c share about a stream. Nobody else's business.
 *
 * A stream is opening while it connects, and while its TLS handshake goes on. What is asked for meanwhile is done then.
 */
#ifndef NET_OPENING_H
#define NET_OPENING_H

#include "net/side.h"
#include "net/stream.h"

struct securing;

struct stream {
	struct side in, out;
	struct side *writer;   /* &in when one descriptor does for both */
	struct defer defer;
	struct sched *s;
	struct securing *securing; /* NULL: TLS is not spoken, or there is no more to be done for it */
	stream_changed *changed;
	void *user;
	struct buf input, output;
	size_t taken, most;
	size_t sent;           /* of the output */
	int error;
	bool connecting, connected;
	bool eof;              /* of the input, or it failed */
	bool broken;           /* for writing */
	bool dry;
	bool always;           /* a plain file: the poller does not take it, it is always ready */
	bool shut;             /* no more after what is pending */
	bool news;             /* `changed` is to be called */
	bool busy, closed;     /* closed while busy: freed afterwards */
};

/* --- opening.c --- */

static inline bool
opening_is_on(const struct stream *st)
{
	return st->connecting || st->securing != NULL;
}

/* An event came for one that is opening. */
void opening_event(struct stream *);

/* Nothing more comes of it. Safe at any time. */
void opening_end(struct stream *);

/* --- stream.c --- */

/* Nothing stands between it and its bytes any more: does what was asked for meanwhile. */
void stream_begin(struct stream *);

/* It will never be open. */
void stream_fail(struct stream *, int error);

/* Tells the owner if there are news. The stream may be gone after it. */
void stream_tell(struct stream *);

#endif
