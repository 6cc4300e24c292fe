/* addr.h: socket addresses to and from text, as every program and every script of coop writes them. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/slice.h"

struct addr {
	socklen_t len; /* of what is used in the union; 0: no address */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
};

enum transport { TRANSPORT_NONE, TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_UNIX };

/* Room for any address as text, with its NUL. */
#define ADDR_STRLEN 128

/*
 * Reads `[udp:|tcp:|tls:|unix:]HOST:PORT`, `unix:/path`; IPv6 in brackets, with or without %zone. HOST is a literal
 * address: no name is looked up. `*` and an empty HOST are the any-address 0.0.0.0. HOST#PORT is as good, and needs
 * no brackets. `unix:@name` is Linux's abstract namespace. Without `:PORT` it takes default_port, or fails if that is
 * < 0. `transport` gets the prefix, TRANSPORT_NONE without one; NULL: a prefix is an error (unix: is always allowed).
 * 0, or -1 with errno EINVAL and *why (may be NULL) a short static text (`bad port`, ...); outputs then untouched.
 */
int addr_parse(struct slice text, int default_port, struct addr *, enum transport *transport, const char **why);

/* An IPv4 or IPv6 literal (the latter without brackets, with or without %zone) and a port. 0, or -1 with EINVAL. */
int addr_literal(struct slice host, uint16_t port, struct addr *);

/* "127.0.0.1:5060", "[::1]:5060", "unix:/path"; "-" for none; `size` >= ADDR_STRLEN. Returns its length. */
size_t addr_format(const struct addr *, char *, size_t size);

/* Only the host: "127.0.0.1", "::1" (no brackets), or the path. */
size_t addr_format_host(const struct addr *, char *, size_t size);

/* 0 for unix addresses. */
uint16_t addr_port(const struct addr *);
void addr_set_port(struct addr *, uint16_t);

/* Same family, host, port, and zone. An IPv4-mapped IPv6 address is not its IPv4 one. */
bool addr_eq(const struct addr *, const struct addr *);
bool addr_same_host(const struct addr *, const struct addr *);

/* 0.0.0.0 or ::, whatever the port. */
bool addr_is_any(const struct addr *);

const char *transport_name(enum transport); /* "udp", ...; "none" */

#endif
