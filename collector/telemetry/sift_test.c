/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/telemetry/sift.h"

#include "tests/support/support.h"

static bool matches(const struct wire_otlp_row *row, const char *query)
{
	struct or_arena *a = or_arena_new(1 << 20);
	struct co_sift s;
	struct or_err err;
	bool is;

	ASSERT_OK(
	    co_sift_parse(&s, row->kind, or_slice_str(query), 1000 * OR_NS_PER_S, a, &err), &err);
	is = co_sift_matches(&s, row, OR_SLICE_LIT("orders"));
	or_arena_free(a);
	return is;
}

static void severity__takes_classes_and_numbers(void **state)
{
	struct wire_otlp_row row = {.kind = WIRE_OTLP_LOGS, .severity = 15};

	(void)state;
	assert_true(matches(&row, "severity=warn"));
	assert_true(matches(&row, "severity=WARN"));
	assert_true(matches(&row, "severity>=warn"));
	assert_true(matches(&row, "severity>info"));
	assert_true(matches(&row, "severity<=warn"));
	assert_true(matches(&row, "severity<error"));
	assert_true(matches(&row, "severity=15"));
	assert_true(matches(&row, "severity!=error"));
	assert_true(matches(&row, "severity=w*"));
	assert_false(matches(&row, "severity>warn"));
	assert_false(matches(&row, "severity<warn"));
	assert_false(matches(&row, "severity=13"));
	assert_false(matches(&row, "severity>=error"));
}

static void value__compares(void **state)
{
	struct wire_otlp_row row = {.kind = WIRE_OTLP_METRICS,
	    .name = OR_SLICE_LIT("http.requests"),
	    .type = "sum",
	    .has_value = true,
	    .value = 2.5};

	(void)state;
	assert_true(matches(&row, "value>2 value<=2.5 type=sum requests"));
	assert_true(matches(&row, "name=http.*"));
	assert_false(matches(&row, "value>2.5"));
	assert_false(matches(&row, "value=x"));
	row.has_value = false;
	assert_false(matches(&row, "value>2"));
}

static void parse__says_where(void **state)
{
	static const char *const cases[] = {"since=soon", "limit=0", "limit=10001", "limit>3",
	    "a=", "(a)", "severity=loud", "size>big", "= 3", "\"open"};
	struct or_arena *a = or_arena_new(1 << 20);
	struct co_sift s;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		ASSERT_CODE(co_sift_parse(&s, WIRE_OTLP_LOGS, or_slice_str(cases[i]), 0, a, &err),
		    OR_PARSE);
		ASSERT_HAS(err.msg, "^");
	}
	or_arena_free(a);
}

static void put__leaves_out_what_json_cannot_say(void **state)
{
	struct wire_otlp_row row = {.kind = WIRE_OTLP_METRICS, .type = "gauge", .has_value = true};
	struct or_jsonw w;
	struct or_buf out;

	(void)state;
	or_buf_init(&out, 4096);
	row.value = __builtin_nan("");
	or_jsonw_init(&w, &out, 0);
	co_sift_put(&w, &row, OR_SLICE_LIT("orders"), 1);
	assert_true(or_buf_ok(&out));
	assert_null(strstr(or_buf_text(&out), "value"));
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(severity__takes_classes_and_numbers),
	    cmocka_unit_test(value__compares),
	    cmocka_unit_test(parse__says_where),
	    cmocka_unit_test(put__leaves_out_what_json_cannot_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
