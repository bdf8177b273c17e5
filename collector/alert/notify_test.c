/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/notify.h"

#include "base/http_server.h"
#include "collector/alert/webhook/webhook.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { POSTS_MAX = 64 };

/* A receiver on the same loop, whose clock is virtual: it stands still unless a test moves it. */
struct fixture {
	struct or_loop *loop;
	struct or_http_server *server;
	struct co_notify *n;
	char shown[128], url_a[160], url_b[160];
	struct co_sink_target a, b; /* /a and /b of the receiver */
	struct or_err err;
	unsigned int answers[POSTS_MAX]; /* to each POST to /a; 0: 200; 1: none */
	const char *retry_after;
	size_t posts_a, posts_b;
	char last_key[64];
	char told[512];
};

static void respond(struct fixture *f, struct or_http_req *req, unsigned int status)
{
	const struct or_http_field after = {
	    OR_SLICE_LIT("Retry-After"), or_slice_str(f->retry_after)};

	or_http_req_respond_with(req, status, &after, f->retry_after ? 1 : 0, OR_SLICE_LIT("well"));
}

static void on_close(void *arg, enum or_code why)
{
	(void)arg;
	(void)why;
}

static void on_body(void *arg, struct or_http_req *req, struct or_slice body)
{
	struct fixture *f = arg;
	const struct or_http_msg *msg = or_http_req_msg(req);
	unsigned int status;

	ASSERT_SLICE(msg->method, "POST");
	ASSERT_SLICE(or_http_msg_get(msg, "Content-Type"), "application/json");
	assert_true(body.n > 0);
	snprintf(f->last_key, sizeof(f->last_key), "%.*s",
	    OR_SLICE_FMT(or_http_msg_get(msg, "Idempotency-Key")));
	if (or_slice_is(msg->path, "/b")) {
		f->posts_b++;
		respond(f, req, 200);
		return;
	}
	status = f->answers[f->posts_a++ % POSTS_MAX];
	if (status == 1) { /* silent until it is cut */
		static const struct or_http_req_ops ops = {.on_close = on_close};

		or_http_req_attach(req, &ops, f);
		return;
	}
	respond(f, req, status ? status : 200);
}

static void on_request(void *arg, struct or_http_req *req)
{
	or_http_req_collect(req, 100000, on_body, arg);
}

static void on_told(void *arg, struct co_notice_group *g, const char *why)
{
	struct fixture *f = arg;
	size_t n = strlen(f->told);

	snprintf(f->told + n, sizeof(f->told) - n, "%s:%s;", g->key, why ? why : "taken");
}

static int set_up(void **state)
{
	static struct fixture f;
	struct or_http_server_opt http = {
	    .listen = "127.0.0.1:0", .on_request = on_request, .arg = &f};

	f = (struct fixture){.retry_after = NULL};
	ASSERT_OK(
	    or_loop_new(&f.loop, &(struct or_loop_opt){.virtual_clock = true}, &f.err), &f.err);
	ASSERT_OK(or_http_server_new(&f.server, f.loop, &http, &f.err), &f.err);
	ASSERT_OK(
	    co_notify_new(&f.n,
		&(struct co_notify_opt){
		    .loop = f.loop, .retry_max_ns = 20 * OR_NS_PER_S, .fn = on_told, .arg = &f},
		&f.err),
	    &f.err);
	snprintf(f.shown, sizeof(f.shown), "http://%s", or_http_server_address(f.server));
	snprintf(f.url_a, sizeof(f.url_a), "%s/a", f.shown);
	snprintf(f.url_b, sizeof(f.url_b), "%s/b", f.shown);
	f.a = (struct co_sink_target){.sink = &co_webhook_sink,
	    .url = f.url_a,
	    .shown = f.shown,
	    .timeout_ns = 5 * OR_NS_PER_S};
	f.b = f.a;
	f.b.url = f.url_b;
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	co_notify_free(f->n);
	if (f->server)
		or_http_server_free(f->server);
	or_loop_free(f->loop);
	return 0;
}

#define GROUP(name, to, text)                                                                      \
	struct co_notice_out name##_out = {.id = "id-" #name, .body = (text), .body_len = 2};      \
	struct co_notice_group name = {.key = #name,                                               \
	    .receiver = OR_SLICE_LIT("ops"),                                                       \
	    .sink = &co_webhook_sink,                                                              \
	    .target = (to),                                                                        \
	    .out = &name##_out}

static char body[] = "{}";

static void run_until(struct fixture *f, const size_t *posts, size_t n)
{
	while (*posts < n)
		or_loop_turn(f->loop, false);
}

/* Until the answer to the last POST has been dealt with. */
static void run_until_told(struct fixture *f, const char *told)
{
	while (strlen(f->told) < strlen(told))
		or_loop_turn(f->loop, false);
	assert_string_equal(f->told, told);
	f->told[0] = '\0';
}

static uint64_t failed(const struct fixture *f)
{
	struct co_notify_stats s;

	co_notify_stats(&s, f->n);
	return s.failed;
}

static void run_until_failed(struct fixture *f, uint64_t n)
{
	while (failed(f) < n)
		or_loop_turn(f->loop, false);
}

static void settle(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		or_loop_turn(f->loop, true);
}

static void send__is_taken_once(void **state)
{
	struct fixture *f = *state;
	GROUP(x, &f->a, body);

	co_notify_send(f->n, &x);
	run_until_told(f, "x:taken;");
	assert_false(x.out->is_queued);
	or_loop_advance(f->loop, 3600 * OR_NS_PER_S);
	settle(f);
	assert_int_equal(f->posts_a, 1);
	assert_string_equal(f->last_key, "id-x");
}

static void send__tries_again_with_longer_pauses(void **state)
{
	struct fixture *f = *state;
	GROUP(x, &f->a, body);
	int64_t wait = OR_NS_PER_S;

	for (int i = 0; i < 6; i++)
		f->answers[i] = 500;
	co_notify_send(f->n, &x);
	for (uint64_t i = 1; i <= 6; i++) {
		run_until_failed(f, i);
		assert_int_equal(f->posts_a, i);
		assert_int_equal(x.out->attempts, i);
		ASSERT_HAS(x.out->why, "answered 500: well");
		or_loop_advance(f->loop, wait - OR_NS_PER_MS);
		settle(f);
		assert_int_equal(f->posts_a, i); /* not yet */
		or_loop_advance(f->loop, wait / 5 + 2 * OR_NS_PER_MS);
		wait = 2 * wait < 20 * OR_NS_PER_S ? 2 * wait : 20 * OR_NS_PER_S;
	}
	run_until_told(f, "x:taken;");
	assert_int_equal(f->posts_a, 7);
}

static void send__hears_retry_after(void **state)
{
	struct fixture *f = *state;
	GROUP(x, &f->a, body);

	f->answers[0] = 429;
	f->retry_after = "10";
	co_notify_send(f->n, &x);
	run_until_failed(f, 1);
	or_loop_advance(f->loop, 9 * OR_NS_PER_S);
	settle(f);
	assert_int_equal(f->posts_a, 1);
	or_loop_advance(f->loop, 2 * OR_NS_PER_S);
	run_until_told(f, "x:taken;");
}

static void send__gives_a_silent_receiver_up(void **state)
{
	struct fixture *f = *state;
	GROUP(x, &f->a, body);

	f->answers[0] = 1;
	co_notify_send(f->n, &x);
	run_until(f, &f->posts_a, 1);
	or_loop_advance(f->loop, 4 * OR_NS_PER_S);
	settle(f);
	assert_int_equal(x.out->attempts, 0);
	or_loop_advance(f->loop, 2 * OR_NS_PER_S);
	run_until_failed(f, 1);
	or_loop_advance(f->loop, 2 * OR_NS_PER_S);
	run_until_told(f, "x:taken;");
	assert_string_equal(f->last_key, "id-x");
}

static void send__does_not_repeat_what_was_refused(void **state)
{
	static const unsigned int refusals[] = {301, 400, 401, 404, 413};
	struct fixture *f = *state;
	struct co_notify_stats s;

	for (size_t i = 0; i < OR_LEN(refusals); i++) {
		char want[256];
		GROUP(x, &f->a, body);

		f->answers[i] = refusals[i];
		co_notify_send(f->n, &x);
		snprintf(want, sizeof(want), "x:%s answered %u: well;", f->shown, refusals[i]);
		run_until_told(f, want);
	}
	or_loop_advance(f->loop, 3600 * OR_NS_PER_S);
	settle(f);
	assert_int_equal(f->posts_a, OR_LEN(refusals));
	co_notify_stats(&s, f->n);
	assert_int_equal(s.refused, OR_LEN(refusals));
	assert_int_equal(s.queued, 0);
}

static void send__a_failing_target_holds_nobody_else_back(void **state)
{
	struct fixture *f = *state;
	GROUP(x, &f->a, body);
	GROUP(y, &f->a, body);
	GROUP(z, &f->b, body);

	f->answers[0] = f->answers[1] = 503;
	co_notify_send(f->n, &x);
	co_notify_send(f->n, &y);
	co_notify_send(f->n, &z);
	run_until_told(f, "z:taken;");
	run_until_failed(f, 1);
	or_loop_advance(f->loop, 2 * OR_NS_PER_S);
	run_until_failed(f, 2);
	assert_int_equal(x.out->attempts, 1); /* the one that failed went behind the other */
	assert_int_equal(y.out->attempts, 1);
	or_loop_advance(f->loop, 3 * OR_NS_PER_S);
	run_until_told(f, "x:taken;y:taken;");
}

static void cancel__is_silent(void **state)
{
	struct fixture *f = *state;
	struct co_notify_stats s;
	GROUP(x, &f->a, body);
	GROUP(y, &f->a, body);

	f->answers[0] = 1;
	co_notify_send(f->n, &x);
	co_notify_send(f->n, &y);
	run_until(f, &f->posts_a, 1);
	co_notify_cancel(f->n, &x); /* while it is being sent */
	assert_false(x.out->is_queued);
	run_until_told(f, "y:taken;");
	co_notify_send(f->n, &x);
	co_notify_cancel(f->n, &x);
	co_notify_cancel(f->n, &x);
	settle(f);
	assert_int_equal(f->posts_a, 2);
	co_notify_stats(&s, f->n);
	assert_int_equal(s.queued, 0);
}

static void send__tries_again_where_nobody_listens(void **state)
{
	struct fixture *f = *state;
	GROUP(x, &f->a, body);

	or_http_server_free(f->server);
	f->server = NULL;
	co_notify_send(f->n, &x);
	run_until_failed(f, 1);
	ASSERT_HAS(x.out->why, f->shown);
	or_loop_advance(f->loop, 2 * OR_NS_PER_S);
	run_until_failed(f, 2);
	assert_int_equal(x.out->attempts, 2);
	co_notify_cancel(f->n, &x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(send__is_taken_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		send__tries_again_with_longer_pauses, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(send__hears_retry_after, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(send__gives_a_silent_receiver_up, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		send__does_not_repeat_what_was_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		send__a_failing_target_holds_nobody_else_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(cancel__is_silent, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		send__tries_again_where_nobody_listens, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("collector/alert/notify", tests, NULL, NULL);
}
