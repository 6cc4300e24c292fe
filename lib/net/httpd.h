/*
 * httpd.h: a small HTTP/1.1 server (RFC 9112) that gives out documents: GET and HEAD, connections kept or closed as the
 * client likes. It bounds what anybody can hold: connections (the one that was idle longest gives way), the size of a
 * request's head, and how long a request may take to come or a reply to go.
 */
#ifndef NET_HTTPD_H
#define NET_HTTPD_H

#include "base/addr.h"
#include "base/buf.h"
#include "loop/sched.h"

enum { HTTPD_CLIENTS = 64, HTTPD_HEAD = 8192 };

struct httpd;

/*
 * The document of a path (without what follows a `?`): added to `body`; returns its content type, a static text, or
 * NULL when there is none: 404.
 */
typedef const char *httpd_page(void *arg, struct slice path, struct buf *body);

/* A TCP or unix address. NULL with errno. */
struct httpd *httpd_open(struct sched *, const struct addr *, httpd_page *, void *arg);

/* With all connections. Not from within the page. NULL is ignored. */
void httpd_close(struct httpd *);

int httpd_localaddr(const struct httpd *, struct addr *);

/* --- private part: for tests --- */

/* How long a request or a reply may take, and a connection stay idle; ns. */
extern int64_t httpd_patience, httpd_idle;

/* What the head of a request asks for. */
struct http_request {
	struct slice method, path; /* point into the head */
	bool keep;                 /* the connection stays */
};

/* `head`: with the empty line at its end. 0, or the status that it is answered with. */
int http_parse(struct slice head, struct http_request *);

/* How long the head at the beginning of `s` is, its empty line included; 0: it is not all there. */
size_t http_head_length(struct slice s);

#endif
