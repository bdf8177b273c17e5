/* SPDX-License-Identifier: Apache-2.0 */
/* ext_authz over gRPC, on real sockets: what is answered, and what lands in the trail. */
#include "agent/gate/authz/check.h"

#include "agent/grpc_health.h"
#include "proto/pb.h"
#include "tests/support/gate.h"
#include "tests/support/h2_dial.h"
#include "tests/support/support.h"

#include <stdio.h>

#define CHECK_PATH "/envoy.service.auth.v3.Authorization/Check"

enum { MESSAGE_MAX = 1024 * 1024 };

struct world {
	struct support_gate g;
	struct ag_check *check;
	struct support_dial *d;
	struct support_grpc answer;
	/* Of a CheckResponse: */
	uint64_t code;         /* google.rpc.Code */
	uint64_t status;       /* of denied_response; 0: allowed */
	struct or_buf set;     /* "|name=value" */
	struct or_buf removed; /* "|name" */
	struct or_slice body;
};

static void open_world(struct world *w, const struct support_gate_opt *how)
{
	struct ag_check_opt opt = {.listen = "127.0.0.1:0"};
	struct or_err err = {0};

	*w = (struct world){0};
	support_gate_open(&w->g, how);
	opt.decide = w->g.decide;
	opt.record = w->g.record;
	or_buf_init(&w->set, 65536);
	or_buf_init(&w->removed, 65536);
	ASSERT_OK(ag_check_new(&w->check, w->g.loop, &opt, &err), &err);
	w->d = support_dial_new(w->g.loop, ag_check_address(w->check), NULL);
}

static void close_world(struct world *w)
{
	support_dial_free(w->d);
	ag_check_free(w->check);
	support_gate_close(&w->g);
	or_buf_done(&w->set);
	or_buf_done(&w->removed);
}

/* -- the messages -- */

static struct or_slice find(struct or_slice in, uint32_t num, uint64_t *v)
{
	struct wire_pb_field f;

	while (wire_pb_next(&f, &in) == OR_OK) {
		if (f.num != num)
			continue;
		if (v)
			*v = f.v;
		return f.s;
	}
	return OR_SLICE_NONE;
}

static void read_options(struct world *w, struct or_slice in)
{
	struct wire_pb_field f;

	while (wire_pb_next(&f, &in) == OR_OK) {
		struct or_slice header = find(f.s, 1, NULL);

		if (f.num == 5)
			or_buf_printf(&w->removed, "|%.*s", OR_SLICE_FMT(f.s));
		if (f.num == 2)
			or_buf_printf(&w->set, "|%.*s=%.*s", OR_SLICE_FMT(find(header, 1, NULL)),
			    OR_SLICE_FMT(find(header, 2, NULL)));
	}
}

static void read_answer(struct world *w)
{
	struct or_slice in = w->answer.message, denied = find(in, 2, NULL);

	w->code = w->status = 0;
	or_buf_clear(&w->set);
	or_buf_clear(&w->removed);
	find(find(in, 1, NULL), 1, &w->code);
	find(find(denied, 1, NULL), 1, &w->status);
	w->body = find(denied, 3, NULL);
	read_options(w, denied.n ? denied : find(in, 3, NULL));
}

struct request {
	const char *method, *target, *host, *client;
	const struct or_http_field *fields;
	size_t n_fields;
	bool raw; /* the fields as a list */
};

static void put_entry(
    struct or_buf *out, uint32_t num, const struct or_http_field *field, bool is_raw)
{
	struct or_buf entry;

	or_buf_init(&entry, MESSAGE_MAX);
	wire_pb_append(&entry, 1, field->name);
	wire_pb_append(&entry, is_raw ? 3 : 2, field->value);
	wire_pb_append(out, num, or_buf_slice(&entry));
	or_buf_done(&entry);
}

/* Puts what b holds into a field of its own, in place. */
static void wrap(struct or_buf *b, uint32_t num)
{
	struct or_buf inner = *b;

	or_buf_init(b, MESSAGE_MAX);
	wire_pb_append(b, num, or_buf_slice(&inner));
	or_buf_done(&inner);
}

static void put_request(struct or_buf *out, const struct request *r)
{
	const struct or_http_field pseudo = {OR_SLICE_LIT(":path"), OR_SLICE_LIT("/unheard")};
	struct or_buf http, list, source;

	or_buf_init(&http, MESSAGE_MAX);
	or_buf_init(&list, MESSAGE_MAX);
	or_buf_init(&source, MESSAGE_MAX);
	wire_pb_append(&http, 2, or_slice_str(r->method));
	if (!r->raw)
		put_entry(&http, 3, &pseudo, false);
	for (size_t i = 0; i < r->n_fields; i++)
		put_entry(r->raw ? &list : &http, r->raw ? 1 : 3, &r->fields[i], r->raw);
	wire_pb_append(&http, 4, or_slice_str(r->target));
	wire_pb_append(&http, 5, or_slice_str(r->host ? r->host : "orders.example"));
	if (r->raw)
		wire_pb_append(&http, 13, or_buf_slice(&list));
	wrap(&http, 2);
	wrap(&http, 4);
	if (r->client) {
		wire_pb_append(&source, 2, or_slice_str(r->client));
		for (int i = 0; i < 3; i++)
			wrap(&source, 1);
		or_buf_put_slice(&source, or_buf_slice(&http));
	} else {
		or_buf_put_slice(&source, or_buf_slice(&http));
	}
	wrap(&source, 1);
	or_buf_put_slice(out, or_buf_slice(&source));
	or_buf_done(&http);
	or_buf_done(&list);
	or_buf_done(&source);
}

static void ask(struct world *w, const struct request *r)
{
	struct or_buf message;

	or_buf_init(&message, MESSAGE_MAX);
	put_request(&message, r);
	support_grpc_call(&w->answer, w->d, CHECK_PATH, or_buf_slice(&message));
	or_buf_done(&message);
	assert_int_equal(w->answer.status, 0);
	read_answer(w);
}

static struct or_http_field bearer(struct world *w, const char *sub, int clearance)
{
	return (struct or_http_field){
	    OR_SLICE_LIT("authorization"), support_gate_bearer(&w->g, sub, clearance, 60)};
}

/* -- tests -- */

static void check__allows_and_says_who(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	for (int i = 0; i < 2; i++) {
		const struct or_http_field field = bearer(&w, "alice", 1);

		ask(&w, &(struct request){"GET", "/totals?by=month", "shop.example", "192.0.2.7",
			    &field, 1, i == 1});
		assert_int_equal(w.code, 0);
		assert_int_equal(w.status, 0);
		ASSERT_HAS(
		    or_buf_text(&w.set), "|X-Outrider-Principal=" SUPPORT_GATE_ISSUER "#alice");
		ASSERT_HAS(or_buf_text(&w.set), "|X-Outrider-Decision-Id=");
		assert_string_equal(or_buf_text(&w.removed), "|authorization");
	}
	r = support_gate_records(&w.g, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r[i].front, WIRE_FRONT_EXT_AUTHZ);
		assert_int_equal(r[i].decision, WIRE_DECISION_ALLOW);
		assert_int_equal(r[i].phase, WIRE_PHASE_COMPLETE);
		ASSERT_SLICE(r[i].request.method, "GET");
		ASSERT_SLICE(r[i].request.path, "/totals");
		ASSERT_SLICE(r[i].request.host, "shop.example");
		ASSERT_SLICE(r[i].peer, "192.0.2.7");
		assert_int_equal(r[i].request.status, 200);
		assert_true(r[i].request.duration_ns > 0);
	}
	close_world(&w);
}

static void check__removes_what_says_who_asks(void **state)
{
	struct or_http_field fields[] = {{OR_SLICE_LIT("authorization"), OR_SLICE_NONE},
	    {OR_SLICE_LIT("x-outrider-principal"), OR_SLICE_LIT("root")},
	    {OR_SLICE_LIT("x_outrider_principal"), OR_SLICE_LIT("root")},
	    {OR_SLICE_LIT("x-outrider-filter"), OR_SLICE_LIT("1=1")},
	    {OR_SLICE_LIT("x-remote-user"), OR_SLICE_LIT("root")},
	    {OR_SLICE_LIT("x-forwarded-for"), OR_SLICE_LIT("192.0.2.1")},
	    {OR_SLICE_LIT("accept"), OR_SLICE_LIT("*/*")}};
	struct world w;

	(void)state;
	open_world(&w, NULL);
	fields[0] = bearer(&w, "alice", 1);
	ask(&w,
	    &(struct request){"GET", "/totals", NULL, "192.0.2.7", fields, OR_LEN(fields), false});
	/* the principal is replaced; the proxy's own fields stay */
	assert_string_equal(or_buf_text(&w.removed),
	    "|authorization|x_outrider_principal|x-outrider-filter|x-remote-user");
	ASSERT_HAS(or_buf_text(&w.set), "|X-Outrider-Principal=" SUPPORT_GATE_ISSUER "#alice");
	close_world(&w);
}

static void check__denies_as_the_dialects_over_http_do(void **state)
{
	struct or_http_field field = {OR_SLICE_LIT("accept"), OR_SLICE_LIT("*/*")};
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	ask(&w, &(struct request){"GET", "/totals", NULL, "192.0.2.7", &field, 1, false});
	assert_int_equal(w.status, 401);
	assert_int_equal(w.code, OR_GRPC_UNAUTHENTICATED);
	ASSERT_HAS(or_buf_text(&w.set), "|WWW-Authenticate=Bearer");
	ASSERT_HAS(or_buf_text(&w.set), "|Cache-Control=no-store");
	ASSERT_SLICE(w.body, "{\"error\":\"unauthorized\"}\n");
	field = (struct or_http_field){
	    OR_SLICE_LIT("authorization"), support_gate_bearer(&w.g, "bob", 1, -60)};
	ask(&w, &(struct request){"GET", "/totals", NULL, "192.0.2.7", &field, 1, false});
	assert_int_equal(w.status, 401);
	ASSERT_HAS(or_buf_text(&w.set), "|WWW-Authenticate=Bearer error=\"invalid_token\"");
	field = bearer(&w, "bob", 1);
	ask(&w, &(struct request){"POST", "/totals", NULL, "192.0.2.7", &field, 1, false});
	assert_int_equal(w.status, 403);
	assert_int_equal(w.code, OR_GRPC_PERMISSION_DENIED);
	ASSERT_HAS(or_buf_text(&w.set), "|X-Outrider-Decision-Id=");
	assert_int_equal(w.removed.n, 0);
	r = support_gate_records(&w.g, 3);
	assert_int_equal(r[0].kind, WIRE_KIND_IDENTITY);
	ASSERT_SLICE(r[2].reason, "no_permit");
	close_world(&w);
}

/* /orders is confidential: its decisions are on the disk before they are told. */
static void check__waits_for_the_disk_where_it_must(void **state)
{
	struct or_http_field field;
	struct world w;
	int32_t ids[8];
	struct or_buf message;

	(void)state;
	open_world(&w, NULL);
	field = bearer(&w, "alice", 2);
	ask(&w, &(struct request){"GET", "/orders/1", NULL, "192.0.2.7", &field, 1, false});
	assert_int_equal(w.status, 0);
	/* several at once, and one that is given up while it waits */
	or_buf_init(&message, MESSAGE_MAX);
	put_request(
	    &message, &(struct request){"GET", "/orders/2", NULL, "192.0.2.7", &field, 1, false});
	for (size_t i = 0; i < OR_LEN(ids); i++)
		ids[i] = support_grpc_ask(w.d, CHECK_PATH, or_buf_slice(&message), false, NULL, 0);
	support_h2_reset(w.d->h2, ids[3]);
	for (size_t i = 0; i < OR_LEN(ids); i++) {
		support_dial_await(w.d, ids[i]);
		support_grpc_read(&w.answer, w.d, ids[i]);
		assert_int_equal(w.answer.status, i == 3 ? -1 : 0);
	}
	or_buf_done(&message);
	support_gate_records(&w.g, 1 + OR_LEN(ids));
	close_world(&w);
}

struct case_of {
	const char *method, *target;
	unsigned int status;
};

static void ask_cases(struct world *w, const struct case_of *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct or_http_field field = bearer(w, "alice", 1);

		ask(w, &(struct request){
			   cases[i].method, cases[i].target, NULL, NULL, &field, 1, false});
		assert_int_equal(w->status, cases[i].status);
	}
}

static void check__refuses_what_it_cannot_be_sure_of(void **state)
{
	/* each for a reason of its own, so each is a record */
	static const struct case_of cases[] = {{"", "/totals", 400}, {"GET", "", 400},
	    {"GET", "//totals", 403}, {"GET", "/totals%2forders", 403}, {"GET", "totals", 403},
	    {"GET", "/totals?%zz", 403}};
	static const char *const reasons[OR_LEN(cases)] = {"original_method", "original_target",
	    "path_not_canonical", "slash", "not_absolute", "query"};
	static const struct case_of more[] = {
	    {"GET", "?a", 400}, {"GET", "/totals/%2e%2e/orders", 403}, {"GET", "/totals/..", 403}};
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, NULL);
	ask_cases(&w, cases, OR_LEN(cases));
	r = support_gate_records(&w.g, OR_LEN(cases));
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		ASSERT_SLICE(r[i].reason, reasons[i]);
		assert_int_equal(r[i].front, WIRE_FRONT_EXT_AUTHZ);
		assert_int_equal(r[i].decision, WIRE_DECISION_DENY);
	}
	ask_cases(&w, more, OR_LEN(more));
	close_world(&w);
}

/* A limit of ours must not become an error that a proxy may be told to let pass. */
static void check__denies_a_question_that_is_too_large(void **state)
{
	struct or_http_field fields[300];
	struct world w;

	(void)state;
	open_world(&w, NULL);
	for (size_t i = 0; i < OR_LEN(fields); i++)
		fields[i] = (struct or_http_field){OR_SLICE_LIT("a"), OR_SLICE_LIT("b")};
	ask(&w, &(struct request){"GET", "/totals", NULL, NULL, fields, OR_LEN(fields), false});
	assert_int_equal(w.status, 400);
	ASSERT_SLICE(support_gate_records(&w.g, 1)->reason, "original_large");
	close_world(&w);
}

static void check__takes_no_proxy_for_the_client(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, NULL);
	for (int i = 0; i < 2; i++) {
		const struct or_http_field field = bearer(&w, "alice", 2);

		/* delete-on-this-machine-only */
		ask(&w, &(struct request){
			    "DELETE", "/totals", NULL, i ? "192.0.2.7" : NULL, &field, 1, false});
		assert_int_equal(w.status, 403);
	}
	close_world(&w);
}

static enum or_code owe(void *arg, const struct ag_filter_plan **out,
    const struct pol_decision *decision, const struct ag_decide_result *so_far, struct or_arena *a)
{
	static const struct ag_filter_plan plan;

	(void)arg;
	(void)decision;
	(void)so_far;
	(void)a;
	*out = &plan;
	return OR_OK;
}

static void check__denies_what_owes_a_filter(void **state)
{
	const struct support_gate_opt how = {.oblige = owe};
	struct or_http_field field;
	struct world w;

	(void)state;
	open_world(&w, &how);
	field = bearer(&w, "alice", 1);
	ask(&w, &(struct request){"GET", "/totals", NULL, "192.0.2.7", &field, 1, false});
	assert_int_equal(w.status, 403);
	ASSERT_SLICE(support_gate_records(&w.g, 1)->reason, "obligation_unsupported");
	close_world(&w);
}

static void check__denies_without_a_bundle(void **state)
{
	struct or_http_field field;
	struct world w;

	(void)state;
	open_world(&w, &(struct support_gate_opt){.no_bundle = true});
	field = bearer(&w, "alice", 1);
	ask(&w, &(struct request){"GET", "/totals", NULL, NULL, &field, 1, false});
	assert_int_equal(w.status, 503);
	assert_int_equal(w.code, OR_GRPC_UNAVAILABLE);
	ASSERT_HAS(or_buf_text(&w.set), "|Retry-After=5");
	ASSERT_SLICE(support_gate_records(&w.g, 1)->reason, "no_bundle");
	close_world(&w);
}

static void check__refuses_what_is_no_question(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, NULL);
	support_grpc_call(&w.answer, w.d, CHECK_PATH, OR_SLICE_LIT("\x0a\xff"));
	assert_int_equal(w.answer.status, OR_GRPC_INVALID_ARGUMENT);
	support_grpc_call(
	    &w.answer, w.d, "/envoy.service.auth.v2.Authorization/Check", OR_SLICE_NONE);
	assert_int_equal(w.answer.status, OR_GRPC_UNIMPLEMENTED);
	/* an empty one is a question without a method */
	support_grpc_call(&w.answer, w.d, CHECK_PATH, OR_SLICE_NONE);
	read_answer(&w);
	assert_int_equal(w.status, 400);
	close_world(&w);
}

static void check__tells_its_health(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, NULL);
	support_grpc_call(&w.answer, w.d, AG_GRPC_HEALTH_PATH, OR_SLICE_NONE);
	assert_int_equal(w.answer.status, 0);
	ASSERT_SLICE(w.answer.message, "\x08\x01");
	support_grpc_call(&w.answer, w.d, AG_GRPC_HEALTH_PATH,
	    OR_SLICE_LIT("\x0a\x23"
			 "envoy.service.auth.v3.Authorization"));
	ASSERT_SLICE(w.answer.message, "\x08\x01");
	support_grpc_call(&w.answer, w.d, AG_GRPC_HEALTH_PATH, OR_SLICE_LIT("\x0a\x01x"));
	assert_int_equal(w.answer.status, OR_GRPC_NOT_FOUND);
	support_grpc_call(&w.answer, w.d, AG_GRPC_HEALTH_PATH, OR_SLICE_LIT("\x0a\x09x"));
	assert_int_equal(w.answer.status, OR_GRPC_INVALID_ARGUMENT);
	close_world(&w);
}

static void check__listens_on_loopback_alone(void **state)
{
	struct ag_check_opt opt = {.listen = "0.0.0.0:0"};
	struct ag_check *c;
	struct support_gate g;
	struct or_err err = {0};

	(void)state;
	support_gate_open(&g, NULL);
	opt.decide = g.decide;
	opt.record = g.record;
	ASSERT_CODE(ag_check_new(&c, g.loop, &opt, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "decide.grpc-listen");
	support_gate_close(&g);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(check__allows_and_says_who),
	    cmocka_unit_test(check__removes_what_says_who_asks),
	    cmocka_unit_test(check__denies_as_the_dialects_over_http_do),
	    cmocka_unit_test(check__waits_for_the_disk_where_it_must),
	    cmocka_unit_test(check__refuses_what_it_cannot_be_sure_of),
	    cmocka_unit_test(check__denies_a_question_that_is_too_large),
	    cmocka_unit_test(check__takes_no_proxy_for_the_client),
	    cmocka_unit_test(check__denies_what_owes_a_filter),
	    cmocka_unit_test(check__denies_without_a_bundle),
	    cmocka_unit_test(check__refuses_what_is_no_question),
	    cmocka_unit_test(check__tells_its_health),
	    cmocka_unit_test(check__listens_on_loopback_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
