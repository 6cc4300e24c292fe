/*
 * An SSL whose bytes go through the side, so that no write raises SIGPIPE. `read_on` and `write_on` are the events that
 * the last read and write wait for: the handshake, and an answer that a read owes the peer, turn them round.
 */
#include "net/tlsconn.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "net/side.h"

enum { HOST_MAX = 253, BURST = 256 };

static size_t alive, peak; /* connections; since memory was given back last */

struct tlsconn {
	SSL *ssl;
	struct tls *tls;
	char *why;            /* NULL: nothing, or no memory for it */
	char *name;           /* a client's peer; "": it was not said */
	int error;            /* of the descriptor */
	uint8_t read_on, write_on;
	bool ready, finished; /* with the handshake; with writing */
	bool dead, eof;
	bool ticket;          /* sent, or none is due */
	bool lean;            /* and its buffers are freed */
};

/* --- the way to the descriptor --- */

/* What a read or write of the side gave, in the terms of a BIO. */
static int
moved(BIO *bio, struct tlsconn *c, ssize_t n, int retry)
{
	BIO_clear_retry_flags(bio);
	if (n != -1)
		return (int)n;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
	else
		c->error = errno;
	return -1;
}

/* The side knows its tlsconn only once that is made: but nothing is read or written before. */
static int
bio_read(BIO *bio, char *p, int n)
{
	struct side *side = BIO_get_data(bio);
	ssize_t got = side_read_raw(side, p, (size_t)n);

	if (got == 0)
		side->tls->eof = true;
	return moved(bio, side->tls, got, BIO_FLAGS_READ);
}

static int
bio_write(BIO *bio, const char *p, int n)
{
	struct side *side = BIO_get_data(bio);

	return moved(bio, side->tls, side_write_raw(side, p, (size_t)n), BIO_FLAGS_WRITE);
}

static long
bio_ctrl(BIO *bio, int command, long n, void *p)
{
	struct side *side = BIO_get_data(bio);

	(void)n;
	(void)p;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return side->tls->eof;
	default:
		return 0;
	}
}

static BIO *
new_bio(struct side *side)
{
	static BIO_METHOD *method;
	BIO *bio;

	if (method == NULL) {
		if ((method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "side")) == NULL)
			return NULL;
		(void)BIO_meth_set_read(method, bio_read);
		(void)BIO_meth_set_write(method, bio_write);
		(void)BIO_meth_set_ctrl(method, bio_ctrl);
	}
	if ((bio = BIO_new(method)) == NULL)
		return NULL;
	BIO_set_data(bio, side);
	BIO_set_init(bio, 1);
	return bio;
}

/* --- the peer's name --- */

static int
set_name(SSL *ssl, const char *text)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct slice host = slice_of(text), zone;
	struct addr literal;
	char name[HOST_MAX + 1];

	if (addr_literal(host, 0, &literal) == 0) {
		(void)slice_cut(host, '%', &host, &zone);
		if (slice_cstr(host, name, sizeof(name)) == 0 && X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
			return 0;
	} else {
		if (host.n > 0 && host.p[host.n - 1] == '.')
			host.n--;
		X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		if (host.n > 0 && slice_cstr(host, name, sizeof(name)) == 0 &&
		    X509_VERIFY_PARAM_set1_host(param, name, host.n) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1)
			return 0;
	}
	errno = EINVAL;
	return -1;
}

/* --- sessions --- */

/* A session came that can be resumed. 1: it is ours now. */
static int
new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tlsconn *c = SSL_get_app_data(ssl);

	tls_remember(c->tls, c->name, session);
	return 1;
}

/* It was verified for the same name under the same rules. */
static int
resume(struct tlsconn *c, const char *name)
{
	SSL_SESSION *session;

	if ((c->name = strdup(name != NULL ? name : "")) == NULL)
		return -1;
	SSL_set_app_data(c->ssl, c);
	SSL_CTX_sess_set_new_cb(tls_ctx(c->tls), new_session);
	if ((session = tls_recall(c->tls, c->name)) != NULL) {
		(void)SSL_set_session(c->ssl, session);
		SSL_SESSION_free(session);
	}
	return 0;
}

/* --- making and ending --- */

struct tlsconn *
tlsconn_new(struct tls *t, struct side *side, const char *name)
{
	struct tlsconn *c;
	BIO *bio;

	if (!tls_is_server(t) && tls_verifies(t) && name == NULL) {
		errno = EINVAL;
		return NULL;
	}
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	if (++alive > peak)
		peak = alive;
	c->tls = tls_ref(t);
	c->read_on = POLLER_IN;
	c->write_on = POLLER_OUT;
	errno = ENOMEM;
	if ((c->ssl = SSL_new(tls_ctx(t))) == NULL || (bio = new_bio(side)) == NULL)
		goto fail;
	SSL_set_bio(c->ssl, bio, bio);
	c->ticket = c->lean = !tls_is_server(t);
	if (tls_is_server(t)) {
		SSL_set_accept_state(c->ssl);
		return c;
	}
	SSL_set_connect_state(c->ssl);
	if (resume(c, name) == 0 && (name == NULL || set_name(c->ssl, name) == 0))
		return c;
fail:
	{
		int saved = errno;

		tlsconn_free(c);
		errno = saved;
	}
	return NULL;
}

/* After a burst: a connection takes some ten thousand bytes, which the C library keeps unless it is told not to. */
static void
one_less(void)
{
	if (peak - --alive < BURST || alive > peak / 2)
		return;
	peak = alive;
	(void)malloc_trim(0);
}

void
tlsconn_free(struct tlsconn *c)
{
	if (c == NULL)
		return;
	SSL_free(c->ssl);
	tls_free(c->tls);
	free(c->why);
	free(c->name);
	free(c);
	one_less();
}

/* --- what went wrong --- */

static void say(struct tlsconn *, const char *, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct tlsconn *c, const char *format, ...)
{
	char text[2 * TLS_WHYLEN];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	free(c->why);
	c->why = strdup(text);
}

static void
say_unverified(struct tlsconn *c)
{
	static const char mismatch[] = "certificate verify failed: hostname mismatch, certificate is not valid for '%s'";
	X509_VERIFY_PARAM *param = SSL_get0_param(c->ssl);
	long result = SSL_get_verify_result(c->ssl);
	char *ip;

	if (result == X509_V_ERR_HOSTNAME_MISMATCH) {
		say(c, mismatch, X509_VERIFY_PARAM_get0_host(param, 0));
	} else if (result == X509_V_ERR_IP_ADDRESS_MISMATCH && (ip = X509_VERIFY_PARAM_get1_ip_asc(param)) != NULL) {
		say(c, mismatch, ip);
		OPENSSL_free(ip);
	} else {
		say(c, "certificate verify failed: %s", X509_verify_cert_error_string(result));
	}
}

/* OpenSSL's reasons for an alert that came: "tlsv13 alert certificate required", "tlsv1 unrecognized name". */
static void
say_alert(struct tlsconn *c, const char *reason)
{
	const char *text = strstr(reason, "alert "), *space = strchr(reason, ' ');

	say(c, "refused by the TLS peer: %s", text != NULL ? text + 6 : space != NULL ? space + 1 : reason);
}

static void
say_reason(struct tlsconn *c, unsigned long error)
{
	const char *text = ERR_reason_error_string(error);

	if (text == NULL)
		say(c, "TLS: failed");
	else if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET)
		say_alert(c, text);
	else
		say(c, "TLS: %s", text);
}

static void
explain(struct tlsconn *c)
{
	unsigned long error = ERR_peek_error();

	switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		say_unverified(c);
		return;
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		say(c, "certificate verify failed: the client sent none");
		return;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		say(c, c->ready ? "cut off by the peer: no end of TLS came before the end of the connection" :
		    "closed by the peer in the TLS handshake");
		return;
	case SSL_R_UNSUPPORTED_PROTOCOL:
		say(c, "TLS: the peer speaks no version that is new enough");
		return;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		if (!c->ready) {
			say(c, "not a TLS peer");
			return;
		}
		break;
	default:
		break;
	}
	say_reason(c, error);
}

/* After a call that did not succeed: -1 with errno, or 0 at the announced end. `on`: what it waits for, if it does. */
static int
outcome(struct tlsconn *c, int result, uint8_t *on)
{
	switch (SSL_get_error(c->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		*on = POLLER_IN;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		*on = POLLER_OUT;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		c->dead = true;
		errno = c->error != 0 ? c->error : ECONNRESET;
		return -1;
	default:
		c->dead = true;
		if (c->why == NULL)
			explain(c);
		ERR_clear_error();
		errno = EPROTO;
		return -1;
	}
}

const char *
tlsconn_why(const struct tlsconn *c)
{
	return c->why;
}

/* --- what a side does --- */

int
tlsconn_handshake(struct tlsconn *c)
{
	int result;

	ERR_clear_error();
	if ((result = SSL_do_handshake(c->ssl)) == 1) {
		c->ready = true;
		(void)SSL_free_buffers(c->ssl);
		c->read_on = POLLER_IN;
		c->write_on = POLLER_OUT;
		return 0;
	}
	result = outcome(c, result, &c->read_on);
	c->write_on = c->read_on;
	if (result == 0) {
		say(c, "closed by the peer in the TLS handshake");
		errno = EPROTO;
	}
	return -1;
}

bool
tlsconn_ready(const struct tlsconn *c)
{
	return c->ready;
}

ssize_t
tlsconn_read(struct tlsconn *c, char *p, size_t n)
{
	int got;

	ERR_clear_error();
	c->read_on = POLLER_IN;
	got = SSL_read(c->ssl, p, n < INT_MAX ? (int)n : INT_MAX);
	if (got > 0 || (got = outcome(c, got, &c->read_on)) == 0 || errno != EAGAIN)
		return got;
	/* a ticket that came took buffers of both kinds, and gave back one */
	(void)SSL_free_buffers(c->ssl);
	errno = EAGAIN;
	return -1;
}

/*
 * The ticket by which a session is resumed goes ahead of the first bytes, not right behind the handshake: a client
 * that only sends, and closes, would do so with a ticket unread, upon which its system throws away what is still
 * to be sent.
 */
static void
send_ticket(struct tlsconn *c)
{
	c->ticket = true;
	/* fails for TLS 1.2, which sent it in the handshake */
	if (SSL_new_session_ticket(c->ssl) != 1)
		ERR_clear_error();
}

ssize_t
tlsconn_write(struct tlsconn *c, const char *p, size_t n)
{
	int put;

	if (n == 0)
		return 0;
	ERR_clear_error();
	if (!c->ticket)
		send_ticket(c);
	c->write_on = POLLER_OUT;
	put = SSL_write(c->ssl, p, n < INT_MAX ? (int)n : INT_MAX);
	if (put > 0) {
		/* the ticket took buffers of both kinds, and gives back one; this does nothing to those in use */
		if (!c->lean)
			c->lean = SSL_free_buffers(c->ssl) == 1;
		return put;
	}
	if (outcome(c, put, &c->write_on) == 0)
		errno = EPIPE;
	return -1;
}

int
tlsconn_finish(struct tlsconn *c)
{
	int result;

	if (!c->ready || c->dead || c->finished)
		return 0;
	ERR_clear_error();
	c->write_on = POLLER_OUT;
	result = SSL_shutdown(c->ssl);
	if (result < 0 && outcome(c, result, &c->write_on) == -1)
		return -1;
	/* a second call would wait for the peer's end, and swallow what comes before it */
	c->finished = true;
	return 0;
}

int
tlsconn_events(const struct tlsconn *c, int wants)
{
	return (wants & POLLER_IN ? c->read_on : 0) | (wants & POLLER_OUT ? c->write_on : 0);
}

int
tlsconn_meant(const struct tlsconn *c, int events)
{
	return (events & c->read_on ? POLLER_IN : 0) | (events & c->write_on ? POLLER_OUT : 0);
}

/* --- what there is to know --- */

const char *
tlsconn_version(const struct tlsconn *c)
{
	return SSL_get_version(c->ssl);
}

const char *
tlsconn_cipher(const struct tlsconn *c)
{
	return SSL_get_cipher_name(c->ssl);
}

struct slice
tlsconn_alpn(const struct tlsconn *c)
{
	const unsigned char *p;
	unsigned n;

	SSL_get0_alpn_selected(c->ssl, &p, &n);
	return slice_make(p, n);
}

bool
tlsconn_resumed(const struct tlsconn *c)
{
	return SSL_session_reused(c->ssl) == 1;
}

bool
tlsconn_peer(const struct tlsconn *c, char *to, size_t size)
{
	X509 *cert = SSL_get0_peer_certificate(c->ssl);
	BIO *bio;
	int n;

	to[0] = '\0';
	if (cert == NULL)
		return false;
	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		return true;
	(void)X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
	n = BIO_read(bio, to, (int)size - 1);
	to[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
	return true;
}
