/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines of a log belong together: a stack trace is one record.
 *
 *   start     a line that matches an expression begins a record, every other one goes on with it
 *   indent    a line that begins with a blank or a tab goes on with the one before
 *   java      frames ("\tat …"), "Caused by:", "Suppressed:", "... 3 more", "nested exception is:"
 *             go on with whatever came before; so do those of JavaScript and .NET that look alike
 *   python    "Traceback (most recent call last):" up to its exception, and those chained to it
 *   go        "panic: " or "fatal error: " with signal, goroutines and frames
 *
 * Pure; any thread. Limits: max_lines and max_bytes of a record, beyond which the rest is a record
 * of its own; the owner keeps them, and waits flush_ns for more.
 */
#ifndef AGENT_CAPTURE_FILES_EVENT_H
#define AGENT_CAPTURE_FILES_EVENT_H

#include "base/json.h"

#define AG_EVENT_BYTES_MAX (128U * 1024)

struct ag_event_regex;

struct ag_event_rule {
	enum ag_event_kind {
		AG_EVENT_NONE, /* each line is a record */
		AG_EVENT_START,
		AG_EVENT_INDENT,
		AG_EVENT_JAVA,
		AG_EVENT_PYTHON,
		AG_EVENT_GO,
	} kind;
	struct ag_event_regex *start; /* of AG_EVENT_START */
	uint32_t max_lines;
	uint32_t max_bytes;
	int64_t flush_ns;
};

/*
 * A map of one of start (a regular expression, POSIX extended), indent: true, preset (java, python,
 * go), and max_lines (500), max_bytes (64KiB), flush (1s). NULL: none. OR_INVAL.
 */
OR_NODISCARD enum or_code ag_event_rule_init(
    struct ag_event_rule *out, const struct or_json *j, struct or_err *err);
void ag_event_rule_done(struct ag_event_rule *r);

/* The line goes on with the record before it. state: of that record, 0 before its first line; it is
 * moved on. */
bool ag_event_goes_on(const struct ag_event_rule *r, uint8_t *state, struct or_slice line);

#endif
