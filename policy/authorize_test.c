/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/authorize.h"
#include "policy/code.h"
#include "tests/support/support.h"

#include <stdio.h>

static struct pol_uid uid(const char *type, const char *id)
{
	return pol_uid_make(or_slice_str(type), or_slice_str(id));
}

static struct pol_set *parse(const char *text)
{
	struct pol_set *set = NULL;
	struct or_err err = {0};

	ASSERT_OK(
	    pol_set_parse(&set, POL_IDS_NUMBERED, "t.cedar", or_slice_str(text), NULL, &err), &err);
	return set;
}

struct world {
	struct pol_set *set;
	struct pol_ctx *ctx;
	struct pol_request req;
	struct pol_decision d;
};

static void decide(struct world *w, const char *text)
{
	const struct pol_set *sets[1];

	pol_set_free(w->set);
	w->set = parse(text);
	sets[0] = w->set;
	ASSERT_CODE(pol_authorize_request(&w->d, w->ctx, sets, 1, &w->req), OR_OK);
}

static int setup(void **state)
{
	static struct world w;

	w = (struct world){.ctx = pol_ctx_new(0)};
	w.req = (struct pol_request){.principal = uid("User", "alice"),
	    .action = uid("Action", "read"),
	    .resource = uid("Port", "orders/out")};
	pol_ctx_begin(w.ctx, NULL, 0);
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

static void request__denies_without_policies(void **state)
{
	struct world *w = *state;

	decide(w, "");
	assert_false(w->d.allow);
	assert_int_equal(w->d.n_reasons, 0);
	assert_int_equal(w->d.n_errors, 0);
}

static void request__gives_every_satisfied_permit(void **state)
{
	struct world *w = *state;

	decide(w, "permit(principal,action,resource);"
		  "permit(principal == User::\"bob\",action,resource);"
		  "@mask(\"email:redact\") permit(principal is User,action in "
		  "[Action::\"read\"],resource);");
	assert_true(w->d.allow);
	assert_int_equal(w->d.n_reasons, 2);
	ASSERT_SLICE(w->d.reasons[0]->id, "policy0");
	ASSERT_SLICE(w->d.reasons[1]->id, "policy2");
	ASSERT_SLICE(pol_set_annotation(w->d.reasons[1], "mask")->value, "email:redact");
	assert_null(pol_set_annotation(w->d.reasons[1], "id"));
}

static void request__forbid_wins(void **state)
{
	struct world *w = *state;

	decide(w,
	    "permit(principal,action,resource); forbid(principal,action,resource) unless {false};");
	assert_false(w->d.allow);
	assert_int_equal(w->d.n_reasons, 1);
	ASSERT_SLICE(w->d.reasons[0]->id, "policy1");
}

static void request__skips_a_policy_that_errs(void **state)
{
	struct world *w = *state;

	decide(w, "permit(principal,action,resource);\n"
		  "forbid(principal,action,resource) when { context.x == 1 };\n"
		  "permit(principal,action,resource) when { 9223372036854775807 + 1 == 0 };");
	assert_true(w->d.allow);
	assert_int_equal(w->d.n_reasons, 1);
	assert_int_equal(w->d.n_errors, 2);
	ASSERT_SLICE(w->d.errors[0].policy->id, "policy1");
	assert_string_equal(w->d.errors[0].msg, "t.cedar:2:42: the record has no attribute `x`");
	assert_string_equal(w->d.errors[1].msg, "t.cedar:3:42: integer overflow");
}

static void request__denies_where_a_forbid_errs_if_told_so(void **state)
{
	struct world *w = *state;

	w->req.on_forbid_error = POL_FORBID_ERROR_DENY;
	decide(w, "permit(principal,action,resource);"
		  "forbid(principal,action,resource) when { context.x == 1 };");
	assert_false(w->d.allow);
	assert_true(w->d.by_error);
	assert_int_equal(w->d.n_reasons, 0);
	assert_int_equal(w->d.n_errors, 1);
	/* A permit that errs changes nothing. */
	decide(w, "permit(principal,action,resource);"
		  "permit(principal,action,resource) when { context.x == 1 };");
	assert_true(w->d.allow);
}

static void request__sees_entities_put_over_the_base(void **state)
{
	struct world *w = *state;
	struct pol_uid group = uid("Group", "analysts"), org = uid("Group", "all");
	struct pol_entities *base = pol_entities_new(0);
	const struct pol_entities *bases[1] = {base};
	struct pol_field f = {OR_SLICE_LIT("clearance"), pol_value_long(3)};
	const struct pol_record *attrs;

	ASSERT_CODE(pol_entities_add(base, &group, NULL, NULL, &org, 1), OR_OK);
	ASSERT_CODE(pol_entities_seal(base, NULL), OR_OK);
	pol_ctx_begin(w->ctx, bases, 1);
	ASSERT_CODE(pol_value_record(&attrs, pol_ctx_arena(w->ctx), &f, 1), OR_OK);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.principal, attrs, &group, 1), OR_OK);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.principal, attrs, &group, 1), OR_EXISTS);
	ASSERT_CODE(pol_ctx_put(w->ctx, &group, NULL, NULL, 0), OR_INVAL);
	decide(w, "permit(principal in Group::\"all\",action,resource) when { principal.clearance "
		  "> 2 };");
	assert_true(w->d.allow);
	pol_entities_free(base);
}

static void request__merges_several_sets(void **state)
{
	struct world *w = *state;
	struct pol_set *platform = parse("forbid(principal,action,resource);");
	const struct pol_set *sets[2];

	decide(w, "permit(principal,action,resource);");
	sets[0] = w->set;
	sets[1] = platform;
	ASSERT_CODE(pol_authorize_request(&w->d, w->ctx, sets, 2, &w->req), OR_OK);
	assert_false(w->d.allow);
	assert_ptr_equal(w->d.reasons[0], pol_set_at(platform, 0));
	pol_set_free(platform);
}

static void request__evaluates_a_linked_template(void **state)
{
	struct world *w = *state;
	const struct pol_set *sets[1];
	struct or_err err;

	decide(w, "permit(principal == ?principal, action, resource in ?resource);");
	assert_false(w->d.allow);
	ASSERT_CODE(pol_set_link(w->set, OR_SLICE_LIT("policy0"), OR_SLICE_LIT("l"),
			&w->req.principal, NULL, &err),
	    OR_INVAL);
	assert_string_equal(err.msg, "template `policy0` needs a value for ?resource");
	ASSERT_OK(pol_set_link(w->set, OR_SLICE_LIT("policy0"), OR_SLICE_LIT("l"),
		      &w->req.principal, &w->req.resource, &err),
	    &err);
	sets[0] = w->set;
	ASSERT_CODE(pol_authorize_request(&w->d, w->ctx, sets, 1, &w->req), OR_OK);
	assert_true(w->d.allow);
	ASSERT_SLICE(w->d.reasons[0]->id, "l");
}

/* Each policy's scope in turn, often enough that candidates are looked up. */
static void request__finds_every_candidate_among_many(void **state)
{
	static const char *const scopes[] = {"principal, action, resource",
	    "principal == User::\"alice\", action, resource",
	    "principal in Group::\"g\", action, resource", "principal is User, action, resource",
	    "principal is User in Group::\"g\", action, resource",
	    "principal, action == Action::\"read\", resource",
	    "principal, action in Action::\"all\", resource",
	    "principal, action in [Action::\"x\", Action::\"all\"], resource",
	    "principal, action, resource == Port::\"orders/out\"",
	    "principal, action, resource in Product::\"orders\"",
	    "principal in Group::\"g\", action == Action::\"read\", resource in "
	    "Product::\"orders\"",
	    /* These do not match. */
	    "principal == User::\"bob\", action, resource",
	    "principal in Group::\"h\", action, resource",
	    "principal, action == Action::\"write\", resource", "principal, action in [], resource",
	    "principal, action, resource in Product::\"payments\"",
	    "principal == Port::\"orders/out\", action, resource"};
	enum { MATCHING = 11, ROUNDS = 5 };
	struct world *w = *state;
	struct pol_uid g = uid("Group", "g"), all = uid("Action", "all"),
		       product = uid("Product", "orders");
	struct or_buf b;

	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.principal, NULL, &g, 1), OR_OK);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.action, NULL, &all, 1), OR_OK);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.resource, NULL, &product, 1), OR_OK);
	or_buf_init(&b, 65536);
	for (int i = 0; i < ROUNDS; i++) {
		for (size_t k = 0; k < OR_LEN(scopes); k++)
			or_buf_printf(
			    &b, "permit(%s)%s;", scopes[k], i == 4 ? " when { context.x }" : "");
	}
	decide(w, or_buf_text(&b));
	or_buf_done(&b);
	assert_true(w->d.allow);
	assert_int_equal(w->d.n_reasons, MATCHING * 4);
	assert_int_equal(w->d.n_errors, MATCHING);
	for (size_t i = 0; i < w->d.n_reasons; i++)
		assert_int_equal(
		    w->d.reasons[i]->place, i / MATCHING * OR_LEN(scopes) + i % MATCHING);
	assert_int_equal(w->d.errors[1].policy->place, 4 * OR_LEN(scopes) + 1);
}

static void request__finds_links_among_many(void **state)
{
	struct world *w = *state;
	struct pol_uid other = uid("Port", "none");
	const struct pol_set *sets[1];
	struct or_err err;
	char id[8];

	decide(w, "permit(principal == ?principal, action, resource == ?resource);");
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "l%d", i);
		ASSERT_OK(pol_set_link(w->set, OR_SLICE_LIT("policy0"), or_slice_str(id),
			      &w->req.principal, i == 77 ? &w->req.resource : &other, &err),
		    &err);
	}
	sets[0] = w->set;
	ASSERT_CODE(pol_authorize_request(&w->d, w->ctx, sets, 1, &w->req), OR_OK);
	assert_int_equal(w->d.n_reasons, 1);
	ASSERT_SLICE(w->d.reasons[0]->id, "l77");
}

static void request__reports_a_used_up_budget(void **state)
{
	struct world *w = *state;
	const struct pol_set *sets[1];

	pol_ctx_free(w->ctx);
	w->ctx = pol_ctx_new(256);
	pol_ctx_begin(w->ctx, NULL, 0);
	pol_set_free(w->set);
	w->set = parse("permit(principal,action,resource) when {"
		       " [principal, action, resource, 1, 2, 3, 4, 5, 6, 7, 8].contains(1) };");
	sets[0] = w->set;
	ASSERT_CODE(pol_authorize_request(&w->d, w->ctx, sets, 1, &w->req), OR_FULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Where the trees fit into the budget and the program does not, the trees answer. */
static void request__is_answered_without_room_for_a_program(void **state)
{
	static const char text[] = "permit (principal, action, resource) when { 1 < 2 };"
				   "permit (principal, action, resource) when { 2 < 1 };"
				   "forbid (principal == User::\"bob\", action, resource);"
				   "permit (principal, action, resource) when { principal.no };"
				   "permit (principal is User, action, resource);";
	struct world *w = *state;
	size_t by_trees = 0, by_program = 0;

	for (size_t budget = 1024; by_program == 0; budget += 64) {
		const struct pol_set *sets[1];
		struct pol_decision d;
		struct pol_set *set = pol_set_new(POL_IDS_NUMBERED, budget);

		sets[0] = set;
		if (pol_set_add(set, "t", or_slice_str(text), NULL, NULL) == OR_OK) {
			for (int i = 0; i < 2; i++) {
				ASSERT_CODE(
				    pol_authorize_request(&d, w->ctx, sets, 1, &w->req), OR_OK);
				assert_true(d.allow);
				assert_int_equal(d.n_reasons, 2);
				assert_ptr_equal(d.reasons[1], pol_set_at(set, 4));
				assert_int_equal(d.n_errors, 1);
			}
			by_trees += pol_set_code(set) == NULL;
			by_program += pol_set_code(set) != NULL;
		}
		pol_set_free(set);
	}
	assert_true(by_trees > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(request__denies_without_policies),
	    TEST(request__gives_every_satisfied_permit),
	    TEST(request__forbid_wins),
	    TEST(request__skips_a_policy_that_errs),
	    TEST(request__denies_where_a_forbid_errs_if_told_so),
	    TEST(request__sees_entities_put_over_the_base),
	    TEST(request__merges_several_sets),
	    TEST(request__evaluates_a_linked_template),
	    TEST(request__finds_every_candidate_among_many),
	    TEST(request__finds_links_among_many),
	    TEST(request__reports_a_used_up_budget),
	    cmocka_unit_test_setup_teardown(
		request__is_answered_without_room_for_a_program, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
