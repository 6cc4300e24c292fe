/*
 * A name server that costs less than any: every question, whatever it asks, is answered with the address 192.0.2.1, by
 * copying it back; sixty-four at a time. With `gso` answers of one length to one client leave as one datagram that the
 * system cuts up.
 *   dnsserver PORT [gso]      prints how many questions it has had when it is ended
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, SIZE = 1232 };

static const unsigned char record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1 };

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
	size_t at = 12;

	if (n < 17 || m[5] != 1)
		return 0;
	while (at < n && m[at] != 0)
		at += (size_t)m[at] + 1;
	at += 5;
	if (at > n || at + sizeof(record) > SIZE)
		return 0;
	m[2] = 0x84 | (m[2] & 1);
	m[3] = 0;
	m[6] = 0;
	m[7] = 1;
	memset(m + 8, 0, 4);
	memcpy(m + at, record, sizeof(record));
	return at + sizeof(record);
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

static void
serve(int fd, bool gso)
{
	for (;;) {
		unsigned good = 0;
		int n;

		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ bytes[i], SIZE };
			msgs[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof(peers[i]),
			    .msg_iov = &iov[i], .msg_iovlen = 1 };
		}
		if ((n = recvmmsg(fd, msgs, BATCH, MSG_WAITFORONE, NULL)) <= 0)
			continue;
		for (int i = 0; i < n; i++) {
			size_t len = answer((unsigned char *)bytes[i], msgs[i].msg_len);

			asked++;
			if (len == 0)
				continue;
			peers[good] = peers[i];
			iov[good].iov_base = bytes[i];
			iov[good++].iov_len = len;
		}
		if (gso)
			send_joined(fd, good);
		else
			send_all(fd, good);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

	if (argc < 2)
		errx(2, "usage: dnsserver PORT [gso]");
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	if (fd == -1 || bind(fd, (struct sockaddr *)&at, sizeof(at)) == -1)
		err(1, "port %s", argv[1]);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)signal(SIGTERM, stop);
	serve(fd, argc > 2 && strcmp(argv[2], "gso") == 0);
}
