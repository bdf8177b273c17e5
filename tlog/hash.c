/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/hash.h"

#include "base/crypto.h"

void tl_hash_leaf(struct tl_hash *out, struct or_slice data)
{
	const struct or_slice parts[] = {OR_SLICE_LIT("\0"), data};

	or_crypto_sha256_parts(out->b, parts, OR_LEN(parts));
}

void tl_hash_node(struct tl_hash *out, const struct tl_hash *left, const struct tl_hash *right)
{
	uint8_t both[1 + 2 * TL_HASH_LEN];

	both[0] = 1;
	memcpy(both + 1, left->b, TL_HASH_LEN);
	memcpy(both + 1 + TL_HASH_LEN, right->b, TL_HASH_LEN);
	or_crypto_sha256(out->b, or_slice(both, sizeof(both)));
}

void tl_hash_empty(struct tl_hash *out)
{
	or_crypto_sha256(out->b, OR_SLICE_NONE);
}

void tl_hash_subtree(struct tl_hash *out, const struct tl_hash *hashes, size_t n)
{
	struct tl_hash left, right;

	OR_ASSERT(n && (n & (n - 1)) == 0);
	if (n == 1) {
		*out = hashes[0];
		return;
	}
	tl_hash_subtree(&left, hashes, n / 2);
	tl_hash_subtree(&right, hashes + n / 2, n / 2);
	tl_hash_node(out, &left, &right);
}
