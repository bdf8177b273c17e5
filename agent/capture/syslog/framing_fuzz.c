/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says how large the pieces are. */
#include "agent/capture/syslog/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_framing f = {0};
	enum ag_framing_result r = AG_FRAMING_MORE;
	size_t at = 1, step;

	if (size < 2)
		return 0;
	step = 1 + data[0];
	for (size_t have = 1 + step; r != AG_FRAMING_BAD && at < size; have += step) {
		bool is_end = have >= size, is_cut;
		struct or_slice in = or_slice(data + at, (is_end ? size : have) - at), message;

		while (
		    (r = ag_framing_next(&f, &message, &is_cut, &in, is_end)) == AG_FRAMING_MESSAGE)
			OR_ASSERT(message.n <= AG_FRAMING_MAX && in.p <= data + size);
		at = (size_t)(in.p - data);
		OR_ASSERT(at <= size);
		if (is_end)
			break;
	}
	return 0;
}
