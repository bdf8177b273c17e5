/* SPDX-License-Identifier: Apache-2.0 */
/* Real sockets on loopback; the client's side is written by hand, byte by byte where it matters. */
#include "base/http_server.h"
#include "base/mem.h"
#include "tests/support/support.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define H "Host: a\r\n"

struct rig {
	struct or_loop *loop;
	struct or_http_server *server;
	struct or_http_req *held; /* the last request of /hold */
	char log[65536];
	size_t n_log;
	size_t body_bytes;
	enum or_code closed;
	size_t n_closed;
	size_t to_send; /* what /big still has to write */
	bool paused;
	bool drained;
	enum or_http_reason refused;
};

struct client {
	struct rig *rig;
	int fd;
	char in[262144];
	size_t n;
	bool eof;
};

static void note(struct rig *rig, struct or_slice s)
{
	assert_true(rig->n_log + s.n < sizeof(rig->log));
	if (s.n)
		memcpy(rig->log + rig->n_log, s.p, s.n);
	rig->n_log += s.n;
}

static void on_body(void *arg, struct or_slice piece)
{
	struct rig *rig = arg;

	rig->body_bytes += piece.n;
}

static void on_end(void *arg)
{
	struct rig *rig = arg;
	char text[32];

	snprintf(text, sizeof(text), "%zu bytes", rig->body_bytes);
	or_http_req_respond(rig->held, 200, "text/plain", or_slice_str(text));
}

static void fill(struct rig *rig)
{
	static const char block[16384];

	while (rig->to_send && !or_http_req_is_full(rig->held)) {
		size_t n = rig->to_send < sizeof(block) ? rig->to_send : sizeof(block);

		or_http_req_write(rig->held, or_slice(block, n));
		rig->to_send -= n;
	}
	if (!rig->to_send)
		or_http_req_finish(rig->held);
}

static void on_room(void *arg)
{
	fill(arg);
}

static void on_close(void *arg, enum or_code why)
{
	struct rig *rig = arg;

	rig->closed = why;
	rig->n_closed++;
	rig->held = NULL;
}

static const struct or_http_req_ops ops = {
    .on_body = on_body, .on_end = on_end, .on_room = on_room, .on_close = on_close};

static void on_collected(void *arg, struct or_http_req *req, struct or_slice body)
{
	(void)arg;
	or_http_req_respond(req, 200, "text/plain", body);
}

static void start_chunked(struct or_http_req *req)
{
	struct or_http_field field = {OR_SLICE_LIT("X-A"), OR_SLICE_LIT("b")};

	ASSERT_CODE(or_http_req_start(req, 200, &field, 1, OR_HTTP_REQ_UNKNOWN), OR_OK);
	or_http_req_write(req, OR_SLICE_LIT("hello "));
	or_http_req_write(req, OR_SLICE_LIT("world"));
	or_http_req_finish(req);
}

static void on_request(void *arg, struct or_http_req *req)
{
	struct rig *rig = arg;
	struct or_slice path = or_http_req_msg(req)->path;

	note(rig, or_http_req_msg(req)->path);
	rig->body_bytes = 0;
	if (or_slice_is(path, "/echo")) {
		or_http_req_collect(req, 1000, on_collected, rig);
	} else if (or_slice_is(path, "/chunked")) {
		start_chunked(req);
	} else if (or_slice_is(path, "/upload") || or_slice_is(path, "/hold") ||
		   or_slice_is(path, "/big")) {
		rig->held = req;
		or_http_req_attach(req, &ops, rig);
		if (or_slice_is(path, "/upload"))
			or_http_req_read(req);
	} else if (or_slice_is(path, "/inject")) {
		struct or_http_field field = {OR_SLICE_LIT("X"), OR_SLICE_LIT("a\r\nY: b")};

		ASSERT_CODE(or_http_req_start(req, 200, &field, 1, 0), OR_INVAL);
		or_http_req_respond_with(req, 200, &field, 1, OR_SLICE_LIT("x"));
	} else {
		or_http_req_respond(req, 404, "text/plain", OR_SLICE_LIT("no"));
	}
}

static void on_refused(void *arg, const struct or_net_addr *peer, enum or_http_reason reason)
{
	struct rig *rig = arg;

	assert_true(or_net_is_loopback(peer));
	rig->refused = reason;
}

static void start(struct rig *rig, struct or_http_server_opt opt)
{
	struct or_err err;

	*rig = (struct rig){0};
	ASSERT_OK(or_loop_new(&rig->loop, NULL, &err), &err);
	opt.listen = opt.listen ? opt.listen : "127.0.0.1:0";
	opt.on_request = on_request;
	opt.on_refused = on_refused;
	opt.arg = rig;
	ASSERT_OK(or_http_server_new(&rig->server, rig->loop, &opt, &err), &err);
}

static void stop(struct rig *rig)
{
	or_http_server_free(rig->server);
	or_loop_free(rig->loop);
}

static struct client *dial(struct rig *rig)
{
	struct client *c = or_mem_new(sizeof(*c));
	struct or_net_addr addr;
	struct or_err err;

	ASSERT_OK(or_net_parse(&addr, or_http_server_address(rig->server), &err), &err);
	c->rig = rig;
	c->fd = socket(addr.sa.sa_family, SOCK_STREAM, 0);
	assert_int_equal(connect(c->fd, &addr.sa, addr.len), 0);
	return c;
}

static void hang_up(struct client *c)
{
	close(c->fd);
	or_mem_free(c);
}

static void on_too_late(void *arg)
{
	(void)arg;
	fail_msg("the condition did not come true in time");
}

static void take(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->n, sizeof(c->in) - 1 - c->n, MSG_DONTWAIT);

	if (n > 0)
		c->n += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		c->eof = true;
	c->in[c->n] = 0;
}

/* Turns the loop until the client has read `text`, or (NULL) the end of the connection. */
static void await(struct client *c, const char *text)
{
	struct or_loop_timer *timer =
	    or_loop_timer_start(c->rig->loop, 10 * OR_NS_PER_S, on_too_late, NULL);

	while (text ? !strstr(c->in, text) : !c->eof) {
		or_loop_turn(c->rig->loop, true);
		take(c);
		if (text && c->eof && !strstr(c->in, text))
			fail_msg("the connection ended without \"%s\": %s", text, c->in);
	}
	or_loop_timer_cancel(timer);
}

static void await_closed(struct rig *rig, size_t n)
{
	struct or_loop_timer *timer =
	    or_loop_timer_start(rig->loop, 10 * OR_NS_PER_S, on_too_late, NULL);

	while (rig->n_closed < n)
		or_loop_turn(rig->loop, false);
	or_loop_timer_cancel(timer);
}

static void say(struct client *c, const char *text)
{
	size_t n = strlen(text), at = 0;

	while (at < n) {
		ssize_t sent = send(c->fd, text + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0)
			at += (size_t)sent;
		or_loop_turn(c->rig->loop, true);
	}
}

static void server__answers_and_keeps_alive(void **state)
{
	struct rig rig;
	struct client *c;

	(void)state;
	start(&rig, (struct or_http_server_opt){0});
	c = dial(&rig);
	for (int i = 0; i < 1000; i++) {
		c->n = 0;
		c->in[0] = 0;
		rig.n_log = 0;
		say(c, "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
		await(c, "\r\n\r\nhello");
	}
	ASSERT_HAS(c->in, "HTTP/1.1 200 OK\r\n");
	ASSERT_HAS(c->in, "Date: ");
	ASSERT_HAS(c->in, "Content-Length: 5\r\n");
	assert_null(strstr(c->in, "Connection"));
	hang_up(c);
	stop(&rig);
}

static void server__answers_pipelined_requests_in_order(void **state)
{
	struct rig rig;
	struct client *c;

	(void)state;
	start(&rig, (struct or_http_server_opt){0});
	c = dial(&rig);
	say(c, "GET /hold HTTP/1.1\r\n" H "\r\nGET /chunked HTTP/1.1\r\n" H
	       "\r\nGET /none HTTP/1.1\r\n" H "\r\n");
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	or_loop_turn(rig.loop, true);
	assert_int_equal(rig.n_log, 5);
	or_http_req_respond(rig.held, 202, NULL, OR_SLICE_NONE);
	await(c, "\r\n\r\nno");
	assert_string_equal(rig.log, "/hold/chunked/none");
	assert_true(
	    strstr(c->in, " 202 ") < strstr(c->in, "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"));
	ASSERT_HAS(c->in, "X-A: b\r\nDate");
	hang_up(c);
	stop(&rig);
}

static void server__refuses_what_does_not_parse(void **state)
{
	struct rig rig;
	struct client *c;

	(void)state;
	start(&rig, (struct or_http_server_opt){.max_body = 100});
	c = dial(&rig);
	say(c, "GET / HTTP/1.1\r\n\r\n");
	await(c, NULL);
	ASSERT_HAS(c->in, "HTTP/1.1 400 Bad Request\r\n");
	ASSERT_HAS(c->in, "host_absent\n");
	assert_int_equal(rig.refused, OR_HTTP_HOST_ABSENT);
	hang_up(c);
	c = dial(&rig);
	say(c, "PUT /echo HTTP/1.1\r\n" H "Content-Length: 101\r\n\r\n");
	await(c, NULL);
	ASSERT_HAS(c->in, "HTTP/1.1 413 ");
	hang_up(c);
	/* A body that turns out malformed ends a request that a handler has. */
	c = dial(&rig);
	say(c, "PUT /upload HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabcX");
	await(c, NULL);
	ASSERT_HAS(c->in, "HTTP/1.1 400 ");
	assert_int_equal(rig.closed, OR_PARSE);
	hang_up(c);
	stop(&rig);
}

static void server__bounds_a_collected_body(void **state)
{
	struct rig rig;
	struct client *c;
	char head[256];

	(void)state;
	start(&rig, (struct or_http_server_opt){0});
	c = dial(&rig);
	snprintf(head, sizeof(head),
	    "PUT /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3e9\r\n");
	say(c, head);
	for (int i = 0; i < 1001; i++)
		say(c, "x");
	await(c, "HTTP/1.1 413 ");
	hang_up(c);
	stop(&rig);
}

static void server__says_continue_only_when_the_body_is_wanted(void **state)
{
	struct rig rig;
	struct client *c;

	(void)state;
	start(&rig, (struct or_http_server_opt){0});
	c = dial(&rig);
	say(c, "PUT /hold HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	take(c);
	assert_int_equal(c->n, 0);
	or_http_req_read(rig.held);
	await(c, "HTTP/1.1 100 Continue\r\n\r\n");
	say(c, "hello");
	await(c, "5 bytes");
	rig.held = NULL;
	c->n = 0;
	/* Answered without reading: the body may or may not come, so the connection must go. */
	say(c, "PUT /hold HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	or_http_req_respond(rig.held, 403, NULL, OR_SLICE_NONE);
	await(c, NULL);
	ASSERT_HAS(c->in, "HTTP/1.1 403 Forbidden\r\n");
	ASSERT_HAS(c->in, "Connection: close\r\n");
	assert_null(strstr(c->in, "100 Continue"));
	hang_up(c);
	stop(&rig);
}

static void server__answers_early_and_delivers_the_answer(void **state)
{
	static char body[300001];
	struct rig rig;
	struct client *c;

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	start(&rig, (struct or_http_server_opt){0});
	/* A small body is read to keep the connection. */
	c = dial(&rig);
	say(c, "PUT /none HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel");
	await(c, "\r\n\r\nno");
	say(c, "loGET /chunked HTTP/1.1\r\n" H "\r\n");
	await(c, "world");
	hang_up(c);
	/* A large one is not, and the answer still arrives whole. */
	c = dial(&rig);
	say(c, "PUT /none HTTP/1.1\r\n" H "Content-Length: 300000\r\n\r\n");
	say(c, body);
	await(c, NULL);
	ASSERT_HAS(c->in, "Connection: close\r\n");
	ASSERT_HAS(c->in, "\r\n\r\nno");
	hang_up(c);
	stop(&rig);
}

static void server__answers_a_client_that_closed_its_side(void **state)
{
	struct rig rig;
	struct client *c;

	(void)state;
	start(&rig, (struct or_http_server_opt){0});
	c = dial(&rig);
	say(c, "GET /hold HTTP/1.1\r\n" H "\r\n");
	shutdown(c->fd, SHUT_WR);
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	or_loop_turn(rig.loop, true);
	or_http_req_respond(rig.held, 200, "text/plain", OR_SLICE_LIT("late"));
	await(c, NULL);
	ASSERT_HAS(c->in, "\r\n\r\nlate");
	hang_up(c);
	stop(&rig);
}

static void server__tells_that_the_client_went_away(void **state)
{
	struct rig rig;
	struct client *c;
	struct linger reset = {.l_onoff = 1};

	(void)state;
	start(&rig, (struct or_http_server_opt){.eof_is_gone = true});
	c = dial(&rig);
	say(c, "GET /hold HTTP/1.1\r\n" H "\r\n");
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	hang_up(c);
	await_closed(&rig, 1);
	assert_int_equal(rig.closed, OR_CLOSED);
	c = dial(&rig);
	say(c, "PUT /upload HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\nabc");
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	hang_up(c);
	await_closed(&rig, 2);
	stop(&rig);
}

static void server__cuts_slow_clients(void **state)
{
	struct or_http_server_opt opt = {.head_ns = 200 * OR_NS_PER_MS,
	    .body_ns = 200 * OR_NS_PER_MS,
	    .idle_ns = 250 * OR_NS_PER_MS};
	struct rig rig;
	struct client *head, *body, *silent;
	struct or_http_server_stats stats;
	int64_t next_ns = 0;

	(void)state;
	start(&rig, opt);
	head = dial(&rig);
	body = dial(&rig);
	silent = dial(&rig);
	say(body, "PUT /upload HTTP/1.1\r\n" H "Content-Length: 99999\r\n\r\n");
	say(head, "GET / HTTP/1.1\r\nX: ");
	/* A byte now and then does not move the deadline. */
	while (!head->eof || !body->eof || !silent->eof) {
		or_loop_turn(rig.loop, true);
		if (or_loop_now_ns(rig.loop) > next_ns) {
			next_ns = or_loop_now_ns(rig.loop) + 20 * OR_NS_PER_MS;
			(void)send(head->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
			(void)send(body->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		}
		take(head);
		take(body);
		take(silent);
	}
	ASSERT_HAS(head->in, "HTTP/1.1 408 ");
	assert_int_equal(silent->n, 0);
	assert_int_equal(rig.closed, OR_TIMEOUT);
	or_http_server_stats(&stats, rig.server);
	assert_int_equal(stats.timed_out, 2);
	hang_up(head);
	hang_up(body);
	hang_up(silent);
	stop(&rig);
}

static void server__cuts_clients_that_take_nothing(void **state)
{
	struct rig rig;
	struct client *c;

	(void)state;
	start(&rig, (struct or_http_server_opt){.write_ns = 60 * OR_NS_PER_MS, .high = 16384});
	c = dial(&rig);
	say(c, "GET /big HTTP/1.1\r\n" H "\r\n");
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	rig.to_send = 64 * OR_MIB;
	ASSERT_CODE(or_http_req_start(rig.held, 200, NULL, 0, (int64_t)rig.to_send), OR_OK);
	fill(&rig);
	await_closed(&rig, 1);
	assert_int_equal(rig.closed, OR_TIMEOUT);
	assert_true(rig.to_send > 0);
	hang_up(c);
	stop(&rig);
}

static void server__streams_large_bodies_in_bounded_memory(void **state)
{
	static char block[65536];
	const size_t total = 48 * OR_MIB;
	struct rig rig;
	struct client *c;
	char head[128];
	size_t sent = 0, got = 0;

	(void)state;
	start(&rig, (struct or_http_server_opt){.high = 16384});
	c = dial(&rig);
	snprintf(
	    head, sizeof(head), "PUT /upload HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", total);
	say(c, head);
	while (sent < total) {
		size_t n = total - sent < sizeof(block) ? total - sent : sizeof(block);
		ssize_t k = send(c->fd, block, n, MSG_DONTWAIT);

		sent += k > 0 ? (size_t)k : 0;
		/* Pauses by the handler hold the client back, and lose nothing. */
		if (rig.held && rig.body_bytes && sent % 7 == 0) {
			or_http_req_pause(rig.held);
			or_loop_turn(rig.loop, true);
			or_http_req_read(rig.held);
		}
		or_loop_turn(rig.loop, true);
	}
	await(c, "50331648 bytes");
	c->n = 0;
	rig.held = NULL;
	say(c, "GET /big HTTP/1.1\r\n" H "\r\n");
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	rig.to_send = total;
	ASSERT_CODE(or_http_req_start(rig.held, 200, NULL, 0, OR_HTTP_REQ_UNKNOWN), OR_OK);
	fill(&rig);
	assert_true(rig.to_send > total - 8 * OR_MIB);
	while (got < total) {
		ssize_t n = recv(c->fd, block, sizeof(block), MSG_DONTWAIT);

		got += n > 0 ? (size_t)n : 0;
		or_loop_turn(rig.loop, true);
	}
	hang_up(c);
	stop(&rig);
}

static void server__makes_room_at_the_limit(void **state)
{
	struct rig rig;
	struct client *first, *second, *third;

	(void)state;
	start(&rig, (struct or_http_server_opt){.max_conns = 2});
	first = dial(&rig);
	say(first, "GET /none HTTP/1.1\r\n" H "\r\n");
	await(first, "no");
	second = dial(&rig);
	say(second, "GET /hold HTTP/1.1\r\n" H "\r\n");
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	/* The idle one goes; one that waits for its answer does not. */
	third = dial(&rig);
	say(third, "GET /none HTTP/1.1\r\n" H "\r\n");
	await(third, "no");
	await(first, NULL);
	or_http_req_respond(rig.held, 200, "text/plain", OR_SLICE_LIT("held"));
	await(second, "held");
	hang_up(first);
	hang_up(second);
	hang_up(third);
	stop(&rig);
}

/* Clients that trickle heads hold every connection: one that speaks at once still gets in. */
static void server__makes_room_among_slow_heads(void **state)
{
	struct rig rig;
	struct client *slow[2], *quick;

	(void)state;
	start(&rig, (struct or_http_server_opt){.max_conns = 2, .head_ns = 2 * OR_NS_PER_S});
	for (size_t i = 0; i < 2; i++) {
		slow[i] = dial(&rig);
		say(slow[i], "GET /none HTTP/1.1\r\nX: ");
	}
	quick = dial(&rig);
	say(quick, "GET /none HTTP/1.1\r\n" H "\r\n");
	await(quick, "no");
	await(slow[0], NULL);
	assert_false(slow[1]->eof);
	hang_up(slow[0]);
	hang_up(slow[1]);
	hang_up(quick);
	stop(&rig);
}

static void server__serves_old_clients_head_and_no_content(void **state)
{
	struct rig rig;
	struct client *c;

	(void)state;
	start(&rig, (struct or_http_server_opt){0});
	c = dial(&rig);
	say(c, "GET /chunked HTTP/1.0\r\n\r\n");
	await(c, NULL);
	ASSERT_HAS(c->in, "\r\n\r\nhello world");
	assert_null(strstr(c->in, "chunked"));
	hang_up(c);
	c = dial(&rig);
	say(c, "GET /none HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD /none HTTP/1.1\r\n" H
	       "\r\nGET /none HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	await(c, NULL);
	ASSERT_HAS(c->in, "Connection: keep-alive\r\n\r\nnoHTTP/1.1 404");
	ASSERT_HAS(c->in, "Content-Length: 2\r\n\r\nHTTP/1.1 404");
	hang_up(c);
	c = dial(&rig);
	say(c, "GET /inject HTTP/1.1\r\n" H "\r\n");
	await(c, "HTTP/1.1 500 ");
	assert_null(strstr(c->in, "Y: b"));
	hang_up(c);
	stop(&rig);
}

static void on_drained(void *arg)
{
	struct rig *rig = arg;

	rig->drained = true;
}

static void server__drains(void **state)
{
	struct rig rig;
	struct client *idle, *busy;

	(void)state;
	start(&rig, (struct or_http_server_opt){0});
	idle = dial(&rig);
	say(idle, "GET /none HTTP/1.1\r\n" H "\r\n");
	await(idle, "no");
	busy = dial(&rig);
	say(busy, "GET /hold HTTP/1.1\r\n" H "\r\n");
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	or_http_server_drain(rig.server, on_drained, &rig);
	await(idle, NULL);
	assert_false(rig.drained);
	or_http_req_respond(rig.held, 200, "text/plain", OR_SLICE_LIT("held"));
	await(busy, NULL);
	ASSERT_HAS(busy->in, "Connection: close\r\n");
	hang_up(busy);
	hang_up(idle);
	while (!rig.drained)
		or_loop_turn(rig.loop, false);
	stop(&rig);
}

static void new__says_that_the_address_is_in_use(void **state)
{
	struct or_http_server *second = NULL;
	struct rig rig;
	struct or_err err;
	struct or_http_server_opt opt = {.on_request = on_request};

	(void)state;
	start(&rig, (struct or_http_server_opt){0});
	assert_true(or_http_server_port(rig.server) > 0);
	opt.listen = or_http_server_address(rig.server);
	ASSERT_CODE(or_http_server_new(&second, rig.loop, &opt, &err), OR_BUSY);
	ASSERT_HAS(err.msg, "another process has this address");
	ASSERT_HAS(err.msg, or_http_server_address(rig.server));
	assert_null(second);
	opt.listen = "example.org:80";
	ASSERT_CODE(or_http_server_new(&second, rig.loop, &opt, &err), OR_INVAL);
	stop(&rig);
}

static void new__listens_on_a_unix_socket(void **state)
{
	char *dir = support_tmpdir_new();
	char listen[200];
	struct rig rig;
	struct client *c;

	(void)state;
	snprintf(listen, sizeof(listen), "unix:%s/s", dir);
	start(&rig, (struct or_http_server_opt){.listen = listen});
	assert_int_equal(or_http_server_port(rig.server), 0);
	c = dial(&rig);
	say(c, "GET /none HTTP/1.1\r\n" H "\r\n");
	await(c, "no");
	hang_up(c);
	stop(&rig);
	assert_int_equal(access(listen + 5, F_OK), -1);
	support_tmpdir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(server__answers_and_keeps_alive),
	    cmocka_unit_test(server__answers_pipelined_requests_in_order),
	    cmocka_unit_test(server__refuses_what_does_not_parse),
	    cmocka_unit_test(server__bounds_a_collected_body),
	    cmocka_unit_test(server__says_continue_only_when_the_body_is_wanted),
	    cmocka_unit_test(server__answers_early_and_delivers_the_answer),
	    cmocka_unit_test(server__answers_a_client_that_closed_its_side),
	    cmocka_unit_test(server__tells_that_the_client_went_away),
	    cmocka_unit_test(server__cuts_slow_clients),
	    cmocka_unit_test(server__cuts_clients_that_take_nothing),
	    cmocka_unit_test(server__streams_large_bodies_in_bounded_memory),
	    cmocka_unit_test(server__makes_room_at_the_limit),
	    cmocka_unit_test(server__makes_room_among_slow_heads),
	    cmocka_unit_test(server__serves_old_clients_head_and_no_content),
	    cmocka_unit_test(server__drains),
	    cmocka_unit_test(new__says_that_the_address_is_in_use),
	    cmocka_unit_test(new__listens_on_a_unix_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
