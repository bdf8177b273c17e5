/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_log.h"

#include "base/str.h"
#include "proto/pb.h"

/* Field numbers: LogRecord's, AnyValue's, and those of what is around them. */
enum {
	TIME = 1,
	SEVERITY = 2,
	SEVERITY_TEXT = 3,
	BODY = 5,
	TRACE_ID = 9,
	SPAN_ID = 10,
	OBSERVED = 11,
	ANY_STRING = 1,
	ANY_BYTES = 7,
	RESOURCE_LOGS = 1,
	RESOURCE = 1,
	RESOURCE_ATTRIBUTES = 1,
	SCOPE_LOGS = 2,
	SCOPE = 1,
	SCOPE_NAME = 1,
	LOG_RECORDS = 2,
	FIXED = 1 + 8,
};

/* KeyValue{key = 1, value = 2: AnyValue} as attributes of a LogRecord, encoded. */
static const char stdout_attribute[] = "\x32\x18\x0a\x0clog.iostream\x12\x08\x0a\x06stdout";
static const char stderr_attribute[] = "\x32\x18\x0a\x0clog.iostream\x12\x08\x0a\x06stderr";
static const char cut_attribute[] = "\x32\x18\x0a\x12outrider.truncated\x12\x02\x10\x01";

static size_t field_size(size_t n)
{
	return 1 + wire_pb_varint_size(n) + n; /* all our field numbers are below 16 */
}

static struct or_slice iostream_of(const struct wire_otlp_log *log)
{
	if (!log->iostream)
		return OR_SLICE_NONE;
	return strcmp(log->iostream, "stderr") == 0
		   ? or_slice(stderr_attribute, sizeof(stderr_attribute) - 1)
		   : or_slice(stdout_attribute, sizeof(stdout_attribute) - 1);
}

static uint8_t *put_bytes(uint8_t *p, struct or_slice s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

static uint8_t *put_head(uint8_t *p, uint32_t num, size_t n)
{
	return wire_pb_put_varint(wire_pb_put_tag(p, num, WIRE_PB_BYTES), n);
}

static uint8_t *put_fixed64(uint8_t *p, uint32_t num, int64_t v)
{
	return wire_pb_put_fixed64(wire_pb_put_tag(p, num, WIRE_PB_FIXED64), (uint64_t)v);
}

static size_t size_where_any(struct or_slice s)
{
	return s.n ? field_size(s.n) : 0;
}

static uint8_t *put_field(uint8_t *p, uint32_t num, struct or_slice s)
{
	return s.n ? put_bytes(put_head(p, num, s.n), s) : p;
}

/* What a line says besides its text: none of it where nobody asked. */
static size_t said_size(const struct wire_otlp_log *log)
{
	return (log->severity ? 2 : 0) + size_where_any(log->severity_text) +
	       size_where_any(log->trace_id) + size_where_any(log->span_id) + log->attributes.n;
}

void wire_otlp_log_put(struct or_buf *logs, const struct wire_otlp_log *log)
{
	struct or_slice iostream = iostream_of(log),
			cut = log->is_cut ? or_slice(cut_attribute, sizeof(cut_attribute) - 1)
					  : OR_SLICE_NONE;
	size_t any = field_size(log->text.n);
	size_t record = (log->time_ns ? FIXED : 0) + field_size(any) + iostream.n + cut.n + FIXED +
			said_size(log);
	uint8_t *p = or_buf_reserve(logs, field_size(record)), *start = p;

	if (!p)
		return;
	p = put_head(p, LOG_RECORDS, record);
	if (log->time_ns)
		p = put_fixed64(p, TIME, log->time_ns);
	if (log->severity)
		p = wire_pb_put_varint(wire_pb_put_tag(p, SEVERITY, WIRE_PB_VARINT), log->severity);
	p = put_field(p, SEVERITY_TEXT, log->severity_text);
	p = put_head(p, BODY, any);
	p = put_head(p, or_str_is_utf8(log->text) ? ANY_STRING : ANY_BYTES, log->text.n);
	p = put_bytes(p, log->text);
	p = put_bytes(put_bytes(put_bytes(p, log->attributes), iostream), cut);
	p = put_field(put_field(p, TRACE_ID, log->trace_id), SPAN_ID, log->span_id);
	p = put_fixed64(p, OBSERVED, log->observed_ns);
	or_buf_commit(logs, (size_t)(p - start));
}

static size_t attribute_size(struct or_slice key, struct or_slice value)
{
	return field_size(key.n) + field_size(field_size(value.n));
}

static void append_attribute(struct or_buf *out, struct or_slice key, struct or_slice value)
{
	wire_pb_append_head(out, RESOURCE_ATTRIBUTES, attribute_size(key, value));
	wire_pb_append(out, 1, key);
	wire_pb_append_head(out, 2, field_size(value.n));
	wire_pb_append(out, ANY_STRING, value);
}

/* path: none where it is empty. */
static void put_request(struct or_buf *out, struct or_slice name, struct or_slice service,
    struct or_slice path, struct or_slice logs)
{
	static const struct or_slice service_key = OR_SLICE_LIT("service.name"),
				     path_key = OR_SLICE_LIT("log.file.path");
	size_t resource = field_size(attribute_size(service_key, service)) +
			  (path.n ? field_size(attribute_size(path_key, path)) : 0);
	size_t scope = field_size(name.n);
	size_t scope_logs = field_size(scope) + logs.n;

	wire_pb_append_head(out, RESOURCE_LOGS, field_size(resource) + field_size(scope_logs));
	wire_pb_append_head(out, RESOURCE, resource);
	append_attribute(out, service_key, service);
	if (path.n)
		append_attribute(out, path_key, path);
	wire_pb_append_head(out, SCOPE_LOGS, scope_logs);
	wire_pb_append_head(out, SCOPE, scope);
	wire_pb_append(out, SCOPE_NAME, name);
	or_buf_put_slice(out, logs);
}

void wire_otlp_log_request(
    struct or_buf *out, struct or_slice service, struct or_slice path, struct or_slice logs)
{
	put_request(out, OR_SLICE_LIT("outrider.files"), service, path, logs);
}

void wire_otlp_log_request_from(
    struct or_buf *out, const char *scope, struct or_slice service, struct or_slice logs)
{
	put_request(out, or_slice_str(scope), service, OR_SLICE_NONE, logs);
}
