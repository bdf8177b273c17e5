/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants:
 *   1. the socket is watched for input unless paused, holding kept input, at its end, or lost;
 *   2. it is watched for output only while the system's buffer is full (or while connecting);
 *   3. a failed write is remembered and told at the end of the turn, never from inside the write;
 *   4. memory goes when the outermost callback returns (calls > 0 holds it);
 *   5. with TLS content waits in `plain` until the handshake is complete and the turn's writes are
 *      together; `out` holds what goes over the wire. What came over it and is not yet read lies in
 *      the session, at most what one read brought.
 */
#include "base/conn.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HIGH_DEFAULT (256U * 1024)
#define OUT_KEPT     4096

struct or_conn_hub {
	struct or_loop *loop;
	size_t n_conns;
	uint8_t scratch[OR_CONN_READ_MAX];
};

struct or_conn {
	struct or_conn_hub *hub;
	const struct or_conn_ops *ops;
	void *arg;
	int fd;
	struct or_loop_io *read_io;
	struct or_loop_io *write_io;
	struct or_buf kept; /* input that was not taken */
	struct or_buf out;
	struct or_buf plain;
	struct or_tls_session *tls;
	size_t sent; /* of out */
	size_t high;
	unsigned int calls;
	enum or_code lost;
	bool connecting;
	bool paused;
	bool again; /* what was kept is to be given again */
	bool at_eof;
	bool full;
	bool ends;     /* or_conn_shutdown was called */
	bool deferred; /* on_turn_end is due */
	bool told;     /* on_lost was called */
	bool opened;   /* on_open was called, or need not be */
	bool said_end; /* to a TLS peer */
	bool freed;
};

static void on_readable(void *arg, int fd, int what);
static void on_writable(void *arg, int fd, int what);
static void on_turn_end(void *arg);

struct or_conn_hub *or_conn_hub_new(struct or_loop *loop)
{
	struct or_conn_hub *hub = or_mem_new(sizeof(*hub));

	hub->loop = loop;
	return hub;
}

void or_conn_hub_free(struct or_conn_hub *hub)
{
	if (!hub)
		return;
	OR_ASSERT(hub->n_conns == 0);
	or_mem_free(hub);
}

static void set_reading(struct or_conn *conn)
{
	bool wanted = !conn->paused && !conn->kept.n && !conn->at_eof && !conn->lost &&
		      !conn->connecting && !conn->freed;

	if (wanted && !conn->read_io) {
		conn->read_io =
		    or_loop_io_start(conn->hub->loop, conn->fd, OR_LOOP_READ, on_readable, conn);
	} else if (!wanted && conn->read_io) {
		or_loop_io_cancel(conn->read_io);
		conn->read_io = NULL;
	}
}

static void set_writing(struct or_conn *conn, bool wanted)
{
	if (wanted && !conn->write_io) {
		conn->write_io =
		    or_loop_io_start(conn->hub->loop, conn->fd, OR_LOOP_WRITE, on_writable, conn);
	} else if (!wanted && conn->write_io) {
		or_loop_io_cancel(conn->write_io);
		conn->write_io = NULL;
	}
}

static void defer(struct or_conn *conn)
{
	if (conn->deferred || conn->freed)
		return;
	conn->deferred = true;
	or_loop_defer(conn->hub->loop, on_turn_end, conn);
}

static void lose(struct or_conn *conn, enum or_code why)
{
	if (conn->lost)
		return;
	conn->lost = why;
	set_reading(conn);
	set_writing(conn, false);
	defer(conn);
}

static void release(struct or_conn *conn)
{
	or_buf_done(&conn->kept);
	or_buf_done(&conn->out);
	or_buf_done(&conn->plain);
	or_tls_session_free(conn->tls);
	conn->hub->n_conns--;
	or_mem_free(conn);
}

static void enter(struct or_conn *conn)
{
	conn->calls++;
}

/* False where the callback freed the connection: it must not be touched any more. */
static bool leave(struct or_conn *conn)
{
	conn->calls--;
	if (!conn->freed)
		return true;
	if (!conn->calls)
		release(conn);
	return false;
}

static struct or_conn *new_conn(struct or_conn_hub *hub, int fd, const struct or_conn_opt *opt,
    const struct or_conn_ops *ops, void *arg)
{
	struct or_conn *conn = or_mem_new(sizeof(*conn));

	conn->hub = hub;
	conn->ops = ops;
	conn->arg = arg;
	conn->fd = fd;
	conn->high = opt && opt->high ? opt->high : HIGH_DEFAULT;
	or_buf_init(&conn->kept, OR_CONN_READ_MAX);
	or_buf_init(&conn->out, opt && opt->max ? opt->max : OR_CONN_OUT_MAX);
	or_buf_init(&conn->plain, conn->out.max);
	conn->tls = opt ? opt->tls : NULL;
	hub->n_conns++;
	return conn;
}

struct or_conn *or_conn_new(struct or_conn_hub *hub, int fd, const struct or_conn_opt *opt,
    const struct or_conn_ops *ops, void *arg)
{
	struct or_conn *conn = new_conn(hub, fd, opt, ops, arg);

	conn->opened = true;
	set_reading(conn);
	return conn;
}

enum or_code or_conn_connect(struct or_conn **out, struct or_conn_hub *hub,
    const struct or_net_addr *addr, const struct or_conn_opt *opt, const struct or_conn_ops *ops,
    void *arg, struct or_err *err)
{
	enum or_code rc;
	int fd;

	rc = or_net_connect(&fd, addr, err);
	if (rc)
		return rc;
	*out = new_conn(hub, fd, opt, ops, arg);
	(*out)->connecting = true;
	set_writing(*out, true);
	return OR_OK;
}

void or_conn_free(struct or_conn *conn)
{
	if (!conn || conn->freed)
		return;
	conn->freed = true;
	set_reading(conn);
	set_writing(conn, false);
	if (conn->deferred)
		or_loop_defer_cancel(conn->hub->loop, on_turn_end, conn);
	close(conn->fd);
	if (!conn->calls)
		release(conn);
}

void or_conn_attach(struct or_conn *conn, const struct or_conn_ops *ops, void *arg)
{
	conn->ops = ops;
	conn->arg = arg;
}

void or_conn_secure(struct or_conn *conn, struct or_tls_session *take, struct or_slice ahead)
{
	OR_ASSERT(!conn->tls && conn->calls);
	or_tls_session_put(take, ahead);
	conn->tls = take;
	conn->opened = false;
	defer(conn);
}

/* -- input -- */

/* Gives bytes to the receiver; false where it freed the connection. */
static bool give(struct or_conn *conn, struct or_slice in, size_t *taken)
{
	enter(conn);
	*taken = conn->ops->on_data(conn->arg, in);
	OR_ASSERT(*taken <= in.n);
	return leave(conn);
}

/* Gives bytes that are in the hub's scratch, and keeps what is not taken. */
static bool give_scratch(struct or_conn *conn, size_t n)
{
	size_t taken;

	conn->again = false;
	if (!give(conn, or_slice(conn->hub->scratch, n), &taken))
		return false;
	or_buf_put(&conn->kept, conn->hub->scratch + taken, n - taken);
	set_reading(conn);
	if (conn->again && conn->kept.n)
		defer(conn);
	return true;
}

static bool tell_eof(struct or_conn *conn)
{
	conn->at_eof = true;
	set_reading(conn);
	enter(conn);
	conn->ops->on_eof(conn->arg);
	return leave(conn);
}

static bool tell_open(struct or_conn *conn)
{
	conn->opened = true;
	enter(conn);
	conn->ops->on_open(conn->arg);
	return leave(conn);
}

/* The handshake is complete: tells that, and keeps content that came with it for afterwards. */
static bool open_content(struct or_conn *conn, size_t n)
{
	if (n) {
		or_buf_put(&conn->kept, conn->hub->scratch, n);
		conn->again = true;
		defer(conn);
	}
	if (!tell_open(conn))
		return false;
	or_conn_flush(conn);
	return true;
}

/* Reads content out of the session as long as somebody takes it. False: the receiver freed it. */
static bool give_content(struct or_conn *conn)
{
	while (!conn->paused && !conn->kept.n && !conn->at_eof && !conn->lost) {
		size_t n = 0;
		enum or_code rc = or_tls_session_read(
		    conn->tls, conn->hub->scratch, sizeof(conn->hub->scratch), &n);
		bool opens = !conn->opened && or_tls_session_is_open(conn->tls);

		or_tls_session_take(conn->tls, &conn->out);
		or_conn_flush(conn);
		if (opens && !open_content(conn, n))
			return false;
		if (rc == OR_AGAIN)
			return true;
		if (rc == OR_CLOSED)
			return tell_eof(conn);
		if (rc)
			lose(conn, rc);
		else if (!opens && !give_scratch(conn, n))
			return false;
	}
	return true;
}

static void on_readable(void *arg, int fd, int what)
{
	struct or_conn *conn = arg;
	ssize_t n = recv(fd, conn->hub->scratch, sizeof(conn->hub->scratch), 0);

	(void)what;
	conn->again = false;
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			lose(conn, errno == ECONNRESET ? OR_CLOSED : OR_IO);
	} else if (conn->tls && n == 0) {
		lose(conn, OR_CLOSED); /* RFC 8446 §6.1: it did not say so, perhaps it was cut */
	} else if (conn->tls) {
		or_tls_session_put(conn->tls, or_slice(conn->hub->scratch, (size_t)n));
		give_content(conn);
	} else if (n == 0) {
		tell_eof(conn);
	} else {
		give_scratch(conn, (size_t)n);
	}
}

void or_conn_pause(struct or_conn *conn)
{
	conn->paused = true;
	set_reading(conn);
}

void or_conn_resume(struct or_conn *conn)
{
	conn->paused = false;
	conn->again = true;
	if (conn->kept.n || conn->tls)
		defer(conn);
	else
		set_reading(conn);
}

/* False where the receiver freed the connection. */
static bool give_kept(struct or_conn *conn)
{
	size_t taken;

	if (conn->tls && !conn->kept.n && !conn->connecting) {
		set_reading(conn);
		return give_content(conn);
	}
	if (!conn->again || !conn->kept.n || conn->paused || conn->lost)
		return true;
	conn->again = false;
	if (!give(conn, or_buf_slice(&conn->kept), &taken))
		return false;
	or_buf_consume(&conn->kept, taken);
	if (!conn->kept.n)
		or_buf_done(&conn->kept);
	/* more of it may lie in the session, which no readiness tells */
	if (conn->kept.n ? conn->again : conn->tls != NULL)
		defer(conn);
	set_reading(conn);
	return true;
}

/* -- output -- */

static struct or_slice waiting(const struct or_conn *conn)
{
	return or_slice_from(or_buf_slice(&conn->out), conn->sent);
}

size_t or_conn_queued(const struct or_conn *conn)
{
	return conn->out.n - conn->sent + conn->plain.n;
}

const struct or_tls_session *or_conn_tls(const struct or_conn *conn)
{
	return conn->tls;
}

bool or_conn_is_full(const struct or_conn *conn)
{
	return conn->full;
}

bool or_conn_is_lost(const struct or_conn *conn)
{
	return conn->lost != OR_OK;
}

/* Takes n written bytes off the queue; the rest of n belongs to pieces behind it. */
static size_t take_sent(struct or_conn *conn, size_t n)
{
	size_t mine = waiting(conn).n < n ? waiting(conn).n : n;

	conn->sent += mine;
	if (conn->sent == conn->out.n) {
		conn->sent = 0;
		if (conn->out.cap > OUT_KEPT)
			or_buf_done(&conn->out);
		else
			or_buf_clear(&conn->out);
	} else if (conn->sent > OR_CONN_READ_MAX && conn->sent > conn->out.n / 2) {
		or_buf_consume(&conn->out, conn->sent);
		conn->sent = 0;
	}
	return n - mine;
}

/* Writes the queue and the pieces; *left says how many bytes of the pieces did not go. */
static void send_all(
    struct or_conn *conn, const struct or_slice *parts, size_t n_parts, size_t *left)
{
	struct iovec iov[OR_CONN_PARTS_MAX + 1];
	struct msghdr msg = {.msg_iov = iov};
	struct or_slice queued = waiting(conn);
	ssize_t n;

	*left = 0;
	iov[msg.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)queued.p, queued.n};
	for (size_t i = 0; i < n_parts; i++) {
		iov[msg.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)parts[i].p, parts[i].n};
		*left += parts[i].n;
	}
	if (conn->connecting || conn->write_io || queued.n + *left == 0)
		return;
	n = sendmsg(conn->fd, &msg, MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			lose(conn, errno == EPIPE || errno == ECONNRESET ? OR_CLOSED : OR_IO);
		return;
	}
	*left -= take_sent(conn, (size_t)n);
}

static void queue_rest(
    struct or_conn *conn, const struct or_slice *parts, size_t n_parts, size_t left)
{
	size_t skip = 0;

	for (size_t i = 0; i < n_parts; i++)
		skip += parts[i].n;
	skip -= left;
	for (size_t i = 0; i < n_parts; i++) {
		size_t from = skip < parts[i].n ? skip : parts[i].n;

		or_buf_put_slice(&conn->out, or_slice_from(parts[i], from));
		skip -= from;
	}
	if (!or_buf_ok(&conn->out))
		lose(conn, OR_FULL);
}

static void after_write(struct or_conn *conn)
{
	size_t unsent = waiting(conn).n;

	if (conn->lost)
		return;
	if (or_conn_queued(conn) >= conn->high)
		conn->full = true;
	set_writing(conn, unsent > 0 || conn->connecting);
	if (!or_conn_queued(conn) && conn->ends && !conn->connecting)
		(void)shutdown(conn->fd, SHUT_WR);
}

/* Content into what goes over the wire, once the handshake is complete. */
static void seal(struct or_conn *conn)
{
	if (!or_tls_session_is_open(conn->tls))
		return;
	if (conn->plain.n && or_tls_session_write(conn->tls, or_buf_slice(&conn->plain)))
		lose(conn, OR_PARSE);
	or_buf_done(&conn->plain);
	if (conn->ends && !conn->said_end) {
		conn->said_end = true;
		or_tls_session_close(conn->tls);
	}
	or_tls_session_take(conn->tls, &conn->out);
	if (!or_buf_ok(&conn->out))
		lose(conn, OR_FULL);
}

static void write_sealed(struct or_conn *conn, const struct or_slice *parts, size_t n_parts)
{
	size_t left;

	for (size_t i = 0; i < n_parts; i++)
		or_buf_put_slice(&conn->plain, parts[i]);
	if (!or_buf_ok(&conn->plain))
		lose(conn, OR_FULL);
	if (!conn->lost && !conn->connecting)
		seal(conn);
	if (!conn->lost)
		send_all(conn, NULL, 0, &left);
	after_write(conn);
}

void or_conn_write(struct or_conn *conn, const struct or_slice *parts, size_t n_parts)
{
	size_t left;

	OR_ASSERT(n_parts <= OR_CONN_PARTS_MAX);
	if (conn->lost || conn->freed)
		return;
	if (conn->tls) {
		write_sealed(conn, parts, n_parts);
		return;
	}
	send_all(conn, parts, n_parts, &left);
	if (left && !conn->lost)
		queue_rest(conn, parts, n_parts, left);
	after_write(conn);
}

void or_conn_flush(struct or_conn *conn)
{
	or_conn_write(conn, NULL, 0);
}

void or_conn_put(struct or_conn *conn, struct or_slice s)
{
	struct or_buf *to = conn->tls ? &conn->plain : &conn->out;

	if (conn->lost || conn->freed)
		return;
	or_buf_put_slice(to, s);
	if (!or_buf_ok(to))
		lose(conn, OR_FULL);
	else if (or_conn_queued(conn) >= conn->high)
		conn->full = true;
	defer(conn);
}

void or_conn_shutdown(struct or_conn *conn)
{
	conn->ends = true;
	or_conn_flush(conn);
}

/* False where the receiver freed the connection. */
static bool tell_room(struct or_conn *conn)
{
	if (!conn->full || or_conn_queued(conn) > conn->high / 2 || conn->lost)
		return true;
	conn->full = false;
	enter(conn);
	conn->ops->on_room(conn->arg);
	return leave(conn);
}

static void on_opened(struct or_conn *conn)
{
	conn->connecting = false;
	if (or_net_connected(conn->fd, NULL)) {
		lose(conn, OR_IO);
		return;
	}
	set_writing(conn, false);
	set_reading(conn);
	if (conn->tls ? !give_content(conn) : !tell_open(conn))
		return;
	or_conn_flush(conn);
	tell_room(conn);
}

static void on_writable(void *arg, int fd, int what)
{
	struct or_conn *conn = arg;

	(void)fd;
	(void)what;
	if (conn->connecting) {
		on_opened(conn);
		return;
	}
	set_writing(conn, false);
	or_conn_flush(conn);
	tell_room(conn);
}

static void on_turn_end(void *arg)
{
	struct or_conn *conn = arg;

	conn->deferred = false;
	if (!conn->lost && or_conn_queued(conn))
		or_conn_flush(conn);
	if (!tell_room(conn) || !give_kept(conn))
		return;
	if (conn->lost && !conn->deferred && !conn->told) {
		conn->told = true;
		enter(conn);
		conn->ops->on_lost(conn->arg, conn->lost);
		leave(conn);
	}
}
