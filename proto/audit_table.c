/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/audit_table.h"

/* The sum of all limits stays below WIRE_AUDIT_MAX, so a record that keeps them always fits. */
#define AT(type, member) .offset = offsetof(struct type, member)
#define TEXT(type, member, limit)                                                                  \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_STR, AT(type, member), .max = (limit)          \
	}
#define ID(type, member, len)                                                                      \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_ID, AT(type, member), .max = (len)             \
	}
#define UINT(type, member)                                                                         \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_UINT, AT(type, member)                         \
	}
#define ENUM(type, member, last)                                                                   \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_ENUM, AT(type, member), .max = (last)          \
	}
#define MSG(type, member, table)                                                                   \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_MSG, AT(type, member), .sub = (table)          \
	}
#define TEXTS(type, member, items, limit)                                                          \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_STRS, AT(type, member),                        \
		.n_offset = offsetof(struct type, n_##member), .max = (limit),                     \
		.max_items = (items)                                                               \
	}
#define MSGS(type, member, items, table)                                                           \
	{                                                                                          \
		.name = #member, .kind = WIRE_TABLE_MSGS, AT(type, member),                        \
		.n_offset = offsetof(struct type, n_##member), .max_items = (items),               \
		.sub = (table)                                                                     \
	}
#define TABLE(label, type, list)                                                                   \
	{                                                                                          \
		.name = (label), .size = sizeof(struct type), .fields = (list),                    \
		.n_fields = OR_LEN(list)                                                           \
	}

static const struct wire_table_field principal_fields[] = {
    TEXT(wire_principal, type, 64),
    TEXT(wire_principal, id, 512),
    TEXT(wire_principal, issuer, 256),
};
static const struct wire_table principal = TABLE("principal", wire_principal, principal_fields);
static const struct wire_table act = TABLE("act", wire_principal, principal_fields);

static const struct wire_table_field entity_fields[] = {
    TEXT(wire_entity, type, 64),
    TEXT(wire_entity, id, 1024),
};
static const struct wire_table resource = TABLE("resource", wire_entity, entity_fields);

static const struct wire_table_field policy_error_fields[] = {
    TEXT(wire_policy_error, policy, 256),
    TEXT(wire_policy_error, message, 512),
};
static const struct wire_table policy_error =
    TABLE("policy_errors", wire_policy_error, policy_error_fields);

static const struct wire_table_field request_fields[] = {
    TEXT(wire_request, method, 32),
    TEXT(wire_request, path, 2048),
    TEXT(wire_request, host, 256),
    UINT(wire_request, status),
    UINT(wire_request, bytes_in),
    UINT(wire_request, bytes_out),
    UINT(wire_request, duration_ns),
};
static const struct wire_table request = TABLE("request", wire_request, request_fields);

static const struct wire_table_field attribute_fields[] = {
    TEXT(wire_attribute, key, 64),
    TEXT(wire_attribute, value, 512),
    {.name = "cut", .kind = WIRE_TABLE_BOOL, AT(wire_attribute, cut)},
    ID(wire_attribute, sha256, WIRE_AUDIT_HASH_LEN),
};
static const struct wire_table attribute = TABLE("attributes", wire_attribute, attribute_fields);

static const struct wire_table_field record_fields[] = {
    {.name = "time", .kind = WIRE_TABLE_FIXED64, AT(wire_audit, time_ns)},
    ID(wire_audit, agent_id, WIRE_AUDIT_AGENT_LEN),
    {.name = "epoch", .kind = WIRE_TABLE_FIXED64, AT(wire_audit, epoch)},
    TEXT(wire_audit, stream, WIRE_AUDIT_STREAM_MAX),
    UINT(wire_audit, seq),
    TEXT(wire_audit, product, 192),
    TEXT(wire_audit, port, 128),
    TEXT(wire_audit, workload, 256),
    ENUM(wire_audit, kind, WIRE_KIND_ADMIN),
    ENUM(wire_audit, front, WIRE_FRONT_S3),
    ENUM(wire_audit, phase, WIRE_PHASE_OUTCOME),
    MSG(wire_audit, principal, &principal),
    MSGS(wire_audit, act, 4, &act),
    TEXT(wire_audit, action, 128),
    MSG(wire_audit, resource, &resource),
    ENUM(wire_audit, decision, WIRE_DECISION_WOULD_DENY),
    TEXTS(wire_audit, policies, WIRE_AUDIT_LIST_MAX, 256),
    MSGS(wire_audit, policy_errors, 8, &policy_error),
    UINT(wire_audit, bundle_revision),
    ID(wire_audit, bundle_sha256, WIRE_AUDIT_HASH_LEN),
    ID(wire_audit, inputs, WIRE_AUDIT_HASH_LEN),
    TEXT(wire_audit, reason, 64),
    TEXTS(wire_audit, obligations, 16, 512),
    MSG(wire_audit, request, &request),
    TEXT(wire_audit, peer, 128),
    ID(wire_audit, trace_id, WIRE_AUDIT_TRACE_LEN),
    ID(wire_audit, span_id, WIRE_AUDIT_SPAN_LEN),
    MSGS(wire_audit, attributes, WIRE_AUDIT_ATTRS_MAX, &attribute),
};

const struct wire_table wire_audit_table_record = TABLE("record", wire_audit, record_fields);
