#include "net/pktinfo.h"

#include <string.h>

int
pktinfo_ask(int fd, int family)
{
	static const int on = 1;

	if (family == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
}

static void
read4(const struct cmsghdr *c, struct addr *a)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	*a = (struct addr){ .len = sizeof(a->u.in) };
	a->u.in.sin_family = AF_INET;
	/* of a broadcast this is our own address, and ipi_addr is not */
	a->u.in.sin_addr = info.ipi_spec_dst;
}

static int
read6(const struct cmsghdr *c, struct addr *a)
{
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
		return -1;
	*a = (struct addr){ .len = sizeof(a->u.in6) };
	a->u.in6.sin6_family = AF_INET6;
	a->u.in6.sin6_addr = info.ipi6_addr;
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		a->u.in6.sin6_scope_id = info.ipi6_ifindex;
	return 0;
}

int
pktinfo_read(const struct msghdr *m, struct addr *a)
{
	struct msghdr header = *m;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			return read6(c, a);
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			read4(c, a);
			return 0;
		}
	}
	return -1;
}

size_t
pktinfo_write(const struct addr *from, char control[PKTINFO_SPACE])
{
	struct in_pktinfo info4 = { .ipi_spec_dst = from->u.in.sin_addr };
	struct in6_pktinfo info6 = { .ipi6_ifindex = from->u.in6.sin6_scope_id };
	bool six = from->u.sa.sa_family == AF_INET6;
	size_t n = six ? sizeof(info6) : sizeof(info4);
	struct cmsghdr head = { .cmsg_len = CMSG_LEN(n), .cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP,
		.cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO };

	info6.ipi6_addr = from->u.in6.sin6_addr;
	memset(control, 0, PKTINFO_SPACE);
	memcpy(control, &head, sizeof(head));
	memcpy(control + CMSG_LEN(0), six ? (const void *)&info6 : (const void *)&info4, n);
	return CMSG_SPACE(n);
}
