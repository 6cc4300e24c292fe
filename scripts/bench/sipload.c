/*
 * Callers for a SIP server over UDP: requests with Call-IDs and branches of their own, sent again as RFC 3261 section 17.1 has it, finals
 * to INVITE acknowledged, times from the first sending to the final response.
 *   sipload [-m METHOD[,METHOD...]] [-c WINDOW | -r RATE] [-t SECONDS | -n COUNT] [-w WARMUP] [-p PATIENCE] [-N NUMBERS] [-x UNKNOWN]
 *           [-S SOCKETS] [-C CYCLE] HOST:PORT
 * -c: so many requests on their way at any time (64). -r: so many a second instead, come what may. -m: OPTIONS; with several, by turns.
 * -t: for so long (1 s). -n: until so many were sent. -w: the first seconds do not count. -p: how long the last are waited for (2 s).
 * The requests are for sip:+1555ddddddd, NUMBERS different ones (ten million); one of UNKNOWN is for +999ddddddd.
 * -C: the rate rises and falls by three tenths in so many seconds, is four times itself for a thirtieth of them, and each ends with a line.
 * Prints NAME, tab, VALUE: sent, answered, resent, lost, seconds, rate, p50_ms, p99_ms, max_ms, and `code NNN`, tab, how many.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
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
	SIZE = 1500,
	SOCKETS = 64,
	METHODS = 8,
	MOST = 1 << 20,       /* requests on their way */
	CLASSES = 8,          /* 0.5 to 16 s until the next sending, 32 s, and what waits for a final after a provisional */
	PROCEEDING = 7,
	OCTAVES = 32,         /* of microseconds */
	PARTS = 16,           /* of an octave */
};

static const double T1 = 0.5, LIMIT = 32, RAMP = 50000;

struct call {
	struct call *next, *prev; /* of its class */
	double began, due;
	unsigned seq;             /* 0: nobody uses it */
	unsigned number;
	uint8_t class, method;
	bool known;
};

struct list {
	struct call *first, *last;
};

/* a connected socket, with what will leave by it */
struct line {
	int fd;
	char here[32];
	char bytes[BATCH][SIZE];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];
	unsigned n;
};

static struct line *lines;
static struct call *calls, *unused;
static struct list classes[CLASSES];
static const char *methods[METHODS];
static const char *target;
static unsigned n_methods, sockets = 1, window = 64, under_way, used, last_seq, numbers = 10000000, unknown;
static unsigned long total, count;
static double rate, seconds = 1, warmup, patience = 2, cycle;
static struct {
	double since, slowest;
	unsigned long sent, answered, resent, lost, late[OCTAVES * PARTS], codes[700];
} sum;
static double clock_now;
static unsigned run;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return clock_now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* a generator of its own, so that two runs ask for the same numbers */
static unsigned
draw(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 32);
}

/* ------------------------------------------------------------------ lists */

static void
leave(struct call *c)
{
	struct list *l = &classes[c->class];

	*(c->prev ? &c->prev->next : &l->first) = c->next;
	*(c->next ? &c->next->prev : &l->last) = c->prev;
}

/* all of a class wait equally long, so the first is the first to be due */
static void
enter(struct call *c, unsigned class)
{
	struct list *l = &classes[class];

	c->class = (uint8_t)class;
	c->due = clock_now + T1 * (1 << class);
	c->next = NULL;
	c->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = c;
	l->last = c;
}

static void
end_call(struct call *c)
{
	leave(c);
	c->seq = 0;
	c->next = unused;
	unused = c;
	under_way--;
}

/* ------------------------------------------------------------------ messages */

static void
flush(struct line *l)
{
	/* a refused datagram is a lost one, and reported by whichever call comes next */
	for (unsigned at = 0, failures = 0; at < l->n && failures < 2 * BATCH;) {
		int n = sendmmsg(l->fd, l->msgs + at, l->n - at, 0);

		if (n > 0)
			at += (unsigned)n;
		else
			failures++;
	}
	l->n = 0;
}

static char *
room(struct line *l)
{
	if (l->n == BATCH)
		flush(l);
	return l->bytes[l->n];
}

static void
put(struct line *l, int length)
{
	if (length < 0 || length >= SIZE)
		errx(1, "a message is too long");
	l->iov[l->n++].iov_len = (size_t)length;
}

static void
send_request(const struct call *c)
{
	unsigned id = (unsigned)(c - calls);
	struct line *l = &lines[id % sockets];
	const char *method = methods[c->method], *prefix = c->known ? "1555" : "999";

	put(l, snprintf(room(l), SIZE,
	    "%s sip:+%s%07u@%s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s;branch=z9hG4bK%x.%x.%x;rport\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: <sip:load@%s>;tag=%x\r\n"
	    "To: <sip:+%s%07u@%s>\r\n"
	    "Call-ID: %x.%x.%x\r\n"
	    "CSeq: 1 %s\r\n"
	    "Contact: <sip:load@%s>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    method, prefix, c->number, target, l->here, run, id, c->seq, l->here, c->seq, prefix, c->number, target, run, id, c->seq,
	    method, l->here));
}

/* the value of a header field that is on one line and has its long name, as those have that are copied from ours */
static const char *
header(const char *text, const char *name, int *length)
{
	const char *at = strstr(text, name);

	if (at == NULL)
		return NULL;
	at += strlen(name);
	at += strspn(at, " ");
	*length = (int)strcspn(at, "\r\n");
	return at;
}

/* An ACK is made of its final response alone, so that one that comes again is acknowledged again; that to a 2xx is a new transaction. */
static void
acknowledge(struct line *l, const char *response, bool success)
{
	int via_len, from_len, to_len, id_len, uri_len, branch_len;
	const char *via = header(response, "\nVia:", &via_len), *from = header(response, "\nFrom:", &from_len);
	const char *to = header(response, "\nTo:", &to_len), *id = header(response, "\nCall-ID:", &id_len);
	const char *uri = to ? memchr(to, '<', (size_t)to_len) : NULL, *branch = via ? strstr(via, "branch=") : NULL;

	if (uri == NULL || from == NULL || id == NULL || branch == NULL)
		return;
	uri_len = (int)strcspn(++uri, ">\r\n");
	branch_len = (int)strcspn(branch, ";,\r\n");
	put(l, snprintf(room(l), SIZE,
	    "ACK %.*s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s;%.*s%s;rport\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: %.*s\r\n"
	    "To: %.*s\r\n"
	    "Call-ID: %.*s\r\n"
	    "CSeq: 1 ACK\r\n"
	    "Content-Length: 0\r\n\r\n",
	    uri_len, uri, l->here, branch_len, branch, success ? ".a" : "", from_len, from, to_len, to, id_len, id));
}

static void
note_time(double s)
{
	int i = (int)(log2(s * 1e6 + 1) * PARTS);

	sum.late[i < OCTAVES * PARTS ? i : OCTAVES * PARTS - 1]++;
	if (s > sum.slowest)
		sum.slowest = s;
}

static void
receive(struct line *l, const char *text)
{
	const char *branch = strstr(text, "branch=z9hG4bK");
	unsigned its_run, id, seq;
	struct call *c;
	int code;

	if (strncmp(text, "SIP/2.0 ", 8) != 0 || branch == NULL || (code = atoi(text + 8)) < 100 || code > 699 ||
	    sscanf(branch, "branch=z9hG4bK%x.%x.%x", &its_run, &id, &seq) != 3 || its_run != run || id >= MOST)
		return;
	if (code >= 200 && strstr(text, " INVITE\r\n") != NULL)
		acknowledge(l, text, code < 300);
	c = &calls[id];
	if (c->seq != seq)
		return;
	if (code < 200) {
		leave(c);
		enter(c, PROCEEDING);
		return;
	}
	sum.answered++;
	sum.codes[code]++;
	note_time(clock_now - c->began);
	end_call(c);
}

/* ------------------------------------------------------------------ the work */

static void
start_call(void)
{
	struct call *c = unused;

	if (c != NULL)
		unused = c->next;
	else
		c = &calls[used++];
	c->seq = ++last_seq;
	c->method = (uint8_t)(total++ % n_methods);
	c->known = unknown == 0 || draw() % unknown != 0;
	c->number = draw() % numbers;
	c->began = clock_now;
	under_way++;
	sum.sent++;
	enter(c, 0);
	send_request(c);
}

/* timers A, B, E and F */
static void
send_again(void)
{
	for (unsigned i = 0; i < CLASSES; i++) {
		struct call *c;

		while ((c = classes[i].first) != NULL && c->due <= clock_now) {
			bool invite = strcmp(methods[c->method], "INVITE") == 0;

			if (i == PROCEEDING || clock_now - c->began + T1 > LIMIT) {
				sum.lost++;
				end_call(c);
				continue;
			}
			leave(c);
			enter(c, invite || i < 3 ? i + 1 : 3);
			sum.resent++;
			send_request(c);
		}
	}
}

static double
rate_at(double t)
{
	double phase;

	if (cycle <= 0)
		return rate;
	phase = fmod(t, cycle) / cycle;
	return phase >= 0.4 && phase < 0.4 + 1. / 30 ? 4 * rate : rate * (1 + 0.3 * sin(2 * M_PI * phase));
}

static void
start_calls(double began)
{
	static double due, last;
	double t = clock_now - began;

	if (rate > 0) {
		due += rate_at(t) * (t - last);
		last = t;
		while ((double)total < due && (count == 0 || total < count)) {
			if (under_way == MOST)
				due = (double)total;
			else
				start_call();
		}
		return;
	}
	/* the window opens slowly enough for any server's buffers */
	while (under_way < window && under_way < BATCH + t * RAMP && (count == 0 || total < count))
		start_call();
}

static bool
receive_all(void)
{
	static char bytes[BATCH][SIZE + 1];
	static struct iovec iov[BATCH];
	static struct mmsghdr msgs[BATCH];
	bool any = false;
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ bytes[i], SIZE };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	for (unsigned s = 0; s < sockets; s++) {
		if ((n = recvmmsg(lines[s].fd, msgs, BATCH, MSG_DONTWAIT, NULL)) <= 0)
			continue;
		any = true;
		for (int i = 0; i < n; i++) {
			bytes[i][msgs[i].msg_len] = '\0';
			receive(&lines[s], bytes[i]);
		}
	}
	return any;
}

/* One turn: whatever came, and whatever is due. */
static void
turn(double began, bool more)
{
	static struct pollfd fds[SOCKETS];
	bool any;

	now();
	any = receive_all();
	if (more)
		start_calls(began);
	send_again();
	for (unsigned s = 0; s < sockets; s++) {
		flush(&lines[s]);
		fds[s] = (struct pollfd){ .fd = lines[s].fd, .events = POLLIN };
	}
	if (!any)
		(void)poll(fds, sockets, 1);
}

/* ------------------------------------------------------------------ figures */

/* The time in ms that p of a hundred were not above. */
static double
percentile(double p)
{
	unsigned long seen = 0;

	for (int i = 0; i < OCTAVES * PARTS; i++)
		if ((seen += sum.late[i]) > 0 && (double)seen >= (double)sum.answered * p / 100)
			return exp2((double)(i + 1) / PARTS) / 1000;
	return 0;
}

static void
print_cycle(double began)
{
	printf("%7.0f s  %lu sent, answered", clock_now - began, sum.sent);
	for (int code = 200; code < 700; code++)
		if (sum.codes[code] > 0)
			printf(" %d: %lu", code, sum.codes[code]);
	printf(", %lu sent again, %lu lost, p50 %.3g ms, p99 %.3g ms, slowest %.3g ms\n", sum.resent, sum.lost, percentile(50), percentile(99),
	    sum.slowest * 1000);
	fflush(stdout);
}

static void
print_sum(void)
{
	double took = clock_now - sum.since;

	printf("sent\t%lu\nanswered\t%lu\nresent\t%lu\nlost\t%lu\nseconds\t%.3f\nrate\t%.1f\n", sum.sent, sum.answered, sum.resent, sum.lost,
	    took, (double)sum.answered / took);
	printf("p50_ms\t%.4g\np99_ms\t%.4g\nmax_ms\t%.4g\n", percentile(50), percentile(99), sum.slowest * 1000);
	for (int code = 200; code < 700; code++)
		if (sum.codes[code] > 0)
			printf("code %d\t%lu\n", code, sum.codes[code]);
}

static void
reset(void)
{
	memset(&sum, 0, sizeof(sum));
	sum.since = clock_now;
}

static void
work(void)
{
	double began = now(), told = 0, until;
	bool warm = warmup > 0;

	reset();
	while ((count > 0 ? total < count : clock_now - began < warmup + seconds)) {
		turn(began, true);
		if (warm && clock_now - began >= warmup) {
			warm = false;
			reset();
		}
		if (cycle > 0 && floor((clock_now - began) / cycle) > told) {
			told = floor((clock_now - began) / cycle);
			print_cycle(began);
			reset();
		}
	}
	until = clock_now + patience;
	while (under_way > 0 && clock_now < until)
		turn(began, false);
	sum.lost += under_way;
	if (cycle > 0)
		print_cycle(began);
	else
		print_sum();
}

/* ------------------------------------------------------------------ the beginning */

static void
open_line(struct line *l, const struct sockaddr_in *server)
{
	struct sockaddr_in here;
	socklen_t size = sizeof(here);
	int space = 4 << 20;
	char text[INET_ADDRSTRLEN];

	if ((l->fd = socket(AF_INET, SOCK_DGRAM, 0)) == -1 || connect(l->fd, (const struct sockaddr *)server, sizeof(*server)) == -1 ||
	    getsockname(l->fd, (struct sockaddr *)&here, &size) == -1)
		err(1, "%s", target);
	(void)setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &space, sizeof(space));
	snprintf(l->here, sizeof(l->here), "%s:%d", inet_ntop(AF_INET, &here.sin_addr, text, sizeof(text)), ntohs(here.sin_port));
	for (unsigned i = 0; i < BATCH; i++) {
		l->iov[i].iov_base = l->bytes[i];
		l->msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &l->iov[i], .msg_iovlen = 1 };
	}
}

static struct sockaddr_in
server_of(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN];

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		errx(2, "%s: no address and port", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	a.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		errx(2, "%s: no address and port", text);
	return a;
}

static void
usage(void)
{
	fprintf(stderr, "usage: sipload [-m METHOD[,METHOD...]] [-c WINDOW | -r RATE] [-t SECONDS | -n COUNT] [-w WARMUP] [-p PATIENCE]\n"
	                "               [-N NUMBERS] [-x UNKNOWN] [-S SOCKETS] [-C CYCLE] HOST:PORT\n");
	exit(2);
}

static void
list_methods(char *list)
{
	for (char *at = strtok(list, ","); at != NULL && n_methods < METHODS; at = strtok(NULL, ","))
		methods[n_methods++] = at;
}

static void
options(int argc, char **argv)
{
	static char options_only[] = "OPTIONS";
	int o;

	while ((o = getopt(argc, argv, "m:c:r:t:n:w:p:N:x:S:C:")) != -1) {
		switch (o) {
		case 'm': list_methods(optarg); break;
		case 'c': window = (unsigned)atoi(optarg); break;
		case 'r': rate = atof(optarg); break;
		case 't': seconds = atof(optarg); break;
		case 'n': count = strtoul(optarg, NULL, 10); break;
		case 'w': warmup = atof(optarg); break;
		case 'p': patience = atof(optarg); break;
		case 'N': numbers = (unsigned)atoi(optarg); break;
		case 'x': unknown = (unsigned)atoi(optarg); break;
		case 'S': sockets = (unsigned)atoi(optarg); break;
		case 'C': cycle = atof(optarg); break;
		default: usage();
		}
	}
	if (optind != argc - 1 || window < 1 || window > MOST || sockets < 1 || sockets > SOCKETS || numbers < 1)
		usage();
	target = argv[optind];
	if (n_methods == 0)
		list_methods(options_only);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in server;

	options(argc, argv);
	server = server_of(target);
	lines = calloc(sockets, sizeof(*lines));
	calls = calloc(MOST, sizeof(*calls));
	if (lines == NULL || calls == NULL)
		err(1, NULL);
	for (unsigned i = 0; i < sockets; i++)
		open_line(&lines[i], &server);
	run = (unsigned)getpid() << 12 ^ (unsigned)time(NULL);
	work();
	return 0;
}
