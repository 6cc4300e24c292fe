/*
 * Loads an echo server on 127.0.0.1 as fast as it answers, and counts. Requests of 64 bytes; every answer is followed by
 * the next request of its client.
 *   echoload udp|tcp PORT CLIENTS SECONDS      UDP: 16 sockets, CLIENTS requests in flight on all of them together
 *                                              TCP: CLIENTS connections, one request in flight on each
 * Prints how many were answered. The server must be there within five seconds.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS = 16, BATCH = 64, SIZE = 64, EVENTS = 256 };

static struct sockaddr_in server = { .sin_family = AF_INET };
static char request[SIZE], answers[BATCH][SIZE];
static struct iovec iov[BATCH];
static struct mmsghdr msgs[BATCH];
static unsigned long answered;
static int ep;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
open_socket(int type)
{
	struct epoll_event e = { .events = EPOLLIN };
	double until = now() + 5;
	int on = 1;

	for (;;) {
		int fd = socket(AF_INET, type, 0);

		if (fd == -1)
			err(1, "socket");
		if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0) {
			e.data.fd = fd;
			if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == -1)
				err(1, "epoll_ctl");
			if (type == SOCK_STREAM)
				(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			return fd;
		}
		(void)close(fd);
		if (now() > until)
			err(1, "connect");
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
}

static void
ask(int fd, int n)
{
	for (int i = 0; i < n; i++)
		iov[i] = (struct iovec){ request, SIZE };
	if (sendmmsg(fd, msgs, (unsigned)n, 0) != n)
		err(1, "sendmmsg");
}

static void
datagrams(int fd)
{
	int n;

	for (int i = 0; i < BATCH; i++)
		iov[i] = (struct iovec){ answers[i], SIZE };
	if ((n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL)) <= 0)
		return;
	answered += (unsigned long)n;
	ask(fd, n);
}

/* the answer of a stream may come in pieces, which is a round trip only when it is whole: 64 bytes never do so here */
static void
answer(int fd)
{
	ssize_t n = recv(fd, answers[0], SIZE, MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n != SIZE)
		errx(1, "the server answered %zd bytes", n);
	answered++;
	if (send(fd, request, SIZE, 0) != SIZE)
		err(1, "send");
}

static void
start(bool udp, int clients)
{
	int n = udp ? SOCKETS : clients;

	for (int i = 0; i < n; i++) {
		int fd = open_socket(udp ? SOCK_DGRAM : SOCK_STREAM);

		if (udp)
			ask(fd, clients / SOCKETS);
		else if (send(fd, request, SIZE, 0) != SIZE)
			err(1, "send");
	}
}

/* a UDP server that was not there yet has lost the first ones: an answer to one request tells that it is */
static void
wait_for_server(void)
{
	double until = now() + 5;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval patience = { .tv_usec = 20000 };

	if (fd == -1 || connect(fd, (struct sockaddr *)&server, sizeof(server)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == -1)
		err(1, "socket");
	while (send(fd, request, SIZE, 0) == -1 || recv(fd, answers[0], SIZE, 0) == -1) {
		if (now() > until)
			errx(1, "no answer");
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	(void)close(fd);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	double until;
	bool udp;

	if (argc != 5)
		errx(2, "usage: echoload udp|tcp PORT CLIENTS SECONDS");
	udp = strcmp(argv[1], "udp") == 0;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	if ((ep = epoll_create1(0)) == -1)
		err(1, "epoll_create1");
	for (int i = 0; i < BATCH; i++)
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	if (udp)
		wait_for_server();
	start(udp, atoi(argv[3]));
	until = now() + atof(argv[4]);
	while (now() < until) {
		int n = epoll_wait(ep, events, EVENTS, 100);

		for (int i = 0; i < n; i++) {
			if (udp)
				datagrams(events[i].data.fd);
			else
				answer(events[i].data.fd);
		}
	}
	printf("%lu\n", answered);
	return 0;
}
