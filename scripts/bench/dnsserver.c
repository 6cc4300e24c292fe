/*
 * A name server that costs less than any: every question, whatever it asks, is answered with the address 192.0.2.1, by
 * copying it back; sixty-four at a time. With `gso` answers of one length to one client leave as one datagram that the
 * system cuts up. With `naptr` the answer is a telephone number's SIP address (RFC 6116), but for numbers that begin with
 * +999: there are none; it may come so many milliseconds late. With `silent` there is none.
 *   dnsserver [ADDRESS:]PORT [gso | naptr [DELAY] | silent]      prints how many questions it has had when it is ended
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	SIZE = 1232,
	HELD = 1 << 17, /* answers that wait */
	HELD_SIZE = 256,
};

/* an answer that is to come late */
struct held {
	int64_t due; /* ns */
	struct sockaddr_in peer;
	size_t length;
	char bytes[HELD_SIZE];
};

static const char address[16] = { '\xc0', 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, '\xc0', 0, 2, 1 };
/* class IN, 60 s, order 100, preference 10; the string's end is the root, for there is no replacement */
static const char naptr[] = "\xc0\14\0\43\0\1\0\0\0\74\0\53" "\0\144\0\12\1u\7E2U+sip\33!^\\+(.*)$!sip:\\1@192.0.2.1!";
static const char none[] = "\0019\0019\0019\4e164\4arpa";

static const char *record = address;
static size_t record_size = sizeof(address);
static struct held held[HELD];
static size_t first_held, n_held;

static char bytes[BATCH][SIZE];
static struct iovec iov[BATCH];
static struct sockaddr_in peers[BATCH];
static struct mmsghdr msgs[BATCH];
static unsigned long asked;

static void
stop(int signo)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%lu\n", asked);

	(void)signo;
	_exit(write(STDOUT_FILENO, text, (size_t)n) != n);
}

/* Makes an answer of a question; its length, 0 for what is no question. */
static size_t
answer(unsigned char *m, size_t n)
{
	size_t at = 12, size = record_size;

	if (n < 17 || m[5] != 1)
		return 0;
	while (at < n && m[at] != 0)
		at += (size_t)m[at] + 1;
	at += 5;
	if (at > n || at + size > SIZE)
		return 0;
	if (record == naptr && at >= 12 + sizeof(none) + 4 && memcmp(m + at - 4 - sizeof(none), none, sizeof(none)) == 0)
		size = 0;
	m[2] = 0x84 | (m[2] & 1);
	m[3] = size > 0 ? 0 : 3;
	m[6] = 0;
	m[7] = size > 0;
	memset(m + 8, 0, 4);
	memcpy(m + at, record, size);
	return at + size;
}

static void
send_all(int fd, unsigned n)
{
	unsigned sent = 0;

	while (sent < n) {
		int some = sendmmsg(fd, msgs + sent, n - sent, 0);

		if (some <= 0)
			return;
		sent += (unsigned)some;
	}
}

/* Runs of equal length to one client; the last of a run may be shorter. */
static void
send_joined(int fd, unsigned n)
{
	for (unsigned i = 0, run; i < n; i += run) {
		union { char bytes[CMSG_SPACE(sizeof(uint16_t))]; size_t align; } control = { .bytes = { 0 } };
		struct msghdr m = { .msg_name = &peers[i], .msg_namelen = sizeof(peers[i]), .msg_iov = &iov[i] };
		uint16_t size = (uint16_t)iov[i].iov_len;

		for (run = 1; i + run < n && iov[i + run].iov_len <= size && run < 60; run++)
			if (memcmp(&peers[i], &peers[i + run], sizeof(peers[0])) != 0 || iov[i + run - 1].iov_len < size)
				break;
		m.msg_iovlen = run;
		if (run > 1) {
			m.msg_control = control.bytes;
			m.msg_controllen = sizeof(control.bytes);
			*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT,
			    .cmsg_len = CMSG_LEN(sizeof(size)) };
			memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &size, sizeof(size));
		}
		(void)sendmsg(fd, &m, 0);
	}
}

/* Takes up to a batch of questions; how many answers there are to send. */
static unsigned
take(int fd, int flags)
{
	unsigned good = 0;
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ bytes[i], SIZE };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof(peers[i]),
		    .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, msgs, BATCH, flags, NULL);
	for (int i = 0; i < n; i++) {
		size_t len = answer((unsigned char *)bytes[i], msgs[i].msg_len);

		asked++;
		if (len == 0)
			continue;
		peers[good] = peers[i];
		iov[good].iov_base = bytes[i];
		iov[good++].iov_len = len;
	}
	return good;
}

/* --- late answers, in the order of the questions --- */

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
hold(unsigned n, int64_t due)
{
	for (unsigned i = 0; i < n && n_held < HELD; i++) {
		struct held *h = &held[(first_held + n_held) % HELD];

		if (iov[i].iov_len > HELD_SIZE)
			continue;
		h->due = due;
		h->peer = peers[i];
		h->length = iov[i].iov_len;
		memcpy(h->bytes, iov[i].iov_base, h->length);
		n_held++;
	}
}

static void
send_due(int fd)
{
	int64_t t = now();
	unsigned n = 0;

	while (n_held > 0 && held[first_held].due <= t) {
		struct held *h = &held[first_held];

		iov[n] = (struct iovec){ h->bytes, h->length };
		msgs[n].msg_hdr = (struct msghdr){ .msg_name = &h->peer, .msg_namelen = sizeof(h->peer), .msg_iov = &iov[n], .msg_iovlen = 1 };
		first_held = (first_held + 1) % HELD;
		n_held--;
		if (++n == BATCH) {
			send_all(fd, n);
			n = 0;
		}
	}
	send_all(fd, n);
}

static void
serve_late(int fd, int64_t delay)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t wait = n_held > 0 ? held[first_held].due - now() : INT64_C(3600000000000);
		struct timespec t = { .tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000 };

		if (wait > 0)
			(void)ppoll(&p, 1, &t, NULL);
		hold(take(fd, MSG_DONTWAIT), now() + delay);
		send_due(fd);
	}
}

static void
serve(int fd, bool gso)
{
	for (;;) {
		unsigned n = take(fd, MSG_WAITFORONE);

		if (gso)
			send_joined(fd, n);
		else
			send_all(fd, n);
	}
}

/* --- the beginning --- */

static int
listen_at(char *text)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
	char *colon = strchr(text, ':'), *port = text;

	if (colon != NULL) {
		*colon = '\0';
		port = colon + 1;
		if (inet_pton(AF_INET, text, &at.sin_addr) != 1)
			errx(2, "%s: no address", text);
	}
	at.sin_port = htons((uint16_t)atoi(port));
	if (fd == -1 || bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1)
		err(1, "port %s", port);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

int
main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "";
	int delay = argc > 3 ? atoi(argv[3]) : 0, fd;

	if (argc < 2)
		errx(2, "usage: dnsserver [ADDRESS:]PORT [gso | naptr [DELAY] | silent]");
	fd = listen_at(argv[1]);
	(void)signal(SIGTERM, stop);
	while (strcmp(how, "silent") == 0)
		(void)pause();
	if (strcmp(how, "naptr") == 0) {
		record = naptr;
		record_size = sizeof(naptr);
	}
	if (delay > 0)
		serve_late(fd, (int64_t)delay * 1000000);
	serve(fd, strcmp(how, "gso") == 0);
}
