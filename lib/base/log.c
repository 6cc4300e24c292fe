/*
 * One write(2) a line, so that the lines of several processes do not mix. errno is kept: logging is done on error
 * paths.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

static const char *prog = "coop";
static enum log_level most = LOG_LEVEL_INFO;
static bool use_syslog;

void
log_init(const char *name, enum log_level level)
{
	prog = name;
	most = level;
}

void
log_to_syslog(void)
{
	openlog(prog, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	use_syslog = true;
}

/*
 * How many bytes at `p` are one character that may be shown as it is: printable ASCII or well-formed UTF-8 (RFC 3629)
 * other than the control characters U+0080 to U+009F, which terminals obey too. 0: the byte has to be escaped.
 */
static size_t
showable(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (len == 1)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/*
 * Escapes `text` into `out` of `size` bytes, cut at the end of a character where it does not fit. Returns the length.
 */
static size_t
escape(const char *text, size_t n, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)text;
	size_t at = 0;

	while (n > 0) {
		size_t len = showable(p, n), need = len > 0 ? len : 4;

		if (at + need > size)
			break;
		if (len > 0) {
			memcpy(out + at, p, len);
		} else {
			memcpy(out + at, "\\x", 2);
			out[at + 2] = hex[*p >> 4];
			out[at + 3] = hex[*p & 15];
			len = 1;
		}
		at += need;
		p += len, n -= len;
	}
	return at;
}

static void
to_stderr(const char *line, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, line, n);

		if (done < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		line += done, n -= (size_t)done;
	}
}

__attribute__((format(printf, 2, 0))) static void
emit(enum log_level level, const char *fmt, va_list ap)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
	char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 64];
	int saved = errno, n, head;

	if (level > most)
		return;
	if ((n = vsnprintf(text, sizeof(text), fmt, ap)) < 0)
		n = 0;
	if ((size_t)n >= sizeof(text))
		n = (int)sizeof(text) - 1;
	if (use_syslog) {
		n = (int)escape(text, (size_t)n, line, LINE_MAX_BYTES);
		syslog(priorities[level], "%.*s", n, line);
	} else {
		head = snprintf(line, 60, "%s: ", prog);
		if (head >= 60)
			head = 59;
		n = head + (int)escape(text, (size_t)n, line + head, sizeof(line) - (size_t)head - 1);
		line[n++] = '\n';
		to_stderr(line, (size_t)n);
	}
	errno = saved;
}

#define LOG_AT(level) \
	do { \
		va_list ap; \
		va_start(ap, fmt); \
		emit(level, fmt, ap); \
		va_end(ap); \
	} while (0)

void
log_error(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_ERROR);
}

void
log_warn(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_WARN);
}

void
log_info(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_INFO);
}

void
log_debug(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_DEBUG);
}
