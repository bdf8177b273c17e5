/* SPDX-License-Identifier: Apache-2.0 */
/* A value is never longer than its text. */
#include "collector/api/param.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_buf out;

	or_buf_init(&out, 64);
	if (co_param_get(&out, or_slice(data, size), "q") == OR_OK)
		OR_ASSERT(out.n <= size && or_buf_ok(&out));
	or_buf_done(&out);
	return 0;
}
