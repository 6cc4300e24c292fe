#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

enum { CHUNK = 4096 };

bool
file_changed(struct file_stamp *stamp, const char *path)
{
	struct file_stamp now = { 0 };
	struct stat st;

	if (stat(path, &st) == 0)
		now = (struct file_stamp){ .dev = st.st_dev, .ino = st.st_ino, .size = (uint64_t)st.st_size,
			.mtime = st.st_mtim.tv_sec * SEC + st.st_mtim.tv_nsec };
	if (memcmp(stamp, &now, sizeof(now)) == 0)
		return false;
	*stamp = now;
	return true;
}

/* 0, or an errno. */
static int
read_all(FILE *f, struct buf *b)
{
	size_t room, n;
	char *to;

	for (;;) {
		room = b->max > 0 && b->max - b->n < CHUNK ? b->max - b->n : CHUNK;
		if (room == 0)
			return getc(f) == EOF ? 0 : EFBIG;
		if ((to = buf_reserve(b, room)) == NULL)
			return ENOMEM;
		if ((n = fread(to, 1, room, f)) == 0)
			return ferror(f) ? errno : 0;
		buf_added(b, n);
	}
}

int
file_read(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "re");
	int failed;

	if (f == NULL)
		return errno == ENOENT ? 0 : -1;
	failed = read_all(f, b);
	(void)fclose(f);
	errno = failed;
	return failed == 0 ? 0 : -1;
}
