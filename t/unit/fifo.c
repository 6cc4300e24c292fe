#include "net/fifo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "both.h"

static int calls;

static void
opened(struct fifo *f)
{
	OK(!fifo_is_opening(f));
	calls++;
}

/* A fifo in a directory of its own. */
static char dir[] = "/tmp/coop-fifo-XXXXXX", path[64];

static void
make(void)
{
	memcpy(strrchr(dir, '-') + 1, "XXXXXX", 6);
	OK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	EQ(mkfifo(path, 0600), 0);
	calls = 0;
}

static void
clean(void)
{
	unlink(path);
	rmdir(dir);
}

BOTH(waits_for_the_other_end)
{
	struct fifo f;

	make();
	EQ(fifo_open(&f, s, path, O_WRONLY, opened), 0);
	OK(fifo_is_opening(&f));
	both_turn(s);
	EQ(calls, 0);
	int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	UNTIL(s, calls == 1);
	int fd = fifo_take(&f);
	OK(fd != -1);
	EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	EQ(write(fd, "x", 1), 1);
	char c;
	EQ(read(reader, &c, 1), 1);
	EQ(fifo_take(&f), -1);
	fifo_stop(&f);
	close(fd);
	close(reader);
	clean();
}

BOTH(given_up)
{
	struct fifo f;

	make();
	EQ(fifo_open(&f, s, path, O_RDONLY, opened), 0);
	fifo_stop(&f);
	fifo_stop(&f);
	EQ(calls, 0);
	/* nobody reads */
	EQ(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
	EQ(errno, ENXIO);
	/* open, and not taken */
	int writer = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	EQ(fifo_open(&f, s, path, O_RDONLY, opened), 0);
	UNTIL(s, calls == 1);
	fifo_stop(&f);
	close(writer);
	EQ(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
	clean();
}

BOTH(what_fails)
{
	struct fifo f;

	make();
	clean();
	EQ(fifo_open(&f, s, path, O_RDONLY, opened), 0);
	UNTIL(s, calls == 1);
	EQ(fifo_take(&f), -1);
	EQ(errno, ENOENT);
	fifo_stop(&f);
	alloc_fail_at(1);
	EQ(fifo_open(&f, s, path, O_RDONLY, opened), -1);
	EQ(errno, ENOMEM);
	fifo_stop(&f);
}

MAIN(RUN(waits_for_the_other_end), RUN(given_up), RUN(what_fails))
