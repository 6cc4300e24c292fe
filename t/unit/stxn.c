#include "sip/stxn.h"

#include "tap.h"

/* A transport that only counts, and an owner that answers what it is told to. */
static struct sched s;
static struct stxn_layer layer;
static struct addr source;
static char sent[65536], kept_packet[4096];
static int nsent, nrequests, ncancelled, ngone, nbad;
static struct addr sent_to;
static int answer_with; /* 0: later */
static struct stxn *pending;
static struct sipmsg pending_msg;

static void
gone(struct stxn_owner *o)
{
	(void)o;
	ngone++;
	pending = NULL;
}

static void reply(int status);

static void
cancelled(struct stxn_owner *o)
{
	(void)o;
	ncancelled++;
	reply(487);
}

static struct stxn_owner owner = { gone, cancelled };

static void
send_datagram(void *arg, void *via, struct slice data, const struct addr *to)
{
	OK(arg == &s && via == &layer);
	nsent++;
	OK(data.n < sizeof(sent));
	memcpy(sent, data.p, data.n);
	sent[data.n] = '\0';
	sent_to = *to;
}

static void
reply(int status)
{
	struct sip_answer a = { .status = status };
	struct stxn *t = pending;

	if (status >= 200)
		pending = NULL;
	EQ(stxn_reply(t, &pending_msg, &source, &a), 0);
}

static void
request(void *arg, struct stxn *t, const struct sipmsg *m, const struct addr *from)
{
	(void)arg;
	OK(addr_eq(from, &source));
	nrequests++;
	pending = t;
	sip_copy(&pending_msg, m, kept_packet);
	stxn_set_owner(t, &owner);
	if (answer_with != 0)
		reply(answer_with);
}

static void
bad(void *arg, const struct sipmsg *m, const struct fault *f, const struct addr *from)
{
	(void)arg, (void)m, (void)f, (void)from;
	nbad++;
}

static void
open_layer(void)
{
	EQ(sched_init(&s, NULL, true), 0);
	sched_hold(&s);
	layer = (struct stxn_layer){ .sched = &s, .send = send_datagram, .request = request, .bad = bad, .arg = &s, .max_pending = 100,
		.max_kept = 1000 };
	stxn_init(&layer);
	EQ(addr_literal(SLICE("192.0.2.9"), 4444, &source), 0);
	nsent = nrequests = ncancelled = ngone = nbad = answer_with = 0;
	pending = NULL;
}

static void
close_layer(void)
{
	stxn_fini(&layer);
	sched_fini(&s);
}

static void
receive(const char *method, const char *branch)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
	    "%s sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=%s;rport\r\nFrom: <sip:a@example.com>;tag=88\r\n"
	    "To: <sip:b@example.com>\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 1 %s\r\nRecord-Route: <sip:p;lr>\r\n\r\n",
	    method, branch, method);

	stxn_receive(&layer, &layer, slice_make(text, (size_t)n), &source);
}

/* Lets ns of virtual time pass. */
static void
pass(int64_t ns)
{
	int64_t until = s.clock.now + ns;

	while (wheel_first(&s.wheel) <= until) {
		clock_jump(&s.clock, wheel_first(&s.wheel));
		(void)wheel_run(&s.wheel, s.clock.now, 1000);
	}
	clock_jump(&s.clock, until);
	(void)wheel_run(&s.wheel, s.clock.now, 1000);
}

static bool
sent_has(const char *text)
{
	return strstr(sent, text) != NULL;
}

TEST(an_answer_is_given_again_for_32_seconds)
{
	char first[65536];

	open_layer();
	answer_with = 200;
	receive("OPTIONS", "z9hG4bKa");
	EQ(nrequests, 1);
	EQ(nsent, 1);
	memcpy(first, sent, sizeof(first));
	OK(strncmp(sent, "SIP/2.0 200 OK\r\n", 16) == 0);
	OK(sent_has("Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;rport=4444;received=192.0.2.9\r\n"));
	OK(sent_has("To: <sip:b@example.com>;tag="));
	OK(sent_has("\r\nContent-Length: 0\r\n\r\n"));
	OK(!sent_has("Record-Route"));
	OK(addr_eq(&sent_to, &source));
	pass(31 * SEC);
	receive("OPTIONS", "z9hG4bKA"); /* a branch is compared in any case */
	EQ(nrequests, 1);
	EQ(nsent, 2);
	STR(sent, first);
	EQ(layer.stats.retransmissions, 1);
	pass(SEC);
	EQ(layer.stats.kept, 0);
	receive("OPTIONS", "z9hG4bKa");
	EQ(nrequests, 2);
	close_layer();
}

TEST(nothing_is_said_twice_while_it_is_worked_on)
{
	open_layer();
	receive("MESSAGE", "z9hG4bKb");
	receive("MESSAGE", "z9hG4bKb");
	EQ(nrequests, 1);
	EQ(nsent, 0);
	pass(10 * SEC);
	EQ(nsent, 0);
	reply(202);
	EQ(nsent, 1);
	receive("MESSAGE", "z9hG4bKc");
	EQ(nrequests, 2);
	EQ(layer.stats.pending, 1);
	close_layer();
	EQ(ngone, 1);
}

TEST(a_slow_invite_gets_trying_and_its_failure_until_the_ack)
{
	open_layer();
	receive("INVITE", "z9hG4bKi");
	pass(199 * MSEC);
	EQ(nsent, 0);
	receive("INVITE", "z9hG4bKi");
	EQ(nsent, 0);
	pass(MSEC);
	EQ(nsent, 1);
	OK(strncmp(sent, "SIP/2.0 100 Trying\r\n", 20) == 0);
	OK(!sent_has("To: <sip:b@example.com>;tag"));
	receive("INVITE", "z9hG4bKi");
	EQ(nsent, 2);
	reply(180);
	EQ(nsent, 3);
	OK(sent_has("Record-Route: <sip:p;lr>\r\n"));
	reply(404);
	EQ(nsent, 4);
	/* timer G: after 0.5, 1, 2, 4, 4 ... seconds */
	pass(500 * MSEC);
	EQ(nsent, 5);
	pass(SEC);
	EQ(nsent, 6);
	pass(2 * SEC);
	EQ(nsent, 7);
	pass(4 * SEC);
	EQ(nsent, 8);
	pass(4 * SEC);
	EQ(nsent, 9);
	receive("ACK", "z9hG4bKi");
	pass(4 * SEC);
	EQ(nsent, 9);
	receive("INVITE", "z9hG4bKi"); /* late: absorbed */
	EQ(nsent, 9);
	EQ(layer.stats.kept, 1);
	pass(SEC);
	EQ(layer.stats.kept, 0); /* timer I */
	EQ(nrequests, 1);
	close_layer();
}

TEST(without_an_ack_timer_h_ends_it)
{
	open_layer();
	answer_with = 302;
	receive("INVITE", "z9hG4bKh");
	EQ(nsent, 1);
	pass(32 * SEC - MSEC);
	EQ(layer.stats.kept, 1);
	/* 0.5, 1.5, 3.5, 7.5, 11.5 ... 31.5 */
	EQ(nsent, 11);
	pass(MSEC);
	EQ(layer.stats.kept, 0);
	close_layer();
}

TEST(a_success_is_not_repeated_by_itself)
{
	open_layer();
	answer_with = 200;
	receive("INVITE", "z9hG4bKs");
	pass(10 * SEC);
	EQ(nsent, 1);
	receive("INVITE", "z9hG4bKs");
	EQ(nsent, 2);
	EQ(nrequests, 1);
	receive("ACK", "z9hG4bKother");
	EQ(nrequests, 1);
	pass(22 * SEC);
	EQ(layer.stats.kept, 0);
	close_layer();
}

static void
ack(const char *from_tag, const char *to, int cseq)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
	    "ACK sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKack\r\nFrom: <sip:a@example.com>;tag=%s\r\n"
	    "To: %s\r\nCall-ID: 1@192.0.2.1\r\nCSeq: %d ACK\r\n\r\n",
	    from_tag, to, cseq);

	stxn_receive(&layer, &layer, slice_make(text, (size_t)n), &source);
}

/* Whoever accepts a call says so until it is heard; only the ACK of this very call ends it (13.3.1.4). */
TEST(a_success_is_repeated_until_its_ack_if_asked)
{
	struct sip_answer a = { .status = 200, .until_ack = true };
	char to[128];

	for (int acked = 0; acked < 2; acked++) {
		open_layer();
		receive("INVITE", "z9hG4bKs");
		EQ(stxn_reply(pending, &pending_msg, &source, &a), 0);
		pending = NULL;
		EQ(nsent, 1);
		OK(sscanf(strstr(sent, "\r\nTo: "), "\r\nTo: %127[^\r]", to) == 1);
		pass(500 * MSEC);
		EQ(nsent, 2);
		ack("89", to, 1);
		ack("88", "<sip:b@example.com>;tag=other", 1);
		ack("88", to, 2);
		pass(SEC);
		EQ(nsent, 3);
		if (acked)
			ack("88", to, 1);
		pass(30 * SEC);
		EQ(nsent, acked ? 3 : 11);
		EQ(layer.stats.kept, 1);
		ack("88", to, 1);
		pass(500 * MSEC);
		EQ(layer.stats.kept, 0);
		EQ(s.wheel.pending, 0);
		close_layer();
	}
	/* the layer may end meanwhile */
	open_layer();
	receive("INVITE", "z9hG4bKs");
	EQ(stxn_reply(pending, &pending_msg, &source, &a), 0);
	close_layer();
}

TEST(cancel)
{
	open_layer();
	receive("CANCEL", "z9hG4bKx");
	OK(strncmp(sent, "SIP/2.0 481 ", 12) == 0);
	receive("INVITE", "z9hG4bKx");
	nsent = 0;
	receive("CANCEL", "z9hG4bKx");
	EQ(ncancelled, 1);
	EQ(nsent, 2);
	OK(strncmp(sent, "SIP/2.0 487 ", 12) == 0);
	receive("CANCEL", "z9hG4bKx");
	EQ(ncancelled, 1);
	EQ(nsent, 3);
	OK(strncmp(sent, "SIP/2.0 200 ", 12) == 0);
	EQ(nrequests, 1);
	close_layer();
}

TEST(what_is_malformed)
{
	static const char half[] = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: x\r\n"
				   "CSeq: 1 INVITE\r\nContent-Length: 10\r\n\r\n";

	open_layer();
	stxn_receive(&layer, &layer, slice_of(half), &source);
	EQ(nsent, 1);
	OK(strncmp(sent, "SIP/2.0 400 the body is shorter than Content-Length says\r\n", 58) == 0);
	/* no rport: to the port of sent-by, which is 5060 */
	EQ(addr_port(&sent_to), 5060);
	OK(sent_has("received=192.0.2.9"));
	stxn_receive(&layer, &layer, SLICE("garbage"), &source);
	stxn_receive(&layer, &layer, SLICE("SIP/2.0 200 OK\r\n\r\n"), &source);
	stxn_receive(&layer, &layer, SLICE("\r\n\r\n"), &source);
	EQ(nsent, 1);
	EQ(nbad, 3);
	EQ(nrequests, 0);
	EQ(layer.stats.malformed, 3);
	close_layer();
}

TEST(bounds)
{
	char branch[32];

	open_layer();
	for (int i = 0; i < 101; i++) {
		(void)snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		receive("OPTIONS", branch);
	}
	EQ(nrequests, 100);
	EQ(nsent, 1);
	OK(strncmp(sent, "SIP/2.0 503 ", 12) == 0);
	OK(sent_has("\r\nRetry-After: "));
	close_layer();
	EQ(ngone, 100);

	open_layer();
	answer_with = 200;
	for (int i = 0; i < 1500; i++) {
		(void)snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		receive("OPTIONS", branch);
	}
	EQ(layer.stats.kept, 1000);
	EQ(s.wheel.pending, 1000);
	close_layer();
}

TEST(clients_of_rfc_2543)
{
	open_layer();
	answer_with = 200;
	receive("OPTIONS", "1");
	receive("OPTIONS", "1");
	EQ(nrequests, 1);
	receive("OPTIONS", "2");
	EQ(nrequests, 2);
	close_layer();
}

TEST(a_second_final_answer_is_refused)
{
	struct sip_answer a = { .status = 200 };
	struct stxn *t;

	open_layer();
	receive("OPTIONS", "z9hG4bKa");
	t = pending;
	reply(200);
	EQ(stxn_reply(t, &pending_msg, &source, &a), -1);
	EQ(nsent, 1);
	close_layer();
}

/* Each allocation fails once: a request is then refused or not answered, and nothing else happens. */
TEST(no_memory)
{
	for (int n = 1; n < 12; n++) {
		open_layer();
		alloc_fail_at(n);
		receive("INVITE", "z9hG4bKm");
		alloc_fail_at(0);
		if (pending != NULL)
			reply(200);
		OK(nsent >= 0 && nrequests <= 1);
		close_layer();
	}
}

TEST(once_warm_only_the_answer_is_allocated)
{
	char branch[32];
	long before;

	open_layer();
	layer.max_kept = 10;
	answer_with = 200;
	for (int i = 0; i < 2000; i++) {
		if (i == 1000)
			alloc_reset();
		(void)snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		receive("OPTIONS", branch);
	}
	before = alloc_count();
	EQ(before, 1000);
	close_layer();
}

MAIN(RUN(an_answer_is_given_again_for_32_seconds), RUN(nothing_is_said_twice_while_it_is_worked_on),
    RUN(a_slow_invite_gets_trying_and_its_failure_until_the_ack), RUN(without_an_ack_timer_h_ends_it),
    RUN(a_success_is_not_repeated_by_itself), RUN(a_success_is_repeated_until_its_ack_if_asked), RUN(cancel), RUN(what_is_malformed), RUN(bounds), RUN(clients_of_rfc_2543),
    RUN(a_second_final_answer_is_refused), RUN(no_memory), RUN(once_warm_only_the_answer_is_allocated))
