#include "dns/pattern.h"

#include <stdlib.h>
#include <string.h>

/*
 * The system's matcher keeps the states that it comes by, which a hostile pattern makes many of: after so many uses a
 * pattern is compiled anew.
 */
enum { USES_MAX = 10000 };

struct pattern {
	regex_t re;
	unsigned uses;
	bool ignore_case;
	char text[];
};

static void
forget(struct pattern *p)
{
	regfree(&p->re);
	free(p);
}

static struct pattern *
compile(const char *text, bool ignore_case)
{
	size_t size = strlen(text) + 1;
	struct pattern *p = malloc(sizeof(*p) + size);

	if (p == NULL)
		return NULL;
	p->uses = 0;
	p->ignore_case = ignore_case;
	memcpy(p->text, text, size);
	if (regcomp(&p->re, text, REG_EXTENDED | (ignore_case ? REG_ICASE : 0)) == 0)
		return p;
	free(p);
	return NULL;
}

static void
move_to_front(struct patterns *all, unsigned i)
{
	struct pattern *p = all->kept[i];

	memmove(&all->kept[1], &all->kept[0], i * sizeof(all->kept[0]));
	all->kept[0] = p;
}

/* Known or new, it is the first then. */
static struct pattern *
get(struct patterns *all, const char *text, bool ignore_case)
{
	struct pattern *p;
	unsigned i = 0;

	while (i < all->n && (all->kept[i]->ignore_case != ignore_case || strcmp(all->kept[i]->text, text) != 0))
		i++;
	if (i < all->n && all->kept[i]->uses < USES_MAX) {
		move_to_front(all, i);
		return all->kept[0];
	}
	if ((p = compile(text, ignore_case)) == NULL)
		return NULL;
	if (i == PATTERNS)
		i--;
	if (i < all->n)
		forget(all->kept[i]);
	else
		all->n++;
	all->kept[i] = p;
	move_to_front(all, i);
	return p;
}

int
pattern_match(struct patterns *all, const char *pattern, bool ignore_case, const char *text, regmatch_t *groups, size_t n)
{
	struct pattern *p = get(all, pattern, ignore_case);

	if (p == NULL)
		return -1;
	p->uses++;
	return regexec(&p->re, text, n, groups, 0) != 0;
}

void
patterns_fini(struct patterns *all)
{
	while (all->n > 0)
		forget(all->kept[--all->n]);
}
