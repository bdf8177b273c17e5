/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inclusion and consistency proofs (RFC 6962 §2.1.1, §2.1.2; verified as RFC 9162 §2.1.3.2 and
 * §2.1.4.2 say). Any thread.
 */
#ifndef TLOG_PROOF_H
#define TLOG_PROOF_H

#include "base/err.h"
#include "tlog/hash.h"

#define TL_PROOF_MAX 64

struct tl_proof {
	struct tl_hash hashes[TL_PROOF_MAX];
	size_t n;
};

/* Gives the root of the complete subtree of that height (0: leaves) at that place. Asked only for
 * subtrees that lie within the size in question. What it returns besides OR_OK ends the call. */
typedef enum or_code tl_proof_read_fn(
    void *arg, struct tl_hash *out, unsigned int height, uint64_t index);

/* OR_INVAL: index >= size. */
OR_NODISCARD enum or_code tl_proof_inclusion(
    struct tl_proof *out, uint64_t index, uint64_t size, tl_proof_read_fn *read, void *arg);
/* OR_INVAL: size1 is 0 or greater than size2. */
OR_NODISCARD enum or_code tl_proof_consistency(
    struct tl_proof *out, uint64_t size1, uint64_t size2, tl_proof_read_fn *read, void *arg);
/* The root of the tree of the first `size` leaves. */
OR_NODISCARD enum or_code tl_proof_root(
    struct tl_hash *out, uint64_t size, tl_proof_read_fn *read, void *arg);

/* OR_OK: the leaf is there. OR_DENIED: the proof does not show it. */
OR_NODISCARD enum or_code tl_proof_verify_inclusion(const struct tl_hash *leaf, uint64_t index,
    uint64_t size, const struct tl_hash *hashes, size_t n, const struct tl_hash *root);
/* OR_OK: the tree of size2 begins with that of size1. OR_DENIED: the proof does not show it; that
 * an empty tree is a beginning shows nothing and is denied too. */
OR_NODISCARD enum or_code tl_proof_verify_consistency(uint64_t size1, uint64_t size2,
    const struct tl_hash *root1, const struct tl_hash *root2, const struct tl_hash *hashes,
    size_t n);

#endif
