/*
 * tls.h: what TLS connections of one kind share (RFC 8446, 5246): certificates, whom to trust, what to speak. TLS 1.2
 * at least, no renegotiation, no compression; sessions are resumed.
 *
 * A client verifies its peer unless it is told not to. A server asks for a certificate only when it is told to.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum { TLS_WHYLEN = 256 }; /* room for what went wrong, in one line */

enum tls_verify {
	TLS_VERIFY_DEFAULT,  /* a client does; a server does when it has a `ca` */
	TLS_VERIFY_NEVER,
	TLS_VERIFY_OPTIONAL, /* a server: a client without a certificate is as welcome */
	TLS_VERIFY_ALWAYS,
};

struct tls_options {
	bool server;
	enum tls_verify verify;
	const char *ca;     /* PEM file, or directory by hashes, of whom to trust; NULL: a client trusts the system's store */
	const char *cert;   /* PEM file, the intermediate ones behind it; NULL: none, which a server cannot do without */
	const char *key;    /* PEM file; NULL: it is in that of the certificate */
	struct slice alpn;  /* protocols in order of preference, each with its length in a byte before it (RFC 7301) */
};

struct ssl_session_st;
struct tls;

/*
 * Reads the files. NULL with errno and `why`, TLS_WHYLEN bytes: ENOENT and the like, EINVAL, ENOMEM. `why` names the
 * file.
 */
struct tls *tls_new(const struct tls_options *, char *why);

/* It is counted: whoever keeps it takes a reference, the last to free it ends it. NULL is ignored. */
struct tls *tls_ref(struct tls *);
void tls_free(struct tls *);

/* --- for tlsconn.c --- */

bool tls_is_server(const struct tls *);
bool tls_verifies(const struct tls *); /* always, not only if there is a certificate */

/*
 * A client's sessions, by the name of the server ("": none), to be resumed: each once, since a ticket used twice would
 * tell that both connections are of one client (RFC 8446 appendix C.4). tls_remember takes the session; tls_recall
 * gives it to the caller, NULL when there is none.
 */
void tls_remember(struct tls *, const char *name, struct ssl_session_st *);
struct ssl_session_st *tls_recall(struct tls *, const char *name);

/* OpenSSL's SSL_CTX, borrowed. */
struct ssl_ctx_st *tls_ctx(const struct tls *);

#endif
