#include "dns/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { PORT = 53, FILE_MAX = 65536 };

void
dns_conf_init(struct dns_conf *c)
{
	*c = (struct dns_conf){ .timeout = 2 * SEC, .attempts = 4 };
}

int
dns_server_parse(struct slice s, struct addr *addr, const char **why)
{
	struct slice host, port;
	uint64_t v = PORT;

	if (slice_cut(s, '#', &host, &port) && (slice_u64(port, UINT16_MAX, &v) != 0 || v == 0)) {
		*why = "bad port";
		return -1;
	}
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct slice){ host.p + 1, host.n - 2 };
	if (addr_literal(host, (uint16_t)v, addr) == 0)
		return 0;
	if (host.n != s.n) {
		*why = "not an address";
		return -1;
	}
	return addr_parse(s, PORT, addr, NULL, why);
}

static bool
next_word(struct slice *line, struct slice *word)
{
	size_t n = 0;

	*line = slice_trim(*line);
	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
		n++;
	*word = (struct slice){ line->p, n };
	line->p += n;
	line->n -= n;
	return n > 0;
}

static void
option(struct dns_conf *c, struct slice word)
{
	struct slice name, value;
	uint64_t v;

	if (slice_eq(word, SLICE("rotate")))
		c->rotate = true;
	if (!slice_cut(word, ':', &name, &value) || slice_u64(value, UINT32_MAX, &v) != 0 || v == 0)
		return;
	if (slice_eq(name, SLICE("timeout")))
		c->timeout = (v > 30 ? 30 : (int64_t)v) * SEC;
	if (slice_eq(name, SLICE("attempts")))
		c->attempts = v > CONF_ATTEMPTS_MAX ? CONF_ATTEMPTS_MAX : (unsigned)v;
}

static void
line(struct dns_conf *c, struct slice text)
{
	struct slice word;
	const char *why;

	if (!next_word(&text, &word))
		return;
	if (slice_eq(word, SLICE("nameserver"))) {
		if (next_word(&text, &word) && c->nservers < CONF_SERVERS && dns_server_parse(word, &c->servers[c->nservers], &why) == 0)
			c->nservers++;
	} else if (slice_eq(word, SLICE("options"))) {
		while (next_word(&text, &word))
			option(c, word);
	}
}

void
dns_conf_parse(struct dns_conf *c, struct slice text)
{
	struct slice head;

	while (text.n > 0) {
		slice_cut(text, '\n', &head, &text);
		line(c, head);
	}
}

static int
read_file(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "re");
	char *to;
	size_t n;
	int saved;

	if (f == NULL)
		return errno == ENOENT ? 0 : -1;
	while ((to = buf_reserve(b, 4096)) != NULL && (n = fread(to, 1, 4096, f)) > 0)
		buf_added(b, n);
	saved = ferror(f) ? errno : b->failed ? EFBIG : 0;
	fclose(f);
	errno = saved;
	return saved == 0 ? 0 : -1;
}

int
dns_conf_load(struct dns_conf *c, const char *path)
{
	struct buf b = { .max = FILE_MAX };
	int r;

	if (path == NULL && ((path = getenv("COOP_RESOLV_CONF")) == NULL || *path == '\0'))
		path = "/etc/resolv.conf";
	if ((r = read_file(path, &b)) == 0)
		dns_conf_parse(c, buf_slice(&b));
	if (r == 0 && c->nservers == 0) {
		(void)addr_literal(SLICE("127.0.0.1"), PORT, &c->servers[c->nservers++]);
		(void)addr_literal(SLICE("::1"), PORT, &c->servers[c->nservers++]);
	}
	buf_fini(&b);
	return r;
}
