/* SPDX-License-Identifier: Apache-2.0 */
/* The client against our own server, and against hand-written answers where that is too polite. */
#include "base/http_call.h"
#include "base/http_client.h"
#include "base/http_server.h"
#include "base/http_url.h"
#include "tests/support/support.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
	struct or_loop *loop;
	struct or_http_server *server;
	struct or_http_client *client;
	struct or_http_req *held;
	size_t n_requests;
	size_t uploaded;
	size_t to_send; /* by /big */

	/* A server that says what the test wants: one answer per accepted connection. */
	int fd;
	char origin[OR_NET_TEXT_MAX];

	/* What the client told. */
	struct or_http_client_call *call;
	unsigned int status, head;
	size_t got;
	char body[4096];
	size_t n_body;
	size_t n_ends;
	enum or_code failed;
	char why[OR_ERR_MSG_MAX];
	size_t to_write; /* streamed content that is left */
	bool pausing;
};

/* -- the server's side -- */

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

static void on_upload_body(void *arg, struct or_slice piece)
{
	struct rig *rig = arg;

	rig->uploaded += piece.n;
}

static void on_upload_end(void *arg)
{
	struct rig *rig = arg;

	or_http_req_respond(rig->held, 201, NULL, OR_SLICE_LIT("stored"));
}

static void on_server_room(void *arg)
{
	fill(arg);
}

static void on_server_close(void *arg, enum or_code why)
{
	struct rig *rig = arg;

	(void)why;
	rig->held = NULL;
}

static const struct or_http_req_ops server_ops = {.on_body = on_upload_body,
    .on_end = on_upload_end,
    .on_room = on_server_room,
    .on_close = on_server_close};

static void on_echo(void *arg, struct or_http_req *req, struct or_slice body)
{
	struct or_http_field field = {OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("text/x")};

	(void)arg;
	or_http_req_respond_with(req, 200, &field, 1, body);
}

static void on_request(void *arg, struct or_http_req *req)
{
	struct rig *rig = arg;
	struct or_slice path = or_http_req_msg(req)->path;

	rig->n_requests++;
	if (or_slice_is(path, "/echo")) {
		or_http_req_collect(req, 65536, on_echo, rig);
		return;
	}
	if (or_slice_is(path, "/early")) {
		or_http_req_respond(req, 403, NULL, OR_SLICE_LIT("no"));
		return;
	}
	rig->held = req;
	or_http_req_attach(req, &server_ops, rig);
	if (or_slice_is(path, "/upload"))
		or_http_req_read(req);
	if (or_slice_is(path, "/big")) {
		ASSERT_CODE(or_http_req_start(req, 200, NULL, 0, OR_HTTP_REQ_UNKNOWN), OR_OK);
		fill(rig);
	}
}

/* -- the client's side -- */

static void on_head(void *arg, const struct or_http_msg *msg)
{
	struct rig *rig = arg;

	rig->status = msg->status;
}

static void on_unpause(void *arg)
{
	struct rig *rig = arg;

	if (rig->call)
		or_http_client_resume(rig->call);
}

static void on_body(void *arg, struct or_slice piece)
{
	struct rig *rig = arg;

	rig->got += piece.n;
	if (rig->n_body + piece.n < sizeof(rig->body)) {
		memcpy(rig->body + rig->n_body, piece.p, piece.n);
		rig->n_body += piece.n;
		rig->body[rig->n_body] = 0;
	}
	if (rig->pausing) {
		or_http_client_pause(rig->call);
		or_loop_defer(rig->loop, on_unpause, rig);
	}
}

static void on_end(void *arg)
{
	struct rig *rig = arg;

	rig->n_ends++;
	rig->call = NULL;
}

static void pour(struct rig *rig)
{
	static const char block[16384];

	while (rig->to_write && !or_http_client_is_full(rig->call)) {
		size_t n = rig->to_write < sizeof(block) ? rig->to_write : sizeof(block);

		or_http_client_write(rig->call, or_slice(block, n));
		rig->to_write -= n;
		if (!rig->to_write)
			or_http_client_finish(rig->call);
	}
}

static void on_room(void *arg)
{
	pour(arg);
}

static void on_fail(void *arg, const struct or_err *err)
{
	struct rig *rig = arg;

	rig->failed = err->code;
	snprintf(rig->why, sizeof(rig->why), "%s", err->msg);
	rig->n_ends++;
	rig->call = NULL;
}

static const struct or_http_client_ops ops = {.on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_room = on_room,
    .on_fail = on_fail};

static void on_too_late(void *arg)
{
	(void)arg;
	fail_msg("the condition did not come true in time");
}

static void await(struct rig *rig, size_t n_ends)
{
	struct or_loop_timer *timer =
	    or_loop_timer_start(rig->loop, 20 * OR_NS_PER_S, on_too_late, NULL);

	while (rig->n_ends < n_ends)
		or_loop_turn(rig->loop, false);
	or_loop_timer_cancel(timer);
}

static void start_rig(struct rig *rig, size_t high)
{
	struct or_http_server_opt opt = {.listen = "127.0.0.1:0",
	    .on_request = on_request,
	    .arg = rig,
	    .high = high,
	    .eof_is_gone = true};
	struct or_http_client_opt client = {.high = high};
	struct or_net_addr addr;
	struct or_err err;

	*rig = (struct rig){0};
	ASSERT_OK(or_loop_new(&rig->loop, NULL, &err), &err);
	ASSERT_OK(or_http_server_new(&rig->server, rig->loop, &opt, &err), &err);
	rig->client = or_http_client_new(rig->loop, &client);
	ASSERT_OK(or_net_parse(&addr, "127.0.0.1:0", &err), &err);
	ASSERT_OK(or_net_listen(&rig->fd, &addr, &err), &err);
	ASSERT_OK(or_net_local(&addr, rig->fd, &err), &err);
	or_net_text(rig->origin, &addr);
}

static void stop_rig(struct rig *rig)
{
	or_http_client_free(rig->client);
	or_http_server_free(rig->server);
	close(rig->fd);
	or_loop_free(rig->loop);
}

static struct or_http_client_req get(struct rig *rig, const char *target)
{
	return (struct or_http_client_req){.origin = or_http_server_address(rig->server),
	    .method = OR_SLICE_LIT("GET"),
	    .target = or_slice_str(target),
	    .replayable = true};
}

static void begin(struct rig *rig, const struct or_http_client_req *req)
{
	struct or_err err;

	ASSERT_OK(or_http_client_start(&rig->call, rig->client, req, &ops, rig, &err), &err);
}

/* Accepts the next connection of the hand-written server, and reads its request. */
static int take_request(struct rig *rig)
{
	struct or_net_addr peer;
	char in[4096];
	int fd = -1;

	while (or_net_accept(&fd, &peer, rig->fd))
		or_loop_turn(rig->loop, true);
	while (recv(fd, in, sizeof(in), MSG_DONTWAIT) <= 0)
		or_loop_turn(rig->loop, true);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void start__keeps_one_connection_for_many_calls(void **state)
{
	struct or_http_server_stats stats;
	struct or_http_client_req req;
	struct rig rig;

	(void)state;
	start_rig(&rig, 0);
	req = get(&rig, "/echo");
	req.method = OR_SLICE_LIT("POST");
	req.body = OR_SLICE_LIT("hello");
	for (size_t i = 1; i <= 1000; i++) {
		rig.n_body = 0;
		begin(&rig, &req);
		await(&rig, i);
		assert_int_equal(rig.status, 200);
		assert_string_equal(rig.body, "hello");
	}
	or_http_server_stats(&stats, rig.server);
	assert_int_equal(stats.accepted, 1);
	assert_int_equal(stats.requests, 1000);
	/* Calls at one time have connections of their own. */
	rig.call = NULL;
	for (int i = 0; i < 3; i++)
		begin(&rig, &req);
	await(&rig, 1003);
	or_http_server_stats(&stats, rig.server);
	assert_int_equal(stats.accepted, 3);
	assert_int_equal(rig.failed, OR_OK);
	stop_rig(&rig);
}

static void start__streams_both_ways_in_bounded_memory(void **state)
{
	const size_t total = 32 * OR_MIB;
	struct or_http_client_req req;
	struct rig rig;

	(void)state;
	for (int chunked = 0; chunked < 2; chunked++) {
		start_rig(&rig, 16384);
		req = get(&rig, "/upload");
		req.method = OR_SLICE_LIT("PUT");
		req.streams = true;
		req.length = chunked ? OR_HTTP_CLIENT_STREAM : (int64_t)total;
		rig.to_write = total;
		begin(&rig, &req);
		pour(&rig);
		assert_true(rig.to_write > total - OR_MIB);
		await(&rig, 1);
		assert_int_equal(rig.status, 201);
		assert_int_equal(rig.uploaded, total);
		assert_string_equal(rig.body, "stored");
		rig.to_send = total;
		rig.got = 0;
		rig.pausing = true;
		req = get(&rig, "/big");
		begin(&rig, &req);
		await(&rig, 2);
		assert_int_equal(rig.got, total);
		assert_int_equal(rig.failed, OR_OK);
		stop_rig(&rig);
	}
}

static void start__takes_an_early_answer(void **state)
{
	struct or_http_client_req req;
	struct rig rig;

	(void)state;
	start_rig(&rig, 16384);
	req = get(&rig, "/early");
	req.method = OR_SLICE_LIT("PUT");
	req.streams = true;
	req.length = 64 * (int64_t)OR_MIB;
	rig.to_write = (size_t)req.length;
	begin(&rig, &req);
	pour(&rig);
	await(&rig, 1);
	assert_int_equal(rig.failed, OR_OK);
	assert_int_equal(rig.status, 403);
	assert_string_equal(rig.body, "no");
	assert_true(rig.to_write > 0);
	stop_rig(&rig);
}

static void start__repeats_once_on_a_stale_connection(void **state)
{
	struct or_http_client_req req;
	struct rig rig;
	int first, second;

	(void)state;
	start_rig(&rig, 0);
	req = get(&rig, "/");
	req.origin = rig.origin;
	begin(&rig, &req);
	first = take_request(&rig);
	say(first, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
	await(&rig, 1);
	/* The kept connection takes the request, and ends without a byte. */
	begin(&rig, &req);
	while (recv(first, rig.body, sizeof(rig.body), MSG_DONTWAIT) <= 0)
		or_loop_turn(rig.loop, true);
	close(first);
	second = take_request(&rig);
	say(second, "HTTP/1.1 202 OK\r\nContent-Length: 1\r\n\r\nb");
	await(&rig, 2);
	assert_int_equal(rig.failed, OR_OK);
	assert_int_equal(rig.status, 202);
	/* What may not be repeated is not, nor is anything that was answered in part. */
	req.replayable = false;
	begin(&rig, &req);
	while (recv(second, rig.body, sizeof(rig.body), MSG_DONTWAIT) <= 0)
		or_loop_turn(rig.loop, true);
	close(second);
	await(&rig, 3);
	assert_int_equal(rig.failed, OR_CLOSED);
	stop_rig(&rig);
}

static void start__does_not_reuse_what_may_be_poisoned(void **state)
{
	static const char *const answers[] = {
	    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: "
	    "4\r\n\r\nevil",
	    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
	    "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
	};
	struct or_http_client_req req;
	struct rig rig;

	(void)state;
	start_rig(&rig, 0);
	req = get(&rig, "/");
	req.origin = rig.origin;
	for (size_t i = 0; i < OR_LEN(answers); i++) {
		int fd;

		rig.n_body = 0;
		begin(&rig, &req);
		fd = take_request(&rig); /* a new connection each time */
		say(fd, answers[i]);
		await(&rig, i + 1);
		assert_string_equal(rig.body, "a");
		close(fd);
	}
	assert_int_equal(rig.failed, OR_OK);
	stop_rig(&rig);
}

static void start__reads_up_to_the_end_and_over_interim_answers(void **state)
{
	struct or_http_client_req req;
	struct rig rig;
	int fd;

	(void)state;
	start_rig(&rig, 0);
	req = get(&rig, "/");
	req.origin = rig.origin;
	begin(&rig, &req);
	fd = take_request(&rig);
	say(fd, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end");
	close(fd);
	await(&rig, 1);
	assert_string_equal(rig.body, "until the end");
	assert_int_equal(rig.failed, OR_OK);
	stop_rig(&rig);
}

static void start__fails_with_the_right_code(void **state)
{
	static const struct {
		const char *answer;
		enum or_code code;
	} cases[] = {
	    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", OR_CLOSED},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", OR_CLOSED},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", OR_PARSE},
	    {"SSH-2.0-x\r\n", OR_PARSE},
	    {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", OR_UNSUPPORTED},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", OR_FULL},
	    {"", OR_CLOSED},
	};
	struct or_http_client_req req;
	struct rig rig;

	(void)state;
	start_rig(&rig, 0);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		int fd;

		req = get(&rig, "/");
		req.origin = rig.origin;
		req.max_body = 1000;
		begin(&rig, &req);
		fd = take_request(&rig);
		say(fd, cases[i].answer);
		close(fd);
		await(&rig, i + 1);
		assert_int_equal(rig.failed, cases[i].code);
		ASSERT_HAS(rig.why, rig.origin);
	}
	stop_rig(&rig);
}

static void start__meets_its_deadlines(void **state)
{
	struct or_http_client_req req;
	struct rig rig;
	int fd;

	(void)state;
	start_rig(&rig, 0);
	req = get(&rig, "/hold");
	req.head_ns = 50 * OR_NS_PER_MS;
	begin(&rig, &req);
	await(&rig, 1);
	assert_int_equal(rig.failed, OR_TIMEOUT);
	ASSERT_HAS(rig.why, "no answer in time");
	req.origin = rig.origin;
	req.total_ns = 100 * OR_NS_PER_MS;
	begin(&rig, &req);
	fd = take_request(&rig);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
	await(&rig, 2);
	assert_int_equal(rig.status, 200);
	assert_int_equal(rig.failed, OR_TIMEOUT);
	ASSERT_HAS(rig.why, "not complete in time");
	close(fd);
	stop_rig(&rig);
}

static void start__refuses_bad_requests_at_once(void **state)
{
	struct or_http_client_req req;
	struct or_http_field field = {OR_SLICE_LIT("X"), OR_SLICE_LIT("a\r\nb")};
	struct or_err err;
	struct rig rig;

	(void)state;
	start_rig(&rig, 0);
	req = get(&rig, "/a b");
	ASSERT_CODE(or_http_client_start(&rig.call, rig.client, &req, &ops, &rig, &err), OR_INVAL);
	req = get(&rig, "/");
	req.fields = &field;
	req.n_fields = 1;
	ASSERT_CODE(or_http_client_start(&rig.call, rig.client, &req, &ops, &rig, &err), OR_INVAL);
	req = get(&rig, "/");
	req.origin = "example.org:80";
	ASSERT_CODE(or_http_client_start(&rig.call, rig.client, &req, &ops, &rig, &err), OR_INVAL);
	req.origin = "unix:/nonexistent/socket";
	ASSERT_CODE(or_http_client_start(&rig.call, rig.client, &req, &ops, &rig, &err), OR_IO);
	assert_null(rig.call);
	/* A refused connection is told later. */
	close(rig.fd);
	req.origin = rig.origin;
	begin(&rig, &req);
	await(&rig, 1);
	assert_int_equal(rig.failed, OR_IO);
	rig.fd = -1;
	stop_rig(&rig);
}

static void cancel__promises_silence(void **state)
{
	struct or_http_client_req req;
	struct rig rig;

	(void)state;
	start_rig(&rig, 0);
	req = get(&rig, "/hold");
	begin(&rig, &req);
	while (!rig.held)
		or_loop_turn(rig.loop, false);
	or_http_client_cancel(rig.call);
	or_http_client_cancel(NULL);
	while (rig.held)
		or_loop_turn(rig.loop, false);
	assert_int_equal(rig.n_ends, 0);
	/* One that runs when the client goes is cancelled too. */
	begin(&rig, &req);
	stop_rig(&rig);
	assert_int_equal(rig.n_ends, 0);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct rig *rig = arg;

	rig->status = answer->status;
	rig->head = answer->head;
	rig->failed = answer->err ? answer->err->code : OR_OK;
	rig->got = answer->body.n;
	if (answer->msg)
		ASSERT_SLICE(or_http_msg_get(answer->msg, "content-type"), "text/x");
	rig->n_ends++;
}

static void fetch__collects_within_its_limit(void **state)
{
	struct or_http_client_call *call;
	struct or_http_client_req req;
	struct or_err err;
	struct rig rig;

	(void)state;
	start_rig(&rig, 0);
	req = get(&rig, "/echo");
	req.method = OR_SLICE_LIT("POST");
	req.body = OR_SLICE_LIT("0123456789");
	ASSERT_OK(or_http_client_fetch(&call, rig.client, &req, 10, on_answer, &rig, &err), &err);
	await(&rig, 1);
	assert_int_equal(rig.status, 200);
	assert_int_equal(rig.got, 10);
	ASSERT_OK(or_http_client_fetch(&call, rig.client, &req, 9, on_answer, &rig, &err), &err);
	await(&rig, 2);
	assert_int_equal(rig.failed, OR_FULL);
	assert_int_equal(rig.status, 0); /* none, though a head came */
	assert_int_equal(rig.head, 200);
	ASSERT_OK(or_http_client_fetch(&call, rig.client, &req, 9, on_answer, &rig, &err), &err);
	or_http_client_cancel(call);
	stop_rig(&rig);
}

struct caller {
	struct rig *rig;
	struct or_http_client_req req;
	struct or_http_call_answer answer;
	enum or_code rc;
	int done; /* atomically */
};

static void *call_blocking(void *arg)
{
	struct caller *c = arg;

	c->rc = or_http_call_wait(&c->req, OR_NS_PER_S, NULL);
	if (!c->rc)
		c->rc = or_http_call_run(&c->answer, &c->req, 100, NULL);
	__atomic_store_n(&c->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void on_tick(void *arg)
{
	(void)arg;
}

static void call__blocks_until_the_answer(void **state)
{
	struct caller c = {0};
	struct rig rig;
	pthread_t thread;

	(void)state;
	start_rig(&rig, 0);
	c.req = get(&rig, "/echo");
	c.req.method = OR_SLICE_LIT("POST");
	c.req.body = OR_SLICE_LIT("hello");
	assert_int_equal(pthread_create(&thread, NULL, call_blocking, &c), 0);
	while (!__atomic_load_n(&c.done, __ATOMIC_SEQ_CST)) {
		struct or_loop_timer *tick =
		    or_loop_timer_start(rig.loop, OR_NS_PER_MS, on_tick, NULL);

		or_loop_turn(rig.loop, false);
		(void)tick;
	}
	pthread_join(thread, NULL);
	ASSERT_CODE(c.rc, OR_OK);
	assert_int_equal(c.answer.status, 200);
	assert_string_equal(c.answer.type, "text/x");
	assert_string_equal(or_buf_text(&c.answer.body), "hello");
	or_http_call_done(&c.answer);
	close(rig.fd);
	c.req.origin = rig.origin;
	ASSERT_CODE(or_http_call_wait(&c.req, 30 * OR_NS_PER_MS, NULL), OR_TIMEOUT);
	rig.fd = -1;
	stop_rig(&rig);
}

static void split_url__takes_http_only(void **state)
{
	char origin[OR_NET_TEXT_MAX] = "";
	struct or_slice path;
	struct or_err err;

	(void)state;
	ASSERT_OK(or_http_url_split(origin, &path, "http://127.0.0.1:8470/v1/x?y", &err), &err);
	assert_string_equal(origin, "127.0.0.1:8470");
	ASSERT_SLICE(path, "/v1/x?y");
	ASSERT_OK(or_http_url_split(origin, &path, "http://localhost", &err), &err);
	assert_string_equal(origin, "localhost:80");
	ASSERT_SLICE(path, "");
	ASSERT_OK(or_http_url_split(origin, &path, "http://[::1]/", &err), &err);
	assert_string_equal(origin, "[::1]:80");
	ASSERT_CODE(or_http_url_split(origin, &path, "https://127.0.0.1/", &err), OR_UNSUPPORTED);
	ASSERT_CODE(or_http_url_split(origin, &path, "http://example.org/", &err), OR_INVAL);
	ASSERT_CODE(or_http_url_split(origin, &path, "http:///x", &err), OR_INVAL);
	ASSERT_CODE(or_http_url_split(origin, &path, "http://u@127.0.0.1/", &err), OR_INVAL);
	assert_string_equal(origin, "[::1]:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(start__keeps_one_connection_for_many_calls),
	    cmocka_unit_test(start__streams_both_ways_in_bounded_memory),
	    cmocka_unit_test(start__takes_an_early_answer),
	    cmocka_unit_test(start__repeats_once_on_a_stale_connection),
	    cmocka_unit_test(start__does_not_reuse_what_may_be_poisoned),
	    cmocka_unit_test(start__reads_up_to_the_end_and_over_interim_answers),
	    cmocka_unit_test(start__fails_with_the_right_code),
	    cmocka_unit_test(start__meets_its_deadlines),
	    cmocka_unit_test(start__refuses_bad_requests_at_once),
	    cmocka_unit_test(cancel__promises_silence),
	    cmocka_unit_test(fetch__collects_within_its_limit),
	    cmocka_unit_test(call__blocks_until_the_answer),
	    cmocka_unit_test(split_url__takes_http_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
