/* SPDX-License-Identifier: Apache-2.0 */
/* A server and a client of HTTP over TLS on one loop; certificates are of tests/support/tls. */
#include "base/tls.h"

#include "base/http_client.h"
#include "base/http_server.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { BIG = 3 * 1024 * 1024 };

struct world {
	struct or_loop *loop;
	struct or_http_server *server;
	struct or_http_client *client;
	struct or_tls *server_tls, *client_tls;
	struct or_buf body, big;
	struct or_arena *arena;
	size_t n_chain; /* what the server saw of the client */
	struct or_slice chain[OR_TLS_CHAIN_MAX];
	unsigned int status;
	enum or_code failed;
	bool answered;
};

static void file(struct or_buf *out, const char *name)
{
	char path[256];
	struct or_err err;

	or_buf_init(out, 65536);
	snprintf(path, sizeof(path), "tests/support/tls/%s", name);
	ASSERT_OK(or_sys_read_file(out, path, &err), &err);
}

static struct or_tls *context(bool server, const char *cert, const char *ca, bool needs)
{
	struct or_buf pem = {0}, key = {0}, roots = {0};
	struct or_tls_opt opt = {.server = server, .needs_cert = needs};
	char name[64];
	struct or_tls *tls;
	struct or_err err = {0};

	if (cert) {
		snprintf(name, sizeof(name), "%s.pem", cert);
		file(&pem, name);
		snprintf(name, sizeof(name), "%s.key", cert);
		file(&key, name);
		opt.cert = or_buf_slice(&pem);
		opt.key = or_buf_slice(&key);
	}
	if (ca) {
		file(&roots, ca);
		opt.ca = or_buf_slice(&roots);
	}
	ASSERT_OK(or_tls_new(&tls, &opt, &err), &err);
	or_buf_done(&pem);
	or_buf_done(&key);
	or_buf_done(&roots);
	return tls;
}

static void on_echo_body(void *arg, struct or_slice piece)
{
	or_http_req_write(arg, piece);
}

static void on_echo_end(void *arg)
{
	or_http_req_finish(arg);
}

static void on_echo_close(void *arg, enum or_code why)
{
	(void)arg;
	(void)why;
}

static const struct or_http_req_ops echo = {
    .on_body = on_echo_body, .on_end = on_echo_end, .on_close = on_echo_close};

static void on_request(void *arg, struct or_http_req *req)
{
	struct world *w = arg;

	assert_non_null(or_http_req_tls(req));
	ASSERT_CODE(
	    or_tls_session_chain(or_http_req_tls(req), w->chain, &w->n_chain, w->arena), OR_OK);
	or_http_req_attach(req, &echo, req);
	ASSERT_CODE(or_http_req_start(req, 200, NULL, 0, OR_HTTP_REQ_UNKNOWN), OR_OK);
	or_http_req_read(req);
}

static void open_world(struct world *w, const char *client_cert, const char *ca, bool needs_cert)
{
	struct or_http_server_opt opt = {
	    .listen = "127.0.0.1:0", .on_request = on_request, .arg = w};
	struct or_err err = {0};

	*w = (struct world){.arena = or_arena_new(0)};
	or_buf_init(&w->body, 2 * BIG);
	or_buf_init(&w->big, 2 * BIG);
	for (size_t i = 0; w->big.n < BIG; i++)
		or_buf_printf(&w->big, "%zu,", i);
	ASSERT_OK(or_loop_new(&w->loop, NULL, &err), &err);
	w->server_tls = context(true, "server", NULL, needs_cert);
	w->client_tls = context(false, client_cert, ca, false);
	opt.tls = w->server_tls;
	ASSERT_OK(or_http_server_new(&w->server, w->loop, &opt, &err), &err);
	w->client = or_http_client_new(w->loop, NULL);
}

static void close_world(struct world *w)
{
	or_http_client_free(w->client);
	or_http_server_free(w->server);
	or_tls_unref(w->server_tls);
	or_tls_unref(w->client_tls);
	or_loop_free(w->loop);
	or_buf_done(&w->body);
	or_buf_done(&w->big);
	or_arena_free(w->arena);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct world *w = arg;

	w->answered = true;
	w->status = answer->status;
	w->failed = answer->err ? answer->err->code : OR_OK;
	or_buf_clear(&w->body);
	or_buf_put_slice(&w->body, answer->body);
}

static void post(struct world *w, const char *host, struct or_slice body)
{
	struct or_http_client_req req = {.origin = or_http_server_address(w->server),
	    .tls = w->client_tls,
	    .tls_host = host,
	    .method = OR_SLICE_LIT("POST"),
	    .target = OR_SLICE_LIT("/"),
	    .body = body,
	    .total_ns = 30 * OR_NS_PER_S};
	struct or_http_client_call *call;
	struct or_err err = {0};

	w->answered = false;
	ASSERT_OK(or_http_client_fetch(&call, w->client, &req, 2 * BIG, on_answer, w, &err), &err);
	while (!w->answered)
		or_loop_turn(w->loop, false);
}

static void session__carries_requests_both_ways(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, NULL, "ca.pem", false);
	for (int i = 0; i < 3; i++) {
		post(&w, "localhost", OR_SLICE_LIT("hello"));
		assert_int_equal(w.status, 200);
		assert_string_equal(or_buf_text(&w.body), "hello");
	}
	post(&w, "127.0.0.1", or_buf_slice(&w.big));
	assert_int_equal(w.status, 200);
	assert_true(or_slice_eq(or_buf_slice(&w.body), or_buf_slice(&w.big)));
	post(&w, "a.example.test", OR_SLICE_LIT("x"));
	assert_int_equal(w.status, 200);
	assert_int_equal(w.n_chain, 0);
	close_world(&w);
}

static void session__verifies_who_the_server_is(void **state)
{
	static const char *const names[] = {
	    "example.test", "a.b.example.test", "127.0.0.2", "server", "localhost.example"};
	struct world w;

	(void)state;
	open_world(&w, NULL, "ca.pem", false);
	for (size_t i = 0; i < OR_LEN(names); i++) {
		post(&w, names[i], OR_SLICE_LIT("x"));
		assert_int_equal(w.status, 0);
		ASSERT_CODE(w.failed, OR_DENIED);
	}
	close_world(&w);
	open_world(&w, NULL, "other.pem", false);
	post(&w, "localhost", OR_SLICE_LIT("x"));
	ASSERT_CODE(w.failed, OR_DENIED);
	close_world(&w);
}

static void session__asks_for_the_clients_certificate(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "client", "ca.pem", true);
	post(&w, "localhost", OR_SLICE_LIT("x"));
	assert_int_equal(w.status, 200);
	assert_int_equal(w.n_chain, 1);
	assert_int_equal(w.chain[0].p[0], 0x30); /* DER's SEQUENCE */
	close_world(&w);
	open_world(&w, NULL, "ca.pem", true);
	post(&w, "localhost", OR_SLICE_LIT("x"));
	assert_int_equal(w.status, 0);
	close_world(&w);
}

static void server__takes_another_certificate(void **state)
{
	struct or_tls *tls;
	struct world w;

	(void)state;
	open_world(&w, NULL, "ca.pem", false);
	post(&w, "localhost", OR_SLICE_LIT("x"));
	tls = context(true, "client", NULL, false);
	or_http_server_tls_put(w.server, tls);
	or_tls_unref(tls);
	/* a connection that is kept goes on; a new one meets the new certificate */
	post(&w, "localhost", OR_SLICE_LIT("x"));
	assert_int_equal(w.status, 200);
	post(&w, "127.0.0.1", OR_SLICE_LIT("x"));
	ASSERT_CODE(w.failed, OR_DENIED);
	close_world(&w);
}

static void session__does_not_take_plain_for_tls(void **state)
{
	struct or_http_server_opt opt = {.listen = "127.0.0.1:0", .on_request = on_request};
	struct or_http_server *plain;
	struct world w;
	struct or_err err = {0};

	(void)state;
	open_world(&w, NULL, "ca.pem", false);
	ASSERT_OK(or_http_server_new(&plain, w.loop, &opt, &err), &err);
	or_http_server_free(w.server);
	w.server = plain;
	post(&w, "localhost", OR_SLICE_LIT("x"));
	assert_int_equal(w.status, 0);
	assert_int_not_equal(w.failed, OR_OK);
	close_world(&w);
}

static void new__says_what_is_wrong(void **state)
{
	struct or_buf cert, key, other;
	struct or_tls_opt opt = {.server = true, .cert = OR_SLICE_LIT("none")};
	struct or_tls_session *s;
	struct or_tls *tls = NULL;
	struct or_err err = {0};

	(void)state;
	file(&cert, "server.pem");
	file(&key, "server.key");
	file(&other, "client.key");
	ASSERT_CODE(or_tls_new(&tls, &opt, &err), OR_PARSE);
	opt.cert = or_buf_slice(&cert);
	ASSERT_CODE(or_tls_new(&tls, &opt, &err), OR_PARSE);
	opt.key = or_buf_slice(&other);
	ASSERT_CODE(or_tls_new(&tls, &opt, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "not the certificate's");
	ASSERT_CODE(
	    or_tls_new(&tls, &(struct or_tls_opt){.ca = OR_SLICE_LIT("none")}, &err), OR_PARSE);
	assert_null(tls);
	tls = context(false, NULL, "ca.pem", false);
	ASSERT_CODE(or_tls_session_new(&s, tls, "", &err), OR_INVAL);
	or_tls_unref(tls);
	or_buf_done(&cert);
	or_buf_done(&key);
	or_buf_done(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(session__carries_requests_both_ways),
	    cmocka_unit_test(session__verifies_who_the_server_is),
	    cmocka_unit_test(session__asks_for_the_clients_certificate),
	    cmocka_unit_test(server__takes_another_certificate),
	    cmocka_unit_test(session__does_not_take_plain_for_tls),
	    cmocka_unit_test(new__says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
