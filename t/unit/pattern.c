/* Patterns that stay compiled: the last sixteen, matched as if each were new. */
#include "dns/pattern.h"

#include "tap.h"

static struct patterns known;

static int
match(const char *pattern, const char *text)
{
	regmatch_t groups[2];

	return pattern_match(&known, pattern, false, text, groups, 2);
}

TEST(groups)
{
	regmatch_t groups[2];

	for (int i = 0; i < 3; i++) {
		EQ(pattern_match(&known, "^a(b+)", false, "abbc", groups, 2), 0);
		EQ(groups[1].rm_so, 1);
		EQ(groups[1].rm_eo, 3);
		EQ(pattern_match(&known, "^a(b+)", false, "ABBC", groups, 2), 1);
		EQ(pattern_match(&known, "^a(b+)", true, "ABBC", groups, 2), 0);
	}
	EQ(known.n, 2);
	EQ(match("(", "("), -1);
	EQ(known.n, 2);
	patterns_fini(&known);
	EQ(known.n, 0);
}

TEST(the_last_ones_are_kept)
{
	char pattern[16];
	long before;

	for (int i = 0; i < 3 * PATTERNS; i++) {
		(void)snprintf(pattern, sizeof(pattern), "^%d$", i);
		EQ(match(pattern, pattern + 1), 1);
		EQ(match("^first$", "first"), 0);
	}
	EQ(known.n, PATTERNS);
	before = alloc_count();
	EQ(match("^first$", "last"), 1);
	EQ(alloc_count(), before);
	EQ(match("^47$", "47"), 0);
	EQ(alloc_count(), before);
	EQ(match("^0$", "0"), 0);
	OK(alloc_count() > before);
	EQ(known.n, PATTERNS);
	patterns_fini(&known);
}

TEST(used_often_it_is_compiled_anew)
{
	for (int i = 0; i < 25000; i++)
		if (match("^\\+?(1|2)*$", i % 2 ? "+12" : "3") != (i % 2 ? 0 : 1))
			OK(false);
	EQ(known.n, 1);
	patterns_fini(&known);
}

TEST(no_memory)
{
	alloc_fail_at(1);
	EQ(match("^a$", "a"), -1);
	alloc_reset();
	EQ(match("^a$", "a"), 0);
	patterns_fini(&known);
}

MAIN(RUN(groups), RUN(the_last_ones_are_kept), RUN(used_often_it_is_compiled_anew), RUN(no_memory))
