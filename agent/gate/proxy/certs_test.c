/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy over TLS on both sides, and certificates that change under it; files of
 * tests/support/tls. */
#include "agent/gate/proxy/certs.h"

#include "agent/gate/proxy/proxy.h"
#include "base/http_client.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/watch.h"
#include "tests/support/gate.h"
#include "tests/support/support.h"

#include <stdio.h>

#define TLS "tests/support/tls/"

struct world {
	struct support_gate g;
	struct ag_certs *app_certs, *client_certs;
	struct ag_proxy *proxy;
	struct or_http_server *app;
	struct or_http_client *client;
	struct or_buf seen;
	unsigned int status;
	enum or_code failed;
	bool answered;
	char cert[512], key[512];
};

static void copy(const char *from, const char *to)
{
	struct or_buf b;
	struct or_err err = {0};

	or_buf_init(&b, 65536);
	ASSERT_OK(or_sys_read_file(&b, from, &err), &err);
	ASSERT_OK(or_sys_write_file(to, or_buf_slice(&b), 0600, &err), &err);
	or_buf_done(&b);
}

static void on_app(void *arg, struct or_http_req *req)
{
	struct world *w = arg;
	const struct or_http_msg *msg = or_http_req_msg(req);

	or_buf_clear(&w->seen);
	for (size_t i = 0; i < msg->n_fields; i++)
		or_buf_printf(&w->seen, "|%.*s=%.*s", OR_SLICE_FMT(msg->fields[i].name),
		    OR_SLICE_FMT(msg->fields[i].value));
	assert_non_null(or_http_req_tls(req));
	or_http_req_respond(req, 200, "text/plain", OR_SLICE_LIT("rows"));
}

static struct ag_certs *certs(struct world *w, bool server, const char *ca)
{
	struct ag_certs_opt opt = {.server = server,
	    .cert_file = server ? TLS "server.pem" : NULL,
	    .key_file = server ? TLS "server.key" : NULL,
	    .ca_file = ca};
	struct ag_certs *c;
	struct or_err err = {0};

	ASSERT_OK(ag_certs_open(&c, w->g.loop, &opt, &err), &err);
	return c;
}

static void open_world(struct world *w, const char *upstream_ca)
{
	struct or_http_server_opt app = {.listen = "127.0.0.1:0", .on_request = on_app, .arg = w};
	struct ag_proxy_opt opt = {.listen = "127.0.0.1:0",
	    .cert_file = w->cert,
	    .key_file = w->key,
	    .upstream_host = "127.0.0.1",
	    .upstream_ca_file = upstream_ca};
	struct or_err err = {0};

	*w = (struct world){0};
	support_gate_open(&w->g, NULL);
	snprintf(w->cert, sizeof(w->cert), "%s/gate.pem", w->g.dir);
	snprintf(w->key, sizeof(w->key), "%s/gate.key", w->g.dir);
	copy(TLS "server.pem", w->cert);
	copy(TLS "server.key", w->key);
	or_buf_init(&w->seen, 65536);
	w->app_certs = certs(w, true, NULL);
	w->client_certs = certs(w, false, TLS "ca.pem");
	app.tls = ag_certs_get(w->app_certs);
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
	ag_certs_close(w->app_certs);
	ag_certs_close(w->client_certs);
	or_buf_done(&w->seen);
	support_gate_close(&w->g);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct world *w = arg;

	w->answered = true;
	w->status = answer->status;
	w->failed = answer->err ? answer->err->code : OR_OK;
}

static void get(struct world *w, bool tls)
{
	struct or_http_field field = {
	    OR_SLICE_LIT("Authorization"), support_gate_bearer(&w->g, "alice", 1, 60)};
	struct or_http_client_req req = {.origin = ag_proxy_address(w->proxy),
	    .tls = tls ? ag_certs_get(w->client_certs) : NULL,
	    .tls_host = tls ? "127.0.0.1" : NULL,
	    .target = OR_SLICE_LIT("/totals"),
	    .fields = &field,
	    .n_fields = 1};
	struct or_http_client_call *call;
	struct or_err err = {0};

	w->answered = false;
	ASSERT_OK(or_http_client_fetch(&call, w->client, &req, 4096, on_answer, w, &err), &err);
	while (!w->answered)
		or_loop_turn(w->g.loop, false);
}

static void certs__guard_both_sides_of_the_proxy(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, TLS "ca.pem");
	get(&w, true);
	assert_int_equal(w.status, 200);
	ASSERT_HAS(or_buf_text(&w.seen), "|X-Forwarded-Proto=https");
	get(&w, false);
	assert_int_equal(w.status, 0);
	support_gate_records(&w.g, 1);
	close_world(&w);
}

static void certs__of_an_app_that_is_another_are_refused(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, TLS "other.pem");
	get(&w, true);
	assert_int_equal(w.status, 502);
	r = support_gate_records(&w.g, 1);
	ASSERT_SLICE(r->reason, "upstream_failed");
	close_world(&w);
}

static void on_changed(void *arg, struct or_tls *tls)
{
	assert_non_null(tls);
	++*(int *)arg;
}

static void certs__are_taken_again_when_they_change(void **state)
{
	struct ag_certs_opt opt = {.server = true, .on_change = on_changed};
	char *dir = support_tmpdir_new();
	char cert[512], key[512];
	struct or_loop *loop;
	struct ag_certs *c;
	struct or_tls *first;
	struct or_err err = {0};
	int changes = 0;

	(void)state;
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	copy(TLS "server.pem", cert);
	copy(TLS "server.key", key);
	opt.cert_file = cert;
	opt.key_file = key;
	opt.arg = &changes;
	ASSERT_OK(or_loop_new(&loop, NULL, &err), &err);
	ASSERT_OK(ag_certs_open(&c, loop, &opt, &err), &err);
	first = ag_certs_get(c);
	/* A key that is not this certificate's: what there is goes on. */
	copy(TLS "client.key", key);
	for (int64_t end = or_loop_fresh_ns(loop) + 3 * OR_WATCH_SETTLE_NS;
	     or_loop_fresh_ns(loop) < end;)
		or_loop_turn(loop, true);
	assert_int_equal(changes, 0);
	assert_ptr_equal(ag_certs_get(c), first);
	copy(TLS "client.pem", cert);
	while (!changes)
		or_loop_turn(loop, false);
	assert_ptr_not_equal(ag_certs_get(c), first);
	ag_certs_close(c);
	or_loop_free(loop);
	support_tmpdir_remove(dir);
}

static void certs__need_both_of_their_files(void **state)
{
	struct ag_certs_opt opt = {.server = true, .cert_file = TLS "server.pem"};
	struct ag_certs *c;
	struct or_loop *loop;
	struct or_err err = {0};

	(void)state;
	ASSERT_OK(or_loop_new(&loop, NULL, &err), &err);
	ASSERT_CODE(ag_certs_open(&c, loop, &opt, &err), OR_INVAL);
	opt.key_file = TLS "absent.key";
	ASSERT_CODE(ag_certs_open(&c, loop, &opt, &err), OR_ABSENT);
	ASSERT_HAS(err.msg, "absent.key");
	opt.key_file = TLS "client.key";
	ASSERT_CODE(ag_certs_open(&c, loop, &opt, &err), OR_INVAL);
	or_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(certs__guard_both_sides_of_the_proxy),
	    cmocka_unit_test(certs__of_an_app_that_is_another_are_refused),
	    cmocka_unit_test(certs__are_taken_again_when_they_change),
	    cmocka_unit_test(certs__need_both_of_their_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
