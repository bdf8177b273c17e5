/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, and what they say. */
#include "agent/capture/decode/decode.h"

#include "agent/capture/decode/level.h"
#include "tests/support/support.h"

#include <stdio.h>

static struct or_arena *arena;
static struct ag_decoded d;

static bool read_as(enum ag_decode_kind kind, const char *line)
{
	return ag_decode_read(&d, kind, or_slice_str(line), arena);
}

static const struct or_json *pair(const char *key)
{
	for (size_t i = 0; i < d.n; i++) {
		if (or_slice_is(d.pairs[i].key, key))
			return d.pairs[i].value;
	}
	fail_msg("there is no %s", key);
	return NULL;
}

static void json__is_mapped(void **state)
{
	(void)state;
	assert_true(read_as(AG_DECODE_JSON,
	    " {\"ts\":1795518000,\"level\":\"Warning\",\"msg\":\"hi\\n\",\"a\":{\"b\":[1]},\"trace_"
	    "id\":\"0AF7651916cd43dd8448eb211c80319c\",\"span_id\":\"b7ad6b7169203331\",\"x\":null}"
	    "\r"));
	assert_int_equal(d.time_ns, 1795518000000000000);
	assert_int_equal(d.severity, 13);
	ASSERT_SLICE(d.severity_text, "Warning");
	ASSERT_SLICE(d.message, "hi\n");
	assert_int_equal(d.trace_id.n, 16);
	assert_int_equal(d.trace_id.p[0], 0x0a);
	assert_int_equal(d.span_id.n, 8);
	assert_int_equal(d.n, 2);
	assert_int_equal(pair("a")->type, OR_JSON_OBJECT);
	assert_int_equal(pair("x")->type, OR_JSON_NULL);
}

static void json__keeps_what_it_cannot_use(void **state)
{
	(void)state;
	assert_true(read_as(AG_DECODE_JSON,
	    "{\"time\":\"yesterday\",\"timestamp\":\"2026-11-24 11:00:00,250\",\"level\":\"loud\","
	    "\"severity\":50,\"message\":3,\"msg\":\"m\",\"trace_id\":"
	    "\"00000000000000000000000000000000\"}"));
	assert_int_equal(d.time_ns, 1795518000250000000);
	assert_int_equal(d.severity, 17);
	ASSERT_SLICE(d.message, "m");
	assert_int_equal(d.trace_id.n, 0);
	assert_int_equal(d.n, 4);
	ASSERT_SLICE(pair("time")->s, "yesterday");
	ASSERT_SLICE(pair("level")->s, "loud");
	assert_int_equal(pair("message")->i, 3);
}

static void json__that_is_none_stays_text(void **state)
{
	static const char *const lines[] = {"", "{", "{}x", "[1]", "3", "\"a\"",
	    "{\"a\":1,\"a\":2}", "{\"a\":01}", "{\"a\":\"\xff\"}", "{'a':1}",
	    "{\"a\":[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]}"};

	(void)state;
	for (size_t i = 0; i < OR_LEN(lines); i++) {
		assert_false(read_as(AG_DECODE_JSON, lines[i]));
		ASSERT_SLICE(d.message, lines[i]);
		assert_int_equal(d.n, 0);
	}
	assert_true(read_as(AG_DECODE_JSON, "{}"));
	assert_int_equal(d.message.n, 0);
}

static void times__are_told_by_their_size(void **state)
{
	static const char *const same[] = {"1795518000", "1795518000000", "1795518000000000",
	    "1795518000000000000", "1795518000.0", "1795518000000.0", "\"2026-11-24T11:00:00Z\"",
	    "\"2026-11-24T12:00:00+01:00\"", "\"2026-11-24T11:00:00\"",
	    "\"2026-11-24 11:00:00.0\""};
	char line[64];

	(void)state;
	for (size_t i = 0; i < OR_LEN(same); i++) {
		snprintf(line, sizeof(line), "{\"ts\":%s}", same[i]);
		assert_true(read_as(AG_DECODE_JSON, line));
		assert_int_equal(d.time_ns, 1795518000000000000);
	}
	for (const char *const *w = (const char *const[]){"-1", "0", "1e300", "\"\"", "\"11:00\"",
		 "9223372036854775807000", NULL};
	     *w; w++) {
		snprintf(line, sizeof(line), "{\"ts\":%s}", *w);
		(void)read_as(AG_DECODE_JSON, line);
		assert_int_equal(d.time_ns, 0);
	}
}

static void logfmt__is_mapped(void **state)
{
	(void)state;
	assert_true(read_as(AG_DECODE_LOGFMT,
	    "time=2026-11-24T11:00:00Z level=err msg=\"it \\\"was\\\" so\" n=3 empty= quiet "
	    "path=/a=b \t u=\"it\\'s\""));
	assert_int_equal(d.time_ns, 1795518000000000000);
	assert_int_equal(d.severity, 17);
	ASSERT_SLICE(d.message, "it \"was\" so");
	assert_int_equal(d.n, 5);
	ASSERT_SLICE(pair("n")->s, "3");
	ASSERT_SLICE(pair("empty")->s, "");
	ASSERT_SLICE(pair("path")->s, "/a=b");
	ASSERT_SLICE(pair("u")->s, "it's");
	assert_true(pair("quiet")->b);
}

static void logfmt__that_is_none_stays_text(void **state)
{
	static const char *const lines[] = {"", "  ", "plain words", "hello a=b", "a=\"b",
	    "a=\"b\"c", "a=b\"c", "=b", "a=1 a=2", "a=b, c(d)=e", "a=\"\\q\"", "a=\"\\"};

	(void)state;
	for (size_t i = 0; i < OR_LEN(lines); i++) {
		if (read_as(AG_DECODE_LOGFMT, lines[i]))
			fail_msg("%s was taken", lines[i]);
		ASSERT_SLICE(d.message, lines[i]);
	}
}

static void severity__is_found_in_text(void **state)
{
	static const struct {
		const char *line;
		uint8_t number;
		const char *word;
	} cases[] = {
	    {"2026-11-24 11:00:00,1 ERROR it broke", 17, "ERROR"},
	    {"[warn] slowly", 13, "warn"},
	    {"Warning: old", 13, "Warning"},
	    {"11:00 INFO no ERROR here", 9, "INFO"},
	    {"E1124 11:00:00.000001 1 a.go:1] b", 17, "E"},
	    {"<3>kernel says", 17, "3"},
	    {"level=debug msg=x", 5, "debug"},
	    {"{\"level\":\"fatal\"}", 21, "fatal"},
	    {"CRITICAL:root:x", 21, "CRITICAL"},
	    {"no error was found, info follows", 0, ""},
	    {"ERROR_COUNT is 3", 0, ""},
	    {"the information desk", 0, ""},
	    {"", 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		assert_true(read_as(AG_DECODE_SEVERITY, cases[i].line));
		if (d.severity != cases[i].number)
			fail_msg("%s: %d", cases[i].line, d.severity);
		ASSERT_SLICE(d.severity_text, cases[i].word);
		ASSERT_SLICE(d.message, cases[i].line);
	}
	assert_int_equal(ag_level_of_syslog(0), 21);
	assert_int_equal(ag_level_of_syslog(7), 5);
	assert_int_equal(ag_level_of_number(40), 13);
	assert_int_equal(ag_level_of_number(45), 0);
}

static void kinds__have_names(void **state)
{
	enum ag_decode_kind kind;

	(void)state;
	ASSERT_CODE(ag_decode_kind_of(&kind, OR_SLICE_LIT("logfmt")), OR_OK);
	assert_int_equal(kind, AG_DECODE_LOGFMT);
	ASSERT_CODE(ag_decode_kind_of(&kind, OR_SLICE_LIT("xml")), OR_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json__is_mapped),
	    cmocka_unit_test(json__keeps_what_it_cannot_use),
	    cmocka_unit_test(json__that_is_none_stays_text),
	    cmocka_unit_test(times__are_told_by_their_size),
	    cmocka_unit_test(logfmt__is_mapped),
	    cmocka_unit_test(logfmt__that_is_none_stays_text),
	    cmocka_unit_test(severity__is_found_in_text),
	    cmocka_unit_test(kinds__have_names),
	};
	int rc;

	arena = or_arena_new(1 << 20);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	or_arena_free(arena);
	return rc;
}
