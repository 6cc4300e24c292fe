/* The head of any HTTP request: what is parsed lies within it, and everything else has a status. */
#include <stdlib.h>

#include "net/httpd.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(int holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_make(data, n);
	struct http_request r;
	size_t head = http_head_length(in);
	int status;

	check(head <= n);
	if (head == 0)
		return 0;
	/* no shorter head is in it, and what comes behind it does not matter */
	check(http_head_length(slice_make(data, head - 1)) == 0);
	status = http_parse(slice_make(data, head), &r);
	check(status == 0 || status == 400 || status == 405 || status == 505);
	if (status != 0)
		return 0;
	check(r.path.n > 0 && r.path.p[0] == '/');
	check(r.path.p > in.p && r.path.p + r.path.n <= in.p + head);
	check(memchr(r.path.p, '?', r.path.n) == NULL);
	return 0;
}
