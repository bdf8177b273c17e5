/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/mask/mask_json.h"
#include "base/json.h"
#include "tests/support/support.h"

enum { MAX = 8 * 1024 * 1024 };

static const struct or_slice email_path[] = {{(const uint8_t *)"email", 5}};
static const struct or_slice card_path[] = {
    {(const uint8_t *)"card", 4}, {(const uint8_t *)"number", 6}};
static const struct or_slice smile_path[] = {{(const uint8_t *)"😀", 4}};
static const struct pol_mask items[] = {
    {.path = email_path, .n_path = 1, .kind = POL_MASK_REDACT},
    {.path = card_path, .n_path = 2, .kind = POL_MASK_LAST, .n = 4},
    {.path = smile_path, .n_path = 1, .kind = POL_MASK_DEFAULT},
};
static const struct pol_masks masks = {items, OR_LEN(items)};

static struct ag_mask_plan *plan;

static int setup(void **state)
{
	(void)state;
	return ag_mask_plan_new(&plan, &masks, OR_SLICE_LIT("key"), NULL);
}

static int teardown(void **state)
{
	(void)state;
	ag_mask_plan_free(plan);
	return 0;
}

static enum ag_mask_fault run(
    struct or_buf *out, struct or_slice in, bool lines, size_t piece, size_t high)
{
	struct ag_mask_json *m = ag_mask_json_new(plan, lines);
	enum ag_mask_fault fault = AG_MASK_FINE;
	struct or_buf part;

	or_buf_clear(out);
	or_buf_init(&part, MAX);
	for (size_t at = 0, used; at < in.n && !fault; at += used) {
		size_t n = in.n - at < piece ? in.n - at : piece;

		or_buf_clear(&part);
		fault = ag_mask_json_feed(m, or_slice(in.p + at, n), &used, &part, high);
		or_buf_put_slice(out, or_buf_slice(&part));
	}
	if (!fault)
		fault = ag_mask_json_end(m, out);
	or_buf_done(&part);
	ag_mask_json_free(m);
	return fault;
}

/* wanted NULL: refused with fault; the same whole, in single bytes, and with hardly any room. */
static void expect(const char *in, bool lines, const char *wanted, enum ag_mask_fault fault)
{
	static const size_t pieces[] = {MAX, 1, 3};
	struct or_buf out;

	or_buf_init(&out, MAX);
	for (size_t i = 0; i < OR_LEN(pieces); i++) {
		enum ag_mask_fault got =
		    run(&out, or_slice_str(in), lines, pieces[i], i == 0 ? 1 : MAX);

		if (got != fault)
			fail_msg("%s: %s", in, ag_mask_fault_name(got));
		if (wanted)
			ASSERT_SLICE(or_buf_slice(&out), wanted);
	}
	or_buf_done(&out);
}

static void feed__masks_members_wherever_rows_stand(void **state)
{
	(void)state;
	expect("{\"email\":\"Ab1\"}", false, "{\"email\":\"Xx0\"}", AG_MASK_FINE);
	expect(" [ {\"email\" : \"a\" , \"id\":1.50e+01},{\"email\":null}]\n", false,
	    " [ {\"email\" : \"x\" , \"id\":1.50e+01},{\"email\":null}]\n", AG_MASK_FINE);
	expect("{\"data\":{\"rows\":[[{\"email\":7}]]}}", false,
	    "{\"data\":{\"rows\":[[{\"email\":\"0\"}]]}}", AG_MASK_FINE);
	expect("{\"card\":{\"number\":\"12345678\",\"x\":\"12345678\"},\"number\":\"12345678\"}",
	    false,
	    "{\"card\":{\"number\":\"xxxx5678\",\"x\":\"12345678\"},\"number\":\"12345678\"}",
	    AG_MASK_FINE);
	expect("{\"card\":[{\"number\":12345678},{\"number\":[\"123456\",1]}]}", false,
	    "{\"card\":[{\"number\":\"xxxx5678\"},{\"number\":[\"xx3456\",null]}]}", AG_MASK_FINE);
	expect("{\"card.number\":\"12345678\",\"old.card.number\":\"12345678\"}", false,
	    "{\"card.number\":\"xxxx5678\",\"old.card.number\":\"xxxx5678\"}", AG_MASK_FINE);
	expect("{\"card\":{\"a\":{\"number\":\"12345678\"}}}", false,
	    "{\"card\":{\"a\":{\"number\":\"12345678\"}}}", AG_MASK_FINE);
}

static void feed__leaves_nothing_of_objects_and_lists(void **state)
{
	(void)state;
	expect("{\"email\":{\"a\":[1,{\"email\":2}]},\"b\":1}", false, "{\"email\":null,\"b\":1}",
	    AG_MASK_FINE);
	expect("{\"email\":[\"a\",{\"b\":\"c\"},[\"D\"],true,null]}", false,
	    "{\"email\":[\"x\",null,[\"X\"],null,null]}", AG_MASK_FINE);
	expect("{\"😀\":[1,{\"a\":2}],\"x\":{\"😀\":{\"a\":2}},\"y\":[{\"😀\":true},{\"😀\":3}]}",
	    false, "{\"😀\":[],\"x\":{\"😀\":{}},\"y\":[{\"😀\":false},{\"😀\":0}]}", AG_MASK_FINE);
}

static void feed__knows_names_however_they_are_written(void **state)
{
	(void)state;
	expect("{\"\\u0065ma\\u0069l\":\"a\",\"\\ud83d\\ude00\":\"2024-02-03\"}", false,
	    "{\"\\u0065ma\\u0069l\":\"x\",\"\\ud83d\\ude00\":\"1970-01-01\"}", AG_MASK_FINE);
	expect("{\"email\":\"a\",\"\\u0065mail\":\"b\"}", false, NULL, AG_MASK_DUPLICATE);
	expect("{\"😀\":1,\"x\":{\"😀\":1},\"\\uD83D\\uDE00\":2}", false, NULL, AG_MASK_DUPLICATE);
	expect("{\"email\":{\"a\":1,\"a\":2}}", false, NULL, AG_MASK_DUPLICATE);
	expect("[{\"a\":1},{\"a\":1}]", false, "[{\"a\":1},{\"a\":1}]", AG_MASK_FINE);
	expect("{\"\\ud83d\":1}", false, NULL, AG_MASK_MALFORMED);
	expect("{\"\\ude00\":1}", false, NULL, AG_MASK_MALFORMED);
	expect("{\"\\ud83dx\":1}", false, NULL, AG_MASK_MALFORMED);
	expect("{\"x\":\"\\ud83d\",\"email\":\"\\ud83dA\"}", false,
	    "{\"x\":\"\\ud83d\",\"email\":\"xX\"}", AG_MASK_FINE);
}

static void feed__keeps_what_it_need_not_touch(void **state)
{
	static const char text[] =
	    "\xEF\xBB\xBF{\"n\":[-0,0.10,1E400,123456789012345678901234567890],"
	    "\"s\":\"\\/\\b\\u00e9é\x7f\",\"\":null,\t\"t\":true}\r\n";

	(void)state;
	expect(text, false, text, AG_MASK_FINE);
	expect("42", false, "42", AG_MASK_FINE);
	expect("\"x\" ", false, "\"x\" ", AG_MASK_FINE);
}

static void feed__escapes_what_it_shows(void **state)
{
	(void)state;
	expect("{\"email\":\"a\\\"\\\\\\n\\u0001\\u007f\"}", false,
	    "{\"email\":\"x\\\"\\\\\\u000a\\u0001\x7f\"}", AG_MASK_FINE);
}

static void feed__refuses_what_is_no_json(void **state)
{
	static const char *const bad[] = {"{\"a\":1,}", "{a:1}", "[1,]", "[1 2]", "{\"a\" 1}", "01",
	    "-a", "1.x", ".5", "1ex", "1e+-", "+1", "1.5.2", "tru e", "truee", "nul1", "\"\\x\"",
	    "\"\\u12g4\"", "\"\t\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"",
	    "\"\xf4\x90\x80\x80\"", "{}{}", "[]x", "}", "]", "[}", "{]", "'a'", "// x\n1",
	    "\xEF\xBB{}", "NaN", "{\"a\":1 \"b\":2}", "{,}", "[,1]", "{\"a\":}", "\x01"};
	static const char *const cut[] = {"", " ", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1",
	    "{\"a\":1,", "\"abc", "\"a\\", "\"a\\u00", "tru", "[1,", "{\"email\":\"abc", "\xEF\xBB",
	    "\"\xc3", "-", "1.", "1e", "1e+"};

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		expect(bad[i], false, NULL, AG_MASK_MALFORMED);
	for (size_t i = 0; i < OR_LEN(cut); i++)
		expect(cut[i], false, NULL, AG_MASK_TRUNCATED);
}

static void feed__takes_a_value_a_line(void **state)
{
	(void)state;
	expect("{\"email\":\"a\"}\n\n{\"card\":{\"number\":\"12345\"}}\r\n{\"number\":\"12345\"}",
	    true,
	    "{\"email\":\"x\"}\n\n{\"card\":{\"number\":\"x2345\"}}\r\n{\"number\":\"12345\"}",
	    AG_MASK_FINE);
	expect("", true, "", AG_MASK_FINE);
	expect("1\n2\n", true, "1\n2\n", AG_MASK_FINE);
	expect("{\"a\":\n1}", true, NULL, AG_MASK_MALFORMED);
	expect("{} {}", true, NULL, AG_MASK_MALFORMED);
	expect("{\"a\":1}\n{\"a\":1,\"a\":1}\n", true, NULL, AG_MASK_DUPLICATE);
	expect("{}\n{", true, NULL, AG_MASK_TRUNCATED);
}

static void fill(struct or_buf *b, const char *piece, size_t times)
{
	for (size_t i = 0; i < times; i++)
		or_buf_put_str(b, piece);
}

static void feed__has_limits(void **state)
{
	struct or_buf in, out;

	(void)state;
	or_buf_init(&in, MAX);
	or_buf_init(&out, MAX);
	fill(&in, "[", OR_JSON_DEPTH_MAX);
	fill(&in, "]", OR_JSON_DEPTH_MAX);
	assert_int_equal(run(&out, or_buf_slice(&in), false, 7, MAX), AG_MASK_FINE);
	or_buf_clear(&in);
	fill(&in, "[", OR_JSON_DEPTH_MAX + 1);
	assert_int_equal(run(&out, or_buf_slice(&in), false, 7, MAX), AG_MASK_DEEP);
	or_buf_clear(&in);
	fill(&in, "{\"", 1);
	fill(&in, "n", AG_MASK_JSON_NAME_MAX + 1);
	fill(&in, "\":1}", 1);
	assert_int_equal(run(&out, or_buf_slice(&in), false, 7, MAX), AG_MASK_LARGE);
	assert_int_equal(run(&out, or_buf_slice(&in), false, MAX, MAX), AG_MASK_LARGE);
	or_buf_clear(&in);
	fill(&in, "{\"note\":\"", 1);
	fill(&in, "n", AG_MASK_VALUE_MAX + 1);
	fill(&in, "\",\"email\":\"", 1);
	assert_int_equal(run(&out, or_buf_slice(&in), false, 4096, MAX), AG_MASK_TRUNCATED);
	fill(&in, "n", AG_MASK_VALUE_MAX + 1);
	fill(&in, "\"}", 1);
	assert_int_equal(run(&out, or_buf_slice(&in), false, 4096, MAX), AG_MASK_LARGE);
	assert_int_equal(run(&out, or_buf_slice(&in), false, MAX, MAX), AG_MASK_LARGE);
	or_buf_done(&in);
	or_buf_done(&out);
}

static void feed__remembers_many_names(void **state)
{
	enum { N = 30000 };
	struct or_buf in, out;

	(void)state;
	or_buf_init(&in, MAX);
	or_buf_init(&out, MAX);
	or_buf_put_byte(&in, '{');
	for (size_t i = 0; i < N; i++)
		or_buf_printf(&in, "\"k%zu\":{\"a\":1,\"b\":2},", i);
	or_buf_put_str(&in, "\"last\":1}");
	assert_int_equal(run(&out, or_buf_slice(&in), false, 1000, MAX), AG_MASK_FINE);
	in.n--;
	or_buf_put_str(&in, ",\"k777\":1}");
	assert_int_equal(run(&out, or_buf_slice(&in), false, 1000, MAX), AG_MASK_DUPLICATE);
	or_buf_clear(&in);
	or_buf_put_byte(&in, '{');
	for (size_t i = 0; i < 2 * N; i++)
		or_buf_printf(&in, "\"k%zu\":1,", i);
	assert_int_equal(run(&out, or_buf_slice(&in), false, 1000, MAX), AG_MASK_LARGE);
	or_buf_done(&in);
	or_buf_done(&out);
}

/* Whichever way round they are given. */
static void columns__that_meet_at_a_member_have_one_winner(void **state)
{
	static const struct or_slice b_path[] = {{(const uint8_t *)"b", 1}};
	static const struct or_slice a_b_path[] = {{(const uint8_t *)"a.b", 3}};
	struct pol_mask two[] = {
	    {.path = b_path, .n_path = 1, .kind = POL_MASK_CONSTANT, .constant = OR_SLICE_LIT("y")},
	    {.path = a_b_path,
		.n_path = 1,
		.kind = POL_MASK_CONSTANT,
		.constant = OR_SLICE_LIT("z")},
	};
	const struct pol_masks set = {two, OR_LEN(two)};
	struct ag_mask_plan *whole = plan;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ag_mask_plan_new(&plan, &set, OR_SLICE_LIT("key"), NULL), OR_OK);
		expect("{\"a.b\": 1, \"b\": 2}", false,
		    i ? "{\"a.b\": \"y\", \"b\": \"z\"}" : "{\"a.b\": \"y\", \"b\": \"y\"}",
		    AG_MASK_FINE);
		ag_mask_plan_free(plan);
		two[0].constant = OR_SLICE_LIT("z");
		two[1].constant = OR_SLICE_LIT("y");
	}
	plan = whole;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(feed__masks_members_wherever_rows_stand),
	    cmocka_unit_test(feed__leaves_nothing_of_objects_and_lists),
	    cmocka_unit_test(feed__knows_names_however_they_are_written),
	    cmocka_unit_test(feed__keeps_what_it_need_not_touch),
	    cmocka_unit_test(feed__escapes_what_it_shows),
	    cmocka_unit_test(feed__refuses_what_is_no_json),
	    cmocka_unit_test(feed__takes_a_value_a_line),
	    cmocka_unit_test(feed__has_limits),
	    cmocka_unit_test(feed__remembers_many_names),
	    cmocka_unit_test(columns__that_meet_at_a_member_have_one_winner),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
