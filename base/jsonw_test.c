/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonw.h"

#include "tests/support/support.h"

#include <float.h>
#include <math.h>

struct fixture {
	struct or_buf b;
	struct or_jsonw w;
};

static int setup(void **state)
{
	static struct fixture f;

	or_buf_init(&f.b, 1 << 16);
	or_jsonw_init(&f.w, &f.b, 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	or_buf_done(&((struct fixture *)*state)->b);
	return 0;
}

static void writer__puts_commas_where_they_belong(void **state)
{
	struct fixture *f = *state;

	or_jsonw_object(&f->w);
	or_jsonw_kv_text(&f->w, "s", "x");
	or_jsonw_kv_i64(&f->w, "i", INT64_MIN);
	or_jsonw_kv_u64(&f->w, "u", UINT64_MAX);
	or_jsonw_kv_bool(&f->w, "b", true);
	or_jsonw_key(&f->w, "a");
	or_jsonw_array(&f->w);
	or_jsonw_null(&f->w);
	or_jsonw_array(&f->w);
	or_jsonw_end(&f->w);
	or_jsonw_object(&f->w);
	or_jsonw_end(&f->w);
	or_jsonw_bool(&f->w, false);
	or_jsonw_end(&f->w);
	or_jsonw_key(&f->w, "r");
	or_jsonw_raw(&f->w, OR_SLICE_LIT("[1]"));
	or_jsonw_kv_str(&f->w, "e", OR_SLICE_NONE);
	or_jsonw_end(&f->w);
	ASSERT_SLICE(or_buf_slice(&f->b),
	    "{\"s\":\"x\",\"i\":-9223372036854775808,\"u\":18446744073709551615,\"b\":true,"
	    "\"a\":[null,[],{},false],\"r\":[1],\"e\":\"\"}");
}

static void writer__indents_on_demand(void **state)
{
	struct fixture *f = *state;

	or_jsonw_init(&f->w, &f->b, 2);
	or_jsonw_object(&f->w);
	or_jsonw_key(&f->w, "a");
	or_jsonw_array(&f->w);
	or_jsonw_i64(&f->w, 1);
	or_jsonw_i64(&f->w, 2);
	or_jsonw_end(&f->w);
	or_jsonw_key(&f->w, "e");
	or_jsonw_object(&f->w);
	or_jsonw_end(&f->w);
	or_jsonw_end(&f->w);
	ASSERT_SLICE(or_buf_slice(&f->b), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"e\": {}\n}");
}

static void str__escapes_what_it_must(void **state)
{
	struct fixture *f = *state;

	or_jsonw_str(&f->w, or_slice("\"\\/\n\t\x1f\x7f\0z", 9));
	ASSERT_SLICE(or_buf_slice(&f->b), "\"\\\"\\\\/\\n\\u0009\\u001f\\u007f\\u0000z\"");
	or_buf_clear(&f->b);
	or_jsonw_init(&f->w, &f->b, 0);
	or_jsonw_text(&f->w, "\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6 \xc2\xa0€");
	ASSERT_SLICE(or_buf_slice(&f->b), "\"\\u009b\\u2028\\u202e\\u2066 \xc2\xa0€\"");
}

static void str__replaces_what_is_not_utf8(void **state)
{
	struct fixture *f = *state;

	or_jsonw_array(&f->w);
	or_jsonw_text(&f->w, "ä€😀");
	or_jsonw_text(&f->w, "a\xff\xc3");
	or_jsonw_text(&f->w, "\xed\xa0\x80");
	or_jsonw_text(&f->w, "\xc3\xa4\xc3(");
	or_jsonw_end(&f->w);
	ASSERT_SLICE(or_buf_slice(&f->b),
	    "[\"ä€😀\",\"a\\ufffd\\ufffd\",\"\\ufffd\\ufffd\\ufffd\",\"ä\\ufffd(\"]");
}

static void real__is_short_and_reads_back(void **state)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {{0, "0.0"}, {-0.0, "-0.0"}, {1, "1.0"}, {-1.5, "-1.5"}, {0.1, "0.1"},
	    {0.1 + 0.2, "0.30000000000000004"}, {5e-324, "4.94065645841247e-324"}, {1e21, "1e+21"},
	    {DBL_MAX, "1.7976931348623157e+308"}, {NAN, "null"}, {INFINITY, "null"},
	    {-INFINITY, "null"}, {0.1234567890123456, "0.1234567890123456"}};
	struct fixture *f = *state;
	struct or_arena *a = or_arena_new(0);

	for (size_t i = 0; i < OR_LEN(rows); i++) {
		const struct or_json *j;
		struct or_err err;

		or_buf_clear(&f->b);
		or_jsonw_init(&f->w, &f->b, 0);
		or_jsonw_real(&f->w, rows[i].v);
		ASSERT_SLICE(or_buf_slice(&f->b), rows[i].text);
		ASSERT_OK(or_json_parse(&j, or_buf_slice(&f->b), a, &err), &err);
		if (isfinite(rows[i].v)) {
			assert_int_equal(j->type, OR_JSON_REAL);
			assert_memory_equal(&j->r, &rows[i].v, sizeof(j->r));
		}
	}
	or_arena_free(a);
}

static void tree__is_what_was_parsed(void **state)
{
	static const char text[] = "{\"n\":null,\"b\":[true,false],\"i\":-7,\"r\":1.5,"
				   "\"s\":\"\\n\",\"o\":{\"\":{}},\"a\":[[],[1]]}";
	struct fixture *f = *state;
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j;
	struct or_err err;

	ASSERT_OK(or_json_parse(&j, or_slice_str(text), a, &err), &err);
	or_jsonw_tree(&f->w, j);
	ASSERT_SLICE(or_buf_slice(&f->b), text);
	or_arena_free(a);
}

static void tree__of_the_deepest_level_fits(void **state)
{
	char text[2 * OR_JSON_DEPTH_MAX + 1] = {0};
	struct fixture *f = *state;
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j;
	struct or_err err;

	memset(text, '[', OR_JSON_DEPTH_MAX);
	memset(text + OR_JSON_DEPTH_MAX, ']', OR_JSON_DEPTH_MAX);
	ASSERT_OK(or_json_parse(&j, or_slice_str(text), a, &err), &err);
	/* A tree inside of an object of our own is one level more. */
	or_jsonw_object(&f->w);
	or_jsonw_key(&f->w, "tree");
	or_jsonw_tree(&f->w, j);
	or_jsonw_end(&f->w);
	assert_int_equal(f->b.n, strlen(text) + strlen("{\"tree\":}"));
	or_arena_free(a);
}

static void writer__into_a_full_buffer_says_so_once(void **state)
{
	struct fixture *f = *state;
	struct or_buf small;

	or_buf_init(&small, 10);
	or_jsonw_init(&f->w, &small, 0);
	or_jsonw_object(&f->w);
	for (int i = 0; i < 100; i++)
		or_jsonw_kv_text(&f->w, "key", "value");
	or_jsonw_end(&f->w);
	assert_false(or_buf_ok(&small));
	or_buf_done(&small);
}

static void value_without_key(void *arg)
{
	or_jsonw_object(arg);
	or_jsonw_null(arg);
}

static void key_without_value(void *arg)
{
	or_jsonw_object(arg);
	or_jsonw_key(arg, "k");
	or_jsonw_end(arg);
}

static void key_in_an_array(void *arg)
{
	or_jsonw_array(arg);
	or_jsonw_key(arg, "k");
}

static void end_of_nothing(void *arg)
{
	or_jsonw_end(arg);
}

static void nest_without_end(void *arg)
{
	for (int i = 0; i < 1000; i++)
		or_jsonw_array(arg);
}

static void misuse__ends_the_process(void **state)
{
	struct fixture *f = *state;

	assert_true(support_aborts(value_without_key, &f->w));
	assert_true(support_aborts(key_without_value, &f->w));
	assert_true(support_aborts(key_in_an_array, &f->w));
	assert_true(support_aborts(end_of_nothing, &f->w));
	assert_true(support_aborts(nest_without_end, &f->w));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(writer__puts_commas_where_they_belong),
	    TEST(writer__indents_on_demand),
	    TEST(str__escapes_what_it_must),
	    TEST(str__replaces_what_is_not_utf8),
	    TEST(real__is_short_and_reads_back),
	    TEST(tree__is_what_was_parsed),
	    TEST(tree__of_the_deepest_level_fits),
	    TEST(writer__into_a_full_buffer_says_so_once),
	    TEST(misuse__ends_the_process),
	};

	return cmocka_run_group_tests_name("base.jsonw", tests, NULL, NULL);
}
