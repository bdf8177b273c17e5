/* SPDX-License-Identifier: Apache-2.0 */
#include "product/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses is written in one way, and that way parses to itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_arena *a = or_arena_new(32U << 20);
	struct dp_document d, again;
	struct or_buf once, twice;
	struct or_err err = {0};

	or_buf_init(&once, DP_DOCUMENT_MAX);
	or_buf_init(&twice, DP_DOCUMENT_MAX);
	if (dp_document_parse(&d, or_slice(data, size), a, &err)) {
		OR_ASSERT(err.msg[0]);
	} else if (dp_document_put(&once, &d.folder, &d.source, &err) == OR_OK &&
		   dp_document_parse(&again, or_buf_slice(&once), a, &err) == OR_OK &&
		   dp_document_put(&twice, &again.folder, &again.source, &err) == OR_OK) {
		OR_ASSERT(or_slice_eq(or_buf_slice(&once), or_buf_slice(&twice)));
	}
	or_buf_done(&once);
	or_buf_done(&twice);
	or_arena_free(a);
	return 0;
}
