/* A message takes datagrams of one length, and a shorter one as its last. */
#include "net/segment.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

/* What fits into the IP packet that is cut up; and no system takes more segments than the oldest. */
enum { BYTES_MAX = 65000, SEGMENTS_MAX = 64 };

bool
segment_supported(int fd)
{
	int none = 0;

	return setsockopt(fd, SOL_UDP, UDP_SEGMENT, &none, sizeof(none)) == 0;
}

static size_t
length(const struct mmsghdr *m)
{
	return m->msg_hdr.msg_iov->iov_len;
}

/* The longest first, and otherwise as they were: batches are small and mostly of few lengths. Nothing passes what is not loose. */
static void
sort(struct segment *s, const struct mmsghdr *in, const bool *loose, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint8_t moved = s->order[i];
		size_t at = i;

		if (!loose[moved])
			continue;
		for (; at > 0 && loose[s->order[at - 1]] && length(&in[s->order[at - 1]]) < length(&in[moved]); at--)
			s->order[at] = s->order[at - 1];
		s->order[at] = moved;
	}
}

static bool
same(const void *a, size_t na, const void *b, size_t nb)
{
	return na == nb && (na == 0 || memcmp(a, b, na) == 0);
}

/* To the same peer, and from the same address. */
static bool
same_way(const struct msghdr *a, const struct msghdr *b)
{
	return same(a->msg_name, a->msg_namelen, b->msg_name, b->msg_namelen) &&
	    same(a->msg_control, a->msg_controllen, b->msg_control, b->msg_controllen);
}

/* Adds a control message to those that it has. */
static void
cut_up(struct msghdr *m, char *control, uint16_t size)
{
	struct cmsghdr c = { .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof(size)) };
	size_t n = m->msg_controllen;

	if (n > 0)
		memcpy(control, m->msg_control, n);
	memset(control + n, 0, CMSG_SPACE(sizeof(size)));
	memcpy(control + n, &c, sizeof(c));
	memcpy(control + n + CMSG_LEN(0), &size, sizeof(size));
	m->msg_control = control;
	m->msg_controllen = n + CMSG_SPACE(sizeof(size));
}

/* How many from `from` on go into one message. */
static size_t
run(const struct segment *s, const struct mmsghdr *in, size_t from, size_t n)
{
	const struct mmsghdr *first = &in[s->order[from]];
	size_t len = length(first), bytes = len, k = 1;

	if (len == 0 || first->msg_hdr.msg_controllen > SEGMENT_CONTROL)
		return 1;
	for (; from + k < n && k < SEGMENTS_MAX; k++) {
		const struct mmsghdr *m = &in[s->order[from + k]];

		if (length(m) > len || length(m) == 0 || length(&in[s->order[from + k - 1]]) < len)
			break;
		if ((bytes += length(m)) > BYTES_MAX || !same_way(&m->msg_hdr, &first->msg_hdr))
			break;
	}
	return k;
}

void
segment_join(struct segment *s, const struct mmsghdr *in, const bool *loose, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->order[i] = (uint8_t)i;
	sort(s, in, loose, n);
	s->n = 0;
	for (size_t at = 0, k; at < n; at += k, s->n++) {
		struct msghdr *m = &s->msgs[s->n].msg_hdr;
		uint16_t size = (uint16_t)length(&in[s->order[at]]);

		k = run(s, in, at, n);
		*m = in[s->order[at]].msg_hdr;
		for (size_t i = 0; i < k; i++)
			s->iov[at + i] = *in[s->order[at + i]].msg_hdr.msg_iov;
		m->msg_iov = &s->iov[at];
		m->msg_iovlen = k;
		s->ends[s->n] = (uint8_t)(at + k);
		if (k > 1)
			cut_up(m, s->control[s->n].bytes, size);
	}
}
