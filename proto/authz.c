/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers: envoy/service/auth/v3/{external_auth,attribute_context}.proto, grpc/health/v1. */
#include "proto/authz.h"

#include "proto/pb.h"
#include "proto/table.h"

enum {
	NAME_MAX_BYTES = 1024,
	VALUE_MAX_BYTES = 64 * 1024,
	TARGET_MAX_BYTES = 64 * 1024,
	TEXT_MAX_BYTES = 2048,
};

#define AT(type, member) .offset = offsetof(struct type, member)
#define TEXT(type, member, limit)                                                                  \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_STR, AT(type, member), .max = (limit)          \
	}
#define BYTES(type, member, limit)                                                                 \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_BYTES, AT(type, member), .max = (limit)        \
	}
#define UINT(type, member)                                                                         \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_UINT, AT(type, member)                         \
	}
#define MSG(type, member, table)                                                                   \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_MSG, AT(type, member), .sub = (table)          \
	}
#define MSGS(type, member, items, table)                                                           \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_MSGS, AT(type, member),                        \
		.n_offset = offsetof(struct type, n_##member), .max_items = (items),               \
		.sub = (table)                                                                     \
	}
#define HOLE(label)                                                                                \
	{                                                                                          \
		.name = (label), .kind = WIRE_TABLE_HOLE                                           \
	}
#define TABLE(label, type, list)                                                                   \
	{                                                                                          \
		.name = (label), .size = sizeof(struct type), .fields = (list),                    \
		.n_fields = OR_LEN(list)                                                           \
	}

/* -- CheckRequest -- */

static const struct wire_table_field header_fields[] = {
    TEXT(wire_authz_header, key, NAME_MAX_BYTES),
    TEXT(wire_authz_header, value, VALUE_MAX_BYTES),
    BYTES(wire_authz_header, raw_value, VALUE_MAX_BYTES),
};
static const struct wire_table header = TABLE("headers", wire_authz_header, header_fields);

static const struct wire_table_field header_map_fields[] = {
    MSGS(wire_authz_header_map, headers, WIRE_AUTHZ_HEADERS_MAX, &header),
};
static const struct wire_table header_map =
    TABLE("header_map", wire_authz_header_map, header_map_fields);

static const struct wire_table_field socket_fields[] = {
    UINT(wire_authz_socket, protocol),
    TEXT(wire_authz_socket, address, 255),
    UINT(wire_authz_socket, port),
};
static const struct wire_table socket_table =
    TABLE("socket_address", wire_authz_socket, socket_fields);

static const struct wire_table_field address_fields[] = {
    MSG(wire_authz_address, socket, &socket_table),
};
static const struct wire_table address = TABLE("address", wire_authz_address, address_fields);

static const struct wire_table_field peer_fields[] = {
    MSG(wire_authz_peer, address, &address),
};
static const struct wire_table peer = TABLE("source", wire_authz_peer, peer_fields);

static const struct wire_table_field http_fields[] = {
    TEXT(wire_authz_http, id, TEXT_MAX_BYTES),
    TEXT(wire_authz_http, method, NAME_MAX_BYTES),
    MSGS(wire_authz_http, headers, WIRE_AUTHZ_HEADERS_MAX, &header),
    TEXT(wire_authz_http, path, TARGET_MAX_BYTES),
    TEXT(wire_authz_http, host, TEXT_MAX_BYTES),
    TEXT(wire_authz_http, scheme, TEXT_MAX_BYTES),
    TEXT(wire_authz_http, query, TARGET_MAX_BYTES),
    TEXT(wire_authz_http, fragment, TARGET_MAX_BYTES),
    UINT(wire_authz_http, size),
    TEXT(wire_authz_http, protocol, TEXT_MAX_BYTES),
    HOLE("body"),
    HOLE("raw_body"),
    MSG(wire_authz_http, header_map, &header_map),
};
static const struct wire_table http = TABLE("http", wire_authz_http, http_fields);

static const struct wire_table_field request_fields[] = {
    HOLE("time"),
    MSG(wire_authz_request, http, &http),
};
static const struct wire_table request = TABLE("request", wire_authz_request, request_fields);

static const struct wire_table_field attributes_fields[] = {
    MSG(wire_authz_attributes, source, &peer),
    HOLE("destination"),
    HOLE("3"),
    MSG(wire_authz_attributes, request, &request),
};
static const struct wire_table attributes =
    TABLE("attributes", wire_authz_attributes, attributes_fields);

static const struct wire_table_field check_fields[] = {
    MSG(wire_authz_check, attributes, &attributes),
};
static const struct wire_table check = TABLE("CheckRequest", wire_authz_check, check_fields);

enum or_code wire_authz_decode(
    struct wire_authz_check *out, struct or_slice in, struct or_arena *a, struct or_err *err)
{
	struct wire_authz_check msg;
	struct wire_table_seen seen = {0};
	enum or_code rc = wire_table_decode(&msg, &seen, &check, in, a, err);

	if (rc == OR_OK)
		*out = msg;
	return rc;
}

/* -- CheckResponse -- */

static const struct wire_table_field option_fields[] = {
    MSG(wire_authz_option, header, &header),
    HOLE("append"),
    {.name = "append_action",
	.kind = WIRE_TABLE_ENUM,
	AT(wire_authz_option, append_action),
	.max = WIRE_AUTHZ_OVERWRITE},
};
static const struct wire_table option = TABLE("headers", wire_authz_option, option_fields);

static const struct wire_table_field status_fields[] = {
    UINT(wire_authz_status, code),
    TEXT(wire_authz_status, message, TEXT_MAX_BYTES),
};
static const struct wire_table status = TABLE("status", wire_authz_status, status_fields);

static const struct wire_table_field http_status_fields[] = {
    {.name = "code", .kind = WIRE_TABLE_UINT, .offset = 0},
};
static const struct wire_table http_status = {.name = "status",
    .size = sizeof(uint64_t),
    .fields = http_status_fields,
    .n_fields = OR_LEN(http_status_fields)};

static const struct wire_table_field denied_fields[] = {
    MSG(wire_authz_denied, status, &http_status),
    MSGS(wire_authz_denied, headers, WIRE_AUTHZ_HEADERS_MAX, &option),
    TEXT(wire_authz_denied, body, TEXT_MAX_BYTES),
};
static const struct wire_table denied = TABLE("denied_response", wire_authz_denied, denied_fields);

static const struct wire_table_field ok_fields[] = {
    HOLE("1"),
    MSGS(wire_authz_ok, headers, WIRE_AUTHZ_HEADERS_MAX, &option),
    HOLE("3"),
    HOLE("4"),
    {.name = "headers_to_remove",
	.kind = WIRE_TABLE_STRS,
	AT(wire_authz_ok, headers_to_remove),
	.n_offset = offsetof(struct wire_authz_ok, n_headers_to_remove),
	.max = NAME_MAX_BYTES,
	.max_items = WIRE_AUTHZ_HEADERS_MAX},
};
static const struct wire_table ok = TABLE("ok_response", wire_authz_ok, ok_fields);

static const struct wire_table_field answer_fields[] = {
    MSG(wire_authz_answer, status, &status),
    MSG(wire_authz_answer, denied, &denied),
    MSG(wire_authz_answer, ok, &ok),
};
static const struct wire_table answer_table =
    TABLE("CheckResponse", wire_authz_answer, answer_fields);

enum or_code wire_authz_encode(
    struct or_buf *out, const struct wire_authz_answer *answer, struct or_err *err)
{
	enum or_code rc = wire_table_check(&answer_table, answer, err);

	if (rc)
		return rc;
	wire_table_encode(out, &answer_table, answer);
	return or_buf_ok(out) ? OR_OK : or_err_set(err, OR_FULL, "CheckResponse: no room left");
}

/* -- health -- */

struct health_request {
	struct or_slice service;
};

static const struct wire_table_field health_fields[] = {
    TEXT(health_request, service, NAME_MAX_BYTES),
};
static const struct wire_table health = TABLE("HealthCheckRequest", health_request, health_fields);

enum or_code wire_authz_health_decode(
    struct or_slice *service, struct or_slice in, struct or_arena *a, struct or_err *err)
{
	struct wire_table_seen seen = {0};
	struct health_request msg;
	enum or_code rc = wire_table_decode(&msg, &seen, &health, in, a, err);

	if (rc == OR_OK)
		*service = msg.service;
	return rc;
}

void wire_authz_health_encode(struct or_buf *out, bool serving)
{
	wire_pb_append_varint(out, 1, serving ? 1 : 2);
}
