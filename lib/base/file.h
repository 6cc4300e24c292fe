/* file.h: small files, read as a whole and again when they change. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* What a file was like when it was looked at last. All zero: never. */
struct file_stamp {
	uint64_t dev, ino, size;
	int64_t mtime; /* ns; 0: there is none */
};

/* Whether the file is another than it was; the stamp is brought up to date. */
bool file_changed(struct file_stamp *, const char *path);

/* Reads a file of at most `b->max` bytes, nothing when there is none. 0, or -1 with errno. */
int file_read(const char *path, struct buf *b);

#endif
