/*
 * tap.h: a unit test is a program that speaks TAP. Include it in one file only.
 *
 *	TEST(name) { OK(x == 1); EQ(f(2), 4); STR(s, "text"); }
 *	MAIN(RUN(name), RUN(other))
 *
 * alloc_fail_at(n): the n-th allocation from now (1: the next) returns NULL with ENOMEM, once. alloc_count(): allocations since alloc_reset().
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int tap_failed;
static const char *tap_name;

static long tap_allocs, tap_fail_at;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__real_mmap(void *, size_t, int, int, int, off_t);
void *__wrap_mmap(void *, size_t, int, int, int, off_t);

static inline bool
tap_refuse(void)
{
	tap_allocs++;
	if (tap_fail_at == 0 || --tap_fail_at > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return tap_refuse() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return tap_refuse() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return tap_refuse() ? NULL : __real_realloc(p, n);
}

void *
__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	return tap_refuse() ? MAP_FAILED : __real_mmap(at, n, protection, flags, fd, offset);
}

static inline void
alloc_fail_at(long n)
{
	tap_fail_at = n;
}

static inline long
alloc_count(void)
{
	return tap_allocs;
}

static inline void
alloc_reset(void)
{
	tap_allocs = 0;
	tap_fail_at = 0;
}

#define TEST(name) static void test_##name(void)

#define OK(cond) \
	do { \
		if (!(cond)) { \
			printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			tap_failed = 1; \
		} \
	} while (0)

#define EQ(got, want) \
	do { \
		intmax_t got_ = (intmax_t)(got), want_ = (intmax_t)(want); \
		if (got_ != want_) { \
			printf("# %s:%d: %s: got %" PRIdMAX ", want %" PRIdMAX "\n", __FILE__, __LINE__, #got, got_, want_); \
			tap_failed = 1; \
		} \
	} while (0)

#define STR(got, want) \
	do { \
		const char *got_ = (got), *want_ = (want); \
		if (got_ == NULL || strcmp(got_, want_) != 0) { \
			printf("# %s:%d: %s: got \"%s\", want \"%s\"\n", __FILE__, __LINE__, #got, got_ ? got_ : "(null)", want_); \
			tap_failed = 1; \
		} \
	} while (0)

struct tap_case {
	const char *name;
	void (*run)(void);
};

#define RUN(name) { #name, test_##name }

#define MAIN(...) \
	int main(void) \
	{ \
		static const struct tap_case cases[] = { __VA_ARGS__ }; \
		int n = (int)(sizeof(cases) / sizeof(cases[0])), bad = 0; \
		setvbuf(stdout, NULL, _IOLBF, 0); \
		printf("1..%d\n", n); \
		for (int i = 0; i < n; i++) { \
			tap_failed = 0; \
			tap_name = cases[i].name; \
			alloc_reset(); \
			cases[i].run(); \
			alloc_reset(); \
			printf("%sok %d - %s\n", tap_failed ? "not " : "", i + 1, tap_name); \
			bad |= tap_failed; \
		} \
		return bad; \
	}

#endif
