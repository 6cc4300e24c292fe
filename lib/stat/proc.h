/* proc.h: what /proc says of a process: memory, CPU time, descriptors. Linux; elsewhere the calls fail with errno. */
#ifndef STAT_PROC_H
#define STAT_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Bytes of memory that the process holds (RSS). `pid` 0: this one. 0, or -1 with errno (ESRCH: it has gone, or has ended
 * and nobody has waited for it yet, so that it holds none).
 */
int proc_rss(pid_t pid, uint64_t *bytes);

/* How many descriptors it has open. 0, or -1 with errno (EACCES: another user's). */
int proc_fds(pid_t pid, uint64_t *n);

/* A process and all its descendants, added up. */
struct proc_tree {
	uint64_t rss;   /* bytes; memory that they share is counted in each */
	int64_t cpu;    /* ns, user and system, of those that ended and were waited for too */
	int64_t error;  /* ns: cpu may be too small by that, since the system rounds what it tells */
	unsigned procs; /* how many there are */
	unsigned threads;
};

/* A tree is looked at this far: more processes than that are not counted. */
enum { PROC_TREE_MAX = 4096 };

/* 0, or -1 with errno (ESRCH: the root has gone). */
int proc_tree(pid_t root, struct proc_tree *);

/* The root and its descendants: at most `most` pids. Returns how many, at least 1. */
unsigned proc_family(pid_t root, pid_t *pids, unsigned most);

/*
 * What costs more to know: of large processes, PSS takes the system milliseconds, while which they cannot map memory.
 */
struct proc_memory {
	uint64_t rss, pss; /* bytes; PSS counts what processes share only once */
	bool has_pss;      /* the system tells it, and lets us see it of all */
	/*
	 * bytes: what they held together at the worst, since proc_watch_peak was called or, without it, since they
	 * began: exact for one process; of several, the one that had grown most is taken at its peak, the others as
	 * they are
	 */
	uint64_t peak;
	uint64_t fds;      /* open descriptors, 0 if that is not told to us */
};

/* 0, or -1 with errno (ESRCH: the root has gone). `pss`: whether it is wanted. */
int proc_memory(pid_t root, bool pss, struct proc_memory *);

/* Their peaks are counted from now on. False: the system does not let us, for one of them. */
bool proc_watch_peak(pid_t root);

/* --- private part: for tests --- */

/* As on a kernel without /proc/PID/task/TID/children. */
extern bool proc_lacks_children;

#endif
