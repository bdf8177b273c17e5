/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of JSON as OTLP's: attributes whose value is an AnyValue (opentelemetry/proto/common/v1).
 *
 * null is an AnyValue without a value, numbers stay whole or real, lists and maps nest. Fullness is
 * the buffer's; what does not fit is a torn field, which the caller cuts off. Pure; any thread.
 */
#ifndef PROTO_OTLP_VALUE_H
#define PROTO_OTLP_VALUE_H

#include "base/json.h"
#include "proto/otlp_rewrite.h"

/* What changes texts; numbers are shown too, as they are written, and become texts where they
 * change. fn may be NULL. The buffer is the caller's, for what comes in a text's place. */
struct wire_otlp_value_rewrite {
	wire_otlp_rewrite_fn *fn;
	void *arg;
	struct or_buf *text;
};

/* Appends field num, a KeyValue. The value's depth is the caller's to bound. */
void wire_otlp_value_put(struct or_buf *out, uint32_t num, struct or_slice key,
    const struct or_json *value, const struct wire_otlp_value_rewrite *rewrite);
/* The same for a text, which is not changed. */
void wire_otlp_value_put_text(
    struct or_buf *out, uint32_t num, struct or_slice key, struct or_slice text);

#endif
