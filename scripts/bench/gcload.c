/*
 * gcload: statsd datagrams at a steady rate, in batches: gcload HOST PORT DATAGRAMS-A-SECOND LINES SECONDS NAMES [TYPE].
 * A millisecond's datagrams leave at once; what the clock has run ahead of is made up for. Prints how many left, and
 * the CPU time it took. A rate of 0: as fast as it can.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, LINE = 48, LINES_MAX = 40, MADE = 10000 };

static char (*text)[LINES_MAX * LINE];
static struct iovec iov[MADE];
static struct mmsghdr msgs[MADE];

static double
now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
make(int lines, int names, const char *type)
{
	int name = 0;

	if ((text = calloc(MADE, sizeof(*text))) == NULL)
		err(1, NULL);
	for (int i = 0; i < MADE; i++) {
		size_t n = 0;

		for (int k = 0; k < lines; k++, name = (name + 1) % names)
			n += (size_t)snprintf(text[i] + n, LINE, "%sbench.metric.%d:%d|%s", k > 0 ? "\n" : "", name,
			    1 + (name * 7 + i) % 1000, type);
		iov[i] = (struct iovec){ text[i], n };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
}

static int
connect_to(const char *host, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

	if (fd == -1 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "%s:%s", host, port);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

int
main(int argc, char **argv)
{
	long sent = 0, due, rate;
	double start, seconds, t;
	int fd, lines;

	if (argc < 7 || (lines = atoi(argv[4])) < 1 || lines > LINES_MAX)
		errx(2, "usage: gcload host port rate lines seconds names [type]");
	rate = atol(argv[3]);
	seconds = atof(argv[5]);
	make(lines, atoi(argv[6]), argc > 7 ? argv[7] : "g");
	fd = connect_to(argv[1], argv[2]);
	start = now(CLOCK_MONOTONIC);
	while ((t = now(CLOCK_MONOTONIC) - start) < seconds) {
		due = rate > 0 ? (long)(t * (double)rate) : sent + BATCH;
		while (sent < due) {
			long n = due - sent < BATCH ? due - sent : BATCH;

			n = n < MADE - sent % MADE ? n : MADE - sent % MADE;
			if ((n = sendmmsg(fd, msgs + sent % MADE, (unsigned)n, 0)) > 0)
				sent += n;
		}
		if (rate > 0)
			usleep(1000);
	}
	printf("%ld datagrams %ld lines %.3f s CPU\n", sent, sent * lines, now(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
