/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as an event: one that is taken has its required members. */
#include "proto/openlineage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(1 << 22);
	struct wire_openlineage e;
	struct or_err err;

	if (wire_openlineage_parse(&e, or_slice(data, size), a, &err) == OR_OK) {
		OR_ASSERT(e.producer.n);
		OR_ASSERT(e.kind == WIRE_OPENLINEAGE_DATASET ? e.n_outputs == 1 : e.job.name.n > 0);
		OR_ASSERT((e.kind == WIRE_OPENLINEAGE_RUN) == (e.run_id.n > 0));
		for (size_t i = 0; i < e.n_inputs; i++)
			OR_ASSERT(e.inputs[i].name.n && e.inputs[i].namespace.n);
	}
	or_arena_free(a);
	return 0;
}
