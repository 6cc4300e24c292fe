#include "loop/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct poller_ops *const backends[] = { &poller_epoll, &poller_poll };

struct poller *
poller_new(const char *backend)
{
	if (backend == NULL && (backend = getenv("COOP_POLLER")) == NULL)
		backend = POLLER_DEFAULT;
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		struct poller *p;

		if (strcmp(backends[i]->name, backend) != 0)
			continue;
		if ((p = backends[i]->create()) != NULL)
			*p = (struct poller){ .ops = backends[i] };
		return p;
	}
	errno = EINVAL;
	return NULL;
}

void
poller_free(struct poller *p)
{
	if (p != NULL)
		p->ops->destroy(p);
}

const char *
poller_name(const struct poller *p)
{
	return p->ops->name;
}

int
poller_want(struct poller *p, struct watch *w, int events)
{
	if (w->wants == events && (w->slot != 0 || events == 0))
		return 0;
	return p->ops->want(p, w, events);
}

void
poller_remove(struct poller *p, struct watch *w)
{
	if (w->slot != 0)
		p->ops->remove(p, w);
}

void
poller_set_clock(struct poller *p, struct clock *clock)
{
	p->clock = clock;
}

int
poller_wait(struct poller *p, int64_t timeout)
{
	return p->ops->wait(p, timeout);
}
