/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of proto/otlp.proto as data, for the modules of proto/ that walk them: otlp,
 * otlp_json, otlp_row. Pure; any thread; everything is static.
 */
#ifndef PROTO_OTLP_SCHEMA_H
#define PROTO_OTLP_SCHEMA_H

#include "proto/otlp.h"
#include "proto/pb.h"

/* protobuf-c's own, by their tags, so that its headers are met in .c files alone. */
struct ProtobufCMessageDescriptor;
struct ProtobufCFieldDescriptor;

/* The request of that signal. */
const struct ProtobufCMessageDescriptor *wire_otlp_schema_root(enum wire_otlp_kind kind);

/* How one value of that field is written. */
enum wire_pb_type wire_otlp_schema_type(const struct ProtobufCFieldDescriptor *f);
/* A repeated scalar, which may come packed. */
bool wire_otlp_schema_is_packed(const struct ProtobufCFieldDescriptor *f);
/* Bytes that JSON writes in hex: ids of traces and spans. */
bool wire_otlp_schema_is_hex(const struct ProtobufCFieldDescriptor *f);
/* One log record, data point or span. */
bool wire_otlp_schema_is_item(const struct ProtobufCFieldDescriptor *f);

/* Takes the next value of a packed field from the front of *in. OR_ABSENT: the end. OR_PARSE. */
OR_NODISCARD enum or_code wire_otlp_schema_unpack(
    uint64_t *v, struct or_slice *in, enum wire_pb_type type);

#endif
