/* SPDX-License-Identifier: Apache-2.0 */
/* A record's attributes from JSON, checked by the codec's own schema and read back. */
#include "proto/otlp_value.h"

#include "proto/otlp_log.h"
#include "proto/otlp_row.h"
#include "tests/support/support.h"

#include <string.h>

struct found {
	struct or_buf names; /* attributes that are text, "key=value;" */
	int rows;
};

static bool on_row(void *arg, const struct wire_otlp_row *row)
{
	static const char *const keys[] = {"s", "long", "pin", "n"};
	struct found *f = arg;

	f->rows++;
	for (size_t i = 0; i < OR_LEN(keys); i++) {
		struct or_slice any;

		assert_true(
		    wire_otlp_row_find(&any, row->message, row->attributes, or_slice_str(keys[i])));
		or_buf_printf(&f->names, "%s=%.*s;", keys[i],
		    OR_SLICE_FMT(or_slice(wire_otlp_row_text(any).p,
			wire_otlp_row_text(any).n < 12 ? wire_otlp_row_text(any).n : 12)));
	}
	assert_int_equal(row->severity, 17);
	ASSERT_SLICE(row->severity_text, "error");
	assert_int_equal(row->trace_id.n, 16);
	assert_int_equal(row->span_id.n, 8);
	return true;
}

static bool hide_pin(void *arg, struct or_buf *out, struct or_slice key, struct or_slice text)
{
	(void)arg;
	if (!or_slice_is(key, "pin"))
		return false;
	or_buf_clear(out);
	or_buf_printf(out, "no %.*s", OR_SLICE_FMT(or_slice(text.p, 1)));
	return true;
}

static void values__nest_and_are_changed(void **state)
{
	static const char text[] =
	    "{\"s\":\"a\",\"long\":\"LONG\",\"pin\":4711,\"n\":-3,\"r\":1.5,\"t\":true,\"z\":null,"
	    "\"list\":[1,\"b\",[],{\"pin\":\"x\"}],\"map\":{\"a\":{\"b\":\"LONG\"}},\"e\":{}}";
	struct or_buf value, attributes, logs, request, json;
	struct wire_otlp_value_rewrite rewrite = {.fn = hide_pin, .text = &value};
	struct or_arena *a = or_arena_new(0);
	struct wire_otlp_log log = {.observed_ns = 5,
	    .text = OR_SLICE_LIT("body"),
	    .severity = 17,
	    .severity_text = OR_SLICE_LIT("error"),
	    .trace_id = OR_SLICE_LIT("0123456789abcdef"),
	    .span_id = OR_SLICE_LIT("01234567")};
	struct found found = {.rows = 0};
	const struct or_json *j;
	struct or_err err;
	uint64_t items;

	(void)state;
	or_buf_init(&value, 1024);
	or_buf_init(&attributes, 1 << 20);
	or_buf_init(&logs, 1 << 20);
	or_buf_init(&request, 1 << 20);
	or_buf_init(&json, 1 << 20);
	or_buf_init(&found.names, 1024);
	/* Texts whose length takes one byte, two and three. */
	for (size_t i = 0, n = 0; i < sizeof(text) - 1; i += n) {
		n = strncmp(text + i, "LONG", 4) == 0 ? 4 : 1;
		for (int k = 0; n == 4 && k < 20000; k++)
			or_buf_put_byte(&json, 'l');
		if (n == 1)
			or_buf_put_byte(&json, (uint8_t)text[i]);
	}
	ASSERT_OK(or_json_parse(&j, or_buf_slice(&json), a, &err), &err);
	for (size_t i = 0; i < j->object.n; i++)
		wire_otlp_value_put(&attributes, WIRE_OTLP_LOG_ATTRIBUTES, j->object.members[i].key,
		    j->object.members[i].value, &rewrite);
	assert_true(or_buf_ok(&attributes));
	log.attributes = or_buf_slice(&attributes);
	wire_otlp_log_put(&logs, &log);
	assert_true(logs.n <= log.text.n + log.attributes.n + WIRE_OTLP_LOG_ROOM);
	wire_otlp_log_request(&request, OR_SLICE_LIT("p"), OR_SLICE_LIT("/a"), or_buf_slice(&logs));
	ASSERT_OK(wire_otlp_check(&items, WIRE_OTLP_LOGS, or_buf_slice(&request), &err), &err);
	assert_int_equal(items, 1);
	wire_otlp_row_each(WIRE_OTLP_LOGS, or_buf_slice(&request), on_row, &found);
	assert_int_equal(found.rows, 1);
	assert_string_equal(or_buf_text(&found.names), "s=a;long=llllllllllll;pin=no 4;n=;");
	or_buf_done(&value);
	or_buf_done(&attributes);
	or_buf_done(&logs);
	or_buf_done(&request);
	or_buf_done(&json);
	or_buf_done(&found.names);
	or_arena_free(a);
}

static void full__is_said(void **state)
{
	struct or_buf out;

	(void)state;
	for (size_t max = 1; max < 12; max++) {
		or_buf_init(&out, max);
		wire_otlp_value_put_text(&out, 6, OR_SLICE_LIT("key"), OR_SLICE_LIT("x"));
		assert_false(or_buf_ok(&out));
		or_buf_done(&out);
	}
	or_buf_init(&out, 12);
	wire_otlp_value_put_text(&out, 6, OR_SLICE_LIT("key"), OR_SLICE_LIT("x"));
	assert_true(or_buf_ok(&out));
	assert_memory_equal(out.p, "\x32\x0a\x0a\x03key\x12\x03\x0a\x01x", 12);
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values__nest_and_are_changed),
	    cmocka_unit_test(full__is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
