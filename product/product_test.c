/* SPDX-License-Identifier: Apache-2.0 */
#include "product/product.h"

#include "product/route.h"
#include "tests/support/support.h"

#define HEAD "apiVersion: v1.0.0\nkind: DataProduct\nid: orders\nstatus: active\n"
#define PORT "outputPorts:\n- name: orders\n  version: \"1\"\n"

struct doc {
	struct or_arena *arena;
	struct dp_diags diags;
	struct or_buf report;
	struct or_err err;
	const struct dp_product *p;
};

static enum or_code load(struct doc *d, const char *text)
{
	enum or_code rc;

	memset(d, 0, sizeof(*d));
	d->arena = or_arena_new(1U << 20);
	or_buf_init(&d->report, 1U << 16);
	dp_diag_init(&d->diags, "dataproduct.yaml", d->arena);
	rc = dp_product_parse(&d->p, or_slice_str(text), d->arena, &d->diags, &d->err);
	dp_diag_print(&d->report, &d->diags);
	return rc;
}

static void done(struct doc *d)
{
	or_buf_done(&d->report);
	or_arena_free(d->arena);
}

static const char full_text[] =
    HEAD "name: Orders\n"
	 "domain: sales\n"
	 "version: 1.2.0\n"
	 "description:\n"
	 "  purpose: What was sold.\n"
	 "tags: [a, b]\n"
	 "team:\n"
	 "  name: Sales data\n"
	 "  members:\n"
	 "  - {username: old, role: Owner, dateOut: '2025-01-01'}\n"
	 "  - {username: ann, role: Product owner}\n"
	 "support:\n"
	 "- {channel: chat, url: 'https://chat.example/x', scope: issues}\n"
	 "inputPorts:\n"
	 "- {name: shop, version: '1', contractId: c0}\n"
	 "outputPorts:\n"
	 "- name: orders\n"
	 "  version: 1.0.0\n"
	 "  contractId: c1\n"
	 "- name: totals\n"
	 "  version: 1.0.0\n"
	 "  customProperties:\n"
	 "  - {property: outrider.audit, value: async}\n"
	 "  - {property: outrider.mode, value: observe}\n"
	 "customProperties:\n"
	 "- {property: outrider.mode, value: shadow}\n"
	 "- {property: own, value: {any: thing}}\n"
	 "- {property: outrider.listener, value: '127.0.0.1:0'}\n"
	 "- {property: outrider.upstream, value: 'http://127.0.0.1:9000'}\n"
	 "- {property: outrider.audit, value: strict}\n"
	 "- {property: outrider.audit_full, value: allow}\n"
	 "- {property: outrider.purposes, value: [billing, fraud]}\n"
	 "- {property: outrider.retention, value: 400d}\n"
	 "- property: outrider.routes\n"
	 "  value:\n"
	 "  - {path: /orders, port: orders}\n"
	 "  - {path: /orders/totals, port: totals, methods: [GET], action: describe}\n";

static void load__fills_every_field(void **state)
{
	struct doc d;

	(void)state;
	ASSERT_OK(load(&d, full_text), &d.err);
	ASSERT_SLICE(d.p->id, "orders");
	ASSERT_SLICE(d.p->name, "Orders");
	ASSERT_SLICE(d.p->domain, "sales");
	ASSERT_SLICE(d.p->version, "1.2.0");
	ASSERT_SLICE(d.p->description, "What was sold.");
	ASSERT_SLICE(d.p->team, "Sales data");
	ASSERT_SLICE(d.p->owner, "ann");
	assert_int_equal(d.p->n_tags, 2);
	ASSERT_SLICE(d.p->tags[1], "b");
	assert_int_equal(d.p->n_support, 1);
	ASSERT_SLICE(d.p->support[0].scope, "issues");
	assert_int_equal(d.p->n_inputs, 1);
	ASSERT_SLICE(d.p->inputs[0].contract_id, "c0");
	assert_int_equal(d.p->n_outputs, 2);
	ASSERT_SLICE(d.p->outputs[0].contract_id, "c1");
	assert_null(d.p->outputs[1].contract_id.p);
	assert_int_equal(d.diags.n, 0);
	done(&d);
}

static void setting__port_overrides_product(void **state)
{
	struct dp_settings s;
	struct doc d;

	(void)state;
	ASSERT_OK(load(&d, full_text), &d.err);
	s = dp_product_setting(d.p, NULL);
	ASSERT_SLICE(s.listener, "127.0.0.1:0");
	ASSERT_SLICE(s.upstream, "http://127.0.0.1:9000");
	assert_int_equal(s.audit, DP_AUDIT_STRICT);
	assert_int_equal(s.mode, DP_MODE_SHADOW);
	assert_int_equal(dp_product_setting(d.p, &d.p->outputs[1]).mode, DP_MODE_OBSERVE);
	assert_int_equal(s.audit_full, DP_AUDIT_FULL_ALLOW);
	assert_int_equal(s.n_purposes, 2);
	assert_true(s.retention_ns == 400LL * 86400 * OR_NS_PER_S);
	s = dp_product_setting(d.p, dp_product_output(d.p, OR_SLICE_LIT("orders")));
	assert_int_equal(s.audit, DP_AUDIT_STRICT);
	s = dp_product_setting(d.p, dp_product_output(d.p, OR_SLICE_LIT("totals")));
	assert_int_equal(s.audit, DP_AUDIT_ASYNC);
	assert_int_equal(s.audit_full, DP_AUDIT_FULL_ALLOW);
	assert_null(dp_product_output(d.p, OR_SLICE_LIT("nothing")));
	done(&d);
}

static const char *port_at(
    const struct dp_product *p, const char *method, const char *path, struct or_slice *action)
{
	static char name[64];
	const struct dp_port *port =
	    dp_route_find(p, or_slice_str(method), or_slice_str(path), action);

	if (!port)
		return "-";
	memcpy(name, port->name.p, port->name.n);
	name[port->name.n] = '\0';
	return name;
}

static void route__longest_prefix_of_segments(void **state)
{
	struct or_slice action;
	struct doc d;

	(void)state;
	ASSERT_OK(load(&d, full_text), &d.err);
	assert_string_equal(port_at(d.p, "GET", "/orders", NULL), "orders");
	assert_string_equal(port_at(d.p, "GET", "/orders/7", &action), "orders");
	assert_null(action.p);
	assert_string_equal(port_at(d.p, "GET", "/orders/totals", &action), "totals");
	ASSERT_SLICE(action, "describe");
	assert_string_equal(port_at(d.p, "POST", "/orders/totals", &action), "orders");
	assert_string_equal(port_at(d.p, "GET", "/orders2", NULL), "-");
	assert_string_equal(port_at(d.p, "GET", "/", NULL), "-");
	done(&d);
}

static void route__without_routes(void **state)
{
	struct doc d;

	(void)state;
	ASSERT_OK(load(&d, HEAD PORT), &d.err);
	assert_string_equal(port_at(d.p, "GET", "/anything/at/all", NULL), "orders");
	assert_string_equal(port_at(d.p, "OPTIONS", "*", NULL), "-");
	done(&d);
	ASSERT_OK(load(&d, HEAD PORT "- {name: totals, version: '1'}\n"), &d.err);
	assert_string_equal(port_at(d.p, "GET", "/totals/x", NULL), "totals");
	assert_string_equal(port_at(d.p, "GET", "/orders", NULL), "orders");
	assert_string_equal(port_at(d.p, "GET", "/ordersx", NULL), "-");
	assert_string_equal(port_at(d.p, "GET", "/", NULL), "-");
	done(&d);
}

/* Each wrong document, and the whole line that a person must see. */
static const struct {
	const char *text;
	const char *line;
} wrong[] = {
    {"apiVersion: v1.0.0\nkind: DataProduct\nid: x\n", "dataproduct.yaml:1: status: required"},
    {HEAD "outputPorts:\n- name: a\n  version: 1.0\n",
	"dataproduct.yaml:7: outputPorts[0].version: expected a string, found a number; put it in "
	"quotes"},
    {HEAD "outputPorts:\n- name: a\n", "dataproduct.yaml:6: outputPorts[0].version: required"},
    {HEAD "outputPorts:\n- name: a\n  verison: '1'\n",
	"dataproduct.yaml:7: outputPorts[0].verison: unknown field; did you mean \"version\"?"},
    {HEAD "outputPort: []\n",
	"dataproduct.yaml:5: outputPort: unknown field; did you mean \"outputPorts\"?"},
    {HEAD "xyzzyx: 1\n", "dataproduct.yaml:5: xyzzyx: unknown field\n"},
    {HEAD "outputPorts: {}\n", "dataproduct.yaml:5: outputPorts: expected a list, found an obj"},
    {"apiVersion: v1\nkind: DataProduct\nid: x\nstatus: a\n", "dataproduct.yaml:1: apiVersion: "},
    {"apiVersion: v1.0.0\nkind: DataProdukt\nid: x\nstatus: a\n",
	"dataproduct.yaml:2: kind: \"DataProdukt\" is not one of its values; did you mean "
	"\"DataProduct\"?"},
    {HEAD "team:\n  members:\n  - {username: 5}\n", ":7: team.members[0].username: expected a str"},
    {HEAD "support: [{channel: a}]\n", ":5: support[0].url: required"},
    {"[1]", "dataproduct.yaml:1: expected an object, found a list"},
    {"a: [", "dataproduct.yaml: line "},
    {"apiVersion: v1.0.0\nkind: DataProduct\nid: ''\nstatus: active\n",
	":3: id: expected 1 to 255 bytes"},
    {HEAD "outputPorts: [{name: a/b, version: '1'}]\n",
	":5: outputPorts[0].name: must not contain '/'"},
    {HEAD "customProperties: [{property: outrider.audti, value: strict}]\n",
	":5: customProperties[0].property: unknown setting; did you mean \"outrider.audit\"?"},
    {HEAD "customProperties: [{property: outrider.audit, value: loose}]\n",
	":5: customProperties[0].value: expected one of strict, async, found \"loose\""},
    {HEAD "customProperties: [{property: outrider.upstream, value: 'ftp://x:1'}]\n",
	"customProperties[0].value: expected http://host:port or"},
    {HEAD "customProperties: [{property: outrider.listener, value: '127.0.0.1:70000'}]\n",
	"customProperties[0].value: expected host:port"},
    {HEAD "customProperties: [{property: outrider.retention, value: long}]\n",
	"customProperties[0].value: expected a duration"},
    {HEAD "customProperties:\n- {property: outrider.audit, value: strict}\n"
	  "- {property: outrider.audit, value: async}\n",
	":7: customProperties[1].property: outrider.audit is said twice"},
    {HEAD PORT "  customProperties: [{property: outrider.listener, value: 'a:1'}]\n",
	":8: outputPorts[0].customProperties[0].property: outrider.listener belongs to the"},
    {HEAD PORT "customProperties:\n- property: outrider.routes\n"
	       "  value: [{path: /x, port: oders}]\n",
	":10: outrider.routes: \"oders\" is no output port; did you mean \"orders\"?"},
    {HEAD PORT "customProperties:\n- property: outrider.routes\n"
	       "  value: [{path: /x/../y, port: orders}]\n",
	":10: customProperties[0].value[0].path: expected a plain path"},
    {HEAD PORT "customProperties:\n- property: outrider.routes\n"
	       "  value: [{path: /x, prot: orders}]\n",
	":10: customProperties[0].value[0].prot: unknown field; did you mean \"port\"?"},
};

static void load__says_what_is_wrong_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(wrong); i++) {
		struct doc d;
		enum or_code rc = load(&d, wrong[i].text);

		if (rc == OR_OK)
			fail_msg("case %zu was accepted", i);
		ASSERT_HAS(or_buf_text(&d.report), wrong[i].line);
		assert_null(d.p);
		assert_true(d.err.msg[0]);
		done(&d);
	}
}

static void load__tells_several_errors_in_one_run(void **state)
{
	struct doc d;

	(void)state;
	ASSERT_CODE(
	    load(&d, "apiVersion: v1.0.0\nkind: DataProduct\nid: 5\nstauts: x\n"), OR_INVAL);
	assert_int_equal(d.diags.n_errors, 3);
	ASSERT_HAS(or_buf_text(&d.report), "dataproduct.yaml:3: id: expected a string");
	ASSERT_HAS(or_buf_text(&d.report), "dataproduct.yaml:1: status: required");
	ASSERT_HAS(or_buf_text(&d.report), "dataproduct.yaml:4: stauts: unknown field");
	ASSERT_HAS(d.err.msg, "(and 2 more)");
	done(&d);
}

static void load__bounds_what_it_tells(void **state)
{
	struct or_buf text;
	struct doc d;

	(void)state;
	or_buf_init(&text, 1U << 16);
	or_buf_put_str(&text, HEAD);
	for (int i = 0; i < 200; i++)
		or_buf_printf(&text, "wrong%d: 1\n", i);
	ASSERT_CODE(load(&d, or_buf_text(&text)), OR_INVAL);
	assert_int_equal(d.diags.n, DP_DIAG_MAX);
	assert_int_equal(d.diags.n_errors, 200);
	ASSERT_HAS(or_buf_text(&d.report), "dataproduct.yaml: 136 more\n");
	done(&d);
	or_buf_done(&text);
}

static void load__warns_and_goes_on(void **state)
{
	struct doc d;

	(void)state;
	ASSERT_OK(load(&d, "apiVersion: v1.0.0\nkind: DataProduct\nid: x\nstatus: activ\n"
			   "productCreatedTs: yesterday\n" PORT "- {name: orders, version: '1'}\n"),
	    &d.err);
	assert_int_equal(d.diags.n_warnings, 3);
	ASSERT_HAS(or_buf_text(&d.report), ":4: warning: status: none of");
	ASSERT_HAS(or_buf_text(&d.report), "did you mean \"active\"?");
	ASSERT_HAS(or_buf_text(&d.report), ":5: warning: productCreatedTs: expected a time");
	ASSERT_HAS(or_buf_text(&d.report), "outputPorts[1]: the same name and version");
	done(&d);
}

static void load__keeps_foreign_bytes_out_of_messages(void **state)
{
	struct doc d;

	(void)state;
	ASSERT_CODE(load(&d, "{\"a\\n\\u001b[31mb\": 1}"), OR_INVAL);
	ASSERT_HAS(or_buf_text(&d.report), "a??[31mb: unknown field");
	done(&d);
}

static void load__stops_at_the_arenas_budget(void **state)
{
	struct doc d;

	(void)state;
	ASSERT_OK(load(&d, full_text), &d.err);
	for (size_t budget = 64; budget < or_arena_used(d.arena); budget += 512) {
		struct or_arena *a = or_arena_new(budget);
		struct or_err err = {0};
		const struct dp_product *p = NULL;
		struct dp_diags diags;

		dp_diag_init(&diags, "x", a);
		ASSERT_CODE(
		    dp_product_parse(&p, or_slice_str(full_text), a, &diags, &err), OR_FULL);
		assert_null(p);
		or_arena_free(a);
	}
	done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(load__fills_every_field),
	    cmocka_unit_test(setting__port_overrides_product),
	    cmocka_unit_test(route__longest_prefix_of_segments),
	    cmocka_unit_test(route__without_routes),
	    cmocka_unit_test(load__says_what_is_wrong_and_where),
	    cmocka_unit_test(load__tells_several_errors_in_one_run),
	    cmocka_unit_test(load__bounds_what_it_tells),
	    cmocka_unit_test(load__warns_and_goes_on),
	    cmocka_unit_test(load__keeps_foreign_bytes_out_of_messages),
	    cmocka_unit_test(load__stops_at_the_arenas_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
