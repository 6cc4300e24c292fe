/* The first process waits for signals and nothing else: those of the terminal and of its children alike. */
#include "workers.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct worker {
	pid_t pid;      /* 0: it has ended */
	time_t started; /* monotonic seconds */
};

struct workers {
	const char *prog;
	struct worker *all;
	int n, alive;
	bool again;
	int signo;  /* what ends us; 0: nothing yet */
	int status; /* the worst so far */
	sigset_t signals, before;
};

static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

static time_t
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void
be_worker(struct workers *w, int number, pid_t parent)
{
	static char name[64];

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	(void)sigprocmask(SIG_SETMASK, &w->before, NULL);
	(void)snprintf(name, sizeof(name), "%s[%d]", w->prog, number);
	program_invocation_short_name = name;
	free(w->all);
}

/* True in the worker. */
static bool
start(struct workers *w, int i)
{
	pid_t self = getpid(), pid;

	(void)fflush(stdout);
	if ((pid = fork()) == -1)
		err(1, "cannot start worker %d", i + 1);
	if (pid == 0) {
		be_worker(w, i + 1, self);
		return true;
	}
	w->all[i] = (struct worker){ .pid = pid, .started = seconds() };
	w->alive++;
	return false;
}

static void
tell_all(const struct workers *w, int signo)
{
	for (int i = 0; i < w->n; i++)
		if (w->all[i].pid != 0)
			(void)kill(w->all[i].pid, signo);
}

/* A worker has ended. True: it must be started anew. */
static bool
ended(struct workers *w, int i, int status)
{
	w->all[i].pid = 0;
	w->alive--;
	if (WIFEXITED(status)) {
		if (WEXITSTATUS(status) > w->status)
			w->status = WEXITSTATUS(status);
		return false;
	}
	if (w->signo != 0) {
		if (128 + WTERMSIG(status) > w->status)
			w->status = 128 + WTERMSIG(status);
		return false;
	}
	warnx("worker %d was killed by signal %d (%s)%s", i + 1, WTERMSIG(status), strsignal(WTERMSIG(status)),
	    w->again ? ": another takes its place" : "");
	if (w->status == 0 && !w->again)
		w->status = 1;
	return w->again;
}

/* True in a worker that was started for one that died. */
static bool
reap(struct workers *w, int *number)
{
	int status, i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < w->n && w->all[i].pid != pid; i++)
			continue;
		if (i == w->n || !ended(w, i, status))
			continue;
		/* one that dies at once must not keep us busy */
		if (w->all[i].started == seconds())
			(void)nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
		*number = i + 1;
		if (start(w, i))
			return true;
	}
	return false;
}

static void
block_signals(struct workers *w)
{
	(void)sigemptyset(&w->signals);
	(void)sigaddset(&w->signals, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		(void)sigaddset(&w->signals, passed_on[i]);
	(void)sigprocmask(SIG_BLOCK, &w->signals, &w->before);
	/* one that is ignored would never wake us */
	(void)signal(SIGCHLD, SIG_DFL);
}

int
workers_start(const char *prog, int n, bool again)
{
	struct workers w = { .prog = prog, .n = n, .again = again, .all = calloc((size_t)n, sizeof(*w.all)) };
	siginfo_t info;
	int number;

	if (w.all == NULL)
		err(1, NULL);
	block_signals(&w);
	for (int i = 0; i < n; i++)
		if (start(&w, i))
			return i + 1;
	while (w.alive > 0) {
		if (sigwaitinfo(&w.signals, &info) == -1)
			continue;
		/* what comes from the terminal has come to all of them already */
		if (info.si_signo != SIGCHLD && info.si_code != SI_KERNEL)
			tell_all(&w, info.si_signo);
		if (info.si_signo == SIGINT || info.si_signo == SIGTERM)
			w.signo = info.si_signo;
		if (reap(&w, &number))
			return number;
	}
	free(w.all);
	exit(w.status);
}
