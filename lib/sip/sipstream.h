/*
 * sipstream.h: SIP over TCP and TLS: connections, those that came and those that we made, each a flow. Messages are framed by
 * their Content-Length; pings of empty lines are answered (RFC 5626); an answer whose connection has ended goes out on a
 * new one (RFC 3261 section 18.2.2).
 */
#ifndef SIP_SIPSTREAM_H
#define SIP_SIPSTREAM_H

#include "net/tls.h"
#include "sip/stxn.h"

struct sipstreams;

struct sipstream_limits {
	size_t connections;  /* that came, all together */
	size_t per_source;   /* from one address */
	size_t output;       /* bytes that wait for one that does not read; it is closed then */
	int64_t idle;        /* ns without a message, and with nothing to answer: closed then */
	int64_t partial;     /* ns for a message to come whole, once it has begun */
};

struct sipstream_stats {
	size_t open;         /* both ways */
	uint64_t accepted, refused, connected, slow; /* slow: closed for one of the times, or for not reading */
};

/*
 * The usual limits: 10,000 connections, but no more than three quarters of the descriptors that the process may have,
 * and a tenth of them from one address.
 */
void sipstreams_limits(struct sipstream_limits *);

/* Limits NULL: the usual ones. What comes is given to the layer. NULL with errno. */
struct sipstreams *sipstreams_new(struct stxn_layer *, const struct sipstream_limits *);

/* Closes all connections; what is queued is sent as far as the system takes it at once. Flows still held stay, dead. */
void sipstreams_free(struct sipstreams *);

/* Nothing more is read: what has come is still answered. */
void sipstreams_pause(struct sipstreams *);

const struct sipstream_stats *sipstreams_stats(const struct sipstreams *);

/* Takes a connection that was accepted; one that goes beyond the limits is closed. tls: NULL: plain TCP. */
void sipstreams_take(struct sipstreams *, int fd, const struct addr *peer, struct tls *tls);

/*
 * A flow to that address: the connection that we have made already, or a new one; what is sent meanwhile leaves when it
 * stands. Borrowed: hold it. NULL with errno.
 */
struct sipflow *sipstreams_connect(struct sipstreams *, const struct addr *to);

/* The same over TLS, with a client's struct tls; `name`: that of the server, which its certificate must have. */
struct sipflow *sipstreams_connect_tls(struct sipstreams *, const struct addr *to, struct tls *, const char *name);

/* The longest message, in bytes. */
enum { SIPSTREAM_MESSAGE_MAX = 65535 };

#endif
