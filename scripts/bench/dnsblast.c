/*
 * The least that asks questions at all: names from standard input, sixty-four in a batch, WINDOW of them on their way;
 * what comes back is counted and not looked at.
 *   dnsblast PORT WINDOW < names     prints how many were asked and answered
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, SIZE = 1232 };

static char in_bytes[BATCH][SIZE], out_bytes[BATCH][300];
static struct iovec in_iov[BATCH], out_iov[BATCH];
static struct mmsghdr in[BATCH], out[BATCH];

static size_t
question(unsigned char *m, uint16_t id, const char *name)
{
	static const unsigned char head[] = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	size_t at = 12, label;

	m[0] = (unsigned char)(id >> 8);
	m[1] = (unsigned char)id;
	memcpy(m + 2, head, sizeof(head));
	while ((label = strcspn(name, ".\n")) > 0 && label < 64 && at + label < 250) {
		m[at] = (unsigned char)label;
		memcpy(m + at + 1, name, label);
		at += label + 1;
		name += label + (name[label] == '.');
	}
	memcpy(m + at, "\0\0\1\0\1", 5);
	return at + 5;
}

static int
ask(int fd, unsigned long *asked)
{
	static char line[512];
	unsigned n = 0;

	for (; n < BATCH && fgets(line, sizeof(line), stdin) != NULL; n++)
		out_iov[n].iov_len = question((unsigned char *)out_bytes[n], (uint16_t)(*asked + n), line);
	for (unsigned sent = 0; sent < n;) {
		int some = sendmmsg(fd, out + sent, n - sent, 0);

		if (some > 0)
			sent += (unsigned)some;
	}
	*asked += n;
	return n == BATCH;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20, more = 1;
	unsigned long asked = 0, answered = 0, window;

	if (argc != 3)
		errx(2, "usage: dnsblast PORT WINDOW < names");
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	window = strtoul(argv[2], NULL, 10);
	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "port %s", argv[1]);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (int i = 0; i < BATCH; i++) {
		in_iov[i] = (struct iovec){ in_bytes[i], SIZE };
		out_iov[i] = (struct iovec){ out_bytes[i], 0 };
		in[i].msg_hdr = (struct msghdr){ .msg_iov = &in_iov[i], .msg_iovlen = 1 };
		out[i].msg_hdr = (struct msghdr){ .msg_iov = &out_iov[i], .msg_iovlen = 1 };
	}
	while (more || answered < asked) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int n;

		while (more && asked - answered + BATCH <= window)
			more = ask(fd, &asked);
		if (poll(&p, 1, 1000) <= 0)
			break;
		while ((n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL)) > 0)
			answered += (unsigned long)n;
	}
	printf("%lu asked, %lu answered\n", asked, answered);
	return asked != answered;
}
