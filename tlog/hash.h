/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hashes of an RFC 6962 Merkle tree (§2.1, SHA-256). Any thread.
 */
#ifndef TLOG_HASH_H
#define TLOG_HASH_H

#include "base/def.h"

#define TL_HASH_LEN 32

struct tl_hash {
	uint8_t b[TL_HASH_LEN];
};

void tl_hash_leaf(struct tl_hash *out, struct or_slice data);
/* out may be left or right. */
void tl_hash_node(struct tl_hash *out, const struct tl_hash *left, const struct tl_hash *right);
/* The root of the empty tree. */
void tl_hash_empty(struct tl_hash *out);

/* The root over n hashes of equal height; n is a power of two. */
void tl_hash_subtree(struct tl_hash *out, const struct tl_hash *hashes, size_t n);

static inline bool tl_hash_eq(const struct tl_hash *a, const struct tl_hash *b)
{
	return memcmp(a->b, b->b, TL_HASH_LEN) == 0;
}

#endif
