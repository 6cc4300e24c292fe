/* sipsame.h: whether two URIs mean the same (RFC 3261 section 19.1.4; tel: RFC 3966 section 4). */
#ifndef SIP_SIPSAME_H
#define SIP_SIPSAME_H

#include "sip/sipuri.h"

bool sipuri_same(const struct sipuri *, const struct sipuri *);

#endif
