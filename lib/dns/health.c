#include "dns/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

enum { DOWN_AFTER = 3 };

#define FIRST_PAUSE  SEC
#define LONG_PAUSE   (60 * SEC)
#define LONG_UNHEARD (60 * SEC)
#define PLAIN_TIME   (900 * SEC)  /* it may be replaced by a better one */
#define MOST_SRTT    (10 * SEC)
#define SLACK        (4 * MSEC)   /* of no account between two servers */

/* RFC 7873 appendix A.1: the server's address, keyed with what only this process knows. */
static void
make_cookie(struct dns_cookie *c, const struct addr *server)
{
	static uint8_t key[16];
	static bool have_key;
	char text[ADDR_STRLEN];
	uint64_t h;

	if (!have_key) {
		arc4random_buf(key, sizeof(key));
		have_key = true;
	}
	h = siphash(key, text, addr_format(server, text, sizeof(text)));
	memcpy(c->client, &h, sizeof(c->client));
}

void
health_init(struct health *h, const struct addr *server)
{
	*h = (struct health){ .pause = FIRST_PAUSE };
	make_cookie(&h->cookie, server);
}

static void
sample(struct health *h, int64_t now, int64_t rtt)
{
	/* what it was before it went down, or long ago, says nothing any more */
	if (h->srtt == 0 || health_is_down(h) || now - h->answered > LONG_UNHEARD / 2)
		h->srtt = rtt + 1;
	else
		h->srtt += (rtt - h->srtt) / 8;
}

void
health_answer(struct health *h, int64_t now, int64_t rtt)
{
	if (rtt >= 0)
		sample(h, now, rtt);
	h->answered = h->tried = now;
	h->silent = 0;
	h->down_until = 0;
	h->pause = FIRST_PAUSE;
}

void
health_silence(struct health *h, int64_t now)
{
	/* one that is lost now and then is forgiven, two in a row are not */
	if (h->srtt > 0 && h->srtt < MOST_SRTT)
		h->srtt += h->srtt / 2 + SLACK / 2;
	/* a server that has lost its mind, or its memory, is asked as one that is new */
	h->cookie.nserver = 0;
	if (h->silent < DOWN_AFTER && ++h->silent < DOWN_AFTER)
		return;
	if (now < h->down_until)
		return;
	h->down_until = now + h->pause;
	h->pause = 2 * h->pause < LONG_PAUSE ? 2 * h->pause : LONG_PAUSE;
}

void
health_plain(struct health *h, int64_t now)
{
	h->plain_until = now + PLAIN_TIME;
}

bool
health_is_down(const struct health *h)
{
	return h->silent >= DOWN_AFTER;
}

bool
health_try_out(struct health *h, int64_t now, bool rotating)
{
	if (health_is_down(h) ? now < h->down_until : rotating || (h->tried != 0 && now - h->tried < LONG_UNHEARD))
		return false;
	h->tried = now;
	return true;
}

/* The least of those that were ever heard and are not down; 0: of none. */
static int64_t
least_srtt(const struct health *h, unsigned n)
{
	int64_t least = 0;

	for (unsigned i = 0; i < n; i++)
		if (!health_is_down(&h[i]) && h[i].srtt > 0 && (least == 0 || h[i].srtt < least))
			least = h[i].srtt;
	return least;
}

unsigned
health_choose(const struct health *h, unsigned n, unsigned from, bool rotating)
{
	int64_t least = rotating ? 0 : least_srtt(h, n);

	if (!rotating)
		from = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct health *one = &h[(from + i) % n];

		if (health_is_down(one))
			continue;
		if (least == 0 || (one->srtt > 0 && one->srtt <= least + least / 2 + SLACK))
			return (from + i) % n;
	}
	return from % n;
}

unsigned
health_next(const struct health *h, unsigned n, unsigned last)
{
	for (unsigned i = 1; i <= n; i++)
		if (!health_is_down(&h[(last + i) % n]))
			return (last + i) % n;
	return (last + 1) % n;
}
