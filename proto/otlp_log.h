/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of files as OTLP: an ExportLogsServiceRequest in protobuf, written in one pass, many
 * records in each (opentelemetry/proto/logs/v1, OTLP 1.x).
 *
 * Text that is not UTF-8 becomes bytes. Fullness is the buffer's: a record that does not fit is not
 * begun. Pure; any thread.
 */
#ifndef PROTO_OTLP_LOG_H
#define PROTO_OTLP_LOG_H

#include "base/buf.h"

/* What a record and a request have at most besides their texts and attributes. */
#define WIRE_OTLP_LOG_ROOM    224
#define WIRE_OTLP_LOG_REQUEST 256

#define WIRE_OTLP_LOG_ATTRIBUTES 6

struct wire_otlp_log {
	int64_t time_ns; /* 0: the line does not say */
	int64_t observed_ns;
	struct or_slice text;
	const char *iostream; /* "stdout", "stderr" (attribute log.iostream); NULL: not known */
	bool is_cut;          /* a part of a longer line (attribute outrider.truncated) */
	uint8_t severity;     /* SeverityNumber; 0: not said */
	struct or_slice severity_text;
	struct or_slice trace_id, span_id; /* 16 and 8 bytes, or none */
	struct or_slice attributes; /* fields WIRE_OTLP_LOG_ATTRIBUTES, as wire_otlp_value_put
				       writes them */
};

/* Appends to a buffer that collects records for one request. */
void wire_otlp_log_put(struct or_buf *logs, const struct wire_otlp_log *log);
/* The same without a file: of that scope. */
void wire_otlp_log_request_from(
    struct or_buf *out, const char *scope, struct or_slice service, struct or_slice logs);
/* Appends the request: service.name and log.file.path of the resource, the scope, the records. */
void wire_otlp_log_request(
    struct or_buf *out, struct or_slice service, struct or_slice path, struct or_slice logs);

#endif
