/* SPDX-License-Identifier: Apache-2.0 */
/* Walks foreign bytes as a segment; what is read must be what would have been written. */
#include "agent/spool/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_segment_head head = {.number = 1, .epoch = 1};
	struct or_slice in = or_slice(data, size);
	size_t offset = 0, work = 1 << 20;

	if (ag_segment_head_get(&head, in) == OR_OK)
		offset = AG_SEGMENT_HEAD_LEN;
	while (offset < size) {
		struct or_slice rest = or_slice_from(in, offset);
		struct ag_segment_entry e;
		struct or_buf again;
		size_t n;

		if (ag_segment_get(&e, &n, &head, offset, rest) != OR_OK) {
			n = ag_segment_resync(&head, offset, rest, &work);
			if (n == 0)
				break;
			OR_ASSERT(n % AG_SEGMENT_ALIGN == 0 && n < rest.n);
			offset += n;
			continue;
		}
		or_buf_init(&again, 2 << 20);
		ag_segment_put(&again, &head, offset, &e);
		OR_ASSERT(n <= rest.n && or_slice_eq(or_buf_slice(&again), or_slice(rest.p, n)));
		or_buf_done(&again);
		offset += n;
	}
	return 0;
}
