/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/root.h"

static void hash_leaf(uint8_t out[OR_CRYPTO_HASH_LEN], struct or_slice record)
{
	const struct or_slice parts[] = {OR_SLICE_LIT("\0"), record};

	or_crypto_sha256_parts(out, parts, OR_LEN(parts));
}

static void hash_node(uint8_t out[OR_CRYPTO_HASH_LEN], const uint8_t *left, const uint8_t *right)
{
	const struct or_slice parts[] = {OR_SLICE_LIT("\1"), or_slice(left, OR_CRYPTO_HASH_LEN),
	    or_slice(right, OR_CRYPTO_HASH_LEN)};

	or_crypto_sha256_parts(out, parts, OR_LEN(parts));
}

/* A stack of the roots of complete subtrees, largest first: one per bit of the count so far. */
void wire_root_compute(uint8_t out[OR_CRYPTO_HASH_LEN], const struct or_slice *records, size_t n)
{
	uint8_t stack[64][OR_CRYPTO_HASH_LEN];
	size_t depth = 0;

	if (n == 0) {
		or_crypto_sha256(out, OR_SLICE_NONE);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		hash_leaf(stack[depth++], records[i]);
		for (size_t bits = i; bits & 1; bits >>= 1) {
			depth--;
			hash_node(stack[depth - 1], stack[depth - 1], stack[depth]);
		}
	}
	for (; depth > 1; depth--)
		hash_node(stack[depth - 2], stack[depth - 2], stack[depth - 1]);
	memcpy(out, stack[0], OR_CRYPTO_HASH_LEN);
}
