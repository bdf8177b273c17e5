/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp.h"

#include "proto/otlp_json.h"
#include "proto/otlp_row.h"
#include "proto/pb.h"
#include "tests/support/support.h"

enum { ROOM = 1 << 20 };

struct fixture {
	struct or_arena *a;
	struct or_buf out, text;
	struct or_err err;
	struct wire_otlp_row rows[8];
	size_t n;
};

static int set_up(void **state)
{
	static struct fixture x;

	x = (struct fixture){.a = or_arena_new(ROOM)};
	or_buf_init(&x.out, ROOM);
	or_buf_init(&x.text, ROOM);
	*state = &x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_arena_free(x->a);
	or_buf_done(&x->out);
	or_buf_done(&x->text);
	return 0;
}

static enum or_code read_json(struct fixture *x, enum wire_otlp_kind kind, const char *text)
{
	or_buf_clear(&x->out);
	or_arena_clear(x->a);
	return wire_otlp_json_read(&x->out, kind, or_slice_str(text), x->a, &x->err);
}

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	struct fixture *x = arg;

	x->rows[x->n++] = *row;
	return x->n < OR_LEN(x->rows);
}

static void walk(struct fixture *x, enum wire_otlp_kind kind)
{
	uint64_t items;

	x->n = 0;
	ASSERT_OK(wire_otlp_check(&items, kind, or_buf_slice(&x->out), &x->err), &x->err);
	wire_otlp_row_each(kind, or_buf_slice(&x->out), on_row, x);
	assert_int_equal(items, x->n);
}

static void json_read__gives_the_bytes_of_the_specification(void **state)
{
	static const char text[] =
	    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{"
	    "\"timeUnixNano\":\"1\",\"severityNumber\":9,\"body\":{\"stringValue\":\"\"},"
	    "\"traceId\":\"0A0b\",\"unknownMember\":[1]}]}]}]}";
	static const uint8_t expected[] = {0x0a, 0x17, 0x12, 0x15, 0x12, 0x13, 0x09, 1, 0, 0, 0, 0,
	    0, 0, 0, 0x10, 0x09, 0x2a, 0x02, 0x0a, 0x00, 0x4a, 0x02, 0x0a, 0x0b};
	struct fixture *x = *state;

	ASSERT_OK(read_json(x, WIRE_OTLP_LOGS, text), &x->err);
	assert_int_equal(x->out.n, sizeof(expected));
	assert_memory_equal(x->out.p, expected, sizeof(expected));
}

static void json_read__refuses_wrong_types(void **state)
{
	static const char *const cases[] = {
	    "[]",
	    "{\"resourceLogs\":{}}",
	    "{\"resourceLogs\":[3]}",
	    "{\"resourceLogs\":[{\"schemaUrl\":3}]}",
	    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"x\"}]}]}]}",
	    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":-1}]}]}]}",
	    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":\"INFO\"}]}]}]"
	    "}",
	    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"traceId\":\"xyz\"}]}]}]}",
	    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"a\","
	    "\"intValue\":1}}]}]}]}",
	    "{\"resourceLogs\":[{\"resource\":{\"droppedAttributesCount\":4294967296}}]}",
	    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"value\":{\"bytesValue\":\"%\"}}]}"
	    "}]"
	    "}",
	    "{\"resourceLogs\":[",
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < OR_LEN(cases); i++)
		ASSERT_CODE(read_json(x, WIRE_OTLP_LOGS, cases[i]), OR_PARSE);
}

static void json__keeps_numbers_of_every_kind(void **state)
{
	static const char text[] =
	    "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"h\","
	    "\"exponentialHistogram\":{\"dataPoints\":[{\"count\":\"18446744073709551615\","
	    "\"sum\":0,\"scale\":-3,\"positive\":{\"offset\":-2147483648,\"bucketCounts\":[\"1\","
	    "\"0\"]},"
	    "\"min\":\"-Infinity\",\"max\":\"NaN\",\"zeroThreshold\":1.5}],"
	    "\"aggregationTemporality\":2}}]}]}]}";
	struct fixture *x = *state;
	struct or_jsonw w;

	ASSERT_OK(read_json(x, WIRE_OTLP_METRICS, text), &x->err);
	or_jsonw_init(&w, &x->text, 0);
	wire_otlp_json_write(&w, WIRE_OTLP_METRICS, or_buf_slice(&x->out));
	ASSERT_HAS(or_buf_text(&x->text), "\"count\":\"18446744073709551615\"");
	ASSERT_HAS(or_buf_text(&x->text), "\"scale\":-3");
	ASSERT_HAS(or_buf_text(&x->text), "\"offset\":-2147483648,\"bucketCounts\":[\"1\",\"0\"]");
	ASSERT_HAS(or_buf_text(&x->text), "\"min\":\"-Infinity\",\"max\":\"NaN\"");
	ASSERT_HAS(or_buf_text(&x->text), "\"zeroThreshold\":1.5");
	walk(x, WIRE_OTLP_METRICS);
	assert_true(x->rows[0].has_sum && x->rows[0].count == UINT64_MAX);
}

static void check__refuses(void **state)
{
	static const struct or_slice cases[] = {
	    OR_SLICE_LIT("\x08\x01"),                         /* resource_logs as a number */
	    OR_SLICE_LIT("\x0a\x02\x1a\x05"),                 /* cut short */
	    OR_SLICE_LIT("\x0a\x03\x1a\x01\xff"),             /* schema_url is not UTF-8 */
	    OR_SLICE_LIT("\x0a\x06\x12\x04\x12\x02\x0d\x01"), /* time as fixed32 */
	    OR_SLICE_LIT("{\"resourceLogs\":[]}"),
	};
	struct fixture *x = *state;
	uint64_t items = 7;

	for (size_t i = 0; i < OR_LEN(cases); i++)
		ASSERT_CODE(wire_otlp_check(&items, WIRE_OTLP_LOGS, cases[i], &x->err), OR_PARSE);
	assert_int_equal(items, 7);
	ASSERT_CODE(wire_otlp_check(&items, WIRE_OTLP_LOGS, OR_SLICE_NONE, &x->err), OR_OK);
	assert_int_equal(items, 0);
	/* A field that only a newer sender knows. */
	ASSERT_CODE(wire_otlp_check(
			&items, WIRE_OTLP_LOGS, OR_SLICE_LIT("\x0a\x05\xc2\x3e\x02hi"), &x->err),
	    OR_OK);
}

/* Puts an AnyValue of that many arrays, one in the other: two messages each. */
static void put_nested(struct or_buf *out, int arrays)
{
	struct or_buf inner, outer;

	or_buf_init(&inner, ROOM);
	or_buf_init(&outer, ROOM);
	for (int i = 0; i < arrays; i++) {
		or_buf_clear(&outer);
		wire_pb_append(&outer, 1, or_buf_slice(&inner)); /* ArrayValue.values */
		or_buf_clear(&inner);
		wire_pb_append(&inner, 5, or_buf_slice(&outer)); /* AnyValue.array_value */
	}
	for (int i = 0; i < 4; i++) { /* record, scope, resource, request: 5, 2, 2, 1 */
		static const uint32_t nums[] = {5, 2, 2, 1};

		or_buf_clear(&outer);
		wire_pb_append(&outer, nums[i], or_buf_slice(&inner));
		or_buf_clear(&inner);
		or_buf_put_slice(&inner, or_buf_slice(&outer));
	}
	or_buf_clear(out);
	or_buf_put_slice(out, or_buf_slice(&inner));
	or_buf_done(&inner);
	or_buf_done(&outer);
}

static void check__bounds_depth(void **state)
{
	struct fixture *x = *state;
	uint64_t items;

	put_nested(&x->out, (WIRE_OTLP_DEPTH_MAX - 4) / 2);
	ASSERT_OK(wire_otlp_check(&items, WIRE_OTLP_LOGS, or_buf_slice(&x->out), &x->err), &x->err);
	put_nested(&x->out, (WIRE_OTLP_DEPTH_MAX - 4) / 2 + 1);
	ASSERT_CODE(
	    wire_otlp_check(&items, WIRE_OTLP_LOGS, or_buf_slice(&x->out), &x->err), OR_PARSE);
}

static void row_each__gives_logs_points_and_spans(void **state)
{
	struct fixture *x = *state;

	ASSERT_OK(
	    read_json(x, WIRE_OTLP_LOGS,
		"{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
		"\"value\":{\"stringValue\":\"orders\"}}]},\"scopeLogs\":[{\"scope\":{\"name\":"
		"\"s\"},\"logRecords\":[{\"observedTimeUnixNano\":5,\"severityNumber\":17,"
		"\"body\":{\"stringValue\":\"boom\"}},{\"timeUnixNano\":6}]}]}]}"),
	    &x->err);
	walk(x, WIRE_OTLP_LOGS);
	assert_int_equal(x->n, 2);
	ASSERT_SLICE(x->rows[0].service, "orders");
	ASSERT_SLICE(x->rows[0].scope, "s");
	ASSERT_SLICE(wire_otlp_row_text(x->rows[0].body), "boom");
	assert_int_equal(x->rows[0].time_ns, 5);
	assert_string_equal(wire_otlp_row_severity(x->rows[0].severity), "error");
	assert_int_equal(x->rows[1].time_ns, 6);

	ASSERT_OK(
	    read_json(x, WIRE_OTLP_METRICS,
		"{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":["
		"{\"name\":\"a\",\"unit\":\"By\",\"gauge\":{\"dataPoints\":[{\"asInt\":\"-4\"}]}},"
		"{\"name\":\"b\",\"sum\":{\"dataPoints\":[{\"asDouble\":2.5}]}},"
		"{\"name\":\"c\",\"histogram\":{\"dataPoints\":[{\"count\":3,\"sum\":9}]}}]}]}]"
		"}"),
	    &x->err);
	walk(x, WIRE_OTLP_METRICS);
	assert_int_equal(x->n, 3);
	assert_true(x->rows[0].is_int && x->rows[0].i == -4);
	assert_string_equal(x->rows[0].type, "gauge");
	ASSERT_SLICE(x->rows[0].unit, "By");
	assert_true(x->rows[1].has_value && x->rows[1].value == 2.5);
	assert_true(x->rows[2].has_count && x->rows[2].count == 3 && x->rows[2].sum == 9);

	ASSERT_OK(read_json(x, WIRE_OTLP_SPANS,
		      "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"GET\","
		      "\"startTimeUnixNano\":1,\"endTimeUnixNano\":3}]}]}]}"),
	    &x->err);
	walk(x, WIRE_OTLP_SPANS);
	ASSERT_SLICE(x->rows[0].name, "GET");
	assert_int_equal(x->rows[0].end_ns, 3);
}

static void json_pairs__writes_each_key_once(void **state)
{
	struct fixture *x = *state;
	struct or_jsonw w;

	ASSERT_OK(read_json(x, WIRE_OTLP_LOGS,
		      "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"attributes\":["
		      "{\"key\":\"k\",\"value\":{\"intValue\":1}},{\"key\":\"k\",\"value\":{"
		      "\"intValue\":2}},{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[{"
		      "\"boolValue\":true},{}]}}},{\"key\":\"m\",\"value\":{\"kvlistValue\":{"
		      "\"values\":[{\"key\":\"n\",\"value\":{\"doubleValue\":0.5}}]}}}]}]}]}]}"),
	    &x->err);
	walk(x, WIRE_OTLP_LOGS);
	or_jsonw_init(&w, &x->text, 0);
	wire_otlp_json_pairs(&w, x->rows[0].message, x->rows[0].attributes);
	assert_string_equal(or_buf_text(&x->text), "{\"k\":1,\"l\":[true,null],\"m\":{\"n\":0.5}}");
}

static void put_lines__makes_a_request(void **state)
{
	struct wire_otlp_line line = {
	    .time_ns = 42, .text = OR_SLICE_LIT("hello"), .iostream = "stdout"};
	struct fixture *x = *state;
	struct or_slice any;

	wire_otlp_put_line(&x->text, &line);
	line = (struct wire_otlp_line){
	    .time_ns = 43, .text = OR_SLICE_LIT("\xff"), .iostream = "stderr", .is_cut = true};
	wire_otlp_put_line(&x->text, &line);
	wire_otlp_put_lines(&x->out, "orders", or_buf_slice(&x->text), 7, 44);
	walk(x, WIRE_OTLP_LOGS);
	assert_int_equal(x->n, 3);
	ASSERT_SLICE(x->rows[0].service, "orders");
	assert_true(wire_otlp_row_find(&any, x->rows[0].message, x->rows[0].attributes,
	    OR_SLICE_LIT("outrider.dropped_lines")));
	ASSERT_SLICE(wire_otlp_row_text(x->rows[1].body), "hello");
	assert_true(wire_otlp_row_find(
	    &any, x->rows[1].message, x->rows[1].attributes, OR_SLICE_LIT("log.iostream")));
	ASSERT_SLICE(wire_otlp_row_text(any), "stdout");
	assert_int_equal(wire_otlp_row_text(x->rows[2].body).n, 0); /* bytes */
	assert_true(wire_otlp_row_find(
	    &any, x->rows[2].message, x->rows[2].attributes, OR_SLICE_LIT("outrider.truncated")));
}

static void severity_find__takes_names(void **state)
{
	uint64_t n;

	(void)state;
	ASSERT_CODE(wire_otlp_row_severity_find(&n, OR_SLICE_LIT("WARN")), OR_OK);
	assert_int_equal(n, 13);
	ASSERT_CODE(wire_otlp_row_severity_find(&n, OR_SLICE_LIT("loud")), OR_ABSENT);
	assert_string_equal(wire_otlp_row_severity(25), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_read__gives_the_bytes_of_the_specification),
	    cmocka_unit_test(json_read__refuses_wrong_types),
	    cmocka_unit_test(json__keeps_numbers_of_every_kind),
	    cmocka_unit_test(check__refuses),
	    cmocka_unit_test(check__bounds_depth),
	    cmocka_unit_test(row_each__gives_logs_points_and_spans),
	    cmocka_unit_test(json_pairs__writes_each_key_once),
	    cmocka_unit_test(put_lines__makes_a_request),
	    cmocka_unit_test(severity_find__takes_names),
	};
	struct CMUnitTest with[OR_LEN(tests)];

	memcpy(with, tests, sizeof(tests));
	for (size_t i = 0; i < OR_LEN(with); i++) {
		with[i].setup_func = set_up;
		with[i].teardown_func = tear_down;
	}
	return cmocka_run_group_tests(with, NULL, NULL);
}
