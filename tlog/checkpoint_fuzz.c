/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: what parses as a checkpoint encodes to the same text. */
#include "tlog/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_checkpoint c;
	struct or_buf out;
	struct or_err err;

	or_buf_init(&out, 1 << 20);
	if (!tl_checkpoint_parse(&c, or_slice(data, size), &err)) {
		OR_ASSERT(!tl_checkpoint_encode(&out, &c, &err));
		OR_ASSERT(or_slice_eq(or_buf_slice(&out), or_slice(data, size)));
	}
	or_buf_done(&out);
	return 0;
}
