/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"
#include "tests/support/support.h"

struct world {
	struct pol_set *set;
	struct pol_ctx *ctx;
	struct pol_request req;
	struct pol_decision d;
	struct pol_explain e;
};

static struct pol_uid uid(const char *type, const char *id)
{
	return pol_uid_make(or_slice_str(type), or_slice_str(id));
}

static int setup(void **state)
{
	static struct world w;

	w = (struct world){.ctx = pol_ctx_new(0)};
	w.req = (struct pol_request){.principal = uid("User", "alice"),
	    .action = uid("Action", "read"),
	    .resource = uid("Port", "orders")};
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pol_set_free(w->set);
	pol_ctx_free(w->ctx);
	return 0;
}

static void explain(struct world *w, const char *text)
{
	const struct pol_field fields[] = {{OR_SLICE_LIT("clearance"), pol_value_long(1)},
	    {OR_SLICE_LIT("name"), pol_value_string(OR_SLICE_LIT("Al"))}};
	const struct pol_field level = {OR_SLICE_LIT("level"), pol_value_long(2)};
	const struct pol_record *principal, *resource;
	const struct pol_set *sets[1];
	struct pol_uid staff = uid("Group", "staff");
	struct or_err err;

	pol_set_free(w->set);
	w->set = NULL;
	ASSERT_OK(
	    pol_set_parse(&w->set, POL_IDS_NUMBERED, "t", or_slice_str(text), NULL, &err), &err);
	sets[0] = w->set;
	pol_ctx_begin(w->ctx, NULL, 0);
	ASSERT_CODE(pol_value_record(&principal, pol_ctx_arena(w->ctx), fields, 2), OR_OK);
	ASSERT_CODE(pol_value_record(&resource, pol_ctx_arena(w->ctx), &level, 1), OR_OK);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.principal, principal, &staff, 1), OR_OK);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.resource, resource, NULL, 0), OR_OK);
	ASSERT_CODE(pol_authorize_request(&w->d, w->ctx, sets, 1, &w->req), OR_OK);
	ASSERT_CODE(pol_explain_decision(&w->e, w->ctx, sets, 1, &w->req, &w->d), OR_OK);
}

static void saw(const struct pol_explain_part *p, size_t i, const char *term, const char *value)
{
	assert_true(i < p->n_values);
	ASSERT_SLICE(p->values[i].term, term);
	ASSERT_SLICE(p->values[i].value, value);
}

static void decision__shows_what_a_permit_saw(void **state)
{
	struct world *w = *state;
	const struct pol_explain_part *p;

	explain(w, "permit(principal in Group::\"staff\", action, resource)"
		   "when { principal has clearance && principal.clearance < resource.level }"
		   "unless { context has blocked && context.blocked };");
	assert_true(w->d.allow);
	assert_int_equal(w->e.n_policies, 1);
	assert_int_equal(w->e.policies[0].role, POL_EXPLAIN_REASON);
	assert_int_equal(w->e.policies[0].n_parts, 5);
	p = w->e.policies[0].parts;
	ASSERT_SLICE(p[0].text, "principal in Group::\"staff\"");
	assert_int_equal(p[0].outcome, POL_EXPLAIN_HOLDS);
	saw(&p[0], 0, "principal", "User::\"alice\"");
	assert_int_equal(p[1].text.n, 0);
	assert_string_equal(p[3].kind, "when");
	ASSERT_SLICE(p[3].text, "principal has clearance && principal.clearance < resource.level");
	assert_int_equal(p[3].outcome, POL_EXPLAIN_HOLDS);
	assert_int_equal(p[3].n_values, 3);
	saw(&p[3], 0, "principal has clearance", "true");
	saw(&p[3], 1, "principal.clearance", "1");
	saw(&p[3], 2, "resource.level", "2");
	assert_string_equal(p[4].kind, "unless");
	assert_int_equal(p[4].outcome, POL_EXPLAIN_HOLDS);
	ASSERT_SLICE(p[4].because, "context has blocked");
	/* The right of an `&&` that stopped was not looked at. */
	assert_int_equal(p[4].n_values, 1);
}

static void decision__names_the_operand_that_failed(void **state)
{
	struct world *w = *state;
	const struct pol_explain_part *p;

	explain(w, "permit(principal, action, resource)"
		   "when { principal has clearance && (resource.level == 0 || !(resource.level >= "
		   "1)) } when { true };");
	assert_false(w->d.allow);
	assert_int_equal(w->e.n_policies, 1);
	assert_int_equal(w->e.policies[0].role, POL_EXPLAIN_NEAREST);
	p = w->e.policies[0].parts;
	assert_int_equal(p[3].outcome, POL_EXPLAIN_FAILS);
	ASSERT_SLICE(p[3].because, "resource.level == 0 || !(resource.level >= 1)");
	assert_int_equal(p[4].outcome, POL_EXPLAIN_UNTRIED);
	assert_int_equal(p[4].n_values, 0);
	explain(w, "permit(principal, action, resource) when { if resource.level == 2 then "
		   "principal.clearance > 5 && true else true };");
	p = w->e.policies[0].parts;
	ASSERT_SLICE(p[3].because, "principal.clearance > 5");
}

static void decision__puts_the_closest_permit_first(void **state)
{
	struct world *w = *state;

	explain(w, "permit(principal == User::\"bob\", action == Action::\"x\", resource);"
		   "permit(principal == User::\"bob\", action, resource);"
		   "permit(principal, action, resource) when { principal.clearance > 1 && true };"
		   "permit(principal, action, resource) when { true && principal.clearance > 1 };"
		   "permit(principal, action, resource) when { true } when { false };"
		   "forbid(principal, action, resource) when { false };");
	assert_int_equal(w->e.n_policies, POL_EXPLAIN_NEAREST_MAX);
	ASSERT_SLICE(w->e.policies[0].policy->id, "policy4");
	ASSERT_SLICE(w->e.policies[1].policy->id, "policy3");
	ASSERT_SLICE(w->e.policies[2].policy->id, "policy2");
}

static void decision__shows_the_forbid_and_what_erred(void **state)
{
	struct world *w = *state;
	const struct pol_explain_part *p;

	explain(w, "permit(principal, action, resource);"
		   "forbid(principal, action, resource) when { resource.level > 1 };"
		   "forbid(principal, action, resource) when { true && principal.team == \"x\" };");
	assert_int_equal(w->e.n_policies, 2);
	ASSERT_SLICE(w->e.policies[0].policy->id, "policy1");
	assert_int_equal(w->e.policies[0].role, POL_EXPLAIN_REASON);
	assert_int_equal(w->e.policies[1].role, POL_EXPLAIN_ERROR);
	p = w->e.policies[1].parts;
	assert_int_equal(p[3].outcome, POL_EXPLAIN_ERRS);
	assert_string_equal(p[3].error, "there is no attribute `team`");
	ASSERT_SLICE(p[3].because, "principal.team == \"x\"");
	assert_true(p[3].values[0].error);
	saw(&p[3], 0, "principal.team", "there is no attribute `team`");
}

static void json__is_read_by_programs(void **state)
{
	struct world *w = *state;
	struct or_jsonw json;
	struct or_buf b;

	or_buf_init(&b, OR_MIB);
	or_jsonw_init(&json, &b, 0);
	explain(w, "permit(principal, action, resource) when { resource.level < 2 };");
	pol_explain_json(&json, &w->e);
	assert_string_equal(or_buf_text(&b),
	    "[{\"policy\":\"policy0\",\"role\":\"nearest\",\"effect\":\"permit\",\"file\":\"t\","
	    "\"line\":1,\"parts\":[{\"kind\":\"principal\",\"outcome\":\"holds\",\"text\":\"\","
	    "\"values\":[]},{\"kind\":\"action\",\"outcome\":\"holds\",\"text\":\"\",\"values\":[]}"
	    ",{\"kind\":\"resource\",\"outcome\":\"holds\",\"text\":\"\",\"values\":[]},{\"kind\":"
	    "\"when\",\"outcome\":\"fails\",\"text\":\"resource.level < 2\",\"values\":[{\"term\":"
	    "\"resource.level\",\"value\":\"2\"}]}]}]");
	or_buf_done(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(decision__shows_what_a_permit_saw),
	    TEST(decision__names_the_operand_that_failed),
	    TEST(decision__puts_the_closest_permit_first),
	    TEST(decision__shows_the_forbid_and_what_erred),
	    TEST(json__is_read_by_programs),
	};

	return cmocka_run_group_tests_name("policy/explain", tests, NULL, NULL);
}
