/*
 * gclimit: the least that receives gauges at all: gclimit PORT [NAP-US [RCVBUF]]. It sleeps, reads in batches, looks the
 * name up in a table of fixed size, keeps five figures, and once a second writes them to stdout, if that is asked for
 * by a fourth argument. Nothing is checked. On SIGTERM it tells what it has heard, and its CPU time.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, SLOT = 2048, TABLE = 1 << 15 };

struct metric {
	uint32_t hash, n;
	char name[40];
	double count, min, sum, max, last;
};

static struct metric *table;
static char arena[BATCH][SLOT];
static long datagrams, lines;
static volatile sig_atomic_t ended;

static void
end(int signo)
{
	(void)signo;
	ended = 1;
}

static struct metric *
find(const char *name, uint32_t n)
{
	uint32_t h = 2166136261u;

	for (uint32_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	for (uint32_t at = h % TABLE;; at = (at + 1) % TABLE) {
		struct metric *m = &table[at];

		if (m->n == n && m->hash == h && memcmp(m->name, name, n) == 0)
			return m;
		if (m->n == 0) {
			memcpy(m->name, name, n);
			m->hash = h;
			m->n = n;
			return m;
		}
	}
}

static void
take_line(const char *p, const char *to)
{
	const char *colon = memchr(p, ':', (size_t)(to - p));
	struct metric *m;
	double v = 0;

	if (colon == NULL || colon - p >= 40)
		return;
	for (const char *d = colon + 1; d < to && *d >= '0' && *d <= '9'; d++)
		v = v * 10 + (*d - '0');
	m = find(p, (uint32_t)(colon - p));
	if (m->count++ == 0)
		m->min = m->max = v;
	m->min = v < m->min ? v : m->min;
	m->max = v > m->max ? v : m->max;
	m->sum += v;
	m->last = v;
	lines++;
}

static void
take(const char *p, size_t n)
{
	const char *to = p + n, *end;

	datagrams++;
	for (; p < to; p = end + 1) {
		if ((end = memchr(p, '\n', (size_t)(to - p))) == NULL)
			end = to;
		take_line(p, end);
	}
}

static void
read_all(int fd)
{
	static struct iovec iov[BATCH];
	static struct mmsghdr msgs[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ arena[i], SLOT };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	do {
		n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			take(arena[i], msgs[i].msg_len);
	} while (n == BATCH);
}

static void
flush(void)
{
	for (size_t i = 0; i < TABLE; i++) {
		struct metric *m = &table[i];

		if (m->count > 0)
			printf("%ld\t%.*s\t%g\t%g\t%g\t%g\t%g\n", (long)time(NULL), (int)m->n, m->name, m->count, m->min,
			    m->sum / m->count, m->max, m->last);
		m->count = m->sum = 0;
	}
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), nap = argc > 2 ? atoi(argv[2]) : 10000, size = argc > 3 ? atoi(argv[3]) : 4 << 20;
	struct sigaction sa = { .sa_handler = end };
	struct timespec cpu;
	time_t flushed = time(NULL);

	a.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 8125));
	if ((table = calloc(TABLE, sizeof(*table))) == NULL || fd == -1)
		err(1, NULL);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1)
		err(1, "port %s", argv[1]);
	(void)sigaction(SIGTERM, &sa, NULL);
	while (!ended) {
		usleep((useconds_t)nap);
		read_all(fd);
		if (argc > 4 && time(NULL) != flushed) {
			flushed = time(NULL);
			flush();
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	fprintf(stderr, "%ld datagrams %ld lines %.3f s CPU\n", datagrams, lines, (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
	return 0;
}
