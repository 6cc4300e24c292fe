#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"

static const int ours[3] = { -1, -1, -1 };

struct run {
	struct child child;
	int ends;
	struct run *forget, *start;
	struct sched *s;
};

static char *const true_argv[] = { "true", NULL };

static void
ended(struct child *c)
{
	struct run *r = (struct run *)c;

	r->ends++;
	if (r->forget != NULL)
		child_forget(&r->forget->child);
	if (r->start != NULL)
		EQ(child_start(r->s, &r->start->child, true_argv, ours, NULL), 0);
}

/* Runs `sh -c script` and gives its exit status. */
static int
sh(struct sched *s, const char *script, const int fd[3])
{
	struct run r = { .child.ended = ended };
	char *argv[] = { "sh", "-c", (char *)(uintptr_t)script, NULL };

	if (child_start(s, &r.child, argv, fd, NULL) == -1)
		return -1;
	OK(r.child.pid > 0);
	UNTIL(s, r.ends == 1);
	EQ(r.child.pid, -1);
	return child_exit_status(r.child.status);
}

BOTH(exit_status)
{
	EQ(sh(s, "exit 0", ours), 0);
	EQ(sh(s, "exit 7", ours), 7);
	EQ(sh(s, "exit 255", ours), 255);
	EQ(sh(s, "kill -TERM $$", ours), 128 + SIGTERM);
	EQ(sh(s, "kill -KILL $$", ours), 128 + SIGKILL);
	signal_fini();
}

BOTH(cannot_be_executed)
{
	struct run r = { .child.ended = ended };
	char *none[] = { "/nonexistent/program", NULL }, *not_in_path[] = { "no-such-program-at-all", NULL };
	char *dir[] = { "/", NULL };

	EQ(child_start(s, &r.child, none, ours, NULL), -1);
	EQ(errno, ENOENT);
	EQ(child_start(s, &r.child, not_in_path, ours, NULL), -1);
	EQ(errno, ENOENT);
	EQ(child_start(s, &r.child, dir, ours, NULL), -1);
	EQ(errno, EACCES);
	child_forget(&r.child);
	both_turn(s);
	EQ(r.ends, 0);
	OK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	signal_fini();
}

BOTH(no_memory)
{
	struct run r = { .child.ended = ended };

	alloc_fail_at(1);
	EQ(child_start(s, &r.child, true_argv, ours, NULL), -1);
	EQ(errno, ENOMEM);
	EQ(r.ends, 0);
	signal_fini();
}

static void
read_all(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n + 1 < size && (got = read(fd, text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
}

BOTH(descriptors)
{
	int in[2], out[2];
	char text[64];

	EQ(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	EQ(write(in[1], "hello", 5), 5);
	close(in[1]);
	EQ(sh(s, "cat; echo err >&2", (int[3]){ in[0], out[1], out[1] }), 0);
	close(in[0]);
	close(out[1]);
	read_all(out[0], text, sizeof(text));
	STR(text, "helloerr\n");
	close(out[0]);
	signal_fini();
}

/* The child's 1 is our 2 and the other way round. */
BOTH(descriptors_that_change_places)
{
	int one[2], two[2], saved1 = dup(1), saved2 = dup(2), status;
	char text[64];

	fflush(stdout);
	EQ(pipe2(one, O_CLOEXEC) | pipe2(two, O_CLOEXEC), 0);
	dup2(one[1], 1);
	dup2(two[1], 2);
	status = sh(s, "echo out; echo err >&2", (int[3]){ -1, 2, 1 });
	dup2(saved1, 1);
	dup2(saved2, 2);
	close(saved1);
	close(saved2);
	close(one[1]);
	close(two[1]);
	EQ(status, 0);
	read_all(one[0], text, sizeof(text));
	STR(text, "err\n");
	read_all(two[0], text, sizeof(text));
	STR(text, "out\n");
	close(one[0]);
	close(two[0]);
	signal_fini();
}

BOTH(environment)
{
	struct run r = { .child.ended = ended };
	char *argv[] = { "sh", "-c", "test \"$COLOUR\" = red && test -z \"$HOME\"", NULL };
	char *envp[] = { "COLOUR=red", NULL };

	setenv("HOME", "/", 1);
	EQ(child_start(s, &r.child, argv, ours, envp), 0);
	UNTIL(s, r.ends == 1);
	EQ(child_exit_status(r.child.status), 0);
	EQ(sh(s, "test -n \"$HOME\"", ours), 0);
	signal_fini();
}

BOTH(signals_begin_as_they_should)
{
	struct counter { struct signal_watch watch; } usr1 = { .watch = { .signo = SIGUSR1, .caught = NULL } };
	sigset_t set, old;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	EQ(signal_watch(s, &usr1.watch), 0);
	EQ(sh(s, "kill -PIPE $$", ours), 128 + SIGPIPE);
	EQ(sh(s, "kill -USR2 $$", ours), 128 + SIGUSR2);
	EQ(sh(s, "kill -USR1 $$", ours), 128 + SIGUSR1);
	EQ(sh(s, "kill -TERM $$", ours), 128 + SIGTERM);
	/* as under nohup */
	EQ(sh(s, "kill -HUP $$; exit 3", ours), 3);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	signal_fini();
}

BOTH(many_at_once)
{
	enum { MANY = 20 };
	struct run runs[MANY] = { 0 };
	int ends = 0;

	for (int i = 0; i < MANY; i++) {
		char script[32], *argv[] = { "sh", "-c", script, NULL };

		(void)snprintf(script, sizeof(script), "exit %d", i);
		runs[i].child.ended = ended;
		EQ(child_start(s, &runs[i].child, argv, ours, NULL), 0);
	}
	for (int i = 0; i < MANY; i++) {
		UNTIL(s, runs[i].ends == 1);
		EQ(child_exit_status(runs[i].child.status), i);
	}
	for (int i = 0; i < MANY; i++)
		ends += runs[i].ends;
	EQ(ends, MANY);
	signal_fini();
}

BOTH(start_and_forget_in_the_callback)
{
	struct run a = { .child.ended = ended, .s = s }, b = a, c = a;

	a.start = &b;
	a.forget = &c;
	EQ(child_start(s, &a.child, true_argv, ours, NULL), 0);
	EQ(child_start(s, &c.child, (char *[]){ "sleep", "0.05", NULL }, ours, NULL), 0);
	UNTIL(s, b.ends == 1);
	EQ(a.ends, 1);
	/* forgotten, and reaped all the same */
	UNTIL(s, waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	EQ(c.ends, 0);
	signal_fini();
}

/* A child that is not ours stays for whoever started it. */
BOTH(leaves_others_alone)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(42);
	EQ(sh(s, "exit 1", ours), 1);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(child_exit_status(status), 42);
	signal_fini();
}

BOTH(sigchld_is_given_back)
{
	struct sigaction sa;

	signal(SIGCHLD, SIG_DFL);
	EQ(sh(s, "exit 1", ours), 1);
	both_turn(s);
	OK(sigaction(SIGCHLD, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL);
	signal_fini();
	EQ(sh(s, "exit 2", ours), 2);
	signal_fini();
}

MAIN(RUN(exit_status), RUN(cannot_be_executed), RUN(no_memory), RUN(descriptors),
    RUN(descriptors_that_change_places), RUN(environment), RUN(signals_begin_as_they_should), RUN(many_at_once),
    RUN(start_and_forget_in_the_callback), RUN(leaves_others_alone), RUN(sigchld_is_given_back))
