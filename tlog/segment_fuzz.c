/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a segment: header and entries that are read are written again to the same bytes. */
#include "tlog/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_slice in = or_slice(data, size);
	struct tl_segment_head head;
	struct tl_segment_entry e;
	struct or_buf out;
	struct or_err err;

	or_buf_init(&out, 1 << 22);
	if (!tl_segment_open(&head, &in, &err))
		tl_segment_begin(&out, &head);
	while (tl_segment_next(&e, &in) == OR_OK)
		tl_segment_put(&out, &e);
	OR_ASSERT(tl_segment_entry_len(in) <= in.n);
	OR_ASSERT(out.n == size - in.n && (out.n == 0 || memcmp(out.p, data, out.n) == 0));
	or_buf_done(&out);
	return 0;
}
