/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema_convert.h"

#include "policy/schema_same.h"
#include "tests/support/support.h"

enum { TEXT_MAX = 1 << 20 };

static const char TEXT[] = "entity W;\n"
			   "\n"
			   "action \"z\" in [N::Action::\"t\"] appliesTo {\n"
			   "  principal: [W],\n"
			   "  resource: [N::U],\n"
			   "  context: {}\n"
			   "};\n"
			   "\n"
			   "@doc(\"all of \\\"it\\\"\")\n"
			   "@bare\n"
			   "namespace N {\n"
			   "  @c\n"
			   "  type T = {\n"
			   "    @d(\"e\")\n"
			   "    a?: Long,\n"
			   "    \"b c\": Set<U>\n"
			   "  };\n"
			   "\n"
			   "  entity U in [V] = {\n"
			   "    x: T,\n"
			   "    y: __cedar::Long,\n"
			   "    z: {\n"
			   "      ip: ipaddr\n"
			   "    }\n"
			   "  } tags String;\n"
			   "\n"
			   "  entity V;\n"
			   "\n"
			   "  entity E enum [\"p\", \"q\"];\n"
			   "\n"
			   "  action \"t\";\n"
			   "}\n"
			   "\n"
			   "namespace Empty {\n"
			   "}\n";

static void convert__gives_back_a_text_in_its_style(void **state)
{
	struct or_buf json, text;

	(void)state;
	or_buf_init(&json, TEXT_MAX);
	or_buf_init(&text, TEXT_MAX);
	ASSERT_CODE(
	    pol_schema_convert_to_json(&json, "s.cedarschema", or_slice_str(TEXT), 2, NULL, NULL),
	    OR_OK);
	ASSERT_CODE(
	    pol_schema_convert_to_text(&text, "s.json", or_buf_slice(&json), NULL, NULL), OR_OK);
	assert_string_equal(or_buf_text(&text), TEXT);
	or_buf_done(&json);
	or_buf_done(&text);
}

static void to_json__has_the_standards_form(void **state)
{
	struct or_buf json;

	(void)state;
	or_buf_init(&json, TEXT_MAX);
	ASSERT_CODE(
	    pol_schema_convert_to_json(&json, "s",
		OR_SLICE_LIT("@a entity U in V = {\"k\"?: Set<Long>}; entity V; action x in "
			     "[\"y\"] appliesTo {principal: U, resource: [U, V]}; action y;"),
		0, NULL, NULL),
	    OR_OK);
	assert_string_equal(or_buf_text(&json),
	    "{\"\":{\"entityTypes\":{\"U\":{\"annotations\":{\"a\":\"\"},\"memberOfTypes\":[\"V\"],"
	    "\"shape\":{\"type\":\"Record\",\"attributes\":{\"k\":{\"type\":\"Set\",\"element\":{"
	    "\"type\":\"EntityOrCommon\",\"name\":\"Long\"},\"required\":false}}}},\"V\":{}},"
	    "\"actions\":{\"x\":{\"memberOf\":[{\"id\":\"y\"}],\"appliesTo\":{\"principalTypes\":["
	    "\"U\"],\"resourceTypes\":[\"U\",\"V\"]}},\"y\":{}}}}");
	or_buf_done(&json);
}

/* JSON that keeps its meaning as text, or says why it cannot. */
static const struct {
	const char *json;
	const char *says; /* NULL: it can */
} CASES[] = {
    /* A type of one's own that has the name of a language's. */
    {"{\"\":{\"entityTypes\":{\"Long\":{},\"ipaddr\":{},\"A\":{\"shape\":{\"type\":\"Record\","
     "\"attributes\":{\"a\":{\"type\":\"Long\"},\"b\":{\"type\":\"Entity\",\"name\":\"Long\"},"
     "\"c\":{\"type\":\"Extension\",\"name\":\"ipaddr\"}}}}},\"actions\":{}}}",
	NULL},
    {"{\"N\":{\"commonTypes\":{\"T\":{\"type\":\"Boolean\"}},\"entityTypes\":{\"A\":{\"tags\":{"
     "\"type\":\"T\"}}},\"actions\":{\"x y\":{\"appliesTo\":{\"principalTypes\":[],"
     "\"resourceTypes\":[\"A\"]}}}}}",
	NULL},
    {"{\"N\":{\"commonTypes\":{\"A\":{\"type\":\"Long\"}},\"entityTypes\":{\"A\":{},\"B\":{"
     "\"tags\":{\"type\":\"Entity\",\"name\":\"A\"}}},\"actions\":{}}}",
	"no words for an entity type that has the name of a common type"},
    {"{\"\":{\"commonTypes\":{\"R\":{\"type\":\"Record\",\"attributes\":{}}},\"entityTypes\":{"
     "\"A\":{\"shape\":{\"type\":\"R\"}}},\"actions\":{}}}",
	"no words for an entity whose shape is a common type"},
    {"{\"\":{\"entityTypes\":{\"A\":{\"form\":{}}},\"actions\":{}}}",
	"`form` is not a part of an entity type"},
    {"{\"\":{\"entityTypes\":{},\"actions\":{\"a\":{\"appliesTo\":{\"principals\":[]}}}}}",
	"`principals` is not a part of `appliesTo`"},
    {"{\"\":{\"commonTypes\":{\"T\":{\"type\":\"Long\",\"name\":\"x\"}},\"entityTypes\":{},"
     "\"actions\":{}}}",
	"`name` is not a part of this type"},
};

static void to_text__keeps_the_meaning_or_says_why_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(CASES); i++) {
		struct or_slice json = or_slice_str(CASES[i].json);
		struct pol_schema *a = NULL, *b = NULL;
		struct or_err err = {.msg = ""};
		struct or_buf text;

		or_buf_init(&text, TEXT_MAX);
		if (pol_schema_convert_to_text(&text, "s.json", json, NULL, &err)) {
			ASSERT_HAS(err.msg, CASES[i].says ? CASES[i].says : "(nothing)");
			assert_int_equal(text.n, 0);
		} else {
			assert_null(CASES[i].says);
			ASSERT_OK(pol_schema_parse_json(&a, "s.json", json, NULL, &err), &err);
			ASSERT_OK(
			    pol_schema_parse_text(&b, "s", or_buf_slice(&text), NULL, &err), &err);
			assert_true(pol_schema_same(a, b));
		}
		pol_schema_free(a);
		pol_schema_free(b);
		or_buf_done(&text);
	}
}

static void text__refuses_what_is_there_twice(void **state)
{
	static const char *const texts[] = {"@a @a entity X;", "namespace N {} namespace N {}",
	    "entity A; action a appliesTo {principal: [], resource: A};"};
	struct pol_schema *s = NULL;

	(void)state;
	for (size_t i = 0; i < OR_LEN(texts); i++)
		ASSERT_CODE(
		    pol_schema_parse_text(&s, "s", or_slice_str(texts[i]), NULL, NULL), OR_PARSE);
}

/* Types in types: as deep as is allowed, in both forms. */
static void convert__bounds_nesting(void **state)
{
	static const struct {
		int n;
		bool fits;
	} cases[] = {{100, true}, {190, true}, {250, false}, {100000, false}};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct or_buf text, json, again;

		or_buf_init(&text, 4 << 20);
		or_buf_init(&json, 4 << 20);
		or_buf_init(&again, 4 << 20);
		or_buf_put_str(&text, "type T = ");
		for (int k = 0; k < cases[i].n; k++)
			or_buf_put_str(&text, "{ a: ");
		or_buf_put_str(&text, "Long");
		for (int k = 0; k < cases[i].n; k++)
			or_buf_put_str(&text, "}");
		or_buf_put_str(&text, ";");
		assert_int_equal(pol_schema_convert_to_json(
				     &json, "s", or_buf_slice(&text), 0, NULL, NULL) == OR_OK,
		    cases[i].fits);
		if (cases[i].fits)
			ASSERT_CODE(pol_schema_convert_to_text(
					&again, "s", or_buf_slice(&json), NULL, NULL),
			    OR_OK);
		or_buf_done(&text);
		or_buf_done(&json);
		or_buf_done(&again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(convert__gives_back_a_text_in_its_style),
	    cmocka_unit_test(to_json__has_the_standards_form),
	    cmocka_unit_test(to_text__keeps_the_meaning_or_says_why_not),
	    cmocka_unit_test(text__refuses_what_is_there_twice),
	    cmocka_unit_test(convert__bounds_nesting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
