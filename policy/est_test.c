/* SPDX-License-Identifier: Apache-2.0 */
/* Policies in JSON: the same tree as the text's, and what is said of what is not one. */
#include "policy/est.h"

#include "policy/print.h"
#include "tests/support/support.h"

enum { TEXT_MAX = 1 << 20 };

static char said[65536];

static struct pol_set *from_text(const char *text)
{
	struct pol_set *set;

	ASSERT_CODE(
	    pol_set_parse(&set, POL_IDS_NUMBERED, "p.cedar", or_slice_str(text), NULL, NULL),
	    OR_OK);
	return set;
}

static struct pol_set *from_json(struct or_slice json)
{
	struct pol_set *set = pol_set_new(POL_IDS_NUMBERED, 0);
	struct or_err err = {.msg = ""};

	if (pol_est_add(set, "p.json", json, NULL, &err))
		fail_msg("%s in %.*s", err.msg, OR_SLICE_FMT(json));
	return set;
}

/* Everything that is said of a document; "" where it reads. */
static const char *complaint(const char *json)
{
	struct pol_set *set = pol_set_new(POL_IDS_NUMBERED, 0);
	struct pol_diags diags;
	struct or_buf b;
	enum or_code rc;

	pol_diag_init(&diags);
	or_buf_init(&b, sizeof(said) - 1);
	rc = pol_est_add(set, "p.json", or_slice_str(json), &diags, NULL);
	pol_diag_print(&b, &diags);
	assert_true((rc == OR_OK) == (b.n == 0));
	assert_true(rc == OR_OK || pol_set_count(set) == 0);
	memcpy(said, or_buf_text(&b), b.n + 1);
	or_buf_done(&b);
	pol_diag_done(&diags);
	pol_set_free(set);
	return said;
}

#define HEAD "permit(principal,action,resource) when { "

static void check_round_trip(const char *text)
{
	struct pol_set *a = from_text(text), *b, *c;
	struct or_buf first, second, printed;

	or_buf_init(&first, TEXT_MAX);
	or_buf_init(&second, TEXT_MAX);
	or_buf_init(&printed, TEXT_MAX);
	ASSERT_CODE(pol_est_write_set(&first, a, 0, NULL), OR_OK);
	b = from_json(or_buf_slice(&first));
	ASSERT_CODE(pol_est_write_set(&second, b, 0, NULL), OR_OK);
	assert_string_equal(or_buf_text(&first), or_buf_text(&second));
	pol_print_set(&printed, b, false);
	c = from_text(or_buf_text(&printed));
	or_buf_clear(&second);
	ASSERT_CODE(pol_est_write_set(&second, c, 0, NULL), OR_OK);
	assert_string_equal(or_buf_text(&first), or_buf_text(&second));
	or_buf_done(&first);
	or_buf_done(&second);
	or_buf_done(&printed);
	pol_set_free(a);
	pol_set_free(b);
	pol_set_free(c);
}

static void read__gives_back_the_whole_grammar(void **state)
{
	static const char *const texts[] = {
	    "",
	    "@a @b(\"x\") @if(\"\") permit(principal,action,resource,);",
	    "forbid(principal == NS::U::\"a\\u{41}\\0\", action in [Action::\"x\",], resource in "
	    "R::\"\");",
	    "permit(principal is A::B in ?principal, action == N::Action::\"x\", resource == "
	    "?resource);",
	    "permit(principal is A, action in [], resource is B in C::\"d\") when {true} unless "
	    "{false};",
	    HEAD "if if true then true else false then 1 else 2 };",
	    HEAD "a::\"x\" in [b::\"y\"] || !!!!true && ----1 == - 2 };",
	    HEAD "-9223372036854775808 < 9223372036854775807 && -(1) == -(-1) };",
	    HEAD "principal has a.b.c && principal has \"x y\" && context.a[\"b\"].c == "
		 "{a:1,\"b\":[],\"if\": 2} };",
	    HEAD "principal.x like \"*a\\*\\\"\\n*é\" && principal is A::B in resource };",
	    HEAD
	    "ip(\"1.2.3.4\").isInRange(ip(\"::/0\")) && decimal(\"1.0\").lessThan(context.d) };",
	    HEAD "ip(\"no\") == ip(context.x) && ip() == ip(\"1\", \"2\") };",
	    HEAD "datetime(\"x\").offset(duration(\"1d\")).toTime().toDays() > 1 * 2 + 3 - 4 };",
	    HEAD "1 - (2 - 3) == (1 + 2) * 3 && (1 < 2) == (true || false && true) };",
	    HEAD "(if true then 1 else 2) + 1 == (-1).a && (true && true) && (true || true) };",
	    HEAD
	    "[1,2].contains(1) && [].containsAll([]) && [].containsAny([1]) && [].isEmpty() };",
	    HEAD "principal.hasTag(\"a\") && principal.getTag(\"a\") != resource.contains };",
	    HEAD "principal::\"a\" == permit::\"b\" && context.principal == context.when };",
	    HEAD "context[\"if\"] && context[\"\"] && {\"\": [1, {a: [ip(\"::1\")]}]} == 1 };",
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(texts); i++)
		check_round_trip(texts[i]);
}

static void write__has_cedars_form(void **state)
{
	struct pol_set *set = from_text("@id(\"x\") @y\n"
					"permit(principal is U in G::\"g\", action in "
					"[Action::\"a\"], resource == ?resource)\n"
					"when { context has a.b && principal.n like \"é*\" }\n"
					"unless { [1, -2].contains(resource.k) };");
	struct or_buf b;

	(void)state;
	or_buf_init(&b, TEXT_MAX);
	ASSERT_CODE(pol_est_write_policy(&b, pol_set_at(set, 0), 0, NULL), OR_OK);
	assert_string_equal(or_buf_text(&b),
	    "{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"U\",\"in\":"
	    "{\"entity\":{\"type\":\"G\",\"id\":\"g\"}}},\"action\":{\"op\":\"in\",\"entity\":"
	    "{\"type\":\"Action\",\"id\":\"a\"}},\"resource\":{\"op\":\"==\",\"slot\":"
	    "\"?resource\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"&&\":{\"left\":{\"has\":"
	    "{\"left\":{\"Var\":\"context\"},\"attr\":[\"a\",\"b\"]}},\"right\":{\"like\":{"
	    "\"left\":"
	    "{\".\":{\"left\":{\"Var\":\"principal\"},\"attr\":\"n\"}},\"pattern\":[{\"Literal\":"
	    "\"é\"},\"Wildcard\"]}}}}},{\"kind\":\"unless\",\"body\":{\"contains\":{\"left\":"
	    "{\"Set\":[{\"Value\":1},{\"Value\":-2}]},\"right\":{\".\":{\"left\":{\"Var\":"
	    "\"resource\"},\"attr\":\"k\"}}}}}],\"annotations\":{\"id\":\"x\",\"y\":null}}");
	or_buf_done(&b);
	pol_set_free(set);
}

#define SCOPE                                                                                      \
	"\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"}"
#define WHEN(body)                                                                                 \
	"{\"effect\":\"permit\"," SCOPE ",\"conditions\":[{\"kind\":\"when\",\"body\":" body "}]}"

static const struct {
	const char *json;
	const char *says; /* "" reads */
} CASES[] = {
    {WHEN("{\"Value\":{\"a\":[1,{\"__entity\":{\"type\":\"T\",\"id\":\"x\"}}],"
	  "\"b\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"::1\"}}}}"),
	""},
    {WHEN("{\"has\":{\"left\":{\"Var\":\"context\"},\"attr\":[\"x y\",\"z\"]}}"), ""},
    {WHEN("{\"Value\":null}"), "conditions[0].body.Value: Cedar has no null"},
    {WHEN("{\"Value\":1.5}"), "integers"},
    {WHEN("{\"Slot\":\"?principal\"}"), "only stand in the scope"},
    {WHEN("{\"Var\":\"me\"}"), "conditions[0].body.Var: expected \"principal\""},
    {WHEN("{\"frob\":[]}"), "unknown operator `frob`"},
    {WHEN("{\"==\":{\"left\":{\"Value\":1}}}"), "body[\"==\"]: `right` is missing"},
    {WHEN("{\"!\":{\"arg\":{\"Value\":1},\"more\":1}}"), "`more` is not known here"},
    {WHEN("{\"Value\":1,\"Var\":\"context\"}"), "an object with one key"},
    {WHEN("{\"has\":{\"left\":{\"Var\":\"context\"},\"attr\":[]}}"), "at least one name"},
    {WHEN("{\"is\":{\"left\":{\"Var\":\"context\"},\"entity_type\":\"a b\"}}"),
	"body.is.entity_type: expected the name of an entity type"},
    {WHEN("{\"like\":{\"left\":{\"Var\":\"context\"},\"pattern\":[\"*\"]}}"), "pattern[0]"},
    {WHEN("{\"isIpv4\":[]}"), "a method needs"},
    {"{\"effect\":\"permit\"," SCOPE "}", "`conditions` is missing"},
    {"{\"effect\":\"allow\"," SCOPE ",\"conditions\":[]}", "expected \"permit\""},
    {"{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":"
     "\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]"
     "}}}",
	"staticPolicies.p: a policy with a slot belongs to `templates`"},
    {"{\"templates\":{\"a b\":{\"effect\":\"permit\"," SCOPE ",\"conditions\":[]}}}",
	"templates[\"a b\"]: a template needs a slot"},
    {"{\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"n\",\"values\":{}}]}",
	"templateLinks[0]: there is no template `t`"},
    {"{\"policies\":{}}", "`policies` is not known here"},
    {"[]", "expected an object, found"},
    {"{", "p.json:1:2: error"},
};

static void read__is_strict_and_says_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(CASES); i++) {
		complaint(CASES[i].json);
		if (*CASES[i].says ? !strstr(said, CASES[i].says) : *said != 0)
			fail_msg("%s\nsays: %s\nnot:  %s", CASES[i].json, said, CASES[i].says);
	}
}

#define TEMPLATE                                                                                   \
	"{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":" \
	"{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}"

static void read__links_templates(void **state)
{
	static const char json[] =
	    "{\"staticPolicies\":{\"s\":{\"effect\":\"forbid\"," SCOPE ",\"conditions\":[]}},"
	    "\"templates\":{\"t\":" TEMPLATE "},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":"
	    "\"l\",\"values\":{\"?principal\":{\"type\":\"U\",\"id\":\"a\"}}}]}";
	struct pol_set *set = from_json(or_slice_str(json));
	const struct pol_policy *link = pol_set_find(set, OR_SLICE_LIT("l"));
	struct or_buf b;

	(void)state;
	assert_int_equal(pol_set_count(set), 3);
	assert_non_null(link);
	assert_false(link->template);
	or_buf_init(&b, TEXT_MAX);
	ASSERT_CODE(pol_est_write_set(&b, set, 0, NULL), OR_OK);
	assert_string_equal(or_buf_text(&b), json);
	or_buf_clear(&b);
	pol_print_policy(&b, link);
	assert_string_equal(or_buf_text(&b), "permit (principal == U::\"a\", action, resource);\n");
	/* A later document may link what an earlier one, or a text, has. */
	ASSERT_CODE(pol_est_add(set, "q.json",
			OR_SLICE_LIT(
			    "{\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"m\",\"values\":{"
			    "\"?principal\":{\"__entity\":{\"type\":\"U\",\"id\":\"b\"}}}}]}"),
			NULL, NULL),
	    OR_OK);
	assert_int_equal(pol_set_count(set), 4);
	assert_int_equal(pol_est_add(set, "q.json",
			     OR_SLICE_LIT("{\"templateLinks\":[{\"templateId\":\"t\",\"newId\":"
					  "\"m\",\"values\":{\"?principal\":{\"type\":\"U\",\"id\":"
					  "\"b\"}}}]}"),
			     NULL, NULL),
	    OR_EXISTS);
	assert_int_equal(pol_set_count(set), 4);
	or_buf_done(&b);
	pol_set_free(set);
}

/* n negations of true, as JSON. */
static void put_deep(struct or_buf *b, int n)
{
	or_buf_put_str(b, "{\"effect\":\"permit\"," SCOPE ",\"conditions\":[{\"kind\":\"when\","
			  "\"body\":");
	for (int i = 0; i < n; i++)
		or_buf_put_str(b, "{\"!\":{\"arg\":");
	or_buf_put_str(b, "{\"Value\":true}");
	for (int i = 0; i < n; i++)
		or_buf_put_str(b, "}}");
	or_buf_put_str(b, "}]}");
}

static void read__bounds_nesting(void **state)
{
	static const struct {
		int n;
		bool fits;
	} cases[] = {{100, true}, {450, true}, {600, false}, {100000, false}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct pol_set *set = pol_set_new(POL_IDS_NUMBERED, 0);
		struct or_buf b;

		or_buf_init(&b, 8 << 20);
		put_deep(&b, cases[i].n);
		assert_int_equal(pol_est_add(set, "p.json", or_buf_slice(&b), NULL, NULL) == OR_OK,
		    cases[i].fits);
		or_buf_done(&b);
		pol_set_free(set);
	}
}

/* A chain of any length has JSON that can be read. */
static void write__halves_long_chains(void **state)
{
	struct pol_set *a, *b;
	struct or_buf text, json;

	(void)state;
	or_buf_init(&text, TEXT_MAX);
	or_buf_init(&json, 8 << 20);
	or_buf_put_str(&text, HEAD "true");
	for (int i = 0; i < 20000; i++)
		or_buf_put_str(&text, " && true");
	or_buf_put_str(&text, "};");
	a = from_text(or_buf_text(&text));
	ASSERT_CODE(pol_est_write_set(&json, a, 0, NULL), OR_OK);
	b = from_json(or_buf_slice(&json));
	assert_int_equal(pol_set_count(b), 1);
	or_buf_done(&text);
	or_buf_done(&json);
	pol_set_free(a);
	pol_set_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read__gives_back_the_whole_grammar),
	    cmocka_unit_test(write__has_cedars_form),
	    cmocka_unit_test(read__is_strict_and_says_where),
	    cmocka_unit_test(read__links_templates),
	    cmocka_unit_test(read__bounds_nesting),
	    cmocka_unit_test(write__halves_long_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
