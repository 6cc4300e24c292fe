#include "stat/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

enum { BLOCK = 64 << 20 };

static char *
touch(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	memset(p, 1, n);
	return p;
}

TEST(rss_grows_by_what_is_touched)
{
	uint64_t before = 0, after = 0;
	char *p;

	EQ(proc_rss(0, &before), 0);
	OK(before > 100000);
	p = touch(BLOCK);
	EQ(proc_rss(getpid(), &after), 0);
	OK(after >= before + BLOCK - (1 << 20));
	munmap(p, BLOCK);
}

TEST(descriptors_are_counted)
{
	uint64_t before = 0, after = 0;
	int fd = -1;

	EQ(proc_fds(0, &before), 0);
	fd = open("/dev/null", O_RDONLY);
	EQ(proc_fds(0, &after), 0);
	EQ(after, before + 1);
	close(fd);
	EQ(proc_fds(getpid(), &after), 0);
	EQ(after, before);
}

/* A pid that is surely nobody's: that of a child that was reaped. */
static pid_t
gone(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

TEST(who_has_gone_is_an_error)
{
	pid_t pid = gone();
	uint64_t n = 42;
	struct proc_tree tree = { .rss = 42 };

	EQ(proc_rss(pid, &n), -1);
	EQ(errno, ESRCH);
	EQ(proc_fds(pid, &n), -1);
	EQ(errno, ESRCH);
	EQ(proc_tree(pid, &tree), -1);
	EQ(errno, ESRCH);
	EQ(n, 42);
	EQ(tree.rss, 42);
}

/* Nobody has waited for it yet: it is still there, but holds nothing, which is no sample. */
TEST(who_has_ended_has_no_memory)
{
	pid_t pid = fork();
	struct proc_tree tree;
	siginfo_t info;
	uint64_t n;

	if (pid == 0)
		_exit(0);
	EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	EQ(proc_rss(pid, &n), -1);
	EQ(errno, ESRCH);
	EQ(proc_tree(pid, &tree), -1);
	EQ(errno, ESRCH);
	EQ(waitpid(pid, NULL, 0), pid);
}

/* A child that has a child of its own, which holds memory; both wait until the pipe is closed. */
static pid_t
family(int *hold)
{
	int ready[2], end[2];
	char c;
	pid_t pid;

	if (pipe(ready) != 0 || pipe(end) != 0)
		abort();
	if ((pid = fork()) == 0) {
		close(end[1]);
		if (fork() == 0) {
			touch(BLOCK);
			_exit(write(ready[1], "x", 1) == 1 && read(end[0], &c, 1) == 0 ? 0 : 1);
		}
		_exit(read(end[0], &c, 1) == 0 && wait(NULL) > 0 ? 0 : 1);
	}
	close(end[0]);
	close(ready[1]);
	EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*hold = end[1];
	return pid;
}

TEST(descendants_are_added_up)
{
	struct proc_tree tree = { .rss = 0 };
	int hold;
	pid_t pid = family(&hold);

	for (int i = 0; i < 2; i++) {
		proc_lacks_children = i > 0;
		EQ(proc_tree(pid, &tree), 0);
		EQ(tree.procs, 2);
		OK(tree.rss > BLOCK);
	}
	proc_lacks_children = false;
	close(hold);
	waitpid(pid, NULL, 0);
}

TEST(cpu_time_of_those_that_ended_is_kept)
{
	struct proc_tree before = { .rss = 0 }, after = { .rss = 0 };
	pid_t pid;

	EQ(proc_tree(getpid(), &before), 0);
	if ((pid = fork()) == 0) {
		int64_t until = clock_cpu() + 100 * MSEC;

		while (clock_cpu() < until)
			continue;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	EQ(proc_tree(getpid(), &after), 0);
	EQ(after.procs, 1);
	OK(after.cpu - before.cpu >= 80 * MSEC);
	OK(after.cpu - before.cpu < 5 * SEC);
}

TEST(cpu_time_is_exact)
{
	struct proc_tree before = { .rss = 0 }, after = { .rss = 0 };
	int64_t start = clock_cpu(), end;

	EQ(proc_tree(getpid(), &before), 0);
	while (clock_cpu() < start + 3 * MSEC)
		continue;
	EQ(proc_tree(getpid(), &after), 0);
	end = clock_cpu();
	OK(after.cpu - before.cpu > 0);
	OK(after.cpu - before.cpu <= end - start);
}

TEST(a_peak_is_seen_afterwards)
{
	struct proc_memory m;
	char *p;

	OK(proc_watch_peak(getpid()));
	EQ(proc_memory(getpid(), true, &m), 0);
	OK(m.peak < m.rss + (4 << 20));
	p = touch(BLOCK);
	munmap(p, BLOCK);
	EQ(proc_memory(getpid(), true, &m), 0);
	OK(m.rss < BLOCK);
	OK(m.peak > BLOCK);
	OK(m.has_pss);
	OK(m.pss > 0 && m.pss <= m.rss + (1 << 20));
	OK(m.fds >= 3);
	/* and forgotten */
	OK(proc_watch_peak(getpid()));
	EQ(proc_memory(getpid(), false, &m), 0);
	OK(m.peak < BLOCK);
	OK(!m.has_pss);
}

TEST(memory_of_a_family)
{
	struct proc_memory m;
	struct proc_tree tree;
	int hold;
	pid_t pid = family(&hold);

	EQ(proc_memory(pid, true, &m), 0);
	OK(m.rss > BLOCK);
	/* what parent and child share counts once */
	OK(m.pss > BLOCK && m.pss < m.rss);
	OK(m.peak >= m.rss);
	OK(m.fds >= 6);
	EQ(proc_tree(pid, &tree), 0);
	EQ(tree.threads, 2);
	close(hold);
	waitpid(pid, NULL, 0);
	EQ(proc_memory(pid, true, &m), -1);
	EQ(errno, ESRCH);
}

MAIN(RUN(rss_grows_by_what_is_touched), RUN(descriptors_are_counted), RUN(who_has_gone_is_an_error), RUN(who_has_ended_has_no_memory), RUN(descendants_are_added_up),
    RUN(cpu_time_of_those_that_ended_is_kept), RUN(cpu_time_is_exact), RUN(a_peak_is_seen_afterwards), RUN(memory_of_a_family))
