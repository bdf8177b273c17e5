/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that owe a filter, with one that is easy to foresee: it doubles every byte, gives at most
 * STEP bytes at a time, and fails at '!'.
 */
#include "agent/gate/proxy/proxy.h"
#include "base/http_client.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/support/gate.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STEP = 1000 };

struct world {
	struct support_gate g;
	struct ag_proxy *proxy;
	struct or_http_server *app;
	struct or_http_client *client;
	struct or_buf seen;    /* what the app got: "|Name=value|…" */
	struct or_slice reply; /* what the app says */
	size_t times;          /* how often in a row */
	bool refuses;          /* the filter, to be opened */
	int n_open;            /* filters that were not freed */

	unsigned int status;
	enum or_code failed;
	struct or_buf head, body;
	bool answered;
};

/* -- the filter -- */

struct doubling {
	struct ag_filter filter;
	struct world *w;
};

struct doubling_plan {
	struct ag_filter_plan plan;
	struct world *w;
};

static enum or_code run(struct ag_filter *f, struct ag_filter_io *io)
{
	(void)f;
	while (io->in.n && io->out->n < STEP) {
		if (io->in.p[0] == '!') {
			io->reason = "toy_failed";
			return OR_PARSE;
		}
		or_buf_put_byte(io->out, io->in.p[0]);
		or_buf_put_byte(io->out, io->in.p[0]);
		io->in = or_slice_from(io->in, 1);
	}
	io->more = io->in.n > 0;
	return OR_OK;
}

static void free_filter(struct ag_filter *f)
{
	struct doubling *d = (struct doubling *)f;

	d->w->n_open--;
	or_mem_free(d);
}

static const struct ag_filter_ops doubling_ops = {.run = run, .free = free_filter};

static enum or_code open_filter(struct ag_filter **out, const struct ag_filter_plan *plan,
    struct ag_filter_head *head, const char **reason)
{
	struct world *w = ((const struct doubling_plan *)plan)->w;
	struct doubling *d;

	if (w->refuses) {
		*reason = "toy_refuses";
		return OR_UNSUPPORTED;
	}
	d = or_mem_new(sizeof(*d));
	d->filter.ops = &doubling_ops;
	d->w = w;
	w->n_open++;
	head->fields[head->n_fields++] =
	    (struct or_http_field){OR_SLICE_LIT("X-Toy"), OR_SLICE_LIT("yes")};
	*out = &d->filter;
	return OR_OK;
}

static enum or_code oblige(void *arg, const struct ag_filter_plan **out,
    const struct pol_decision *decision, const struct ag_decide_result *so_far, struct or_arena *a)
{
	static const struct or_http_field field = {
	    OR_SLICE_LIT("X-Outrider-Row-Filter"), OR_SLICE_LIT("region = 1")};
	struct doubling_plan *plan = or_arena_alloc(a, sizeof(*plan));

	assert_true(decision->allow);
	assert_non_null(so_far->port);
	*plan = (struct doubling_plan){.w = arg,
	    .plan = {.open = open_filter,
		.accept_encoding = "identity",
		.fields = &field,
		.n_fields = 1}};
	*out = &plan->plan;
	return OR_OK;
}

/* -- the world -- */

static void see(struct or_buf *out, const struct or_http_msg *msg)
{
	or_buf_clear(out);
	for (size_t i = 0; i < msg->n_fields; i++)
		or_buf_printf(out, "|%.*s=%.*s", OR_SLICE_FMT(msg->fields[i].name),
		    OR_SLICE_FMT(msg->fields[i].value));
	or_buf_put_byte(out, '|');
}

static void on_app(void *arg, struct or_http_req *req)
{
	static const struct or_http_field fields[] = {
	    {OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("text/plain")},
	    {OR_SLICE_LIT("ETag"), OR_SLICE_LIT("\"1\"")},
	    {OR_SLICE_LIT("Accept-Ranges"), OR_SLICE_LIT("bytes")}};
	struct world *w = arg;

	see(&w->seen, or_http_req_msg(req));
	ASSERT_CODE(
	    or_http_req_start(req, 200, fields, OR_LEN(fields), (int64_t)(w->reply.n * w->times)),
	    OR_OK);
	for (size_t i = 0; i < w->times; i++)
		or_http_req_write(req, w->reply);
	or_http_req_finish(req);
}

static void open_world(struct world *w, const char *reply, size_t times)
{
	struct or_http_server_opt app = {.listen = "127.0.0.1:0", .on_request = on_app, .arg = w};
	struct ag_proxy_opt opt = {.listen = "127.0.0.1:0"};
	struct or_err err = {0};

	*w = (struct world){.reply = or_slice_str(reply), .times = times};
	support_gate_open(&w->g, &(struct support_gate_opt){.oblige = oblige, .oblige_arg = w});
	or_buf_init(&w->seen, 65536);
	or_buf_init(&w->head, 65536);
	or_buf_init(&w->body, 32 * OR_MIB);
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
	assert_int_equal(w->n_open, 0);
	support_gate_close(&w->g);
	or_buf_done(&w->seen);
	or_buf_done(&w->head);
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
	if (answer->msg)
		see(&w->head, answer->msg);
}

static void get(struct world *w, const char *method)
{
	const struct or_http_field fields[] = {
	    {OR_SLICE_LIT("Authorization"), support_gate_bearer(&w->g, "alice", 1, 60)},
	    {OR_SLICE_LIT("Range"), OR_SLICE_LIT("bytes=0-1")},
	    {OR_SLICE_LIT("If-None-Match"), OR_SLICE_LIT("\"1\"")},
	    {OR_SLICE_LIT("Accept-Encoding"), OR_SLICE_LIT("br, gzip")}};
	struct or_http_client_req req = {.origin = ag_proxy_address(w->proxy),
	    .method = or_slice_str(method),
	    .target = OR_SLICE_LIT("/totals"),
	    .host = OR_SLICE_LIT("orders.example"),
	    .fields = fields,
	    .n_fields = OR_LEN(fields)};
	struct or_http_client_call *call;
	struct or_err err = {0};

	w->answered = false;
	ASSERT_OK(
	    or_http_client_fetch(&call, w->client, &req, 32 * OR_MIB, on_answer, w, &err), &err);
	while (!w->answered)
		or_loop_turn(w->g.loop, false);
}

/* -- tests -- */

static void answer__passes_through_the_filter(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, "abc", 1);
	get(&w, "GET");
	assert_int_equal(w.status, 200);
	assert_string_equal(or_buf_text(&w.body), "aabbcc");
	ASSERT_HAS(or_buf_text(&w.head), "|X-Toy=yes|");
	ASSERT_HAS(or_buf_text(&w.head), "|Transfer-Encoding=chunked|");
	assert_null(strstr(or_buf_text(&w.head), "ETag"));
	assert_null(strstr(or_buf_text(&w.head), "Accept-Ranges"));
	assert_null(strstr(or_buf_text(&w.head), "Content-Length"));
	ASSERT_HAS(or_buf_text(&w.seen), "|X-Outrider-Row-Filter=region = 1|");
	ASSERT_HAS(or_buf_text(&w.seen), "|Accept-Encoding=identity|");
	assert_null(strstr(or_buf_text(&w.seen), "Range="));
	assert_null(strstr(or_buf_text(&w.seen), "If-None-Match"));
	assert_null(strstr(or_buf_text(&w.seen), "gzip"));
	get(&w, "HEAD");
	assert_int_equal(w.status, 200);
	assert_int_equal(w.body.n, 0);
	ASSERT_HAS(or_buf_text(&w.head), "|X-Toy=yes|");
	r = support_gate_records(&w.g, 2);
	assert_int_equal(r[0].request.bytes_out, 6);
	assert_int_equal(r[0].request.status, 200);
	ASSERT_SLICE(r[0].reason, "policy_permit");
	close_world(&w);
}

static void answer__is_whole_when_there_is_nothing_to_filter(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "", 1);
	get(&w, "GET");
	assert_int_equal(w.status, 200);
	assert_int_equal(w.body.n, 0);
	support_gate_records(&w.g, 1);
	close_world(&w);
}

static void answer__waits_for_the_client_while_it_filters(void **state)
{
	static const char block[] = "0123456789abcdef0123456789abcdef0123456789abcdef"
				    "0123456789abcde\n";
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, block, 65536); /* 4 MiB */
	get(&w, "GET");
	assert_int_equal(w.status, 200);
	assert_int_equal(w.body.n, 8 * OR_MIB);
	for (size_t i = 0; i < w.body.n; i++)
		assert_int_equal(w.body.p[i], block[i / 2 % 64]);
	r = support_gate_records(&w.g, 1);
	assert_int_equal(r->request.bytes_out, 8 * OR_MIB);
	close_world(&w);
}

static void answer__that_cannot_be_filtered_is_refused(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, "!", 1);
	get(&w, "GET");
	assert_int_equal(w.status, 502);
	assert_string_equal(or_buf_text(&w.body), "{\"error\":\"answer_refused\"}\n");
	w.refuses = true;
	get(&w, "GET");
	assert_int_equal(w.status, 502);
	r = support_gate_records(&w.g, 2);
	ASSERT_SLICE(r[0].reason, "toy_failed");
	assert_int_equal(r[0].request.status, 502);
	ASSERT_SLICE(r[1].reason, "toy_refuses");
	close_world(&w);
}

static void answer__cut_is_recorded(void **state)
{
	const struct wire_audit *r;
	char text[4001];
	struct world w;

	(void)state;
	memset(text, 'a', 4000);
	text[3999] = '!';
	text[4000] = 0;
	open_world(&w, text, 1);
	get(&w, "GET");
	assert_int_equal(w.status, 0); /* the answer is none */
	ASSERT_CODE(w.failed, OR_CLOSED);
	r = support_gate_records(&w.g, 1);
	ASSERT_SLICE(r->reason, "toy_failed");
	assert_int_equal(r->request.status, 200);
	assert_true(r->request.bytes_out >= STEP);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answer__passes_through_the_filter),
	    cmocka_unit_test(answer__is_whole_when_there_is_nothing_to_filter),
	    cmocka_unit_test(answer__waits_for_the_client_while_it_filters),
	    cmocka_unit_test(answer__that_cannot_be_filtered_is_refused),
	    cmocka_unit_test(answer__cut_is_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
