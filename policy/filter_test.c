/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/filter.h"

#include "base/str.h"
#include "tests/support/policy_rows.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { SETS = 4000, ROWS = 100, FILTERS_MIN = 500 };

static void expect_in(
    struct policy_rows *w, enum pol_filter_dialect d, const char *condition, const char *sql)
{
	char text[1024];

	snprintf(text, sizeof(text), "permit(principal, action, resource) when { %s };", condition);
	ASSERT_OK(policy_rows_filter(w, text), &w->err);
	ASSERT_OK(pol_filter_sql(&w->sql, &w->f, d, w->arena, &w->err), &w->err);
	ASSERT_SLICE(w->sql.text, sql);
}

static void expect(struct policy_rows *w, const char *condition, const char *sql)
{
	expect_in(w, POL_FILTER_POSTGRES, condition, sql);
}

static void sql__binds_and_quotes(void **state)
{
	struct policy_rows *w = *state;

	expect(w, "resource.level < 3", "(COALESCE(\"t\".\"level\" < CAST($1 AS bigint), FALSE))");
	assert_int_equal(w->sql.n_params, 1);
	assert_int_equal(w->sql.params[0].i, 3);
	expect(w, "resource[\"odd \\\"na'me\"] == \"'; drop\"",
	    "(COALESCE(CAST(\"t\".\"odd \"\"na'me\" AS text) COLLATE \"C\" = CAST($1 AS text), "
	    "FALSE))");
	ASSERT_SLICE(w->sql.params[0].s, "'; drop");
	expect(w, "resource has owner && resource.owner like \"50%_!*\"",
	    "((\"t\".\"owner\" IS NOT NULL) AND (CAST(\"t\".\"owner\" AS text) COLLATE \"C\" LIKE "
	    "CAST($1 AS text) ESCAPE '!'))");
	ASSERT_SLICE(w->sql.params[0].s, "50!%!_!!%");
	expect_in(w, POL_FILTER_SQLITE, "resource has owner && resource.owner like \"[a*\\*\"",
	    "((\"t\".\"owner\" IS NOT NULL) AND (\"t\".\"owner\" COLLATE BINARY GLOB CAST(?1 AS "
	    "TEXT))) AND typeof(\"t\".\"owner\") IN ('text', 'null') AND "
	    "COALESCE(instr(\"t\".\"owner\", char(0)), 0) = 0");
	ASSERT_SLICE(w->sql.params[0].s, "[[]a*[*]");
	expect_in(w, POL_FILTER_TRINO, "resource has level && [1, 2].contains(resource.level)",
	    "((\"t\".\"level\" IS NOT NULL) AND (\"t\".\"level\" IN (CAST(? AS bigint), CAST(? AS "
	    "bigint))))");
}

static void sql__stops_where_cedar_stops(void **state)
{
	struct policy_rows *w = *state;

	/* What the left fails for, no right makes good. */
	expect(w, "resource.open || resource.level == 1",
	    "(COALESCE(CASE (\"t\".\"open\") WHEN TRUE THEN TRUE WHEN FALSE THEN "
	    "((\"t\".\"level\" = CAST($1 AS bigint))) END, FALSE))");
	expect(w, "resource has open || resource.level == 1",
	    "(COALESCE((\"t\".\"open\" IS NOT NULL) OR (\"t\".\"level\" = CAST($1 AS bigint)), "
	    "FALSE))");
	/* A type that no row has. */
	expect(w, "resource.level == \"1\"",
	    "(COALESCE(CASE WHEN (\"t\".\"level\") IS NOT NULL AND (CAST($1 AS text)) IS NOT NULL "
	    "THEN FALSE END, FALSE))");
	expect(w, "resource has level", "(\"t\".\"level\" IS NOT NULL)");
}

static void sql__checks_arithmetic(void **state)
{
	struct policy_rows *w = *state;

	expect(w, "resource.level + 1 > 0",
	    "(COALESCE(CASE WHEN CAST(\"t\".\"level\" AS numeric) + CAST(CAST($1 AS bigint) AS "
	    "numeric) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN "
	    "CAST(\"t\".\"level\" AS numeric) + CAST(CAST($2 AS bigint) AS numeric) END > CAST($3 "
	    "AS bigint), FALSE))");
	expect_in(w, POL_FILTER_SQLITE, "resource.level + 1 > 0",
	    "(COALESCE(CASE WHEN typeof(\"t\".\"level\" + CAST(?1 AS INTEGER)) = 'integer' THEN "
	    "\"t\".\"level\" + CAST(?2 AS INTEGER) END > CAST(?3 AS INTEGER), FALSE)) AND "
	    "typeof(\"t\".\"level\") IN ('integer', 'null')");
}

static void make__leaves_no_policy_out(void **state)
{
	struct policy_rows *w = *state;

	ASSERT_OK(policy_rows_filter(w,
		      "permit(principal, action, resource) when { resource.level == 1 };"
		      "permit(principal, action, resource) when { resource.level == 2 };"
		      "forbid(principal, action, resource) when { resource.open };"
		      "forbid(principal, action, resource) when { context.x };"),
	    &w->err);
	ASSERT_OK(pol_filter_sql(&w->sql, &w->f, POL_FILTER_POSTGRES, w->arena, &w->err), &w->err);
	ASSERT_SLICE(w->sql.text,
	    "(COALESCE(\"t\".\"level\" = CAST($1 AS bigint), FALSE) OR COALESCE(\"t\".\"level\" = "
	    "CAST($2 AS bigint), FALSE)) AND NOT (COALESCE((\"t\".\"open\"), FALSE))");
	assert_int_equal(w->f.partial.n_policies, 4);
	w->req.on_forbid_error = POL_FORBID_ERROR_DENY;
	ASSERT_OK(policy_rows_filter(w,
		      "permit(principal, action, resource) when { resource.level == 1 };"
		      "forbid(principal, action, resource) when { resource.open };"),
	    &w->err);
	ASSERT_OK(pol_filter_sql(&w->sql, &w->f, POL_FILTER_POSTGRES, w->arena, &w->err), &w->err);
	ASSERT_SLICE(w->sql.text, "(COALESCE(\"t\".\"level\" = CAST($1 AS bigint), FALSE)) AND NOT "
				  "(COALESCE((\"t\".\"open\"), TRUE))");
	/* A forbid that fails for every row leaves none. */
	ASSERT_OK(policy_rows_filter(w, "permit(principal, action, resource);"
					"forbid(principal, action, resource) when { context.x };"),
	    &w->err);
	assert_int_equal(w->f.verdict, POL_FILTER_NONE);
	ASSERT_OK(pol_filter_sql(&w->sql, &w->f, POL_FILTER_SQLITE, w->arena, &w->err), &w->err);
	ASSERT_SLICE(w->sql.text, "FALSE");
}

static void sql__refuses_what_differs(void **state)
{
	static const struct {
		const char *condition, *why;
		int dialect; /* -1: each */
	} cases[] = {
	    {"[resource.owner, \"b\"].contains(\"a\")", "the set is not known", -1},
	    {"ip(resource.owner).isLoopback()", "only columns", -1},
	    {"principal.hasTag(resource.owner)", "only columns", -1},
	    {"(if resource.open then resource.level else resource.owner) == 1", "type is not known",
		-1},
	    {"resource.details == 1", "type is not known", -1},
	    {"resource.details.x == 1", "type is not known", -1},
	    {"resource.since < datetime(\"2026-01-01\")", "PostgreSQL alone", POL_FILTER_SQLITE},
	    {"resource.since < datetime(\"2026-01-01\")", "PostgreSQL alone", POL_FILTER_TRINO},
	    {"resource.since.toDate() == datetime(\"2026-01-01\")", "type is not known", -1},
	    {"resource.owner == \"a\\0b\"", "U+0000", POL_FILTER_POSTGRES},
	    {"resource.owner like \"a\\0*\"", "U+0000", -1},
	};
	const struct pol_filter_column columns[] = {{OR_SLICE_LIT("owner"), POL_FILTER_STRING},
	    {OR_SLICE_LIT("level"), POL_FILTER_LONG}, {OR_SLICE_LIT("open"), POL_FILTER_BOOL},
	    {OR_SLICE_LIT("since"), POL_FILTER_DATETIME},
	    {OR_SLICE_LIT("details"), POL_FILTER_OTHER}};
	struct policy_rows *w = *state;
	char text[512];

	w->table.columns = columns;
	w->table.n_columns = OR_LEN(columns);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		for (int d = 0; d < 3; d++) {
			if (cases[i].dialect >= 0 && cases[i].dialect != d)
				continue;
			/* A permit as well as a forbid: nothing is left out. */
			for (int forbid = 0; forbid < 2; forbid++) {
				snprintf(text, sizeof(text),
				    "permit(principal, action, resource);"
				    "%s(principal, action, resource) when { %s };"
				    "forbid(principal, action, resource) when { resource.open };",
				    forbid ? "forbid" : "permit", cases[i].condition);
				ASSERT_OK(policy_rows_filter(w, text), &w->err);
				w->sql.n_params = 77;
				if (pol_filter_sql(&w->sql, &w->f, (enum pol_filter_dialect)d,
					w->arena, &w->err) != OR_UNSUPPORTED)
					fail_msg("taken: %s", cases[i].condition);
				assert_int_equal(w->sql.n_params, 77);
				ASSERT_HAS(w->err.msg, "policy `policy1` (t:1): ");
				ASSERT_HAS(w->err.msg, cases[i].why);
			}
		}
	}
	/* Asked for, but not looked at. */
	expect(w, "resource has details", "(\"t\".\"details\" IS DISTINCT FROM NULL)");
	expect(w, "resource has since && resource.since < datetime(\"1970-01-02\")",
	    "((\"t\".\"since\" IS NOT NULL) AND (floor(extract(epoch FROM \"t\".\"since\") * 1000) "
	    "< CAST($1 AS bigint)))");
	assert_int_equal(w->sql.params[0].i, 86400000);
}

static void sql__is_bounded(void **state)
{
	struct policy_rows *w = *state;
	struct or_buf b;

	or_buf_init(&b, OR_MIB);
	/* Each level doubles the text. */
	or_buf_put_str(&b, "permit(principal, action, resource) when { 0 < resource.level");
	for (int i = 0; i < 40; i++)
		or_buf_put_str(&b, " + resource.level");
	or_buf_put_str(&b, " };");
	ASSERT_OK(policy_rows_filter(w, or_buf_text(&b)), &w->err);
	ASSERT_CODE(pol_filter_sql(&w->sql, &w->f, POL_FILTER_SQLITE, w->arena, &w->err), OR_FULL);
	or_buf_done(&b);
}

static void make__refuses_a_table_that_is_none(void **state)
{
	struct policy_rows *w = *state;

	w->columns[1].name = w->columns[0].name;
	ASSERT_CODE(policy_rows_filter(w, ""), OR_INVAL);
	ASSERT_HAS(w->err.msg, "two columns level");
	w->columns[1].name = or_slice("a\0b", 3);
	ASSERT_CODE(policy_rows_filter(w, ""), OR_INVAL);
	w->columns[1].name =
	    OR_SLICE_LIT("x23456789012345678901234567890123456789012345678901234567"
			 "890123456789");
	ASSERT_OK(policy_rows_filter(w,
		      "permit(principal, action, resource) when { resource."
		      "x23456789012345678901234567890123456789012345678901234567890123456789 "
		      "== 1 };"),
	    &w->err);
	ASSERT_CODE(
	    pol_filter_sql(&w->sql, &w->f, POL_FILTER_POSTGRES, w->arena, &w->err), OR_UNSUPPORTED);
	ASSERT_HAS(w->err.msg, "its name is cut");
	ASSERT_OK(pol_filter_sql(&w->sql, &w->f, POL_FILTER_SQLITE, w->arena, &w->err), &w->err);
	w->table.name = OR_SLICE_NONE;
	ASSERT_CODE(policy_rows_filter(w, ""), OR_INVAL);
}

static void make__owes_the_masks_of_all_its_permits(void **state)
{
	struct policy_rows *w = *state;

	ASSERT_OK(policy_rows_filter(w,
		      "@mask(\"owner:redact\") permit(principal, action, resource);"
		      "@mask(\"owner:null\") permit(principal, action, resource) when "
		      "{ resource.level == 1 };"
		      "@mask(\"city:null\") permit(principal, action, resource) when { false };"),
	    &w->err);
	assert_int_equal(w->f.verdict, POL_FILTER_ALL);
	assert_int_equal(w->f.masks.n, 1);
	assert_int_equal(w->f.masks.items[0].kind, POL_MASK_NULL);
	ASSERT_CODE(
	    policy_rows_filter(w, "@mask(\"owner:blur\") permit(principal, action, resource);"),
	    OR_INVAL);
}

/* ---- UCAST, by an interpreter that knows NULL and by one that takes it for 0 and "" */

enum logic { TWO, THREE };

/* 0, 1, and -1 for NULL. */
static int interpret(enum logic logic, const struct or_json *j, const struct pol_record *row);

static int not(int v)
{
	return v < 0 ? v : !v;
}

static int interpret_compound(
    enum logic logic, const struct or_json *j, const struct pol_record *row)
{
	const struct or_json *list = or_json_get_type(j, "value", OR_JSON_ARRAY);
	bool and = or_slice_is(or_json_get_str(j, "operator"), "and");
	int v = and;

	if (or_slice_is(or_json_get_str(j, "operator"), "not")) {
		assert_int_equal(list->array.n, 1);
		return not(interpret(logic, list->array.items[0], row));
	}
	for (size_t i = 0; i < list->array.n; i++) {
		int x = interpret(logic, list->array.items[i], row);

		if (v == !and || x == !and)
			v = !and;
		else if (x < 0 || v < 0)
			v = -1;
	}
	return v;
}

static const struct pol_value *field_of(const struct or_json *j, const struct pol_record *row)
{
	struct or_slice name = or_json_get_str(j, "field");

	assert_true(or_str_has_prefix(name, "t."));
	return pol_value_field(row, or_slice_from(name, 2));
}

static struct pol_value value_of(const struct or_json *j)
{
	if (j->type == OR_JSON_INT)
		return pol_value_long(j->i);
	if (j->type == OR_JSON_BOOL)
		return pol_value_bool(j->b);
	assert_int_equal(j->type, OR_JSON_STR);
	return pol_value_string(j->s);
}

/* What JavaScript makes of null beside b. */
static struct pol_value zero_like(const struct pol_value *b)
{
	return b->kind == POL_STRING ? pol_value_string(OR_SLICE_LIT("null"))
	       : b->kind == POL_BOOL ? pol_value_bool(false)
				     : pol_value_long(0);
}

static bool find_in(struct or_slice s, struct or_slice part)
{
	for (size_t i = 0; i + part.n <= s.n; i++) {
		if (or_slice_eq(or_slice(s.p + i, part.n), part))
			return true;
	}
	return false;
}

static bool test_one(struct or_slice op, const struct pol_value *a, const struct pol_value *b)
{
	int c = pol_value_cmp(a, b);

	if (or_slice_is(op, "eq"))
		return c == 0;
	if (or_slice_is(op, "ne"))
		return c != 0;
	if (or_slice_is(op, "lt"))
		return c < 0;
	if (or_slice_is(op, "lte"))
		return c <= 0;
	if (or_slice_is(op, "gt"))
		return c > 0;
	if (or_slice_is(op, "gte"))
		return c >= 0;
	if (a->s.n < b->s.n)
		return false;
	if (or_slice_is(op, "startswith"))
		return or_slice_eq(or_slice(a->s.p, b->s.n), b->s);
	if (or_slice_is(op, "endswith"))
		return or_slice_eq(or_slice_from(a->s, a->s.n - b->s.n), b->s);
	assert_true(or_slice_is(op, "contains"));
	return find_in(a->s, b->s);
}

static bool is_one_of(const struct or_json *list, const struct pol_value *v)
{
	for (size_t i = 0; i < list->array.n; i++) {
		struct pol_value item = value_of(list->array.items[i]);

		if (v && pol_value_eq(&item, v))
			return true;
	}
	return false;
}

static int interpret_field(enum logic logic, const struct or_json *j, const struct pol_record *row)
{
	const struct or_json *value = or_json_get(j, "value");
	const struct pol_value *a = field_of(j, row), *b = NULL;
	struct or_slice op = or_json_get_str(j, "operator");
	struct pol_value constant, zero;

	if (value->type == OR_JSON_NULL)
		return or_slice_is(op, "eq") ? !a : a != NULL;
	if (!a && logic == THREE)
		return -1;
	if (value->type == OR_JSON_ARRAY)
		return is_one_of(value, a) == or_slice_is(op, "in");
	if (value->type == OR_JSON_OBJECT) {
		b = field_of(value, row);
	} else {
		constant = value_of(value);
		b = &constant;
	}
	if (!b && logic == THREE)
		return -1;
	if (!a && !b)
		return !or_slice_is(op, "ne");
	if (!a || !b) {
		zero = zero_like(a ? a : b);
		if (or_slice_is(op, "eq"))
			return 0;
	}
	return test_one(op, a ? a : &zero, b ? b : &zero);
}

static int interpret(enum logic logic, const struct or_json *j, const struct pol_record *row)
{
	return or_slice_is(or_json_get_str(j, "type"), "compound")
		   ? interpret_compound(logic, j, row)
		   : interpret_field(logic, j, row);
}

/* NULL: refused. */
static const struct or_json *ucast(struct policy_rows *w, struct or_buf *out)
{
	const struct or_json *j = NULL;
	struct or_jsonw json;
	enum or_code rc;

	or_buf_clear(out);
	or_jsonw_init(&json, out, 0);
	rc = pol_filter_ucast(&json, &w->f, w->arena, &w->err);
	if (rc == OR_UNSUPPORTED || rc == OR_FULL) {
		assert_int_equal(out->n, 0);
		return NULL;
	}
	ASSERT_OK(rc, &w->err);
	ASSERT_OK(or_json_parse(&j, or_buf_slice(out), w->arena, &w->err), &w->err);
	return j;
}

static void ucast__holds_for_the_rows_that_are_allowed(void **state)
{
	struct policy_rows *w = *state;
	const struct pol_record *rows[ROWS];
	size_t some = 0, refused = 0;
	struct policy_gen g;
	struct or_buf text, out;

	or_buf_init(&text, OR_MIB);
	or_buf_init(&out, 16 * OR_MIB);
	policy_gen_init(&g, 2);
	for (int r = 0; r < ROWS; r++)
		rows[r] = policy_gen_row(&g, w->arena);
	for (uint64_t seed = 1; seed <= SETS; seed++) {
		const struct or_json *j;

		policy_rows_random(w, seed + SETS, true, &text);
		w->req.on_forbid_error = seed % 2 ? POL_FORBID_ERROR_SKIP : POL_FORBID_ERROR_DENY;
		ASSERT_OK(policy_rows_filter(w, or_buf_text(&text)), &w->err);
		j = ucast(w, &out);
		refused += !j;
		some += j && w->f.verdict == POL_FILTER_SOME;
		for (int r = 0; r < ROWS && j; r++) {
			bool yes = policy_rows_allowed(w, rows[r]);

			if (interpret(TWO, j, rows[r]) != yes ||
			    (interpret(THREE, j, rows[r]) == 1) != yes)
				fail_msg("row %d: allowed %d by\n%s\n%s", r, yes,
				    or_buf_text(&text), or_buf_text(&out));
		}
	}
	print_message("%zu filters, %zu refused\n", some, refused);
	assert_true(some > FILTERS_MIN);
	or_buf_done(&text);
	or_buf_done(&out);
}

static void expect_ucast(struct policy_rows *w, const char *condition, const char *wanted)
{
	struct or_buf out;
	char text[512];

	or_buf_init(&out, OR_MIB);
	snprintf(text, sizeof(text), "permit(principal, action, resource) when { %s };", condition);
	ASSERT_OK(policy_rows_filter(w, text), &w->err);
	assert_int_equal(ucast(w, &out) != NULL, wanted != NULL);
	if (wanted)
		assert_string_equal(or_buf_text(&out), wanted);
	or_buf_done(&out);
}

static void ucast__says_what_sql_would(void **state)
{
	struct policy_rows *w = *state;

	expect_ucast(w, "resource.owner == \"a\"",
	    "{\"type\":\"field\",\"field\":\"t.owner\",\"operator\":\"eq\",\"value\":\"a\"}");
	expect_ucast(w, "resource.level < 3",
	    "{\"type\":\"compound\",\"operator\":\"and\",\"value\":[{\"type\":\"field\",\"field\":"
	    "\"t.level\",\"operator\":\"ne\",\"value\":null},{\"type\":\"field\",\"field\":"
	    "\"t.level\",\"operator\":\"lt\",\"value\":3}]}");
	expect_ucast(w, "resource has owner && resource.owner like \"a*\"",
	    "{\"type\":\"compound\",\"operator\":\"and\",\"value\":[{\"type\":\"field\",\"field\":"
	    "\"t.owner\",\"operator\":\"ne\",\"value\":null},{\"type\":\"compound\",\"operator\":"
	    "\"and\",\"value\":[{\"type\":\"field\",\"field\":\"t.owner\",\"operator\":\"ne\","
	    "\"value\":null},{\"type\":\"field\",\"field\":\"t.owner\",\"operator\":\"startswith\","
	    "\"value\":\"a\"}]}]}");
	expect_ucast(w, "true", "{\"type\":\"compound\",\"operator\":\"and\",\"value\":[]}");
	expect_ucast(w, "false", "{\"type\":\"compound\",\"operator\":\"or\",\"value\":[]}");
	expect_ucast(w, "resource.level == 9007199254740993", NULL);
	ASSERT_HAS(w->err.msg, "2^53");
	expect_ucast(w, "resource.level + 1 == 2", NULL);
	ASSERT_HAS(w->err.msg, "UCAST compares columns");
	expect_ucast(w, "resource.owner like \"a*b\"", NULL);
	ASSERT_HAS(w->err.msg, "a star inside");
}

/* Many operands that may fail: the condition would double with each. */
static void ucast__is_bounded(void **state)
{
	struct policy_rows *w = *state;
	struct or_buf text, out;

	or_buf_init(&text, OR_MIB);
	or_buf_init(&out, OR_MIB);
	or_buf_put_str(&text, "permit(principal, action, resource) when { ");
	for (int i = 0; i < 60; i++)
		or_buf_put_str(&text, i % 2 ? "(resource.open && " : "(resource.open || ");
	or_buf_put_str(&text, "resource.level == \"never\"");
	for (int i = 0; i < 60; i++)
		or_buf_put_byte(&text, ')');
	or_buf_put_str(&text, " };");
	ASSERT_OK(policy_rows_filter(w, or_buf_text(&text)), &w->err);
	assert_null(ucast(w, &out));
	assert_int_equal(w->err.code, OR_FULL);
	or_buf_done(&text);
	or_buf_done(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, policy_rows_setup, policy_rows_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(sql__binds_and_quotes),
	    TEST(sql__stops_where_cedar_stops),
	    TEST(sql__checks_arithmetic),
	    TEST(make__leaves_no_policy_out),
	    TEST(sql__refuses_what_differs),
	    TEST(sql__is_bounded),
	    TEST(make__refuses_a_table_that_is_none),
	    TEST(make__owes_the_masks_of_all_its_permits),
	    TEST(ucast__says_what_sql_would),
	    TEST(ucast__is_bounded),
	    TEST(ucast__holds_for_the_rows_that_are_allowed),
	};

	return cmocka_run_group_tests_name("policy/filter", tests, NULL, NULL);
}
