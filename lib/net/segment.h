/*
 * segment.h: datagrams of one length to one peer leave as one, which the system cuts up again (UDP_SEGMENT, Linux
 * 4.18): the way down through the system is gone once for all of them.
 */
#ifndef NET_SEGMENT_H
#define NET_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { SEGMENT_BATCH = 64, SEGMENT_CONTROL = 64 };

/* What was joined: n messages for sendmmsg(2). */
struct segment {
	struct mmsghdr msgs[SEGMENT_BATCH];
	size_t n;
	uint8_t order[SEGMENT_BATCH];     /* the datagrams, by their place in the batch, as they are sent */
	uint8_t ends[SEGMENT_BATCH];      /* where in `order` those of message i end */
	/* private */
	struct iovec iov[SEGMENT_BATCH];
	union {
		char bytes[SEGMENT_CONTROL + CMSG_SPACE(sizeof(uint16_t))];
		size_t align;
	} control[SEGMENT_BATCH];
};

/* Whether the system can cut up what this socket sends. */
bool segment_supported(int fd);

/*
 * Joins n <= SEGMENT_BATCH datagrams, one iovec and at most SEGMENT_CONTROL bytes of control messages each, as far as they go together; they must stay as they are while
 * the result is used. Those that are loose may change places with other loose ones beside them, so that those of one
 * length come together; the others stay where they are.
 */
void segment_join(struct segment *, const struct mmsghdr *, const bool *loose, size_t n);

#endif
