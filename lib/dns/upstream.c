#include "dns/upstream.h"

#include <stdlib.h>
#include <netinet/in.h>

#include "net/tls.h"

static void
port_reply(struct dnsport_set *set, struct dns_query *q, struct slice data)
{
	struct upstream *u = set->user;

	u->reply(u, q, data);
}

static void
port_stray(struct dnsport_set *set)
{
	((struct upstream *)set->user)->stats->ignored++;
}

static void
port_refused(struct dnsport_set *set, struct dns_query *q)
{
	struct upstream *u = set->user;

	u->refused(u, q);
}

static void
conn_reply(struct dnsconn *c, struct dns_query *q, struct slice data)
{
	struct upstream *u = c->user;

	u->reply(u, q, data);
}

static void
conn_stray(struct dnsconn *c)
{
	((struct upstream *)c->user)->stats->ignored++;
}

static void
conn_made(struct dnsconn *c)
{
	((struct upstream *)c->user)->stats->connections++;
}

static void
conn_lost(struct dnsconn *c, struct dns_query *q, bool progress)
{
	struct upstream *u = c->user;

	u->lost(u, q, progress);
}

/* Nobody elsewhere can put anything on the loopback. */
static bool
is_exposed(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return ntohl(a->u.in.sin_addr.s_addr) >> 24 != 127;
	return !IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
}

static bool
is_wanted(enum resolver_guard guard, const struct addr *server)
{
	return guard == RESOLVER_GUARD_AUTO ? is_exposed(server) : guard == RESOLVER_GUARD_ON;
}

void
upstream_init(struct upstream *u, const struct resolver_options *o, const struct addr *server, unsigned ports)
{
	health_init(u->health, server);
	u->mixes = is_wanted(o->mix_case, server);
	u->cookies = is_wanted(o->cookies, server);
	u->ports.sched = u->conn.sched = u->sched;
	u->ports.server = u->conn.server = *server;
	u->ports.user = u->conn.user = u;
	u->ports.most = ports;
	u->ports.spread = is_exposed(server) ? o->spread : 0;
	u->ports.reply = port_reply;
	u->ports.stray = port_stray;
	u->ports.refused = port_refused;
	u->conn.reply = conn_reply;
	u->conn.stray = conn_stray;
	u->conn.lost = conn_lost;
	u->conn.connected = conn_made;
	dnsport_init(&u->ports);
	dnsconn_init(&u->conn);
}

int
upstream_use_tls(struct upstream *u, const struct dns_tls *t)
{
	bool named = *t->name != '\0';
	const struct tls_options o = {
		.verify = named ? TLS_VERIFY_ALWAYS : TLS_VERIFY_NEVER,
		.alpn = SLICE("\003dot"),
	};
	char why[TLS_WHYLEN];

	u->conn.name = named ? t->name : NULL;
	u->conn.tls = tls_new(&o, why);
	return u->conn.tls != NULL ? 0 : -1;
}

bool
upstream_uses_tls(const struct upstream *u)
{
	return u->conn.tls != NULL;
}

void
upstream_fini(struct upstream *u)
{
	dnsconn_fini(&u->conn);
	dnsport_fini(&u->ports);
}

void
upstream_prepare(struct upstream *u, struct dns_query *q)
{
	q->x.plain = u->health->plain_until > u->sched->clock.now;
	q->x.cookie = u->cookies ? &u->health->cookie : NULL;
	q->x.pad = u->conn.tls != NULL;
	q->x.cookie_again = false;
	q->x.mix = u->mixes && !u->health->folds_case && !q->unmixed && !q->x.stream ? arc4random() : 0;
}

int
upstream_send(struct upstream *u, struct dns_query *q)
{
	return q->x.stream ? dnsconn_send(&u->conn, q) : dnsport_send(&u->ports, q);
}

void
upstream_drop(struct upstream *u, struct dns_query *q)
{
	if (q->via == NULL)
		return;
	if (q->x.stream)
		dnsconn_drop(&u->conn, q);
	else
		dnsport_drop(&u->ports, q);
}
