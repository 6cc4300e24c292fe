/*
 * Small files are read whole into a buffer on the stack. Children are found through /proc/PID/task/TID/children; a
 * kernel built without it has all of /proc looked through for parents.
 */
#include "stat/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slice.h"

bool proc_lacks_children;

/*
 * Reads at most size - 1 bytes and ends them with NUL. The length, or -1 with errno; a process that has gone is
 * ESRCH.
 */
static ssize_t
read_file(char *to, size_t size, const char *fmt, ...)
{
	char path[64];
	va_list ap;
	ssize_t n;
	int fd, saved;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
		if (errno == ENOENT)
			errno = ESRCH;
		return -1;
	}
	n = read(fd, to, size - 1);
	saved = errno;
	close(fd);
	errno = saved;
	if (n >= 0)
		to[n] = '\0';
	return n;
}

int
proc_rss(pid_t pid, uint64_t *bytes)
{
	char text[128], *at;
	uint64_t pages;

	if (read_file(text, sizeof(text), "/proc/%d/statm", (int)(pid > 0 ? pid : getpid())) == -1)
		return -1;
	if ((at = strchr(text, ' ')) == NULL) {
		errno = EINVAL;
		return -1;
	}
	if ((pages = strtoull(at + 1, NULL, 10)) == 0) {
		errno = ESRCH;
		return -1;
	}
	*bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static int
count_entries(const char *path, uint64_t *n)
{
	DIR *d = opendir(path);
	uint64_t count = 0;

	if (d == NULL)
		return -1;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		count += e->d_name[0] != '.';
	closedir(d);
	*n = count;
	return 0;
}

int
proc_fds(pid_t pid, uint64_t *n)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)(pid > 0 ? pid : getpid()));
	if (stat(path, &st) != 0) {
		if (errno == ENOENT)
			errno = ESRCH;
		return -1;
	}
	/* Linux 6.2 and later tell the number here; before, it is 0 */
	if (st.st_size > 0) {
		*n = (uint64_t)st.st_size;
		return 0;
	}
	if (count_entries(path, n) != 0)
		return -1;
	/* the one that looked was there, too */
	*n -= pid <= 0 || pid == getpid();
	return 0;
}

/* The fields of /proc/PID/stat from the third on: the second, the program's name, may hold spaces and brackets. */
static const char *
after_name(const char *text)
{
	const char *at = strrchr(text, ')');

	return at != NULL && at[1] == ' ' ? at + 2 : NULL;
}

struct times {
	uint64_t own, waited; /* ticks; of the process, and of its children that were waited for; user and system */
	unsigned threads;
};

/* Fields 14 to 17, and 20. 0, or -1. */
static int
read_times(const char *text, struct times *t)
{
	const char *at = after_name(text);
	uint64_t v[7];

	for (int field = 3; at != NULL && field < 14; field++)
		if ((at = strchr(at, ' ')) != NULL)
			at++;
	if (at == NULL)
		return -1;
	for (int i = 0; i < 7; i++) {
		char *end;

		v[i] = strtoull(at, &end, 10);
		at = end;
	}
	*t = (struct times){ v[0] + v[1], v[2] + v[3], (unsigned)v[6] };
	return 0;
}

/* To the nanosecond, where /proc counts in ticks of 10 ms. False when the system does not let us. */
static bool
exact_time(pid_t pid, int64_t *ns)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) != 0)
		return false;
	*ns = ts.tv_sec * SEC + ts.tv_nsec;
	return true;
}

static int
add_process(pid_t pid, struct proc_tree *tree)
{
	int64_t tick = SEC / sysconf(_SC_CLK_TCK), own;
	char text[1024];
	struct times t;
	uint64_t rss;

	if (proc_rss(pid, &rss) != 0 || read_file(text, sizeof(text), "/proc/%d/stat", (int)pid) == -1)
		return -1;
	if (read_times(text, &t) != 0) {
		errno = EINVAL;
		return -1;
	}
	if (!exact_time(pid, &own)) {
		own = (int64_t)t.own * tick;
		tree->error += 2 * tick;
	}
	tree->rss += rss;
	tree->cpu += own + (int64_t)t.waited * tick;
	tree->error += t.waited > 0 ? 2 * tick : 0;
	tree->threads += t.threads;
	tree->procs++;
	return 0;
}

/* --- descendants --- */

struct family {
	pid_t pids[PROC_TREE_MAX];
	unsigned n;
};

static void
add_member(struct family *f, long pid)
{
	if (pid > 0 && f->n < PROC_TREE_MAX)
		f->pids[f->n++] = (pid_t)pid;
}

static void
children_of_thread(struct family *f, pid_t pid, pid_t thread)
{
	char text[8192], *end;
	ssize_t n = read_file(text, sizeof(text), "/proc/%d/task/%d/children", (int)pid, (int)thread);

	/* a number that the buffer's end cuts would be another process */
	while (n == (ssize_t)sizeof(text) - 1 && text[n - 1] != ' ')
		text[--n] = '\0';
	for (char *at = text; n > 0 && *at != '\0'; at = end) {
		add_member(f, strtol(at, &end, 10));
		if (end == at)
			break;
		end += strspn(end, " ");
	}
}

static void
children_by_thread(struct family *f, pid_t pid)
{
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if ((d = opendir(path)) == NULL)
		return; /* it has gone */
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			children_of_thread(f, pid, (pid_t)strtol(e->d_name, NULL, 10));
	closedir(d);
}

struct parentage {
	pid_t pid, parent;
};

/* Every process with its parent; *n of them, the caller frees. NULL with errno. */
static struct parentage *
all_processes(size_t *n)
{
	struct parentage *all = NULL, *more;
	size_t size = 0;
	char text[1024];
	const char *at;
	DIR *d = opendir("/proc");

	*n = 0;
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid <= 0 || read_file(text, sizeof(text), "/proc/%d/stat", (int)pid) == -1)
			continue;
		if ((at = after_name(text)) == NULL)
			continue;
		if (*n == size) {
			size = size > 0 ? size * 2 : 256;
			if ((more = realloc(all, size * sizeof(*all))) == NULL)
				break;
			all = more;
		}
		all[(*n)++] = (struct parentage){ pid, (pid_t)strtol(at + 2, NULL, 10) };
	}
	if (d != NULL)
		closedir(d);
	return all;
}

static void
descendants_by_parent(struct family *f)
{
	size_t n;
	struct parentage *all = all_processes(&n);

	for (unsigned i = 0; i < f->n; i++)
		for (size_t j = 0; j < n; j++)
			if (all[j].parent == f->pids[i])
				add_member(f, all[j].pid);
	free(all);
}

static void
find_family(struct family *f, pid_t root)
{
	add_member(f, root);
	if (proc_lacks_children || access("/proc/thread-self/children", R_OK) != 0) {
		descendants_by_parent(f);
		return;
	}
	for (unsigned i = 0; i < f->n; i++)
		children_by_thread(f, f->pids[i]);
}

unsigned
proc_family(pid_t root, pid_t *pids, unsigned most)
{
	struct family family = { .n = 0 };

	find_family(&family, root);
	if (family.n > most)
		family.n = most;
	memcpy(pids, family.pids, family.n * sizeof(*pids));
	return family.n;
}

int
proc_tree(pid_t root, struct proc_tree *tree)
{
	struct family family = { .n = 0 };
	struct proc_tree sum = { .rss = 0 };

	if (add_process(root, &sum) != 0)
		return -1;
	find_family(&family, root);
	/* one that ended meanwhile is none of the others' trouble */
	for (unsigned i = 1; i < family.n; i++)
		add_process(family.pids[i], &sum);
	*tree = sum;
	return 0;
}
