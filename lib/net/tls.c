/*
 * An SSL_CTX and what its callbacks need. The system's store of certificates is large: it is read once, at first need,
 * and shared by all.
 */
#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CACHED_SESSIONS = 1024, REMEMBERED = 16 };

struct session {
	char *name;           /* NULL: none */
	SSL_SESSION *session;
};

struct tls {
	SSL_CTX *ctx;
	unsigned refs;
	bool server, verifies;
	bool asked_password; /* while the key is read */
	struct session *sessions; /* a client's; NULL: none yet */
	unsigned next_session;    /* the oldest */
	size_t alpn_n;
	unsigned char alpn[]; /* a server's, for its choice */
};

/* --- what went wrong --- */

static int complain(char *, int, const char *, ...) __attribute__((format(printf, 3, 4)));

static int
complain(char *why, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, TLS_WHYLEN, format, ap);
	va_end(ap);
	ERR_clear_error();
	errno = error;
	return -1;
}

/* The innermost error: those above it only say who passed it on. */
static const char *
reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text != NULL ? text : "OpenSSL does not say why";
}

/* OpenSSL's own words for a file that is not there go on for three lines. */
static int
check_readable(const char *what, const char *path, char *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return complain(why, errno, "%s '%s': %s", what, path, strerror(errno));
	(void)close(fd);
	return 0;
}

/* --- whom to trust --- */

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int
trust_system(SSL_CTX *ctx, char *why)
{
	static X509_STORE *store;

	if (store == NULL) {
		X509_STORE *made = X509_STORE_new();

		if (made == NULL || X509_STORE_set_default_paths(made) != 1) {
			X509_STORE_free(made);
			return complain(why, ENOMEM, "the system's certificates: %s", reason());
		}
		store = made;
	}
	SSL_CTX_set1_cert_store(ctx, store);
	return 0;
}

static int
trust(struct tls *t, const char *ca, char *why)
{
	bool directory = is_directory(ca);
	STACK_OF(X509_NAME) *names;

	if (check_readable("CA", ca, why) == -1)
		return -1;
	if ((directory ? SSL_CTX_load_verify_dir(t->ctx, ca) : SSL_CTX_load_verify_file(t->ctx, ca)) != 1)
		return complain(why, EINVAL, "CA '%s': no certificate in it (%s)", ca, reason());
	if (!t->server)
		return 0;
	/* told to the clients, that they know which certificate to send */
	if ((names = sk_X509_NAME_new_null()) == NULL)
		return complain(why, ENOMEM, "%s", strerror(ENOMEM));
	(void)(directory ? SSL_add_dir_cert_subjects_to_stack(names, ca) : SSL_add_file_cert_subjects_to_stack(names, ca));
	SSL_CTX_set_client_CA_list(t->ctx, names);
	return 0;
}

static int
set_verify(struct tls *t, const struct tls_options *o, char *why)
{
	bool ask = o->verify == TLS_VERIFY_DEFAULT ? !o->server || o->ca != NULL : o->verify != TLS_VERIFY_NEVER;
	int mode = SSL_VERIFY_PEER;

	if (!ask) {
		SSL_CTX_set_verify(t->ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	t->verifies = !t->server || o->verify != TLS_VERIFY_OPTIONAL;
	if (t->server && t->verifies)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(t->ctx, mode, NULL);
	if (o->ca != NULL)
		return trust(t, o->ca, why);
	/* anybody can have a certificate of a public authority */
	if (t->server)
		return complain(why, EINVAL, "no CA to verify clients by");
	return trust_system(t->ctx, why);
}

/* --- who we are --- */

static int
no_password(char *buf, int size, int writing, void *user)
{
	struct tls *t = user;

	(void)buf;
	(void)size;
	(void)writing;
	t->asked_password = true;
	return -1;
}

static int
set_key(struct tls *t, const char *cert, const char *key, char *why)
{
	if (check_readable("key", key, why) == -1)
		return -1;
	/* OpenSSL would ask at the terminal */
	SSL_CTX_set_default_passwd_cb(t->ctx, no_password);
	SSL_CTX_set_default_passwd_cb_userdata(t->ctx, t);
	if (SSL_CTX_use_PrivateKey_file(t->ctx, key, SSL_FILETYPE_PEM) == 1)
		return 0;
	if (t->asked_password)
		return complain(why, EINVAL, "key '%s': it is encrypted", key);
	if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509)
		return complain(why, EINVAL, "key '%s': not the key of certificate '%s'", key, cert);
	return complain(why, EINVAL, "key '%s': no private key in it (%s)", key, reason());
}

static int
set_certificate(struct tls *t, const struct tls_options *o, char *why)
{
	if (o->cert == NULL) {
		if (o->server)
			return complain(why, EINVAL, "a server needs a certificate");
		return o->key == NULL ? 0 : complain(why, EINVAL, "key '%s': no certificate for it", o->key);
	}
	if (check_readable("certificate", o->cert, why) == -1)
		return -1;
	if (SSL_CTX_use_certificate_chain_file(t->ctx, o->cert) != 1) {
		if (ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE)
			return complain(why, EINVAL, "certificate '%s': no certificate in it", o->cert);
		return complain(why, EINVAL, "certificate '%s': %s", o->cert, reason());
	}
	return set_key(t, o->cert, o->key != NULL ? o->key : o->cert, why);
}

/* --- what to speak --- */

static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in, unsigned inlen,
    void *user)
{
	const struct tls *t = user;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, outlen, t->alpn, (unsigned)t->alpn_n, in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int
set_alpn(struct tls *t, struct slice alpn, char *why)
{
	if (alpn.n == 0)
		return 0;
	memcpy(t->alpn, alpn.p, alpn.n);
	t->alpn_n = alpn.n;
	/* unlike all others it gives 0 when all is well */
	if (alpn.n > UINT16_MAX || SSL_CTX_set_alpn_protos(t->ctx, t->alpn, (unsigned)t->alpn_n) != 0)
		return complain(why, EINVAL, "bad list of protocols for ALPN");
	if (t->server)
		SSL_CTX_set_alpn_select_cb(t->ctx, choose_alpn, t);
	return 0;
}

static int
set_protocol(struct tls *t, char *why)
{
	static const unsigned char name[] = "coop";

	if (SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1)
		return complain(why, EINVAL, "%s", reason());
	(void)SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* a write that took a part is gone on with from another place; most connections are idle, and need no buffers */
	(void)SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	    SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(t->ctx, 1);
	if (!t->server)
		(void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	/* without it a session with a client's certificate cannot be resumed */
	(void)SSL_CTX_set_session_id_context(t->ctx, name, sizeof(name) - 1);
	(void)SSL_CTX_sess_set_cache_size(t->ctx, CACHED_SESSIONS);
	/* TLS 1.3 would send tickets right after the handshake: see tlsconn_write */
	(void)SSL_CTX_set_num_tickets(t->ctx, 0);
	return 0;
}

/* --- the making of one --- */

struct tls *
tls_new(const struct tls_options *o, char *why)
{
	struct tls *t = calloc(1, sizeof(*t) + o->alpn.n);

	ERR_clear_error();
	if (t == NULL || (t->ctx = SSL_CTX_new(o->server ? TLS_server_method() : TLS_client_method())) == NULL) {
		(void)complain(why, ENOMEM, "%s", strerror(ENOMEM));
		free(t);
		return NULL;
	}
	t->refs = 1;
	t->server = o->server;
	if (set_protocol(t, why) == -1 || set_certificate(t, o, why) == -1 || set_verify(t, o, why) == -1 ||
	    set_alpn(t, o->alpn, why) == -1) {
		int saved = errno;

		tls_free(t);
		errno = saved;
		return NULL;
	}
	return t;
}

static void
forget(struct session *s)
{
	free(s->name);
	SSL_SESSION_free(s->session);
	*s = (struct session){ .name = NULL };
}

struct tls *
tls_ref(struct tls *t)
{
	t->refs++;
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	for (int i = 0; t->sessions != NULL && i < REMEMBERED; i++)
		forget(&t->sessions[i]);
	free(t->sessions);
	SSL_CTX_free(t->ctx);
	free(t);
}

bool
tls_is_server(const struct tls *t)
{
	return t->server;
}

bool
tls_verifies(const struct tls *t)
{
	return t->verifies;
}

/* Without memory it is forgotten. */
void
tls_remember(struct tls *t, const char *name, struct ssl_session_st *session)
{
	struct session *to;

	if (t->sessions == NULL && (t->sessions = calloc(REMEMBERED, sizeof(*t->sessions))) == NULL) {
		SSL_SESSION_free(session);
		return;
	}
	to = &t->sessions[t->next_session++ % REMEMBERED];
	forget(to);
	to->session = session;
	if ((to->name = strdup(name)) == NULL)
		forget(to);
}

/* The newest: a server may have given several. */
struct ssl_session_st *
tls_recall(struct tls *t, const char *name)
{
	for (unsigned i = 1; t->sessions != NULL && i <= REMEMBERED; i++) {
		struct session *s = &t->sessions[(t->next_session - i) % REMEMBERED];
		SSL_SESSION *found = s->session;

		if (s->name == NULL || strcmp(s->name, name) != 0)
			continue;
		s->session = NULL;
		forget(s);
		return found;
	}
	return NULL;
}

struct ssl_ctx_st *
tls_ctx(const struct tls *t)
{
	return t->ctx;
}
