/*
 * tlsconn.h: TLS on one descriptor, between a side and its bytes. It never blocks: what cannot be done now fails with
 * EAGAIN, and tlsconn_events says what to wait for, which need not be what one would think: a read may have to
 * write first.
 */
#ifndef NET_TLSCONN_H
#define NET_TLSCONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/slice.h"
#include "net/tls.h"

struct side;
struct tlsconn;

/*
 * `name`: the peer's, a client's business: a host name or a literal address, without brackets. The certificate must be
 * valid for it if the peer is verified, and it is sent (SNI, RFC 6066; not an address). NULL: none. Takes a reference
 * of the struct tls; the side must outlive it. NULL with errno: EINVAL: the name cannot be one, or there is none for a
 * certificate that is to be verified; ENOMEM.
 */
struct tlsconn *tlsconn_new(struct tls *, struct side *, const char *name);

/* Does not say good-bye: tlsconn_finish does. NULL is ignored. */
void tlsconn_free(struct tlsconn *);

/* 0: the handshake is done; -1 with errno: EAGAIN, or it has failed. Call it until it is done, before all others. */
int tlsconn_handshake(struct tlsconn *);
bool tlsconn_ready(const struct tlsconn *);

/*
 * As read(2) and write(2). 0 is the end that the peer announced; a connection that is cut without it fails. EPROTO:
 * see tlsconn_why. A write that failed with EAGAIN must be tried again with the same bytes, more may follow them.
 */
ssize_t tlsconn_read(struct tlsconn *, char *, size_t);
ssize_t tlsconn_write(struct tlsconn *, const char *, size_t);

/* Announces the end of what is written. 0, or -1 with errno: EAGAIN: call it again. */
int tlsconn_finish(struct tlsconn *);

/* POLLER_IN and POLLER_OUT as the stream means them, to what to wait for, and back. */
int tlsconn_events(const struct tlsconn *, int wants);
int tlsconn_meant(const struct tlsconn *, int events);

/* What went wrong, one line, borrowed; NULL: nothing that errno would not tell. */
const char *tlsconn_why(const struct tlsconn *);

/* Of a connection whose handshake is done. Borrowed; "" or empty when there is none. */
const char *tlsconn_version(const struct tlsconn *); /* "TLSv1.3" */
const char *tlsconn_cipher(const struct tlsconn *);
struct slice tlsconn_alpn(const struct tlsconn *);
bool tlsconn_resumed(const struct tlsconn *);

/* The subject of the peer's certificate as RFC 4514 writes it, into `to`, cut to its size. False: it sent none. */
bool tlsconn_peer(const struct tlsconn *, char *to, size_t size);

#endif
