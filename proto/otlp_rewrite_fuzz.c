/* SPDX-License-Identifier: Apache-2.0 */
/* Any request: with every text changed it is a request still, of as many items. */
#include "proto/otlp_rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool change(void *arg, struct or_buf *out, struct or_slice key, struct or_slice text)
{
	(void)arg;
	OR_ASSERT(key.n == 0 || key.p);
	if (text.n == 1 && text.p[0] == 'x')
		return false;
	or_buf_clear(out);
	or_buf_put_byte(out, 'x');
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_slice in = or_slice(data, size);

	for (int kind = WIRE_OTLP_LOGS; kind <= WIRE_OTLP_SPANS; kind++) {
		uint64_t items, again;
		struct or_buf out, twice;
		struct or_err err;

		if (wire_otlp_check(&items, (enum wire_otlp_kind)kind, in, &err))
			continue;
		or_buf_init(&out, 2 * size + 64);
		or_buf_init(&twice, 2 * size + 64);
		if (wire_otlp_rewrite(&out, (enum wire_otlp_kind)kind, in, change, NULL)) {
			OR_ASSERT(or_buf_ok(&out));
			OR_ASSERT(wire_otlp_check(&again, (enum wire_otlp_kind)kind,
				      or_buf_slice(&out), &err) == OR_OK);
			OR_ASSERT(again == items);
			OR_ASSERT(!wire_otlp_rewrite(
			    &twice, (enum wire_otlp_kind)kind, or_buf_slice(&out), change, NULL));
		}
		or_buf_done(&twice);
		or_buf_done(&out);
	}
	return 0;
}
