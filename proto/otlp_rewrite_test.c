/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_rewrite.h"

#include "base/jsonw.h"
#include "proto/otlp_json.h"
#include "tests/support/support.h"

struct x {
	struct or_arena *arena;
	struct or_buf in, out, json;
};

static int setup(void **state)
{
	struct x *x = test_calloc(1, sizeof(*x));

	x->arena = or_arena_new(1 << 22);
	or_buf_init(&x->in, 1 << 20);
	or_buf_init(&x->out, 1 << 20);
	or_buf_init(&x->json, 1 << 20);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct x *x = *state;

	or_buf_done(&x->in);
	or_buf_done(&x->out);
	or_buf_done(&x->json);
	or_arena_free(x->arena);
	test_free(x);
	return 0;
}

/* "secret" goes wherever it stands; an attribute that is called pin goes whole. */
static bool change(void *arg, struct or_buf *out, struct or_slice key, struct or_slice text)
{
	(void)arg;
	if (!or_slice_is(key, "pin") && !or_slice_is(text, "secret"))
		return false;
	or_buf_clear(out);
	or_buf_put_str(out, "-");
	return true;
}

static bool rewritten(struct x *x, enum wire_otlp_kind kind, const char *json)
{
	struct or_err err;
	struct or_jsonw w;
	bool has_any;

	or_buf_clear(&x->in);
	or_buf_clear(&x->json);
	ASSERT_OK(wire_otlp_json_read(&x->in, kind, or_slice_str(json), x->arena, &err), &err);
	has_any = wire_otlp_rewrite(&x->out, kind, or_buf_slice(&x->in), change, NULL);
	or_jsonw_init(&w, &x->json, 0);
	wire_otlp_json_write(&w, kind, or_buf_slice(has_any ? &x->out : &x->in));
	return has_any;
}

#define LOGS(record) "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[" record "]}]}]}"

static void rewrite__changes_texts_at_any_depth(void **state)
{
	struct x *x = *state;

	assert_true(rewritten(x, WIRE_OTLP_LOGS,
	    LOGS("{\"body\":{\"stringValue\":\"secret\"},\"severityText\":\"secret\","
		 "\"attributes\":["
		 "{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"b\"},"
		 "{\"stringValue\":\"secret\"}]}}},"
		 "{\"key\":\"pin\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"x\","
		 "\"value\":{\"stringValue\":\"1\"}},{\"key\":\"pin\",\"value\":"
		 "{\"stringValue\":\"2\"}}]}}},{\"key\":\"pin\",\"value\":{\"intValue\":\"7\"}}]"
		 "}")));
	assert_string_equal(or_buf_text(&x->json),
	    LOGS(
		"{\"severityText\":\"secret\",\"body\":{\"stringValue\":\"-\"},\"attributes\":["
		"{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"b\"},"
		"{\"stringValue\":\"-\"}]}}},"
		"{\"key\":\"pin\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"x\","
		"\"value\":{\"stringValue\":\"1\"}},{\"key\":\"pin\",\"value\":"
		"{\"stringValue\":\"-\"}}]}}},{\"key\":\"pin\",\"value\":{\"intValue\":\"7\"}}]}"));
}

static void rewrite__changes_what_a_span_says(void **state)
{
	struct x *x = *state;

	assert_true(rewritten(x, WIRE_OTLP_SPANS,
	    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"secret\",\"status\":"
	    "{\"message\":\"secret\",\"code\":2},\"events\":[{\"name\":\"secret\",\"attributes\":["
	    "{\"key\":\"pin\",\"value\":{\"stringValue\":\"1\"}}]}]}]}]}]}"));
	assert_string_equal(or_buf_text(&x->json),
	    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"secret\",\"events\":["
	    "{\"name\":\"secret\",\"attributes\":[{\"key\":\"pin\",\"value\":{\"stringValue\":\"-"
	    "\"}}]}],"
	    "\"status\":{\"message\":\"-\",\"code\":2}}]}]}]}");
}

static void rewrite__leaves_what_has_nothing(void **state)
{
	struct x *x = *state;

	or_buf_put_str(&x->out, "untouched");
	assert_false(rewritten(x, WIRE_OTLP_LOGS, LOGS("{\"body\":{\"stringValue\":\"fine\"}}")));
	assert_string_equal(or_buf_text(&x->out), "untouched");
}

static void rewrite__says_when_there_is_no_room(void **state)
{
	struct x *x = *state;
	struct or_buf small;

	or_buf_init(&small, 4);
	assert_true(rewritten(x, WIRE_OTLP_LOGS, LOGS("{\"body\":{\"stringValue\":\"secret\"}}")));
	assert_true(wire_otlp_rewrite(&small, WIRE_OTLP_LOGS, or_buf_slice(&x->in), change, NULL));
	assert_false(or_buf_ok(&small));
	or_buf_done(&small);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(rewrite__changes_texts_at_any_depth, setup, teardown),
	    cmocka_unit_test_setup_teardown(rewrite__changes_what_a_span_says, setup, teardown),
	    cmocka_unit_test_setup_teardown(rewrite__leaves_what_has_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(rewrite__says_when_there_is_no_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
