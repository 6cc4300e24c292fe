/* svcparam.h: the SvcParams of SVCB and HTTPS (RFC 9460 2.1, 7, 8; RFC 9461 5; RFC 9540 4). */
#ifndef DNS_SVCPARAM_H
#define DNS_SVCPARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/rrlex.h"

/* A parameter: n bytes of value at p. */
struct svcparam {
	uint16_t key;
	const uint8_t *p;
	size_t n;
};

/* Whether the parameters, each of which is whole, have their keys in strictly ascending order. */
bool svcparam_ordered(const uint8_t *, size_t n);

/* The next of checked parameters: *at begins at 0. False at the end. */
bool svcparam_next(const uint8_t *, size_t n, size_t *at, struct svcparam *);

/* Whether the values of checked parameters are what their keys want. */
bool svcparam_has_text(const uint8_t *, size_t n);

/* Append those that have a text: `alpn=h2,h3 port=8443`; a key; a value without quotes. */
void svcparam_put(struct buf *, const uint8_t *, size_t n);
void svcparam_put_key(struct buf *, uint16_t key);
void svcparam_put_value(struct buf *, const struct svcparam *);

/* Reads all words and appends them as rdata, in the order of their keys. 0, or -1 with *why. */
int svcparam_parse(struct rrlex *, struct buf *wire, const char **why);

#endif
