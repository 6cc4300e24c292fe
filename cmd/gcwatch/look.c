#include "look.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>

#include "base/log.h"
#include "stat/proc.h"

#define EVERY (200 * MSEC)
#define PSS_PRICE 200       /* it is looked at again after that many times what it took */
#define FIRST (20 * MSEC) /* a program that has only just been started is next to nothing yet */

static void
gauge(struct look *l, struct slice name, double value)
{
	if (wanted(l->set, name) && series_gauge(l->series, name, value) != 0 && errno == EINVAL)
		log_info("%.*s: known with another type", SLICE_FMT(name));
}

static void
note_rss(struct look *l, double bytes)
{
	gauge(l, SLICE("proc.rss"), bytes);
	l->rss_seen = true;
}

static void
note_cpu(struct look *l, int64_t cpu)
{
	int64_t now = clock_read(&l->sched->clock), used = cpu - l->cpu, passed = now - l->cpu_at;

	if (l->cpu_at > 0 && passed > 0) {
		gauge(l, SLICE("proc.cpu"), used > 0 ? 100.0 * (double)used / (double)passed : 0);
		l->cpu_seen = true;
	}
	l->cpu = cpu;
	l->cpu_at = now;
}

static void
again(struct look *l)
{
	l->due += EVERY;
	if (l->due <= l->sched->clock.now)
		l->due = l->sched->clock.now + EVERY;
	timer_arm(&l->sched->wheel, &l->timer, l->due);
}

static void
fire(struct timer *t)
{
	struct look *l = (struct look *)(void *)((char *)t - offsetof(struct look, timer));
	struct proc_tree tree;

	if (proc_tree(l->pid, &tree) == 0) {
		note_rss(l, (double)tree.rss);
		note_cpu(l, tree.cpu);
		gauge(l, SLICE("proc.threads"), (double)tree.threads);
		l->error = tree.error;
	} else if (errno == ESRCH) {
		l->gone(l);
		return;
	}
	again(l);
}

void
look_start(struct look *l)
{
	l->due = clock_read(&l->sched->clock) + FIRST;
	l->peaks = proc_watch_peak(l->pid);
	timer_init(&l->timer, fire, true);
	timer_arm(&l->sched->wheel, &l->timer, l->due);
}

void
look_start_new(struct look *l)
{
	look_start(l);
	l->cpu_at = l->sched->clock.now;
}

void
look_flush(struct look *l)
{
	int64_t start;
	bool pss;
	struct proc_memory m;

	if (!timer_pending(&l->timer))
		return;
	start = clock_read(&l->sched->clock);
	pss = start >= l->pss_due;
	if (proc_memory(l->pid, pss, &m) != 0)
		return;
	note_rss(l, (double)m.rss);
	gauge(l, SLICE("proc.fds"), (double)m.fds);
	if (m.has_pss)
		gauge(l, SLICE("proc.pss"), (double)m.pss);
	if (pss)
		l->pss_due = start + (clock_read(&l->sched->clock) - start) * PSS_PRICE;
	if (l->peaks)
		series_raise(l->series, SLICE("proc.rss"), (double)m.peak);
	l->peaks = proc_watch_peak(l->pid);
}

void
look_stop(struct look *l)
{
	if (timer_pending(&l->timer))
		timer_stop(&l->sched->wheel, &l->timer);
}

void
look_last(struct look *l)
{
	struct rusage ru;
	int64_t cpu;

	if (getrusage(RUSAGE_CHILDREN, &ru) != 0)
		return;
	if (!l->rss_seen)
		note_rss(l, (double)ru.ru_maxrss * 1024);
	else if (l->peaks)
		series_raise(l->series, SLICE("proc.rss"), (double)ru.ru_maxrss * 1024);
	cpu = (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * SEC + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * USEC;
	/* what the last look could not see is not of the time since then; and too short a time says nothing */
	cpu -= l->error;
	if (!l->cpu_seen || clock_read(&l->sched->clock) - l->cpu_at > EVERY / 2)
		note_cpu(l, cpu);
}
