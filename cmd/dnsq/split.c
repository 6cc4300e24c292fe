/*
 * Standard input for several workers. A process of its own reads it and hands out whole lines through one pipe in
 * packet mode, from which every worker reads: who has time takes the next packet. Each packet begins with the number of
 * its first line.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dnsq.h"

/* A longer line is no question; enough of it goes on to be complained about. */
enum { HEADER = 24, LINES_MAX = PIPE_BUF - HEADER };

struct splitter {
	char in[65536], out[PIPE_BUF];
	size_t n;              /* in `in` */
	unsigned long line;    /* the next one */
	bool skipping;         /* the rest of a line that was too long */
	int to;
};

static void
hand_out(struct splitter *s, const char *lines, size_t n)
{
	int header = snprintf(s->out, sizeof(s->out), "%lu\n", s->line);

	memcpy(s->out + header, lines, n);
	n += (size_t)header;
	if (s->out[n - 1] != '\n')
		s->out[n++] = '\n';
	while (write(s->to, s->out, n) == -1)
		if (errno != EINTR)
			_exit(0); /* nobody is left to read it */
}

/* How much of n bytes goes into the next packet: whole lines; 0: there is none yet. */
static size_t
next_packet(const char *p, size_t n)
{
	const char *end = memrchr(p, '\n', n < LINES_MAX ? n : LINES_MAX);

	if (end != NULL)
		return (size_t)(end - p) + 1;
	return n >= LINES_MAX ? LINES_MAX - 1 : 0;
}

static void
split(struct splitter *s, bool ended)
{
	size_t at = 0, n;

	while ((n = next_packet(s->in + at, s->n - at)) > 0 || (ended && (n = s->n - at) > 0)) {
		const char *p = s->in + at, *first_end = memchr(p, '\n', n);
		bool whole = p[n - 1] == '\n';

		at += n;
		if (s->skipping && first_end == NULL)
			continue;
		if (s->skipping) {
			s->skipping = false;
			n -= (size_t)(first_end + 1 - p);
			p = first_end + 1;
			if (n == 0)
				continue;
		}
		hand_out(s, p, n);
		for (const char *end; (end = memchr(p, '\n', n)) != NULL; s->line++) {
			n -= (size_t)(end + 1 - p);
			p = end + 1;
		}
		s->line += !whole;
		s->skipping = !whole;
	}
	memmove(s->in, s->in + at, s->n - at);
	s->n -= at;
}

_Noreturn static void
run(int to, pid_t parent)
{
	static struct splitter s;
	ssize_t n;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	s.to = to;
	s.line = 1;
	while ((n = read(STDIN_FILENO, s.in + s.n, sizeof(s.in) - s.n)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			err(1, "stdin");
		s.n += (size_t)n;
		split(&s, false);
	}
	split(&s, true);
	_exit(0);
}

void
split_stdin(void)
{
	pid_t self = getpid(), pid;
	int fd[2];

	if (pipe2(fd, O_DIRECT | O_CLOEXEC) == -1 || fcntl(fd[0], F_SETFL, O_NONBLOCK) == -1)
		err(1, "a pipe for the workers");
	if ((pid = fork()) == -1)
		err(1, "a process for the input");
	if (pid == 0) {
		(void)close(fd[0]);
		run(fd[1], self);
	}
	(void)close(fd[1]);
	if (dup2(fd[0], STDIN_FILENO) == -1)
		err(1, "a pipe for the workers");
	(void)close(fd[0]);
}
