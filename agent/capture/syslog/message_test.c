/* SPDX-License-Identifier: Apache-2.0 */
/* The RFCs' own examples, what programs send, and what is none. */
#include "agent/capture/syslog/message.h"

#include "tests/support/support.h"

#include <stdio.h>

#define NOW 1795518000000000000 /* 2026-11-24T11:00:00Z */

static struct or_arena *arena;
static struct ag_message m;

static void read_line(const char *line)
{
	or_arena_clear(arena);
	ag_message_read(&m, or_slice_str(line), NOW, arena);
}

static void rfc5424__examples_are_read(void **state)
{
	(void)state;
	read_line("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - "
		  "\xEF\xBB\xBF'su root' failed for lonvick on /dev/pts/8");
	assert_true(m.is_5424 && !m.is_malformed);
	assert_int_equal(m.facility, 4);
	assert_int_equal(m.severity, 2);
	assert_int_equal(m.time_ns, 1065910455003000000);
	ASSERT_SLICE(m.host, "mymachine.example.com");
	ASSERT_SLICE(m.app, "su");
	assert_int_equal(m.process.n, 0);
	ASSERT_SLICE(m.msg_id, "ID47");
	ASSERT_SLICE(m.text, "'su root' failed for lonvick on /dev/pts/8");
	read_line(
	    "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.");
	assert_true(m.is_5424);
	ASSERT_SLICE(m.process, "8710");
	ASSERT_SLICE(m.text, "%% It's time.");
	read_line("<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [exampleSDID@32473 iut=\"3\" "
		  "eventSource=\"Application\" eventID=\"1011\"][examplePriority@32473 "
		  "class=\"high\"]");
	assert_true(m.is_5424);
	assert_int_equal(m.n, 4);
	ASSERT_SLICE(m.params[1].name, "eventSource");
	ASSERT_SLICE(m.params[1].value, "Application");
	ASSERT_SLICE(m.params[3].id, "examplePriority@32473");
	assert_int_equal(m.text.n, 0);
}

static void rfc5424__data_is_unescaped(void **state)
{
	(void)state;
	read_line("<0>1 - - - - - [a b=\"\\\"\\\\\\]\\n\"][c] x");
	assert_true(m.is_5424);
	ASSERT_SLICE(m.params[0].value, "\"\\]\\n");
	ASSERT_SLICE(m.params[1].id, "c");
	assert_int_equal(m.params[1].name.n, 0);
	ASSERT_SLICE(m.text, "x");
}

static void rfc5424__that_is_none_is_text(void **state)
{
	static const char *const lines[] = {
	    "1 2003-10-11T22:14:15.003Z h a - - ", /* no structured data */
	    "1 2003-10-11t22:14:15.003Z h a - - - x",
	    "1 2003-10-11T22:14:15.0000003Z h a - - - x",
	    "1 2003-10-11T22:14:60Z h a - - - x",
	    "1 2003-13-11T22:14:15Z h a - - - x",
	    "1 - h\x01 a - - - x",
	    "1 -  a - - - x",
	    "1 - h a - - [a b=\"]\"] x",
	    "1 - h a - - [a b=\"1\"][a c=\"2\"] x",
	    "1 - h a - - [a b=1] x",
	    "1 - h a - - [a b=\"1\"]x",
	    "1 - h a - - [a b=\"1\" x",
	    "1 - h a - - [a=b c=\"1\"] x",
	    "1 - h a-name-that-is-longer-than-the-forty-eight-bytes-it-may - - - x",
	    "1 - h a - - - \xEF\xBB\xBF\xff",
	    "1 - h a - - [a b=\"\xff\"] x",
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < OR_LEN(lines); i++) {
		snprintf(line, sizeof(line), "<14>%s", lines[i]);
		read_line(line);
		if (m.is_5424 || !m.is_malformed)
			fail_msg("%s was taken", lines[i]);
		assert_int_equal(m.severity, 6);
		ASSERT_SLICE(m.text, lines[i]);
		assert_true(m.n == 0 && m.host.n == 0 && m.time_ns == 0);
	}
}

static void rfc3164__is_read_leniently(void **state)
{
	static const struct {
		const char *line, *host, *app, *process, *text;
		int64_t time_s;
	} cases[] = {
	    {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "mymachine", "su", "",
		"'su root' failed", 1791756855},
	    {"<13>Nov  4 01:02:03 h app[17]: text: more", "h", "app", "17", "text: more",
		1793754123},
	    {"<13>Nov 24 11:00:00 app[17]: no host, as on /dev/log\n", "", "app", "17",
		"no host, as on /dev/log", 1795518000},
	    {"<13>Feb 29 00:00:00 no tag here", "", "", "", "no tag here", 0},
	    {"<13>2026-11-24T12:00:00.5+01:00 h app: rsyslog's", "h", "app", "", "rsyslog's",
		1795518000},
	    {"<13>app[1]: no time", "", "app", "1", "no time", 0},
	    {"<13>just text", "", "", "", "just text", 0},
	    {"<13>Jan  1 00:00:00 h a: next year's", "h", "a", "", "next year's", 1798761600},
	    {"<13>", "", "", "", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		read_line(cases[i].line);
		assert_false(m.is_5424 || m.is_malformed);
		ASSERT_SLICE(m.host, cases[i].host);
		ASSERT_SLICE(m.app, cases[i].app);
		ASSERT_SLICE(m.process, cases[i].process);
		ASSERT_SLICE(m.text, cases[i].text);
		if (cases[i].time_s)
			assert_int_equal(m.time_ns / OR_NS_PER_S, cases[i].time_s);
	}
}

static void anything__is_taken(void **state)
{
	static const char *const lines[] = {
	    "no priority", "<", "<>x", "<192>x", "<013>x", "<1234>x", "<1x", "<a>x", ""};

	(void)state;
	for (size_t i = 0; i < OR_LEN(lines); i++) {
		read_line(lines[i]);
		assert_true(m.is_malformed);
		assert_int_equal(m.facility, 1);
		assert_int_equal(m.severity, 5);
		ASSERT_SLICE(m.text, lines[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rfc5424__examples_are_read),
	    cmocka_unit_test(rfc5424__data_is_unescaped),
	    cmocka_unit_test(rfc5424__that_is_none_is_text),
	    cmocka_unit_test(rfc3164__is_read_leniently),
	    cmocka_unit_test(anything__is_taken),
	};
	int rc;

	arena = or_arena_new(1 << 20);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	or_arena_free(arena);
	return rc;
}
