/* Lines to questions, only as fast as they are wanted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/idn.h"
#include "dnsq.h"

enum {
	LINE_MAX_LEN = 4096,     /* four times the longest name, its escapes and all */
	CHUNK = 65536,
};

enum { URI_MAX = 1000 };

struct input {
	struct watch watch;
	struct sched *sched;
	const struct options *options;
	char *const *names;
	bool from_stdin, is_file, at_end;
	bool readable;           /* it was said to be: one read(2) does not block */
	bool skipping;           /* the rest of a line that was too long */
	void (*more)(void *);
	void *arg;
	char *buf;               /* CHUNK bytes: what is read and not used yet is buf[at..n) */
	size_t at, n;
	unsigned long line, bad;
	/* a line asks for several types */
	struct question pending;
	uint16_t types[TYPES_MAX];
	unsigned next_type, ntypes;
	char uri[URI_MAX + 8];
};

static void
ready(struct watch *w, int events)
{
	struct input *in = (struct input *)w;

	(void)events;
	in->readable = true;
	/* until the next INPUT_WAIT */
	(void)poller_want(in->sched->poller, w, 0);
	in->more(in->arg);
}

struct input *
input_new(struct sched *s, const struct options *o, char *const *names, void (*more)(void *), void *arg)
{
	struct input *in = calloc(1, sizeof(*in));

	if (in == NULL || (in->buf = malloc(CHUNK)) == NULL) {
		free(in);
		return NULL;
	}
	in->sched = s;
	in->options = o;
	in->names = names;
	in->from_stdin = *names == NULL;
	in->more = more;
	in->arg = arg;
	in->watch.fd = STDIN_FILENO;
	in->watch.ready = ready;
	/* a plain file cannot be waited for: it is always there */
	if (in->from_stdin && poller_want(s->poller, &in->watch, POLLER_IN) == -1)
		in->is_file = in->readable = true;
	else if (in->from_stdin)
		(void)poller_want(s->poller, &in->watch, 0);
	return in;
}

void
input_free(struct input *in)
{
	if (in == NULL)
		return;
	poller_remove(in->sched->poller, &in->watch);
	free(in->buf);
	free(in);
}

unsigned long
input_bad(const struct input *in)
{
	return in->bad;
}

static void
complain(struct input *in, struct slice text, const char *why)
{
	char shown[81], line[32] = "";
	size_t n = text.n < sizeof(shown) - 1 ? text.n : sizeof(shown) - 1;

	in->bad++;
	/* what came in from outside must not reach a terminal as it is */
	for (size_t i = 0; i < n; i++)
		shown[i] = text.p[i] >= ' ' && text.p[i] < 0x7f ? text.p[i] : '?';
	shown[n] = '\0';
	if (in->from_stdin)
		(void)snprintf(line, sizeof(line), "line %lu: ", in->line);
	/* in one piece: workers may complain at the same time */
	fprintf(stderr, "dnsq: %s%s%s: %s\n", line, shown, text.n > n ? "..." : "", why);
}

/* --- lines --- */

/* What split.c hands out begins with the number of its first line. */
static void
begin_packet(struct input *in)
{
	unsigned long line = 0;

	while (in->at < in->n && in->buf[in->at] != '\n')
		line = line * 10 + (unsigned long)(in->buf[in->at++] - '0');
	in->at++;
	in->line = line - 1;
}

static void
read_more(struct input *in)
{
	ssize_t n;

	in->readable = in->is_file;
	memmove(in->buf, in->buf + in->at, in->n - in->at);
	in->n -= in->at;
	in->at = 0;
	do
		n = read(STDIN_FILENO, in->buf + in->n, CHUNK - in->n);
	while (n == -1 && errno == EINTR);
	if (n > 0) {
		in->n += (size_t)n;
		if (in->options->workers > 0)
			begin_packet(in);
	} else if (n == 0 || errno != EAGAIN) {
		if (n == -1) {
			fprintf(stderr, "dnsq: stdin: %s\n", strerror(errno));
			in->bad++;
		}
		in->at_end = true;
	}
}

static bool
cut_line(struct input *in, struct slice *text)
{
	char *start = in->buf + in->at, *end = in->n > in->at ? memchr(start, '\n', in->n - in->at) : NULL;
	size_t left = in->n - in->at;

	if (end != NULL) {
		*text = (struct slice){ start, (size_t)(end - start) };
		in->at += text->n + 1;
		return true;
	}
	if (left > LINE_MAX_LEN || (in->at_end && left > 0)) {
		/* too long: this much of it is reported, the rest thrown away; or the last one, without a newline */
		*text = (struct slice){ start, left };
		in->at = in->n;
		return true;
	}
	return false;
}

static enum input_state
next_line(struct input *in, struct slice *text)
{
	for (;;) {
		bool ended;

		if (!cut_line(in, text)) {
			if (in->at_end)
				return INPUT_END;
			if (!in->readable)
				return INPUT_WAIT;
			read_more(in);
			continue;
		}
		ended = in->at_end || in->at == 0 || in->buf[in->at - 1] == '\n';
		if (in->skipping) {
			in->skipping = !ended;
			continue;
		}
		in->line++;
		in->skipping = !ended;
		if (text->n > LINE_MAX_LEN) {
			complain(in, *text, "line too long");
			continue;
		}
		return INPUT_GOT;
	}
}

/* --- questions --- */

static bool
next_word(struct slice *text, struct slice *word)
{
	size_t n = 0;

	*text = slice_trim(*text);
	while (n < text->n && text->p[n] != ' ' && text->p[n] != '\t')
		n++;
	*word = (struct slice){ text->p, n };
	text->p += n;
	text->n -= n;
	return n > 0;
}

static int
read_types(struct input *in, struct slice list, const char **why)
{
	struct slice word;

	in->ntypes = 0;
	while (list.n > 0) {
		slice_cut(list, ',', &word, &list);
		if (in->ntypes == TYPES_MAX || rrtype_parse(word, &in->types[in->ntypes]) != 0) {
			*why = "unknown type";
			return -1;
		}
		in->ntypes++;
	}
	return 0;
}

static int
read_reverse(struct slice word, struct question *q, const char **why)
{
	struct addr a;

	if (addr_literal(word, 0, &a) != 0) {
		*why = "not an address";
		return -1;
	}
	if (a.u.sa.sa_family == AF_INET)
		q->namelen = (uint8_t)name_reverse((const uint8_t *)&a.u.in.sin_addr, 4, q->name);
	else
		q->namelen = (uint8_t)name_reverse((const uint8_t *)&a.u.in6.sin6_addr, 16, q->name);
	return 0;
}

static int
read_name(struct input *in, struct slice text, const char **why)
{
	struct slice word, type;
	int n;

	(void)next_word(&text, &word);
	if (next_word(&text, &type)) {
		if (read_types(in, type, why) != 0)
			return -1;
		if (next_word(&text, &type)) {
			*why = "more than a name and a type";
			return -1;
		}
	}
	if (in->options->reverse)
		return read_reverse(word, &in->pending, why);
	if ((n = idn_parse(word, in->pending.name, why)) < 0)
		return -1;
	in->pending.namelen = (uint8_t)n;
	return 0;
}

/* A domain means its sip URI. */
static int
read_uri(struct input *in, struct slice text, const char **why)
{
	bool whole = memchr(text.p, ':', text.n) != NULL;
	struct sipuri u;
	struct fault f;

	if (text.n > URI_MAX) {
		*why = "too long";
		return -1;
	}
	(void)snprintf(in->uri, sizeof(in->uri), "%s%.*s", whole ? "" : "sip:", SLICE_FMT(text));
	in->pending.uri = in->uri;
	if (sipuri_parse(&u, slice_of(in->uri), &f) == -1) {
		*why = f.why;
		return -1;
	}
	return locate_check(&u, LOCATE_ALL, why);
}

static int
read_question(struct input *in, struct slice text, const char **why)
{
	uint8_t domain[NAME_MAX_WIRE];

	in->next_type = 0;
	in->ntypes = in->options->ntypes;
	memcpy(in->types, in->options->types, sizeof(in->types));
	if (!in->options->by_number && !in->options->locate)
		return read_name(in, text, why);
	in->ntypes = 1;
	if (in->options->locate)
		return read_uri(in, text, why);
	if (enum_number(text, in->pending.number, why) != 0)
		return -1;
	if (enum_domain(in->pending.number, in->options->suffix, domain) < 0) {
		*why = "too long for the suffix";
		return -1;
	}
	return 0;
}

static enum input_state
next_text(struct input *in, struct slice *text)
{
	if (in->from_stdin)
		return next_line(in, text);
	if (*in->names == NULL)
		return INPUT_END;
	*text = slice_of(*in->names++);
	return INPUT_GOT;
}

enum input_state
input_next(struct input *in, struct question *q)
{
	const char *why;
	struct slice text;
	enum input_state state;

	while (in->next_type >= in->ntypes) {
		if ((state = next_text(in, &text)) == INPUT_WAIT) {
			(void)poller_want(in->sched->poller, &in->watch, POLLER_IN);
			return INPUT_WAIT;
		}
		if (state == INPUT_END)
			return INPUT_END;
		text = slice_trim(text);
		if (in->from_stdin && (text.n == 0 || text.p[0] == '#'))
			continue;
		if (read_question(in, text, &why) != 0) {
			in->ntypes = 0;
			complain(in, text, why);
		}
	}
	in->pending.type = in->types[in->next_type++];
	*q = in->pending;
	return INPUT_GOT;
}
