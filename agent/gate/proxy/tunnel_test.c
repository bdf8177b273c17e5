/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upgrades through the whole gate in one process: an app that echoes what a tunnel brings, a client
 * that asks for one, and the records of it.
 */
#include "agent/gate/proxy/proxy.h"
#include "base/http_client.h"
#include "base/str.h"
#include "tests/support/gate.h"
#include "tests/support/support.h"

struct world {
	struct support_gate g;
	struct ag_proxy *proxy;
	struct or_http_server *app;
	struct or_http_client *client;

	struct or_http_req *held; /* at the app: the tunnel */
	bool app_refuses, app_changes, app_ended;
	struct or_buf seen; /* "|Name=value|…" */

	struct or_http_client_call *call;
	unsigned int status;
	struct or_buf got, fields;
	uint64_t n_got;
	bool ended, failed;
};

/* -- the app: an echo with backpressure -- */

static void on_app_body(void *arg, struct or_slice piece)
{
	struct world *w = arg;

	or_http_req_write(w->held, piece);
	if (or_http_req_is_full(w->held))
		or_http_req_pause(w->held);
}

static void on_app_room(void *arg)
{
	struct world *w = arg;

	or_http_req_read(w->held);
}

static void on_app_end(void *arg)
{
	struct world *w = arg;
	struct or_http_req *req = w->held;

	w->app_ended = true;
	w->held = NULL;
	or_http_req_finish(req);
}

static void on_app_close(void *arg, enum or_code why)
{
	struct world *w = arg;

	(void)why;
	w->held = NULL;
}

static const struct or_http_req_ops app_ops = {
    .on_body = on_app_body, .on_end = on_app_end, .on_room = on_app_room, .on_close = on_app_close};

static void on_app(void *arg, struct or_http_req *req)
{
	struct world *w = arg;
	const struct or_http_msg *msg = or_http_req_msg(req);
	struct or_http_field own = {OR_SLICE_LIT("Sec-WebSocket-Accept"), OR_SLICE_LIT("yes")};

	or_buf_clear(&w->seen);
	for (size_t i = 0; i < msg->n_fields; i++)
		or_buf_printf(&w->seen, "|%.*s=%.*s", OR_SLICE_FMT(msg->fields[i].name),
		    OR_SLICE_FMT(msg->fields[i].value));
	or_buf_put_byte(&w->seen, '|');
	if (!msg->upgrade || w->app_refuses) {
		or_http_req_respond(req, 200, "text/plain", OR_SLICE_LIT("plain"));
		return;
	}
	w->held = req;
	or_http_req_attach(req, &app_ops, w);
	ASSERT_CODE(or_http_req_switch(req,
			w->app_changes ? OR_SLICE_LIT("other") : OR_SLICE_LIT("websocket"), &own, 1,
			60 * OR_NS_PER_S),
	    OR_OK);
}

/* -- the client -- */

static void on_head(void *arg, const struct or_http_msg *msg)
{
	struct world *w = arg;

	w->status = msg->status;
	or_buf_clear(&w->fields);
	for (size_t i = 0; i < msg->n_fields; i++)
		or_buf_printf(&w->fields, "|%.*s=%.*s", OR_SLICE_FMT(msg->fields[i].name),
		    OR_SLICE_FMT(msg->fields[i].value));
	or_buf_put_byte(&w->fields, '|');
}

static void on_body(void *arg, struct or_slice piece)
{
	struct world *w = arg;

	w->n_got += piece.n;
	or_buf_clear(&w->got);
	or_buf_put_slice(&w->got, piece);
}

static void on_end(void *arg)
{
	struct world *w = arg;

	w->call = NULL;
	w->ended = true;
}

static void on_fail(void *arg, const struct or_err *err)
{
	struct world *w = arg;

	(void)err;
	w->call = NULL;
	w->failed = true;
}

static const struct or_http_client_ops client_ops = {
    .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_fail = on_fail};

static enum or_code owe(void *arg, const struct ag_filter_plan **out,
    const struct pol_decision *decision, const struct ag_decide_result *so_far, struct or_arena *a)
{
	static const struct ag_filter_plan plan;

	(void)arg, (void)decision, (void)so_far, (void)a;
	*out = &plan;
	return OR_OK;
}

static void open_world(struct world *w, bool masks, int64_t idle_ns)
{
	struct support_gate_opt how = {.oblige = masks ? owe : NULL};
	struct or_http_server_opt app = {
	    .listen = "127.0.0.1:0", .high = 64 * OR_KIB, .on_request = on_app, .arg = w};
	struct ag_proxy_opt opt = {.listen = "127.0.0.1:0", .tunnel_idle_ns = idle_ns};
	struct or_err err = {0};

	*w = (struct world){0};
	support_gate_open(&w->g, &how);
	or_buf_init(&w->seen, 65536);
	or_buf_init(&w->got, OR_MIB);
	or_buf_init(&w->fields, 65536);
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
	or_buf_done(&w->got);
	or_buf_done(&w->fields);
}

static void ask(struct world *w, const char *path, const char *protocol)
{
	struct or_http_field fields[] = {
	    {OR_SLICE_LIT("Authorization"), support_gate_bearer(&w->g, "alice", 2, 60)},
	    {OR_SLICE_LIT("Connection"), OR_SLICE_LIT("Upgrade")},
	    {OR_SLICE_LIT("Upgrade"), or_slice_str(protocol)},
	    {OR_SLICE_LIT("Sec-WebSocket-Key"), OR_SLICE_LIT("a2V5")}};
	struct or_http_client_req req = {.origin = ag_proxy_address(w->proxy),
	    .target = or_slice_str(path),
	    .host = OR_SLICE_LIT("orders.example"),
	    .fields = fields,
	    .n_fields = OR_LEN(fields),
	    .upgrades = true};
	struct or_err err = {0};

	ASSERT_OK(or_http_client_start(&w->call, w->client, &req, &client_ops, w, &err), &err);
	while (!w->status && !w->failed)
		or_loop_turn(w->g.loop, false);
}

static void finish(struct world *w)
{
	while (!w->ended && !w->failed)
		or_loop_turn(w->g.loop, false);
}

/* Much more than any buffer on the way, and the last byte of it. */
static void tunnel__carries_bytes_both_ways(void **state)
{
	static const char block[16 * 1024];
	const uint64_t total = 256 * sizeof(block);
	const struct wire_audit *r;
	uint64_t sent = 0;
	struct world w;

	(void)state;
	open_world(&w, false, 0);
	ask(&w, "/totals/live", "websocket");
	assert_int_equal(w.status, 101);
	ASSERT_HAS(or_buf_text(&w.fields), "|Upgrade=websocket|");
	ASSERT_HAS(or_buf_text(&w.fields), "|Sec-WebSocket-Accept=yes|");
	ASSERT_HAS(or_buf_text(&w.seen), "|Connection=Upgrade|");
	ASSERT_HAS(or_buf_text(&w.seen), "|Upgrade=websocket|");
	ASSERT_HAS(or_buf_text(&w.seen), "|Sec-WebSocket-Key=a2V5|");
	while (w.n_got < total) {
		if (sent < total && !or_http_client_is_full(w.call)) {
			or_http_client_write(w.call, or_slice(block, sizeof(block)));
			sent += sizeof(block);
		}
		or_loop_turn(w.g.loop, sent == total);
	}
	or_http_client_write(w.call, OR_SLICE_LIT("bye"));
	or_http_client_finish(w.call);
	finish(&w);
	assert_true(w.ended && w.app_ended);
	assert_int_equal(w.n_got, total + 3);
	r = support_gate_records(&w.g, 2);
	assert_int_equal(r[0].phase, WIRE_PHASE_DECISION);
	assert_int_equal(r[0].decision, WIRE_DECISION_ALLOW);
	assert_int_equal(r[1].phase, WIRE_PHASE_OUTCOME);
	assert_int_equal(r[1].request.status, 101);
	assert_int_equal(r[1].request.bytes_in, total + 3);
	assert_int_equal(r[1].request.bytes_out, total + 3);
	assert_true(r[1].request.duration_ns > 0);
	close_world(&w);
}

static void tunnel__ends_with_either_side(void **state)
{
	const struct wire_audit *r;
	struct ag_spool_info info;
	struct world w;

	(void)state;
	open_world(&w, false, 0);
	ask(&w, "/totals/live", "websocket");
	while (!w.held)
		or_loop_turn(w.g.loop, false);
	or_http_req_write(w.held, OR_SLICE_LIT("last words"));
	or_http_req_finish(w.held);
	w.held = NULL;
	finish(&w);
	assert_true(w.ended);
	assert_string_equal(or_buf_text(&w.got), "last words");
	/* The client goes without a word. */
	w.status = 0;
	w.ended = false;
	ask(&w, "/totals/live", "websocket");
	while (!w.held)
		or_loop_turn(w.g.loop, false);
	or_http_client_cancel(w.call);
	do {
		or_loop_turn(w.g.loop, false);
		ag_spool_get_info(&info, w.g.spool);
	} while (w.held || info.pending < 4);
	r = support_gate_records(&w.g, 4);
	assert_int_equal(r[1].request.bytes_out, 10);
	assert_int_equal(r[3].phase, WIRE_PHASE_OUTCOME);
	assert_int_equal(r[3].request.status, 101);
	close_world(&w);
}

static void tunnel__is_cut_when_idle(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false, 20 * OR_NS_PER_MS);
	ask(&w, "/totals/live", "websocket");
	finish(&w);
	ASSERT_SLICE(support_gate_records(&w.g, 2)[1].reason, "tunnel_idle");
	close_world(&w);
}

static void note(void *arg)
{
	*(bool *)arg = true;
}

static void tunnel__does_not_hold_up_a_drain(void **state)
{
	bool drained = false;
	struct world w;

	(void)state;
	open_world(&w, false, 0);
	ask(&w, "/totals/live", "websocket");
	ag_proxy_drain(w.proxy, note, &drained);
	while (!drained)
		or_loop_turn(w.g.loop, false);
	finish(&w);
	ASSERT_SLICE(support_gate_records(&w.g, 2)[1].reason, "draining");
	close_world(&w);
}

static void upgrade__is_no_tunnel_where_the_app_answers(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, false, 0);
	w.app_refuses = true;
	ask(&w, "/totals/live", "websocket");
	assert_int_equal(w.status, 200);
	finish(&w);
	/* Another protocol than was asked for. */
	w.app_refuses = w.ended = false;
	w.app_changes = true;
	w.status = 0;
	ask(&w, "/totals/live", "websocket");
	assert_int_equal(w.status, 502);
	finish(&w);
	r = support_gate_records(&w.g, 4);
	assert_int_equal(r[1].request.status, 200);
	ASSERT_SLICE(r[3].reason, "upstream_malformed");
	assert_int_equal(r[3].request.status, 502);
	close_world(&w);
}

static void upgrade__to_other_forms_of_http_is_not_passed(void **state)
{
	static const char *const protocols[] = {
	    "h2c", "H2C", "h2", "HTTP/2.0", "TLS/1.0", "websocket, h2c", "web socket"};
	struct world w;

	(void)state;
	open_world(&w, false, 0);
	for (size_t i = 0; i < OR_LEN(protocols); i++) {
		w.status = 0;
		w.ended = false;
		ask(&w, "/totals", protocols[i]);
		assert_int_equal(w.status, 200);
		assert_null(strstr(or_buf_text(&w.seen), "|Upgrade="));
		assert_null(strstr(or_buf_text(&w.seen), "|Connection="));
		finish(&w);
	}
	assert_int_equal(support_gate_records(&w.g, OR_LEN(protocols))->phase, WIRE_PHASE_COMPLETE);
	close_world(&w);
}

static void upgrade__is_refused_where_masks_are_owed(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	ask(&w, "/totals/live", "websocket");
	assert_int_equal(w.status, 502);
	finish(&w);
	assert_int_equal(w.seen.n, 0);
	r = support_gate_records(&w.g, 2);
	ASSERT_SLICE(r[1].reason, "mask_upgrade");
	assert_int_equal(r[1].request.status, 502);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tunnel__carries_bytes_both_ways),
	    cmocka_unit_test(tunnel__ends_with_either_side),
	    cmocka_unit_test(tunnel__is_cut_when_idle),
	    cmocka_unit_test(tunnel__does_not_hold_up_a_drain),
	    cmocka_unit_test(upgrade__is_no_tunnel_where_the_app_answers),
	    cmocka_unit_test(upgrade__to_other_forms_of_http_is_not_passed),
	    cmocka_unit_test(upgrade__is_refused_where_masks_are_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
