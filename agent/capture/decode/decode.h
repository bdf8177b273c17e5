/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a line of a log says besides its text: time, severity, message, attributes.
 *
 *   severity  plain text: a level's name near the beginning ("ERROR", "[warn]", "error:",
 *             "level=info"), klog's "E1124 ", a priority "<3>"; the text stays as it is
 *   json      an object: its time, level and message, and the rest as attributes
 *   logfmt    key=value pairs, likewise
 *
 * Keys, the first that is there and says something: time, timestamp, ts, @timestamp, datetime;
 * level, severity, lvl, log.level, loglevel, levelname; message, msg, @message, log; trace_id,
 * traceId, trace.id; span_id, spanId, span.id. Times are RFC 3339 (without a zone: UTC) or numbers
 * since 1970 in seconds, ms, us or ns by their size; levels are names, or the numbers of bunyan and
 * pino. What one of these keys holds and is none stays an attribute. A line that is not of its kind
 * stays text, whole.
 * Pure; any thread. Slices point into the line or the arena. Limits: the arena, AG_DECODE_DEPTH
 * levels, AG_DECODE_PAIRS pairs; beyond them it stays text.
 */
#ifndef AGENT_CAPTURE_DECODE_DECODE_H
#define AGENT_CAPTURE_DECODE_DECODE_H

#include "base/json.h"

#define AG_DECODE_DEPTH 16
#define AG_DECODE_PAIRS 256

enum ag_decode_kind { AG_DECODE_NONE, AG_DECODE_SEVERITY, AG_DECODE_JSON, AG_DECODE_LOGFMT };

struct ag_decode_pair {
	struct or_slice key;
	const struct or_json *value;
};

struct ag_decoded {
	int64_t time_ns;               /* 0: it does not say */
	uint8_t severity;              /* OTLP's number; 0: it does not say */
	struct or_slice severity_text; /* as it was written */
	struct or_slice message;       /* the text itself where nothing says what it is */
	struct or_slice trace_id;      /* 16 bytes, or none */
	struct or_slice span_id;       /* 8 bytes, or none */
	struct ag_decode_pair *pairs;  /* what is left */
	size_t n;
};

/* False: it is not of its kind; out says nothing then but the text. The arena is cleared first. */
bool ag_decode_read(
    struct ag_decoded *out, enum ag_decode_kind kind, struct or_slice text, struct or_arena *a);

/* "none", "severity", "json", "logfmt". OR_ABSENT. */
OR_NODISCARD enum or_code ag_decode_kind_of(enum ag_decode_kind *out, struct or_slice name);

#endif
