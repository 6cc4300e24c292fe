/*
 * workers.h: a program as several processes that do the same work: -w. The first process only looks after them.
 */
#ifndef WORKERS_H
#define WORKERS_H

#include <stdbool.h>

enum { WORKERS_MAX = 1024 };

/*
 * Forks n workers and returns the number of each, 1..n, in it; messages of err(3) are then prefixed PROG[N]. The
 * first process does not come back: it passes SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 on and ends when they have
 * ended, with the worst of their exit statuses (128 + n for one that died of the signal n that we passed on). `again`:
 * one that dies of any other signal is started anew; else the others go on, and the exit status is 1 at least. They do
 * not outlive the first process, however it ends.
 *
 * Call it before anything that must not be shared: loops, sockets, Lua states.
 */
int workers_start(const char *prog, int n, bool again);

#endif
