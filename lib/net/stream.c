/*
 * The input holds what was read and not taken: in.p[taken..n). Reading happens when somebody wants more than is held,
 * and stops at what he wants plus a chunk. `dry` remembers that the last read emptied the socket: then only an event
 * is worth another one. A stream that nobody wants from keeps its interest until an event shows that it costs
 * something.
 */
#include "net/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/opening.h"
#include "net/tlsconn.h"

enum {
	CHUNK = 4096,          /* read at least that much at a time */
	SCRATCH = 65536,
	KEEP = 4096,           /* what an empty buffer may hold on to: most streams are idle */
};

/* --- reading --- */

static size_t
held(const struct stream *st)
{
	return st->input.n - st->taken;
}

static void
end_input(struct stream *st, int error)
{
	st->eof = true;
	if (error != 0 && st->error == 0)
		st->error = error;
	side_unwant(&st->in, POLLER_IN);
}

/* What was taken goes when it is at least as much as what is left: so each byte is moved once, on average. */
static void
tidy_input(struct stream *st)
{
	if (st->taken < held(st))
		return;
	buf_consume(&st->input, st->taken);
	st->taken = 0;
}

/* One read; how many bytes came, 0 when none did for whatever reason. */
static size_t
read_once(struct stream *st)
{
	static char scratch[SCRATCH];
	size_t room, limit = st->most - held(st);
	bool direct;
	ssize_t n;

	tidy_input(st);
	room = st->input.cap > st->input.n ? st->input.cap - st->input.n - 1 : 0;
	direct = room >= CHUNK;
	if (limit < CHUNK)
		limit = CHUNK;
	if (limit > (direct ? room : SCRATCH))
		limit = direct ? room : SCRATCH;
	/* through the scratch page no idle stream holds more memory than it has bytes */
	n = side_read(&st->in, direct ? st->input.p + st->input.n : scratch, limit);
	/* TLS gives a record at a time */
	st->dry = st->in.tls != NULL ? n == -1 : n < (ssize_t)limit && !st->always;
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n <= 0) {
		end_input(st, n == 0 ? 0 : errno);
		return 0;
	}
	if (direct)
		buf_added(&st->input, (size_t)n);
	else
		buf_put(&st->input, scratch, (size_t)n);
	if (st->input.failed)
		end_input(st, ENOMEM);
	return (size_t)n;
}

static size_t
fill(struct stream *st)
{
	size_t sum = 0, n;

	while (!st->eof && !st->dry && held(st) < st->most && (n = read_once(st)) > 0)
		sum += n;
	return sum;
}

int
stream_want(struct stream *st, size_t most)
{
	size_t came;

	st->most = most;
	if (most == 0)
		return 0;
	if (st->eof)
		return -1;
	if (most <= held(st) || opening_is_on(st))
		return 0;
	came = fill(st);
	if (!st->eof && held(st) < most && side_want(&st->in, POLLER_IN) == -1) {
		if (errno != EPERM) {
			end_input(st, errno);
		} else {
			st->always = true;
			st->dry = false;
			came += fill(st);
		}
	}
	return came > 0 ? 1 : st->eof ? -1 : 0;
}

static void
readable(struct stream *st)
{
	st->dry = false;
	if (held(st) >= st->most) {
		side_unwant(&st->in, POLLER_IN);
		return;
	}
	if (fill(st) > 0 || st->eof)
		st->news = true;
}

struct slice
stream_input(const struct stream *st)
{
	return slice_make(st->input.p + st->taken, held(st));
}

void
stream_take(struct stream *st, size_t n)
{
	st->taken += n < held(st) ? n : held(st);
	if (held(st) > 0)
		return;
	st->taken = 0;
	buf_clear(&st->input);
	buf_trim(&st->input, KEEP);
}

/* --- writing --- */

static void
break_output(struct stream *st, int error)
{
	st->broken = true;
	if (st->error == 0)
		st->error = error;
	buf_clear(&st->output);
	st->sent = 0;
	side_unwant(st->writer, POLLER_OUT);
}

/* What of `data` the descriptor takes now. -1: it is broken. */
static int
push(struct stream *st, struct slice data, size_t *done)
{
	*done = 0;
	while (*done < data.n) {
		ssize_t n = side_write(st->writer, data.p + *done, data.n - *done);

		if (n == -1) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return 0;
			break_output(st, errno);
			return -1;
		}
		*done += (size_t)n;
	}
	return 0;
}

static int
finish(struct stream *st)
{
	int result = side_finish(st->writer);

	if (result == -1 && errno == EAGAIN)
		return side_want(st->writer, POLLER_OUT);
	if (st->in.watch.fd == -1)
		st->eof = true;
	return result;
}

/* Sends what is kept, as far as it goes. */
static void
flush(struct stream *st)
{
	struct slice rest = slice_make(st->output.p + st->sent, stream_pending(st));
	size_t done;

	if (push(st, rest, &done) == -1)
		return;
	st->sent += done;
	if (done < rest.n) {
		if (side_want(st->writer, POLLER_OUT) == -1)
			break_output(st, errno);
		return;
	}
	buf_clear(&st->output);
	buf_trim(&st->output, KEEP);
	st->sent = 0;
	side_unwant(st->writer, POLLER_OUT);
	if (st->shut)
		(void)finish(st);
}

static void
writable(struct stream *st)
{
	flush(st);
	if (stream_pending(st) == 0)
		st->news = true;
}

static int
keep(struct stream *st, struct slice rest)
{
	if (st->sent > 0 && st->sent >= st->output.n - st->sent) {
		buf_consume(&st->output, st->sent);
		st->sent = 0;
	}
	buf_putslice(&st->output, rest);
	if (st->output.failed) {
		break_output(st, ENOMEM);
		errno = ENOMEM;
		return -1;
	}
	if (!opening_is_on(st) && side_want(st->writer, POLLER_OUT) == -1) {
		int error = errno;

		break_output(st, error);
		errno = error;
		return -1;
	}
	return 0;
}

int
stream_write(struct stream *st, struct slice data)
{
	size_t done = 0;

	if (st->broken || st->shut) {
		errno = st->broken ? st->error : EPIPE;
		return -1;
	}
	if (!opening_is_on(st) && stream_pending(st) == 0 && push(st, data, &done) == -1) {
		errno = st->error;
		return -1;
	}
	if (done == data.n)
		return 0;
	return keep(st, slice_make(data.p + done, data.n - done));
}

size_t
stream_pending(const struct stream *st)
{
	return st->output.n - st->sent;
}

int
stream_shutdown(struct stream *st)
{
	if (st->broken) {
		errno = st->error;
		return -1;
	}
	if (st->shut)
		return 0;
	st->shut = true;
	return opening_is_on(st) || stream_pending(st) > 0 ? 0 : finish(st);
}

/* --- for opening.c, and the loop's calls --- */

void
stream_begin(struct stream *st)
{
	st->connected = true;
	st->news = true;
	flush(st);
	if (st->most > 0)
		(void)stream_want(st, st->most);
}

void
stream_fail(struct stream *st, int error)
{
	opening_end(st);
	st->news = true;
	end_input(st, error);
	break_output(st, error);
}

static void
destroy(struct stream *st)
{
	sched_undefer(st->s, &st->defer);
	opening_end(st);
	/* when something is lost the peer must not take it for the end */
	if (st->in.tls != NULL && stream_pending(st) == 0)
		(void)tlsconn_finish(st->in.tls);
	side_close(&st->in);
	side_close(&st->out);
	buf_fini(&st->input);
	buf_fini(&st->output);
	free(st);
}

void
stream_tell(struct stream *st)
{
	st->busy = true;
	if (st->news) {
		st->news = false;
		st->changed(st);
	}
	st->busy = false;
	if (st->closed)
		destroy(st);
}

static void
ready(struct watch *w, int events)
{
	struct side *side = (struct side *)w;
	struct stream *st = side->st;

	if (opening_is_on(st)) {
		opening_event(st);
	} else {
		events = side_meant(side, events);
		if (events & POLLER_OUT)
			writable(st);
		if (events & POLLER_IN)
			readable(st);
	}
	stream_tell(st);
}

/* --- opening and closing --- */

struct stream *
stream_open(struct sched *s, int fd, int fd_out, stream_changed *changed, void *user)
{
	struct stream *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->s = s;
	st->changed = changed;
	st->user = user;
	st->connected = true;
	st->eof = fd == -1;
	if (side_init(&st->in, s->poller, fd, ready, st) == -1 ||
	    side_init(&st->out, s->poller, fd_out, ready, st) == -1) {
		free(st);
		return NULL;
	}
	st->writer = fd_out != -1 ? &st->out : &st->in;
	return st;
}

void
stream_close(struct stream *st)
{
	if (st == NULL)
		return;
	st->closed = true;
	if (!st->busy)
		destroy(st);
}

/* --- what there is to know --- */

void *
stream_user(const struct stream *st)
{
	return st->user;
}

void
stream_set_user(struct stream *st, stream_changed *changed, void *user)
{
	st->changed = changed;
	st->user = user;
}

int
stream_fd(const struct stream *st)
{
	return st->in.watch.fd;
}

int
stream_fd_out(const struct stream *st)
{
	return st->writer->watch.fd;
}

bool
stream_connected(const struct stream *st)
{
	return st->connected;
}

bool
stream_eof(const struct stream *st)
{
	return st->eof;
}

int
stream_error(const struct stream *st)
{
	return st->error;
}

const char *
stream_why(const struct stream *st)
{
	const struct tlsconn *tls = st->in.tls;

	if (tls != NULL && st->error == ETIMEDOUT && !tlsconn_ready(tls))
		return "timeout in the TLS handshake";
	return tls != NULL && tlsconn_why(tls) != NULL ? tlsconn_why(tls) : strerror(st->error);
}

const struct tlsconn *
stream_tls(const struct stream *st)
{
	return st->in.tls;
}

int
stream_localaddr(const struct stream *st, struct addr *a)
{
	struct addr got = { .len = sizeof(got.u) };

	if (getsockname(st->in.watch.fd, &got.u.sa, &got.len) == -1)
		return -1;
	*a = got;
	return 0;
}

int
stream_peeraddr(const struct stream *st, struct addr *a)
{
	struct addr got = { .len = sizeof(got.u) };

	if (getpeername(st->in.watch.fd, &got.u.sa, &got.len) == -1)
		return -1;
	*a = got;
	return 0;
}
