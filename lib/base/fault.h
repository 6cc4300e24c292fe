/* fault.h: what a parser says of bad input. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stddef.h>

struct fault {
	size_t off;      /* where in the input, bytes from its start */
	const char *why; /* a static text without a final full stop, fit for a log line or a reason phrase */
	int status;      /* the protocol's own code for it (a SIP status, a DNS RCODE), 0 when it has none */
};

#endif
