/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a table over real sockets: conditions in each form, decisions on single rows, refusals.
 */
#include "agent/gate/api/api_filter.h"

#include "agent/gate/mask/mask_filter.h"
#include "base/http_client.h"
#include "base/str.h"
#include "tests/support/gate.h"
#include "tests/support/support.h"

static const char policy[] =
    "@id(\"near\") @mask(\"customer_email:email, shipping_city:constant:hidden\")\n"
    "permit (principal in Group::\"https://issuer.example#analysts\", action == Action::\"read\",\n"
    "  resource is Row in Port::\"orders/orders\")\n"
    "when { resource.country == \"NL\" || resource.total_cents > 100000 };\n"
    "@id(\"not-returned\") forbid (principal, action, resource is Row)\n"
    "when { resource has status && resource.status == \"returned\" };\n"
    "@id(\"all-totals\") permit (principal, action == Action::\"read\",\n"
    "  resource == Row::\"orders/totals\");\n"
    "@id(\"huge\") permit (principal, action == Action::\"describe\", resource is Row)\n"
    "when { resource.total_cents == 9007199254740993 };\n"
    "@id(\"odd\") permit (principal, action == Action::\"write\", resource is Row)\n"
    "when { resource.items.contains(1) };\n";

struct world {
	struct support_gate g;
	struct ag_service *service;
	struct or_http_client *client;
	unsigned int status;
	struct or_buf type, body;
	bool answered;
};

static void open_world(struct world *w)
{
	struct ag_service_opt opt = {.listen = "127.0.0.1:0"};
	struct or_err err = {0};

	static struct ag_mask_filter_conf masks;

	*w = (struct world){0};
	support_gate_open(
	    &w->g, &(struct support_gate_opt){
		       .policy = policy, .oblige = ag_mask_filter_oblige, .oblige_arg = &masks});
	opt.decide = w->g.decide;
	opt.record = w->g.record;
	or_buf_init(&w->type, 256);
	or_buf_init(&w->body, OR_MIB);
	ASSERT_OK(ag_service_new(&w->service, w->g.loop, &opt, &err), &err);
	w->client = or_http_client_new(w->g.loop, NULL);
}

static void close_world(struct world *w)
{
	or_http_client_free(w->client);
	ag_service_free(w->service);
	support_gate_close(&w->g);
	or_buf_done(&w->type);
	or_buf_done(&w->body);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct world *w = arg;

	assert_null(answer->err);
	w->answered = true;
	w->status = answer->status;
	or_buf_clear(&w->type);
	or_buf_clear(&w->body);
	or_buf_put_slice(&w->type, or_http_msg_find(answer->msg, "Content-Type")->value);
	or_buf_put_slice(&w->body, answer->body);
}

/* accept may be NULL; the token goes in Authorization. */
static void ask(struct world *w, const char *target, const char *accept, const char *body)
{
	struct or_http_field fields[2] = {
	    {OR_SLICE_LIT("Authorization"), support_gate_bearer(&w->g, "alice", 1, 60)},
	    {OR_SLICE_LIT("Accept"), or_slice_str(accept)}};
	struct or_http_client_req req = {.origin = ag_service_address(w->service),
	    .method = OR_SLICE_LIT("POST"),
	    .target = or_slice_str(target),
	    .fields = fields,
	    .n_fields = accept ? 2 : 1,
	    .body = or_slice_str(body)};
	struct or_http_client_call *call;
	struct or_err err = {0};

	w->answered = false;
	ASSERT_OK(or_http_client_fetch(&call, w->client, &req, OR_MIB, on_answer, w, &err), &err);
	while (!w->answered)
		or_loop_turn(w->g.loop, false);
}

static void decide_row(struct world *w, const char *row)
{
	struct or_slice bearer = support_gate_bearer(&w->g, "alice", 1, 60);

	/* Columns with masks: only who says that it masks is allowed. */
	ask(w, "/v1/decide", NULL,
	    or_arena_printf(w->g.lasting,
		"{\"input\":{\"token\":\"%s\",\"masks\":true,\"table\":\"orders\",\"row\":%s}}",
		(const char *)bearer.p + strlen("Bearer "), row));
	assert_int_equal(w->status, 200);
}

static void filter__is_sql_with_parameters(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w);
	ask(&w, "/v1/filter", NULL,
	    "{\"input\":{\"table\":\"orders\",\"dialect\":\"sqlite\",\"alias\":\"o\"}}");
	assert_int_equal(w.status, 200);
	ASSERT_HAS(or_buf_text(&w.body),
	    "\"result\":{\"allow\":true,\"rows\":\"some\",\"reason\":\"policy_permit\","
	    "\"policies\":[\"near\",\"not-returned\"],");
	ASSERT_HAS(
	    or_buf_text(&w.body), "\"resource\":\"orders/orders\",\"table\":\"o\",\"sql\":\"");
	ASSERT_HAS(or_buf_text(&w.body), "\\\"o\\\".\\\"country\\\"");
	ASSERT_HAS(or_buf_text(&w.body),
	    "\"masks\":[{\"column\":\"customer_email\",\"kind\":\"email\"},"
	    "{\"column\":\"shipping_city\",\"kind\":\"constant\",\"constant\":\"hidden\"}]}}");
	/* A long that a double cannot hold is text, and nothing for UCAST. */
	ask(&w, "/v1/filter", NULL, "{\"input\":{\"table\":\"orders\",\"method\":\"OPTIONS\"}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"9007199254740993\"");
	ask(&w, "/v1/filter", NULL,
	    "{\"input\":{\"table\":\"orders\",\"method\":\"OPTIONS\",\"dialect\":\"ucast\"}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"reason\":\"filter_unsupported\"");
	r = support_gate_records(&w.g, 3);
	assert_int_equal(r->decision, WIRE_DECISION_ALLOW);
	assert_int_equal(r->front, WIRE_FRONT_DECIDE);
	ASSERT_SLICE(r->resource.type, "Row");
	ASSERT_SLICE(r->resource.id, "orders/orders");
	ASSERT_SLICE(r->port, "orders");
	ASSERT_SLICE(r->action, "read");
	ASSERT_SLICE(r->obligations[0], "filter:orders");
	ASSERT_SLICE(r->obligations[1], "mask:customer_email:email");
	ASSERT_SLICE(r->attributes[0].key, "filter");
	assert_true(r->attributes[0].value.n > 0);
	close_world(&w);
}

static void filter__tells_all_and_none(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w);
	ask(&w, "/v1/filter", NULL, "{\"input\":{\"table\":\"totals\",\"dialect\":\"ucast\"}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"rows\":\"all\"");
	ask(&w, "/v1/filter", NULL, "{\"input\":{\"table\":\"orders\",\"method\":\"DELETE\"}}");
	ASSERT_HAS(
	    or_buf_text(&w.body), "\"allow\":false,\"rows\":\"none\",\"reason\":\"no_permit\"");
	ask(&w, "/v1/filter", NULL, "{\"input\":{\"table\":\"nothing\"}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"reason\":\"table_unknown\"");
	/* A list has no condition: nothing may be read rather than too much. */
	ask(&w, "/v1/filter", NULL, "{\"input\":{\"table\":\"orders\",\"method\":\"POST\"}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"reason\":\"filter_unsupported\"");
	ASSERT_HAS(or_buf_text(&w.body), "\"message\":\"");
	ask(&w, "/v1/filter", NULL, "{\"input\":{\"table\":\"orders\",\"token\":\"a.b.c\"}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"allow\":false,\"rows\":\"none\",\"reason\":\"unauth");
	r = support_gate_records(&w.g, 5);
	for (size_t i = 1; i < 5; i++)
		assert_int_equal(r[i].decision, WIRE_DECISION_DENY);
	ASSERT_SLICE(r[3].attributes[0].key, "filter");
	assert_int_equal(r[4].kind, WIRE_KIND_IDENTITY);
	close_world(&w);
}

static void compile__has_the_shape_of_opa(void **state)
{
	static const char ucast[] = "application/vnd.opa.ucast.all+json";
	static const char sqlite[] = "text/html, application/vnd.opa.sql.sqlite+json";
	struct world w;

	(void)state;
	open_world(&w);
	ask(&w, "/v1/compile/outrider/orders", ucast, "{\"input\":{}}");
	assert_int_equal(w.status, 200);
	assert_string_equal(or_buf_text(&w.type), ucast);
	ASSERT_HAS(or_buf_text(&w.body), "\"result\":{\"query\":{\"type\":\"compound\"");
	ASSERT_HAS(or_buf_text(&w.body),
	    "\"masks\":{\"orders\":{\"customer_email\":{\"replace\":{\"value\":null}},"
	    "\"shipping_city\":{\"replace\":{\"value\":\"hidden\"}}}}}");
	ask(&w, "/v1/compile/outrider/totals", ucast, "{\"input\":{}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"result\":{\"query\":{}}");
	ask(&w, "/v1/compile/outrider/orders", sqlite,
	    "{\"input\":{},\"options\":{\"targetSQLTableMappings\":{\"sqlite\":{\"orders\":"
	    "{\"$self\":\"t\"}}}}}");
	assert_string_equal(or_buf_text(&w.type), "application/vnd.opa.sql.sqlite+json");
	ASSERT_HAS(or_buf_text(&w.body), "\"query\":\"WHERE ");
	ASSERT_HAS(or_buf_text(&w.body), "\\\"t\\\".\\\"country\\\"");
	ask(&w, "/v1/compile/outrider/totals", sqlite, "{\"input\":{}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"result\":{\"query\":\"\"}");
	/* No query: no rows. */
	ask(&w, "/v1/compile/outrider/orders", ucast, "{\"input\":{\"method\":\"DELETE\"}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"result\":{},\"reason\":\"no_permit\"");
	ask(&w, "/v1/compile/outrider/orders", sqlite,
	    "{\"input\":{},\"options\":{\"targetSQLTableMappings\":{\"sqlite\":{\"orders\":"
	    "{\"country\":\"c\"}}}}}");
	ASSERT_HAS(or_buf_text(&w.body), "\"result\":{},\"reason\":\"input\"");
	ask(&w, "/v1/compile/outrider/orders", "application/json", "{\"input\":{}}");
	assert_int_equal(w.status, 406);
	ask(&w, "/v1/compile/outrider/", ucast, "{\"input\":{}}");
	assert_int_equal(w.status, 404);
	support_gate_records(&w.g, 6);
	close_world(&w);
}

static void filter__refuses_what_is_no_question(void **state)
{
	static const char *const bodies[] = {"{\"input\":{}}", "{\"input\":{\"table\":7}}",
	    "{\"input\":{\"table\":\"orders\",\"dialect\":\"oracle\"}}",
	    "{\"input\":{\"table\":\"orders\",\"dialect\":1}}",
	    "{\"input\":{\"table\":\"orders\",\"row\":{}}}",
	    "{\"input\":{\"path\":\"/orders\",\"method\":\"GET\"}}"};
	struct world w;

	(void)state;
	open_world(&w);
	for (size_t i = 0; i < OR_LEN(bodies); i++) {
		ask(&w, "/v1/filter", NULL, bodies[i]);
		assert_int_equal(w.status, 200);
		ASSERT_HAS(
		    or_buf_text(&w.body), "\"allow\":false,\"rows\":\"none\",\"reason\":\"input\"");
	}
	ask(&w, "/v1/filter", NULL, "{\"input\":[]}");
	assert_int_equal(w.status, 400);
	ask(&w, "/v1/filter/x", NULL, "{\"input\":{}}");
	assert_int_equal(w.status, 404);
	close_world(&w);
}

static void decide__is_about_one_row(void **state)
{
	static const struct {
		const char *row, *says;
	} cases[] = {
	    {"{\"country\":\"NL\",\"total_cents\":1,\"status\":null}", "\"allow\":true"},
	    {"{\"country\":\"BE\",\"total_cents\":100001}", "\"allow\":true"},
	    {"{\"country\":\"BE\",\"total_cents\":100000}", "\"reason\":\"no_permit\""},
	    {"{\"country\":\"NL\",\"status\":\"returned\"}", "\"reason\":\"policy_forbid\""},
	    {"{\"country\":\"NL\",\"placed_at\":\"2026-01-02T03:04:05Z\",\"items\":[{\"sku\":\"a\","
	     "\"price\":1.25,\"none\":null}]}",
		"\"allow\":true"},
	    {"{\"land\":\"NL\"}", "\"reason\":\"row_column\""},
	    {"{\"country\":7}", "\"reason\":\"row_type\""},
	    {"{\"total_cents\":\"7\"}", "\"reason\":\"row_type\""},
	    {"{\"total_cents\":1.5}", "\"reason\":\"row_type\""},
	    {"{\"placed_at\":\"yesterday\"}", "\"reason\":\"row_type\""},
	    {"{\"items\":[1.00001]}", "\"reason\":\"row_type\""},
	    {"[]", "\"reason\":\"input\""},
	};
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		decide_row(&w, cases[i].row);
		ASSERT_HAS(or_buf_text(&w.body), cases[i].says);
	}
	r = support_gate_records(&w.g, OR_LEN(cases));
	ASSERT_SLICE(r[0].resource.type, "Row");
	ASSERT_SLICE(r[0].policies[0], "near");
	ASSERT_SLICE(r[5].attributes[0].value, "land");
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(filter__is_sql_with_parameters),
	    cmocka_unit_test(filter__tells_all_and_none),
	    cmocka_unit_test(compile__has_the_shape_of_opa),
	    cmocka_unit_test(filter__refuses_what_is_no_question),
	    cmocka_unit_test(decide__is_about_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
