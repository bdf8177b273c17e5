/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as a batch and as a leaf: what decodes is written again to the same bytes. */
#include "proto/batch.h"

#include "proto/leaf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(1 << 20);
	struct wire_leaf leaf;
	struct wire_batch b;
	struct or_err err;
	struct or_buf out;
	size_t sum = 0;

	or_buf_init(&out, 1 << 20);
	if (!wire_batch_decode(&b, or_slice(data, size), a, &err)) {
		for (size_t i = 0; i < b.n_records; i++)
			sum += wire_batch_room(b.records[i].n);
		for (size_t i = 0; i < b.n_inputs; i++)
			sum += wire_batch_room(b.inputs[i].n);
		OR_ASSERT(sum <= size);
	}
	if (!wire_leaf_decode(&leaf, or_slice(data, size), &err)) {
		wire_leaf_encode(&out, leaf.type, leaf.content);
		OR_ASSERT(or_slice_eq(or_buf_slice(&out), or_slice(data, size)));
	}
	or_buf_done(&out);
	or_arena_free(a);
	return 0;
}
