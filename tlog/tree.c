/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/tree.h"

void tl_tree_init(struct tl_tree *t)
{
	*t = (struct tl_tree){0};
}

size_t tl_tree_frontier_len(uint64_t size)
{
	return (size_t)__builtin_popcountll(size);
}

void tl_tree_append(struct tl_tree *t, const struct tl_hash *leaf, tl_tree_fn *fn, void *arg)
{
	size_t top = tl_tree_frontier_len(t->size);
	uint64_t index = t->size;
	unsigned int height = 0;
	struct tl_hash hash = *leaf;

	OR_ASSERT(t->size < UINT64_MAX >> 1);
	if (fn)
		fn(arg, 0, index, &hash);
	/* Each low bit that is set is a complete neighbour to the left: together they make one. */
	while (index & 1) {
		tl_hash_node(&hash, &t->frontier[--top], &hash);
		index >>= 1;
		height++;
		if (fn)
			fn(arg, height, index, &hash);
	}
	t->frontier[top] = hash;
	t->size++;
}

void tl_tree_root(struct tl_hash *out, const struct tl_tree *t)
{
	size_t n = tl_tree_frontier_len(t->size);

	if (n == 0) {
		tl_hash_empty(out);
		return;
	}
	*out = t->frontier[n - 1];
	for (size_t i = n - 1; i > 0; i--)
		tl_hash_node(out, &t->frontier[i - 1], out);
}

enum or_code tl_tree_load(struct tl_tree *t, uint64_t size, struct or_slice hashes)
{
	if (hashes.n != tl_tree_frontier_len(size) * TL_HASH_LEN || size > UINT64_MAX >> 1)
		return OR_INVAL;
	tl_tree_init(t);
	t->size = size;
	if (hashes.n)
		memcpy(t->frontier, hashes.p, hashes.n);
	return OR_OK;
}
