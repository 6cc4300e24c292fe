/*
 * vfork(2), since the cost of fork(2) grows with our memory. That a program cannot be executed is told through a
 * pipe, which closes by itself when it can; posix_spawn(3) would use shared memory, which valgrind does not have
 * there.
 *
 * Each child has a record of our own beside its owner's struct, so that one that was forgotten is reaped all the
 * same. Only our own are waited for: the program may have other children.
 */
#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct child_record {
	pid_t pid;
	struct child *owner; /* NULL: forgotten */
	LIST_ENTRY(child_record) entry;
};

/* The status of a child that somebody else has waited for: as if it had exited with 255. */
enum { NOT_KNOWN = 255 << 8 };

static LIST_HEAD(, child_record) records = LIST_HEAD_INITIALIZER(records);

static void reap(struct signal_watch *);

static struct signal_watch sigchld = { .signo = SIGCHLD, .caught = reap };

static void
ended(struct child_record *r, int status)
{
	struct child *c = r->owner;

	LIST_REMOVE(r, entry);
	free(r);
	if (c == NULL)
		return;
	c->record = NULL;
	c->pid = -1;
	c->status = status;
	c->ended(c);
}

static void
reap(struct signal_watch *w)
{
	struct child_record *r, *next;
	int status;

	(void)w;
	/* the owner called may start and forget others: neither takes a record out of the list */
	for (r = LIST_FIRST(&records); r != NULL; r = next) {
		pid_t pid = waitpid(r->pid, &status, WNOHANG);

		next = LIST_NEXT(r, entry);
		if (pid == r->pid)
			ended(r, status);
		else if (pid == -1 && errno == ECHILD)
			ended(r, NOT_KNOWN);
	}
	if (LIST_EMPTY(&records))
		signal_unwatch(&sigchld);
}

/* What the new process has to do before it becomes the program; made beforehand, since it may share our memory. */
struct plan {
	char *const *argv, *const *envp;
	const char *directory;
	int fd[3];         /* to become 0, 1, 2; each -1, or above them */
	int report;        /* where to write what fails; closed when all succeeds */
	sigset_t defaults; /* signals to put back */
};

struct report {
	int error;         /* errno; 0: it was executed */
	bool directory;    /* of the directory, not of the program */
};

/*
 * The signals that begin as a shell would have them: all at their defaults, but for those that nohup(1) or a shell's
 * `&` told us to ignore, which is meant for our children too.
 */
static void
default_signals(sigset_t *set)
{
	static const int inherited[] = { SIGHUP, SIGINT, SIGQUIT };

	(void)sigfillset(set);
	for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++) {
		struct sigaction sa;

		if (sigaction(inherited[i], NULL, &sa) == 0 && sa.sa_handler == SIG_IGN)
			(void)sigdelset(set, inherited[i]);
	}
}

static void
close_keeping_errno(int fd)
{
	int saved = errno;

	if (fd != -1)
		(void)close(fd);
	errno = saved;
}

static int
dup_above_standard(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* Copies above 0, 1 and 2, so that none is overwritten before its turn has come. */
static int
copy_descriptors(struct plan *p, const int fd[3])
{
	for (int i = 0; i < 3; i++)
		if (fd[i] != -1 && (p->fd[i] = dup_above_standard(fd[i])) == -1)
			return -1;
	return 0;
}

static int
open_report(struct plan *p, int *in)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) == -1)
		return -1;
	p->report = dup_above_standard(fd[1]);
	close_keeping_errno(fd[1]);
	if (p->report == -1) {
		close_keeping_errno(fd[0]);
		return -1;
	}
	*in = fd[0];
	return 0;
}

/* In the new process. All signals are blocked until the handlers are gone: they must not run here. */
static _Noreturn void
become(const struct plan *p)
{
	static const struct sigaction fresh = { .sa_handler = SIG_DFL };
	sigset_t none;
	struct report r = { .directory = false };

	for (int signo = 1; signo < NSIG; signo++)
		if (sigismember(&p->defaults, signo) == 1)
			(void)sigaction(signo, &fresh, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3; i++)
		if (p->fd[i] != -1 && dup2(p->fd[i], i) == -1)
			goto failed;
	if (p->directory != NULL && chdir(p->directory) == -1) {
		r.directory = true;
		goto failed;
	}
	(void)execvpe(p->argv[0], p->argv, p->envp);
failed:
	r.error = errno;
	(void)!write(p->report, &r, sizeof(r));
	_exit(127);
}

static pid_t
fork_off(const struct plan *p)
{
	sigset_t all, old;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	if ((pid = vfork()) == 0)
		become(p);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

static struct report
read_report(int fd)
{
	struct report r;
	ssize_t n;

	do
		n = read(fd, &r, sizeof(r));
	while (n == -1 && errno == EINTR);
	return n == sizeof(r) ? r : (struct report){ .error = 0 };
}

/* Its pid, or -1 with errno, which may be what it met before or in exec. */
static pid_t
launch(struct plan *p, struct report *r)
{
	int in;
	pid_t pid;

	if (open_report(p, &in) == -1)
		return -1;
	pid = fork_off(p);
	close_keeping_errno(p->report);
	if (pid != -1 && (*r = read_report(in)).error != 0) {
		(void)waitpid(pid, NULL, 0);
		errno = r->error;
		pid = -1;
	}
	close_keeping_errno(in);
	return pid;
}

static pid_t
spawn(struct child *c, char *const argv[], const int fd[3], char *const envp[])
{
	struct plan p = { .argv = argv, .envp = envp != NULL ? envp : environ, .directory = c->directory, .fd = { -1, -1, -1 } };
	struct report r = { .error = 0 };
	pid_t pid = -1;

	default_signals(&p.defaults);
	if (copy_descriptors(&p, fd) == 0)
		pid = launch(&p, &r);
	c->no_directory = r.directory;
	for (int i = 0; i < 3; i++)
		close_keeping_errno(p.fd[i]);
	return pid;
}

int
child_start(struct sched *s, struct child *c, char *const argv[], const int fd[3], char *const envp[])
{
	struct child_record *r = malloc(sizeof(*r));

	if (r == NULL)
		return -1;
	/* before it starts: it may have ended when spawn returns */
	if (!signal_watched(&sigchld) && signal_watch(s, &sigchld) == -1) {
		free(r);
		return -1;
	}
	if ((r->pid = spawn(c, argv, fd, envp)) == -1) {
		free(r);
		if (LIST_EMPTY(&records))
			signal_unwatch(&sigchld);
		return -1;
	}
	r->owner = c;
	LIST_INSERT_HEAD(&records, r, entry);
	c->record = r;
	c->pid = r->pid;
	return 0;
}

void
child_forget(struct child *c)
{
	if (c->record == NULL)
		return;
	c->record->owner = NULL;
	c->record = NULL;
}

int
child_exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
