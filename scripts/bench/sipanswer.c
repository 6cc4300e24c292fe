/*
 * The least that answers SIP requests at all: the header fields that an answer repeats (RFC 3261 section 8.2.6.2) are looked for in each
 * request and copied into a 200; nothing is checked, nothing kept. Sixty-four at a time.
 *   sipanswer PORT
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 4096 };

static const char status[] = "SIP/2.0 200 OK\r\n", end[] = "Content-Length: 0\r\n\r\n";
static char in_bytes[BATCH][SIZE], out_bytes[BATCH][SIZE + sizeof(status) + sizeof(end)];
static struct iovec in_iov[BATCH], out_iov[BATCH];
static struct mmsghdr in[BATCH], out[BATCH];
static struct sockaddr_in peers[BATCH];

static bool
is_repeated(const char *line, size_t length)
{
	static const struct {
		const char *name;
		size_t length;
	} names[] = { { "Via:", 4 }, { "From:", 5 }, { "To:", 3 }, { "Call-ID:", 8 }, { "CSeq:", 5 } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (length > names[i].length && strncasecmp(line, names[i].name, names[i].length) == 0)
			return true;
	return false;
}

static char *
add(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

/* The length of the answer, 0 when there is to be none. */
static size_t
answer(char *out_text, const char *text, size_t length)
{
	const char *line = memchr(text, '\n', length), *stop = text + length;
	char *at = add(out_text, status, sizeof(status) - 1);

	if (length < 4 || line == NULL || memcmp(text, "ACK ", 4) == 0)
		return 0;
	while (++line < stop && *line != '\r') {
		const char *next = memchr(line, '\n', (size_t)(stop - line));

		if (next == NULL)
			return 0;
		if (is_repeated(line, (size_t)(next - line))) {
			at = add(at, line, (size_t)(next + 1 - line));
			if ((line[0] | 32) == 't')
				at = add(at - 2, ";tag=1\r\n", 8);
		}
		line = next;
	}
	return (size_t)(add(at, end, sizeof(end) - 1) - out_text);
}

static void
serve(int fd)
{
	unsigned n = 0, sent = 0;
	int got = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);

	for (int i = 0; i < got; i++) {
		size_t length = answer(out_bytes[n], in_bytes[i], in[i].msg_len);

		in[i].msg_hdr.msg_namelen = sizeof(peers[i]);
		if (length == 0)
			continue;
		out_iov[n] = (struct iovec){ out_bytes[n], length };
		out[n].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof(peers[i]), .msg_iov = &out_iov[n], .msg_iovlen = 1 };
		n++;
	}
	while (sent < n) {
		int some = sendmmsg(fd, out + sent, n - sent, 0);

		sent += some > 0 ? (unsigned)some : 1;
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), space = 4 << 20;

	if (argc != 2)
		errx(2, "usage: sipanswer PORT");
	here.sin_port = htons((uint16_t)atoi(argv[1]));
	if (fd == -1 || bind(fd, (struct sockaddr *)&here, sizeof(here)) == -1)
		err(1, "port %s", argv[1]);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &space, sizeof(space));
	for (int i = 0; i < BATCH; i++) {
		in_iov[i] = (struct iovec){ in_bytes[i], SIZE };
		in[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof(peers[i]), .msg_iov = &in_iov[i], .msg_iovlen = 1 };
	}
	for (;;)
		serve(fd);
}
