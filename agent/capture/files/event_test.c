/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and how many records they are; a record begins with the lines that say so in the tables. */
#include "agent/capture/files/event.h"

#include "tests/support/support.h"

struct text {
	bool begins;
	const char *line;
};

static void init(struct ag_event_rule *r, const char *config)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j;
	struct or_err err;

	ASSERT_OK(or_json_parse(&j, or_slice_str(config), a, &err), &err);
	ASSERT_OK(ag_event_rule_init(r, j, &err), &err);
	or_arena_free(a);
}

static void check(const char *config, const struct text *lines, size_t n)
{
	struct ag_event_rule r;
	uint8_t state = 0;

	init(&r, config);
	for (size_t i = 0; i < n; i++) {
		bool goes_on = ag_event_goes_on(&r, &state, or_slice_str(lines[i].line));

		if (goes_on == lines[i].begins)
			fail_msg("%s: line %zu: %s", config, i, lines[i].line);
	}
	ag_event_rule_done(&r);
}

static void start__is_a_pattern(void **state)
{
	static const struct text lines[] = {
	    {true, "2026-11-24 one"},
	    {false, "two"},
	    {false, ""},
	    {false, " 2026-11-24 three"},
	    {true, "2026-11-25 four\r"},
	};

	(void)state;
	check("{\"start\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}\"}", lines, OR_LEN(lines));
}

static void indent__goes_on(void **state)
{
	static const struct text lines[] = {
	    {true, "one"},
	    {false, " two"},
	    {false, "\tthree"},
	    {true, ""},
	    {true, "four"},
	};

	(void)state;
	check("{\"indent\":true}", lines, OR_LEN(lines));
}

static void java__is_a_trace_with_its_causes(void **state)
{
	static const struct text lines[] = {
	    {true, "12:00:01 ERROR it failed"},
	    {true, "org.acme.MyFailure: no such order"},
	    {false, "\tat org.acme.Orders.find(Orders.java:17)"},
	    {false, "\tat org.acme.Orders.<init>(Unknown Source)"},
	    {false, "\tSuppressed: java.io.IOException"},
	    {false, "\t\tat org.acme.X.close(X.java:3)"},
	    {false, "\t\t... 2 more"},
	    {false, "Caused by: java.lang.NullPointerException"},
	    {false, "\t... 12 common frames omitted"},
	    {true, "at noon all was well"},
	    {true, "... 3 dots"},
	    {true, ""},
	    {true, "12:00:02 INFO done"},
	};

	(void)state;
	check("{\"preset\":\"java\"}", lines, OR_LEN(lines));
}

static void python__is_a_traceback_with_what_it_is_chained_to(void **state)
{
	static const struct text lines[] = {
	    {true, "ERROR:root:it failed"},
	    {true, "Traceback (most recent call last):"},
	    {false, "  File \"a.py\", line 2, in <module>"},
	    {false, "    f()"},
	    {false, "    ^^^"},
	    {false, "KeyError: 'a'"},
	    {false, ""},
	    {false, "During handling of the above exception, another exception occurred:"},
	    {false, ""},
	    {false, "Traceback (most recent call last):"},
	    {false, "  File \"a.py\", line 4, in <module>"},
	    {false, "ValueError: b"},
	    {true, "INFO:root:next"},
	    {true, "  indented"},
	    {true, "Traceback (most recent call last):"},
	    {false, "  File \"a.py\", line 4, in <module>"},
	    {false, "ValueError: c"},
	    {true, "Traceback (most recent call last):"},
	    {false, "ValueError: d"},
	};

	(void)state;
	check("{\"preset\":\"python\"}", lines, OR_LEN(lines));
}

static void go__is_a_panic_with_its_goroutines(void **state)
{
	static const struct text lines[] = {
	    {true, "2026/11/24 11:00:00 listening"},
	    {true, "panic: runtime error: invalid memory address or nil pointer dereference"},
	    {false, "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x482a1c]"},
	    {false, ""},
	    {false, "goroutine 1 [running]:"},
	    {false, "main.(*T).f(0x0, {0x1, 0x2})"},
	    {false, "\t/src/main.go:9 +0x1c"},
	    {false, "created by main.main in goroutine 1"},
	    {false, "\t/src/main.go:5 +0x25"},
	    {true, "exit status 2"},
	    {true, "2026/11/24 11:00:01 http: panic serving 127.0.0.1:9: no"},
	    {false, "goroutine 19 [running]:"},
	    {false, "net/http.(*conn).serve.func1()"},
	    {true, "2026/11/24 11:00:02 (done)"},
	    {true, ""},
	    {true, "fatal error: all goroutines are asleep - deadlock!"},
	    {false, ""},
	    {true, "panic: another one"},
	};

	(void)state;
	check("{\"preset\":\"go\"}", lines, OR_LEN(lines));
}

static void config__that_is_wrong_is_said(void **state)
{
	static const struct {
		const char *config, *says;
	} cases[] = {
	    {"3", "expected a map"},
	    {"{}", "one of start, indent and preset"},
	    {"{\"start\":\"a\",\"indent\":true}", "one of start, indent and preset"},
	    {"{\"start\":\"(\"}", "start: '('"},
	    {"{\"start\":3}", "start: expected a regular expression"},
	    {"{\"indent\":false}", "indent: expected true"},
	    {"{\"preset\":\"cobol\"}", "java, python or go"},
	    {"{\"preset\":\"go\",\"max_lines\":0}", "max_lines: expected a number from 1"},
	    {"{\"preset\":\"go\",\"max_bytes\":\"1GiB\"}", "max_bytes: expected a number"},
	    {"{\"preset\":\"go\",\"flush\":\"2h\"}", "flush: expected a time"},
	    {"{\"preset\":\"go\",\"lines\":3}", "unknown key \"lines\""},
	};
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j;
	struct ag_event_rule r;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		ASSERT_OK(or_json_parse(&j, or_slice_str(cases[i].config), a, &err), &err);
		ASSERT_CODE(ag_event_rule_init(&r, j, &err), OR_INVAL);
		ASSERT_HAS(err.msg, cases[i].says);
	}
	init(&r, "{\"preset\":\"go\",\"max_bytes\":\"4KiB\",\"max_lines\":7,\"flush\":\"2s\"}");
	assert_int_equal(r.max_bytes, 4096);
	assert_int_equal(r.max_lines, 7);
	assert_int_equal(r.flush_ns, 2 * OR_NS_PER_S);
	ag_event_rule_done(&r);
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(start__is_a_pattern),
	    cmocka_unit_test(indent__goes_on),
	    cmocka_unit_test(java__is_a_trace_with_its_causes),
	    cmocka_unit_test(python__is_a_traceback_with_what_it_is_chained_to),
	    cmocka_unit_test(go__is_a_panic_with_its_goroutines),
	    cmocka_unit_test(config__that_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
