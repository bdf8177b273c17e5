/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "tests/support/support.h"

static int make_arena(void **state)
{
	*state = or_arena_new(1 << 20);
	return 0;
}

static int free_arena(void **state)
{
	or_arena_free(*state);
	return 0;
}

static const struct or_json *parse(void **state, const char *text)
{
	const struct or_json *j = NULL;
	struct or_err err = {0};

	ASSERT_OK(or_json_parse(&j, or_slice_str(text), *state, &err), &err);
	return j;
}

static void parse__reads_every_type(void **state)
{
	const struct or_json *j = parse(state, "{\"n\":null,\"t\":true,\"f\":false,\"i\":-7,\"r\":"
					       "1.5,\"s\":\"x\",\"a\":[1,[]],\"o\":{}}");
	static const enum or_json_type types[] = {OR_JSON_NULL, OR_JSON_BOOL, OR_JSON_BOOL,
	    OR_JSON_INT, OR_JSON_REAL, OR_JSON_STR, OR_JSON_ARRAY, OR_JSON_OBJECT};

	assert_int_equal(j->type, OR_JSON_OBJECT);
	assert_int_equal(j->object.n, OR_LEN(types));
	for (size_t i = 0; i < OR_LEN(types); i++)
		assert_int_equal(j->object.members[i].value->type, types[i]);
	assert_true(or_json_get(j, "t")->b);
	assert_false(or_json_get(j, "f")->b);
	assert_true(or_json_get(j, "i")->i == -7);
	assert_true(or_json_get(j, "r")->r >= 1.5 && or_json_get(j, "r")->r <= 1.5);
	ASSERT_SLICE(or_json_get(j, "s")->s, "x");
	assert_int_equal(or_json_get(j, "a")->array.n, 2);
	assert_true(or_json_get(j, "a")->array.items[0]->i == 1);
	assert_int_equal(or_json_get(j, "a")->array.items[1]->array.n, 0);
	assert_int_equal(or_json_get(j, "o")->object.n, 0);
}

static void parse__keeps_the_order_of_members(void **state)
{
	const struct or_json *j = parse(state, "{\"z\":1,\"a\":2,\"m\":3,\"b\":4}");
	static const char *const keys[] = {"z", "a", "m", "b"};

	for (size_t i = 0; i < OR_LEN(keys); i++)
		ASSERT_SLICE(j->object.members[i].key, keys[i]);
}

static void parse__takes_a_scalar_with_blanks_around(void **state)
{
	assert_true(parse(state, " \t\r\n 9223372036854775807 \n")->i == INT64_MAX);
	assert_true(parse(state, "-9223372036854775808")->i == INT64_MIN);
	ASSERT_SLICE(parse(state, "\"\"")->s, "");
	assert_non_null(parse(state, "\"\"")->s.p);
}

static void parse__decodes_escapes(void **state)
{
	ASSERT_SLICE(parse(state, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\"")->s,
	    "\"\\/\b\f\n\r\tä😀");
}

static void parse__refuses_what_is_no_json(void **state)
{
	static const char *const bad[] = {"", " ", "nul", "tru", "True", "01", "+1", "1.", ".5",
	    "1e", "0x1", "NaN", "Infinity", "-", "\"", "\"a", "'a'", "[", "[1", "[1,]", "[,1]",
	    "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:2}", "1 2", "{} x",
	    "[]]", "// c\n1", "/**/1", "\xef\xbb\xbf{}", "\"\\x\"", "\"\\u12\"", "\"\t\"",
	    "\"\n\""};
	const struct or_json *j = NULL;
	struct or_err err;

	for (size_t i = 0; i < OR_LEN(bad); i++) {
		ASSERT_CODE(or_json_parse(&j, or_slice_str(bad[i]), *state, &err), OR_PARSE);
		ASSERT_HAS(err.msg, "line ");
		assert_null(j);
	}
	ASSERT_CODE(or_json_parse(&j, OR_SLICE_NONE, *state, &err), OR_PARSE);
	ASSERT_CODE(or_json_parse(&j, or_slice_str("]"), *state, NULL), OR_PARSE);
}

static void parse__is_stricter_than_most(void **state)
{
	static const char *const bad[] = {"{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}",
	    "\"\\u0000\"", "{\"\\u0000\":1}", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
	    "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0061\"", "9223372036854775808",
	    "-9223372036854775809", "123456789012345678901234567890", "1e999", "-1e999"};
	const struct or_json *j = NULL;
	struct or_err err;

	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(or_json_parse(&j, or_slice_str(bad[i]), *state, &err), OR_PARSE);
	ASSERT_CODE(or_json_parse(&j, or_slice("1\0", 2), *state, &err), OR_PARSE);
	ASSERT_CODE(or_json_parse(&j, or_slice("{}\0{\"a\":", 8), *state, &err), OR_PARSE);
	ASSERT_HAS(err.msg, "offset 2");
	ASSERT_CODE(or_json_parse(&j, or_slice("\"a\0b\"", 5), *state, &err), OR_PARSE);
	assert_null(j);
}

static void parse__says_where(void **state)
{
	const struct or_json *j;
	struct or_err err;

	ASSERT_CODE(or_json_parse(&j, or_slice_str("{\n  \"a\": 1,\n  \"b\" 2\n}"), *state, &err),
	    OR_PARSE);
	ASSERT_HAS(err.msg, "line 3, column 7");
}

static enum or_code parse_nested(void **state, size_t levels, const char *open, const char *close)
{
	size_t each = strlen(open);
	char *text = test_calloc(1, levels * each + levels * strlen(close) + 2);
	const struct or_json *j;
	enum or_code rc;

	for (size_t i = 0; i < levels; i++)
		memcpy(text + i * each, open, each);
	memcpy(text + levels * each, "1", 1);
	for (size_t i = 0; i < levels; i++)
		memcpy(text + levels * each + 1 + i, close, 1);
	rc = or_json_parse(&j, or_slice_str(text), *state, NULL);
	test_free(text);
	return rc;
}

static void parse__bounds_depth(void **state)
{
	/* The innermost 1 is a level too. */
	ASSERT_CODE(parse_nested(state, OR_JSON_DEPTH_MAX - 1, "[", "]"), OR_OK);
	ASSERT_CODE(parse_nested(state, OR_JSON_DEPTH_MAX, "[", "]"), OR_FULL);
	ASSERT_CODE(parse_nested(state, OR_JSON_DEPTH_MAX - 1, "{\"a\":", "}"), OR_OK);
	ASSERT_CODE(parse_nested(state, OR_JSON_DEPTH_MAX, "{\"a\":", "}"), OR_FULL);
	/* Beyond what the library underneath takes. */
	ASSERT_CODE(parse_nested(state, 100000, "[", "]"), OR_FULL);
}

static void parse__bounds_memory(void **state)
{
	static const char text[] =
	    "{\"key\":[1,2,{\"a\":\"long enough to need room\"}],\"b\":\"c\"}";
	size_t budget = 16, refused = 0;
	enum or_code rc;

	(void)state;
	/* Every budget from nothing up: a refusal each time, until it suffices. */
	do {
		struct or_arena *a = or_arena_new(budget);
		const struct or_json *j = NULL;

		rc = or_json_parse(&j, or_slice_str(text), a, NULL);
		if (rc != OR_OK) {
			ASSERT_CODE(rc, OR_FULL);
			assert_null(j);
			refused++;
		}
		or_arena_free(a);
		budget += 16;
	} while (rc != OR_OK && budget < 10000);
	ASSERT_CODE(rc, OR_OK);
	assert_true(refused > 10);
}

static void get__is_null_where_there_is_nothing(void **state)
{
	const struct or_json *j = parse(state, "{\"s\":\"x\",\"e\":\"\",\"i\":1}");

	assert_null(or_json_get(j, "absent"));
	assert_null(or_json_get(NULL, "s"));
	assert_null(or_json_get(or_json_get(j, "i"), "s"));
	assert_null(or_json_get_type(j, "s", OR_JSON_INT));
	assert_non_null(or_json_get_type(j, "s", OR_JSON_STR));
	ASSERT_SLICE(or_json_get_str(j, "s"), "x");
	assert_null(or_json_get_str(j, "i").p);
	assert_null(or_json_get_str(j, "absent").p);
	assert_null(or_json_get_str(NULL, "s").p);
	/* Present and empty differs from absent. */
	assert_non_null(or_json_get_str(j, "e").p);
	assert_int_equal(or_json_get_str(j, "e").n, 0);
	assert_null(or_json_get_slice(j, or_slice("s\0", 2)));
}

static void eq__compares_by_content(void **state)
{
	static const char *const values[] = {"null", "true", "false", "0", "1", "1.0", "-0.0",
	    "0.0", "\"1\"", "\"\"", "[]", "[1]", "[1,2]", "[2,1]", "{}", "{\"a\":1}", "{\"a\":2}",
	    "{\"b\":1}", "{\"a\":1,\"b\":2}"};

	for (size_t i = 0; i < OR_LEN(values); i++) {
		for (size_t k = 0; k < OR_LEN(values); k++)
			assert_int_equal(
			    or_json_eq(parse(state, values[i]), parse(state, values[k])), i == k);
	}
	assert_true(or_json_eq(parse(state, "{\"a\":[1,{}],\"b\":\"\\u0078\"}"),
	    parse(state, " {\"b\" : \"x\", \"a\": [ 1, { } ] } ")));
}

static void type_names__are_those_of_messages(void **state)
{
	(void)state;
	assert_string_equal(or_json_type_name(OR_JSON_NULL), "null");
	assert_string_equal(or_json_type_name(OR_JSON_BOOL), "boolean");
	assert_string_equal(or_json_type_name(OR_JSON_INT), "integer");
	assert_string_equal(or_json_type_name(OR_JSON_REAL), "number");
	assert_string_equal(or_json_type_name(OR_JSON_STR), "string");
	assert_string_equal(or_json_type_name(OR_JSON_ARRAY), "array");
	assert_string_equal(or_json_type_name(OR_JSON_OBJECT), "object");
}

static void parse_nul__takes_what_parse_refuses(void **state)
{
	const struct or_json *j = NULL;

	ASSERT_CODE(
	    or_json_parse(&j, OR_SLICE_LIT("{\"a\":\"b\\u0000c\"}"), *state, NULL), OR_PARSE);
	ASSERT_CODE(
	    or_json_parse_nul(&j, OR_SLICE_LIT("{\"a\":\"b\\u0000c\"}"), *state, NULL), OR_OK);
	assert_int_equal(or_json_get_str(j, "a").n, 3);
	assert_memory_equal(or_json_get_str(j, "a").p, "b\0c", 3);
	ASSERT_CODE(or_json_parse_nul(&j, OR_SLICE_LIT("{\"\\u0000\":1}"), *state, NULL), OR_PARSE);
	ASSERT_CODE(or_json_parse_nul(&j, or_slice("\"a\0\"", 4), *state, NULL), OR_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(parse__reads_every_type, make_arena, free_arena),
	    cmocka_unit_test_setup_teardown(
		parse__keeps_the_order_of_members, make_arena, free_arena),
	    cmocka_unit_test_setup_teardown(
		parse__takes_a_scalar_with_blanks_around, make_arena, free_arena),
	    cmocka_unit_test_setup_teardown(parse__decodes_escapes, make_arena, free_arena),
	    cmocka_unit_test_setup_teardown(parse__refuses_what_is_no_json, make_arena, free_arena),
	    cmocka_unit_test_setup_teardown(parse__is_stricter_than_most, make_arena, free_arena),
	    cmocka_unit_test_setup_teardown(parse__says_where, make_arena, free_arena),
	    cmocka_unit_test_setup_teardown(parse__bounds_depth, make_arena, free_arena),
	    cmocka_unit_test(parse__bounds_memory),
	    cmocka_unit_test_setup_teardown(
		get__is_null_where_there_is_nothing, make_arena, free_arena),
	    cmocka_unit_test_setup_teardown(eq__compares_by_content, make_arena, free_arena),
	    cmocka_unit_test(type_names__are_those_of_messages),
	    cmocka_unit_test_setup_teardown(
		parse_nul__takes_what_parse_refuses, make_arena, free_arena),
	};

	return cmocka_run_group_tests_name("base.json", tests, NULL, NULL);
}
