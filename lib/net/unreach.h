/*
 * unreach.h: what the network says of datagrams that were sent in vain. The system keeps such ICMP messages for a
 * socket that has asked for them, with the address that the datagram went to.
 */
#ifndef NET_UNREACH_H
#define NET_UNREACH_H

#include "base/addr.h"

/* From now on they are kept. While there are any the socket counts as failed: take them all. 0, or -1 with errno. */
int unreach_ask(int fd, int family);

/*
 * Takes the oldest: the address, and errno, such as ECONNREFUSED, if it says that nobody can be reached there; 0 for others,
 * as that a datagram was too long or on its way for too long. 0; -1: there is none.
 */
int unreach_take(int fd, struct addr *to, int *error);

#endif
