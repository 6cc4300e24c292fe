/*
 * The 49 messages of RFC 4475, as its appendix has them, and the 12 of RFC 5118, whose bodies are as long as their Content-Length says here
 * and not in print, given to the server's transaction layer: what reaches the script, what is refused, and how, what is dropped.
 */
#include <fcntl.h>
#include <unistd.h>

#include "sip/sipuri.h"
#include "sip/stxn.h"
#include "tap.h"

static struct sched s;
static struct stxn_layer layer;
static char sent[65536], text[65536];
static int nsent, nrequests, nresponses;
static char method[256];

static int
send_message(struct sipflow *f, struct slice data, const struct addr *to, bool loose)
{
	(void)f, (void)to, (void)loose;
	nsent++;
	memcpy(sent, data.p, data.n);
	sent[data.n] = '\0';
	return 0;
}

static void
unused(struct sipflow *f)
{
	(void)f;
}

static struct sipflow flow = { .send = send_message, .unused = unused, .transport = TRANSPORT_UDP, .holders = 1 };

static void
request(void *arg, struct stxn *t, const struct sipmsg *m, const struct addr *source)
{
	struct sip_answer a = { .status = 200 };

	(void)arg;
	nrequests++;
	OK(slice_cstr(m->method, method, sizeof(method)) == 0);
	EQ(stxn_reply(t, m, source, &a), 0);
}

static bool
response(void *arg, struct sipflow *f, const struct sipmsg *m, const struct addr *source)
{
	(void)arg, (void)f, (void)m, (void)source;
	nresponses++;
	return true;
}

/* What is to become of one: a status; 0: it is dropped; 1: it is a response, and taken. 200: the script has it. */
static const struct {
	const char *name;
	int status;
} messages[] = {
	/* 3.1.1 valid */
	{ "wsinv", 200 }, { "intmeth", 200 }, { "esc01", 200 }, { "escnull", 200 }, { "esc02", 200 }, { "lwsdisp", 200 }, { "longreq", 200 },
	{ "dblreq", 200 }, { "semiuri", 200 }, { "transports", 200 }, { "mpart01", 200 }, { "unreason", 1 }, { "noreason", 1 },
	/* 3.1.2 invalid */
	{ "badinv01", 400 }, { "clerr", 400 }, { "ncl", 400 }, { "scalar02", 400 }, { "scalarlg", 0 }, { "quotbal", 400 }, { "ltgtruri", 400 },
	{ "lwsruri", 400 }, { "lwsstart", 400 }, { "trws", 400 }, { "escruri", 400 }, { "baddate", 400 }, { "regbadct", 400 }, { "badaspec", 400 },
	{ "baddn", 400 }, { "badvers", 505 }, { "mismatch01", 400 }, { "mismatch02", 400 }, { "bigcode", 0 },
	/* 3.2: a branch with nothing behind the magic cookie is none */
	{ "badbranch", 200 },
	/* 3.3 application layer */
	{ "insuf", 400 }, { "unkscm", 416 }, { "novelsc", 416 }, { "unksm2", 200 }, { "bext01", 200 }, { "invut", 200 }, { "regaut01", 200 },
	{ "multi01", 400 }, { "mcl01", 400 }, { "bcast", 1 }, { "zeromf", 200 }, { "cparam01", 200 }, { "cparam02", 200 }, { "regescrt", 200 },
	{ "sdp01", 200 },
	/* 3.4 */
	{ "inv2543", 200 },
	/* RFC 5118, section 4 */
	{ "ipv6-good", 200 }, { "ipv6-bad", 400 }, { "port-ambiguous", 200 }, { "port-unambiguous", 200 }, { "via-received-param-with-delim", 200 },
	{ "via-received-param-no-delim", 200 }, { "ipv6-in-sdp", 200 }, { "mult-ip-in-header", 200 }, { "mult-ip-in-sdp", 200 },
	{ "ipv4-mapped-ipv6", 200 }, { "ipv6-bug-abnf-3-colons", 200 }, { "ipv6-correct-abnf-2-colons", 200 },
};

static size_t
read_message(const char *name)
{
	char path[256];
	ssize_t n = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "t/data/rfc%d/%s", strchr(name, '-') != NULL ? 5118 : 4475, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 || (n = read(fd, text, sizeof(text))) <= 0) {
		printf("# %s: %s\n", path, strerror(errno));
		OK(!"read");
		n = 0;
	}
	if (fd != -1)
		(void)close(fd);
	return (size_t)n;
}

static void
give(const char *name, const struct addr *source)
{
	size_t n = read_message(name);

	nsent = nrequests = nresponses = 0;
	*sent = '\0';
	stxn_receive(&layer, &flow, slice_make(text, n), source);
}

static int
became(void)
{
	int status = 0;

	if (nsent == 0)
		return nresponses;
	return sscanf(sent, "SIP/2.0 %d ", &status) == 1 ? status : -1;
}

static void
open_layer(struct addr *source)
{
	EQ(sched_init(&s, NULL, true), 0);
	layer = (struct stxn_layer){ .sched = &s, .request = request, .response = response, .max_pending = 100, .max_kept = { 1000000, 1000000 } };
	stxn_init(&layer);
	EQ(addr_literal(SLICE("192.0.2.9"), 4444, source), 0);
}

static void
close_layer(void)
{
	stxn_fini(&layer);
	sched_fini(&s);
}

TEST(each_gets_what_it_deserves)
{
	struct addr source;

	EQ(sizeof(messages) / sizeof(messages[0]), 49 + 12);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		/* several have one branch */
		open_layer(&source);
		give(messages[i].name, &source);
		close_layer();
		if (became() != messages[i].status)
			printf("# %s: %s\n", messages[i].name, sent);
		EQ(became(), messages[i].status);
		EQ(nrequests, messages[i].status == 200);
	}
}

/* What they are about, looked at behind the door. */
TEST(what_was_read)
{
	static struct sipmsg m;
	struct sipuri u;
	struct fault f;
	struct slice value;

#define READ(name) EQ(sip_parse(&m, text, read_message(name), &f), 0)
	READ("wsinv");
	EQ(m.max_forwards, 68);
	EQ(m.cseq.number, 9);
	OK(slice_eq(m.from.display, SLICE("\"J Rosenberg \\\\\\\"\"")));
	OK(slice_eq(m.to.tag, SLICE("1918181833n")));
	EQ(m.body.n, 150);
	READ("intmeth");
	OK(slice_eq(m.method, SLICE("!interesting-Method0123456789_*+`.%indeed'~")));
	EQ(sipuri_parse(&u, m.uri, &f), 0);
	OK(slice_eq(u.host, SLICE("example.com")));
	READ("esc01");
	EQ(sipuri_parse(&u, m.uri, &f), 0);
	OK(u.scheme == SIP_SCHEME_SIP && slice_eq(u.user, SLICE("sips%3Auser%40example.com")));
	READ("semiuri");
	EQ(sipuri_parse(&u, m.uri, &f), 0);
	OK(slice_eq(u.user, SLICE("user;par=u%40example.net")) && slice_eq(u.host, SLICE("example.com")));
	READ("dblreq");
	EQ(m.body.n, 0);
	OK(slice_eq(m.method, SLICE("REGISTER")));
	READ("transports");
	OK(slice_eq(m.via.transport, SLICE("UDP")));
	READ("noreason");
	EQ(m.status, 100);
	EQ(m.reason.n, 0);
	READ("inv2543");
	EQ(m.via.branch.n, 0);
	READ("zeromf");
	EQ(m.max_forwards, 0);
	READ("regescrt");
	value = sip_header_value(&m, sip_find(&m, SIP_CONTACT, 0));
	OK(slice_eq(value, SLICE("<sip:user@example.com?Route=%3Csip:sip.example.com%3E>")));
	READ("cparam02");
	value = sip_header_value(&m, sip_find(&m, SIP_CONTACT, 0));
	OK(slice_eq(value, SLICE("<sip:+19725552222@gw1.example.net;unknownparam>")));
	READ("port-ambiguous");
	EQ(sipuri_parse(&u, m.uri, &f), 0);
	EQ(u.port, -1);
	READ("port-unambiguous");
	EQ(sipuri_parse(&u, m.uri, &f), 0);
	EQ(u.port, 5070);
	READ("via-received-param-no-delim");
	OK(slice_eq(m.via.received, SLICE("2001:db8::9:255")) && slice_eq(m.via.branch, SLICE("z9hG4bKas3")));
	READ("ipv4-mapped-ipv6");
	EQ(m.via.port, 19823);
	OK(slice_eq(m.via.host, SLICE("[::ffff:192.0.2.10]")));
	READ("longreq");
	OK(m.nheaders > 20);
}

/* A reason that names the fault goes with each refusal. */
TEST(reasons)
{
	struct addr source;

	open_layer(&source);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].status != 400)
			continue;
		give(messages[i].name, &source);
		OK(strncmp(sent, "SIP/2.0 400 Bad Request\r\n", 25) != 0);
	}
	close_layer();
}

MAIN(RUN(each_gets_what_it_deserves), RUN(what_was_read), RUN(reasons))
