/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of Envoy's external authorization (envoy.service.auth.v3.Authorization/Check) and of
 * gRPC's health checking (grpc.health.v1.Health/Check), as far as they are used here.
 *
 * By the tables of proto/table.h: a singular field that comes twice is refused, text is UTF-8
 * without NUL, what is not used is passed over. Slices are borrowed from the input, lists lie in
 * the arena. Pure; any thread.
 */
#ifndef PROTO_AUTHZ_H
#define PROTO_AUTHZ_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define WIRE_AUTHZ_HEADERS_MAX 256

/* An entry of map<string, string>, and config.core.v3.HeaderValue. */
struct wire_authz_header {
	struct or_slice key;
	struct or_slice value;
	struct or_slice raw_value; /* HeaderValue's, instead of value; bytes */
};

struct wire_authz_socket {
	uint64_t protocol;
	struct or_slice address; /* "192.0.2.1" */
	uint64_t port;
};

struct wire_authz_address {
	struct wire_authz_socket socket;
};

struct wire_authz_peer {
	struct wire_authz_address address;
};

struct wire_authz_header_map {
	const struct wire_authz_header *headers;
	size_t n_headers;
};

struct wire_authz_http {
	struct or_slice id, method;
	const struct wire_authz_header *headers; /* a map: each name once, values by commas */
	size_t n_headers;
	struct or_slice path; /* with the query */
	struct or_slice host, scheme, query, fragment;
	uint64_t size;
	struct or_slice protocol;
	struct wire_authz_header_map header_map; /* in place of headers: each as it came */
};

struct wire_authz_request {
	struct wire_authz_http http;
};

struct wire_authz_attributes {
	struct wire_authz_peer source;
	struct wire_authz_request request;
};

struct wire_authz_check {
	struct wire_authz_attributes attributes;
};

/* OR_PARSE: no CheckRequest. OR_FULL: a limit, or the arena. */
OR_NODISCARD enum or_code wire_authz_decode(
    struct wire_authz_check *out, struct or_slice in, struct or_arena *a, struct or_err *err);

struct wire_authz_option {
	struct wire_authz_header header;
	uint32_t append_action; /* WIRE_AUTHZ_OVERWRITE */
};

enum { WIRE_AUTHZ_OVERWRITE = 2 }; /* OVERWRITE_IF_EXISTS_OR_ADD */

struct wire_authz_status {
	uint64_t code;
	struct or_slice message;
};

struct wire_authz_denied {
	struct {
		uint64_t code; /* of HTTP */
	} status;
	const struct wire_authz_option *headers;
	size_t n_headers;
	struct or_slice body;
};

struct wire_authz_ok {
	const struct wire_authz_option *headers; /* for the request on its way to the app */
	size_t n_headers;
	const struct or_slice *headers_to_remove;
	size_t n_headers_to_remove;
};

struct wire_authz_answer {
	struct wire_authz_status status; /* google.rpc.Code */
	struct wire_authz_denied denied; /* one of these two */
	struct wire_authz_ok ok;
};

/* Appends a CheckResponse. OR_INVAL, OR_FULL: a value that it cannot have. */
OR_NODISCARD enum or_code wire_authz_encode(
    struct or_buf *out, const struct wire_authz_answer *answer, struct or_err *err);

/* The service that a HealthCheckRequest names; empty: all of them. OR_PARSE, OR_FULL. */
OR_NODISCARD enum or_code wire_authz_health_decode(
    struct or_slice *service, struct or_slice in, struct or_arena *a, struct or_err *err);
/* Appends a HealthCheckResponse: SERVING or NOT_SERVING. */
void wire_authz_health_encode(struct or_buf *out, bool serving);

#endif
