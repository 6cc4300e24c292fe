/*
 * pktinfo.h: to which of our addresses a datagram came, and from which of them one leaves: the system tells and is told
 * in control messages (RFC 3542 section 6.1, and the same for IPv4).
 */
#ifndef NET_PKTINFO_H
#define NET_PKTINFO_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/addr.h"

/* As long as the control message of either family is at most, padding included. */
enum { PKTINFO_SPACE = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

/* From now on the system tells. 0, or -1 with errno. */
int pktinfo_ask(int fd, int family);

/* What came with a datagram: the address without a port. -1: nothing, or nothing that one could answer from. */
int pktinfo_read(const struct msghdr *, struct addr *);

/* Fills in the control message that makes a datagram leave from there. Its length. */
size_t pktinfo_write(const struct addr *from, char control[PKTINFO_SPACE]);

#endif
