/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/share.h"

#include "policy/authorize.h"
#include "policy/validate.h"
#include "tests/support/support.h"

static struct pol_set *parse(const struct or_buf *text)
{
	struct pol_set *set = NULL;
	struct or_err err = {0};

	ASSERT_OK(
	    pol_set_parse(&set, POL_IDS_NUMBERED, "t.cedar", or_buf_slice(text), NULL, &err), &err);
	return set;
}

static const struct pol_node *condition(const struct pol_set *set, size_t i)
{
	return pol_set_at(set, i)->body->conditions[0].expr;
}

static void policy__has_its_nodes_in_common_with_like_ones(void **state)
{
	struct pol_set *set;
	struct or_buf text;
	size_t bytes;

	(void)state;
	or_buf_init(&text, 1 << 20);
	for (int i = 0; i < 1000; i++)
		or_buf_printf(&text,
		    "permit (principal == User::\"%03d\", action, resource)\n"
		    "when { context.a == \"x\" && context has b && [1, 2].contains(context.b)"
		    " && {k: context.b} != {k: 3} };\n",
		    i);
	set = parse(&text);
	assert_ptr_equal(condition(set, 0), condition(set, 999));
	assert_ptr_equal(
	    pol_set_at(set, 3)->body->conditions, pol_set_at(set, 7)->body->conditions);
	bytes = pol_set_bytes(set) - text.n;
	if (bytes / 1000 > 500)
		print_error("%zu bytes a policy\n", bytes / 1000);
	assert_true(bytes / 1000 <= 500);
	pol_set_free(set);
	or_buf_done(&text);
}

static void policy__differs_where_any_part_does(void **state)
{
	static const char *const bodies[] = {"context.a == 1", "context.a == 2", "context.b == 1",
	    "context.a != 1", "context.a in 1", "context.a like \"1\"", "context.a like \"2\"",
	    "context.a is A", "context.a is B", "context has a.b", "context has a.c",
	    "context has a", "[context.a, 1] == 1", "[context.b, 1] == 1", "{a: context.a} == 1",
	    "{b: context.a} == 1", "{a: context.b} == 1", "if context.a then 1 == 1 else 2 == 1",
	    "if context.a then 1 == 1 else 1 == 1", "ip(context.a).isIpv4()",
	    "ip(context.a).isIpv6()", "principal == User::\"a\"", "principal == User::\"b\"",
	    "principal == Team::\"a\"", "resource == User::\"a\"", "[1, 2].contains(1)",
	    "[1, 3].contains(1)", "decimal(\"1.0\").lessThan(context.a)",
	    "decimal(\"2.0\").lessThan(context.a)", "ip(\"1.1.1.1\") == context.a",
	    "ip(\"1.1.1.2\") == context.a"};
	struct pol_set *set;
	struct or_buf text;

	(void)state;
	or_buf_init(&text, 1 << 20);
	for (size_t i = 0; i < 2 * OR_LEN(bodies); i++)
		or_buf_printf(&text, "permit (principal, action, resource) when { %s };\n",
		    bodies[i % OR_LEN(bodies)]);
	set = parse(&text);
	for (size_t i = 0; i < OR_LEN(bodies); i++) {
		assert_ptr_equal(condition(set, i), condition(set, i + OR_LEN(bodies)));
		for (size_t k = 0; k < i; k++)
			assert_ptr_not_equal(condition(set, i), condition(set, k));
	}
	pol_set_free(set);
	or_buf_done(&text);
}

/* Positions count from the policy; what is told of them is the file's. */
static void policy__knows_its_place_in_the_file(void **state)
{
	struct pol_request req = {
	    .principal = pol_uid_make(OR_SLICE_LIT("User"), OR_SLICE_LIT("a")),
	    .action = pol_uid_make(OR_SLICE_LIT("Action"), OR_SLICE_LIT("read")),
	    .resource = pol_uid_make(OR_SLICE_LIT("Doc"), OR_SLICE_LIT("d"))};
	struct pol_ctx *ctx = pol_ctx_new(0);
	const struct pol_set *sets[1];
	struct pol_decision d;
	struct or_buf text;

	(void)state;
	or_buf_init(&text, 4096);
	or_buf_put_str(&text, "permit (principal, action, resource) when { context[\"é\"] }; "
			      "permit (principal,\n  action, resource) when { context.x };\n"
			      "\n  permit (principal, action, resource) when { context.x };");
	sets[0] = parse(&text);
	pol_ctx_begin(ctx, NULL, 0);
	ASSERT_CODE(pol_authorize_request(&d, ctx, sets, 1, &req), OR_OK);
	assert_int_equal(d.n_errors, 3);
	ASSERT_HAS(d.errors[0].msg, "t.cedar:1:45: ");
	ASSERT_HAS(d.errors[1].msg, "t.cedar:2:28: ");
	ASSERT_HAS(d.errors[2].msg, "t.cedar:4:47: ");
	pol_set_free((struct pol_set *)(uintptr_t)sets[0]);
	pol_ctx_free(ctx);
	or_buf_done(&text);
}

static void validation__shows_the_whole_line(void **state)
{
	struct pol_schema *schema = NULL;
	struct pol_diags diags;
	struct pol_set *set;
	struct or_buf text, out;

	(void)state;
	or_buf_init(&text, 4096);
	or_buf_init(&out, 4096);
	pol_diag_init(&diags);
	or_buf_put_str(&text, "permit (principal, action, resource);\n"
			      "permit (principal, action, resource); "
			      "permit (principal, action, resource) when { principal.no };");
	set = parse(&text);
	ASSERT_CODE(pol_schema_parse_text(&schema, "s",
			or_slice_str("entity U; action a appliesTo {principal: U, resource: U};"),
			NULL, NULL),
	    OR_OK);
	ASSERT_CODE(pol_validate_set(set, schema, POL_VALIDATE_STRICT, &diags, NULL), OR_INVAL);
	pol_diag_print(&out, &diags);
	ASSERT_HAS(or_buf_text(&out), "t.cedar:2:83: ");
	ASSERT_HAS(or_buf_text(&out), "| permit (principal, action, resource); permit (");
	pol_schema_free(schema);
	pol_diag_done(&diags);
	pol_set_free(set);
	or_buf_done(&text);
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policy__has_its_nodes_in_common_with_like_ones),
	    cmocka_unit_test(policy__differs_where_any_part_does),
	    cmocka_unit_test(policy__knows_its_place_in_the_file),
	    cmocka_unit_test(validation__shows_the_whole_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
