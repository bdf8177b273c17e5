/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_schema.h"

#include "proto/otlp.pb-c.h"

const struct ProtobufCMessageDescriptor *wire_otlp_schema_root(enum wire_otlp_kind kind)
{
	switch (kind) {
	case WIRE_OTLP_LOGS: return &otlp__export_logs_service_request__descriptor;
	case WIRE_OTLP_METRICS: return &otlp__export_metrics_service_request__descriptor;
	case WIRE_OTLP_SPANS: break;
	}
	return &otlp__export_trace_service_request__descriptor;
}

enum wire_pb_type wire_otlp_schema_type(const struct ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64: return WIRE_PB_FIXED64;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32: return WIRE_PB_FIXED32;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE: return WIRE_PB_BYTES;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM: break;
	}
	return WIRE_PB_VARINT;
}

bool wire_otlp_schema_is_packed(const struct ProtobufCFieldDescriptor *f)
{
	return f->label == PROTOBUF_C_LABEL_REPEATED && wire_otlp_schema_type(f) != WIRE_PB_BYTES;
}

bool wire_otlp_schema_is_hex(const struct ProtobufCFieldDescriptor *f)
{
	size_t n = strlen(f->name);

	return f->type == PROTOBUF_C_TYPE_BYTES && n > 3 && strcmp(f->name + n - 3, "_id") == 0;
}

bool wire_otlp_schema_is_item(const struct ProtobufCFieldDescriptor *f)
{
	return strcmp(f->name, "log_records") == 0 || strcmp(f->name, "data_points") == 0 ||
	       strcmp(f->name, "spans") == 0;
}

enum or_code wire_otlp_schema_unpack(uint64_t *v, struct or_slice *in, enum wire_pb_type type)
{
	size_t n = type == WIRE_PB_FIXED64 ? 8 : type == WIRE_PB_FIXED32 ? 4 : 0;
	uint64_t value = 0;

	if (in->n == 0)
		return OR_ABSENT;
	if (n > in->n)
		return OR_PARSE;
	for (size_t i = 0; i < n; i++)
		value |= (uint64_t)in->p[i] << (8 * i);
	if (n == 0 && wire_pb_take_varint(&value, &n, *in))
		return OR_PARSE;
	*v = value;
	*in = or_slice_from(*in, n);
	return OR_OK;
}
