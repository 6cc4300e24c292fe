/* serve.h: -P: the metrics for Prometheus, at http://ADDR/metrics. */
#ifndef SERVE_H
#define SERVE_H

#include "intake.h"
#include "net/httpd.h"

struct serve {
	const struct intake *in;
	struct httpd *http; /* NULL: none */
};

/* 0, *bound is where, or -1 with errno. */
int serve_open(struct serve *, const struct intake *, const struct addr *, struct addr *bound);

/* Safe when it was never opened. */
void serve_close(struct serve *);

#endif
