/* child.h: child processes: start, hear of their end. */
#ifndef LOOP_CHILD_H
#define LOOP_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "loop/signal.h"

struct child {
	void (*ended)(struct child *); /* in the loop, once; status is set */
	const char *directory;         /* where it runs, borrowed by child_start; NULL: where we are */
	bool no_directory;             /* child_start has failed because of that */
	pid_t pid;                     /* -1 once it has been reaped */
	int status;                    /* as waitpid(2) gives it */
	/* private */
	struct child_record *record; /* NULL: not running, or forgotten */
};

/*
 * Runs argv (argv[0] looked up in PATH) with the descriptors fd[0..2] as its 0, 1, 2 (-1: ours; they stay open here)
 * and the environment `envp` (NULL: ours). Set `ended`, and `directory` if need be, before, the rest zero; c must stay where it is until then, or
 * until child_forget. It starts with no signal blocked, and none ignored but SIGHUP, SIGINT, SIGQUIT where we were
 * told to (nohup). Waiting for it does not keep the loop going. 0, or -1 with errno, also when the program cannot be
 * executed.
 */
int child_start(struct sched *, struct child *c, char *const argv[], const int fd[3], char *const envp[]);

/* Hears no more of it; it runs on, and is reaped when it ends. Safe when it has ended, or never started. */
void child_forget(struct child *c);

/* The exit status a shell would show: its own, or 128 + the signal. */
int child_exit_status(int status);

#endif
