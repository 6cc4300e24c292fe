#include "net/sendq.h"

#include <errno.h>
#include <stdint.h>
#include <sys/uio.h>

#include "tap.h"

static struct addr
address(const char *text)
{
	struct addr a = { .len = 0 };

	EQ(addr_parse(slice_of(text), -1, &a, NULL, NULL), 0);
	return a;
}

/* A datagram that can be told from its number: its length and its bytes. */
static size_t
make(uint32_t number, char *p)
{
	size_t n = number * 37 % 1400;

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(number + i);
	return n;
}

static void
put(struct sendq *q, uint32_t number, const struct addr *to)
{
	char p[1400];
	size_t n = make(number, p);

	EQ(sendq_add(q, slice_make(p, n), to), 0);
}

static void
expect(const struct mmsghdr *m, uint32_t number, const struct addr *to)
{
	char p[1400];
	size_t n = make(number, p);
	const struct msghdr *h = &m->msg_hdr;

	EQ(h->msg_iovlen, 1);
	EQ(h->msg_iov->iov_len, n);
	OK(h->msg_iov->iov_len == n && memcmp(h->msg_iov->iov_base, p, n) == 0);
	EQ(h->msg_namelen, to != NULL ? to->len : 0);
	OK(to == NULL ? h->msg_name == NULL : memcmp(h->msg_name, &to->u, to->len) == 0);
}

static bool loose[64];

TEST(empty)
{
	struct sendq q = { .count = 0 };
	struct mmsghdr m[2];
	struct iovec iov[2];

	EQ(sendq_batch(&q, m, iov, loose, 2), 0);
	sendq_drop(&q, 5);
	EQ(q.count, 0);
	EQ(alloc_count(), 0);
	sendq_fini(&q);
}

/* In and out at different paces, so that it wraps, moves and grows. */
TEST(first_in_first_out)
{
	const struct addr to[3] = { address("127.0.0.1:1"), address("[::1]:2"), address("unix:/a/path") };
	struct sendq q = { .count = 0 };
	struct mmsghdr m[64];
	struct iovec iov[64];
	uint32_t in = 0, out = 0, random = 7;

	while (out < 20000) {
		size_t n;

		random = random * 1664525 + 1013904223;
		for (uint32_t k = random >> 27; k > 0 && q.count < 500; k--, in++)
			put(&q, in, in % 4 == 3 ? NULL : &to[in % 4]);
		EQ(q.count, in - out);
		n = sendq_batch(&q, m, iov, loose, 1 + (random >> 16) % 64);
		for (size_t i = 0; i < n; i++)
			expect(&m[i], out + (uint32_t)i, (out + i) % 4 == 3 ? NULL : &to[(out + i) % 4]);
		n = n > 0 ? (random >> 8) % n + 1 : 0;
		sendq_drop(&q, n);
		out += (uint32_t)n;
		if (tap_failed)
			break;
	}
	sendq_fini(&q);
}

TEST(full)
{
	static char big[65536];
	struct sendq q = { .count = 0 };
	size_t n = 0;

	while (sendq_add(&q, slice_make(big, 60000), NULL) == 0)
		n++;
	EQ(errno, ENOBUFS);
	EQ(n, SENDQ_MAX / 60008);
	EQ(q.count, n);
	/* a smaller one still fits, and there is room again for each that left */
	EQ(sendq_add(&q, slice_make(big, 100), NULL), 0);
	for (size_t i = 0; i < n; i++) {
		sendq_drop(&q, 1);
		EQ(sendq_add(&q, slice_make(big, 60000), NULL), 0);
	}
	EQ(q.count, n + 1);
	EQ(sendq_add(&q, slice_make(big, SIZE_MAX), NULL), -1);
	EQ(errno, ENOBUFS);
	sendq_drop(&q, SIZE_MAX);
	EQ(q.count, 0);
	sendq_fini(&q);
}

TEST(memory_is_kept_but_not_after_a_jam)
{
	static char data[1400];
	struct sendq q = { .count = 0 };
	long warm;

	for (int round = 0; round < 1000; round++) {
		if (round == 1)
			alloc_reset();
		for (int i = 0; i < 64; i++)
			EQ(sendq_add(&q, slice_make(data, sizeof(data)), NULL), 0);
		sendq_drop(&q, 64);
	}
	EQ(alloc_count(), 0);
	for (int i = 0; i < 600; i++)
		EQ(sendq_add(&q, slice_make(data, sizeof(data)), NULL), 0);
	sendq_drop(&q, 600);
	/* given back: the next one allocates */
	warm = alloc_count();
	EQ(sendq_add(&q, slice_make(data, 1), NULL), 0);
	EQ(alloc_count(), warm + 1);
	sendq_fini(&q);
}

TEST(no_memory)
{
	struct sendq q = { .count = 0 };
	struct mmsghdr m[64];
	struct iovec iov[64];

	alloc_fail_at(1);
	EQ(sendq_add(&q, SLICE("x"), NULL), -1);
	EQ(errno, ENOMEM);
	EQ(q.count, 0);
	for (uint32_t i = 0; i < 3; i++)
		put(&q, i, NULL);
	for (uint32_t i = 3; i < 50; i++) {
		char p[1400];

		alloc_fail_at(1);
		if (sendq_add(&q, slice_make(p, make(i, p)), NULL) == -1)
			break;
	}
	OK(q.count < 50);
	EQ(sendq_batch(&q, m, iov, loose, 64), q.count);
	for (uint32_t i = 0; i < q.count; i++)
		expect(&m[i], i, NULL);
	sendq_fini(&q);
}

/* out of their order, as a batch that was sorted is sent, and only some of them */
TEST(taken_from_the_middle)
{
	struct sendq q = { .count = 0 };
	struct mmsghdr m[64];
	struct iovec iov[64];
	static const uint32_t left[] = { 2, 3, 5, 6, 8, 9, 10 };
	struct addr to = address("127.0.0.1:9");

	for (uint32_t i = 1; i <= 10; i++)
		put(&q, i, i % 2 ? &to : NULL);
	EQ(sendq_batch(&q, m, iov, loose, 8), 8);
	sendq_take(&q, &m[6]);
	sendq_take(&q, &m[0]);
	sendq_take(&q, &m[3]);
	EQ(q.count, 7);
	EQ(sendq_batch(&q, m, iov, loose, 64), 7);
	for (int i = 0; i < 7; i++)
		expect(&m[i], left[i], left[i] % 2 ? &to : NULL);
	sendq_drop(&q, 3);
	EQ(sendq_batch(&q, m, iov, loose, 64), 4);
	expect(&m[0], 6, NULL);
	expect(&m[1], 8, NULL);
	for (int i = 0; i < 4; i++)
		sendq_take(&q, &m[3 - i]);
	EQ(q.count, 0);
	EQ(sendq_batch(&q, m, iov, loose, 64), 0);
	put(&q, 11, NULL);
	EQ(sendq_batch(&q, m, iov, loose, 64), 1);
	expect(&m[0], 11, NULL);
	sendq_fini(&q);
}

MAIN(RUN(empty), RUN(first_in_first_out), RUN(full), RUN(memory_is_kept_but_not_after_a_jam), RUN(no_memory), RUN(taken_from_the_middle))
