/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/openlineage.h"

#include "tests/support/support.h"

#define COMMON                                                                                     \
	"\"eventTime\":\"2026-11-24T11:18:28+01:00\",\"producer\":\"p:1\",\"schemaURL\":\"s:1\""
#define JOB "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}"

static enum or_code parse(
    struct wire_openlineage *e, const char *text, struct or_arena *a, struct or_err *err)
{
	or_arena_clear(a);
	return wire_openlineage_parse(e, or_slice_str(text), a, err);
}

static void parse__reads_the_three_kinds(void **state)
{
	struct or_arena *a = or_arena_new(1 << 20);
	struct wire_openlineage e;
	struct or_err err;

	(void)state;
	ASSERT_OK(parse(&e,
		      "{" COMMON ",\"eventType\":\"COMPLETE\",\"run\":{\"runId\":\"r\"},"
		      "\"job\":{\"namespace\":\"n\",\"name\":\"j\",\"facets\":{"
		      "\"sourceCodeLocation\":{\"_producer\":\"a:b\",\"_schemaURL\":\"a:c\","
		      "\"version\":\"abc\"}}},"
		      "\"inputs\":[{\"namespace\":\"file\",\"name\":\"/in\"}],"
		      "\"outputs\":[{\"namespace\":\"file\",\"name\":\"/out\"}]}",
		      a, &err),
	    &err);
	assert_int_equal(e.kind, WIRE_OPENLINEAGE_RUN);
	ASSERT_SLICE(e.event_type, "COMPLETE");
	ASSERT_SLICE(e.run_id, "r");
	ASSERT_SLICE(e.job.name, "j");
	ASSERT_SLICE(e.version, "abc");
	assert_int_equal(e.n_inputs, 1);
	ASSERT_SLICE(e.inputs[0].name, "/in");
	ASSERT_SLICE(e.outputs[0].namespace, "file");
	assert_true(e.time_ns == 1795515508LL * OR_NS_PER_S);

	ASSERT_OK(parse(&e, "{" COMMON "," JOB "}", a, &err), &err);
	assert_int_equal(e.kind, WIRE_OPENLINEAGE_JOB);
	ASSERT_OK(
	    parse(&e, "{" COMMON ",\"dataset\":{\"namespace\":\"n\",\"name\":\"d\"}}", a, &err),
	    &err);
	assert_int_equal(e.kind, WIRE_OPENLINEAGE_DATASET);
	ASSERT_SLICE(e.outputs[0].name, "d");
	or_arena_free(a);
}

static void parse__names_what_is_missing(void **state)
{
	static const struct {
		const char *text, *what;
	} cases[] = {
	    {"[]", "an event is an object"},
	    {"{", "line 1"},
	    {"{\"producer\":\"p\",\"schemaURL\":\"s\"," JOB "}", "eventTime: it is required"},
	    {"{\"eventTime\":\"2026-11-24T11:18:28\",\"producer\":\"p\",\"schemaURL\":\"s\"," JOB
	     "}",
		"eventTime: expected a time with its offset"},
	    {"{\"eventTime\":\"2026-11-24T11:18:28Z\",\"schemaURL\":\"s\"," JOB "}", "producer"},
	    {"{\"eventTime\":\"2026-11-24T11:18:28Z\",\"producer\":\"p q\",\"schemaURL\":\"s\"," JOB
	     "}",
		"producer: expected a URI"},
	    {"{" COMMON "}", "neither run and job"},
	    {"{" COMMON ",\"run\":{\"runId\":\"r\"}}", "job: expected an object"},
	    {"{" COMMON ",\"run\":{}," JOB "}", "runId"},
	    {"{" COMMON ",\"eventType\":\"DONE\",\"run\":{\"runId\":\"r\"}," JOB "}", "eventType"},
	    {"{" COMMON "," JOB ",\"inputs\":{}}", "inputs: expected a list"},
	    {"{" COMMON "," JOB ",\"outputs\":[{\"name\":\"x\"}]}", "outputs: namespace"},
	    {"{" COMMON "," JOB
	     ",\"inputs\":[{\"namespace\":\"n\",\"name\":\"x\",\"facets\":{\"f\":{}}"
	     "}]}",
		"facets.f: _producer"},
	};
	struct or_arena *a = or_arena_new(1 << 20);
	struct wire_openlineage e = {.n_inputs = 77};
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		ASSERT_CODE(parse(&e, cases[i].text, a, &err), OR_PARSE);
		ASSERT_HAS(err.msg, cases[i].what);
	}
	assert_int_equal(e.n_inputs, 77);
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__reads_the_three_kinds),
	    cmocka_unit_test(parse__names_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
