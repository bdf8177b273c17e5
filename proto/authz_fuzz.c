/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as a CheckRequest and as a HealthCheckRequest; what is read lies within them. */
#include "proto/authz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct or_slice s, const uint8_t *data, size_t size)
{
	OR_ASSERT(s.n == 0 || (s.p >= data && s.p + s.n <= data + size));
}

static void check_headers(
    const struct wire_authz_header *headers, size_t n, const uint8_t *data, size_t size)
{
	OR_ASSERT(n <= WIRE_AUTHZ_HEADERS_MAX);
	for (size_t i = 0; i < n; i++) {
		check_within(headers[i].key, data, size);
		check_within(headers[i].value, data, size);
		check_within(headers[i].raw_value, data, size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(1 << 20);
	struct wire_authz_check check;
	const struct wire_authz_http *http = &check.attributes.request.http;
	struct or_slice service;
	struct or_err err;

	if (!wire_authz_decode(&check, or_slice(data, size), a, &err)) {
		check_headers(http->headers, http->n_headers, data, size);
		check_headers(http->header_map.headers, http->header_map.n_headers, data, size);
		check_within(http->path, data, size);
		check_within(http->method, data, size);
		check_within(check.attributes.source.address.socket.address, data, size);
	}
	if (!wire_authz_health_decode(&service, or_slice(data, size), a, &err))
		check_within(service, data, size);
	or_arena_free(a);
	return 0;
}
