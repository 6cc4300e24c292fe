#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/stream.h"
#include "net/tlsconn.h"
#include "tap.h"
#include "both.h"

/* --- OpenSSL's memory, counted; it does not fail --- */

static size_t held;

static void *
count_malloc(size_t n, const char *file, int line)
{
	void *p = __real_malloc(n);

	(void)file;
	(void)line;
	held += malloc_usable_size(p);
	return p;
}

static void
count_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	held -= malloc_usable_size(p);
	free(p);
}

static void *
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

static const char *
in_dir(const char *name)
{
	static char paths[16][128];
	static int next;
	char *path = paths[next++ % 16];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void
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
static void
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

static void
remove_certificates(void)
{
	static const char *const names[] = { "one.pem", "one.key", "one.both", "one.locked", "two.pem", "two.key", "two.both",
		"two.locked", "empty", NULL };

	for (int i = 0; names[i] != NULL; i++)
		(void)unlink(in_dir(names[i]));
	(void)rmdir(dir);
}

static void
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

static struct tls *
context(const struct tls_options *o)
{
	char why[TLS_WHYLEN] = "";
	struct tls *t = tls_new(o, why);

	STR(why, "");
	if (t == NULL)
		exit(99);
	return t;
}

static struct tls *
server_context(void)
{
	return context(&(struct tls_options){ .server = true, .cert = in_dir("one.pem"), .key = in_dir("one.key") });
}

static struct tls *
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

static void
changed(struct stream *st)
{
	((struct end *)stream_user(st))->changes++;
}

static void
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

static void
close_pair(void)
{
	stream_close(a.st);
	stream_close(b.st);
	a.st = b.st = NULL;
}

/* Both begin; the contexts are theirs from now on. */
static void
begin(struct tls *client, struct tls *server, const char *name)
{
	EQ(stream_starttls(a.st, client, name, CLOCK_FOREVER), 0);
	EQ(stream_starttls(b.st, server, NULL, CLOCK_FOREVER), 0);
	OK(!stream_connected(a.st));
	OK(!tlsconn_ready(stream_tls(a.st)));
	tls_free(client);
	tls_free(server);
}

static void
connect_pair(struct sched *s)
{
	open_pair(s);
	begin(client_context("one.pem"), server_context(), "localhost");
	UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
	a.changes = b.changes = 0;
}

static bool
over(const struct end *e)
{
	return stream_eof(e->st);
}

/* What both say of a handshake that fails. */
static void
try_refusal(struct sched *s, struct tls *client, struct tls *server, const char *name, const char *why,
    const char *other)
{
	open_pair(s);
	begin(client, server, name);
	(void)stream_want(a.st, 1);
	(void)stream_want(b.st, 1);
	UNTIL(s, over(&a) && over(&b));
	EQ(stream_error(a.st), EPROTO);
	STR(stream_why(a.st), why);
	EQ(stream_error(b.st), EPROTO);
	STR(stream_why(b.st), other);
	EQ(stream_write(a.st, SLICE("x")), -1);
	EQ(errno, EPROTO);
	STR(stream_why(a.st), why);
	close_pair();
}

/* --- tests --- */

BOTH(both_ways_and_a_clean_end)
{
	connect_pair(s);
	EQ(stream_want(b.st, 100), 0);
	EQ(stream_want(a.st, 100), 0);
	EQ(stream_write(a.st, SLICE("hello")), 0);
	UNTIL(s, stream_input(b.st).n == 5);
	OK(slice_eq(stream_input(b.st), SLICE("hello")));
	EQ(stream_write(b.st, SLICE("welcome")), 0);
	UNTIL(s, stream_input(a.st).n == 7);
	EQ(stream_shutdown(a.st), 0);
	UNTIL(s, stream_eof(b.st));
	EQ(stream_error(b.st), 0);
	/* the other way is open yet */
	EQ(stream_write(b.st, SLICE(" and bye")), 0);
	(void)stream_want(a.st, 100);
	UNTIL(s, stream_input(a.st).n == 15);
	stream_close(b.st);
	b.st = NULL;
	UNTIL(s, stream_eof(a.st));
	EQ(stream_error(a.st), 0);
	close_pair();
}

BOTH(what_is_asked_for_in_the_handshake_is_done_after_it)
{
	open_pair(s);
	begin(client_context("one.pem"), server_context(), "127.0.0.1");
	EQ(stream_write(a.st, SLICE("early")), 0);
	EQ(stream_pending(a.st), 5);
	EQ(stream_shutdown(a.st), 0);
	EQ(stream_want(b.st, 100), 0);
	UNTIL(s, stream_eof(b.st));
	OK(slice_eq(stream_input(b.st), SLICE("early")));
	EQ(stream_error(b.st), 0);
	close_pair();
}

BOTH(what_there_is_to_know)
{
	static const char offer[] = "\002h2\010http/1.1", known[] = "\003foo\010http/1.1";
	char subject[64];

	open_pair(s);
	begin(context(&(struct tls_options){ .ca = in_dir("one.pem"), .cert = in_dir("two.both"),
	    .alpn = slice_make(offer, sizeof(offer) - 1) }),
	    context(&(struct tls_options){ .server = true, .cert = in_dir("one.both"), .ca = in_dir("two.pem"),
	    .alpn = slice_make(known, sizeof(known) - 1) }), "localhost.");
	UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
	STR(tlsconn_version(stream_tls(a.st)), "TLSv1.3");
	OK(strncmp(tlsconn_cipher(stream_tls(a.st)), "TLS_", 4) == 0);
	OK(slice_eq(tlsconn_alpn(stream_tls(a.st)), SLICE("http/1.1")));
	OK(slice_eq(tlsconn_alpn(stream_tls(b.st)), SLICE("http/1.1")));
	OK(!tlsconn_resumed(stream_tls(a.st)));
	OK(tlsconn_peer(stream_tls(a.st), subject, sizeof(subject)));
	STR(subject, "CN=one");
	OK(tlsconn_peer(stream_tls(b.st), subject, sizeof(subject)));
	STR(subject, "CN=two");
	OK(tlsconn_peer(stream_tls(b.st), subject, 4));
	STR(subject, "CN=");
	close_pair();
	connect_pair(s);
	OK(!tlsconn_peer(stream_tls(b.st), subject, sizeof(subject)));
	EQ(tlsconn_alpn(stream_tls(b.st)).n, 0);
	close_pair();
}

BOTH(whom_a_client_does_not_trust)
{
	static const char mismatch[] = "certificate verify failed: hostname mismatch, certificate is not valid for '%s'";
	char why[128];

	try_refusal(s, client_context("two.pem"), server_context(), "localhost",
	    "certificate verify failed: self-signed certificate", "refused by the TLS peer: unknown ca");
	(void)snprintf(why, sizeof(why), mismatch, "example.org");
	try_refusal(s, client_context("one.pem"), server_context(), "example.org", why,
	    "refused by the TLS peer: bad certificate");
	(void)snprintf(why, sizeof(why), mismatch, "127.0.0.2");
	try_refusal(s, client_context("one.pem"), server_context(), "127.0.0.2", why,
	    "refused by the TLS peer: bad certificate");
	/* the system does not know it either */
	try_refusal(s, context(&(struct tls_options){ .ca = NULL }), server_context(), "localhost",
	    "certificate verify failed: self-signed certificate", "refused by the TLS peer: unknown ca");
	/* trust in all */
	open_pair(s);
	begin(context(&(struct tls_options){ .verify = TLS_VERIFY_NEVER }), server_context(), NULL);
	UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
	close_pair();
}

BOTH(whom_a_server_does_not_trust)
{
	struct tls_options o = { .server = true, .cert = in_dir("one.both"), .ca = in_dir("two.pem") };
	struct tls *client = client_context("one.pem");

	try_refusal(s, tls_ref(client), context(&o), "localhost", "refused by the TLS peer: certificate required",
	    "certificate verify failed: the client sent none");
	o.verify = TLS_VERIFY_OPTIONAL;
	open_pair(s);
	begin(client, context(&o), "localhost");
	UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
	close_pair();
	try_refusal(s, context(&(struct tls_options){ .ca = in_dir("one.pem"), .cert = in_dir("one.both") }), context(&o),
	    "localhost", "refused by the TLS peer: unknown ca", "certificate verify failed: self-signed certificate");
}

BOTH(nothing_in_common)
{
	try_refusal(s, context(&(struct tls_options){ .verify = TLS_VERIFY_NEVER, .alpn = SLICE("\002h2") }),
	    context(&(struct tls_options){ .server = true, .cert = in_dir("one.both"), .alpn = SLICE("\003dot") }), NULL,
	    "refused by the TLS peer: no application protocol", "TLS: no application protocol");
}

/* A server is told `line` by somebody who speaks no TLS, or a client by its server. */
static void
try_plain(struct sched *s, bool server, const char *line, const char *why)
{
	struct tls *t = server ? server_context() : client_context("one.pem");

	open_pair(s);
	EQ(stream_starttls(b.st, t, server ? NULL : "localhost", CLOCK_FOREVER), 0);
	tls_free(t);
	EQ(stream_write(a.st, slice_of(line)), 0);
	if (*line == '\0')
		EQ(stream_shutdown(a.st), 0);
	UNTIL(s, stream_error(b.st) != 0);
	EQ(b.changes, 1);
	STR(stream_why(b.st), why);
	close_pair();
}

BOTH(peers_that_speak_no_tls)
{
	try_plain(s, true, "GET / HTTP/1.0\r\n\r\n", "not a TLS peer");
	try_plain(s, true, "EHLO example.org\r\n", "not a TLS peer");
	try_plain(s, false, "220 example.org ESMTP\r\n", "not a TLS peer");
	try_plain(s, true, "", "closed by the peer in the TLS handshake");
	try_plain(s, false, "", "closed by the peer in the TLS handshake");
}

BOTH(a_silent_peer_has_its_time)
{
	struct tls *t = client_context("one.pem");

	open_pair(s);
	EQ(stream_starttls(a.st, t, "localhost", clock_read(&s->clock) + 20 * MSEC), 0);
	tls_free(t);
	EQ(stream_write(a.st, SLICE("lost")), 0);
	UNTIL(s, stream_error(a.st) != 0);
	EQ(stream_error(a.st), ETIMEDOUT);
	STR(stream_why(a.st), "timeout in the TLS handshake");
	EQ(a.changes, 1);
	EQ(stream_pending(a.st), 0);
	close_pair();
}

BOTH(cut_off_is_not_the_end)
{
	connect_pair(s);
	EQ(stream_want(a.st, 100), 0);
	EQ(stream_write(b.st, SLICE("half a sen")), 0);
	UNTIL(s, stream_input(a.st).n == 10);
	EQ(shutdown(stream_fd(b.st), SHUT_WR), 0);
	UNTIL(s, stream_eof(a.st));
	EQ(stream_error(a.st), EPROTO);
	STR(stream_why(a.st), "cut off by the peer: no end of TLS came before the end of the connection");
	EQ(stream_input(a.st).n, 10);
	close_pair();
}

/* Who closes with bytes to send has not said all: the other must not take it for the end. No SIGPIPE either. */
BOTH(what_is_lost_is_no_end)
{
	static char bulk[1 << 20];

	connect_pair(s);
	EQ(stream_write(a.st, slice_make(bulk, sizeof(bulk))), 0);
	OK(stream_pending(a.st) > 0);
	stream_close(a.st);
	a.st = NULL;
	do
		stream_take(b.st, stream_input(b.st).n);
	while (stream_want(b.st, 65536) == 1);
	UNTIL(s, (stream_take(b.st, 1 << 20), (void)stream_want(b.st, 65536), stream_eof(b.st)));
	OK(stream_error(b.st) == EPROTO || stream_error(b.st) == ECONNRESET);
	for (int i = 0; i < 3; i++)
		(void)stream_write(b.st, SLICE("to nobody"));
	close_pair();
}

BOTH(when_it_cannot_begin)
{
	struct tls *t = client_context("one.pem");
	static char bulk[1 << 20];
	int fds[2];
	struct stream *pipes;

	open_pair(s);
	EQ(stream_write(a.st, SLICE("STARTTLS\r\nMAIL FROM:<forger>\r\n")), 0);
	(void)stream_want(b.st, 100);
	stream_take(b.st, 10);
	EQ(stream_starttls(b.st, t, "localhost", CLOCK_FOREVER), -1);
	EQ(errno, EBADMSG);
	EQ(stream_write(a.st, slice_make(bulk, sizeof(bulk))), 0);
	EQ(stream_starttls(a.st, t, "localhost", CLOCK_FOREVER), -1);
	EQ(errno, EBUSY);
	close_pair();
	open_pair(s);
	EQ(stream_starttls(a.st, t, NULL, CLOCK_FOREVER), -1);
	EQ(errno, EINVAL);
	EQ(stream_starttls(a.st, t, "", CLOCK_FOREVER), -1);
	EQ(errno, EINVAL);
	OK(stream_connected(a.st));
	EQ(stream_starttls(a.st, t, "localhost", CLOCK_FOREVER), 0);
	EQ(stream_starttls(a.st, t, "localhost", CLOCK_FOREVER), -1);
	EQ(errno, EALREADY);
	close_pair();
	if (pipe(fds) == -1)
		exit(99);
	pipes = stream_open(s, fds[0], fds[1], changed, &a);
	EQ(stream_starttls(pipes, t, "localhost", CLOCK_FOREVER), -1);
	EQ(errno, ENOTSOCK);
	stream_close(pipes);
	tls_free(t);
}

BOTH(connecting_and_tls_in_one)
{
	struct tls *client = client_context("one.pem"), *server = server_context();
	struct addr at = { .len = sizeof(at.u) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.u.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	at.len = sizeof(at.u.in);
	a = b = (struct end){ .st = NULL };
	if (bind(fd, &at.u.sa, at.len) == -1 || listen(fd, 1) == -1 || getsockname(fd, &at.u.sa, &at.len) == -1)
		exit(99);
	a.st = stream_connect(s, &at, changed, &a);
	EQ(stream_starttls(a.st, client, "127.0.0.1", clock_read(&s->clock) + 60 * SEC), 0);
	EQ(stream_write(a.st, SLICE("hello")), 0);
	b.st = stream_open(s, accept(fd, NULL, NULL), -1, changed, &b);
	EQ(stream_starttls(b.st, server, NULL, CLOCK_FOREVER), 0);
	EQ(stream_want(b.st, 100), 0);
	UNTIL(s, stream_input(b.st).n == 5);
	OK(stream_connected(a.st));
	EQ(a.changes, 1);
	EQ(s->wheel.pending, 0);
	tls_free(client);
	tls_free(server);
	close_pair();
	close(fd);
}

enum { BULK = 4 << 20, PIECE = 50000 };

static char
byte_at(size_t at, size_t seed)
{
	return (char)((at * 31 + at / 8191 + seed) & 0xff);
}

static void
pump(struct end *e, size_t mine, size_t others)
{
	char piece[PIECE];
	struct slice in;

	while (e->to_send > 0 && stream_pending(e->st) < PIECE) {
		size_t n = e->to_send < PIECE ? e->to_send : PIECE;

		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(BULK - e->to_send + i, mine);
		EQ(stream_write(e->st, slice_make(piece, n)), 0);
		e->to_send -= n;
	}
	do {
		in = stream_input(e->st);
		for (size_t i = 0; i < in.n; i++, e->got++)
			if (in.p[i] != byte_at(e->got, others)) {
				OK(!"the bytes that were sent");
				exit(1);
			}
		stream_take(e->st, in.n);
	} while (stream_want(e->st, PIECE) == 1);
}

BOTH(megabytes_both_ways)
{
	connect_pair(s);
	a.to_send = b.to_send = BULK;
	UNTIL(s, (pump(&a, 1, 2), pump(&b, 2, 1), a.got == BULK && b.got == BULK));
	EQ(stream_pending(a.st) + stream_pending(b.st), 0);
	close_pair();
}

/* Most connections are idle: they hold no buffers, in whatever order the bytes went. */
BOTH(idle_ones_are_lean)
{
	struct tls *client = client_context("one.pem"), *server = server_context();
	size_t before = 0;

	for (int i = 0; i < 2; i++) {
		/* the first pair is for what OpenSSL makes once and keeps */
		before = held;
		open_pair(s);
		begin(tls_ref(client), tls_ref(server), "localhost");
		(void)stream_want(a.st, 100);
		(void)stream_want(b.st, 100);
		UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
		EQ(stream_write(a.st, SLICE("hello")), 0);
		UNTIL(s, stream_input(b.st).n == 5);
		EQ(stream_write(b.st, SLICE("welcome")), 0);
		UNTIL(s, stream_input(a.st).n == 7);
		OK(held - before < 40000); /* a buffer is 16 KiB and some */
		close_pair();
	}
	EQ(held, before);
	tls_free(client);
	tls_free(server);
}

/* Each allocation of ours fails once; those of OpenSSL are its own. */
BOTH(without_memory)
{
	struct tls *t = server_context();
	bool done = false;
	char why[TLS_WHYLEN];

	for (long n = 1; !done; n++) {
		open_pair(s);
		alloc_fail_at(n);
		done = stream_starttls(b.st, t, NULL, CLOCK_FOREVER) == 0;
		alloc_reset();
		OK(done || errno == ENOMEM);
		OK(n < 10);
		close_pair();
	}
	tls_free(t);
	alloc_fail_at(1);
	OK(tls_new(&(struct tls_options){ .verify = TLS_VERIFY_NEVER }, why) == NULL);
	EQ(errno, ENOMEM);
	STR(why, strerror(ENOMEM));
}

/* What tls_new says, with the directory cut out. */
static void
try_context(const struct tls_options *o, int error, const char *want)
{
	char why[TLS_WHYLEN] = "", *at;

	OK(tls_new(o, why) == NULL);
	EQ(errno, error);
	while ((at = strstr(why, dir)) != NULL)
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
	STR(why, want);
}

TEST(contexts_that_cannot_be)
{
	struct tls_options o = { .server = true };

	try_context(&o, EINVAL, "a server needs a certificate");
	o.cert = in_dir("none");
	try_context(&o, ENOENT, "certificate 'none': No such file or directory");
	o.cert = in_dir("empty");
	try_context(&o, EINVAL, "certificate 'empty': no certificate in it");
	o.cert = in_dir("one.pem");
	o.key = in_dir("none");
	try_context(&o, ENOENT, "key 'none': No such file or directory");
	o.key = in_dir("two.key");
	try_context(&o, EINVAL, "key 'two.key': not the key of certificate 'one.pem'");
	o.key = in_dir("one.locked");
	try_context(&o, EINVAL, "key 'one.locked': it is encrypted");
	o.key = in_dir("one.key");
	o.ca = in_dir("none");
	try_context(&o, ENOENT, "CA 'none': No such file or directory");
	o.ca = NULL;
	o.verify = TLS_VERIFY_ALWAYS;
	try_context(&o, EINVAL, "no CA to verify clients by");
	o = (struct tls_options){ .key = in_dir("one.key") };
	try_context(&o, EINVAL, "key 'one.key': no certificate for it");
	o = (struct tls_options){ .alpn = SLICE("\005h2") };
	try_context(&o, EINVAL, "bad list of protocols for ALPN");
	tls_free(NULL);
}

TEST(files_made)
{
	set_up();
	OK(access(in_dir("one.pem"), R_OK) == 0);
}

MAIN(RUN(files_made), RUN(contexts_that_cannot_be), RUN(both_ways_and_a_clean_end),
    RUN(what_is_asked_for_in_the_handshake_is_done_after_it), RUN(what_there_is_to_know),
    RUN(whom_a_client_does_not_trust), RUN(whom_a_server_does_not_trust), RUN(nothing_in_common),
    RUN(peers_that_speak_no_tls), RUN(a_silent_peer_has_its_time), RUN(cut_off_is_not_the_end),
    RUN(what_is_lost_is_no_end), RUN(when_it_cannot_begin), RUN(connecting_and_tls_in_one),
    RUN(megabytes_both_ways), RUN(idle_ones_are_lean),
    RUN(without_memory))
