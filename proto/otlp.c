/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp.h"

#include "base/str.h"
#include "proto/otlp.pb-c.h"
#include "proto/otlp_schema.h"

#include <inttypes.h>
#include <stdio.h>

const char *wire_otlp_topic(enum wire_otlp_kind kind)
{
	static const char *const names[] = {"otlp_logs", "otlp_metrics", "otlp_spans"};

	return names[kind];
}

struct check {
	uint64_t items;
	struct or_err *err;
};

static enum or_code fail(struct check *c, const ProtobufCMessageDescriptor *d,
    const ProtobufCFieldDescriptor *f, const char *what)
{
	return or_err_set(c->err, OR_PARSE, "%s.%s: %s", d->short_name, f ? f->name : "?", what);
}

static enum or_code check_packed(const ProtobufCFieldDescriptor *f, struct or_slice in)
{
	enum or_code rc;
	uint64_t v;

	while ((rc = wire_otlp_schema_unpack(&v, &in, wire_otlp_schema_type(f))) == OR_OK)
		;
	return rc == OR_ABSENT ? OR_OK : rc;
}

static enum or_code check_message(
    struct check *c, const ProtobufCMessageDescriptor *d, struct or_slice in, int depth);

static enum or_code check_field(struct check *c, const ProtobufCMessageDescriptor *d,
    const ProtobufCFieldDescriptor *f, const struct wire_pb_field *v, int depth)
{
	if (v->type == WIRE_PB_BYTES && wire_otlp_schema_is_packed(f))
		return check_packed(f, v->s) ? fail(c, d, f, "broken packed values") : OR_OK;
	if (v->type != wire_otlp_schema_type(f))
		return fail(c, d, f, "another type than the specification's");
	if (f->type == PROTOBUF_C_TYPE_STRING && !or_str_is_utf8(v->s))
		return fail(c, d, f, "text that is not UTF-8");
	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return OR_OK;
	c->items += wire_otlp_schema_is_item(f);
	return check_message(c, f->descriptor, v->s, depth + 1);
}

static enum or_code check_message(
    struct check *c, const ProtobufCMessageDescriptor *d, struct or_slice in, int depth)
{
	struct wire_pb_field v;
	enum or_code rc;

	if (depth > WIRE_OTLP_DEPTH_MAX)
		return fail(c, d, NULL, "nested too deeply");
	while ((rc = wire_pb_next(&v, &in)) == OR_OK) {
		const ProtobufCFieldDescriptor *f =
		    protobuf_c_message_descriptor_get_field(d, v.num);

		rc = f ? check_field(c, d, f, &v, depth) : OR_OK;
		if (rc)
			return rc;
	}
	return rc == OR_ABSENT ? OR_OK : fail(c, d, NULL, "broken encoding");
}

enum or_code wire_otlp_check(
    uint64_t *items, enum wire_otlp_kind kind, struct or_slice in, struct or_err *err)
{
	struct check c = {.err = err};
	enum or_code rc = check_message(&c, wire_otlp_schema_root(kind), in, 0);

	if (rc == OR_OK)
		*items = c.items;
	return rc;
}

/* ---- lines of a workload */

enum {
	LINE_ROOM = 256, /* what a record has besides its text */
	RESOURCE_ROOM = 1024,
	SCOPE_LOG_RECORDS = 2,
	SEVERITY_WARN = 13,
};

/* KeyValue{key, AnyValue} as field num, made in scratch. */
static void put_attribute(struct or_buf *b, uint32_t num, const char *key, struct or_slice any)
{
	struct or_buf kv;

	or_buf_init(&kv, RESOURCE_ROOM);
	wire_pb_append(&kv, 1, or_slice_str(key));
	wire_pb_append(&kv, 2, any);
	wire_pb_append(b, num, or_buf_slice(&kv));
	or_buf_done(&kv);
}

static void put_text_attribute(
    struct or_buf *b, uint32_t num, const char *key, struct or_slice text)
{
	struct or_buf any;

	or_buf_init(&any, RESOURCE_ROOM);
	wire_pb_append(&any, 1, text);
	put_attribute(b, num, key, or_buf_slice(&any));
	or_buf_done(&any);
}

void wire_otlp_put_line(struct or_buf *lines, const struct wire_otlp_line *line)
{
	static const uint8_t is_true[] = {2 << 3 | WIRE_PB_VARINT, 1};
	struct or_buf record, body;

	or_buf_init(&record, line->text.n + 2 * LINE_ROOM);
	or_buf_init(&body, line->text.n + LINE_ROOM);
	wire_pb_append_fixed64(&record, 1, (uint64_t)line->time_ns);
	wire_pb_append(&body, or_str_is_utf8(line->text) ? 1 : 7, line->text);
	wire_pb_append(&record, 5, or_buf_slice(&body));
	put_text_attribute(&record, 6, "log.iostream", or_slice_str(line->iostream));
	if (line->is_cut)
		put_attribute(&record, 6, "outrider.truncated", or_slice(is_true, sizeof(is_true)));
	wire_pb_append_fixed64(&record, 11, (uint64_t)line->time_ns);
	wire_pb_append(lines, SCOPE_LOG_RECORDS, or_buf_slice(&record));
	or_buf_done(&body);
	or_buf_done(&record);
}

static void put_dropped(struct or_buf *lines, uint64_t dropped, int64_t time)
{
	struct or_buf record, body;
	char text[96];

	snprintf(text, sizeof(text), "%" PRIu64 " lines were dropped: the agent did not take them",
	    dropped);
	or_buf_init(&record, 2 * LINE_ROOM);
	or_buf_init(&body, LINE_ROOM);
	wire_pb_append_fixed64(&record, 1, (uint64_t)time);
	wire_pb_append_varint(&record, 2, SEVERITY_WARN);
	wire_pb_append(&body, 1, or_slice_str(text));
	wire_pb_append(&record, 5, or_buf_slice(&body));
	or_buf_clear(&body);
	wire_pb_append_varint(&body, 3, dropped);
	put_attribute(&record, 6, "outrider.dropped_lines", or_buf_slice(&body));
	wire_pb_append_fixed64(&record, 11, (uint64_t)time);
	wire_pb_append(lines, SCOPE_LOG_RECORDS, or_buf_slice(&record));
	or_buf_done(&body);
	or_buf_done(&record);
}

void wire_otlp_put_lines(
    struct or_buf *out, const char *service, struct or_slice lines, uint64_t dropped, int64_t time)
{
	struct or_buf resource, scope, logs;

	or_buf_init(&resource, RESOURCE_ROOM);
	or_buf_init(&scope, lines.n + RESOURCE_ROOM);
	or_buf_init(&logs, lines.n + 3 * RESOURCE_ROOM);
	put_text_attribute(&resource, 1, "service.name", or_slice_str(service));
	wire_pb_append(&logs, 1, or_buf_slice(&resource));
	or_buf_clear(&resource);
	wire_pb_append(&resource, 1, OR_SLICE_LIT("outrider.stdio"));
	wire_pb_append(&scope, 1, or_buf_slice(&resource));
	if (dropped)
		put_dropped(&scope, dropped, time);
	or_buf_put_slice(&scope, lines);
	wire_pb_append(&logs, 2, or_buf_slice(&scope));
	wire_pb_append(out, 1, or_buf_slice(&logs));
	or_buf_done(&resource);
	or_buf_done(&scope);
	or_buf_done(&logs);
}
