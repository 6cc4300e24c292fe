#include "stat/gauge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "stat/sender.h"
#include "tap.h"

/* A socket of the system's own, so that only what is tested goes through the loop. */
static int
server(struct addr *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	*a = (struct addr){ .len = sizeof(a->u.in) };
	a->u.in.sin_family = AF_INET;
	a->u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, &a->u.sa, a->len) != 0 || getsockname(fd, &a->u.sa, &a->len) != 0)
		abort();
	return fd;
}

/* The next datagram as a string; "" when there is none. */
static const char *
next(int fd)
{
	static char data[65536];
	ssize_t n = recv(fd, data, sizeof(data) - 1, 0);

	data[n > 0 ? n : 0] = '\0';
	return data;
}

struct sleeper {
	struct task task;
	int64_t until;
};

static void
resume(struct task *t)
{
	static const struct wait nap = { .name = "nap" };
	struct sched *s = t->kind->sched;

	if (s->clock.now >= ((struct sleeper *)t)->until) {
		task_fini(t);
		return;
	}
	task_deadline(t, ((struct sleeper *)t)->until);
	task_wait(t, &nap);
}

/* Runs the loop for that long. */
static void
run(struct sched *s, int64_t ns)
{
	struct sleeper sleeper = { .until = s->clock.now + ns };
	struct task_kind kind = { .resume = resume, .sched = s };

	task_init(&sleeper.task, &kind);
	task_ready(&sleeper.task);
	EQ(sched_run(s), SCHED_DONE);
}

static void
more(void *arg, struct gauge *g)
{
	int *calls = arg;

	(*calls)++;
	gauge_put(g, "gc", 4096);
	gauge_put(g, "odd", -2.5);
	gauge_put(g, "nan", NAN);
	gauge_put(g, "inf", INFINITY);
	gauge_put(g, "bad name", 1);
}

TEST(once_a_second)
{
	struct sched s;
	struct addr to;
	struct gauge *g;
	int fd = server(&to), calls = 0, datagrams = 0;
	const char *text;

	EQ(sched_init(&s, NULL, true), 0);
	g = gauge_start(&s, &to, "scripts/examples/my script.lua", 0, more, &calls);
	OK(g != NULL);
	run(&s, 3 * SEC + 100 * MSEC);
	EQ(calls, 4);
	for (; *(text = next(fd)) != '\0'; datagrams++) {
		OK(strstr(text, "my_script.ready:") == text);
		OK(strstr(text, "\nmy_script.timers:1|g\n") != NULL);
		/* a timer fires in the microsecond after it is armed */
		OK(strstr(text, "\nmy_script.late:0|g\n") != NULL || strstr(text, "\nmy_script.late:0.001|g\n") != NULL);
		OK(strstr(text, "\nmy_script.fds:") != NULL);
		OK(strstr(text, "\nmy_script.rss:") != NULL);
		OK(strstr(text, "\nmy_script.gc:4096|g\nmy_script.odd:0|g\nmy_script.odd:-2.5|g") != NULL);
		OK(strstr(text, "nan") == NULL && strstr(text, "inf") == NULL && strstr(text, "bad") == NULL);
	}
	EQ(datagrams, 4);
	gauge_stop(g);
	sched_fini(&s);
	close(fd);
}

TEST(prefixes)
{
	static const struct {
		const char *name, *want;
		int worker;
	} rows[] = {
		{ "corun", "corun.ready:", 0 }, { "a.lua", "a.2.ready:", 2 }, { "/usr/bin/sipd", "sipd.ready:", 0 }, { ".lua", ".lua.ready:", 0 }, { "a/b/", "_.ready:", 0 }, { "", "_.ready:", 0 },
		{ "a:b|c.lua", "a_b_c.ready:", 0 }, { "t\xc3\xa9.lua", "t__.ready:", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sched s;
		struct addr to;
		int fd = server(&to);
		struct gauge *g;

		EQ(sched_init(&s, NULL, true), 0);
		g = gauge_start(&s, &to, rows[i].name, rows[i].worker, NULL, NULL);
		run(&s, MSEC);
		OK(strncmp(next(fd), rows[i].want, strlen(rows[i].want)) == 0);
		gauge_stop(g);
		sched_fini(&s);
		close(fd);
	}
}

TEST(nobody_listens)
{
	struct sched s;
	struct addr to;
	int fd = server(&to);
	struct gauge *g;

	close(fd);
	EQ(sched_init(&s, NULL, true), 0);
	g = gauge_start(&s, &to, "x", 0, NULL, NULL);
	run(&s, 5 * SEC);
	gauge_stop(g);
	sched_fini(&s);
	gauge_stop(NULL);
	sender_close(NULL);
}

TEST(lines_share_datagrams_that_fit_a_packet)
{
	struct sched s;
	struct addr to;
	int fd = server(&to), lines = 0, datagrams = 0;
	struct sender *out;
	const char *text;

	EQ(sched_init(&s, NULL, true), 0);
	out = sender_open(&s, &to);
	for (int i = 0; i < 200; i++)
		sender_put(out, SLICE("some.counter.with.a.name"), i, STATSD_COUNTER);
	EQ(strlen(next(fd)), 0);
	run(&s, MSEC);
	for (; *(text = next(fd)) != '\0'; datagrams++) {
		struct slice rest = slice_of(text);
		struct statsd_sample sample;
		struct fault f;

		OK(strlen(text) <= 1432);
		while (statsd_next(&rest, &sample, &f) == 1)
			OK(sample.value == lines++);
	}
	EQ(lines, 200);
	EQ(datagrams, 5);
	sender_put(out, SLICE("last"), 1, STATSD_COUNTER);
	sender_close(out);
	STR(next(fd), "last:1|c");
	sched_fini(&s);
	close(fd);
}

TEST(out_of_memory)
{
	struct sched s;
	struct addr to;
	int fd = server(&to);
	struct gauge *g = NULL;
	long n;

	EQ(sched_init(&s, NULL, true), 0);
	for (n = 1; g == NULL && n < 50; n++) {
		alloc_fail_at(n);
		g = gauge_start(&s, &to, "x", 0, NULL, NULL);
		alloc_fail_at(0);
	}
	OK(n > 3 && n < 50);
	run(&s, 3 * SEC);
	alloc_reset();
	for (int i = 0; i < 5; i++)
		next(fd);
	run(&s, 100 * SEC);
	EQ(alloc_count(), 0);
	gauge_stop(g);
	sched_fini(&s);
	close(fd);
}

MAIN(RUN(once_a_second), RUN(prefixes), RUN(nobody_listens), RUN(lines_share_datagrams_that_fit_a_packet), RUN(out_of_memory))
