/* SPDX-License-Identifier: Apache-2.0 */
/* Real sockets on loopback, plain and TLS; deadlines on a virtual clock. */
#include "base/h2_server.h"

#include "base/sys.h"
#include "tests/support/h2_dial.h"
#include "tests/support/support.h"

#include <stdio.h>

struct rig {
	struct or_loop *loop;
	struct or_h2_server *server;
	struct or_h2_req *held;
	size_t n_closed;
	bool drained;
};

static void answer(struct or_h2_req *req, struct or_slice body)
{
	const struct or_h2_answer a = {.status = 200, .body = body};

	or_h2_req_answer(req, &a);
}

static void on_close(void *arg, enum or_code why)
{
	struct rig *r = arg;

	assert_int_equal(why, OR_CLOSED);
	r->n_closed++;
	r->held = NULL;
}

static void on_request(void *arg, struct or_h2_req *req)
{
	static uint8_t big[200 * 1024];
	struct rig *r = arg;
	struct or_slice path = or_h2_req_msg(req)->path;

	assert_true(or_net_is_loopback(or_h2_server_peer(req)));
	if (or_slice_is(path, "/hold")) {
		r->held = req;
		or_h2_req_attach(req, on_close, r);
	} else if (or_slice_is(path, "/big")) {
		answer(req, or_slice(big, sizeof(big)));
	} else {
		answer(req, or_slice_str(or_h2_server_peer_text(req)));
	}
}

static void start(struct rig *r, struct or_h2_server_opt opt, bool virtual_clock)
{
	const struct or_loop_opt loop = {.virtual_clock = virtual_clock};
	struct or_err err;

	*r = (struct rig){0};
	ASSERT_OK(or_loop_new(&r->loop, &loop, &err), &err);
	opt.listen = opt.listen ? opt.listen : "127.0.0.1:0";
	opt.on_request = on_request;
	opt.arg = r;
	ASSERT_OK(or_h2_server_new(&r->server, r->loop, &opt, &err), &err);
	assert_ptr_equal(or_h2_server_loop(r->server), r->loop);
}

static void stop(struct rig *r)
{
	or_h2_server_free(r->server);
	or_loop_free(r->loop);
}

static struct support_dial *dial(struct rig *r)
{
	return support_dial_new(r->loop, or_h2_server_address(r->server), NULL);
}

static bool is_held(void *arg)
{
	return ((struct rig *)arg)->held != NULL;
}

static bool is_given_up(void *arg)
{
	return ((struct rig *)arg)->n_closed > 0;
}

static bool has_ended(void *arg)
{
	return ((struct support_dial *)arg)->ended;
}

static bool is_drained(void *arg)
{
	return ((struct rig *)arg)->drained;
}

static void on_drained(void *arg)
{
	((struct rig *)arg)->drained = true;
}

/* One request and its answer. */
static void ask(struct support_dial *d, const char *path)
{
	int32_t id = support_h2_ask(d->h2, path, NULL, 0, OR_SLICE_LIT("x"));

	support_dial_await(d, id);
	assert_false(d->ended);
	assert_int_equal(support_h2_answer(d->h2, id)->status, 200);
}

static void server__answers_on_one_connection(void **state)
{
	struct rig r;
	struct support_dial *d;
	struct or_h2_server_stats stats;

	(void)state;
	start(&r, (struct or_h2_server_opt){0}, false);
	d = dial(&r);
	for (int i = 0; i < 100; i++)
		ask(d, "/");
	or_h2_server_stats(&stats, r.server);
	assert_int_equal(stats.accepted, 1);
	assert_int_equal(stats.requests, 100);
	assert_int_equal(stats.open, 1);
	support_dial_free(d);
	stop(&r);
}

static void server__listens_on_a_unix_socket(void **state)
{
	char *dir = support_tmpdir_new(), address[256];
	struct support_dial *d;
	struct rig r;

	(void)state;
	snprintf(address, sizeof(address), "unix:%s", support_path(dir, "s"));
	start(&r, (struct or_h2_server_opt){.listen = address}, false);
	d = dial(&r);
	ask(d, "/");
	support_dial_free(d);
	stop(&r);
	support_tmpdir_remove(dir);
}

static struct or_tls *context(bool server, bool h2)
{
	struct or_buf cert = {0}, key = {0}, roots = {0};
	struct or_tls_opt opt = {.server = server, .alpn = h2 ? "h2" : NULL};
	struct or_tls *tls;
	struct or_err err;

	or_buf_init(&cert, 65536);
	or_buf_init(&key, 65536);
	or_buf_init(&roots, 65536);
	ASSERT_OK(or_sys_read_file(&cert, "tests/support/tls/server.pem", &err), &err);
	ASSERT_OK(or_sys_read_file(&key, "tests/support/tls/server.key", &err), &err);
	ASSERT_OK(or_sys_read_file(&roots, "tests/support/tls/ca.pem", &err), &err);
	if (server) {
		opt.cert = or_buf_slice(&cert);
		opt.key = or_buf_slice(&key);
	} else {
		opt.ca = or_buf_slice(&roots);
	}
	ASSERT_OK(or_tls_new(&tls, &opt, &err), &err);
	or_buf_done(&cert);
	or_buf_done(&key);
	or_buf_done(&roots);
	return tls;
}

static void server__speaks_tls_with_alpn_h2_alone(void **state)
{
	struct or_tls *server = context(true, true), *h2 = context(false, true),
		      *http1 = context(false, false);
	struct or_tls_session *session;
	struct support_dial *d;
	struct or_err err;
	struct rig r;

	(void)state;
	start(&r, (struct or_h2_server_opt){.tls = server}, false);
	ASSERT_OK(or_tls_session_new(&session, h2, "localhost", &err), &err);
	d = support_dial_new(r.loop, or_h2_server_address(r.server), session);
	ask(d, "/");
	ask(d, "/big");
	support_dial_free(d);
	ASSERT_OK(or_tls_session_new(&session, http1, "localhost", &err), &err);
	d = support_dial_new(r.loop, or_h2_server_address(r.server), session);
	support_dial_until(d, has_ended, d);
	support_dial_free(d);
	stop(&r);
	or_tls_unref(server);
	or_tls_unref(h2);
	or_tls_unref(http1);
}

static void server__tells_of_a_client_that_goes(void **state)
{
	struct rig r;
	struct support_dial *d, *other;

	(void)state;
	start(&r, (struct or_h2_server_opt){0}, false);
	d = dial(&r);
	other = dial(&r);
	support_h2_ask(d->h2, "/hold", NULL, 0, OR_SLICE_NONE);
	support_dial_flush(d);
	support_dial_until(d, is_held, &r);
	support_dial_free(d);
	support_dial_until(other, is_given_up, &r);
	ask(other, "/");
	support_dial_free(other);
	stop(&r);
}

static void server__makes_room_by_closing_the_longest_idle(void **state)
{
	struct rig r;
	struct support_dial *busy, *idle, *next;
	int32_t id;

	(void)state;
	start(&r, (struct or_h2_server_opt){.max_conns = 2}, false);
	busy = dial(&r);
	id = support_h2_ask(busy->h2, "/hold", NULL, 0, OR_SLICE_NONE);
	support_dial_flush(busy);
	support_dial_until(busy, is_held, &r);
	idle = dial(&r);
	ask(idle, "/");
	next = dial(&r);
	ask(next, "/");
	support_dial_until(idle, has_ended, idle);
	answer(r.held, OR_SLICE_LIT("x"));
	support_dial_await(busy, id);
	assert_int_equal(support_h2_answer(busy->h2, id)->status, 200);
	support_dial_free(busy);
	support_dial_free(idle);
	support_dial_free(next);
	stop(&r);
}

static void server__drains(void **state)
{
	struct rig r;
	struct support_dial *d, *idle;
	int32_t id;

	(void)state;
	start(&r, (struct or_h2_server_opt){0}, false);
	d = dial(&r);
	idle = dial(&r);
	ask(idle, "/");
	id = support_h2_ask(d->h2, "/hold", NULL, 0, OR_SLICE_NONE);
	support_dial_flush(d);
	support_dial_until(d, is_held, &r);
	or_h2_server_drain(r.server, on_drained, &r);
	support_dial_until(idle, has_ended, idle);
	assert_int_equal(support_h2_goaway(idle->h2), 0);
	support_dial_free(idle);
	assert_false(r.drained);
	answer(r.held, OR_SLICE_LIT("x"));
	support_dial_until(d, has_ended, d);
	assert_int_equal(support_h2_answer(d->h2, id)->status, 200);
	support_dial_free(d);
	d = NULL;
	while (!r.drained)
		or_loop_turn(r.loop, false);
	assert_true(is_drained(&r));
	stop(&r);
}

/* Turns without waiting until nothing happens any more. */
static void settle(struct rig *r)
{
	for (int i = 0; i < 200; i++)
		or_loop_turn(r->loop, true);
}

static size_t n_open(const struct rig *r)
{
	struct or_h2_server_stats stats;

	or_h2_server_stats(&stats, r->server);
	return stats.open;
}

static bool has_one(void *arg)
{
	return n_open(arg) == 1;
}

static void server__ends_connections_that_ask_nothing(void **state)
{
	struct rig r;
	struct support_dial *silent, *idle;

	(void)state;
	start(&r, (struct or_h2_server_opt){0}, true);
	silent = dial(&r);
	support_dial_flush(silent);
	support_dial_until(silent, has_one, &r);
	idle = dial(&r);
	ask(idle, "/");
	or_loop_advance(r.loop, 11 * OR_NS_PER_S);
	support_dial_until(silent, has_ended, silent);
	assert_int_equal(support_h2_goaway(silent->h2), 0);
	settle(&r);
	assert_false(idle->ended);
	/* pings keep nothing open */
	support_h2_ping(idle->h2);
	support_dial_flush(idle);
	settle(&r);
	or_loop_advance(r.loop, 300 * OR_NS_PER_S);
	support_dial_until(idle, has_ended, idle);
	assert_int_equal(support_h2_goaway(idle->h2), 0);
	support_dial_free(silent);
	support_dial_free(idle);
	stop(&r);
}

static void server__resets_a_request_that_does_not_end(void **state)
{
	struct rig r;
	struct support_dial *d;
	int32_t id;

	(void)state;
	start(&r, (struct or_h2_server_opt){0}, true);
	d = dial(&r);
	id = support_h2_begin(d->h2, "/");
	ask(d, "/"); /* comes behind it, so both have come */
	for (int i = 0; i < 33; i++) {
		or_loop_advance(r.loop, OR_NS_PER_S);
		settle(&r);
	}
	support_dial_await(d, id);
	assert_int_equal(support_h2_answer(d->h2, id)->error, 8); /* CANCEL */
	support_dial_free(d);
	stop(&r);
}

/* The client's window is open, but it reads nothing from its socket. */
static void server__cuts_a_client_that_takes_nothing(void **state)
{
	struct rig r;
	struct support_dial *d;

	(void)state;
	start(&r, (struct or_h2_server_opt){0}, true);
	d = dial(&r);
	ask(d, "/");
	d->deaf = true;
	for (int i = 0; i < 900; i++)
		support_h2_ask(d->h2, "/big", NULL, 0, OR_SLICE_NONE);
	support_dial_flush(d);
	settle(&r);
	for (int i = 0; i < 10000 && n_open(&r); i++) {
		or_loop_advance(r.loop, OR_NS_PER_S);
		settle(&r);
	}
	assert_int_equal(n_open(&r), 0);
	support_dial_free(d);
	stop(&r);
}

static void server__refuses_what_is_no_address(void **state)
{
	struct or_h2_server *server;
	const struct or_h2_server_opt opt = {.listen = "nowhere", .on_request = on_request};
	struct or_loop *loop;
	struct or_err err;

	(void)state;
	ASSERT_OK(or_loop_new(&loop, NULL, &err), &err);
	ASSERT_CODE(or_h2_server_new(&server, loop, &opt, &err), OR_INVAL);
	or_loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(server__answers_on_one_connection),
	    cmocka_unit_test(server__listens_on_a_unix_socket),
	    cmocka_unit_test(server__speaks_tls_with_alpn_h2_alone),
	    cmocka_unit_test(server__tells_of_a_client_that_goes),
	    cmocka_unit_test(server__makes_room_by_closing_the_longest_idle),
	    cmocka_unit_test(server__drains),
	    cmocka_unit_test(server__ends_connections_that_ask_nothing),
	    cmocka_unit_test(server__resets_a_request_that_does_not_end),
	    cmocka_unit_test(server__cuts_a_client_that_takes_nothing),
	    cmocka_unit_test(server__refuses_what_is_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
