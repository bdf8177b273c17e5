/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision service over real sockets: every dialect of proxies, the decision API, and what
 * lands in the trail.
 */
#include "agent/gate/service/service.h"

#include "base/http_client.h"
#include "base/json.h"
#include "base/str.h"
#include "tests/support/gate.h"
#include "tests/support/support.h"

#include <stdio.h>

struct world {
	struct support_gate g;
	struct ag_service *service;
	struct or_http_client *client;
	unsigned int status;
	struct or_buf fields, body;
	bool answered;
};

static void open_world(struct world *w, const struct support_gate_opt *how)
{
	struct ag_service_opt opt = {.listen = "127.0.0.1:0"};
	struct or_err err = {0};

	*w = (struct world){0};
	support_gate_open(&w->g, how);
	opt.decide = w->g.decide;
	opt.record = w->g.record;
	or_buf_init(&w->fields, 65536);
	or_buf_init(&w->body, OR_MIB);
	ASSERT_OK(ag_service_new(&w->service, w->g.loop, &opt, &err), &err);
	w->client = or_http_client_new(w->g.loop, NULL);
}

static void close_world(struct world *w)
{
	or_http_client_free(w->client);
	ag_service_free(w->service);
	support_gate_close(&w->g);
	or_buf_done(&w->fields);
	or_buf_done(&w->body);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct world *w = arg;

	assert_null(answer->err);
	w->answered = true;
	w->status = answer->status;
	or_buf_clear(&w->fields);
	or_buf_clear(&w->body);
	for (size_t i = 0; i < answer->msg->n_fields; i++)
		or_buf_printf(&w->fields, "|%.*s=%.*s", OR_SLICE_FMT(answer->msg->fields[i].name),
		    OR_SLICE_FMT(answer->msg->fields[i].value));
	or_buf_put_slice(&w->body, answer->body);
}

static void ask(struct world *w, const char *method, const char *target,
    const struct or_http_field *fields, size_t n, const char *body)
{
	struct or_http_client_req req = {.origin = ag_service_address(w->service),
	    .method = or_slice_str(method),
	    .target = or_slice_str(target),
	    .host = OR_SLICE_LIT("orders.example"),
	    .fields = fields,
	    .n_fields = n,
	    .body = or_slice_str(body)};
	struct or_http_client_call *call;
	struct or_err err = {0};

	w->answered = false;
	ASSERT_OK(or_http_client_fetch(&call, w->client, &req, OR_MIB, on_answer, w, &err), &err);
	while (!w->answered)
		or_loop_turn(w->g.loop, false);
}

#define FIELD(name, value) ((struct or_http_field){OR_SLICE_LIT(name), (value)})

/* -- proxies -- */

static void authz__understands_each_dialect(void **state)
{
	static const struct {
		const char *target, *method, *uri, *host;
		enum wire_front front;
	} cases[] = {
	    {"/auth/nginx", "X-Original-Method", "X-Original-URI", "X-Forwarded-Host",
		WIRE_FRONT_EXT_AUTHZ},
	    {"/auth/forward", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host",
		WIRE_FRONT_FORWARD_AUTH},
	};
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		const struct or_http_field fields[] = {
		    FIELD("Authorization", support_gate_bearer(&w.g, "alice", 1, 60)),
		    {or_slice_str(cases[i].method), OR_SLICE_LIT("GET")},
		    {or_slice_str(cases[i].uri), OR_SLICE_LIT("/totals?by=month")},
		    {or_slice_str(cases[i].host), OR_SLICE_LIT("shop.example")},
		    FIELD("X-Forwarded-For", OR_SLICE_LIT("127.0.0.1, 192.0.2.7"))};

		ask(&w, "GET", cases[i].target, fields, OR_LEN(fields), "");
		assert_int_equal(w.status, 200);
		ASSERT_HAS(
		    or_buf_text(&w.fields), "|X-Outrider-Principal=" SUPPORT_GATE_ISSUER "#alice");
	}
	ask(&w, "GET", "/auth/envoy/totals?by=month",
	    (struct or_http_field[]){
		FIELD("Authorization", support_gate_bearer(&w.g, "alice", 1, 60)),
		FIELD("X-Forwarded-For", OR_SLICE_LIT("192.0.2.8"))},
	    2, "");
	assert_int_equal(w.status, 200);
	r = support_gate_records(&w.g, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(r[i].decision, WIRE_DECISION_ALLOW);
		assert_int_equal(r[i].phase, WIRE_PHASE_COMPLETE);
		ASSERT_SLICE(r[i].request.method, "GET");
		ASSERT_SLICE(r[i].request.path, "/totals");
		assert_int_equal(r[i].request.status, 200);
		assert_true(r[i].request.duration_ns > 0);
		ASSERT_SLICE(r[i].request.host, i < 2 ? "shop.example" : "orders.example");
		assert_int_equal(r[i].front, i < 2 ? cases[i].front : WIRE_FRONT_EXT_AUTHZ);
	}
	ASSERT_SLICE(r[0].peer, "192.0.2.7");
	close_world(&w);
}

static void authz__decides_on_the_original_request(void **state)
{
	struct or_http_field fields[4];
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	fields[3] = FIELD("X-Forwarded-For", OR_SLICE_LIT("2001:db8::1"));
	fields[0] = FIELD("X-Original-Method", OR_SLICE_LIT("POST"));
	fields[1] = FIELD("X-Original-URI", OR_SLICE_LIT("/totals"));
	ask(&w, "GET", "/auth/nginx", fields, 2, "");
	assert_int_equal(w.status, 401);
	ASSERT_HAS(or_buf_text(&w.fields), "|WWW-Authenticate=Bearer|");
	fields[2] = FIELD("Authorization", support_gate_bearer(&w.g, "bob", 1, -60));
	ask(&w, "GET", "/auth/nginx", fields, 3, "");
	assert_int_equal(w.status, 401);
	ASSERT_HAS(or_buf_text(&w.fields), "|WWW-Authenticate=Bearer error=\"invalid_token\"|");
	fields[2] = FIELD("Authorization", support_gate_bearer(&w.g, "bob", 1, 60));
	ask(&w, "GET", "/auth/nginx", fields, 4, "");
	assert_int_equal(w.status, 403);
	ASSERT_HAS(or_buf_text(&w.fields), "|X-Outrider-Decision-Id=");
	/* Cleared for nothing confidential: durable before it is told. */
	fields[0] = FIELD("X-Original-Method", OR_SLICE_LIT("GET"));
	fields[1] = FIELD("X-Original-URI", OR_SLICE_LIT("/orders/1"));
	ask(&w, "GET", "/auth/nginx", fields, 4, "");
	assert_int_equal(w.status, 403);
	r = support_gate_records(&w.g, 4);
	assert_int_equal(r[0].kind, WIRE_KIND_IDENTITY);
	assert_int_equal(r[0].front, WIRE_FRONT_EXT_AUTHZ);
	ASSERT_SLICE(r[2].request.method, "POST");
	ASSERT_SLICE(r[2].reason, "no_permit");
	ASSERT_SLICE(r[3].policies[0], "confidential-needs-clearance");
	close_world(&w);
}

static void authz__refuses_what_it_cannot_be_sure_of(void **state)
{
	static const struct {
		const char *method, *uri;
		unsigned int status;
		const char *reason;
	} cases[] = {
	    {NULL, "/totals", 400, "original_method"},
	    {"GET", NULL, 400, "original_target"},
	    {"GET", "", 400, "original_target"},
	    {"GET", "//totals", 403, "path_not_canonical"},
	    {"GET", "/totals/../orders", 403, "path_not_canonical"},
	    {"GET", "/totals/%2e%2e/orders", 403, "path_not_canonical"},
	    {"GET", "/totals%2forders", 403, "slash"},
	    {"GET", "totals", 403, "not_absolute"},
	    {"GET", "/totals?%zz", 403, "query"},
	};
	const struct wire_audit *r;
	size_t n_records = 0;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct or_http_field fields[3];
		size_t n = 0;

		fields[n++] = FIELD("Authorization", support_gate_bearer(&w.g, "alice", 1, 60));
		if (cases[i].method)
			fields[n++] = FIELD("X-Original-Method", or_slice_str(cases[i].method));
		if (cases[i].uri)
			fields[n++] = FIELD("X-Original-URI", or_slice_str(cases[i].uri));
		ask(&w, "GET", "/auth/nginx", fields, n, "");
		assert_int_equal(w.status, cases[i].status);
		/* The same reason again within a second is counted. */
		n_records += i == 0 || strcmp(cases[i].reason, cases[i - 1].reason) != 0;
	}
	/* Twice: whichever the proxy meant. */
	ask(&w, "GET", "/auth/forward",
	    (struct or_http_field[]){FIELD("X-Forwarded-Method", OR_SLICE_LIT("GET")),
		FIELD("X-Forwarded-Method", OR_SLICE_LIT("DELETE")),
		FIELD("X-Forwarded-Uri", OR_SLICE_LIT("/totals"))},
	    3, "");
	assert_int_equal(w.status, 400);
	r = support_gate_records(&w.g, n_records);
	ASSERT_SLICE(r[0].reason, cases[0].reason);
	assert_int_equal(r[0].decision, WIRE_DECISION_DENY);
	close_world(&w);
}

static void authz__takes_no_proxy_for_the_client(void **state)
{
	struct or_http_field fields[4];
	struct world w;

	(void)state;
	open_world(&w, NULL);
	/* delete-on-this-machine-only: the proxy is on this machine, the client need not be. */
	fields[0] = FIELD("X-Original-Method", OR_SLICE_LIT("DELETE"));
	fields[1] = FIELD("X-Original-URI", OR_SLICE_LIT("/totals"));
	fields[2] = FIELD("Authorization", support_gate_bearer(&w.g, "alice", 2, 60));
	ask(&w, "GET", "/auth/nginx", fields, 3, "");
	assert_int_equal(w.status, 403);
	fields[3] = FIELD("X-Forwarded-For", OR_SLICE_LIT("127.0.0.1, 192.0.2.7"));
	ask(&w, "GET", "/auth/nginx", fields, 4, "");
	assert_int_equal(w.status, 403);
	support_gate_records(&w.g, 2);
	close_world(&w);
}

static void authz__is_unavailable_without_a_bundle(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, &(struct support_gate_opt){.no_bundle = true});
	ask(&w, "GET", "/auth/envoy/totals",
	    (struct or_http_field[]){
		FIELD("Authorization", support_gate_bearer(&w.g, "alice", 1, 60))},
	    1, "");
	assert_int_equal(w.status, 503);
	ASSERT_SLICE(support_gate_records(&w.g, 1)->reason, "no_bundle");
	close_world(&w);
}

/* -- the API -- */

/* "<token>" without its scheme. */
static const char *token(struct world *w, const char *sub, int clearance)
{
	struct or_slice bearer = support_gate_bearer(&w->g, sub, clearance, 60);

	return (const char *)bearer.p + strlen("Bearer ");
}

static void api__decides_one(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	ask(&w, "POST", "/v1/decide", NULL, 0,
	    or_arena_printf(w.g.lasting,
		"{\"input\":{\"token\":\"%s\",\"method\":\"GET\",\"client\":\"192.0.2.9\",\"path\":"
		"\"%s\"}}",
		token(&w, "alice", 1), "/totals?by=month"));
	assert_int_equal(w.status, 200);
	ASSERT_HAS(or_buf_text(&w.body),
	    "\"result\":{\"allow\":true,\"reason\":\"policy_permit\",\"policies\":["
	    "\"analysts-read-within-clearance\"],\"principal\":\"" SUPPORT_GATE_ISSUER
	    "#alice\",\"action\":\"read\",\"resource\":\"orders/totals\"}");
	ask(&w, "POST", "/v1/data/outrider/allow", NULL, 0,
	    or_arena_printf(w.g.lasting,
		"{\"input\":{\"token\":\"%s\",\"method\":\"GET\",\"client\":\"192.0.2.9\",\"path\":"
		"\"%s\"}}",
		token(&w, "alice", 1), "/orders"));
	assert_int_equal(w.status, 200);
	ASSERT_HAS(or_buf_text(&w.body), "\"result\":false}");
	ASSERT_HAS(or_buf_text(&w.body), "{\"decision_id\":\"");
	ask(&w, "POST", "/v1/decide", NULL, 0,
	    or_arena_printf(w.g.lasting,
		"{\"input\":{\"token\":\"%s\",\"method\":\"GET\",\"client\":\"192.0.2.9\",\"path\":"
		"\"%s\"}}",
		"a.b.c", "/totals"));
	ASSERT_HAS(or_buf_text(&w.body), "\"allow\":false,\"reason\":\"unauthenticated\"");
	r = support_gate_records(&w.g, 3);
	assert_int_equal(r[0].front, WIRE_FRONT_DECIDE);
	ASSERT_SLICE(r[0].request.path, "/totals");
	assert_int_equal(r[1].decision, WIRE_DECISION_DENY);
	assert_int_equal(r[2].kind, WIRE_KIND_IDENTITY);
	close_world(&w);
}

static void api__decides_many_in_their_order(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, NULL);
	ask(&w, "POST", "/v1/decide", NULL, 0,
	    or_arena_printf(w.g.lasting,
		"{\"inputs\":{\"b\":{\"token\":\"%s\",\"method\":\"GET\",\"client\":\"192.0.2.9\","
		"\"path\":\"/totals\"},"
		"\"a\":{\"token\":\"%s\",\"method\":\"GET\",\"client\":\"192.0.2.9\",\"path\":\"/"
		"orders\"},"
		"\"bad\":{\"method\":\"GET\"}}}",
		token(&w, "alice", 1), token(&w, "bob", 1)));
	assert_int_equal(w.status, 200);
	ASSERT_HAS(or_buf_text(&w.body), "{\"responses\":{\"b\":{");
	ASSERT_HAS(
	    or_buf_text(&w.body), "\"bad\":{\"result\":{\"allow\":false,\"reason\":\"input\"");
	assert_true(strstr(or_buf_text(&w.body), "\"allow\":true") <
		    strstr(or_buf_text(&w.body), "\"a\":{"));
	ask(&w, "POST", "/v1/data/outrider/allow", NULL, 0,
	    or_arena_printf(w.g.lasting,
		"{\"inputs\":[{\"token\":\"%s\",\"method\":\"GET\",\"client\":\"192.0.2.9\","
		"\"path\":\"/totals\"},"
		"{\"token\":\"%s\",\"method\":\"GET\",\"client\":\"192.0.2.9\",\"path\":\"/totals/"
		"..\"}]}",
		token(&w, "alice", 1), token(&w, "bob", 1)));
	ASSERT_HAS(or_buf_text(&w.body), "\"result\":true},{\"result\":false}]}");
	support_gate_records(&w.g, 5);
	close_world(&w);
}

static void api__refuses_what_is_no_question(void **state)
{
	static const char *const bodies[] = {"", "[]", "{}", "{\"input\":7}", "{\"inputs\":\"a\"}",
	    "{\"input\":{},\"inputs\":{}}", "{\"input\":{}", "{\"input\":{},\"input\":{}}"};
	struct or_buf many;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	for (size_t i = 0; i < OR_LEN(bodies); i++) {
		ask(&w, "POST", "/v1/decide", NULL, 0, bodies[i]);
		assert_int_equal(w.status, 400);
	}
	or_buf_init(&many, OR_MIB);
	or_buf_put_str(&many, "{\"inputs\":[");
	for (int i = 0; i < 257; i++)
		or_buf_put_str(&many, i ? ",{}" : "{}");
	or_buf_put_str(&many, "]}");
	ask(&w, "POST", "/v1/decide", NULL, 0, or_buf_text(&many));
	assert_int_equal(w.status, 400);
	or_buf_done(&many);
	ask(&w, "GET", "/v1/decide", NULL, 0, "");
	assert_int_equal(w.status, 405);
	ask(&w, "POST", "/v1/decided", NULL, 0, "{}");
	assert_int_equal(w.status, 404);
	ask(&w, "POST", "/v1/data/outrider/deny", NULL, 0, "{}");
	assert_int_equal(w.status, 404);
	close_world(&w);
}

static void service__listens_on_loopback_alone(void **state)
{
	struct ag_service_opt opt = {.listen = "0.0.0.0:0"};
	struct ag_service *s;
	struct support_gate g;
	struct or_err err = {0};

	(void)state;
	support_gate_open(&g, NULL);
	opt.decide = g.decide;
	opt.record = g.record;
	ASSERT_CODE(ag_service_new(&s, g.loop, &opt, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "decide.listen");
	support_gate_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(authz__understands_each_dialect),
	    cmocka_unit_test(authz__decides_on_the_original_request),
	    cmocka_unit_test(authz__refuses_what_it_cannot_be_sure_of),
	    cmocka_unit_test(authz__takes_no_proxy_for_the_client),
	    cmocka_unit_test(authz__is_unavailable_without_a_bundle),
	    cmocka_unit_test(api__decides_one),
	    cmocka_unit_test(api__decides_many_in_their_order),
	    cmocka_unit_test(api__refuses_what_is_no_question),
	    cmocka_unit_test(service__listens_on_loopback_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
