/* proc.h: what /proc says of a process: memory, CPU time, descriptors. Linux; elsewhere the calls fail with errno. */
#ifndef STAT_PROC_H
#define STAT_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes of memory that the process holds (RSS). `pid` 0: this one. 0, or -1 with errno (ESRCH: it has gone). */
int proc_rss(pid_t pid, uint64_t *bytes);

/* How many descriptors it has open. 0, or -1 with errno (EACCES: another user's). */
int proc_fds(pid_t pid, uint64_t *n);

/* A process and all its descendants, added up. */
struct proc_tree {
	uint64_t rss;   /* bytes; memory that they share is counted in each */
	int64_t cpu;    /* ns, user and system, of those that ended and were waited for too */
	int64_t error;  /* ns: cpu may be too small by that, since the system rounds what it tells */
	unsigned procs; /* how many there are */
};

/* A tree is looked at this far: more processes than that are not counted. */
enum { PROC_TREE_MAX = 4096 };

/* 0, or -1 with errno (ESRCH: the root has gone). */
int proc_tree(pid_t root, struct proc_tree *);

/* --- private part: for tests --- */

/* As on a kernel without /proc/PID/task/TID/children. */
extern bool proc_lacks_children;

#endif
