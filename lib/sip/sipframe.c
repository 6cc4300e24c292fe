#include "sip/sipframe.h"

#include "sip/lex.h"

/* --- the header's end --- */

/* An empty line: its end is behind a line end, CRLF or LF. 0: none yet, *from is then how far nothing is. */
static size_t
header_end(struct slice in, size_t *from)
{
	const char *at = in.p + *from, *end = in.p + in.n, *lf;

	for (; (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1) {
		if (lf + 1 < end && lf[1] == '\n')
			return (size_t)(lf + 2 - in.p);
		if (lf + 2 < end && lf[1] == '\r' && lf[2] == '\n')
			return (size_t)(lf + 3 - in.p);
		if (lf + 2 >= end) {
			*from = (size_t)(lf - in.p);
			return 0;
		}
	}
	*from = in.n;
	return 0;
}

/* --- Content-Length --- */

static bool
continues(struct slice rest)
{
	return rest.n > 0 && (*rest.p == ' ' || *rest.p == '\t');
}

static bool
is_length(struct slice name)
{
	name = slice_trim(name);
	return slice_caseeq(name, SLICE("Content-Length")) || slice_caseeq(name, SLICE("l"));
}

/* The next one's value, with the lines that continue it; *rest begins at a line. False: none. */
static bool
find_length(struct slice *rest, struct slice *value)
{
	struct slice line, name;

	while (slice_cut(*rest, '\n', &line, rest)) {
		char first = line.n > 0 ? ascii_lower(*line.p) : '\0';

		if ((first != 'c' && first != 'l') || !slice_cut(line, ':', &name, value) || !is_length(name))
			continue;
		while (continues(*rest)) {
			(void)slice_cut(*rest, '\n', &line, rest);
			value->n = (size_t)(line.p + line.n - value->p);
		}
		return true;
	}
	return false;
}

static ssize_t
bad(struct fault *f, size_t off, const char *why, int status)
{
	*f = (struct fault){ .off = off, .why = why, .status = status };
	return -1;
}

/* in.n bytes are the whole header. */
static ssize_t
measure(struct sipframe *fr, struct slice header, size_t max, struct fault *f)
{
	struct slice value, rest, second;
	uint64_t n;

	(void)slice_cut(header, '\n', &value, &rest);
	if (!find_length(&rest, &value))
		return bad(f, 0, "no Content-Length on a stream", 400);
	/* whoever was before us may have gone by the other one */
	if (find_length(&rest, &second))
		return bad(f, (size_t)(second.p - header.p), "Content-Length is there twice", 400);
	if (slice_u64(slice_trim(value), UINT64_MAX, &n) == -1)
		return bad(f, (size_t)(value.p - header.p), "bad Content-Length", 400);
	if (n > max || header.n + n > max)
		return bad(f, (size_t)(value.p - header.p), "the message is too long", 513);
	fr->whole = header.n + (size_t)n;
	return 0;
}

ssize_t
sip_frame(struct sipframe *fr, struct slice in, size_t max, struct fault *f)
{
	size_t header;

	if (fr->whole == 0) {
		header = header_end(in, &fr->scanned);
		if (header == 0)
			return in.n < max ? 0 : bad(f, in.n, "the message is too long", 513);
		if (measure(fr, (struct slice){ in.p, header }, max, f) == -1)
			return -1;
	}
	if (in.n < fr->whole)
		return 0;
	header = fr->whole;
	*fr = (struct sipframe){ 0 };
	return (ssize_t)header;
}

/* --- between messages --- */

/* CRLF or LF: its length; 0: none, or not all of it. */
static size_t
line_end(struct slice s)
{
	if (s.n > 0 && s.p[0] == '\n')
		return 1;
	return s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n' ? 2 : 0;
}

size_t
sip_frame_blank(struct slice in, unsigned *pings)
{
	size_t taken = 0, one, two;

	for (*pings = 0; (one = line_end(slice_make(in.p + taken, in.n - taken))) > 0;) {
		struct slice rest = slice_make(in.p + taken + one, in.n - taken - one);

		if ((two = line_end(rest)) > 0)
			++*pings;
		else if (rest.n == 0 || (rest.n == 1 && *rest.p == '\r'))
			break;
		taken += one + two;
	}
	return taken;
}
