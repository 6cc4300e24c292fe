#include "sip/ctxn.h"

#include "tap.h"

/* A transport that only counts, and an owner that notes what it is told. */
static struct sched s;
static struct ctxn_layer layer;
static struct addr server;
static char sent[65536], sent_first[65536];
static int nsent, nresponses, nended, last_status;
static char end_why[64];
static enum ctxn_end ended_how;
static bool send_fails;

static int
send_message(struct sipflow *f, struct slice data, const struct addr *there, bool loose)
{
	OK(f->holders > 0 && addr_eq(there, &server) && !loose);
	if (send_fails) {
		errno = ENETUNREACH;
		return -1;
	}
	nsent++;
	memcpy(sent, data.p, data.n);
	sent[data.n] = '\0';
	return 0;
}

static void
unused(struct sipflow *f)
{
	OK(f->holders == 0);
}

static struct sipflow flow = { .send = send_message, .unused = unused };

static void
got_response(struct ctxn_owner *o, struct ctxn *t, const struct sipmsg *m, const struct addr *from)
{
	(void)o;
	OK(t != NULL && addr_eq(from, &server));
	nresponses++;
	last_status = m->status;
}

static void
got_end(struct ctxn_owner *o, enum ctxn_end how, const char *why)
{
	(void)o;
	nended++;
	ended_how = how;
	(void)snprintf(end_why, sizeof(end_why), "%s", why != NULL ? why : "");
}

static struct ctxn_owner owner = { got_response, got_end };

static void
open_layer(bool reliable)
{
	EQ(sched_init(&s, NULL, true), 0);
	layer = (struct ctxn_layer){ .sched = &s };
	ctxn_init(&layer);
	EQ(addr_literal(SLICE("192.0.2.9"), 5060, &server), 0);
	nsent = nresponses = nended = last_status = 0;
	send_fails = false;
	flow.holders = 1;
	flow.reliable = reliable;
	LIST_INIT(&flow.users);
}

static void
close_layer(void)
{
	ctxn_fini(&layer);
	EQ(flow.holders, 1);
	OK(LIST_EMPTY(&flow.users));
	EQ(s.wheel.pending, 0);
	sched_fini(&s);
}

static struct ctxn *
ask(const char *method, const char *branch)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
	    "%s sip:b@example.com SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1:5062;branch=%s;rport\r\nRoute: <sip:p1;lr>, <sip:p2;lr>\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=88\r\nTo: <sip:b@example.com>\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 7 %s\r\n"
	    "Route: <sip:p3;lr>\r\nContent-Length: 4\r\n\r\nbody",
	    method, branch, method);

	return ctxn_start(&layer, &flow, &server, slice_make(text, (size_t)n), &owner);
}

static bool
receive(int status, const char *method, const char *branch, const char *tag)
{
	static struct sipmsg m;
	struct fault f;
	char text[1024];
	int n = snprintf(text, sizeof(text),
	    "SIP/2.0 %d x\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=%s\r\nFrom: <sip:a@example.com>;tag=88\r\n"
	    "To: <sip:b@example.com>;tag=%s\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 7 %s\r\nContent-Length: 0\r\n\r\n",
	    status, branch, tag, method);

	EQ(sip_parse(&m, text, (size_t)n, &f), 0);
	return ctxn_receive(&layer, &m, &server);
}

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

/* Timers A and B */
TEST(an_invite_that_nobody_hears)
{
	open_layer(false);
	OK(ask("INVITE", "z9hG4bKa") != NULL);
	EQ(nsent, 1);
	memcpy(sent_first, sent, sizeof(sent));
	pass(500 * MSEC - USEC);
	EQ(nsent, 1);
	pass(USEC);
	EQ(nsent, 2);
	STR(sent, sent_first);
	pass(SEC);
	EQ(nsent, 3);
	pass(2 * SEC);
	EQ(nsent, 4);
	pass(4 * SEC);
	EQ(nsent, 5);
	pass(8 * SEC);
	EQ(nsent, 6);
	pass(16 * SEC);
	EQ(nsent, 7);
	pass(500 * MSEC - USEC);
	EQ(nended, 0);
	pass(USEC);
	EQ(nended, 1);
	EQ(ended_how, CTXN_TIMEOUT);
	EQ(nsent, 7);
	EQ(layer.stats.retransmissions, 6);
	EQ(layer.stats.pending, 0);
	close_layer();
}

/* Timers E and F */
TEST(another_request_that_nobody_hears)
{
	open_layer(false);
	OK(ask("OPTIONS", "z9hG4bKa") != NULL);
	pass(500 * MSEC);
	EQ(nsent, 2);
	pass(SEC);
	EQ(nsent, 3);
	pass(2 * SEC);
	EQ(nsent, 4);
	pass(4 * SEC);
	EQ(nsent, 5);
	pass(24 * SEC);
	EQ(nsent, 11);
	EQ(nended, 0);
	pass(500 * MSEC);
	EQ(nended, 1);
	EQ(ended_how, CTXN_TIMEOUT);
	EQ(nsent, 11);
	close_layer();

	/* a provisional answer slows it down, it does not stop it; F stays */
	open_layer(false);
	OK(ask("OPTIONS", "z9hG4bKa") != NULL);
	EQ(receive(100, "OPTIONS", "z9hG4bKa", "x"), true);
	EQ(nresponses, 1);
	pass(500 * MSEC);
	EQ(nsent, 2);
	pass(3999 * MSEC);
	EQ(nsent, 2);
	pass(MSEC);
	EQ(nsent, 3);
	pass(28 * SEC);
	EQ(nended, 1);
	close_layer();
}

/* Timer K */
TEST(an_answer)
{
	open_layer(false);
	OK(ask("OPTIONS", "z9hG4bKa") != NULL);
	EQ(receive(200, "OPTIONS", "z9hG4bKb", "x"), false);
	EQ(receive(200, "INVITE", "z9hG4bKa", "x"), false);
	EQ(layer.stats.stray, 2);
	EQ(nresponses, 0);
	EQ(receive(200, "OPTIONS", "Z9HG4BKA", "x"), true);
	EQ(nresponses, 1);
	EQ(last_status, 200);
	EQ(receive(200, "OPTIONS", "z9hG4bKa", "x"), true);
	EQ(nresponses, 1);
	EQ(layer.stats.kept, 1);
	pass(5 * SEC - USEC);
	EQ(layer.stats.kept, 1);
	pass(USEC);
	EQ(layer.stats.kept, 0);
	EQ(nsent, 1);
	EQ(nended, 0);
	close_layer();
}

/* Timer D, and 17.1.1.3 */
TEST(a_refusal_is_acknowledged_each_time)
{
	open_layer(false);
	OK(ask("INVITE", "z9hG4bKa") != NULL);
	EQ(receive(180, "INVITE", "z9hG4bKa", "x"), true);
	pass(100 * SEC);
	EQ(nsent, 1);
	EQ(nended, 0);
	EQ(receive(486, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nresponses, 2);
	EQ(nsent, 2);
	STR(sent, "ACK sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n"
		  "Route: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\nFrom: <sip:a@example.com>;tag=88\r\n"
		  "To: <sip:b@example.com>;tag=x\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n");
	pass(31 * SEC);
	EQ(receive(486, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nsent, 3);
	EQ(nresponses, 2);
	EQ(receive(200, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nsent, 3);
	pass(SEC);
	EQ(layer.stats.kept, 0);
	close_layer();
}

/* Timer M (RFC 6026) */
TEST(an_acceptance)
{
	static const char ack[] = "ACK";
	struct ctxn *t;

	open_layer(false);
	t = ask("INVITE", "z9hG4bKa");
	EQ(receive(200, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nresponses, 1);
	EQ(receive(200, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nresponses, 2);
	EQ(ctxn_ack(t, &flow, &server, SLICE("ACK")), 0);
	EQ(nsent, 2);
	STR(sent, ack);
	/* a copy is acknowledged from here; what another callee says is told */
	EQ(receive(200, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nresponses, 2);
	EQ(nsent, 3);
	EQ(receive(200, "INVITE", "z9hG4bKa", "y"), true);
	EQ(nresponses, 3);
	EQ(receive(486, "INVITE", "z9hG4bKa", "y"), true);
	EQ(nresponses, 3);
	EQ(nsent, 3);
	pass(32 * SEC - USEC);
	EQ(nended, 0);
	pass(USEC);
	EQ(nended, 1);
	EQ(ended_how, CTXN_OVER);
	close_layer();
}

TEST(on_a_stream)
{
	open_layer(true);
	OK(ask("INVITE", "z9hG4bKa") != NULL);
	OK(ask("OPTIONS", "z9hG4bKb") != NULL);
	pass(31 * SEC);
	EQ(nsent, 2);
	EQ(receive(200, "OPTIONS", "z9hG4bKb", "x"), true);
	EQ(receive(404, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nsent, 3);
	EQ(nresponses, 2);
	pass(USEC);
	EQ(layer.stats.kept, 0); /* D and K are 0 */
	OK(ask("OPTIONS", "z9hG4bKb") != NULL);
	pass(32 * SEC);
	EQ(nended, 1);
	EQ(ended_how, CTXN_TIMEOUT);
	/* the connection is lost */
	OK(ask("INVITE", "z9hG4bKc") != NULL);
	OK(ask("INVITE", "z9hG4bKd") != NULL);
	EQ(receive(404, "INVITE", "z9hG4bKd", "x"), true);
	sipflow_lost(&flow, ECONNREFUSED, strerror(ECONNREFUSED));
	EQ(nended, 2);
	EQ(ended_how, CTXN_TRANSPORT);
	STR(end_why, strerror(ECONNREFUSED));
	close_layer();
}

TEST(nobody_there)
{
	struct addr other;

	open_layer(false);
	EQ(addr_literal(SLICE("192.0.2.9"), 5061, &other), 0);
	OK(ask("OPTIONS", "z9hG4bKa") != NULL);
	OK(ask("INVITE", "z9hG4bKb") != NULL);
	OK(ask("INVITE", "z9hG4bKc") != NULL);
	EQ(receive(404, "INVITE", "z9hG4bKc", "x"), true);
	sipflow_unreached(&flow, &other, ECONNREFUSED);
	EQ(nended, 0);
	sipflow_unreached(&flow, &server, ECONNREFUSED);
	EQ(nended, 2);
	EQ(ended_how, CTXN_TRANSPORT);
	STR(end_why, strerror(ECONNREFUSED));
	/* what was answered stays for answers that come again */
	EQ(layer.stats.kept, 1);
	EQ(receive(404, "INVITE", "z9hG4bKc", "x"), true);
	pass(32 * SEC);
	EQ(layer.stats.kept, 0);
	EQ(nended, 2);
	close_layer();
}

TEST(what_cannot_be_sent)
{
	static const char response[] = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
				       "Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";

	open_layer(false);
	OK(ask("OPTIONS", "z9hG4bKa") != NULL);
	errno = 0;
	OK(ask("OPTIONS", "z9hG4bKa") == NULL && errno == EEXIST);
	OK(ctxn_start(&layer, &flow, &server, slice_of(response), &owner) == NULL && errno == EINVAL);
	OK(ctxn_start(&layer, &flow, &server, SLICE("x"), &owner) == NULL && errno == EINVAL);
	send_fails = true;
	OK(ask("OPTIONS", "z9hG4bKb") == NULL && errno == ENETUNREACH);
	EQ(layer.stats.pending, 1);
	pass(500 * MSEC);
	EQ(nended, 1);
	EQ(ended_how, CTXN_TRANSPORT);
	STR(end_why, strerror(ENETUNREACH));
	EQ(layer.stats.pending, 0);
	close_layer();
}

/* 9.1 */
TEST(cancel)
{
	struct ctxn *t;

	open_layer(false);
	t = ask("INVITE", "z9hG4bKa");
	ctxn_cancel(t);
	EQ(nsent, 1); /* not before it is known that it has come */
	EQ(receive(100, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nsent, 2);
	STR(sent, "CANCEL sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n"
		  "Route: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\nFrom: <sip:a@example.com>;tag=88\r\nTo: <sip:b@example.com>\r\n"
		  "Call-ID: 1@192.0.2.1\r\nCSeq: 7 CANCEL\r\nContent-Length: 0\r\n\r\n");
	ctxn_cancel(t);
	EQ(nsent, 2);
	pass(500 * MSEC);
	EQ(nsent, 3); /* it is a transaction of its own */
	EQ(receive(200, "CANCEL", "z9hG4bKa", "x"), true);
	EQ(nresponses, 1);
	EQ(receive(487, "INVITE", "z9hG4bKa", "x"), true);
	EQ(nresponses, 2);
	EQ(last_status, 487);
	ctxn_cancel(t);
	EQ(nsent, 4);
	close_layer();

	/* no final response ever */
	open_layer(false);
	t = ask("INVITE", "z9hG4bKa");
	EQ(receive(180, "INVITE", "z9hG4bKa", "x"), true);
	pass(100 * SEC);
	ctxn_cancel(t);
	EQ(receive(180, "INVITE", "z9hG4bKa", "x"), true);
	pass(32 * SEC - USEC);
	EQ(nended, 0);
	pass(USEC);
	EQ(nended, 1);
	EQ(ended_how, CTXN_TIMEOUT);
	close_layer();
}

TEST(no_memory)
{
	for (int n = 1; n < 8; n++) {
		struct ctxn *t;

		open_layer(false);
		alloc_fail_at(n);
		t = ask("INVITE", "z9hG4bKa");
		if (t != NULL) {
			EQ(receive(180, "INVITE", "z9hG4bKa", "x"), true);
			ctxn_cancel(t);
			EQ(receive(487, "INVITE", "z9hG4bKa", "x"), true);
		}
		alloc_fail_at(0);
		OK(nresponses == (t != NULL ? 2 : 0));
		close_layer();
	}
}

MAIN(RUN(an_invite_that_nobody_hears), RUN(another_request_that_nobody_hears), RUN(an_answer), RUN(a_refusal_is_acknowledged_each_time),
    RUN(an_acceptance), RUN(on_a_stream), RUN(nobody_there), RUN(what_cannot_be_sent), RUN(cancel), RUN(no_memory))
