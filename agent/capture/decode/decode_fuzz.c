/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte is the kind. */
#include "agent/capture/decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_decoded d;
	struct or_arena *a;
	bool ok;

	if (size == 0)
		return 0;
	a = or_arena_new(1 << 20);
	ok =
	    ag_decode_read(&d, (enum ag_decode_kind)(data[0] % 4), or_slice(data + 1, size - 1), a);
	OR_ASSERT(ok || (d.n == 0 && d.message.n == size - 1));
	OR_ASSERT(d.severity <= 24 && d.n <= AG_DECODE_PAIRS);
	OR_ASSERT(d.trace_id.n == 0 || d.trace_id.n == 16);
	OR_ASSERT(d.span_id.n == 0 || d.span_id.n == 8);
	or_arena_free(a);
	return 0;
}
