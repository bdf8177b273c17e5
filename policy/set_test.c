/* SPDX-License-Identifier: Apache-2.0 */
/* The parser through policy/set.h: what it reads, and what it says of what it does not. */
#include "policy/set.h"

#include "tests/support/support.h"

static char said[65536];

/* Everything that is said of a text; "" where it parses. */
static const char *complaint(const char *text)
{
	struct pol_set *set = NULL;
	struct pol_diags diags;
	struct or_buf b;
	enum or_code rc;

	pol_diag_init(&diags);
	or_buf_init(&b, sizeof(said) - 1);
	rc = pol_set_parse(&set, POL_IDS_NUMBERED, "p.cedar", or_slice_str(text), &diags, NULL);
	pol_diag_print(&b, &diags);
	assert_true((rc == OR_OK) == (b.n == 0));
	memcpy(said, or_buf_text(&b), b.n + 1);
	or_buf_done(&b);
	pol_diag_done(&diags);
	pol_set_free(set);
	return said;
}

#define HEAD "permit(principal,action,resource) when { "

static void parse__reads_the_whole_grammar(void **state)
{
	static const char *const texts[] = {
	    "",
	    "// nothing\n",
	    "@a @b(\"x\") @if(\"y\") permit(principal,action,resource,);",
	    "forbid(principal == NS::U::\"a\\u{41}\", action in [Action::\"x\",], resource in "
	    "R::\"\");",
	    "permit(principal is A::B in ?principal, action == N::Action::\"x\", resource == "
	    "?resource);",
	    "permit(principal is A, action in [], resource is B in C::\"d\") when {true} unless "
	    "{false};",
	    HEAD "if if true then true else false then 1 else 2 };",
	    HEAD "a::\"x\" in [b::\"y\"] || !!!!true && ----1 == - 2 };",
	    HEAD "-9223372036854775808 < 9223372036854775807 };",
	    HEAD "principal has a.b.c && principal has \"x y\" && context.a[\"b\"].c == "
		 "{a:1,\"b\":[],} };",
	    HEAD "principal.x like \"*a\\*\" && principal is A::B in resource };",
	    HEAD
	    "ip(\"1.2.3.4\").isInRange(ip(\"::/0\")) && decimal(\"1.0\").lessThan(context.d) };",
	    HEAD "datetime(\"x\").offset(duration(\"1d\")).toTime().toDays() > 1 * 2 + 3 - 4 };",
	    HEAD
	    "[1,2].contains(1) && [].containsAll([]) && [].containsAny([1]) && [].isEmpty() };",
	    HEAD "principal.hasTag(\"a\") && principal.getTag(\"a\") != resource.contains };",
	    HEAD "principal::\"a\" == permit::\"b\" && context.principal == context.when };",
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(texts); i++)
		assert_string_equal(complaint(texts[i]), "");
}

static void parse__says_what_is_wrong(void **state)
{
	static const char *const cases[][2] = {
	    {"permit(principal,action);", "1:24: error: expected `,`, found `)`"},
	    {"permit(principal,action,resource)",
		"1:34: error: expected `;`, found the end of the text"},
	    {"allow(principal,action,resource);",
		"1:1: error: expected `permit` or `forbid`, found `allow`"},
	    {"@a @a permit(principal,action,resource);",
		"1:5: error: the annotation @a is there twice"},
	    {"permit(principal == ?resource,action,resource);",
		"1:21: error: the slot here is ?principal"},
	    {"permit(principal,action == ?a,resource);", "1:28: error: an action has no slot"},
	    {"permit(principal,action == U::\"a\",resource);",
		"the type of an action is Action, not `U`"},
	    {"permit(principal == User,action,resource);",
		"expected an entity, found the name `User`"},
	    {HEAD "};", "error: expected a condition, found `}`"},
	    {HEAD "principal = 1 };", "error: `=` is not an operator\n"},
	    {HEAD "1 < 2 < 3 };", "error: relations cannot be chained"},
	    {HEAD "1 / 2 };", "error: Cedar has no division and no remainder"},
	    {HEAD "!!!!!true };", "error: at most four of these in a row"},
	    {HEAD "9223372036854775808 == 1 };", "error: this number does not fit in 64 bits"},
	    {HEAD "-(9223372036854775808) == 1 };", "error: this number does not fit in 64 bits"},
	    {HEAD "prinicpal == 1 };", "unknown variable `prinicpal`\n"},
	    {HEAD "prinicpal == 1 };", "= help: did you mean `principal`"},
	    {HEAD "foo(1) };", "error: unknown function `foo`"},
	    {HEAD "isIpv4(1) };", "error: `isIpv4` is a method"},
	    {HEAD "principal.ip(1) };", "error: `ip` is a function, not a method"},
	    {HEAD "[1].contians(1) };", "= help: did you mean `contains`"},
	    {HEAD "[1].contains() };", "error: `contains` takes one argument, not 0"},
	    {HEAD "{a:1,\"a\":2} == 1 };", "error: this attribute is there twice"},
	    {HEAD "context.if };", "error: `if` is reserved and cannot be an attribute here"},
	    {HEAD "context has in };", "error: `in` is reserved and cannot be an attribute here"},
	    {HEAD "?principal == 1 };", "error: a slot can only stand in the scope"},
	    {HEAD "1 + if true then 1 else 2 };", "error: an `if` needs parentheses here"},
	    {HEAD "if true then 1 };", "error: expected `else`, found `}`"},
	    {HEAD "\"\\q\" == 1 };", "error: this escape is not valid"},
	    {HEAD "context[1] };", "error: expected a string, found `1`"},
	    {HEAD "principal is 1 };", "error: expected a name, found `1`"},
	    {HEAD "context.a(1) };", "error: unknown method `a`"},
	    {HEAD "(context.a)(1) };", "error: this is not a function and cannot be called"},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++)
		ASSERT_HAS(complaint(cases[i][0]), cases[i][1]);
}

static void parse__draws_a_caret(void **state)
{
	(void)state;
	assert_string_equal(complaint("permit(principal,\n\taction resource)\n;"),
	    "p.cedar:2:9: error: expected `,`, found `resource`\n"
	    "    2 | \taction resource)\n"
	    "      | \t       ^~~~~~~~\n");
	/* Columns and carets count characters, not bytes. */
	assert_string_equal(complaint(HEAD "\"\xC3\xA9\xC3\xA9\" == x };"),
	    "p.cedar:1:50: error: unknown variable `x`\n"
	    "    1 | " HEAD "\"\xC3\xA9\xC3\xA9\" == x };\n"
	    "      |                                                  ^\n"
	    "      = help: the variables are principal, action, resource and context\n");
}

static void parse__goes_on_behind_an_error(void **state)
{
	const char *out;

	(void)state;
	out = complaint("permit(principal);\n"
			"permit(principal,action,resource);\n"
			"forbid(principal,action,resource) when { x };\n"
			"permit(principal,action,resource)\n" /* lacks its `;` */
			"forbid(principal,action,resource) when { 1 };\n"
			"permit(\"a;b\");\n");
	ASSERT_HAS(out, "p.cedar:1:17: error");
	ASSERT_HAS(out, "p.cedar:3:42: error: unknown variable `x`");
	ASSERT_HAS(out, "p.cedar:5:1: error: expected `when`, `unless` or `;`, found `forbid`");
	ASSERT_HAS(out, "p.cedar:6:8: error");
	assert_null(strstr(out, "p.cedar:2:"));
}

static void parse__keeps_a_bounded_list(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 65536);
	for (int i = 0; i < POL_DIAG_MAX + 5; i++)
		or_buf_put_str(&b, "permit();\n");
	ASSERT_HAS(complaint(or_buf_text(&b)), "\nand 5 more\n");
	or_buf_done(&b);
}

/* HEAD, n times `open`, "true", n times `close` */
static const char *nested(const char *open, const char *close, int n)
{
	static char text[65536];
	struct or_buf b;

	or_buf_init(&b, sizeof(text) - 1);
	or_buf_put_str(&b, HEAD);
	for (int i = 0; i < n; i++)
		or_buf_put_str(&b, open);
	or_buf_put_str(&b, "true");
	for (int i = 0; i < n; i++)
		or_buf_put_str(&b, close);
	or_buf_put_str(&b, " };");
	memcpy(text, or_buf_text(&b), b.n + 1);
	or_buf_done(&b);
	return text;
}

static void parse__bounds_nesting(void **state)
{
	(void)state;
	assert_string_equal(complaint(nested("(", ")", 100)), "");
	assert_string_equal(complaint(nested("[", "]", 100)), "");
	assert_string_equal(complaint(nested("if true then ", " else 1", 100)), "");
	ASSERT_HAS(complaint(nested("(", ")", 200)), "error: nested deeper than 150 levels");
	ASSERT_HAS(complaint(nested("{a:", "}", 3000)), "error: nested deeper than 150 levels");
	ASSERT_HAS(
	    complaint(nested("if true then ", " else 1", 200)), "nested deeper than 150 levels");
	ASSERT_HAS(complaint(nested("", ".a", 2000)), "this expression has more than 500 levels");
	/* Chains are flat. */
	assert_string_equal(complaint(nested("true && ", "", 4000)), "");
}

static void add__numbers_and_names(void **state)
{
	static const char text[] = "permit(principal,action,resource); @id(\"x\") permit(principal,"
				   "action,resource);";
	struct pol_set *set = pol_set_new(POL_IDS_ANNOTATED, 0);
	struct or_err err;

	(void)state;
	ASSERT_OK(pol_set_add(set, "a.cedar", or_slice_str(text), NULL, &err), &err);
	ASSERT_SLICE(pol_set_at(set, 0)->id, "a.cedar#policy0");
	ASSERT_SLICE(pol_set_at(set, 1)->id, "x");
	ASSERT_CODE(pol_set_add(set, "b.cedar", or_slice_str(text), NULL, &err), OR_EXISTS);
	ASSERT_HAS(err.msg, "b.cedar:1:36: error: a policy named `x` exists already");
	/* Nothing of a text with an error stays. */
	assert_int_equal(pol_set_count(set), 2);
	assert_null(pol_set_find(set, OR_SLICE_LIT("b.cedar#policy0")));
	assert_int_equal(pol_set_at(set, 1)->line, 1);
	pol_set_free(set);
}

static void add__gathers_diagnostics_of_several_texts(void **state)
{
	struct pol_set *set = pol_set_new(POL_IDS_NUMBERED, 0);
	struct pol_diags diags;
	struct or_err err;

	(void)state;
	pol_diag_init(&diags);
	ASSERT_CODE(pol_set_add(set, "a", OR_SLICE_LIT("x"), &diags, &err), OR_PARSE);
	ASSERT_CODE(pol_set_add(set, "b", OR_SLICE_LIT("#"), &diags, &err), OR_PARSE);
	ASSERT_CODE(
	    pol_set_add(set, "c", OR_SLICE_LIT("permit(principal,action,resource);"), &diags, &err),
	    OR_OK);
	assert_int_equal(diags.errors, 2);
	assert_string_equal(diags.items[1].file, "b");
	assert_int_equal(pol_set_count(set), 1);
	ASSERT_SLICE(pol_set_at(set, 0)->id, "policy0");
	pol_diag_done(&diags);
	pol_set_free(set);
}

static void add__meets_its_budget(void **state)
{
	struct pol_set *set = pol_set_new(POL_IDS_NUMBERED, 4096);
	struct or_err err;

	(void)state;
	ASSERT_CODE(
	    pol_set_add(set, "a", or_slice_str(nested("true && ", "", 500)), NULL, &err), OR_FULL);
	assert_int_equal(pol_set_count(set), 0);
	pol_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__reads_the_whole_grammar),
	    cmocka_unit_test(parse__says_what_is_wrong),
	    cmocka_unit_test(parse__draws_a_caret),
	    cmocka_unit_test(parse__goes_on_behind_an_error),
	    cmocka_unit_test(parse__keeps_a_bounded_list),
	    cmocka_unit_test(parse__bounds_nesting),
	    cmocka_unit_test(add__numbers_and_names),
	    cmocka_unit_test(add__gathers_diagnostics_of_several_texts),
	    cmocka_unit_test(add__meets_its_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
