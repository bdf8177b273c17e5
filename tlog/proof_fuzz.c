/* SPDX-License-Identifier: Apache-2.0 */
/* Any sizes and hashes: no proof made up of bytes verifies, whatever the sizes say. */
#include "tlog/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_hash hashes[70], root = {{1}}, leaf = {{2}};
	uint64_t a, b;
	size_t n;

	if (size < 16)
		return 0;
	memcpy(&a, data, 8);
	memcpy(&b, data + 8, 8);
	n = (size - 16) / TL_HASH_LEN;
	if (n > OR_LEN(hashes))
		n = OR_LEN(hashes);
	memcpy(hashes, data + 16, n * TL_HASH_LEN);
	OR_ASSERT(tl_proof_verify_inclusion(&leaf, a, b, hashes, n, &root) == OR_DENIED);
	if (a != b)
		OR_ASSERT(tl_proof_verify_consistency(a, b, &leaf, &root, hashes, n) == OR_DENIED);
	return 0;
}
