/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/partial.h"
#include "tests/support/policy_gen.h"
#include "tests/support/support.h"

enum { ROUNDS = 4000, COMPLETIONS = 4 };

struct world {
	struct pol_set *set;
	struct pol_ctx *ctx;
	struct pol_partial_request req;
	struct pol_partial p;
	struct or_buf text;
	size_t n_open, n_allow, n_errors; /* of the completions */
};

static struct pol_uid uid(const char *type, const char *id)
{
	return pol_uid_make(or_slice_str(type), or_slice_str(id));
}

static int setup(void **state)
{
	static struct world w;

	w = (struct world){.ctx = pol_ctx_new(64 * OR_MIB)};
	w.req = (struct pol_partial_request){.principal = {.uid = uid("User", "alice")},
	    .action = uid("Action", "read"),
	    .resource = {.uid = uid("Row", "shop/orders"), .unknown = POL_PARTIAL_ATTRS}};
	or_buf_init(&w.text, OR_MIB);
	pol_ctx_begin(w.ctx, NULL, 0);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pol_set_free(w->set);
	pol_ctx_free(w->ctx);
	or_buf_done(&w->text);
	return 0;
}

static void load(struct world *w, const char *text)
{
	struct or_err err;

	pol_set_free(w->set);
	w->set = NULL;
	ASSERT_OK(
	    pol_set_parse(&w->set, POL_IDS_NUMBERED, "t", or_slice_str(text), NULL, &err), &err);
}

static void evaluate(struct world *w, const char *text)
{
	const struct pol_set *sets[1];

	load(w, text);
	sets[0] = w->set;
	ASSERT_CODE(pol_partial_evaluate(&w->p, w->ctx, sets, 1, &w->req), OR_OK);
}

/* What is left of one permit with that condition. */
static void expect(struct world *w, const char *condition, const char *left)
{
	or_buf_clear(&w->text);
	or_buf_printf(&w->text, "permit(principal, action, resource) when { %s };", condition);
	evaluate(w, or_buf_text(&w->text));
	or_buf_clear(&w->text);
	if (w->p.n) {
		pol_partial_print(&w->text, &w->p.items[0]);
		or_buf_cut(&w->text, w->text.n - 2); /* ";\n" */
	}
	or_buf_consume(&w->text,
	    w->text.n > 50 ? strlen("@id(\"policy0\")\npermit (principal, action, resource)") : 0);
	assert_string_equal(or_buf_text(&w->text), left);
}

static void evaluate__leaves_what_is_not_known(void **state)
{
	struct world *w = *state;
	const struct pol_field known = {OR_SLICE_LIT("n"), pol_value_long(7)};
	const struct pol_record *attrs;

	ASSERT_CODE(pol_value_record(&attrs, pol_ctx_arena(w->ctx), &known, 1), OR_OK);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.principal.uid, attrs, NULL, 0), OR_OK);
	expect(w, "resource.level < principal.n", "\nwhen { resource.level < 7 }");
	expect(w, "principal.n > 6 && resource.level < 1 + 2 && true",
	    "\nwhen { resource.level < 3 }");
	expect(w, "principal.n > 7 && resource.level < 3", "");
	expect(
	    w, "resource has level || principal.n == 7", "\nwhen { resource has level || true }");
	expect(w, "if principal.n == 7 then resource.a == 1 else resource.b == 1",
	    "\nwhen { resource.a == 1 }");
	/* A literal that names the same row is the same row. */
	expect(w, "Row::\"shop/orders\".x == 1", "\nwhen { resource.x == 1 }");
	expect(w, "resource == Row::\"shop/orders\"", "");
	assert_int_equal(w->p.items[0].state, POL_PARTIAL_YES);
	assert_int_equal(w->p.verdict, POL_PARTIAL_ALLOW);
}

static void evaluate__keeps_errors_where_they_would_be(void **state)
{
	struct world *w = *state;

	/* The left may fail before the right is looked at. */
	expect(w, "resource.a == 1 && false", "\nwhen { resource.a == 1 && false }");
	expect(w, "resource.a == 1 || context.x",
	    "\nwhen { resource.a == 1 || error(\"there is no attribute `x`\") }");
	expect(w, "false && context.x", "");
	expect(w, "resource.flag", "\nwhen { true && resource.flag }");
	expect(w, "true && resource.flag", "\nwhen { true && resource.flag }");
	expect(w, "resource.a == context.x", "\nwhen { error(\"there is no attribute `x`\") }");
	assert_int_equal(w->p.items[0].state, POL_PARTIAL_ERROR);
	assert_int_equal(w->p.verdict, POL_PARTIAL_DENY);
	expect(
	    w, "9223372036854775807 + 1 == resource.a", "\nwhen { error(\"integer overflow\") }");
}

static void evaluate__decides_what_it_can(void **state)
{
	struct world *w = *state;

	evaluate(w, "permit(principal, action, resource);"
		    "forbid(principal, action, resource) when { resource.a };");
	assert_int_equal(w->p.verdict, POL_PARTIAL_UNDECIDED);
	evaluate(w, "permit(principal, action, resource) when { resource.a };"
		    "forbid(principal, action, resource);");
	assert_int_equal(w->p.verdict, POL_PARTIAL_DENY);
	evaluate(w, "permit(principal, action, resource);"
		    "forbid(principal, action, resource) when { context.x };");
	assert_int_equal(w->p.verdict, POL_PARTIAL_ALLOW);
	w->req.on_forbid_error = POL_FORBID_ERROR_DENY;
	evaluate(w, "permit(principal, action, resource);"
		    "forbid(principal, action, resource) when { context.x };");
	assert_int_equal(w->p.verdict, POL_PARTIAL_DENY);
	evaluate(w, "forbid(principal, action, resource) when { resource.a };");
	assert_int_equal(w->p.verdict, POL_PARTIAL_DENY);
}

static void evaluate__knows_a_type_without_an_id(void **state)
{
	struct world *w = *state;

	w->req.resource = (struct pol_partial_entity){
	    .uid = pol_uid_make(OR_SLICE_LIT("Row"), OR_SLICE_NONE), .unknown = POL_PARTIAL_REST};
	expect(w, "resource is Row", "");
	assert_int_equal(w->p.items[0].state, POL_PARTIAL_YES);
	expect(w, "resource is Port", "");
	assert_int_equal(w->p.n, 0);
	expect(w, "resource == Row::\"1\"", "\nwhen { resource == Row::\"1\" }");
	expect(w, "resource != Port::\"1\" && resource == resource", "");
	assert_int_equal(w->p.items[0].state, POL_PARTIAL_YES);
	expect(w, "resource in Port::\"1\"", "\nwhen { resource in Port::\"1\" }");
	/* It may turn out to be that one. */
	expect(w, "Row::\"1\".a == 1", "\nwhen { Row::\"1\".a == 1 }");
	expect(w, "Port::\"1\" has a", "");
	assert_int_equal(w->p.n, 0);
}

static void evaluate__knows_what_a_shape_leaves_out(void **state)
{
	struct world *w = *state;
	struct pol_schema *s = NULL;
	struct or_err err;

	ASSERT_OK(pol_schema_parse_text(&s, "s",
		      or_slice_str("entity Row = {a?: Long}; entity User; action read appliesTo "
				   "{principal: User, resource: Row};"),
		      NULL, &err),
	    &err);
	w->req.resource.shape = pol_schema_entity_find(s, OR_SLICE_LIT("Row"))->shape;
	expect(w, "resource has a", "\nwhen { resource has a }");
	expect(w, "resource has b", "");
	assert_int_equal(w->p.n, 0);
	expect(w, "resource.b == 1", "\nwhen { error(\"there is no attribute `b`\") }");
	w->req.resource.shape = NULL;
	pol_schema_free(s);
}

static void evaluate__says_when_it_is_too_large(void **state)
{
	struct world *w = *state;
	const struct pol_set *sets[1];

	pol_ctx_free(w->ctx);
	w->ctx = pol_ctx_new(1024);
	pol_ctx_begin(w->ctx, NULL, 0);
	or_buf_put_str(&w->text, "permit(principal, action, resource) when { resource.a == 0");
	for (int i = 1; i < 100; i++)
		or_buf_printf(&w->text, " || resource.a == %d", i);
	or_buf_put_str(&w->text, " };");
	load(w, or_buf_text(&w->text));
	sets[0] = w->set;
	w->p.n = 77;
	ASSERT_CODE(pol_partial_evaluate(&w->p, w->ctx, sets, 1, &w->req), OR_FULL);
	assert_int_equal(w->p.n, 77);
}

/* Policies about somebody else take no memory. */
static void evaluate__passes_over_many_policies(void **state)
{
	struct world *w = *state;
	const struct pol_set *sets[1];
	struct or_buf text;

	or_buf_init(&text, 4 * OR_MIB);
	for (int i = 0; i < 10000; i++)
		or_buf_printf(&text,
		    "permit(principal == User::\"u%d\", action in [Action::\"read\"], resource is "
		    "Row in Port::\"p%d\") when { resource.a == %d };\n",
		    i, i, i);
	or_buf_put_str(&text, "permit(principal, action, resource) when { resource.a == 7 };");
	load(w, or_buf_text(&text));
	pol_ctx_free(w->ctx);
	w->ctx = pol_ctx_new(16 * OR_KIB);
	pol_ctx_begin(w->ctx, NULL, 0);
	sets[0] = w->set;
	ASSERT_CODE(pol_partial_evaluate(&w->p, w->ctx, sets, 1, &w->req), OR_OK);
	assert_int_equal(w->p.n_policies, 10001);
	assert_int_equal(w->p.n, 1);
	or_buf_done(&text);
}

/* ---- for random policies and completions: continued = decided at once */

struct completion {
	struct pol_uid principal, resource;
	const struct pol_record *attrs[2], *context;
	bool member[2]; /* principal in staff, row in the port */
};

static void complete(struct world *w, struct policy_gen *g, struct completion *c)
{
	struct or_arena *a = pol_ctx_arena(w->ctx);

	c->principal = uid("User", policy_gen_below(g, 3) ? "alice" : "bob");
	c->resource = uid("Row", policy_gen_below(g, 3) ? "shop/orders" : "other");
	c->attrs[0] = policy_gen_principal(g, a);
	c->attrs[1] = policy_gen_row(g, a);
	c->context = policy_gen_context(g, a);
	c->member[0] = policy_gen_below(g, 2);
	c->member[1] = policy_gen_below(g, 2);
}

/* What `unknown` says, of a completion. */
static struct pol_partial_entity forget(const struct pol_uid *uid, unsigned int unknown, bool id)
{
	struct pol_partial_entity e = {.uid = *uid, .unknown = id ? POL_PARTIAL_REST : unknown};

	if (id)
		e.uid = pol_uid_make(uid->type, OR_SLICE_NONE);
	return e;
}

static const struct pol_uid *parents_of(int i)
{
	static struct pol_uid staff, port;

	staff = uid("Group", "staff");
	port = uid("Port", "shop/orders");
	return i ? &port : &staff;
}

/* Entities as far as they are known. */
static void put(struct world *w, const struct pol_partial_request *req, const struct completion *c)
{
	const struct pol_partial_entity *const list[] = {&req->principal, &req->resource};

	for (int i = 0; i < 2; i++) {
		const struct pol_partial_entity *e = list[i];

		if (e->uid.id.p)
			ASSERT_CODE(
			    pol_ctx_put(w->ctx, &e->uid,
				e->unknown & POL_PARTIAL_ATTRS ? NULL : c->attrs[i], parents_of(i),
				c->member[i] && !(e->unknown & POL_PARTIAL_ANCESTORS)),
			    OR_OK);
	}
}

static void compare(
    const struct pol_decision *d, const struct pol_partial *p, const struct or_buf *text)
{
	size_t errors = 0, reasons = 0;

	if (d->allow != (p->verdict == POL_PARTIAL_ALLOW) || p->verdict == POL_PARTIAL_UNDECIDED)
		fail_msg(
		    "decision %d, verdict %d of\n%s", d->allow, (int)p->verdict, or_buf_text(text));
	for (size_t i = 0; i < p->n; i++) {
		const struct pol_partial_residual *r = &p->items[i];

		if (r->state == POL_PARTIAL_ERROR) {
			if (errors >= d->n_errors || d->errors[errors++].policy != r->policy)
				fail_msg("another error in\n%s", or_buf_text(text));
		} else if (d->n_reasons && r->policy->forbid == !d->allow) {
			if (reasons >= d->n_reasons || d->reasons[reasons++] != r->policy)
				fail_msg("another reason in\n%s", or_buf_text(text));
		}
	}
	if (errors != d->n_errors || reasons != d->n_reasons)
		fail_msg("%zu of %zu errors, %zu of %zu reasons of\n%s", errors, d->n_errors,
		    reasons, d->n_reasons, or_buf_text(text));
}

/*
 * One evaluation with a part unknown. Its residuals lie in a context of their own, since the other
 * starts anew.
 */
static void one_completion(
    struct world *w, struct policy_gen *g, struct pol_ctx *whole, const struct or_buf *text)
{
	const struct pol_set *sets[] = {w->set};
	struct pol_partial_request req = {.action = uid("Action", "read")}, all;
	struct pol_partial some, done;
	struct pol_request plain;
	struct pol_decision d;
	struct completion c;

	pol_ctx_begin(w->ctx, NULL, 0);
	complete(w, g, &c);
	req.on_forbid_error =
	    policy_gen_below(g, 2) ? POL_FORBID_ERROR_DENY : POL_FORBID_ERROR_SKIP;
	req.principal = forget(&c.principal, policy_gen_below(g, 8), policy_gen_below(g, 4) == 0);
	req.resource = forget(&c.resource, policy_gen_below(g, 8), policy_gen_below(g, 4) == 0);
	req.context_unknown = policy_gen_below(g, 4) == 0;
	req.context = req.context_unknown ? NULL : c.context;
	put(w, &req, &c);
	ASSERT_CODE(pol_partial_evaluate(&some, w->ctx, sets, 1, &req), OR_OK);

	all = req;
	all.principal = forget(&c.principal, 0, false);
	all.resource = forget(&c.resource, 0, false);
	all.context_unknown = false;
	all.context = c.context;
	pol_ctx_begin(whole, NULL, 0);
	{
		struct world other = *w;

		other.ctx = whole;
		put(&other, &all, &c);
	}
	ASSERT_CODE(pol_partial_continue(&done, whole, &some, &all), OR_OK);
	plain = (struct pol_request){.principal = c.principal,
	    .action = req.action,
	    .resource = c.resource,
	    .context = c.context,
	    .on_forbid_error = req.on_forbid_error};
	ASSERT_CODE(pol_authorize_request(&d, whole, sets, 1, &plain), OR_OK);
	compare(&d, &done, text);
	w->n_open += some.verdict == POL_PARTIAL_UNDECIDED;
	w->n_allow += d.allow;
	w->n_errors += d.n_errors > 0;
	/* What was decided early was decided rightly. */
	if (some.verdict != POL_PARTIAL_UNDECIDED)
		assert_int_equal(d.allow, some.verdict == POL_PARTIAL_ALLOW);
	/* With nothing unknown it is an evaluator. */
	ASSERT_CODE(pol_partial_evaluate(&done, whole, sets, 1, &all), OR_OK);
	compare(&d, &done, text);
}

static void continue__decides_as_the_policies_would(void **state)
{
	struct world *w = *state;
	struct pol_ctx *whole = pol_ctx_new(64 * OR_MIB);

	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct policy_gen g;

		policy_gen_init(&g, seed);
		or_buf_clear(&w->text);
		policy_gen_set(&g, &w->text);
		load(w, or_buf_text(&w->text));
		for (int i = 0; i < COMPLETIONS; i++)
			one_completion(w, &g, whole, &w->text);
	}
	/* The cases are such as tell something. */
	assert_true(w->n_open > ROUNDS * COMPLETIONS / 5);
	assert_true(w->n_allow > ROUNDS * COMPLETIONS / 10);
	assert_true(w->n_errors > ROUNDS * COMPLETIONS / 10);
	pol_ctx_free(whole);
}

/* What is left is Cedar: read back it is the same again (where it holds no error). */
static void print__is_read_back_as_the_same(void **state)
{
	struct world *w = *state;
	struct or_buf left, again;
	size_t n = 0;

	or_buf_init(&left, OR_MIB);
	or_buf_init(&again, OR_MIB);
	for (uint64_t seed = 0; seed < ROUNDS / 4; seed++) {
		const struct pol_set *sets[1];
		struct policy_gen g;

		policy_gen_init(&g, seed);
		or_buf_clear(&w->text);
		policy_gen_set(&g, &w->text);
		pol_ctx_begin(w->ctx, NULL, 0);
		evaluate(w, or_buf_text(&w->text));
		or_buf_clear(&left);
		for (size_t i = 0; i < w->p.n; i++)
			pol_partial_print(&left, &w->p.items[i]);
		if (strstr(or_buf_text(&left), "error("))
			continue;
		pol_set_free(w->set);
		w->set = NULL;
		{
			struct or_err err;

			ASSERT_OK(pol_set_parse(&w->set, POL_IDS_ANNOTATED, "t",
				      or_buf_slice(&left), NULL, &err),
			    &err);
		}
		sets[0] = w->set;
		ASSERT_CODE(pol_partial_evaluate(&w->p, w->ctx, sets, 1, &w->req), OR_OK);
		or_buf_clear(&again);
		for (size_t i = 0; i < w->p.n; i++)
			pol_partial_print(&again, &w->p.items[i]);
		assert_string_equal(or_buf_text(&again), or_buf_text(&left));
		n += w->p.n > 0;
	}
	assert_true(n > ROUNDS / 16);
	or_buf_done(&left);
	or_buf_done(&again);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(evaluate__leaves_what_is_not_known),
	    TEST(evaluate__keeps_errors_where_they_would_be),
	    TEST(evaluate__decides_what_it_can),
	    TEST(evaluate__knows_a_type_without_an_id),
	    TEST(evaluate__knows_what_a_shape_leaves_out),
	    TEST(evaluate__says_when_it_is_too_large),
	    TEST(evaluate__passes_over_many_policies),
	    TEST(continue__decides_as_the_policies_would),
	    TEST(print__is_read_back_as_the_same),
	};

	return cmocka_run_group_tests_name("policy/partial", tests, NULL, NULL);
}
