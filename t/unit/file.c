/* Files read whole, and whether they are still what they were. */
#include "base/file.h"

#include <errno.h>
#include <unistd.h>

#include "tap.h"

TEST(changes)
{
	char path[] = "/tmp/coop-file-XXXXXX";
	struct file_stamp stamp = { 0 };
	int fd = mkstemp(path);

	OK(file_changed(&stamp, path));
	OK(!file_changed(&stamp, path));
	OK(write(fd, "x", 1) == 1);
	OK(file_changed(&stamp, path));
	OK(!file_changed(&stamp, path));
	(void)close(fd);
	(void)unlink(path);
	OK(file_changed(&stamp, path));
	OK(!file_changed(&stamp, path));
}

TEST(reading)
{
	char path[] = "/tmp/coop-file-XXXXXX";
	struct buf b = { .max = 10000 };
	int fd = mkstemp(path);

	for (int i = 0; i < 900; i++)
		OK(write(fd, "0123456789", 10) == 10);
	EQ(file_read(path, &b), 0);
	EQ(b.n, 9000);
	OK(memcmp(b.p + 8990, "0123456789", 10) == 0);
	buf_fini(&b);
	b = (struct buf){ .max = 8000 };
	EQ(file_read(path, &b), -1);
	EQ(errno, EFBIG);
	buf_fini(&b);
	b = (struct buf){ .max = 10000 };
	alloc_fail_at(2); /* the first is stdio's */
	EQ(file_read(path, &b), -1);
	alloc_reset();
	buf_fini(&b);
	(void)close(fd);
	(void)unlink(path);
	b = (struct buf){ 0 };
	EQ(file_read(path, &b), 0);
	EQ(b.n, 0);
	EQ(file_read("/", &b), -1);
	EQ(errno, EISDIR);
	buf_fini(&b);
}

MAIN(RUN(changes), RUN(reading))
