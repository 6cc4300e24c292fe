/*
 * tlspair.h: for tests of TLS: certificates in a directory of their own, a client and a server on a socket pair, and
 * OpenSSL's memory, counted. Include it after tap.h and both.h; set_up() comes first.
 */
#ifndef TLSPAIR_H
#define TLSPAIR_H

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/stream.h"
#include "net/tls.h"
#include "net/tlsconn.h"

/* --- OpenSSL's memory, counted; it does not fail --- */

static size_t held;

static inline void *
count_malloc(size_t n, const char *file, int line)
{
	void *p = __real_malloc(n);

	(void)file;
	(void)line;
	held += malloc_usable_size(p);
	return p;
}

static inline void
count_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	held -= malloc_usable_size(p);
	free(p);
}

static inline void *
count_realloc(void *p, size_t n, const char *file, int line)
{
	void *q;

	(void)file;
	(void)line;
	held -= malloc_usable_size(p);
	q = __real_realloc(p, n);
	held += malloc_usable_size(q);
	return q;
}

/* --- certificates --- */

static char dir[] = "/tmp/coop-tls-XXXXXX";

static inline const char *
in_dir(const char *name)
{
	static char paths[16][128];
	static int next;
	char *path = paths[next++ % 16];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static inline void
write_pem(const char *name, X509 *cert, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	FILE *f = fopen(in_dir(name), "w");
	static unsigned char password[] = "secret";

	if (f == NULL || (cert != NULL && !PEM_write_X509(f, cert)) ||
	    (key != NULL && !PEM_write_PrivateKey(f, key, cipher, password, 6, NULL, NULL)))
		exit(99);
	fclose(f);
}

/* Signed by itself, good for localhost and 127.0.0.1: NAME.pem and NAME.key; both in NAME.both. */
static inline void
make_certificate(const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	char file[64];

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	X509_add_ext(cert, san, -1);
	if (X509_sign(cert, key, EVP_sha256()) == 0)
		exit(99);
	(void)snprintf(file, sizeof(file), "%s.pem", name);
	write_pem(file, cert, NULL, NULL);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	write_pem(file, NULL, key, NULL);
	(void)snprintf(file, sizeof(file), "%s.both", name);
	write_pem(file, cert, key, NULL);
	(void)snprintf(file, sizeof(file), "%s.locked", name);
	write_pem(file, NULL, key, EVP_aes_128_cbc());
	X509_EXTENSION_free(san);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static inline void
remove_certificates(void)
{
	static const char *const names[] = { "one.pem", "one.key", "one.both", "one.locked", "two.pem", "two.key", "two.both",
		"two.locked", "empty", NULL };

	for (int i = 0; names[i] != NULL; i++)
		(void)unlink(in_dir(names[i]));
	(void)rmdir(dir);
}

static inline void
set_up(void)
{
	if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1 || mkdtemp(dir) == NULL)
		exit(99);
	(void)atexit(remove_certificates);
	make_certificate("one");
	make_certificate("two");
	fclose(fopen(in_dir("empty"), "w"));
	(void)signal(SIGPIPE, SIG_DFL);
}

static inline struct tls *
context(const struct tls_options *o)
{
	char why[TLS_WHYLEN] = "";
	struct tls *t = tls_new(o, why);

	STR(why, "");
	if (t == NULL)
		exit(99);
	return t;
}

static inline struct tls *
server_context(void)
{
	return context(&(struct tls_options){ .server = true, .cert = in_dir("one.pem"), .key = in_dir("one.key") });
}

static inline struct tls *
client_context(const char *ca)
{
	return context(&(struct tls_options){ .ca = in_dir(ca) });
}

/* --- two ends --- */

struct end {
	struct stream *st;
	int changes;
	size_t got, to_send; /* of a transfer */
};

static struct end a, b; /* a is the client, b the server */

static inline void
changed(struct stream *st)
{
	((struct end *)stream_user(st))->changes++;
}

static inline void
open_pair(struct sched *s)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
		exit(99);
	a = b = (struct end){ .st = NULL };
	a.st = stream_open(s, fds[0], -1, changed, &a);
	OK(stream_tls(a.st) == NULL);
	b.st = stream_open(s, fds[1], -1, changed, &b);
}

static inline void
close_pair(void)
{
	stream_close(a.st);
	stream_close(b.st);
	a.st = b.st = NULL;
}

/* Both begin; the contexts are theirs from now on. */
static inline void
begin(struct tls *client, struct tls *server, const char *name)
{
	EQ(stream_starttls(a.st, client, name, CLOCK_FOREVER), 0);
	EQ(stream_starttls(b.st, server, NULL, CLOCK_FOREVER), 0);
	OK(!stream_connected(a.st));
	OK(!tlsconn_ready(stream_tls(a.st)));
	tls_free(client);
	tls_free(server);
}

static inline void
connect_pair(struct sched *s)
{
	open_pair(s);
	begin(client_context("one.pem"), server_context(), "localhost");
	UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
	a.changes = b.changes = 0;
}

#endif
