/*
 * hosts.h: names that need no server: hosts(5), read when it is first needed and again when it has changed; and
 * localhost and all names below it, which are the loopback whatever anybody says (RFC 6761 section 6.3).
 */
#ifndef DNS_HOSTS_H
#define DNS_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct hosts;

/* `path` NULL: COOP_HOSTS from the environment, else /etc/hosts. NULL with errno. */
struct hosts *hosts_new(const char *path);
void hosts_free(struct hosts *); /* NULL is ignored */

/*
 * The addresses of a name (in any letter case, with or without a final dot), as they stand in the file, port 0, at
 * most `most` of them. `family`: AF_INET, AF_INET6, or AF_UNSPEC. `now`: the file is looked at once a second at most.
 * Returns how many; -1: the name is known, but has none of the family.
 */
int hosts_find(struct hosts *, struct slice name, int family, int64_t now, struct addr *to, unsigned most);

/* The first name of an address; empty: none. Borrowed until the next call. */
struct slice hosts_name(struct hosts *, const struct addr *, int64_t now);

#endif
