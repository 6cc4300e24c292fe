#include "serve.h"

#include "stat/prom.h"

static void
put_own(struct prom *p, const struct intake *in)
{
	prom_number(p, "gcwatch_datagrams_total", "counter", "Datagrams received", (double)in->datagrams);
	prom_number(p, "gcwatch_lines_total", "counter", "Lines in them", (double)(in->lines + in->bad));
	prom_number(p, "gcwatch_bad_lines_total", "counter", "Lines that were no metrics", (double)in->bad);
	prom_number(p, "gcwatch_dropped_datagrams_total", "counter", "Datagrams that the system dropped",
	    (double)intake_dropped(in));
	prom_number(p, "gcwatch_refused_samples_total", "counter", "Samples for which there was no room",
	    (double)(in->refused + in->series->refused));
	prom_number(p, "gcwatch_names", "gauge", "Names that are kept", (double)in->series->n);
}

static const char *
metrics(const struct intake *in, struct buf *body)
{
	struct prom p;

	if (prom_init(&p, body, in->series->n + 16) != 0) {
		body->failed = true;
		return NULL;
	}
	put_own(&p, in);
	if (prom_table(&p, in->series) != 0)
		body->failed = true;
	prom_number(&p, "gcwatch_hidden_metrics", "gauge", "Metrics left out, since another has their name here",
	    (double)p.hidden);
	prom_fini(&p);
	return PROM_TYPE;
}

static const char *
page(void *arg, struct slice path, struct buf *body)
{
	if (slice_eq(path, SLICE("/metrics")))
		return metrics(((const struct serve *)arg)->in, body);
	if (!slice_eq(path, SLICE("/")))
		return NULL;
	buf_puts(body, "gcwatch: the metrics are at /metrics\n");
	return "text/plain";
}

int
serve_open(struct serve *s, const struct intake *in, const struct addr *a, struct addr *bound)
{
	*s = (struct serve){ .in = in };
	if ((s->http = httpd_open(in->sched, a, page, s)) == NULL)
		return -1;
	return httpd_localaddr(s->http, bound);
}

void
serve_close(struct serve *s)
{
	httpd_close(s->http);
	s->http = NULL;
}
