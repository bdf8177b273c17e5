/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants:
 *   1. the socket is watched for input unless paused, holding kept input, at its end, or lost;
 *   2. it is watched for output only while the system's buffer is full (or while connecting);
 *   3. a failed write is remembered and told at the end of the turn, never from inside the write;
 *   4. memory goes when the outermost callback returns (calls > 0 holds it).
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
	hub->n_conns++;
	return conn;
}

struct or_conn *or_conn_new(struct or_conn_hub *hub, int fd, const struct or_conn_opt *opt,
    const struct or_conn_ops *ops, void *arg)
{
	struct or_conn *conn = new_conn(hub, fd, opt, ops, arg);

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

/* -- input -- */

/* Gives bytes to the receiver; false where it freed the connection. */
static bool give(struct or_conn *conn, struct or_slice in, size_t *taken)
{
	enter(conn);
	*taken = conn->ops->on_data(conn->arg, in);
	OR_ASSERT(*taken <= in.n);
	return leave(conn);
}

static void on_readable(void *arg, int fd, int what)
{
	struct or_conn *conn = arg;
	ssize_t n = recv(fd, conn->hub->scratch, sizeof(conn->hub->scratch), 0);
	size_t taken;

	(void)what;
	conn->again = false;
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			lose(conn, errno == ECONNRESET ? OR_CLOSED : OR_IO);
		return;
	}
	if (n == 0) {
		conn->at_eof = true;
		set_reading(conn);
		enter(conn);
		conn->ops->on_eof(conn->arg);
		leave(conn);
		return;
	}
	if (!give(conn, or_slice(conn->hub->scratch, (size_t)n), &taken))
		return;
	or_buf_put(&conn->kept, conn->hub->scratch + taken, (size_t)n - taken);
	set_reading(conn);
	if (conn->again && conn->kept.n)
		defer(conn);
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
	if (conn->kept.n)
		defer(conn);
	else
		set_reading(conn);
}

/* False where the receiver freed the connection. */
static bool give_kept(struct or_conn *conn)
{
	size_t taken;

	if (!conn->again || !conn->kept.n || conn->paused || conn->lost)
		return true;
	conn->again = false;
	if (!give(conn, or_buf_slice(&conn->kept), &taken))
		return false;
	or_buf_consume(&conn->kept, taken);
	if (!conn->kept.n)
		or_buf_done(&conn->kept);
	else if (conn->again)
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
	return conn->out.n - conn->sent;
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
	size_t mine = or_conn_queued(conn) < n ? or_conn_queued(conn) : n;

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
	size_t queued = or_conn_queued(conn);

	if (conn->lost)
		return;
	if (queued >= conn->high)
		conn->full = true;
	set_writing(conn, queued > 0 || conn->connecting);
	if (!queued && conn->ends && !conn->connecting)
		(void)shutdown(conn->fd, SHUT_WR);
}

void or_conn_write(struct or_conn *conn, const struct or_slice *parts, size_t n_parts)
{
	size_t left;

	OR_ASSERT(n_parts <= OR_CONN_PARTS_MAX);
	if (conn->lost || conn->freed)
		return;
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
	if (conn->lost || conn->freed)
		return;
	or_buf_put_slice(&conn->out, s);
	if (!or_buf_ok(&conn->out))
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
	enter(conn);
	conn->ops->on_open(conn->arg);
	if (!leave(conn))
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
