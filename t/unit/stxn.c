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
static const char *call_id; /* NULL: another one for each branch */
static const char *request_uri = "sip:b@example.com", *to = "<sip:b@example.com>";
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

static void
trying(struct stxn_owner *o)
{
	(void)o;
	reply(100);
}

static struct stxn_owner owner = { gone, cancelled, trying };

static bool sent_loose;

static int
send_message(struct sipflow *f, struct slice data, const struct addr *there, bool loose)
{
	OK(f->holders > 0);
	sent_loose = loose;
	nsent++;
	OK(data.n < sizeof(sent));
	memcpy(sent, data.p, data.n);
	sent[data.n] = '\0';
	sent_to = *there;
	return 0;
}

static void
unused(struct sipflow *f)
{
	OK(f->holders == 0);
}

static struct sipflow flow = { .send = send_message, .unused = unused, .transport = TRANSPORT_UDP };

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
	layer = (struct stxn_layer){ .sched = &s, .request = request, .bad = bad, .arg = &s, .max_pending = 100,
		.max_kept = { 1000000, 1000000 } };
	flow.holders = 1;
	flow.reliable = false;
	stxn_init(&layer);
	EQ(addr_literal(SLICE("192.0.2.9"), 4444, &source), 0);
	call_id = NULL;
	request_uri = "sip:b@example.com", to = "<sip:b@example.com>";
	nsent = nrequests = ncancelled = ngone = nbad = answer_with = 0;
	pending = NULL;
}

static void
close_layer(void)
{
	stxn_fini(&layer);
	EQ(flow.holders, 1);
	EQ(s.wheel.pending, 0);
	sched_fini(&s);
}

static void
receive(const char *method, const char *branch)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
	    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=%s;rport\r\nFrom: <sip:a@example.com>;tag=88\r\n"
	    "To: %s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nRecord-Route: <sip:p;lr>\r\n\r\n",
	    method, request_uri, branch, to, call_id != NULL ? call_id : branch, method);

	stxn_receive(&layer, &flow, slice_make(text, (size_t)n), &source);
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
	call_id = "x";
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
	pass(3499 * MSEC);
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
ack(const char *branch, const char *from_tag, const char *to_field, int cseq)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
	    "ACK sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=%s\r\nFrom: <sip:a@example.com>;tag=%s\r\n"
	    "To: %s\r\nCall-ID: 1@192.0.2.1\r\nCSeq: %d ACK\r\n\r\n", branch, from_tag, to_field, cseq);

	stxn_receive(&layer, &flow, slice_make(text, (size_t)n), &source);
}

/* Whoever accepts a call says so until it is heard; only the ACK of this very call ends it (13.3.1.4). */
TEST(a_success_is_repeated_until_its_ack_if_asked)
{
	struct sip_answer a = { .status = 200, .until_ack = true };
	char accepted[128];

	/* not at all; as it ought to be; by a client that gives its ACK the branch of the INVITE (RFC 6026, section 7.1) */
	for (int acked = 0; acked < 3; acked++) {
		open_layer();
		call_id = "1@192.0.2.1";
		receive("INVITE", "z9hG4bKs");
		EQ(stxn_reply(pending, &pending_msg, &source, &a), 0);
		pending = NULL;
		EQ(nsent, 1);
		OK(sscanf(strstr(sent, "\r\nTo: "), "\r\nTo: %127[^\r]", accepted) == 1);
		pass(500 * MSEC);
		EQ(nsent, 2);
		ack("z9hG4bKack", "89", accepted, 1);
		ack("z9hG4bKack", "88", "<sip:b@example.com>;tag=other", 1);
		ack("z9hG4bKack", "88", accepted, 2);
		pass(SEC);
		EQ(nsent, 3);
		if (acked)
			ack(acked == 1 ? "z9hG4bKack" : "z9hG4bKs", "88", accepted, 1);
		pass(30 * SEC);
		EQ(nsent, acked ? 3 : 11);
		EQ(layer.stats.kept, 1);
		ack("z9hG4bKack", "88", accepted, 1);
		pass(500 * MSEC);
		EQ(layer.stats.kept, 0);
		EQ(s.wheel.pending, 0);
		close_layer();
	}
	/* the layer may end meanwhile */
	open_layer();
	call_id = "1@192.0.2.1";
	receive("INVITE", "z9hG4bKs");
	EQ(stxn_reply(pending, &pending_msg, &source, &a), 0);
	close_layer();
}

/* Sending is cheaper for what may be overtaken, but a 200 must not overtake its 180. */
TEST(only_the_first_answer_may_be_overtaken)
{
	open_layer();
	receive("INVITE", "z9hG4bKa");
	reply(180);
	OK(sent_loose);
	reply(200);
	OK(!sent_loose);
	receive("INVITE", "z9hG4bKa");
	OK(!sent_loose);
	answer_with = 200;
	receive("OPTIONS", "z9hG4bKb");
	OK(sent_loose);
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
	stxn_receive(&layer, &flow, slice_of(half), &source);
	EQ(nsent, 1);
	OK(strncmp(sent, "SIP/2.0 400 the body is shorter than Content-Length says\r\n", 58) == 0);
	/* no rport: to the port of sent-by, which is 5060 */
	EQ(addr_port(&sent_to), 5060);
	OK(sent_has("received=192.0.2.9"));
	stxn_receive(&layer, &flow, SLICE("garbage"), &source);
	stxn_receive(&layer, &flow, SLICE("SIP/2.0 200 OK\r\n\r\n"), &source);
	stxn_receive(&layer, &flow, SLICE("\r\n\r\n"), &source);
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
	for (int i = 0; i < 4000; i++) {
		(void)snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		receive("OPTIONS", branch);
	}
	/* less than a kilobyte each, and a megabyte may be kept */
	OK(layer.stats.kept > 1000 && layer.stats.kept < 4000);
	OK(layer.stats.kept_bytes <= layer.max_kept[0] && layer.stats.kept_bytes > layer.max_kept[0] - 2000);
	EQ(s.wheel.pending, layer.stats.kept);
	/* those push out no INVITE */
	receive("INVITE", "z9hG4bKi");
	for (int i = 0; i < 4000; i++) {
		(void)snprintf(branch, sizeof(branch), "z9hG4bKagain%d", i);
		receive("OPTIONS", branch);
	}
	nrequests = 0;
	receive("INVITE", "z9hG4bKi");
	EQ(nrequests, 0);
	close_layer();
}

/* RFC 4320: what is no INVITE gets 100 when its client's timer E has come to T2, and nothing once F has ended it. */
TEST(others_than_invites_are_not_waited_for_in_vain)
{
	struct sip_answer a = { .status = 180 };

	open_layer();
	receive("MESSAGE", "z9hG4bKm");
	errno = 0;
	EQ(stxn_reply(pending, &pending_msg, &source, &a), -1);
	EQ(errno, EINVAL);
	reply(100); /* too early: not sent */
	pass(3499 * MSEC);
	receive("MESSAGE", "z9hG4bKm");
	EQ(nsent, 0);
	pass(MSEC);
	EQ(nsent, 1);
	OK(strncmp(sent, "SIP/2.0 100 Trying\r\n", 20) == 0);
	receive("MESSAGE", "z9hG4bKm");
	EQ(nsent, 2);
	reply(100);
	EQ(nsent, 3);
	pass(28499 * MSEC);
	EQ(ngone, 0);
	pass(MSEC);
	EQ(ngone, 1);
	EQ(layer.stats.pending, 0);
	EQ(nsent, 3);
	/* nobody's: it ends all the same */
	receive("MESSAGE", "z9hG4bKn");
	stxn_set_owner(pending, NULL);
	pass(32 * SEC);
	EQ(nsent, 3);
	EQ(layer.stats.pending, 0);
	close_layer();
}

TEST(no_408_but_to_an_invite)
{
	open_layer();
	answer_with = 408;
	receive("MESSAGE", "z9hG4bKm");
	EQ(nrequests, 1);
	EQ(nsent, 0);
	receive("MESSAGE", "z9hG4bKm");
	EQ(nrequests, 1);
	EQ(nsent, 0);
	EQ(layer.stats.responses[4], 0);
	receive("INVITE", "z9hG4bKi");
	EQ(nsent, 1);
	close_layer();
}

/* 8.2.2.2; a request that comes round by way of a proxy has another Request-URI then. */
TEST(a_request_that_comes_on_two_ways_is_served_once)
{
	open_layer();
	call_id = "same";
	receive("INVITE", "z9hG4bKone");
	receive("INVITE", "z9hG4bKtwo");
	EQ(nrequests, 1);
	EQ(nsent, 1);
	OK(strncmp(sent, "SIP/2.0 482 ", 12) == 0);
	EQ(layer.stats.merged, 1);
	/* by a proxy: the last Via is its maker's */
	receive("INVITE", "z9hG4bKp, SIP/2.0/UDP p;x, SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKone");
	EQ(layer.stats.merged, 2);
	receive("INVITE", "z9hG4bKp, SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKone");
	EQ(layer.stats.merged, 2);
	EQ(nrequests, 2);
	nrequests = nsent = 1;
	request_uri = "sip:c@example.com";
	receive("INVITE", "z9hG4bKthree");
	EQ(nrequests, 2);
	/* one in a dialog has its own way */
	request_uri = "sip:b@example.com", to = "<sip:b@example.com>;tag=9";
	receive("INVITE", "z9hG4bKfour");
	EQ(nrequests, 3);
	EQ(nsent, 1);
	close_layer();
}

/* A branch used twice is another request; more of one call and number than 64 would make a chain of which each looks at all. */
TEST(copies_of_branches_and_calls)
{
	static char branch[] = "z9hG4bKsame00", calls[][4] = { "one", "two" };

	open_layer();
	for (int i = 0; i < 4; call_id = calls[i++ / 2])
		receive("OPTIONS", branch);
	EQ(nrequests, 3);
	to = "<sip:b@example.com>;tag=9";
	for (int i = 0; i < 100; i++, branch[11] = (char)('0' + i / 10), branch[12] = (char)('0' + i % 10))
		receive("INVITE", branch);
	EQ(layer.stats.merged, 37);
	OK(strncmp(sent, "SIP/2.0 482 ", 12) == 0);
	close_layer();
}

TEST(a_scheme_that_is_none_of_ours)
{
	open_layer();
	request_uri = "http://example.com/";
	receive("OPTIONS", "z9hG4bKa");
	OK(strncmp(sent, "SIP/2.0 416 Unsupported URI Scheme\r\n", 36) == 0);
	receive((request_uri = "tel:+1", "OPTIONS"), "z9hG4bKb");
	receive((request_uri = "sips:x", "OPTIONS"), "z9hG4bKc");
	EQ(nrequests, 2);
	EQ(nsent, 1);
	close_layer();
}

/* Table 4: G is not used, I and J are 0; H and the copies of a 2xx are as over UDP (13.3.1.4). */
TEST(on_a_stream_nothing_is_sent_again)
{
	struct sip_answer a = { .status = 200, .until_ack = true };

	open_layer();
	flow.reliable = true;
	receive("OPTIONS", "z9hG4bKo");
	reply(100);
	EQ(nsent, 1);
	reply(200);
	EQ(nsent, 2);
	EQ(layer.stats.kept, 0);

	receive("INVITE", "z9hG4bKi");
	reply(404);
	EQ(nsent, 3);
	pass(31 * SEC);
	EQ(nsent, 3);
	EQ(layer.stats.kept, 1);
	receive("ACK", "z9hG4bKi");
	EQ(layer.stats.kept, 0);

	receive("INVITE", "z9hG4bKh");
	reply(404);
	pass(32 * SEC);
	EQ(layer.stats.kept, 0);
	EQ(nsent, 4);

	receive("INVITE", "z9hG4bKl");
	EQ(stxn_reply(pending, &pending_msg, &source, &a), 0);
	EQ(nsent, 5);
	pass(500 * MSEC);
	EQ(nsent, 6);
	pass(32 * SEC);
	EQ(layer.stats.kept, 0);
	close_layer();
}

static int nresponses, nacks;

static bool
response(void *arg, struct sipflow *f, const struct sipmsg *m, const struct addr *from)
{
	OK(arg == &s && f == &flow && m->status == 200 && addr_eq(from, &source));
	nresponses++;
	return true;
}

static void
stray_ack(void *arg, struct sipflow *f, const struct sipmsg *m, const struct addr *from)
{
	OK(arg == &s && f == &flow && slice_eq(m->method, SLICE("ACK")) && addr_eq(from, &source));
	nacks++;
}

TEST(what_is_for_others_is_given_to_them)
{
	static const char text[] = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
				   "Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";

	open_layer();
	nresponses = nacks = 0;
	stxn_receive(&layer, &flow, slice_of(text), &source);
	EQ(layer.stats.dropped, 1);
	receive("ACK", "z9hG4bKa");
	layer.response = response;
	layer.ack = stray_ack;
	stxn_receive(&layer, &flow, slice_of(text), &source);
	EQ(nresponses, 1);
	EQ(layer.stats.dropped, 1);
	receive("ACK", "z9hG4bKa");
	EQ(nacks, 1);
	answer_with = 486;
	receive("INVITE", "z9hG4bKi");
	receive("ACK", "z9hG4bKi");
	EQ(nacks, 1);
	EQ(nsent, 1);
	answer_with = 200;
	receive("INVITE", "z9hG4bKj");
	receive("ACK", "z9hG4bKj");
	EQ(nacks, 2);
	close_layer();
}

TEST(how_long_answers_took)
{
	open_layer();
	receive("OPTIONS", "z9hG4bKa");
	pass(3 * MSEC);
	reply(200);
	/* 2^21 to 2^22 ns */
	EQ(layer.stats.latency[22], 1);
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

TEST(once_warm_nothing_is_allocated)
{
	char branch[32];

	open_layer();
	layer.max_kept[0] = 10000;
	answer_with = 200;
	for (int i = 0; i < 2000; i++) {
		if (i == 1000)
			alloc_reset();
		(void)snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		receive("OPTIONS", branch);
	}
	/* that is, but for plain memory, where the transaction is and its answer */
	EQ(alloc_count(), PLAIN_MEMORY ? 2000 : 0);
	close_layer();
}

MAIN(RUN(an_answer_is_given_again_for_32_seconds), RUN(nothing_is_said_twice_while_it_is_worked_on),
    RUN(a_slow_invite_gets_trying_and_its_failure_until_the_ack), RUN(without_an_ack_timer_h_ends_it),
    RUN(a_success_is_not_repeated_by_itself), RUN(a_success_is_repeated_until_its_ack_if_asked), RUN(only_the_first_answer_may_be_overtaken), RUN(cancel),
    RUN(others_than_invites_are_not_waited_for_in_vain), RUN(no_408_but_to_an_invite), RUN(a_request_that_comes_on_two_ways_is_served_once),
    RUN(copies_of_branches_and_calls), RUN(a_scheme_that_is_none_of_ours),
    RUN(on_a_stream_nothing_is_sent_again), RUN(what_is_for_others_is_given_to_them),
    RUN(how_long_answers_took), RUN(what_is_malformed), RUN(bounds), RUN(clients_of_rfc_2543),
    RUN(a_second_final_answer_is_refused), RUN(no_memory), RUN(once_warm_nothing_is_allocated))
