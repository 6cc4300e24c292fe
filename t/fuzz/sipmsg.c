/* The door of SIP: whatever comes, the parser stays inside of it, and so does all that reads what it let through. */
#include "sip/sipmsg.h"

#include <stdlib.h>

#include "sip/lex.h"
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sipmsg m, copy;
	struct sipuri uri;
	struct fault f;
	char *to;

	(void)sip_parse(&m, (const char *)data, n, &f);
	read_values(&m);
	if ((to = malloc(n + 1)) != NULL && n <= UINT16_MAX) {
		sip_copy(&copy, &m, to);
		read_values(&copy);
	}
	free(to);
	(void)sipuri_parse(&uri, slice_make(data, n), &f);
	return 0;
}
