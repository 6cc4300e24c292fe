/* Datagrams joined for the system to cut up: what arrives is what was sent, one by one. */
#include "net/segment.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "tap.h"

static char bytes[SEGMENT_BATCH][1500];
static struct iovec iov[SEGMENT_BATCH];
static struct mmsghdr msgs[SEGMENT_BATCH];
static struct sockaddr_in peers[2];
static struct segment joined;
static bool none[SEGMENT_BATCH], all[SEGMENT_BATCH];

static void
batch(const size_t *lengths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		memset(bytes[i], (int)i, sizeof(bytes[i]));
		iov[i] = (struct iovec){ bytes[i], lengths[i] };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
}

TEST(equal_ones_go_together)
{
	static const size_t lengths[] = { 30, 30, 30, 20, 30, 30 };

	batch(lengths, 6);
	segment_join(&joined, msgs, none, 6);
	EQ((long long)joined.n, 2);
	EQ(joined.ends[0], 4); /* the shorter one is the last of the first */
	EQ(joined.ends[1], 6);
	for (int i = 0; i < 6; i++)
		EQ(joined.order[i], i);
}

TEST(loose_ones_of_one_length_are_brought_together)
{
	static const size_t lengths[] = { 20, 30, 20, 30, 20, 10 };
	static const int order[] = { 1, 3, 0, 2, 4, 5 };

	memset(all, true, sizeof(all));
	batch(lengths, 6);
	segment_join(&joined, msgs, all, 6);
	EQ((long long)joined.n, 2);
	EQ(joined.ends[0], 3); /* 30 30 20 */
	EQ(joined.ends[1], 6); /* 20 20 10 */
	for (int i = 0; i < 6; i++)
		EQ(joined.order[i], order[i]);
}

TEST(nothing_passes_one_that_is_not_loose)
{
	static const size_t lengths[] = { 10, 20, 10, 10, 30, 20, 30 };
	static const bool loose[] = { true, true, false, true, true, true, true };
	static const int order[] = { 1, 0, 2, 4, 6, 5, 3 };

	batch(lengths, 7);
	segment_join(&joined, msgs, loose, 7);
	for (int i = 0; i < 7; i++)
		EQ(joined.order[i], order[i]);
}

/* What says from which address a datagram leaves stays with it. */
TEST(only_what_leaves_the_same_way_goes_together)
{
	static const size_t lengths[] = { 30, 30, 30, 30 };
	static char ways[2][32] = { "one", "another" };
	const struct cmsghdr *cut;

	batch(lengths, 4);
	for (int i = 0; i < 4; i++) {
		msgs[i].msg_hdr.msg_control = ways[i / 2];
		msgs[i].msg_hdr.msg_controllen = sizeof(ways[0]);
	}
	segment_join(&joined, msgs, none, 4);
	EQ((long long)joined.n, 2);
	for (int i = 0; i < 2; i++) {
		OK(memcmp(joined.msgs[i].msg_hdr.msg_control, ways[i], sizeof(ways[0])) == 0);
		cut = (const struct cmsghdr *)((const char *)joined.msgs[i].msg_hdr.msg_control + sizeof(ways[0]));
		EQ(cut->cmsg_type, UDP_SEGMENT);
		EQ((long long)joined.msgs[i].msg_hdr.msg_controllen, (long long)(sizeof(ways[0]) + CMSG_SPACE(sizeof(uint16_t))));
	}
}

TEST(growing_ones_stay_alone)
{
	static const size_t lengths[] = { 10, 20, 30 };

	batch(lengths, 3);
	segment_join(&joined, msgs, none, 3);
	EQ((long long)joined.n, 3);
	OK(joined.msgs[0].msg_hdr.msg_control == NULL);
}

TEST(an_empty_one_is_no_segment)
{
	static const size_t lengths[] = { 0, 0, 10, 0 };

	batch(lengths, 4);
	segment_join(&joined, msgs, none, 4);
	EQ((long long)joined.n, 4);
}

TEST(one_message_has_one_peer)
{
	static const size_t lengths[] = { 10, 10, 10 };

	batch(lengths, 3);
	for (int i = 0; i < 3; i++) {
		peers[i / 2] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = (in_port_t)(i / 2) };
		msgs[i].msg_hdr.msg_name = &peers[i / 2];
		msgs[i].msg_hdr.msg_namelen = sizeof(peers[0]);
	}
	segment_join(&joined, msgs, none, 3);
	EQ((long long)joined.n, 2);
	EQ(joined.ends[0], 2);
}

TEST(no_more_than_a_packet_holds)
{
	size_t lengths[SEGMENT_BATCH];

	for (size_t i = 0; i < SEGMENT_BATCH; i++)
		lengths[i] = 1400;
	batch(lengths, SEGMENT_BATCH);
	segment_join(&joined, msgs, none, SEGMENT_BATCH);
	EQ((long long)joined.n, 2);
	OK((size_t)joined.ends[0] * 1400 <= 65000);
	EQ(joined.ends[1], SEGMENT_BATCH);
}

TEST(what_arrives_is_what_was_sent)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	size_t lengths[SEGMENT_BATCH], seen[SEGMENT_BATCH] = { 0 };
	socklen_t len = sizeof(at);
	int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
	char got[2000];
	ssize_t n;

	EQ(bind(in, (struct sockaddr *)&at, sizeof(at)), 0);
	EQ(getsockname(in, (struct sockaddr *)&at, &len), 0);
	EQ(connect(out, (struct sockaddr *)&at, sizeof(at)), 0);
	OK(segment_supported(out));
	for (size_t i = 0; i < SEGMENT_BATCH; i++)
		lengths[i] = 10 + i * 7 % 5;
	batch(lengths, SEGMENT_BATCH);
	segment_join(&joined, msgs, all, SEGMENT_BATCH);
	OK(joined.n <= 5);
	EQ(sendmmsg(out, joined.msgs, (unsigned)joined.n, 0), (int)joined.n);
	for (int i = 0; i < SEGMENT_BATCH; i++) {
		unsigned char which;

		n = recv(in, got, sizeof(got), 0);
		which = (unsigned char)got[0];
		OK(which < SEGMENT_BATCH && n == (ssize_t)lengths[which]);
		OK(memcmp(got, bytes[which], (size_t)n) == 0);
		seen[which]++;
	}
	for (int i = 0; i < SEGMENT_BATCH; i++)
		OK(seen[i] == 1);
	close(in);
	close(out);
}

MAIN(RUN(equal_ones_go_together), RUN(loose_ones_of_one_length_are_brought_together), RUN(nothing_passes_one_that_is_not_loose),
    RUN(only_what_leaves_the_same_way_goes_together),
    RUN(growing_ones_stay_alone), RUN(an_empty_one_is_no_segment), RUN(one_message_has_one_peer),
    RUN(no_more_than_a_packet_holds), RUN(what_arrives_is_what_was_sent))
