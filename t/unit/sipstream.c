#include "sip/sipstream.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sip/siptransport.h"

#include "tap.h"

#include "both.h"

/* A layer that answers what it is told to, at once or when asked, on loopback connections of the test's own. */
static struct stxn_layer layer;
static struct sipstreams *pool;
static struct siptransport *transport;
static int nrequests, nbad, answer_with;
static struct stxn *pending;
static struct sipmsg pending_msg;
static struct addr source;
static char kept_packet[4096];

static void
gone(struct stxn_owner *o)
{
	(void)o;
	pending = NULL;
}

static struct stxn_owner owner = { gone, gone, gone };

static void
reply(int status)
{
	struct sip_answer a = { .status = status };
	struct stxn *t = pending;

	pending = NULL;
	if (stxn_reply(t, &pending_msg, &source, &a) == -1)
		pending = t;
}

static void
request(void *arg, struct stxn *t, const struct sipmsg *m, const struct addr *from)
{
	(void)arg;
	nrequests++;
	pending = t;
	source = *from;
	sip_copy(&pending_msg, m, kept_packet);
	stxn_set_owner(t, &owner);
	if (answer_with != 0)
		reply(answer_with);
}

static void
bad(void *arg, const struct sipmsg *m, const struct fault *f, const struct addr *from)
{
	(void)arg, (void)m, (void)f, (void)from;
	nbad++;
}

static void
open_all(struct sched *s, const struct sipstream_limits *limits)
{
	struct siptransport_options options = { .transport = TRANSPORT_TCP };
	struct addr at;

	(void)clock_read(&s->clock);
	layer = (struct stxn_layer){ .sched = s, .request = request, .bad = bad, .max_pending = 100, .max_kept = { 1000000, 1000000 } };
	stxn_init(&layer);
	options.streams = pool = sipstreams_new(&layer, limits);
	EQ(addr_literal(SLICE("127.0.0.1"), 0, &at), 0);
	transport = siptransport_listen(&layer, &at, &options);
	OK(transport != NULL);
	nrequests = nbad = 0;
	answer_with = 200;
	pending = NULL;
}

static void
close_all(struct sched *s)
{
	stxn_fini(&layer);
	sipstreams_free(pool);
	siptransport_close(transport);
	EQ(s->wheel.pending, 0);
}

static int
connected(void)
{
	const struct addr *at = siptransport_addr(transport);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EQ(connect(fd, &at->u.sa, at->len), 0);
	return fd;
}

static void
put(int fd, const char *text)
{
	EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static char text[70000];

static void
ask(int fd, const char *method, const char *branch)
{
	char request_text[512];

	(void)snprintf(request_text, sizeof(request_text),
	    "%s sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bK%s\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b>\r\nCall-ID: %s\r\n"
	    "CSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
	    method, branch, branch, method);
	put(fd, request_text);
	*text = '\0';
}

/* -1: nothing yet. */
static ssize_t
got(int fd, char *to, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 0) == 0)
		return -1;
	n = read(fd, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	return n > 0 ? n : 0;
}

/* Whether something has come since the last question; it is in `text`. */
static bool
answered(int fd)
{
	return *text != '\0' || got(fd, text, sizeof(text)) > 0;
}

static bool
ended(int fd)
{
	char rest[1000];
	ssize_t n;

	while ((n = got(fd, rest, sizeof(rest))) > 0)
		continue;
	return n == 0;
}

BOTH(a_request_and_its_answer)
{
	int fd;

	open_all(s, NULL);
	fd = connected();
	ask(fd, "OPTIONS", "a");
	UNTIL(s, answered(fd));
	OK(strncmp(text, "SIP/2.0 200 OK\r\n", 16) == 0);
	EQ(sipstreams_stats(pool)->open, 1);
	EQ(sipstreams_stats(pool)->accepted, 1);
	(void)close(fd);
	UNTIL(s, sipstreams_stats(pool)->open == 0);
	close_all(s);
}

BOTH(limits_of_number)
{
	const struct sipstream_limits limits = { .connections = 3, .per_source = 2, .output = 1000, .idle = SEC, .partial = SEC };
	int one, two, three;

	open_all(s, &limits);
	one = connected(), two = connected(), three = connected();
	UNTIL(s, ended(three));
	EQ(sipstreams_stats(pool)->open, 2);
	EQ(sipstreams_stats(pool)->refused, 1);
	EQ(nbad, 1);
	(void)close(one), (void)close(three);
	UNTIL(s, sipstreams_stats(pool)->open == 1);
	one = connected();
	ask(one, "OPTIONS", "a");
	UNTIL(s, answered(one));
	(void)close(one), (void)close(two);
	close_all(s);
}

BOTH(what_takes_too_long)
{
	const struct sipstream_limits limits = { .connections = 9, .per_source = 9, .output = 1000, .idle = 50 * MSEC, .partial = 20 * MSEC };
	int idle, partial, waiting;

	open_all(s, &limits);
	answer_with = 0;
	idle = connected(), partial = connected(), waiting = connected();
	put(partial, "OPTIONS sip:");
	ask(waiting, "OPTIONS", "a");
	UNTIL(s, ended(idle) && ended(partial));
	EQ(sipstreams_stats(pool)->slow, 2);
	EQ(sipstreams_stats(pool)->open, 1);
	/* one that is owed an answer is not idle */
	OK(!ended(waiting));
	reply(200);
	UNTIL(s, answered(waiting));
	UNTIL(s, ended(waiting));
	(void)close(idle), (void)close(partial), (void)close(waiting);
	close_all(s);
}

/* A byte now and then does not keep a message coming for ever. */
static bool
drips(struct sched *s, int fd)
{
	static int64_t last;

	if (s->clock.now - last >= MSEC) {
		last = s->clock.now;
		(void)send(fd, "O", 1, MSG_NOSIGNAL);
	}
	return sipstreams_stats(pool)->open == 0;
}

BOTH(drop_by_drop)
{
	const struct sipstream_limits limits = { .connections = 9, .per_source = 9, .output = 1000, .idle = SEC, .partial = 30 * MSEC };
	int fd;

	open_all(s, &limits);
	fd = connected();
	put(fd, "O");
	UNTIL(s, sipstreams_stats(pool)->open == 1);
	UNTIL(s, drips(s, fd));
	EQ(sipstreams_stats(pool)->slow, 1);
	(void)close(fd);
	close_all(s);
}

struct told {
	struct sipflow_user user;
	int error, times;
};

static void
lost(struct sipflow_user *u, int error, const char *why)
{
	struct told *t = (struct told *)u;

	t->error = error;
	OK(why != NULL && *why != '\0');
	t->times++;
}

BOTH(connections_that_we_make_are_used_again)
{
	struct told told = { .user = { .lost = lost } };
	struct sipflow *flow;
	struct addr nobody;

	open_all(s, NULL);
	flow = sipstreams_connect(pool, siptransport_addr(transport));
	OK(flow != NULL && flow->reliable && flow == sipstreams_connect(pool, siptransport_addr(transport)));
	sipflow_hold(flow);
	sipflow_use(flow, &told.user);
	OK(addr_port(&flow->local) != 0);
	UNTIL(s, sipstreams_stats(pool)->accepted == 1);
	EQ(sipstreams_stats(pool)->open, 2);
	EQ(told.times, 0);
	sipstreams_free(pool);
	EQ(told.times, 1);
	pool = NULL;
	EQ(sipflow_send(flow, SLICE("x"), &flow->local), -1);
	sipflow_release(flow);
	close_all(s);

	open_all(s, NULL);
	EQ(addr_literal(SLICE("127.0.0.1"), 1, &nobody), 0);
	flow = sipstreams_connect(pool, &nobody);
	OK(flow != NULL);
	sipflow_use(flow, &told.user);
	UNTIL(s, told.times == 2);
	EQ(told.error, ECONNREFUSED);
	EQ(sipstreams_stats(pool)->open, 0);
	close_all(s);
}

/* What came is answered, however the allocations fail; nothing else happens. */
BOTH(no_memory)
{
	for (int n = 1; n < 14; n++) {
		int fd;

		open_all(s, NULL);
		fd = connected();
		ask(fd, "INVITE", "a");
		alloc_fail_at(n);
		for (int i = 0; i < 20; i++)
			both_turn(s);
		alloc_fail_at(0);
		OK(nrequests <= 1);
		if (pending != NULL)
			reply(500);
		OK(pending == NULL);
		(void)close(fd);
		UNTIL(s, sipstreams_stats(pool)->open == 0);
		close_all(s);
	}
}

MAIN(RUN(a_request_and_its_answer), RUN(limits_of_number), RUN(what_takes_too_long), RUN(drop_by_drop),
    RUN(connections_that_we_make_are_used_again), RUN(no_memory))
