/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: what parses as a proof encodes to the same text. */
#include "tlog/proof_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_proof_file f;
	struct or_buf out, extra;
	struct or_err err;

	or_buf_init(&out, 2 * TL_PROOF_FILE_MAX);
	or_buf_init(&extra, TL_PROOF_FILE_MAX);
	if (!tl_proof_file_parse(&f, &extra, or_slice(data, size), &err)) {
		OR_ASSERT(!tl_proof_file_encode(&out, &f, &err));
		OR_ASSERT(or_slice_eq(or_buf_slice(&out), or_slice(data, size)));
	}
	or_buf_done(&out);
	or_buf_done(&extra);
	return 0;
}
