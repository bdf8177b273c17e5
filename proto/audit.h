/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit record as a plain struct, and its encoding (proto/audit.proto, AuditRecord).
 *
 * Any thread. Slices are borrowed: decoded ones point into the input and the arena.
 * Encoding is deterministic: the same struct gives the same bytes, and encode(decode(x)) == x for
 * every x that wire_audit_encode wrote; what decoding met besides is in struct wire_audit_seen.
 * Limits: WIRE_AUDIT_MAX bytes a record; every text and list has its own, in the table of audit.c.
 * What a client can make too long or ill-formed is made to fit by wire_audit_fit, never refused.
 */
#ifndef PROTO_AUDIT_H
#define PROTO_AUDIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "proto/name.h"

#define WIRE_AUDIT_MAX        65500
#define WIRE_AUDIT_AGENT_LEN  16
#define WIRE_AUDIT_TRACE_LEN  16
#define WIRE_AUDIT_SPAN_LEN   8
#define WIRE_AUDIT_HASH_LEN   32
#define WIRE_AUDIT_STREAM_MAX 256
#define WIRE_AUDIT_LIST_MAX   64 /* determining policies */
#define WIRE_AUDIT_ATTRS_MAX  32
#define WIRE_AUDIT_NOTES_MAX  12 /* of them kept for what wire_audit_fit has to say */

struct wire_principal {
	struct or_slice type;
	struct or_slice id;
	struct or_slice issuer;
};

struct wire_entity {
	struct or_slice type;
	struct or_slice id;
};

struct wire_policy_error {
	struct or_slice policy;
	struct or_slice message;
};

struct wire_request {
	struct or_slice method;
	struct or_slice path;
	struct or_slice host;
	uint64_t status;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t duration_ns;
};

struct wire_attribute {
	struct or_slice key;
	struct or_slice value;
	bool cut;
	struct or_slice sha256;
};

/* Meanings and numbers of the fields: audit.proto. An empty slice is an absent field. */
struct wire_audit {
	uint64_t time_ns;
	struct or_slice agent_id;
	uint64_t epoch;
	struct or_slice stream;
	uint64_t seq;
	struct or_slice product;
	struct or_slice port;
	struct or_slice workload;
	enum wire_kind kind;
	enum wire_front front;
	enum wire_phase phase;
	enum wire_decision decision;
	struct wire_principal principal;
	const struct wire_principal *act;
	size_t n_act;
	struct or_slice action;
	struct wire_entity resource;
	const struct or_slice *policies;
	size_t n_policies;
	const struct wire_policy_error *policy_errors;
	size_t n_policy_errors;
	uint64_t bundle_revision;
	struct or_slice bundle_sha256;
	struct or_slice inputs;
	struct or_slice reason;
	const struct or_slice *obligations;
	size_t n_obligations;
	struct wire_request request;
	struct or_slice peer;
	struct or_slice trace_id;
	struct or_slice span_id;
	const struct wire_attribute *attributes;
	size_t n_attributes;
};

/* What decoding met besides the record. */
struct wire_audit_seen {
	bool unknown;       /* fields or values of a newer schema */
	bool not_canonical; /* wire_audit_encode would give other bytes */
};

/* Cuts texts and lists that are too long and mends text that is not UTF-8, in place; new storage
 * comes from a. Each cut leaves a trace: an attribute's own flag and hash, else an attribute
 * "cut.<field>" with the hash of the whole. OR_FULL: the arena's budget; r is then half done. */
OR_NODISCARD enum or_code wire_audit_fit(struct wire_audit *r, struct or_arena *a);

/* Who, when, what, which sequence: the fields without which a record says nothing. OR_INVAL. */
OR_NODISCARD enum or_code wire_audit_validate(const struct wire_audit *r, struct or_err *err);

/* Validates and appends. OR_INVAL, or OR_FULL: a limit (wire_audit_fit keeps them) or out's. */
OR_NODISCARD enum or_code wire_audit_encode(
    struct or_buf *out, const struct wire_audit *r, struct or_err *err);
/* The same for what wire_audit_fit has just made fit: texts are not read a second time. */
OR_NODISCARD enum or_code wire_audit_encode_fitted(
    struct or_buf *out, const struct wire_audit *r, struct or_err *err);

/* Decodes and validates. seen may be NULL. OR_PARSE; OR_FULL: a limit, or the arena's budget. */
OR_NODISCARD enum or_code wire_audit_decode(struct wire_audit *out, struct wire_audit_seen *seen,
    struct or_slice in, struct or_arena *a, struct or_err *err);

#endif
