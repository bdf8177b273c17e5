/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines are not timers: one sweep looks at all connections; once a second while some request is
 * under way, else when the next idle one is due. So idle connections cost no wake-ups.
 */
#include "base/h2_server.h"

#include "base/conn.h"
#include "base/mem.h"

#include <stdio.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64
#define PIECE            (16U * 1024)
#define LINGER_NS        (2 * OR_NS_PER_S)
#define SWEEP_NS         OR_NS_PER_S

struct h2_conn {
	struct h2_conn *next, *prev;
	struct or_h2_server *server;
	struct or_conn *conn;
	struct or_h2 *h2;
	struct or_net_addr peer;
	char peer_text[OR_NET_TEXT_MAX];
	int64_t idle_until_ns; /* while no request is under way */
	size_t queued;         /* output at the last look, */
	int64_t progress_ns;   /* and when it last moved */
	bool leaving;          /* GOAWAY was said */
	bool closing;          /* the output ends, and what comes is thrown away */
};

struct or_h2_server {
	struct or_loop *loop;
	struct or_h2_server_opt opt;
	struct or_h2_room *room;
	struct or_conn_hub *hub;
	int fd;
	struct or_loop_io *accept_io;
	char address[OR_NET_TEXT_MAX];
	char unix_path[OR_NET_TEXT_MAX];

	struct h2_conn *conns;
	struct h2_conn *sweep_next; /* moved on where that one closes */
	struct or_loop_timer *sweep;
	int64_t sweep_at_ns;
	int64_t sweep_ns;
	struct or_h2_server_stats stats;

	bool draining;
	or_loop_fn *drained;
	void *drained_arg;
	struct or_buf piece;
};

static void on_accept(void *arg, int fd, int what);
static void on_sweep(void *arg);

static int64_t now_of(const struct h2_conn *c)
{
	return or_loop_now_ns(c->server->loop);
}

static void sweep_by(struct or_h2_server *server, int64_t at_ns)
{
	int64_t now = or_loop_now_ns(server->loop);

	if (server->sweep && server->sweep_at_ns <= at_ns)
		return;
	or_loop_timer_cancel(server->sweep);
	server->sweep_at_ns = at_ns;
	server->sweep =
	    or_loop_timer_start(server->loop, at_ns > now ? at_ns - now : 0, on_sweep, server);
}

static void set_accepting(struct or_h2_server *server, bool wanted)
{
	if (wanted && !server->accept_io && server->fd >= 0) {
		server->accept_io =
		    or_loop_io_start(server->loop, server->fd, OR_LOOP_READ, on_accept, server);
	} else if (!wanted && server->accept_io) {
		or_loop_io_cancel(server->accept_io);
		server->accept_io = NULL;
		sweep_by(server, or_loop_now_ns(server->loop) + server->sweep_ns); /* tries again */
	}
}

static void on_drained(void *arg)
{
	struct or_h2_server *server = arg;
	or_loop_fn *fn = server->drained;

	server->drained = NULL;
	if (fn)
		fn(server->drained_arg);
}

static void close_conn(struct h2_conn *c)
{
	struct or_h2_server *server = c->server;

	if (c->prev)
		c->prev->next = c->next;
	else
		server->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (server->sweep_next == c)
		server->sweep_next = c->next;
	server->stats.open--;
	or_h2_free(c->h2);
	or_conn_free(c->conn);
	or_mem_free(c);
	if (!server->draining)
		set_accepting(server, true);
	if (!server->conns && server->drained)
		or_loop_defer(server->loop, on_drained, server);
}

/* -- bytes -- */

static void end_output(struct h2_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	c->idle_until_ns = now_of(c) + LINGER_NS;
	sweep_by(c->server, c->idle_until_ns);
	or_conn_shutdown(c->conn);
}

/* Sends what there is, as long as the client takes it; then the next input may come. */
static void pump(struct h2_conn *c)
{
	struct or_buf *piece = &c->server->piece;

	while (!or_conn_is_full(c->conn) && !or_conn_is_lost(c->conn)) {
		struct or_slice s;

		or_buf_clear(piece);
		or_h2_take(c->h2, piece, PIECE);
		s = or_buf_slice(piece);
		if (!s.n)
			break;
		or_conn_write(c->conn, &s, 1);
	}
	if (or_conn_is_full(c->conn))
		or_conn_pause(c->conn);
	else if (or_h2_is_over(c->h2))
		end_output(c);
}

/* A request began or ended: when is the connection idle for too long? */
static void note_activity(struct h2_conn *c)
{
	struct or_h2_server *server = c->server;
	int64_t now = now_of(c);

	if (c->closing)
		return;
	if (or_h2_n_streams(c->h2)) {
		sweep_by(server, now + server->sweep_ns);
		return;
	}
	c->idle_until_ns = now + server->opt.idle_ns;
	sweep_by(server, c->idle_until_ns);
}

static void on_h2_request(void *arg, struct or_h2_req *req)
{
	struct h2_conn *c = arg;
	struct or_h2_server *server = c->server;

	server->stats.requests++;
	c->idle_until_ns = 0;
	server->opt.on_request(server->opt.arg, req);
}

static void on_h2_ready(void *arg)
{
	struct h2_conn *c = arg;

	pump(c);
	note_activity(c);
}

static const struct or_h2_ops h2_ops = {.on_request = on_h2_request, .on_ready = on_h2_ready};

static size_t on_data(void *arg, struct or_slice in)
{
	struct h2_conn *c = arg;
	size_t before = or_h2_n_streams(c->h2);
	uint64_t requests = c->server->stats.requests;

	if (c->closing)
		return in.n;
	if (or_h2_put(c->h2, in, now_of(c))) {
		c->server->stats.broken++;
		pump(c);
		end_output(c);
		return in.n;
	}
	pump(c);
	/* pings and the like keep nothing open */
	if (before || or_h2_n_streams(c->h2) || requests != c->server->stats.requests)
		note_activity(c);
	return in.n;
}

static void on_room(void *arg)
{
	struct h2_conn *c = arg;

	pump(c);
	if (!or_conn_is_full(c->conn))
		or_conn_resume(c->conn);
}

/* Who sends nothing more sends no WINDOW_UPDATE either; there are no half-closed HTTP/2 clients. */
static void on_eof(void *arg)
{
	close_conn(arg);
}

static void on_lost(void *arg, enum or_code why)
{
	(void)why;
	close_conn(arg);
}

static void on_open(void *arg)
{
	(void)arg; /* the handshake is complete */
}

static const struct or_conn_ops conn_ops = {.on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_lost = on_lost};

/* -- connections -- */

static void open_conn(struct or_h2_server *server, int fd, const struct or_net_addr *peer)
{
	struct h2_conn *c = or_mem_new(sizeof(*c));
	struct or_conn_opt opt = {0};
	int64_t now = or_loop_now_ns(server->loop);

	/* it fails for a client's host name only */
	if (server->opt.tls)
		OR_ASSERT(!or_tls_session_new(&opt.tls, server->opt.tls, NULL, NULL));
	c->server = server;
	c->peer = *peer;
	or_net_text(c->peer_text, peer);
	c->h2 = or_h2_new(server->room, &h2_ops, c, now);
	c->conn = or_conn_new(server->hub, fd, &opt, &conn_ops, c);
	c->progress_ns = now;
	c->idle_until_ns = now + server->opt.first_ns;
	c->next = server->conns;
	if (c->next)
		c->next->prev = c;
	server->conns = c;
	server->stats.open++;
	server->stats.accepted++;
	sweep_by(server, c->idle_until_ns);
}

/* Closes the connection that has been idle for longest. */
static bool make_room(struct or_h2_server *server)
{
	struct h2_conn *oldest = NULL;

	for (struct h2_conn *c = server->conns; c; c = c->next) {
		if (!or_h2_n_streams(c->h2) &&
		    (!oldest || c->idle_until_ns < oldest->idle_until_ns))
			oldest = c;
	}
	if (oldest)
		close_conn(oldest);
	return oldest != NULL;
}

static void on_accept(void *arg, int listener, int what)
{
	struct or_h2_server *server = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct or_net_addr peer;
		enum or_code rc;
		int fd;

		if (server->stats.open >= server->opt.max_conns) {
			/* that somebody waits is known for the first one only */
			if (i > 0)
				return;
			if (!make_room(server)) {
				set_accepting(server, false);
				return;
			}
		}
		rc = or_net_accept(&fd, &peer, listener);
		if (rc == OR_AGAIN)
			return;
		if (rc) {
			set_accepting(server, false);
			return;
		}
		open_conn(server, fd, &peer);
	}
}

/* -- deadlines -- */

/* True where the client has not taken a byte of what waits for it for too long. */
static bool is_stuck(struct h2_conn *c, int64_t now)
{
	size_t queued = or_conn_queued(c->conn);

	if (queued == 0 || queued != c->queued) {
		c->queued = queued;
		c->progress_ns = now;
	}
	return now - c->progress_ns > c->server->opt.write_ns;
}

static void check_conn(struct h2_conn *c, int64_t now)
{
	bool is_idle = !or_h2_n_streams(c->h2);

	if (is_stuck(c, now) || (c->closing && now >= c->idle_until_ns)) {
		close_conn(c);
		return;
	}
	if (c->closing)
		return;
	if (!is_idle) {
		or_h2_expire(c->h2, now);
	} else if (now >= c->idle_until_ns) {
		if (!c->leaving)
			or_h2_leave(c->h2);
		c->leaving = true;
	}
	pump(c);
}

static void on_sweep(void *arg)
{
	struct or_h2_server *server = arg;
	int64_t now = or_loop_now_ns(server->loop);
	int64_t next_ns = INT64_MAX;

	server->sweep = NULL;
	for (struct h2_conn *c = server->conns; c; c = server->sweep_next) {
		server->sweep_next = c->next;
		check_conn(c, now);
	}
	for (struct h2_conn *c = server->conns; c; c = c->next) {
		bool is_idle = !or_h2_n_streams(c->h2) && !or_conn_queued(c->conn);
		int64_t due =
		    is_idle && c->idle_until_ns > now ? c->idle_until_ns : now + server->sweep_ns;

		next_ns = due < next_ns ? due : next_ns;
	}
	if (!server->draining)
		set_accepting(server, true);
	if (next_ns != INT64_MAX)
		sweep_by(server, next_ns);
}

/* -- the server -- */

static void set_defaults(struct or_h2_server *server, const struct or_h2_server_opt *opt)
{
	struct or_h2_server_opt *o = &server->opt;
	int64_t shortest;

	*o = *opt;
	o->max_conns = opt->max_conns ? opt->max_conns : 256;
	o->first_ns = opt->first_ns ? opt->first_ns : 10 * OR_NS_PER_S;
	o->idle_ns = opt->idle_ns ? opt->idle_ns : 300 * OR_NS_PER_S;
	o->write_ns = opt->write_ns ? opt->write_ns : 30 * OR_NS_PER_S;
	shortest = o->write_ns;
	if (opt->h2.request_ns && opt->h2.request_ns < shortest)
		shortest = opt->h2.request_ns;
	if (opt->h2.answer_ns && opt->h2.answer_ns < shortest)
		shortest = opt->h2.answer_ns;
	server->sweep_ns = shortest / 8 < SWEEP_NS ? shortest / 8 : SWEEP_NS;
	if (server->sweep_ns < 5 * OR_NS_PER_MS)
		server->sweep_ns = 5 * OR_NS_PER_MS;
}

enum or_code or_h2_server_new(struct or_h2_server **out, struct or_loop *loop,
    const struct or_h2_server_opt *opt, struct or_err *err)
{
	struct or_h2_server *server;
	struct or_net_addr addr;
	enum or_code rc;
	int fd;

	rc = or_net_parse(&addr, opt->listen, err);
	if (rc == OR_OK)
		rc = or_net_listen(&fd, &addr, err);
	if (rc)
		return rc;
	rc = or_net_local(&addr, fd, err);
	if (rc) {
		close(fd);
		return rc;
	}
	server = or_mem_new(sizeof(*server));
	server->loop = loop;
	server->fd = fd;
	server->hub = or_conn_hub_new(loop);
	server->room = or_h2_room_new(&opt->h2);
	or_net_text(server->address, &addr);
	if (addr.sa.sa_family == AF_UNIX)
		snprintf(server->unix_path, sizeof(server->unix_path), "%s", addr.un.sun_path);
	or_buf_init(&server->piece, 4 * PIECE);
	set_defaults(server, opt);
	if (opt->tls)
		or_tls_ref(opt->tls);
	server->opt.listen = server->address;
	set_accepting(server, true);
	*out = server;
	return OR_OK;
}

static void stop_listening(struct or_h2_server *server)
{
	or_loop_io_cancel(server->accept_io);
	server->accept_io = NULL;
	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
	if (server->unix_path[0])
		(void)unlink(server->unix_path);
	server->unix_path[0] = 0;
}

void or_h2_server_free(struct or_h2_server *server)
{
	if (!server)
		return;
	stop_listening(server);
	server->drained = NULL;
	while (server->conns)
		close_conn(server->conns);
	or_loop_defer_cancel(server->loop, on_drained, server);
	or_loop_timer_cancel(server->sweep);
	or_conn_hub_free(server->hub);
	or_h2_room_free(server->room);
	or_tls_unref(server->opt.tls);
	or_buf_done(&server->piece);
	or_mem_free(server);
}

const char *or_h2_server_address(const struct or_h2_server *server)
{
	return server->address;
}

struct or_loop *or_h2_server_loop(const struct or_h2_server *server)
{
	return server->loop;
}

void or_h2_server_drain(struct or_h2_server *server, or_loop_fn *done, void *arg)
{
	stop_listening(server);
	server->draining = true;
	server->drained = done;
	server->drained_arg = arg;
	for (struct h2_conn *c = server->conns; c; c = c->next) {
		if (!c->leaving)
			or_h2_leave(c->h2);
		c->leaving = true;
		pump(c);
	}
	if (!server->conns)
		or_loop_defer(server->loop, on_drained, server);
}

void or_h2_server_stats(struct or_h2_server_stats *out, const struct or_h2_server *server)
{
	*out = server->stats;
}

const struct or_net_addr *or_h2_server_peer(const struct or_h2_req *req)
{
	const struct h2_conn *c = or_h2_req_conn(req);

	return &c->peer;
}

const char *or_h2_server_peer_text(const struct or_h2_req *req)
{
	const struct h2_conn *c = or_h2_req_conn(req);

	return c->peer_text;
}
