/* procmem.c: the part of proc.h that is looked at once in a while. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stat/proc.h"

/* Adds a field's kilobytes ("Pss:      1234 kB") of a file of /proc/PID. 0, or -1 with errno. */
static int
add_field(pid_t pid, const char *file, const char *field, uint64_t *bytes)
{
	char path[64], text[4096], *at;
	ssize_t n;
	int fd, saved;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	saved = errno;
	(void)close(fd);
	errno = saved;
	if (n <= 0)
		return -1;
	text[n] = '\0';
	if ((at = strstr(text, field)) == NULL) {
		errno = ENOENT;
		return -1;
	}
	*bytes += strtoull(at + strlen(field), NULL, 10) * 1024;
	return 0;
}

/* What it once held beyond what it holds; 0 when that is not known. */
static uint64_t
growth(pid_t pid, uint64_t rss)
{
	uint64_t peak = 0;

	return add_field(pid, "status", "\nVmHWM:", &peak) == 0 && peak > rss ? peak - rss : 0;
}

static int
add_process(pid_t pid, bool pss, struct proc_memory *m, uint64_t *grown)
{
	uint64_t rss, fds, more;

	if (proc_rss(pid, &rss) != 0)
		return -1;
	more = growth(pid, rss);
	if (more > *grown)
		*grown = more;
	m->rss += rss;
	if (proc_fds(pid, &fds) == 0)
		m->fds += fds;
	if (pss && add_field(pid, "smaps_rollup", "\nPss:", &m->pss) != 0)
		m->has_pss = false;
	return 0;
}

int
proc_memory(pid_t root, bool pss, struct proc_memory *out)
{
	struct proc_memory m = { .has_pss = pss };
	pid_t pids[PROC_TREE_MAX];
	uint64_t grown = 0;
	unsigned n;

	if (add_process(root, pss, &m, &grown) != 0)
		return -1;
	n = proc_family(root, pids, PROC_TREE_MAX);
	for (unsigned i = 1; i < n; i++)
		(void)add_process(pids[i], pss, &m, &grown);
	m.peak = m.rss + grown;
	*out = m;
	return 0;
}

static bool
reset_peak(pid_t pid)
{
	char path[64];
	bool done;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)pid);
	if ((fd = open(path, O_WRONLY | O_CLOEXEC)) == -1)
		return errno == ENOENT; /* it has ended meanwhile */
	done = write(fd, "5", 1) == 1;
	(void)close(fd);
	return done;
}

bool
proc_watch_peak(pid_t root)
{
	pid_t pids[PROC_TREE_MAX];
	unsigned n = proc_family(root, pids, PROC_TREE_MAX);
	bool all = true;

	for (unsigned i = 0; i < n; i++)
		all &= reset_peak(pids[i]);
	return all;
}
