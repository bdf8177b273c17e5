/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/mask.h"
#include "tests/support/support.h"

#include <stdio.h>

struct world {
	struct or_arena *arena;
	struct pol_set *set;
	struct pol_masks masks;
	struct or_err err;
};

static int setup(void **state)
{
	static struct world w;

	w = (struct world){.arena = or_arena_new(OR_MIB)};
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pol_set_free(w->set);
	or_arena_free(w->arena);
	return 0;
}

static void load(struct world *w, const char *text)
{
	pol_set_free(w->set);
	w->set = NULL;
	ASSERT_OK(
	    pol_set_parse(&w->set, POL_IDS_ANNOTATED, "m.cedar", or_slice_str(text), NULL, &w->err),
	    &w->err);
}

static enum or_code collect(struct world *w, const char *text)
{
	const struct pol_policy *list[8];
	size_t n;

	load(w, text);
	n = pol_set_count(w->set);
	for (size_t i = 0; i < n; i++)
		list[i] = pol_set_at(w->set, i);
	return pol_mask_collect(&w->masks, w->arena, list, n, &w->err);
}

/* "column:kind column:kind" of all masks. */
static void expect(struct world *w, const char *text, const char *wanted)
{
	struct or_buf b;

	or_buf_init(&b, 4096);
	ASSERT_OK(collect(w, text), &w->err);
	for (size_t i = 0; i < w->masks.n; i++) {
		or_buf_put_str(&b, i ? "; " : "");
		pol_mask_print(&b, &w->masks.items[i]);
	}
	assert_string_equal(or_buf_text(&b), wanted);
	or_buf_done(&b);
}

#define PERMIT "permit(principal, action, resource);"

static void collect__reads_every_kind(void **state)
{
	expect(*state,
	    "@mask(\"a:null,b:default,c:constant:on request,d:redact,e:hash,f:date-year,"
	    "g:date-month,h:email,i:last-4,j:first-64\")" PERMIT,
	    "a:null; b:default; c:constant:on request; d:redact; e:hash; f:date-year; "
	    "g:date-month; h:email; i:last-4; j:first-64");
	expect(*state, PERMIT, "");
}

static void collect__reads_paths_and_backslashes(void **state)
{
	struct world *w = *state;

	expect(w, "@mask(\" items.price : redact , a\\\\.b.c\\\\:d:constant: x\\\\, y \")" PERMIT,
	    "a\\.b.c\\:d:constant:x\\, y; items.price:redact");
	assert_int_equal(w->masks.items[0].n_path, 2);
	ASSERT_SLICE(w->masks.items[0].path[0], "a.b");
	ASSERT_SLICE(w->masks.items[0].path[1], "c:d");
	ASSERT_SLICE(w->masks.items[0].constant, "x, y");
	assert_non_null(pol_mask_find(&w->masks, or_slice_str("items.price")));
	assert_null(pol_mask_find(&w->masks, or_slice_str("items")));
	/* What is printed reads back as the same. */
	expect(w, "@mask(\"a\\\\.b.c\\\\:d:constant:x\\\\, y\")" PERMIT,
	    "a\\.b.c\\:d:constant:x\\, y");
}

/* Each kind against each other, both ways round. */
static void collect__takes_the_strictest(void **state)
{
	static const char *const order[] = {"null", "default", "constant:-", "redact", "hash",
	    "date-year", "date-month", "email", "last-1", "last-4", "first-1", "first-4"};
	char text[256], wanted[64];

	for (size_t i = 0; i < OR_LEN(order); i++) {
		for (size_t j = 0; j < OR_LEN(order); j++) {
			snprintf(text, sizeof(text),
			    "@mask(\"x:%s\")" PERMIT PERMIT "@mask(\"x:%s\")" PERMIT, order[i],
			    order[j]);
			snprintf(wanted, sizeof(wanted), "x:%s", order[i < j ? i : j]);
			expect(*state, text, wanted);
		}
	}
}

static void collect__refuses_two_constants(void **state)
{
	struct world *w = *state;

	expect(w, "@mask(\"x:constant:a\")" PERMIT "@mask(\"x:constant:a,y:constant:b\")" PERMIT,
	    "x:constant:a; y:constant:b");
	ASSERT_CODE(collect(w, "@id(\"p\")@mask(\"x:constant:a\")" PERMIT
			       "@id(\"q\")@mask(\"x:constant:b\")" PERMIT),
	    OR_INVAL);
	ASSERT_HAS(w->err.msg, "column x: policies `p` and `q` want different constants");
	/* Even where a stricter mask wins. */
	ASSERT_CODE(collect(w, "@mask(\"x:constant:a\")" PERMIT "@mask(\"x:null\")" PERMIT
			       "@mask(\"x:constant:b\")" PERMIT),
	    OR_INVAL);
}

static void collect__refuses_what_it_cannot_read(void **state)
{
	static const char *const bad[] = {"", "x", "x:", "x:blur", ":redact", "x:redact,",
	    "x.:null", "x:last-0", "x:last-65", "x:last-", "x:last-n",
	    "x:first-99999999999999999999", "x:constant", "x:redact:y", "x:null y", "x:Redact",
	    ".x:null", "x:hash\\\\", "a\\0b:null"};
	struct world *w = *state;
	char text[256];

	for (size_t i = 0; i < OR_LEN(bad); i++) {
		snprintf(text, sizeof(text), "@id(\"p\") @mask(\"%s\")" PERMIT, bad[i]);
		w->masks.n = 77;
		if (collect(w, text) != OR_INVAL)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(w->masks.n, 77);
		ASSERT_HAS(w->err.msg, "m.cedar:1: @mask(");
	}
}

static void collect__is_bounded(void **state)
{
	struct world *w = *state;
	struct or_buf b;

	or_buf_init(&b, OR_MIB);
	or_buf_put_str(&b, "@mask(\"c:null");
	for (int i = 0; i < POL_MASK_MAX; i++)
		or_buf_printf(&b, ",c%d:null", i);
	or_buf_put_str(&b, "\")" PERMIT);
	ASSERT_CODE(collect(w, or_buf_text(&b)), OR_FULL);
	or_buf_clear(&b);
	or_buf_put_str(&b, "@mask(\"");
	for (int i = 0; i < POL_MASK_PATH_MAX + 1; i++)
		or_buf_put_str(&b, i ? ".a" : "a");
	or_buf_put_str(&b, ":null\")" PERMIT);
	ASSERT_CODE(collect(w, or_buf_text(&b)), OR_INVAL);
	or_buf_done(&b);
}

static void resolve__looks_at_the_reasons_of_an_allow(void **state)
{
	struct world *w = *state;
	struct pol_ctx *ctx = pol_ctx_new(0);
	struct pol_decision d;
	struct pol_request req = {
	    .principal = pol_uid_make(OR_SLICE_LIT("User"), OR_SLICE_LIT("a")),
	    .action = pol_uid_make(OR_SLICE_LIT("Action"), OR_SLICE_LIT("read")),
	    .resource = pol_uid_make(OR_SLICE_LIT("Port"), OR_SLICE_LIT("p"))};

	load(w, "@mask(\"x:redact\")" PERMIT PERMIT
		"@mask(\"x:nonsense\") permit(principal == User::\"b\", action, resource);"
		"forbid(principal, action == Action::\"write\", resource);");
	pol_ctx_begin(ctx, NULL, 0);
	ASSERT_CODE(
	    pol_authorize_request(&d, ctx, (const struct pol_set *const[]){w->set}, 1, &req),
	    OR_OK);
	ASSERT_OK(pol_mask_resolve(&w->masks, w->arena, &d, &w->err), &w->err);
	assert_int_equal(w->masks.n, 1);
	assert_int_equal(w->masks.items[0].kind, POL_MASK_REDACT);
	d.allow = false;
	ASSERT_OK(pol_mask_resolve(&w->masks, w->arena, &d, &w->err), &w->err);
	assert_int_equal(w->masks.n, 0);
	pol_ctx_free(ctx);
}

static void check__finds_what_no_request_may_meet(void **state)
{
	struct world *w = *state;

	load(w, PERMIT "@mask(\"x:redact\")" PERMIT);
	ASSERT_OK(pol_mask_check(w->set, &w->err), &w->err);
	load(w, PERMIT "@id(\"odd\")@mask(\"x:redacted\")" PERMIT);
	ASSERT_CODE(pol_mask_check(w->set, &w->err), OR_INVAL);
	ASSERT_HAS(w->err.msg, "policy `odd`: unknown kind of mask");
	load(w, "@mask(\"x:redact\")forbid(principal, action, resource);");
	ASSERT_CODE(pol_mask_check(w->set, &w->err), OR_INVAL);
	ASSERT_HAS(w->err.msg, "is a forbid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(collect__reads_every_kind, setup, teardown),
	    cmocka_unit_test_setup_teardown(collect__reads_paths_and_backslashes, setup, teardown),
	    cmocka_unit_test_setup_teardown(collect__takes_the_strictest, setup, teardown),
	    cmocka_unit_test_setup_teardown(collect__refuses_two_constants, setup, teardown),
	    cmocka_unit_test_setup_teardown(collect__refuses_what_it_cannot_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(collect__is_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		resolve__looks_at_the_reasons_of_an_allow, setup, teardown),
	    cmocka_unit_test_setup_teardown(check__finds_what_no_request_may_meet, setup, teardown),
	};

	return cmocka_run_group_tests_name("policy/mask", tests, NULL, NULL);
}
