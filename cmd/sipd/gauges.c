/* What sipd tells of itself once a second: how things stand, and what has happened in that second. */
#include "sipd.h"

/* In ms: so many of a hundred answers since `before` took no longer; exact to a factor of 2. */
static double
latency(const struct stxn_stats *now, const struct stxn_stats *before, double percent)
{
	uint64_t all = 0, sum = 0;
	int i;

	for (i = 0; i < STXN_LATENCIES; i++)
		all += now->latency[i] - before->latency[i];
	if (all == 0)
		return 0;
	for (i = 0; i < STXN_LATENCIES - 1; i++) {
		sum += now->latency[i] - before->latency[i];
		if ((double)sum >= (double)all * percent / 100)
			break;
	}
	return (double)((uint64_t)1 << i) / 1e6;
}

static void
put_answers(struct gauge *g, const struct stxn_stats *now, const struct stxn_stats *before)
{
	static const char *const names[] = { [1] = "answers_1xx", "answers_2xx", "answers_3xx", "answers_4xx", "answers_5xx", "answers_6xx" };

	for (int i = 1; i <= 6; i++)
		gauge_put(g, names[i], (double)(now->responses[i] - before->responses[i]));
}

void
gauges_put(void *arg, struct gauge *g)
{
	static struct stxn_stats before;
	struct sipd *d = arg;
	const struct stxn_stats *now = &d->server.layer.stats;

	runtime_gauges(d->rt, g);
	gauge_put(g, "pending", (double)now->pending);
	gauge_put(g, "kept", (double)now->kept);
	gauge_put(g, "connections", d->server.streams != NULL ? (double)sipstreams_stats(d->server.streams)->open : 0);
	gauge_put(g, "requests", (double)(now->requests - before.requests));
	put_answers(g, now, &before);
	gauge_put(g, "refused", (double)(now->refused - before.refused));
	gauge_put(g, "retransmissions", (double)(now->retransmissions - before.retransmissions));
	gauge_put(g, "malformed", (double)(now->malformed - before.malformed));
	gauge_put(g, "p50", latency(now, &before, 50));
	gauge_put(g, "p99", latency(now, &before, 99));
	before = *now;
}
