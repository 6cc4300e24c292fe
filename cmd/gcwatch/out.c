#include "out.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "stat/number.h"
#include "stat/plot.h"
#include "table.h"

enum { CHUNK = 32768 }; /* lines are written when there are so many bytes of them, or the interval ends */

enum kind { KIND_NONE, KIND_TSV, KIND_JSON, KIND_SVG, KIND_PNG };

struct target {
	enum kind kind;
	const char *path; /* of a picture */
	FILE *f;          /* of lines; NULL: a picture */
};

struct out {
	struct target targets[FILES_MAX + 1];
	size_t n;
	struct buf tsv, json; /* of this interval, as far as it is not written yet */
	int result;           /* of what was written in this interval: see out_flush */
	struct history history;
	bool draws;
	FILE *table;          /* at the end; NULL: none */
	bool seconds;         /* lines tell the time in whole ones */
	const char *title;
};

static enum kind
kind_of(const char *path)
{
	static const struct {
		const char *end;
		enum kind kind;
	} rows[] = {
		{ ".tsv", KIND_TSV }, { ".json", KIND_JSON }, { ".ndjson", KIND_JSON },
		{ ".svg", KIND_SVG }, { ".png", KIND_PNG },
	};
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t end = strlen(rows[i].end);

		if (n > end && strcmp(path + n - end, rows[i].end) == 0)
			return rows[i].kind;
	}
	return KIND_NONE;
}

bool
out_takes(const char *path)
{
	return strcmp(path, "-") == 0 || kind_of(path) != KIND_NONE;
}

bool
out_wants_percentiles(const struct settings *set)
{
	for (size_t i = 0; i < set->noutputs; i++)
		if (kind_of(set->outputs[i]) == KIND_JSON)
			return true;
	return set->json;
}

/* --- lines --- */

static void
put_member(struct buf *b, const char *name, double v)
{
	char text[NUMBER_STRLEN];

	buf_printf(b, ",\"%s\":", name);
	buf_put(b, text, number_format(v, text, sizeof(text)));
}

static void
put_percentiles(struct buf *b, const struct series *s, const struct figures *f)
{
	static const struct {
		const char *name;
		double p;
	} rows[] = { { "p50", 50 }, { "p95", 95 }, { "p99", 99 } };
	double v;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (series_percentile(s, f, rows[i].p, &v))
			put_member(b, rows[i].name, v);
}

static void
put_tags(struct buf *b, struct slice tags)
{
	struct slice key, value;

	buf_puts(b, ",\"tags\":{");
	for (bool first = true; statsd_tag(&tags, &key, &value); first = false) {
		if (!first)
			buf_putc(b, ',');
		buf_putquoted(b, key);
		buf_putc(b, ':');
		buf_putquoted(b, value);
	}
	buf_putc(b, '}');
}

static void
put_json(struct buf *b, const struct record *r, const struct series *s)
{
	char text[NUMBER_STRLEN];
	struct slice tags, name = statsd_metric(r->name, &tags);

	buf_puts(b, "{\"epoch\":");
	buf_put(b, text, number_format((double)r->at / 1000, text, sizeof(text)));
	buf_puts(b, ",\"name\":");
	buf_putquoted(b, name);
	if (tags.n > 0)
		put_tags(b, tags);
	put_member(b, "count", r->f.count);
	put_member(b, "min", r->f.min);
	put_member(b, "avg", r->f.avg);
	put_member(b, "max", r->f.max);
	put_member(b, "last", r->f.last);
	if (s != NULL)
		put_percentiles(b, s, &r->f);
	buf_puts(b, "}\n");
}

static int
write_lines(const struct target *t, const struct buf *b, bool tell)
{
	if (t->f == NULL || b->n == 0)
		return 0;
	if (fwrite(b->p, 1, b->n, t->f) == b->n && fflush(t->f) == 0)
		return 0;
	if (t->f == stdout && errno == EPIPE)
		return 1;
	if (tell)
		warn("%s", t->path);
	return -1;
}

static void
write_gathered(struct out *out)
{
	if (out->tsv.failed || out->json.failed) {
		warnx("no memory for the lines of this interval");
		out->result = -1;
	}
	for (size_t i = 0; i < out->n; i++) {
		const struct target *t = &out->targets[i];
		/* a full disk is told once an interval */
		int r = write_lines(t, t->kind == KIND_TSV ? &out->tsv : &out->json, out->result != -1);

		if (r != 0 && out->result != -1)
			out->result = r;
	}
	buf_clear(&out->tsv);
	buf_clear(&out->json);
}

void
out_line(struct out *out, const struct record *r, const struct series *s)
{
	bool tsv = false, json = false;
	struct record line = *r;

	if (out->seconds)
		line.at -= line.at % 1000;
	for (size_t i = 0; i < out->n; i++) {
		tsv |= out->targets[i].kind == KIND_TSV;
		json |= out->targets[i].kind == KIND_JSON;
	}
	if (tsv)
		record_put(&out->tsv, &line);
	if (json)
		put_json(&out->json, &line, s);
	if ((out->draws || out->table != NULL) && history_add(&out->history, r) != 0 && errno != ENOSPC)
		warn("%.*s", SLICE_FMT(r->name));
	if (out->tsv.n >= CHUNK || out->json.n >= CHUNK)
		write_gathered(out);
}

int
out_flush(struct out *out)
{
	int result;

	write_gathered(out);
	result = out->result;
	out->result = 0;
	return result;
}

/* --- pictures --- */

static int
write_file(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "w");
	bool bad;

	if (f == NULL) {
		warn("%s", path);
		return -1;
	}
	bad = fwrite(b->p, 1, b->n, f) != b->n;
	bad |= fclose(f) != 0;
	if (bad)
		warn("%s", path);
	return bad ? -1 : 0;
}

static int
draw_svg(const struct out *out, const char *path)
{
	struct buf b;
	int r = -1;

	buf_init(&b, 0);
	if (plot_svg(&out->history, out->title, &b) != 0)
		warn("%s", path);
	else
		r = write_file(path, &b);
	buf_fini(&b);
	return r;
}

/* "x.png" becomes "x.svg", which is as long. */
static int
draw_svg_instead(const struct out *out, const char *png)
{
	char *svg = strdup(png);
	int r;

	if (svg == NULL) {
		warn("%s", png);
		return -1;
	}
	memcpy(svg + strlen(svg) - 4, ".svg", 4);
	warnx("gnuplot is not installed: writing %s instead", svg);
	(void)unlink(png); /* created to see whether it can be */
	r = draw_svg(out, svg);
	free(svg);
	return r;
}

static int
draw_png(const struct out *out, const char *path)
{
	if (plot_png(&out->history, out->title, path) == 0)
		return 0;
	if (errno == ENOENT)
		return draw_svg_instead(out, path);
	warnx("%s: gnuplot could not draw it: %s", path, strerror(errno));
	return -1;
}

static int
draw_all(const struct out *out)
{
	int r = 0;

	if (out->draws && (out->history.refused > 0 || out->history.n > PLOT_PANELS))
		warnx("a picture has room for %d metrics, and there are more: choose with -m", PLOT_PANELS);
	for (size_t i = 0; i < out->n; i++) {
		if (out->targets[i].kind == KIND_SVG && draw_svg(out, out->targets[i].path) != 0)
			r = -1;
		if (out->targets[i].kind == KIND_PNG && draw_png(out, out->targets[i].path) != 0)
			r = -1;
	}
	return r;
}

/* --- opening and closing --- */

static void
add_lines(struct out *out, FILE *f, const char *path, enum kind kind)
{
	out->targets[out->n++] = (struct target){ .kind = kind, .path = path, .f = f };
}

static int
add_picture(struct out *out, const char *path, enum kind kind)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd == -1)
		return -1;
	(void)close(fd);
	out->targets[out->n++] = (struct target){ .kind = kind, .path = path };
	out->draws = true;
	return 0;
}

static int
add_file(struct out *out, const char *path, enum kind kind)
{
	FILE *f;

	if (kind == KIND_SVG || kind == KIND_PNG)
		return add_picture(out, path, kind);
	if ((f = fopen(path, "we")) == NULL)
		return -1;
	add_lines(out, f, path, kind);
	return 0;
}

struct out *
out_open(const struct settings *set, FILE *log, const char *title)
{
	struct out *out = calloc(1, sizeof(*out));
	enum kind plain = set->json ? KIND_JSON : KIND_TSV;

	if (out == NULL) {
		warn(NULL);
		return NULL;
	}
	out->title = set->title != NULL ? set->title : title;
	out->seconds = set->nrecordings == 0 && set->interval % SEC == 0;
	out->table = !set->summary ? NULL : set->nrecordings > 0 ? stdout : stderr;
	history_init(&out->history, set->summary ? TABLE_MOST : PLOT_PANELS);
	if (set->noutputs == 0 && log != NULL)
		add_lines(out, log, log == stdout ? "stdout" : "stderr", plain);
	for (size_t i = 0; i < set->noutputs; i++) {
		const char *path = set->outputs[i];

		if (strcmp(path, "-") == 0) {
			add_lines(out, stdout, "stdout", plain);
		} else if (add_file(out, path, kind_of(path)) != 0) {
			warn("%s", path);
			(void)out_close(out);
			return NULL;
		}
	}
	return out;
}

int
out_close(struct out *out)
{
	int r = out_flush(out) == -1 ? -1 : 0;

	if (draw_all(out) != 0)
		r = -1;
	if (out->table != NULL)
		table_print(&out->history, out->table);
	for (size_t i = 0; i < out->n; i++) {
		FILE *f = out->targets[i].f;

		if (f != NULL && f != stdout && f != stderr && fclose(f) != 0) {
			warn("%s", out->targets[i].path);
			r = -1;
		}
	}
	buf_fini(&out->tsv);
	buf_fini(&out->json);
	history_fini(&out->history);
	free(out);
	return r;
}
