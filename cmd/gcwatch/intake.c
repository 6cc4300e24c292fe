#include "intake.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

enum {
	RCVBUF = 4 << 20,
	COMPLAINTS = 10,       /* about bad lines, in an interval */
	LATE_MOST = 1 << 20,   /* datagrams read at the end */
};

static void
complain(struct intake *in, const struct addr *from, struct slice line, const char *why)
{
	char peer[ADDR_STRLEN] = "";

	in->bad++;
	if (in->bad - in->bad_before > COMPLAINTS || !in->set->verbose)
		return;
	if (from->len > 0)
		addr_format(from, peer, sizeof(peer));
	log_info("%s%s%s: %.*s", peer, peer[0] != '\0' ? ": " : "", why, line.n < 100 ? (int)line.n : 100, line.p);
}

static void
refuse(void *arg, const struct statsd_sample *s)
{
	static const struct addr nobody;

	if (errno == EINVAL)
		complain(arg, &nobody, s->name, "known with another type");
	else if (errno == ENOMEM)
		log_warn("no memory for %.*s", SLICE_FMT(s->name));
}

static void
add_waiting(struct intake *in)
{
	series_add_many(in->series, in->samples, in->waiting, refuse, in);
	in->waiting = 0;
}

/* With tags it is a series of its own. False: they are too long. */
static bool
name_series(struct intake *in, struct statsd_sample *s)
{
	char *name = in->names[in->waiting];

	if (s->tags.n == 0)
		return true;
	s->name = slice_make(name, statsd_series(s->name, s->tags, name));
	return s->name.n > 0;
}

/* The sample that was read into the next place, and the others of its line. */
static void
take(struct intake *in)
{
	struct statsd_sample s;

	for (;;) {
		s = in->samples[in->waiting];
		if (++in->waiting == SERIES_MANY)
			add_waiting(in);
		if (s.more.n == 0)
			return;
		/* the name may be in the place that was given up */
		if (s.tags.n > 0)
			s.name = slice_make(memmove(in->names[in->waiting], s.name.p, s.name.n), s.name.n);
		(void)statsd_more(&s);
		s.delta &= !in->set->absolute;
		in->samples[in->waiting] = s;
	}
}

static void
got(struct udp *u, struct slice data, const struct addr *from)
{
	struct intake *in = ((struct inlet *)udp_user(u))->in;
	struct fault f;
	int r;

	in->datagrams++;
	for (struct slice rest = data;;) {
		struct statsd_sample *s = &in->samples[in->waiting];
		const char *line = rest.p;

		if ((r = statsd_next(&rest, s, &f)) == 0)
			break;
		if (r == -1) {
			complain(in, from, slice_trim(slice_make(line, (size_t)(rest.p - line))), f.why);
			continue;
		}
		in->lines++;
		s->delta &= !in->set->absolute;
		if (!name_series(in, s))
			complain(in, from, slice_trim(slice_make(line, (size_t)(rest.p - line))), "too many or too long tags");
		else if (wanted(in->set, s->name))
			take(in);
	}
}

static void
batch(struct udp *u)
{
	struct intake *in = ((struct inlet *)udp_user(u))->in;

	add_waiting(in);
	in->heard(in);
}

int
intake_open(struct intake *in, const struct addr *a, struct addr *bound)
{
	struct udp_options options = { .rcvbuf = RCVBUF };
	struct inlet *inlet = &in->inlets[in->n];
	int saved;

	inlet->in = in;
	if ((inlet->udp = udp_open(in->sched, a, AF_UNSPEC, &options, got, inlet)) == NULL)
		return -1;
	udp_on_batch(inlet->udp, batch);
	if (nap_start(&inlet->nap, in->sched, inlet->udp) == 0 && udp_localaddr(inlet->udp, bound) == 0) {
		in->n++;
		return 0;
	}
	saved = errno;
	nap_stop(&inlet->nap);
	udp_close(inlet->udp);
	errno = saved;
	return -1;
}

void
intake_drain(struct intake *in)
{
	for (size_t i = 0; i < in->n; i++)
		(void)udp_receive(in->inlets[i].udp, LATE_MOST);
}

uint64_t
intake_dropped(const struct intake *in)
{
	uint64_t n = in->dropped;

	for (size_t i = 0; i < in->n; i++)
		n += udp_dropped(in->inlets[i].udp) - in->inlets[i].dropped;
	return n;
}

static uint32_t
newly_dropped(struct intake *in)
{
	uint32_t n = 0;

	for (size_t i = 0; i < in->n; i++) {
		struct inlet *inlet = &in->inlets[i];
		uint32_t dropped = udp_dropped(inlet->udp);

		n += dropped - inlet->dropped;
		inlet->dropped = dropped;
	}
	return n;
}

/* Lost datagrams are worth a line in every interval in which there were any; that names have no room is told once. */
void
intake_tell(struct intake *in, uint64_t refused)
{
	uint32_t dropped = newly_dropped(in);

	if (dropped > 0)
		log_warn("%u datagrams were dropped by the system: they came faster than they could be read", dropped);
	if (refused > 0 && !in->crowded)
		log_warn("%llu samples were left out: there is room for %zu names and %d members of sets",
		    (unsigned long long)refused, in->series->most, SERIES_MEMBERS_MAX);
	if (in->bad - in->bad_before > COMPLAINTS)
		log_info("%llu more bad lines", (unsigned long long)(in->bad - in->bad_before - COMPLAINTS));
	in->crowded |= refused > 0;
	in->dropped += dropped;
	in->refused += refused;
	in->bad_before = in->bad;
}

void
intake_close(struct intake *in)
{
	for (size_t i = 0; i < in->n; i++) {
		nap_stop(&in->inlets[i].nap);
		udp_close(in->inlets[i].udp);
	}
	in->n = 0;
}
