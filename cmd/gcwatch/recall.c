/* recall.c: -r: a recording is read back, and drawn, copied or summed up. */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "gcwatch.h"
#include "out.h"
#include "stat/history.h"

enum { LINE = 1024, COMPLAINTS = 10, NAMES = 100000 };

struct reader {
	const struct settings *set;
	struct history history; /* for the summary */
	struct out *out;        /* NULL: only the summary */
	unsigned long bad;
	bool failed;
};

static void
complain(struct reader *r, const char *path, unsigned long number, const char *why)
{
	if (r->bad++ < COMPLAINTS)
		warnx("%s:%lu: %s", path, number, why);
}

static void
take(struct reader *r, const struct record *record)
{
	if (!wanted(r->set, record->name))
		return;
	if (r->out != NULL) {
		out_line(r->out, record, NULL);
	} else if (history_add(&r->history, record) != 0) {
		warn("%.*s", SLICE_FMT(record->name));
		r->failed = true;
	}
}

/* Reads over the rest of a line that was longer than any can be. */
static void
skip_line(FILE *f)
{
	int c;

	while ((c = getc(f)) != '\n' && c != EOF)
		continue;
}

static void
read_lines(struct reader *r, FILE *f, const char *path)
{
	char line[LINE];

	for (unsigned long number = 1; fgets(line, sizeof(line), f) != NULL; number++) {
		struct slice s = slice_of(line);
		struct record record;
		struct fault fault;

		if (s.n == sizeof(line) - 1 && s.p[s.n - 1] != '\n') {
			skip_line(f);
			complain(r, path, number, "line too long");
			continue;
		}
		s = slice_trim(s);
		if (s.n == 0)
			continue;
		if (record_parse(s, &record, &fault) != 0)
			complain(r, path, number, fault.why);
		else
			take(r, &record);
		if (r->out != NULL && number % 1000 == 0 && out_flush(r->out) != 0)
			return;
	}
}

static void
read_file(struct reader *r, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(path, "r");

	if (f == NULL) {
		warn("%s", path);
		r->failed = true;
		return;
	}
	read_lines(r, f, is_stdin ? "stdin" : path);
	if (ferror(f)) {
		warn("%s", path);
		r->failed = true;
	}
	if (!is_stdin)
		(void)fclose(f);
}

/* All that was read as if it were one interval. */
static int
summary(struct reader *r)
{
	struct out *out = out_open(r->set, stdout, NULL);
	const struct track *t;

	if (out == NULL)
		return -1;
	TAILQ_FOREACH(t, &r->history.tracks, entry) {
		struct record record = { .at = t->last_at, .name = t->name,
			.f = { t->count, t->min, track_mean(t), t->max, t->last } };

		if (t->lines > 0)
			out_line(out, &record, NULL);
	}
	return out_close(out);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(path, "-") == 0 ? "gcwatch" : slash != NULL ? slash + 1 : path;
}

int
recall(const struct settings *set)
{
	struct reader r = { .set = set };

	history_init(&r.history, NAMES);
	r.history.totals_only = true;
	if ((set->noutputs > 0 || set->summary) &&
	    (r.out = out_open(set, NULL, base_name(set->recordings[0]))) == NULL)
		return 1;
	for (size_t i = 0; i < set->nrecordings; i++)
		read_file(&r, set->recordings[i]);
	if (r.bad > 0)
		warnx("%lu bad line%s left out", r.bad, r.bad == 1 ? "" : "s");
	if ((r.out != NULL ? out_close(r.out) : summary(&r)) != 0)
		r.failed = true;
	history_fini(&r.history);
	return r.failed || r.bad > 0 ? 1 : 0;
}
