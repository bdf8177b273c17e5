/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: decode; what decodes encodes again, to the same bytes where decode said so. */
#include "proto/audit.h"
#include "proto/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(1 << 20);
	struct wire_audit_seen seen;
	struct or_buf out, json;
	struct wire_audit r;
	struct or_jsonw w;
	struct or_err err;

	or_buf_init(&out, 1 << 17);
	or_buf_init(&json, 1 << 20);
	if (!wire_audit_decode(&r, &seen, or_slice(data, size), a, &err)) {
		OR_ASSERT(!wire_audit_encode(&out, &r, &err));
		if (!seen.not_canonical)
			OR_ASSERT(or_slice_eq(or_buf_slice(&out), or_slice(data, size)));
		or_jsonw_init(&w, &json, 0);
		wire_json_audit(&w, &r);
		OR_ASSERT(or_buf_ok(&json));
		OR_ASSERT(!wire_audit_fit(&r, a));
	}
	or_buf_done(&json);
	or_buf_done(&out);
	or_arena_free(a);
	return 0;
}
