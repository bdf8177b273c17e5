/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/JSON (OpenTelemetry protocol 1.x, "JSON Protobuf Encoding") to protobuf and back.
 *
 * Names are lowerCamelCase; ids of traces and spans are hex in either case, other bytes base64;
 * enumerations are numbers; 64-bit numbers are read as numbers or text and written as text; unknown
 * members are let be; null is absent.
 * Pure; any thread. Written protobuf is deterministic: fields ascend, defaults are absent, scalars
 * are packed. Limits: JSON's depth (base/json.h), WIRE_OTLP_DEPTH_MAX, the buffers' and arenas'.
 */
#ifndef PROTO_OTLP_JSON_H
#define PROTO_OTLP_JSON_H

#include "base/arena.h"
#include "base/jsonw.h"
#include "proto/otlp.h"

/* Appends the request of that signal in protobuf; a holds the JSON's tree. OR_PARSE: no JSON, or a
 * value of the wrong type (err says where). OR_FULL: out's limit, or the arena's. */
OR_NODISCARD enum or_code wire_otlp_json_read(struct or_buf *out, enum wire_otlp_kind kind,
    struct or_slice text, struct or_arena *a, struct or_err *err);

/* Writes a request that wire_otlp_check takes as one object. */
void wire_otlp_json_write(struct or_jsonw *w, enum wire_otlp_kind kind, struct or_slice in);

/* The value of an AnyValue message alone, as plain JSON: text, number, array, object, base64. */
void wire_otlp_json_any(struct or_jsonw *w, struct or_slice any);
/* The KeyValues that are field num of a message as one object: the first of each key, at most
 * WIRE_OTLP_JSON_PAIRS of them. */
#define WIRE_OTLP_JSON_PAIRS 128
void wire_otlp_json_pairs(struct or_jsonw *w, struct or_slice message, uint32_t num);

#endif
