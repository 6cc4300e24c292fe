#include "net/tls.h"

#include <errno.h>

#include "tap.h"
#include "both.h"
#include "tlspair.h"

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

/* Connects, has the server say something, and tells whether the session was resumed. */
static bool
resumes(struct sched *s, struct tls *client, struct tls *server, const char *name)
{
	bool resumed;

	open_pair(s);
	begin(tls_ref(client), tls_ref(server), name);
	(void)stream_want(a.st, 100);
	UNTIL(s, stream_connected(a.st) && stream_connected(b.st));
	EQ(stream_write(b.st, SLICE("x")), 0);
	UNTIL(s, stream_input(a.st).n == 1);
	resumed = tlsconn_resumed(stream_tls(a.st));
	EQ(tlsconn_resumed(stream_tls(b.st)), resumed);
	close_pair();
	return resumed;
}

BOTH(sessions_are_resumed)
{
	struct tls *client = client_context("one.pem"), *server = server_context(), *other = server_context();
	char name[32];

	OK(!resumes(s, client, server, "localhost"));
	OK(resumes(s, client, server, "localhost"));
	/* what was verified for one name is not for another */
	OK(!resumes(s, client, server, "127.0.0.1"));
	OK(resumes(s, client, server, "127.0.0.1"));
	OK(!resumes(s, client, other, "localhost"));
	OK(resumes(s, client, other, "localhost"));
	tls_free(client);
	client = context(&(struct tls_options){ .verify = TLS_VERIFY_NEVER });
	OK(!resumes(s, client, server, NULL));
	OK(resumes(s, client, server, NULL));
	/* some are forgotten */
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "server%d.example", i);
		OK(!resumes(s, client, server, name));
	}
	OK(resumes(s, client, server, name));
	OK(!resumes(s, client, server, "server0.example"));
	tls_free(client);
	tls_free(server);
	tls_free(other);
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

MAIN(RUN(files_made), RUN(contexts_that_cannot_be), RUN(sessions_are_resumed), RUN(whom_a_client_does_not_trust),
    RUN(whom_a_server_does_not_trust), RUN(nothing_in_common), RUN(without_memory))
