/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names the objects that are open have had: so that one which comes twice is seen.
 *
 * Kept are hashes of 64 bits under a random key (or_map_hash): two equal names never pass, and
 * two different ones are taken for equal about never. The sets lie behind one another, the
 * innermost object's on top, which alone grows.
 *
 * Thread: whoever owns it. Limits: AG_MASK_NAMES_MAX names in all.
 */
#ifndef AGENT_GATE_MASK_MASK_NAMES_H
#define AGENT_GATE_MASK_MASK_NAMES_H

#include "agent/gate/mask/mask.h"

#define AG_MASK_NAMES_MAX (32U * 1024)

struct ag_mask_names {
	uint64_t *slots;
	size_t top; /* slots in use */
	size_t cap;
};

/* One object's set. */
struct ag_mask_names_set {
	uint32_t at, cap, n;
};

void ag_mask_names_done(struct ag_mask_names *names);

/* The set of an object that opens, on top. */
struct ag_mask_names_set ag_mask_names_open(const struct ag_mask_names *names);
void ag_mask_names_close(struct ag_mask_names *names, const struct ag_mask_names_set *set);

/* AG_MASK_DUPLICATE, or AG_MASK_LARGE. The set is the one on top. */
OR_NODISCARD enum ag_mask_fault ag_mask_names_add(
    struct ag_mask_names *names, struct ag_mask_names_set *set, struct or_slice name);

#endif
