/* gcwatch.h: what the command line asks for. */
#ifndef GCWATCH_H
#define GCWATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "cli.h"

enum { FILES_MAX = 16, LISTEN_MAX = 16 };

struct settings {
	const struct cli *cli;
	struct addr listen[LISTEN_MAX];
	size_t nlisten;              /* 0: no -l was given */
	int64_t interval;            /* ns */
	int64_t flushes;             /* 0: no end */
	bool serves;                 /* Prometheus: */
	struct addr http;            /* there; no address: where the first -l is */
	bool sends;                  /* to a Graphite server: */
	struct addr carbon;
	pid_t pid;                   /* to attach to; 0: none */
	size_t names;                /* kept at most */
	unsigned idle;               /* intervals after which a silent name is forgotten; 0: never */
	bool absolute;               /* a gauge's sign makes it no change */
	bool repeat;                 /* silent gauges have lines, too */
	bool json, graph, verbose;
	bool summary;                /* a table at the end */
	const char *title;           /* of pictures; NULL: what is watched */
	const char *patterns[FILES_MAX], *outputs[FILES_MAX], *recordings[FILES_MAX];
	size_t npatterns, noutputs, nrecordings;
	char **command;              /* NULL: none */
};

/* Whether -m wants this metric. */
bool wanted(const struct settings *, struct slice name);

/* Each returns the exit status. */
int watch(const struct settings *);
int recall(const struct settings *);

#endif
