/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte is the format. */
#include "agent/capture/files/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a;
	struct ag_line line;

	if (size == 0)
		return 0;
	a = or_arena_new(1 << 20);
	ag_line_read(&line, (enum ag_line_format)(data[0] % 3), or_slice(data + 1, size - 1), a);
	OR_ASSERT(line.text.n <= size);
	OR_ASSERT(!line.is_misfit || line.text.n == size - 1);
	or_arena_free(a);
	return 0;
}
