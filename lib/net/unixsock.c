#include "net/unixsock.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
has_file(const struct addr *a)
{
	return a->u.sa.sa_family == AF_UNIX && a->len > sizeof(a->u.sa.sa_family) && a->u.un.sun_path[0] != '\0';
}

/* Connecting to a plain file is refused as well: that must not cost somebody his file. */
static bool
is_stale(int fd, const struct addr *a)
{
	socklen_t len = sizeof(int);
	int type, probe;
	struct stat st;
	bool refused;

	if (lstat(a->u.un.sun_path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    (probe = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return false;
	refused = connect(probe, &a->u.sa, a->len) == -1 && errno == ECONNREFUSED;
	(void)close(probe);
	return refused;
}

int
unixsock_bind(int fd, const struct addr *a, struct unixsock *file)
{
	file->pid = 0;
	if (bind(fd, &a->u.sa, a->len) == -1) {
		if (errno != EADDRINUSE || !has_file(a))
			return -1;
		if (!is_stale(fd, a) || unlink(a->u.un.sun_path) == -1) {
			errno = EADDRINUSE;
			return -1;
		}
		if (bind(fd, &a->u.sa, a->len) == -1)
			return -1;
	}
	if (has_file(a)) {
		file->pid = getpid();
		file->addr = *a;
	}
	return 0;
}

void
unixsock_remove(struct unixsock *file)
{
	if (file->pid == 0 || file->pid != getpid())
		return;
	(void)unlink(file->addr.u.un.sun_path);
	file->pid = 0;
}
