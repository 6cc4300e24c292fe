#include "stat/carbon.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "both.h"
#include "tap.h"

/* A port at which nobody listens; and one that accepts, whose descriptor is in *fd. */
static struct addr
server(int *fd)
{
	struct addr a;

	EQ(addr_literal(SLICE("127.0.0.1"), 0, &a), 0);
	*fd = socket(AF_INET, SOCK_STREAM, 0);
	EQ(bind(*fd, &a.u.sa, a.len), 0);
	EQ(getsockname(*fd, &a.u.sa, &a.len), 0);
	return a;
}

static struct series_table table;

/* The series of a name, and figures that are all v. */
static const struct series *
series(const char *name, double v, struct figures *f)
{
	struct statsd_sample s = { .name = slice_of(name), .value = v, .weight = 1, .type = STATSD_TIMER };

	series_init(&table, 4);
	table.percentiles = true;
	EQ(series_add(&table, &s), 0);
	*f = (struct figures){ v, v, v, v, v };
	return TAILQ_FIRST(&table.all);
}

BOTH(lines_arrive)
{
	struct figures f;
	const struct series *of = series("a b;c.d-e_F/9", 2.5, &f);
	static const char want[] = "a_b_c.d-e_F_9.count 2.5 77\na_b_c.d-e_F_9.min 2.5 77\na_b_c.d-e_F_9.avg 2.5 77\n"
	    "a_b_c.d-e_F_9.max 2.5 77\na_b_c.d-e_F_9.last 2.5 77\n"
	    "a_b_c.d-e_F_9.p50 2.5 77\na_b_c.d-e_F_9.p95 2.5 77\na_b_c.d-e_F_9.p99 2.5 77\n";
	char got[1024] = "";
	struct carbon *c;
	struct addr to;
	int l, fd;

	to = server(&l);
	EQ(listen(l, 1), 0);
	OK((c = carbon_open(s, &to)) != NULL);
	carbon_put(c, 77, of, &f);
	carbon_flush(c);
	EQ(carbon_pending(c), sizeof(want) - 1);
	UNTIL(s, carbon_pending(c) == 0);
	fd = accept(l, NULL, NULL);
	EQ(read(fd, got, sizeof(got) - 1), sizeof(want) - 1);
	STR(got, want);
	EQ(carbon_lost(c), 0);
	carbon_close(c);
	EQ(read(fd, got, 1), 0);
	close(fd);
	close(l);
	series_fini(&table);
}

BOTH(the_queue_has_an_end)
{
	struct figures f;
	const struct series *of = series("a.name.that.is.long.enough", 1, &f);
	struct carbon *c;
	struct addr to;
	int l;
	uint64_t lost = 0;

	to = server(&l);
	OK((c = carbon_open(s, &to)) != NULL); /* nobody listens */
	for (int i = 0; i < 20000; i++)
		carbon_put(c, 77, of, &f);
	OK(carbon_pending(c) <= CARBON_QUEUE);
	OK(carbon_pending(c) > CARBON_QUEUE - 1000);
	lost = carbon_lost(c);
	OK(lost > 0 && lost < 20000);
	EQ(carbon_lost(c), 0);
	for (int i = 0; i < 5; i++)
		both_turn(s);
	carbon_flush(c);
	OK(carbon_pending(c) > CARBON_QUEUE - 1000);
	carbon_close(c);
	close(l);
	series_fini(&table);
}

TEST(without_memory)
{
	struct sched s;
	struct carbon *c = NULL;
	struct addr to;
	long n;
	int l;

	EQ(sched_init(&s, NULL, false), 0);
	to = server(&l);
	EQ(listen(l, 1), 0);
	for (n = 1; n < 20 && c == NULL; n++) {
		alloc_fail_at(n);
		c = carbon_open(&s, &to);
		alloc_fail_at(0);
	}
	OK(c != NULL);
	EQ(n, 3); /* only the first is its own; without one for the stream it tries again later */
	carbon_close(c);
	carbon_close(NULL);
	close(l);
	sched_fini(&s);
}

MAIN(RUN(lines_arrive), RUN(the_queue_has_an_end), RUN(without_memory))
