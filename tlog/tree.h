/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing tree, kept as its frontier: the roots of the complete subtrees it consists of, largest
 * first, one for each bit that is set in its size. Enough to append and to know the root.
 * Any thread that owns it.
 */
#ifndef TLOG_TREE_H
#define TLOG_TREE_H

#include "base/buf.h"
#include "base/err.h"
#include "tlog/hash.h"

#define TL_TREE_FRONTIER_MAX 64

struct tl_tree {
	uint64_t size;
	struct tl_hash frontier[TL_TREE_FRONTIER_MAX];
};

/* Told of each complete subtree as it appears: its height (0: a leaf), its place among those of
 * that height, its root. */
typedef void tl_tree_fn(void *arg, unsigned int height, uint64_t index, const struct tl_hash *hash);

void tl_tree_init(struct tl_tree *t);

/* fn may be NULL. */
void tl_tree_append(struct tl_tree *t, const struct tl_hash *leaf, tl_tree_fn *fn, void *arg);

void tl_tree_root(struct tl_hash *out, const struct tl_tree *t);

/* How many hashes the frontier of a tree of that size has. */
size_t tl_tree_frontier_len(uint64_t size);

/* A tree from its size and frontier. OR_INVAL: the number of hashes is not that of the size. */
OR_NODISCARD enum or_code tl_tree_load(struct tl_tree *t, uint64_t size, struct or_slice hashes);

#endif
