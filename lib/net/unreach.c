#include "net/unreach.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <linux/errqueue.h>

int
unreach_ask(int fd, int family)
{
	static const int on = 1;

	if (family == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	return setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
}

/* RFC 3261, section 18.4, has them: host, network, protocol or port unreachable, and parameter problems. */
static bool
is_fatal(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
		return e->ee_type == ICMP6_DST_UNREACH || e->ee_type == ICMP6_PARAM_PROB;
	return e->ee_origin == SO_EE_ORIGIN_ICMP &&
	    ((e->ee_type == ICMP_UNREACH && e->ee_code != ICMP_UNREACH_NEEDFRAG) || e->ee_type == ICMP_PARAMPROB);
}

/* errno; 0: it is none that counts. */
static int
read_error(struct msghdr *m)
{
	struct sock_extended_err e;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if ((c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR) &&
		    (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		return is_fatal(&e) ? (int)e.ee_errno : 0;
	}
	return 0;
}

int
unreach_take(int fd, struct addr *to, int *error)
{
	_Alignas(struct cmsghdr) char control[512];
	struct addr got;
	char start;
	struct iovec iov = { &start, sizeof(start) };
	struct msghdr m = { .msg_name = &got.u, .msg_namelen = sizeof(got.u), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };

	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
		return -1;
	got.len = m.msg_namelen;
	*to = got;
	*error = got.len > 0 ? read_error(&m) : 0;
	return 0;
}
