/* sipframe.h: where a message on a stream ends (RFC 3261 section 18.3, RFC 5626 section 4.4.1). */
#ifndef SIP_SIPFRAME_H
#define SIP_SIPFRAME_H

#include <sys/types.h>

#include "base/fault.h"
#include "base/slice.h"

/* How far the message at the front has been looked at. All zero for the first; sip_frame sees to the rest. */
struct sipframe {
	size_t scanned; /* no header ends before it */
	size_t whole;   /* the length of header and body; 0: the header has not ended */
};

/*
 * `in`: what has come and was not taken yet, which may only have grown since the last call. Returns the length of the
 * message at its front; 0: more has to come; -1: nothing that follows can be read, *f tells why: 400, no or no good
 * Content-Length, or 513, more than `max` bytes. Line ends before the message are no part of it: sip_frame_blank.
 */
ssize_t sip_frame(struct sipframe *, struct slice in, size_t max, struct fault *f);

/*
 * The line ends at the front, between messages: how many bytes. *pings gets how many of them are pairs, which ask for a
 * line end in return; one that may become a pair is left for the next time unless it is followed by something.
 */
size_t sip_frame_blank(struct slice in, unsigned *pings);

#endif
