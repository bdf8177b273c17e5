/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole gate in one process: real sockets, tokens, a signed bundle of the example product, a
 * spool on disk, and an app behind it. Records are read back from the spool.
 */
#include "agent/gate/proxy/proxy.h"

#include "base/http_client.h"
#include "base/str.h"
#include "tests/support/gate.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct world {
	struct support_gate g;
	struct ag_proxy *proxy;
	struct or_http_server *app;
	struct or_http_client *client;

	/* What the app saw. */
	struct or_http_req *held;
	size_t n_app;
	struct or_buf seen; /* "METHOD target|Name=value|…" */
	size_t uploaded;
	size_t records_at_app; /* what was durable when the app got the request */

	/* What the client got. */
	struct or_http_client_call *call;
	unsigned int status;
	struct or_buf body;
	struct or_buf challenge;
	size_t n_answers;
	enum or_code failed;
	uint64_t records_at_answer; /* that the spool had when the last byte came */
};

/* -- the app -- */

static void on_app_body(void *arg, struct or_slice piece)
{
	struct world *w = arg;

	w->uploaded += piece.n;
}

static void on_app_end(void *arg)
{
	struct world *w = arg;
	char text[32];

	snprintf(text, sizeof(text), "%zu bytes", w->uploaded);
	or_http_req_respond(w->held, 201, "text/plain", or_slice_str(text));
	w->held = NULL;
}

static void on_app_close(void *arg, enum or_code why)
{
	struct world *w = arg;

	(void)why;
	w->held = NULL;
}

static const struct or_http_req_ops app_ops = {
    .on_body = on_app_body, .on_end = on_app_end, .on_close = on_app_close};

static void see(struct world *w, const struct or_http_msg *msg)
{
	or_buf_clear(&w->seen);
	or_buf_put_slice(&w->seen, msg->method);
	or_buf_put_byte(&w->seen, ' ');
	or_buf_put_slice(&w->seen, msg->target);
	for (size_t i = 0; i < msg->n_fields; i++)
		or_buf_printf(&w->seen, "|%.*s=%.*s", OR_SLICE_FMT(msg->fields[i].name),
		    OR_SLICE_FMT(msg->fields[i].value));
	or_buf_put_byte(&w->seen, '|');
}

static void answer_big(struct or_http_req *req)
{
	static const char block[1024];
	struct or_http_field hop = {OR_SLICE_LIT("Keep-Alive"), OR_SLICE_LIT("timeout=5")};

	ASSERT_CODE(or_http_req_start(req, 200, &hop, 1, OR_HTTP_REQ_UNKNOWN), OR_OK);
	for (int i = 0; i < 4096; i++)
		or_http_req_write(req, or_slice(block, sizeof(block)));
	or_http_req_finish(req);
}

static void on_app(void *arg, struct or_http_req *req)
{
	struct world *w = arg;
	const struct or_http_msg *msg = or_http_req_msg(req);
	struct ag_spool_info info;

	w->n_app++;
	see(w, msg);
	ag_spool_get_info(&info, w->g.spool);
	w->records_at_app = info.pending;
	if (or_str_has_suffix(msg->path, "/hold") || !msg->is_bodyless) {
		w->held = req;
		or_http_req_attach(req, &app_ops, w);
		if (!msg->is_bodyless)
			or_http_req_read(req);
	} else if (or_str_has_suffix(msg->path, "/big")) {
		answer_big(req);
	} else if (or_str_has_suffix(msg->path, "/cut")) {
		ASSERT_CODE(or_http_req_start(req, 200, NULL, 0, 100), OR_OK);
		or_http_req_write(req, OR_SLICE_LIT("part"));
		or_http_req_abort(req);
	} else if (or_str_has_suffix(msg->path, "/gone")) {
		or_http_req_abort(req);
	} else {
		or_http_req_respond(req, 200, "text/plain", OR_SLICE_LIT("rows"));
	}
}

static void open_world(struct world *w, const struct support_gate_opt *how)
{
	struct or_http_server_opt app = {.listen = "127.0.0.1:0", .on_request = on_app, .arg = w};
	struct ag_proxy_opt opt = {.listen = "127.0.0.1:0", .head_ns = 200 * OR_NS_PER_MS};
	struct or_err err = {0};

	*w = (struct world){0};
	support_gate_open(&w->g, how);
	or_buf_init(&w->seen, 65536);
	or_buf_init(&w->body, 8 * OR_MIB);
	or_buf_init(&w->challenge, 1024);
	ASSERT_OK(or_http_server_new(&w->app, w->g.loop, &app, &err), &err);
	opt.upstream = or_http_server_address(w->app);
	opt.decide = w->g.decide;
	opt.record = w->g.record;
	ASSERT_OK(ag_proxy_new(&w->proxy, w->g.loop, &opt, &err), &err);
	w->client = or_http_client_new(w->g.loop, NULL);
}

static void close_world(struct world *w)
{
	or_http_client_free(w->client);
	ag_proxy_free(w->proxy);
	or_http_server_free(w->app);
	support_gate_close(&w->g);
	or_buf_done(&w->seen);
	or_buf_done(&w->body);
	or_buf_done(&w->challenge);
}

/* -- the client -- */

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct world *w = arg;

	w->status = answer->status;
	w->failed = answer->err ? answer->err->code : OR_OK;
	w->records_at_answer = ag_spool_next_seq(w->g.spool, 0) - 1;
	or_buf_clear(&w->body);
	or_buf_put_slice(&w->body, answer->body);
	or_buf_clear(&w->challenge);
	if (answer->msg)
		or_buf_put_slice(&w->challenge, or_http_msg_get(answer->msg, "www-authenticate"));
	w->n_answers++;
	w->call = NULL;
}

static void on_too_late(void *arg)
{
	(void)arg;
	fail_msg("the condition did not come true in time");
}

static void await_answer(struct world *w, size_t n)
{
	struct or_loop_timer *timer =
	    or_loop_timer_start(w->g.loop, 20 * OR_NS_PER_S, on_too_late, NULL);

	while (w->n_answers < n)
		or_loop_turn(w->g.loop, false);
	or_loop_timer_cancel(timer);
}

static void send_with(struct world *w, const char *method, const char *target,
    const struct or_http_field *fields, size_t n, struct or_slice body)
{
	struct or_http_client_req req = {.origin = ag_proxy_address(w->proxy),
	    .method = or_slice_str(method),
	    .target = or_slice_str(target),
	    .host = OR_SLICE_LIT("orders.example"),
	    .fields = fields,
	    .n_fields = n,
	    .body = body};
	struct or_err err = {0};

	ASSERT_OK(
	    or_http_client_fetch(&w->call, w->client, &req, 8 * OR_MIB, on_answer, w, &err), &err);
}

static void call(struct world *w, const char *method, const char *target, struct or_slice token)
{
	struct or_http_field field = {OR_SLICE_LIT("Authorization"), token};
	size_t n = w->n_answers;

	send_with(w, method, target, &field, token.p ? 1 : 0, OR_SLICE_NONE);
	await_answer(w, n + 1);
	ASSERT_CODE(w->failed, OR_OK);
}

/* -- tests -- */

static void proxy__forwards_what_is_allowed_and_records_it_once(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	call(&w, "GET", "/totals?by=month", support_gate_bearer(&w.g, "alice", 1, 60));
	assert_int_equal(w.status, 200);
	assert_string_equal(or_buf_text(&w.body), "rows");
	ASSERT_HAS(or_buf_text(&w.seen), "GET /totals?by=month|Host=orders.example|");
	r = support_gate_records(&w.g, 1);
	assert_int_equal(r->phase, WIRE_PHASE_COMPLETE);
	assert_int_equal(r->kind, WIRE_KIND_ACCESS);
	assert_int_equal(r->front, WIRE_FRONT_PROXY);
	assert_int_equal(r->decision, WIRE_DECISION_ALLOW);
	ASSERT_SLICE(r->principal.id, SUPPORT_GATE_ISSUER "#alice");
	ASSERT_SLICE(r->action, "read");
	ASSERT_SLICE(r->resource.id, "orders/totals");
	ASSERT_SLICE(r->policies[0], "analysts-read-within-clearance");
	ASSERT_SLICE(r->request.path, "/totals");
	ASSERT_SLICE(r->request.host, "orders.example");
	assert_int_equal(r->request.status, 200);
	assert_int_equal(r->request.bytes_out, 4);
	assert_true(r->request.duration_ns > 0);
	assert_int_equal(r->bundle_revision, 7);
	close_world(&w);
}

static void proxy__records_before_the_last_byte_of_any_answer(void **state)
{
	static const struct {
		const char *method, *target;
		unsigned int status;
	} cases[] = {
	    {"GET", "/totals", 200},
	    {"GET", "/totals/big", 200}, /* chunked */
	    {"HEAD", "/totals", 200},
	    {"POST", "/totals", 403},
	    {"GET", "/totals/gone", 502},
	    {"GET", "/totals/..%2f", 400},
	};
	struct or_slice token;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	token = support_gate_bearer(&w.g, "alice", 1, 60);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		call(&w, cases[i].method, cases[i].target, token);
		assert_int_equal(w.status, cases[i].status);
		assert_int_equal(w.records_at_answer, i + 1);
		assert_int_equal(or_slice_is(or_slice_str(cases[i].method), "HEAD"), w.body.n == 0);
	}
	close_world(&w);
}

static void proxy__has_a_strict_decision_on_disk_before_it_forwards(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	call(&w, "GET", "/orders/1", support_gate_bearer(&w.g, "alice", 2, 60));
	assert_int_equal(w.status, 200);
	assert_int_equal(w.records_at_app, 1);
	r = support_gate_records(&w.g, 2);
	assert_int_equal(r[0].phase, WIRE_PHASE_DECISION);
	assert_int_equal(r[0].request.status, 0);
	assert_int_equal(r[1].phase, WIRE_PHASE_OUTCOME);
	assert_int_equal(r[1].request.status, 200);
	assert_memory_equal(r[0].trace_id.p, r[1].trace_id.p, 16);
	assert_memory_equal(r[0].span_id.p, r[1].span_id.p, 8);
	assert_int_equal(r[1].seq, 2);
	close_world(&w);
}

static void proxy__denies_with_an_id_and_never_asks_the_app(void **state)
{
	char id[64];
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	call(&w, "GET", "/orders", support_gate_bearer(&w.g, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	assert_int_equal(sscanf(or_buf_text(&w.body),
			     "{\"error\":\"forbidden\",\"decision_id\":\"%20[0-9a-f]\"}", id),
	    1);
	assert_int_equal(strlen(id), WIRE_LEAF_ID_LEN);
	call(&w, "POST", "/totals", support_gate_bearer(&w.g, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	call(&w, "BREW", "/totals", support_gate_bearer(&w.g, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	call(&w, "GET", "/elsewhere", support_gate_bearer(&w.g, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	assert_int_equal(w.n_app, 0);
	r = support_gate_records(&w.g, 4);
	assert_int_equal(r[0].decision, WIRE_DECISION_DENY);
	ASSERT_SLICE(r[0].policies[0], "confidential-needs-clearance");
	assert_int_equal(r[0].request.status, 403);
	assert_true(r[0].request.duration_ns > 0);
	assert_int_equal(r[0].phase, WIRE_PHASE_COMPLETE);
	ASSERT_SLICE(r[2].reason, "method_unknown");
	ASSERT_SLICE(r[3].reason, "port_unknown");
	close_world(&w);
}

static void proxy__asks_for_a_token_and_keeps_the_reason_to_itself(void **state)
{
	const struct wire_audit *r;
	struct or_http_field two[2];
	struct world w;

	(void)state;
	open_world(&w, NULL);
	call(&w, "GET", "/totals", OR_SLICE_NONE);
	assert_int_equal(w.status, 401);
	assert_string_equal(or_buf_text(&w.challenge), "Bearer");
	call(&w, "GET", "/totals", OR_SLICE_LIT("Basic YTpi"));
	assert_string_equal(or_buf_text(&w.challenge), "Bearer");
	call(&w, "GET", "/totals", support_gate_bearer(&w.g, "alice", 1, -60));
	assert_int_equal(w.status, 401);
	assert_string_equal(or_buf_text(&w.challenge), "Bearer error=\"invalid_token\"");
	assert_null(strstr(or_buf_text(&w.body), "expired"));
	two[0] = (struct or_http_field){
	    OR_SLICE_LIT("Authorization"), support_gate_bearer(&w.g, "a", 1, 60)};
	two[1] = two[0];
	send_with(&w, "GET", "/totals", two, 2, OR_SLICE_NONE);
	await_answer(&w, 4);
	assert_int_equal(w.status, 401);
	assert_int_equal(w.n_app, 0);
	/* The same address and reason within a second are one record. */
	r = support_gate_records(&w.g, 3);
	assert_int_equal(r[0].kind, WIRE_KIND_IDENTITY);
	ASSERT_SLICE(r[0].reason, "token_missing");
	ASSERT_SLICE(r[1].reason, "token_expired");
	ASSERT_SLICE(r[2].reason, "token_malformed");
	assert_int_equal(r[1].request.status, 401);
	close_world(&w);
}

static void proxy__sends_one_canonical_path_to_policy_and_app(void **state)
{
	static const char *const refused[] = {"/totals/..%2forders", "/totals/..;/orders",
	    "/totals/%00", "/totals/../../x", "/totals%5corders", "/totals?%ff", "/totals?%zz=1"};
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	/* Not cleared for /orders: no spelling of it passes as /totals. */
	call(&w, "GET", "/totals/../orders", support_gate_bearer(&w.g, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	call(&w, "GET", "//totals/%2e/./a%7Eb?x=%2e%2e/", support_gate_bearer(&w.g, "bob", 1, 60));
	assert_int_equal(w.status, 200);
	ASSERT_HAS(or_buf_text(&w.seen), "GET /totals/a~b?x=%2e%2e/|");
	for (size_t i = 0; i < OR_LEN(refused); i++) {
		call(&w, "GET", refused[i], support_gate_bearer(&w.g, "bob", 1, 60));
		assert_int_equal(w.status, 400);
	}
	send_with(&w, "GET", "/totals",
	    &(struct or_http_field){OR_SLICE_LIT("X-Outrider-Purpose"), OR_SLICE_LIT("\xff")}, 1,
	    OR_SLICE_NONE);
	await_answer(&w, 2 + OR_LEN(refused) + 1);
	assert_int_equal(w.status, 400);
	assert_int_equal(w.n_app, 1);
	r = support_gate_records(&w.g, 2 + 7);
	ASSERT_SLICE(r[0].request.path, "/orders");
	ASSERT_SLICE(r[1].request.path, "/totals/a~b");
	ASSERT_SLICE(r[2].reason, "slash");
	close_world(&w);
}

static void proxy__strips_and_sets_fields(void **state)
{
	const struct or_http_field fields[] = {{OR_SLICE_LIT("Authorization"), OR_SLICE_NONE},
	    {OR_SLICE_LIT("X-Outrider-Principal"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("x_outrider_principal"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("X-Forwarded-User"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("X-Forwarded-For"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("Connection"), OR_SLICE_LIT("x-hop, keep-alive")},
	    {OR_SLICE_LIT("X-Hop"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("TE"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("Accept"), OR_SLICE_LIT("text/csv")},
	    {OR_SLICE_LIT("traceparent"),
		OR_SLICE_LIT("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")},
	    {OR_SLICE_LIT("tracestate"), OR_SLICE_LIT("a=1")}};
	struct or_http_field sent[OR_LEN(fields)];
	const struct wire_audit *r;
	const char *seen;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	memcpy(sent, fields, sizeof(fields));
	sent[0].value = support_gate_bearer(&w.g, "alice", 1, 60);
	send_with(&w, "GET", "/totals/big", sent, OR_LEN(sent), OR_SLICE_NONE);
	await_answer(&w, 1);
	assert_int_equal(w.status, 200);
	assert_int_equal(w.body.n, 4 * OR_MIB);
	seen = or_buf_text(&w.seen);
	assert_null(strstr(seen, "evil"));
	assert_null(strstr(seen, "Bearer"));
	assert_null(strstr(seen, "Connection"));
	ASSERT_HAS(seen, "|Accept=text/csv|");
	ASSERT_HAS(seen, "|X-Forwarded-For=127.0.0.1|");
	ASSERT_HAS(seen, "|X-Forwarded-Host=orders.example|");
	ASSERT_HAS(seen, "|tracestate=a=1|");
	ASSERT_HAS(seen, "|traceparent=00-0af7651916cd43dd8448eb211c80319c-");
	assert_null(strstr(seen, "b7ad6b7169203331"));
	r = support_gate_records(&w.g, 1);
	assert_int_equal(r->trace_id.p[0], 0x0a);
	assert_int_equal(r->request.bytes_out, 4 * OR_MIB);
	ASSERT_SLICE(r->attributes[0].key, "parent_span");
	ASSERT_SLICE(r->attributes[0].value, "b7ad6b7169203331");
	close_world(&w);
}

static void proxy__streams_content_to_the_app(void **state)
{
	struct or_http_field fields[2];
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	fields[0] = (struct or_http_field){
	    OR_SLICE_LIT("Authorization"), support_gate_bearer(&w.g, "own", 1, 60)};
	fields[1] = (struct or_http_field){OR_SLICE_LIT("Expect"), OR_SLICE_LIT("100-continue")};
	/* Writing is for owners: denied without reading the content. */
	send_with(&w, "PUT", "/totals/1", fields, 1,
	    or_slice(or_arena_alloc(w.g.lasting, OR_MIB), OR_MIB));
	await_answer(&w, 1);
	assert_int_equal(w.status, 403);
	assert_int_equal(w.n_app, 0);
	/* A GET may have content too, and reading is allowed. */
	send_with(&w, "GET", "/totals/1", fields, 2,
	    or_slice(or_arena_alloc(w.g.lasting, 2 * OR_MIB), 2 * OR_MIB));
	await_answer(&w, 2);
	assert_int_equal(w.status, 201);
	assert_string_equal(or_buf_text(&w.body), "2097152 bytes");
	assert_null(strstr(or_buf_text(&w.seen), "Expect"));
	r = support_gate_records(&w.g, 2);
	assert_int_equal(r[1].request.bytes_in, 2 * OR_MIB);
	close_world(&w);
}

static void proxy__answers_for_an_app_that_fails(void **state)
{
	const struct wire_audit *r;
	struct or_slice token;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	token = support_gate_bearer(&w.g, "alice", 1, 60);
	call(&w, "GET", "/totals/gone", token);
	assert_int_equal(w.status, 502);
	call(&w, "GET", "/totals/hold", token);
	assert_int_equal(w.status, 504);
	/* An answer that breaks off is cut, never ended as if it were whole. */
	send_with(&w, "GET", "/totals/cut",
	    &(struct or_http_field){OR_SLICE_LIT("Authorization"), token}, 1, OR_SLICE_NONE);
	await_answer(&w, 3);
	ASSERT_CODE(w.failed, OR_CLOSED);
	or_http_server_free(w.app);
	w.app = NULL;
	call(&w, "GET", "/totals", token);
	assert_int_equal(w.status, 502);
	r = support_gate_records(&w.g, 4);
	ASSERT_SLICE(r[0].reason, "upstream_failed");
	assert_int_equal(r[0].decision, WIRE_DECISION_ALLOW);
	assert_int_equal(r[0].request.status, 502);
	ASSERT_SLICE(r[1].reason, "upstream_timeout");
	assert_int_equal(r[1].request.status, 504);
	ASSERT_SLICE(r[2].reason, "upstream_failed");
	assert_int_equal(r[2].request.status, 200);
	close_world(&w);
}

static void proxy__records_a_client_that_goes_away(void **state)
{
	const struct wire_audit *r;
	struct ag_spool_info info;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	send_with(&w, "GET", "/orders/big",
	    &(struct or_http_field){
		OR_SLICE_LIT("Authorization"), support_gate_bearer(&w.g, "alice", 2, 60)},
	    1, OR_SLICE_NONE);
	while (!w.n_app)
		or_loop_turn(w.g.loop, false);
	or_http_client_cancel(w.call);
	do {
		or_loop_turn(w.g.loop, false);
		ag_spool_get_info(&info, w.g.spool);
	} while (ag_spool_next_seq(w.g.spool, 0) < 3);
	r = support_gate_records(&w.g, 2);
	assert_int_equal(r[1].phase, WIRE_PHASE_OUTCOME);
	close_world(&w);
}

static void proxy__is_unavailable_without_a_bundle(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, &(struct support_gate_opt){.no_bundle = true});
	call(&w, "GET", "/totals", support_gate_bearer(&w.g, "alice", 2, 60));
	assert_int_equal(w.status, 503);
	assert_int_equal(w.n_app, 0);
	r = support_gate_records(&w.g, 1);
	ASSERT_SLICE(r->reason, "no_bundle");
	assert_int_equal(r->decision, WIRE_DECISION_DENY);
	close_world(&w);
}

static void proxy__is_unavailable_without_room_for_records(void **state)
{
	struct or_slice token;
	struct world w;
	unsigned int n = 0;

	(void)state;
	open_world(&w, &(struct support_gate_opt){.quota = 512 * 1024});
	token = support_gate_bearer(&w.g, "alice", 2, 60);
	do {
		call(&w, "GET", "/totals", token);
		assert_true(++n < 10000);
	} while (w.status == 200);
	assert_int_equal(w.status, 503);
	assert_int_equal(w.n_app, n - 1);
	call(&w, "GET", "/orders", token);
	assert_int_equal(w.status, 503);
	assert_int_equal(w.n_app, n - 1);
	close_world(&w);
}

/* Bytes on the wire, for what our own client would not send. */
static void say_raw(struct world *w, const char *text, char *out, size_t n_out)
{
	struct or_net_addr addr;
	size_t n = 0;
	int fd;

	ASSERT_CODE(or_net_parse(&addr, ag_proxy_address(w->proxy), NULL), OR_OK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, &addr.sa, addr.len), 0);
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	for (;;) {
		ssize_t k = recv(fd, out + n, n_out - 1 - n, MSG_DONTWAIT);

		if (k == 0)
			break;
		n += k > 0 ? (size_t)k : 0;
		or_loop_turn(w->g.loop, true);
	}
	out[n] = 0;
	close(fd);
}

static void proxy__refuses_and_records_what_does_not_parse(void **state)
{
	const struct wire_audit *r;
	char out[4096];
	struct world w;

	(void)state;
	open_world(&w, NULL);
	say_raw(&w,
	    "POST /totals HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: "
	    "chunked\r\n"
	    "\r\n0\r\n\r\nGET /orders HTTP/1.1\r\n",
	    out, sizeof(out));
	ASSERT_HAS(out, "HTTP/1.1 400 ");
	assert_int_equal(w.n_app, 0);
	say_raw(&w, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", out, sizeof(out));
	ASSERT_HAS(out, "HTTP/1.1 400 ");
	r = support_gate_records(&w.g, 2);
	ASSERT_SLICE(r[0].reason, "length_and_coding");
	ASSERT_SLICE(r[1].reason, "target");
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(proxy__forwards_what_is_allowed_and_records_it_once),
	    cmocka_unit_test(proxy__records_before_the_last_byte_of_any_answer),
	    cmocka_unit_test(proxy__has_a_strict_decision_on_disk_before_it_forwards),
	    cmocka_unit_test(proxy__denies_with_an_id_and_never_asks_the_app),
	    cmocka_unit_test(proxy__asks_for_a_token_and_keeps_the_reason_to_itself),
	    cmocka_unit_test(proxy__sends_one_canonical_path_to_policy_and_app),
	    cmocka_unit_test(proxy__strips_and_sets_fields),
	    cmocka_unit_test(proxy__streams_content_to_the_app),
	    cmocka_unit_test(proxy__answers_for_an_app_that_fails),
	    cmocka_unit_test(proxy__records_a_client_that_goes_away),
	    cmocka_unit_test(proxy__is_unavailable_without_a_bundle),
	    cmocka_unit_test(proxy__is_unavailable_without_room_for_records),
	    cmocka_unit_test(proxy__refuses_and_records_what_does_not_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
