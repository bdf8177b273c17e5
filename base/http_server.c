/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines are not timers: each connection has the time at which its phase ends, and one sweep
 * looks at all of them, a few times per the shortest deadline. Nothing is armed per request.
 */
#include "base/http_server.h"

#include "base/http_req_impl.h"
#include "base/mem.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64
#define SCRATCH_MAX      (64U * 1024)
#define LINGER_NS        (2 * OR_NS_PER_S)

struct or_http_server {
	struct or_loop *loop;
	struct or_http_server_opt opt;
	struct or_conn_hub *hub;
	int fd;
	struct or_loop_io *accept_io;
	char address[OR_NET_TEXT_MAX];
	char unix_path[OR_NET_TEXT_MAX];
	uint16_t port;

	struct or_http_req *conns;      /* newest first */
	struct or_http_req *sweep_next; /* moved on where that one closes */
	struct or_loop_timer *sweep;
	int64_t sweep_ns;
	struct or_http_server_stats stats;

	bool draining;
	or_loop_fn *drained;
	void *drained_arg;

	struct or_buf scratch;
	time_t date_second;
	char date[64];
	size_t date_n;
};

static void on_accept(void *arg, int fd, int what);
static void on_sweep(void *arg);

/* -- what requests ask for -- */

bool or_http_server_is_draining(const struct or_http_server *server)
{
	return server->draining;
}

int64_t or_http_server_now(const struct or_http_server *server)
{
	return or_loop_now_ns(server->loop);
}

const struct or_http_server_opt *or_http_server_get_opt(const struct or_http_server *server)
{
	return &server->opt;
}

struct or_loop *or_http_server_loop(const struct or_http_server *server)
{
	return server->loop;
}

struct or_buf *or_http_server_scratch(struct or_http_server *server)
{
	or_buf_clear(&server->scratch);
	return &server->scratch;
}

struct or_slice or_http_server_date(struct or_http_server *server)
{
	time_t second = (time_t)(or_loop_wall_ns(server->loop) / OR_NS_PER_S);
	struct tm tm;

	if (second != server->date_second) {
		gmtime_r(&second, &tm);
		server->date_n = strftime(
		    server->date, sizeof(server->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
		server->date_second = second;
	}
	return or_slice(server->date, server->date_n);
}

void or_http_server_begin(struct or_http_req *req)
{
	struct or_http_server *server = req->server;

	server->stats.requests++;
	server->opt.on_request(server->opt.arg, req);
}

void or_http_server_count_refused(struct or_http_req *req, enum or_http_reason reason)
{
	struct or_http_server *server = req->server;

	server->stats.refused++;
	if (server->opt.on_refused)
		server->opt.on_refused(server->opt.arg, &req->peer, reason);
}

/* -- connections -- */

static void start_sweep(struct or_http_server *server)
{
	if (!server->sweep)
		server->sweep =
		    or_loop_timer_start(server->loop, server->sweep_ns, on_sweep, server);
}

static void set_accepting(struct or_http_server *server, bool wanted)
{
	if (wanted && !server->accept_io && server->fd >= 0) {
		server->accept_io =
		    or_loop_io_start(server->loop, server->fd, OR_LOOP_READ, on_accept, server);
	} else if (!wanted && server->accept_io) {
		or_loop_io_cancel(server->accept_io);
		server->accept_io = NULL;
		start_sweep(server); /* which tries again */
	}
}

static void unlink_conn(struct or_http_req *req)
{
	struct or_http_server *server = req->server;

	if (req->prev)
		req->prev->next = req->next;
	else
		server->conns = req->next;
	if (req->next)
		req->next->prev = req->prev;
	if (server->sweep_next == req)
		server->sweep_next = req->next;
	server->stats.open--;
	if (!server->draining)
		set_accepting(server, true);
}

static void on_drained(void *arg)
{
	struct or_http_server *server = arg;
	or_loop_fn *fn = server->drained;

	server->drained = NULL;
	if (fn)
		fn(server->drained_arg);
}

void or_http_server_close(struct or_http_req *req)
{
	struct or_http_server *server = req->server;

	if (req->conn) {
		or_http_req_forget(req);
		or_conn_free(req->conn);
		req->conn = NULL;
		unlink_conn(req);
		if (!server->conns && server->drained)
			or_loop_defer(server->loop, on_drained, server);
	}
	if (req->in_data)
		return;
	or_http_parse_free(req->parse);
	or_arena_free(req->arena);
	or_buf_done(&req->collected);
	or_mem_free(req);
}

static void open_conn(struct or_http_server *server, int fd, const struct or_net_addr *peer)
{
	struct or_http_req *req = or_mem_new(sizeof(*req));
	struct or_http_parse_opt parse = {.kind = OR_HTTP_PARSE_REQUESTS,
	    .max_head = server->opt.max_head,
	    .max_target = server->opt.max_target,
	    .max_fields = server->opt.max_fields,
	    .max_body = server->opt.max_body};
	struct or_conn_opt conn = {.high = server->opt.high};

	/* it fails for a client's host name only */
	if (server->opt.tls)
		OR_ASSERT(!or_tls_session_new(&conn.tls, server->opt.tls, NULL, NULL));
	req->server = server;
	req->peer = *peer;
	or_net_text(req->peer_text, peer);
	req->parse = or_http_parse_new(&parse);
	req->arena = or_arena_new(server->opt.arena);
	or_buf_init(&req->collected, 1);
	req->conn = or_conn_new(server->hub, fd, &conn, &or_http_req_conn_ops, req);
	req->progress_ns = or_loop_now_ns(server->loop);
	req->next = server->conns;
	if (req->next)
		req->next->prev = req;
	server->conns = req;
	server->stats.open++;
	server->stats.accepted++;
	or_http_req_reset(req);
	/* A connection that says nothing at all has the head's time, not the idle one's. */
	req->deadline_ns = req->progress_ns + server->opt.head_ns;
	start_sweep(server);
}

/* Idle, or busy with a head for longer than one that is sent at once takes: otherwise a few hundred
 * clients that send a byte now and then would keep everybody else out. */
static bool may_go(const struct or_http_req *req)
{
	const struct or_http_server *server = req->server;
	int64_t begun_ns = req->deadline_ns - server->opt.head_ns;

	if (req->phase == OR_HTTP_HEAD)
		return or_loop_now_ns(server->loop) - begun_ns > server->opt.head_ns / 10;
	return req->phase == OR_HTTP_IDLE && !or_conn_queued(req->conn);
}

/* Closes the connection that has been idle for longest, or trickles a head for longest. */
static bool make_room(struct or_http_server *server)
{
	struct or_http_req *oldest = NULL;

	for (struct or_http_req *req = server->conns; req; req = req->next) {
		if (may_go(req) && (!oldest || req->deadline_ns < oldest->deadline_ns))
			oldest = req;
	}
	if (!oldest)
		return false;
	server->stats.timed_out += oldest->phase == OR_HTTP_HEAD;
	or_http_server_close(oldest);
	return true;
}

static void on_accept(void *arg, int listener, int what)
{
	struct or_http_server *server = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct or_net_addr peer;
		enum or_code rc;
		int fd;

		if (server->stats.open >= server->opt.max_conns) {
			/* That somebody waits is known for the first one only. */
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
static bool is_stuck(struct or_http_req *req, int64_t now)
{
	size_t queued = or_conn_queued(req->conn);

	if (queued == 0 || queued != req->queued) {
		req->queued = queued;
		req->progress_ns = now;
	}
	return now - req->progress_ns > req->server->opt.write_ns;
}

static bool is_expired(struct or_http_req *req, int64_t now)
{
	bool between = req->phase == OR_HTTP_IDLE || req->phase == OR_HTTP_LINGER;

	if (is_stuck(req, now))
		return true;
	/* While an answer is on its way the phase behind it has not begun. */
	if (between && or_conn_queued(req->conn)) {
		req->deadline_ns = now + LINGER_NS;
		return false;
	}
	return req->deadline_ns && now > req->deadline_ns;
}

static void on_sweep(void *arg)
{
	struct or_http_server *server = arg;
	int64_t now = or_loop_now_ns(server->loop);
	struct or_http_req *req;

	server->sweep = NULL;
	for (req = server->conns; req; req = server->sweep_next) {
		server->sweep_next = req->next;
		if (!is_expired(req, now))
			continue;
		if (req->phase != OR_HTTP_IDLE && req->phase != OR_HTTP_LINGER)
			server->stats.timed_out++;
		or_http_req_expire(req);
	}
	if (!server->draining)
		set_accepting(server, true);
	if (server->conns || (!server->accept_io && !server->draining))
		start_sweep(server);
}

/* -- the server -- */

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_defaults(struct or_http_server *server, const struct or_http_server_opt *opt)
{
	struct or_http_server_opt *o = &server->opt;

	*o = *opt;
	o->max_conns = opt->max_conns ? opt->max_conns : 1024;
	o->arena = opt->arena ? opt->arena : 256 * OR_KIB;
	o->head_ns = opt->head_ns ? opt->head_ns : 10 * OR_NS_PER_S;
	o->body_ns = opt->body_ns ? opt->body_ns : 30 * OR_NS_PER_S;
	o->idle_ns = opt->idle_ns ? opt->idle_ns : 60 * OR_NS_PER_S;
	o->write_ns = opt->write_ns ? opt->write_ns : 30 * OR_NS_PER_S;
	server->sweep_ns =
	    min_ns(min_ns(o->head_ns, o->body_ns), min_ns(o->idle_ns, o->write_ns)) / 8;
	server->sweep_ns = min_ns(server->sweep_ns, OR_NS_PER_S);
	if (server->sweep_ns < 5 * OR_NS_PER_MS)
		server->sweep_ns = 5 * OR_NS_PER_MS;
}

enum or_code or_http_server_new(struct or_http_server **out, struct or_loop *loop,
    const struct or_http_server_opt *opt, struct or_err *err)
{
	struct or_http_server *server;
	struct or_net_addr addr;
	enum or_code rc;
	int fd;

	rc = or_net_parse(&addr, opt->listen, err);
	if (rc)
		return rc;
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
	server->port = or_net_port(&addr);
	or_net_text(server->address, &addr);
	if (addr.sa.sa_family == AF_UNIX)
		snprintf(server->unix_path, sizeof(server->unix_path), "%s", addr.un.sun_path);
	or_buf_init(&server->scratch, SCRATCH_MAX);
	set_defaults(server, opt);
	if (opt->tls)
		or_tls_ref(opt->tls);
	server->opt.listen = server->address;
	set_accepting(server, true);
	*out = server;
	return OR_OK;
}

static void stop_listening(struct or_http_server *server)
{
	if (server->accept_io)
		or_loop_io_cancel(server->accept_io);
	server->accept_io = NULL;
	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
	if (server->unix_path[0])
		(void)unlink(server->unix_path);
	server->unix_path[0] = 0;
}

void or_http_server_free(struct or_http_server *server)
{
	if (!server)
		return;
	stop_listening(server);
	server->drained = NULL;
	while (server->conns) {
		struct or_http_req *req = server->conns;

		or_http_req_lose(req, OR_CLOSED);
		or_http_server_close(req);
	}
	or_loop_defer_cancel(server->loop, on_drained, server);
	or_loop_timer_cancel(server->sweep);
	or_conn_hub_free(server->hub);
	or_tls_unref(server->opt.tls);
	or_buf_done(&server->scratch);
	or_mem_free(server);
}

void or_http_server_tls_put(struct or_http_server *server, struct or_tls *tls)
{
	OR_ASSERT(server->opt.tls && tls);
	or_tls_ref(tls);
	or_tls_unref(server->opt.tls);
	server->opt.tls = tls;
}

uint16_t or_http_server_port(const struct or_http_server *server)
{
	return server->port;
}

const char *or_http_server_address(const struct or_http_server *server)
{
	return server->address;
}

void or_http_server_drain(struct or_http_server *server, or_loop_fn *done, void *arg)
{
	struct or_http_req *req, *next;

	stop_listening(server);
	server->draining = true;
	server->drained = done;
	server->drained_arg = arg;
	for (req = server->conns; req; req = next) {
		next = req->next;
		if (req->phase == OR_HTTP_IDLE && !or_conn_queued(req->conn)) {
			or_http_server_close(req);
		} else if (req->raw_idle_ns && !req->finished) {
			/* A tunnel has no end of its own. */
			or_http_req_lose(req, OR_BUSY);
			or_http_server_close(req);
		}
	}
	if (!server->conns)
		or_loop_defer(server->loop, on_drained, server);
}

void or_http_server_stats(struct or_http_server_stats *out, const struct or_http_server *server)
{
	*out = server->stats;
}
