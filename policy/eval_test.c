/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions and what they come to; errors by the end of their message. */
#include "policy/eval.h"

#include "policy/entities_json.h"
#include "tests/support/support.h"

static const char ENTITIES[] =
    "[{\"uid\":{\"type\":\"User\",\"id\":\"a\"},\"attrs\":{\"n\":7,\"s\":\"str\",\"r\":{\"x\":{"
    "\"y\":1}}},"
    "\"parents\":[{\"type\":\"Group\",\"id\":\"g\"}],\"tags\":{\"t\":\"v\"}},"
    "{\"uid\":{\"type\":\"Group\",\"id\":\"g\"},\"attrs\":{},"
    "\"parents\":[{\"type\":\"Group\",\"id\":\"top\"}]}]";

struct world {
	struct pol_ctx *ctx;
	struct pol_entities *es;
	struct pol_uid uids[3];
	struct pol_eval ev;
};

static int setup(void **state)
{
	static struct world w;
	const struct pol_entities *bases[1];
	struct pol_field f = {OR_SLICE_LIT("k"), pol_value_long(1)};
	const struct pol_record *context = NULL;
	struct or_err err;

	w = (struct world){.ctx = pol_ctx_new(0)};
	ASSERT_OK(
	    pol_entities_json_parse(&w.es, "e", or_slice_str(ENTITIES), NULL, NULL, &err), &err);
	bases[0] = w.es;
	pol_ctx_begin(w.ctx, bases, 1);
	w.ev = (struct pol_eval){.ctx = w.ctx, .arena = pol_ctx_arena(w.ctx)};
	w.uids[0] = pol_uid_make(OR_SLICE_LIT("User"), OR_SLICE_LIT("a"));
	w.uids[1] = pol_uid_make(OR_SLICE_LIT("Action"), OR_SLICE_LIT("read"));
	w.uids[2] = pol_uid_make(OR_SLICE_LIT("Doc"), OR_SLICE_LIT("d"));
	for (int i = 0; i < 3; i++) {
		w.ev.vars[i] = pol_value_entity(&w.uids[i]);
		w.ev.known[i] = pol_ctx_find(w.ctx, &w.uids[i]);
	}
	ASSERT_CODE(pol_value_record(&context, w.ev.arena, &f, 1), OR_OK);
	w.ev.vars[POL_VAR_CONTEXT] = pol_value_rec(context);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pol_ctx_free(w->ctx);
	pol_entities_free(w->es);
	return 0;
}

/* The value as text, or "! " and the error behind its place. */
static const char *value_of(struct world *w, const char *expr)
{
	static char out[4096];
	struct pol_set *set = NULL;
	const struct pol_body *body;
	struct pol_value v;
	struct or_err err;
	struct or_buf b;

	or_buf_init(&b, sizeof(out) - 1);
	or_buf_printf(&b, "permit(principal,action,resource) when { %s };", expr);
	ASSERT_OK(pol_set_parse(&set, POL_IDS_NUMBERED, "t", or_buf_slice(&b), NULL, &err), &err);
	body = pol_set_at(set, 0)->body;
	w->ev.src = &body->src;
	or_buf_clear(&b);
	if (pol_eval_expr(&w->ev, body->conditions[0].expr, &v))
		pol_value_print(&b, &v);
	else
		or_buf_printf(&b, "!%s", strstr(w->ev.error, ": ") + 1);
	memcpy(out, or_buf_text(&b), b.n + 1);
	or_buf_done(&b);
	pol_set_free(set);
	return out;
}

typedef const char *const cases_t[2];

static void check(struct world *w, const cases_t *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *got = value_of(w, cases[i][0]);

		if (strcmp(got, cases[i][1]) != 0)
			fail_msg("%s\n  gives    %s\n  expected %s", cases[i][0], got, cases[i][1]);
	}
}

static void expr__computes_exactly_and_notices_overflow(void **state)
{
	static const cases_t cases[] = {
	    {"1 + 2 * 3 - 4", "3"},
	    {"9223372036854775807 + 1", "! integer overflow"},
	    {"-9223372036854775808 - 1", "! integer overflow"},
	    {"4611686018427387904 * 2", "! integer overflow"},
	    {"-(-9223372036854775808)", "! integer overflow"},
	    {"-9223372036854775807 - 1", "-9223372036854775808"},
	    {"1 + true", "! type error: expected long, found bool"},
	    {"1 < 2 && 2 <= 2 && 3 > 2 && 2 >= 2", "true"},
	    {"1 < \"a\"", "! type error: expected long, found string"},
	    {"\"a\" < \"b\"", "! type error: expected long, datetime or duration, found string"},
	};

	check(*state, cases, OR_LEN(cases));
}

static void expr__evaluates_only_what_it_needs(void **state)
{
	static const cases_t cases[] = {
	    {"false && 1", "false"},
	    {"true || 1", "true"},
	    {"true && 1", "! type error: expected bool, found long"},
	    {"false || 1", "! type error: expected bool, found long"},
	    {"1 && false", "! type error: expected bool, found long"},
	    {"true && true && context.none", "! the record has no attribute `none`"},
	    {"false || true || context.none", "true"},
	    {"if true then 1 else context.none", "1"},
	    {"if false then context.none else 2", "2"},
	    {"if 1 then 1 else 2", "! type error: expected bool, found long"},
	    {"!(1 == 1)", "false"},
	    {"!1", "! type error: expected bool, found long"},
	};

	check(*state, cases, OR_LEN(cases));
}

static void expr__compares_by_value(void **state)
{
	static const cases_t cases[] = {
	    {"1 == \"1\"", "false"},
	    {"[1,2,2] == [2,1]", "true"},
	    {"{a:1,b:[]} == {b:[],a:1}", "true"},
	    {"{a:1} == {a:1,b:2}", "false"},
	    {"User::\"a\" == principal", "true"},
	    {"User::\"a\" != Usr::\"a\"", "true"},
	    {"ip(\"127.0.0.1\") == ip(\"127.0.0.1/32\")", "true"},
	    {"decimal(\"1.50\") == decimal(\"1.5\")", "true"},
	    {"datetime(\"1970-01-02\") == datetime(\"1970-01-01\").offset(duration(\"24h\"))",
		"true"},
	};

	check(*state, cases, OR_LEN(cases));
}

static void expr__reads_attributes_and_tags(void **state)
{
	static const cases_t cases[] = {
	    {"principal.n", "7"},
	    {"principal.r.x[\"y\"]", "1"},
	    {"principal.none", "! entity User::\"a\" has no attribute `none`"},
	    {"resource.n", "! entity Doc::\"d\" does not exist"},
	    {"context.none", "! the record has no attribute `none`"},
	    {"principal.n.x", "! type error: expected record or entity, found long"},
	    {"principal has n", "true"},
	    {"principal has none", "false"},
	    {"resource has n", "false"},
	    {"principal has r.x.y", "true"},
	    {"principal has r.q.y", "false"},
	    {"principal has n.x", "! type error: expected record or entity, found long"},
	    {"1 has a", "! type error: expected record or entity, found long"},
	    {"principal.hasTag(\"t\")", "true"},
	    {"principal.hasTag(\"u\")", "false"},
	    {"resource.hasTag(\"t\")", "false"},
	    {"principal.getTag(\"t\")", "\"v\""},
	    {"principal.getTag(\"u\")", "! entity User::\"a\" has no tag `u`"},
	    {"resource.getTag(\"t\")", "! entity Doc::\"d\" does not exist"},
	    {"principal.getTag(1)", "! type error: expected string, found long"},
	};

	check(*state, cases, OR_LEN(cases));
}

static void expr__walks_the_hierarchy(void **state)
{
	static const cases_t cases[] = {
	    {"principal in Group::\"g\"", "true"},
	    {"principal in Group::\"top\"", "true"},
	    {"principal in principal", "true"},
	    {"resource in resource", "true"},
	    {"Group::\"g\" in principal", "false"},
	    {"principal in [Doc::\"x\", Group::\"top\"]", "true"},
	    {"principal in []", "false"},
	    {"principal in [1, Group::\"top\"]", "! type error: expected entity, found long"},
	    {"principal in 1", "! type error: expected entity or set of entities, found long"},
	    {"1 in principal", "! type error: expected entity, found long"},
	    {"principal is User", "true"},
	    {"principal is Group", "false"},
	    {"principal is User in Group::\"top\"", "true"},
	    {"principal is Group in 1", "false"},
	    {"1 is User", "! type error: expected entity, found long"},
	};

	check(*state, cases, OR_LEN(cases));
}

static void expr__handles_sets(void **state)
{
	static const cases_t cases[] = {
	    {"[3,1,2,1]", "[1, 2, 3]"},
	    {"[context.k, 1].contains(1)", "true"},
	    {"[1].contains([1])", "false"},
	    {"[1,2].containsAll([])", "true"},
	    {"[1,2].containsAll([2,3])", "false"},
	    {"[1,2].containsAny([2,3])", "true"},
	    {"[1,2].containsAny([])", "false"},
	    {"[].isEmpty()", "true"},
	    {"[1].containsAll(1)", "! type error: expected set, found long"},
	    {"\"a\".contains(\"a\")", "! type error: expected set, found string"},
	    {"\"\".isEmpty()", "! type error: expected set, found string"},
	};

	check(*state, cases, OR_LEN(cases));
}

static void expr__matches_patterns(void **state)
{
	static const cases_t cases[] = {
	    {"\"abc\" like \"abc\"", "true"},
	    {"\"abc\" like \"a*\"", "true"},
	    {"\"abc\" like \"*c\"", "true"},
	    {"\"abc\" like \"*b*\"", "true"},
	    {"\"abc\" like \"a*d\"", "false"},
	    {"\"\" like \"*\"", "true"},
	    {"\"\" like \"\"", "true"},
	    {"\"a*c\" like \"a\\*c\"", "true"},
	    {"\"abc\" like \"a\\*c\"", "false"},
	    {"\"aXbXc\" like \"a*b*c\"", "true"},
	    {"\"aaaab\" like \"*a*ab\"", "true"},
	    {"\"\\0a\" like \"\\0*\"", "true"},
	    {"1 like \"*\"", "! type error: expected string, found long"},
	};

	check(*state, cases, OR_LEN(cases));
}

static void expr__calls_extensions(void **state)
{
	static const cases_t cases[] = {
	    {"ip(\"10.1.2.3\").isInRange(ip(\"10.0.0.0/8\"))", "true"},
	    {"ip(\"10.1.2.3\").isIpv6()", "false"},
	    {"ip(\"127.0.0.1\").isLoopback() && ip(\"ff02::1\").isMulticast()", "true"},
	    {"ip(\"10.0.0\")", "! ip: the text is not a valid ipaddr"},
	    {"ip(1)", "! type error: expected string, found long"},
	    {"ip()", "! ip takes 1 argument, not 0"},
	    {"ip(\"::1\").isIpv4(1)", "! isIpv4 takes 1 argument, not 2"},
	    {"\"a\".isIpv4()", "! type error: expected ipaddr, found string"},
	    {"decimal(\"1.23\").lessThan(decimal(\"1.24\"))", "true"},
	    {"decimal(\"1.23\").greaterThanOrEqual(decimal(\"1.23\"))", "true"},
	    {"decimal(\"922337203685477.5808\")",
		"! decimal: the text is not a valid decimal: out of range"},
	    {"datetime(\"2024-02-29T12:00:00.5Z\")",
		"! datetime: the text is not a valid datetime"},
	    {"datetime(\"2024-02-29T12:34:56.789+0130\").toTime()", "duration(\"39896789ms\")"},
	    {"datetime(\"1969-12-31T23:59:59Z\").toDate()",
		"datetime(\"1969-12-31T00:00:00.000Z\")"},
	    {"datetime(\"2024-01-02\").durationSince(datetime(\"2024-01-01\")).toHours()", "24"},
	    {"duration(\"-1d2h3m4s5ms\").toMilliseconds()", "-93784005"},
	    {"duration(\"90s\").toMinutes()", "1"},
	    {"datetime(\"9999-12-31\").offset(duration(\"9223372036854775807ms\"))",
		"! offset: overflow"},
	    {"duration(\"1h\") < duration(\"61m\")", "true"},
	    {"duration(\"1h\") < datetime(\"2024-01-01\")",
		"! type error: expected duration, found datetime"},
	    {"decimal(\"1.0\") < decimal(\"2.0\")",
		"! type error: expected long, datetime or duration, found decimal"},
	};

	check(*state, cases, OR_LEN(cases));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(expr__computes_exactly_and_notices_overflow),
	    TEST(expr__evaluates_only_what_it_needs),
	    TEST(expr__compares_by_value),
	    TEST(expr__reads_attributes_and_tags),
	    TEST(expr__walks_the_hierarchy),
	    TEST(expr__handles_sets),
	    TEST(expr__matches_patterns),
	    TEST(expr__calls_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
