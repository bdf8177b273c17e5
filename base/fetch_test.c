/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fetch.h"
#include "base/http_server.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX = 65536 };

struct world {
	struct or_loop *loop;
	struct or_http_server *server;
	struct or_fetch *fetch;
	struct or_buf seen, body;
	unsigned int status;
	enum or_code failed;
	bool answered;
};

/* dead.example.test has a first address where nobody listens; gone.example.test has none. */
static size_t look_up(struct or_net_addr addrs[OR_FETCH_ADDRS], const char *name, uint16_t port)
{
	size_t n = 0;

	if (strcmp(name, "gone.example.test") == 0)
		return 0;
	for (int dead = strcmp(name, "dead.example.test") == 0; dead >= 0; dead--) {
		addrs[n] = (struct or_net_addr){.len = sizeof(addrs[n].in)};
		addrs[n].in.sin_family = AF_INET;
		addrs[n].in.sin_port = htons(port);
		addrs[n++].in.sin_addr.s_addr =
		    htonl(dead ? INADDR_LOOPBACK + 77 : INADDR_LOOPBACK);
	}
	return n;
}

static void on_request(void *arg, struct or_http_req *req)
{
	struct world *w = arg;
	const struct or_http_msg *msg = or_http_req_msg(req);

	or_buf_clear(&w->seen);
	or_buf_printf(&w->seen, "%.*s %.*s %.*s", OR_SLICE_FMT(msg->method),
	    OR_SLICE_FMT(msg->target), OR_SLICE_FMT(or_http_msg_get(msg, "X-Test")));
	or_http_req_respond(req, 200, "text/plain", msg->host);
}

static void file(struct or_buf *out, const char *path)
{
	struct or_err err;

	or_buf_init(out, MAX);
	ASSERT_OK(or_sys_read_file(out, path, &err), &err);
}

static void open_world(struct world *w, bool tls)
{
	struct or_buf cert, key, ca;
	struct or_http_server_opt opt = {
	    .listen = "127.0.0.1:0", .on_request = on_request, .arg = w};
	struct or_fetch_opt fetch = {.lookup = look_up};
	struct or_tls_opt of_server = {.server = true};
	struct or_err err = {0};

	*w = (struct world){0};
	or_buf_init(&w->seen, MAX);
	or_buf_init(&w->body, MAX);
	file(&cert, "tests/support/tls/server.pem");
	file(&key, "tests/support/tls/server.key");
	file(&ca, "tests/support/tls/ca.pem");
	ASSERT_OK(or_loop_new(&w->loop, NULL, &err), &err);
	of_server.cert = or_buf_slice(&cert);
	of_server.key = or_buf_slice(&key);
	fetch.ca = or_buf_slice(&ca);
	if (tls)
		ASSERT_OK(or_tls_new(&opt.tls, &of_server, &err), &err);
	ASSERT_OK(or_http_server_new(&w->server, w->loop, &opt, &err), &err);
	or_tls_unref(opt.tls);
	ASSERT_OK(or_fetch_new(&w->fetch, w->loop, &fetch, &err), &err);
	or_buf_done(&cert);
	or_buf_done(&key);
	or_buf_done(&ca);
}

static void close_world(struct world *w)
{
	or_fetch_free(w->fetch);
	or_http_server_free(w->server);
	or_loop_free(w->loop);
	or_buf_done(&w->seen);
	or_buf_done(&w->body);
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

/* format: with the server's port. */
static void get(struct world *w, const char *format, int64_t total_ns)
{
	static const struct or_http_field field = {OR_SLICE_LIT("X-Test"), OR_SLICE_LIT("yes")};
	char url[256];
	struct or_fetch_req req = {
	    .url = url, .fields = &field, .n_fields = 1, .max = MAX, .total_ns = total_ns};
	struct or_fetch_call *call;
	struct or_err err = {0};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(url, sizeof(url), format, or_http_server_port(w->server));
#pragma GCC diagnostic pop
	w->answered = false;
	ASSERT_OK(or_fetch_start(&call, w->fetch, &req, on_answer, w, &err), &err);
	memset(url, 'x', sizeof(url)); /* it was copied */
	assert_false(w->answered);
	while (!w->answered)
		or_loop_turn(w->loop, false);
}

static void start__fetches_http_and_https(void **state)
{
	struct world w;
	char want[64];

	(void)state;
	open_world(&w, false);
	get(&w, "http://127.0.0.1:%u/a/b?c=d", 0);
	assert_int_equal(w.status, 200);
	assert_string_equal(or_buf_text(&w.seen), "GET /a/b?c=d yes");
	get(&w, "http://localhost:%u", 0);
	assert_string_equal(or_buf_text(&w.seen), "GET / yes");
	get(&w, "http://any.name.test:%u/", 0);
	snprintf(want, sizeof(want), "any.name.test:%u", or_http_server_port(w.server));
	assert_string_equal(or_buf_text(&w.body), want);
	close_world(&w);
	open_world(&w, true);
	get(&w, "https://localhost:%u/x", 0);
	assert_int_equal(w.status, 200);
	get(&w, "https://issuer.example.test:%u/x", 0);
	assert_int_equal(w.status, 200);
	get(&w, "https://issuer.example.org:%u/x", 0);
	ASSERT_CODE(w.failed, OR_DENIED);
	close_world(&w);
}

static void start__tries_each_address(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false);
	get(&w, "http://dead.example.test:%u/", 0);
	assert_int_equal(w.status, 200);
	get(&w, "http://gone.example.test:%u/", 0);
	ASSERT_CODE(w.failed, OR_IO);
	close_world(&w);
}

static void start__gives_up_in_time(void **state)
{
	struct sockaddr_in addr = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int silent = socket(AF_INET, SOCK_STREAM, 0);
	char url[64];
	struct world w;

	(void)state;
	open_world(&w, false);
	assert_int_equal(bind(silent, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(silent, 4), 0);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&addr, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/%%u", ntohs(addr.sin_port));
	get(&w, url, 50 * OR_NS_PER_MS);
	ASSERT_CODE(w.failed, OR_TIMEOUT);
	close(silent);
	close_world(&w);
}

static void cancel__promises_silence(void **state)
{
	static const char *const urls[] = {
	    "http://any.example.test:1/", "http://127.0.0.1:1/", "http://gone.example.test/"};
	struct or_fetch_call *call;
	struct world w;
	struct or_err err = {0};

	(void)state;
	open_world(&w, false);
	for (size_t i = 0; i < OR_LEN(urls); i++) {
		struct or_fetch_req req = {.url = urls[i], .max = MAX};

		ASSERT_OK(or_fetch_start(&call, w.fetch, &req, on_answer, &w, &err), &err);
		or_fetch_cancel(call);
		ASSERT_OK(or_fetch_start(&call, w.fetch, &req, on_answer, &w, &err), &err);
		or_loop_turn(w.loop, true);
		if (!w.answered)
			or_fetch_cancel(call);
		w.answered = false;
	}
	get(&w, "http://any.name.test:%u/", 0);
	assert_int_equal(w.status, 200);
	close_world(&w);
}

static void check__knows_what_can_be_fetched(void **state)
{
	static const char *const good[] = {"http://a", "https://a.b:8443/c?d=e", "http://[::1]:80/",
	    "https://[2001:db8::1]", "http://127.0.0.1/"};
	static const char *const bad[] = {"", "http://", "http:///x", "ftp://a/", "a.b/c",
	    "http://u:p@a/", "http://a:0/", "http://a:65536/", "http://a:x/", "http://a b/",
	    "http://a/#x", "http://a/ b", "http://[::1", "http://[::1]x/", "http://[a]/",
	    "http://a?b", "HTTP://a/", "http://a:/", "http://[]/", "http://a/\x01"};

	(void)state;
	for (size_t i = 0; i < OR_LEN(good); i++) {
		if (or_fetch_check(good[i], NULL))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < OR_LEN(bad); i++) {
		if (or_fetch_check(bad[i], NULL) == OR_OK)
			fail_msg("%s", bad[i]);
	}
	assert_true(or_fetch_is_open("http://issuer.example/"));
	assert_true(or_fetch_is_open("http://192.0.2.1/"));
	assert_false(or_fetch_is_open("http://localhost:1/"));
	assert_false(or_fetch_is_open("http://[::1]:1/"));
	assert_false(or_fetch_is_open("https://issuer.example/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(start__fetches_http_and_https),
	    cmocka_unit_test(start__tries_each_address),
	    cmocka_unit_test(start__gives_up_in_time),
	    cmocka_unit_test(cancel__promises_silence),
	    cmocka_unit_test(check__knows_what_can_be_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
