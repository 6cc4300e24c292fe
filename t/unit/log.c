#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <syslog.h>
#include <unistd.h>

#include "tap.h"

static int real_stderr, out[2];
static char got[8192];

/* Takes the place of the C library's, so that the test needs no daemon. */
static int priority;
static char sent[4096];

void
syslog(int pri, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sent, sizeof(sent), fmt, ap);
	va_end(ap);
	priority = pri;
}

static void
begin(void)
{
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	if (pipe(out) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0 || dup2(out[1], STDERR_FILENO) < 0)
		exit(99);
}

static const char *
end(void)
{
	ssize_t n;

	n = read(out[0], got, sizeof(got) - 1);
	got[n < 0 ? 0 : n] = '\0';
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(out[0]);
	close(out[1]);
	return got;
}

TEST(prefix_before_init)
{
	begin();
	log_warn("one %d", 1);
	STR(end(), "coop: one 1\n");
}

TEST(levels)
{
	begin();
	log_init("prog", LOG_LEVEL_WARN);
	log_error("a");
	log_warn("b");
	log_info("c");
	log_debug("d");
	log_init("prog", LOG_LEVEL_DEBUG);
	log_debug("e");
	STR(end(), "prog: a\nprog: b\nprog: e\n");
}

TEST(escapes)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "plain", "prog: plain\n" },
		{ "", "prog: \n" },
		{ "a\nb", "prog: a\\x0ab\n" },
		{ "a\r\n\tb", "prog: a\\x0d\\x0a\\x09b\n" },
		{ "\033[31mred\177", "prog: \\x1b[31mred\\x7f\n" },
		{ "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x99\x82",
		    "prog: Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x99\x82\n" },
		{ "c1 \xc2\x9b", "prog: c1 \\xc2\\x9b\n" },
		{ "nbsp \xc2\xa0", "prog: nbsp \xc2\xa0\n" },
		{ "raw \x9b", "prog: raw \\x9b\n" },
		{ "cut \xe2\x82", "prog: cut \\xe2\\x82\n" },
		{ "long way \xc0\x8a \xe0\x80\x8a \xf0\x80\x80\x8a",
		    "prog: long way \\xc0\\x8a \\xe0\\x80\\x8a \\xf0\\x80\\x80\\x8a\n" },
		{ "surrogate \xed\xa0\x80", "prog: surrogate \\xed\\xa0\\x80\n" },
		{ "past the end \xf4\x90\x80\x80", "prog: past the end \\xf4\\x90\\x80\\x80\n" },
		{ "broken \xe2\x82" "A\xff", "prog: broken \\xe2\\x82A\\xff\n" },
	};

	log_init("prog", LOG_LEVEL_INFO);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		log_info("%s", rows[i].in);
		STR(end(), rows[i].want);
	}
}

TEST(long_messages_are_cut_and_end_in_a_newline)
{
	static const char *const fills[] = { "x", "\n", "\xe2\x82\xac" };

	log_init("prog", LOG_LEVEL_INFO);
	for (size_t f = 0; f < 3; f++) {
		char text[10000];
		size_t n = 0, step = strlen(fills[f]);

		for (; n + step < sizeof(text); n += step)
			memcpy(text + n, fills[f], step);
		text[n] = '\0';
		begin();
		log_info("%s", text);
		n = strlen(end());
		OK(n > 2000 && n < 2200);
		EQ(strchr(got, '\n') - got, n - 1);
	}
}

TEST(long_program_names)
{
	char name[200];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	begin();
	log_init(name, LOG_LEVEL_INFO);
	log_info("text");
	end();
	log_init("prog", LOG_LEVEL_INFO);
	OK(strstr(got, "text\n") != NULL);
}

TEST(errno_is_kept)
{
	begin();
	errno = EXDEV;
	log_error("%s", strerror(errno));
	EQ(errno, EXDEV);
	end();
	STR(got, "prog: Invalid cross-device link\n");
	/* also when the line cannot be written */
	real_stderr = dup(STDERR_FILENO);
	close(STDERR_FILENO);
	errno = EXDEV;
	log_error("lost");
	EQ(errno, EXDEV);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
}

TEST(to_syslog)
{
	log_init("prog", LOG_LEVEL_INFO);
	log_to_syslog();
	begin();
	errno = EXDEV;
	log_warn("a\nb %d%%", 5);
	EQ(errno, EXDEV);
	STR(end(), "");
	STR(sent, "a\\x0ab 5%");
	EQ(priority, LOG_WARNING);
	log_debug("not shown");
	EQ(priority, LOG_WARNING);
}

MAIN(RUN(prefix_before_init), RUN(levels), RUN(escapes), RUN(long_messages_are_cut_and_end_in_a_newline),
    RUN(long_program_names), RUN(errno_is_kept), RUN(to_syslog))
