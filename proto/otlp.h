/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP requests (OpenTelemetry protocol 1.x): Export{Logs,Metrics,Trace}ServiceRequest in protobuf.
 *
 * What is stored and shipped is the request as it came. It is checked here, not decoded: known
 * fields have their type, text is UTF-8, nesting is bounded; unknown fields are let be, as a newer
 * sender may have them. JSON: proto/otlp_json.h. Reading rows: proto/otlp_row.h.
 * Pure; any thread. Limits: WIRE_OTLP_DEPTH_MAX levels of messages.
 */
#ifndef PROTO_OTLP_H
#define PROTO_OTLP_H

#include "base/buf.h"
#include "base/err.h"

#define WIRE_OTLP_DEPTH_MAX 64

enum wire_otlp_kind { WIRE_OTLP_LOGS, WIRE_OTLP_METRICS, WIRE_OTLP_SPANS };

/* *items: log records, data points or spans in it; may be 0. OR_PARSE. */
OR_NODISCARD enum or_code wire_otlp_check(
    uint64_t *items, enum wire_otlp_kind kind, struct or_slice in, struct or_err *err);

/* "otlp_logs", "otlp_metrics", "otlp_spans": its topic. */
const char *wire_otlp_topic(enum wire_otlp_kind kind);

/* One line of a workload's output as a LogRecord. Text that is not UTF-8 becomes bytes. */
struct wire_otlp_line {
	int64_t time_ns;
	struct or_slice text;
	const char *iostream; /* "stdout", "stderr" (attribute log.iostream) */
	bool is_cut;          /* a beginning of a longer line (attribute outrider.truncated) */
};

/* Appends to a buffer that collects lines for wire_otlp_put_lines. */
void wire_otlp_put_line(struct or_buf *lines, const struct wire_otlp_line *line);
/* Appends the whole request: the resource's service.name and the lines. dropped: lines that were
 * lost before these, said by a record of its own; 0: none. */
void wire_otlp_put_lines(
    struct or_buf *out, const char *service, struct or_slice lines, uint64_t dropped, int64_t time);

#endif
