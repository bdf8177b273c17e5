/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts of tokens that verified, by the SHA-256 of the token.
 *
 * Bounded: when it is full the oldest goes. An entry counts only for the issuer and the key
 * generation it was made with, from its making on until `until_ns`.
 * Thread: one loop. Owns: copies of what it is given.
 */
#ifndef AGENT_GATE_VERDICT_H
#define AGENT_GATE_VERDICT_H

#include "agent/gate/identity.h"

struct ag_verdict_cache;

struct ag_verdict_cache *ag_verdict_new(size_t max);
void ag_verdict_free(struct ag_verdict_cache *c);

/* What is remembered besides `who`. */
struct ag_verdict_bond {
	size_t issuer;
	uint64_t generation;
	int64_t from_ns;
	int64_t until_ns;
};

/* NULL: not there, or no longer valid at now_ns (then it goes). generations holds each issuer's
 * present one, by its position. Borrowed until the next call. */
const struct ag_identity_who *ag_verdict_find(struct ag_verdict_cache *c,
    const uint8_t hash[OR_CRYPTO_HASH_LEN], int64_t now_ns, const uint64_t *generations,
    size_t *issuer);

/* Remembers a copy; a verdict too large to keep is left out. */
void ag_verdict_put(struct ag_verdict_cache *c, const uint8_t hash[OR_CRYPTO_HASH_LEN],
    const struct ag_identity_who *who, const struct ag_verdict_bond *bond);

size_t ag_verdict_count(const struct ag_verdict_cache *c);

#endif
