/*
 * libev's side, in C, the way its manual shows.
 *   ev timeout           arms and removes a timer while 100,000 others are pending
 *   ev udp|tcp PORT      echoes on 127.0.0.1
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

enum { PENDING = 100000, TIMES = 1000000, BUFFER = 65536 };

static char buffer[BUFFER];

static void
due(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)events;
	ev_timer_stop(loop, t);
}

static double
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
timeout(struct ev_loop *loop)
{
	static ev_timer others[PENDING], mine;
	double begun;

	for (int i = 0; i < PENDING; i++) {
		ev_timer_init(&others[i], due, 6 + 54 * drand48(), 0);
		ev_timer_start(loop, &others[i]);
	}
	ev_run(loop, EVRUN_NOWAIT); /* what it sets up for later comes first */
	ev_init(&mine, due);
	begun = cpu();
	for (int i = 0; i < TIMES; i++) {
		ev_timer_set(&mine, 5, 0);
		ev_timer_start(loop, &mine);
		ev_timer_stop(loop, &mine);
	}
	printf("timeout armed and removed, 10^5 pending\t%.4f\tns\n", (cpu() - begun) / TIMES);
}

static void
datagram(struct ev_loop *loop, ev_io *w, int events)
{
	struct sockaddr_in from;
	socklen_t len;
	ssize_t n;

	(void)loop;
	(void)events;
	while (len = sizeof(from), (n = recvfrom(w->fd, buffer, BUFFER, 0, (struct sockaddr *)&from, &len)) >= 0)
		(void)sendto(w->fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static void
readable(struct ev_loop *loop, ev_io *w, int events)
{
	ssize_t n = read(w->fd, buffer, BUFFER);

	(void)events;
	if (n > 0)
		n = write(w->fd, buffer, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		ev_io_stop(loop, w);
		(void)close(w->fd);
		free(w);
	}
}

static void
connection(struct ev_loop *loop, ev_io *w, int events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK), on = 1;
	ev_io *io;

	(void)events;
	if (fd == -1)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if ((io = malloc(sizeof(*io))) == NULL)
		err(1, NULL);
	ev_io_init(io, readable, fd, EV_READ);
	ev_io_start(loop, io);
}

static void
echo(struct ev_loop *loop, int type, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), on = 1;
	static ev_io io;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)atoi(port));
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    (type == SOCK_STREAM && listen(fd, 1024) == -1))
		err(1, "port %s", port);
	ev_io_init(&io, type == SOCK_STREAM ? connection : datagram, fd, EV_READ);
	ev_io_start(loop, &io);
	ev_run(loop, 0);
}

int
main(int argc, char **argv)
{
	struct ev_loop *loop = ev_default_loop(0);

	if (argc == 2 && strcmp(argv[1], "timeout") == 0)
		timeout(loop);
	else if (argc == 3 && strcmp(argv[1], "udp") == 0)
		echo(loop, SOCK_DGRAM, argv[2]);
	else if (argc == 3 && strcmp(argv[1], "tcp") == 0)
		echo(loop, SOCK_STREAM, argv[2]);
	else
		errx(2, "usage: ev timeout | udp PORT | tcp PORT");
	return 0;
}
