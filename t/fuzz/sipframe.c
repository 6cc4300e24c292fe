/* Where messages on a stream end: the same however the bytes come, and never beyond what has come. */
#include "sip/sipframe.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MOST = 4096 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice in = slice_make(data, n);
	struct sipframe at_once = { 0 }, slowly = { 0 };
	struct fault f, g;
	unsigned pings;
	ssize_t whole, part = 0;
	size_t came, blank = sip_frame_blank(in, &pings);

	if (blank > n || pings > blank / 2)
		abort();
	whole = sip_frame(&at_once, in, MOST, &f);
	if (whole > (ssize_t)n || whole > MOST || (whole == -1 && (f.why == NULL || f.off > n)))
		abort();
	for (came = 0; came <= n && part == 0; came++)
		part = sip_frame(&slowly, (struct slice){ in.p, came }, MOST, &g);
	/* too long a header shows when so much has come, even if its end has come behind it */
	if (part != whole && !(part == -1 && g.status == 513))
		abort();
	return 0;
}
