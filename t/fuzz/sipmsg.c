/* The door of SIP: whatever comes, the parser stays inside of it, and so does all that reads what it let through. */
#include "sip/sipmsg.h"

#include <stdlib.h>

#include "sip/lex.h"
#include "sip/sipprint.h"
#include "sip/sipsame.h"
#include "sip/sipuri.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
read_values(const struct sipmsg *m)
{
	for (int i = 0; i < m->nheaders; i++) {
		struct slice value = sip_header_value(m, &m->headers[i]), one;
		struct sip_nameaddr addr;
		const char *why;

		while (sip_take_value(&value, &one))
			(void)sip_parse_nameaddr(one, &addr, &why);
	}
}

/* What can be answered is; the answer to a good request is a good response, of the same transaction. */
static void
answer(const struct sipmsg *m, bool good)
{
	const struct sip_answer reply = { .status = 404, .to_tag = SLICE("x") };
	static struct sipmsg back;
	struct buf b = { 0 };
	struct addr source, to;
	struct fault f;

	if (addr_literal(SLICE("::1"), 5060, &source) == -1)
		abort();
	sip_response_target(m, &source, &to);
	sip_print_response(&b, m, &source, &reply);
	if (b.failed)
		abort();
	if (good && b.n <= UINT16_MAX && (sip_parse(&back, b.p, b.n, &f) == -1 || back.request || back.status != 404 ||
	    back.cseq.number != m->cseq.number || !slice_eq(back.call_id, m->call_id) || !slice_eq(back.via.branch, m->via.branch) ||
	    !slice_eq(back.from.tag, m->from.tag)))
		abort();
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sipmsg m, copy;
	struct sipuri uri;
	struct fault f;
	char *to;
	bool good;

	good = sip_parse(&m, (const char *)data, n, &f) == 0;
	if (!good && (f.why == NULL || f.off > n))
		abort();
	read_values(&m);
	if (m.answerable)
		answer(&m, good);
	if ((to = malloc(n + 1)) != NULL && n <= UINT16_MAX) {
		sip_copy(&copy, &m, to);
		read_values(&copy);
	}
	free(to);
	if (sipuri_parse(&uri, slice_make(data, n), &f) == 0)
		(void)sipuri_same(&uri, &uri);
	return 0;
}
