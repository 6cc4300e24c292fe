#include "dns/conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "dns/idn.h"
#include "dns/name.h"

enum { PORT = 53, TLS_PORT = 853, FILE_MAX = 65536 };

void
dns_conf_init(struct dns_conf *c)
{
	*c = (struct dns_conf){ .timeout = 2 * SEC, .attempts = 4, .ndots = 1 };
}

static int
parse_server(struct slice s, uint16_t default_port, struct addr *addr, const char **why)
{
	struct slice host, port;
	uint64_t v = default_port;

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
	return addr_parse(s, default_port, addr, NULL, why);
}

int
dns_server_parse(struct slice s, struct addr *addr, const char **why)
{
	return parse_server(s, PORT, addr, why);
}

static int
parse_secure(struct slice s, struct addr *addr, struct dns_tls *tls, const char **why)
{
	struct slice host, name;

	tls->on = true;
	if (slice_cut(s, '/', &host, &name) && (name.n == 0 || slice_cstr(name, tls->name, sizeof(tls->name)) != 0)) {
		*why = "bad name of a TLS server";
		return -1;
	}
	return parse_server(host, TLS_PORT, addr, why);
}

int
dns_conf_add(struct dns_conf *c, struct slice s, const char **why)
{
	static const struct slice prefix = { "tls:", 4 };
	struct dns_tls tls = { .on = false };
	struct addr addr;
	int r;

	if (c->nservers == CONF_SERVERS) {
		*why = "too many servers";
		return -1;
	}
	if (s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0)
		r = parse_secure(slice_make(s.p + prefix.n, s.n - prefix.n), &addr, &tls, why);
	else
		r = parse_server(s, PORT, &addr, why);
	if (r != 0)
		return -1;
	c->servers[c->nservers] = addr;
	c->tls[c->nservers++] = tls;
	return 0;
}

void
dns_conf_use_tls(struct dns_conf *c)
{
	for (unsigned i = 0; i < c->nservers; i++) {
		if (!c->tls[i].on && addr_port(&c->servers[i]) == PORT)
			addr_set_port(&c->servers[i], TLS_PORT);
		c->tls[i].on = true;
	}
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

	c->rotate |= slice_eq(word, SLICE("rotate"));
	c->use_vc |= slice_eq(word, SLICE("use-vc"));
	c->no_aaaa |= slice_eq(word, SLICE("no-aaaa"));
	if (!slice_cut(word, ':', &name, &value) || slice_u64(value, UINT32_MAX, &v) != 0)
		return;
	if (slice_eq(name, SLICE("ndots")))
		c->ndots = v > CONF_NDOTS_MAX ? CONF_NDOTS_MAX : (unsigned)v;
	if (v == 0)
		return;
	if (slice_eq(name, SLICE("timeout")))
		c->timeout = (v > 30 ? 30 : (int64_t)v) * SEC;
	if (slice_eq(name, SLICE("attempts")))
		c->attempts = v > CONF_ATTEMPTS_MAX ? CONF_ATTEMPTS_MAX : (unsigned)v;
}

void
dns_conf_search(struct dns_conf *c, struct slice words)
{
	uint8_t name[NAME_MAX_WIRE];
	struct slice word;
	const char *why;
	int n;

	c->nsearch = 0;
	while (next_word(&words, &word)) {
		if ((n = idn_parse(word, name, &why)) < 0 || (size_t)n > sizeof(c->search) - c->nsearch)
			continue;
		memcpy(c->search + c->nsearch, name, (size_t)n);
		c->nsearch += (size_t)n;
	}
}

static void
options(struct dns_conf *c, struct slice words)
{
	struct slice word;

	while (next_word(&words, &word))
		option(c, word);
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
	} else if (slice_eq(word, SLICE("search")) || slice_eq(word, SLICE("domain"))) {
		dns_conf_search(c, text);
	} else if (slice_eq(word, SLICE("options"))) {
		options(c, text);
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

const char *
dns_conf_path(void)
{
	const char *path = getenv("COOP_RESOLV_CONF");

	return path != NULL && *path != '\0' ? path : "/etc/resolv.conf";
}

/* What follows the first dot of the host's name. */
static void
search_own_domain(struct dns_conf *c)
{
	char host[256];
	struct slice name, domain;

	if (gethostname(host, sizeof(host)) != 0)
		return;
	host[sizeof(host) - 1] = '\0';
	if (slice_cut(slice_of(host), '.', &name, &domain))
		dns_conf_search(c, domain);
}

int
dns_conf_load(struct dns_conf *c, const char *path)
{
	struct buf b = { .max = FILE_MAX };
	const char *env;
	int r = file_read(path != NULL ? path : dns_conf_path(), &b);

	if (r == 0)
		dns_conf_parse(c, buf_slice(&b));
	buf_fini(&b);
	if (r != 0)
		return -1;
	if (c->nservers == 0) {
		(void)addr_literal(SLICE("127.0.0.1"), PORT, &c->servers[c->nservers++]);
		(void)addr_literal(SLICE("::1"), PORT, &c->servers[c->nservers++]);
	}
	if ((env = getenv("LOCALDOMAIN")) != NULL)
		dns_conf_search(c, slice_of(env));
	else if (c->nsearch == 0)
		search_own_domain(c);
	if ((env = getenv("RES_OPTIONS")) != NULL)
		options(c, slice_of(env));
	return 0;
}
