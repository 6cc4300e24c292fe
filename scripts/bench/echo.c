/*
 * The limit of an echo server: the least C. Epoll as everybody knows it, or datagrams by the batch.
 *   echo udp|mmsg|tcp PORT      on 127.0.0.1
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 65536, BATCH = 64, DATAGRAM = 2048, EVENTS = 64 };

static char buffer[BUFFER];

static void
datagrams(int fd)
{
	struct sockaddr_in from;
	socklen_t len;
	ssize_t n;

	while (len = sizeof(from), (n = recvfrom(fd, buffer, BUFFER, 0, (struct sockaddr *)&from, &len)) >= 0)
		(void)sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static void
batches(int fd)
{
	static char data[BATCH][DATAGRAM];
	static struct sockaddr_in from[BATCH];
	static struct iovec iov[BATCH];
	static struct mmsghdr msgs[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ data[i], DATAGRAM };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &from[i], .msg_namelen = sizeof(from[i]), .msg_iov = &iov[i],
			.msg_iovlen = 1 };
	}
	do {
		if ((n = recvmmsg(fd, msgs, BATCH, 0, NULL)) <= 0)
			break;
		for (int i = 0; i < n; i++)
			iov[i].iov_len = msgs[i].msg_len;
		(void)sendmmsg(fd, msgs, (unsigned)n, 0);
		for (int i = 0; i < n; i++)
			iov[i].iov_len = DATAGRAM;
	} while (n == BATCH);
}

static void
watch(int ep, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == -1)
		err(1, "epoll_ctl");
}

static void
connection(int ep, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;

	if (fd == -1)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch(ep, fd);
}

static void
readable(int fd)
{
	ssize_t n = read(fd, buffer, BUFFER);

	if (n > 0)
		n = write(fd, buffer, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		(void)close(fd);
}

static int
listen_on(int type, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)atoi(port));
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    (type == SOCK_STREAM && listen(fd, 1024) == -1))
		err(1, "port %s", port);
	return fd;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int ep = epoll_create1(0), fd, n;
	bool tcp, mmsg;

	if (argc != 3)
		errx(2, "usage: echo udp|mmsg|tcp PORT");
	tcp = strcmp(argv[1], "tcp") == 0;
	mmsg = strcmp(argv[1], "mmsg") == 0;
	fd = listen_on(tcp ? SOCK_STREAM : SOCK_DGRAM, argv[2]);
	watch(ep, fd);
	while ((n = epoll_wait(ep, events, EVENTS, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < n; i++) {
			if (!tcp && mmsg)
				batches(fd);
			else if (!tcp)
				datagrams(fd);
			else if (events[i].data.fd == fd)
				connection(ep, fd);
			else
				readable(events[i].data.fd);
		}
	err(1, "epoll_wait");
}
